"""What a client of the national adapter sends, read into events without ids (contracts/facade/NOTES.md#r20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from adapters.channels import strict_json
from adapters.doors.facade_accounts import Account
from adapters.doors.malformed import FieldError, Malformed
from adapters.doors.reading import read_event
from adapters.partners.national_portal import wire
from adapters.partners.national_portal.inverse import Inverse, differences, field_of
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import NotCarried, Trouble
from bus.errors import NotOurs, Unmappable
from bus.messages import Event, Standing, canonical_bytes
from bus.unnamed import Unnamed

SYNC: Final = "DongBoHoSoMC"
STEP: Final = "CapNhatTienDoHoSoMC"
MOST_RECORDS: Final = 500
"""In one call; far past what any client sends, and few enough for one commit."""
UPDATING: Final = frozenset({"true", "false", "1", "0"})
_NOBODY: Final = Standing(
    exists=None, procedure=None, unit=None, national_number=None, received_at=None, shown_status=None
)
_ANY_ROW: Final = {"national_code": "-", "name": "-", "sector_code": "-", "sector_name": "-"}
_RULES: Final = {"missing": "missing_field", "too_long": "out_of_range", "bad_format": "out_of_range"}


class Reader:
    """Reads records and steps by the tables in force, and proves of each that it goes up as it was told."""

    def __init__(self, tables: Callable[[], Tables], settings: NationalPortalSettings) -> None:
        self._tables = tables
        self._settings = settings
        self._inverse: Inverse | None = None

    @property
    def inverse(self) -> Inverse:
        """Of the tables in force."""
        tables = self._tables()
        if self._inverse is None or self._inverse.tables.version != tables.version:
            self._inverse = Inverse(tables)
        return self._inverse

    def read(self, account: Account, service: str, data: Any, now: datetime) -> list[Unnamed]:
        """The events of one call. Raises NotCarried with every trouble of every record; then none was taken."""
        if not isinstance(data, list) or not 0 < len(data) <= MOST_RECORDS:
            raise NotCarried(
                [Trouble(field="data", rule="wrong_type" if not isinstance(data, list) else "out_of_range")]
            )
        found: list[Unnamed] = []
        troubles: list[Trouble] = []
        inverse = self.inverse
        for at, raw in enumerate(data):
            try:
                found.append(self._one(inverse, account, service, raw, f"data[{at}]", now))
            except NotCarried as trouble:
                troubles += trouble.troubles
        if troubles:
            raise NotCarried(troubles)
        return found

    def _one(self, inverse: Inverse, account: Account, service: str, raw: Any, place: str, now: datetime) -> Unnamed:
        if not isinstance(raw, dict):
            raise NotCarried([Trouble(field=place, rule="wrong_type")])
        on, is_step = wire.local_date(now), service == STEP
        if is_step:
            tree = inverse.step(raw, source=account.source, unit=account.madonvi, place=place, on=on)
        else:
            tree = inverse.record(raw, source=account.source, place=place, on=on)
            tree["time"] = now.isoformat(timespec="milliseconds")
        try:
            event = read_event(canonical_bytes(tree))
        except Malformed as trouble:
            named = [_named(error, place, is_step=is_step) for error in trouble.errors]
            raise NotCarried(named or [Trouble(field=place, rule=trouble.code)]) from None
        self._require_whole(inverse, event, raw, place, is_step=is_step)
        return Unnamed(event=event, has_time=is_step)

    def _require_whole(
        self, inverse: Inverse, event: Event, raw: Mapping[str, Any], place: str, *, is_step: bool
    ) -> None:
        """Make of the event what the portal will be sent, and compare: nothing is lost without a word (#r26)."""
        try:
            sent = self._sent(inverse, event, is_step=is_step)
        except NotOurs:
            return  # it will not go up at all, visibly
        except Unmappable as trouble:
            rule = _RULES.get(trouble.rule)
            if rule is None:
                return  # our tables lack a row: that is not the caller's trouble, and is held for the operator
            raise NotCarried([Trouble(field=f"{place}.{trouble.field}", rule=rule)]) from None
        lost = [Trouble(field=f"{place}.{each.field}", rule=each.rule) for each in differences(raw, sent)]
        if lost:
            raise NotCarried(lost)

    def _sent(self, inverse: Inverse, event: Event, *, is_step: bool) -> dict[str, Any]:
        """What the portal will be sent. Raises NotOurs, Unmappable."""
        if is_step:
            return wire.step_of(event, _NOBODY, inverse.tables, self._settings)
        try:
            return wire.record_of(event, inverse.tables, self._settings)
        except Unmappable as trouble:
            if trouble.rule != "no_row":
                raise
        # The procedure's row is the operator's to add; then this goes up, so that all else is judged now.
        return wire.record_of(event, inverse.tables, self._settings, row=_ANY_ROW)


def read_json(raw: bytes, limit: int) -> Any:
    """A body. Raises Malformed."""
    try:
        return strict_json.read(raw, max_bytes=limit)
    except strict_json.NotStrictJson as trouble:
        faults = [FieldError(field=each.field, rule=each.code, detail=each.reason) for each in trouble.faults]
        raise Malformed(trouble.code, faults) from None


def require_updating(value: Any) -> None:
    """`isUpdating`, as a string or a boolean. Its meaning is ours to decide (#r31). Raises NotCarried."""
    if str(value).lower() not in UPDATING:
        raise NotCarried([Trouble(field="isUpdating", rule="missing_field" if value in (None, "") else "enum")])


def _named(error: FieldError, place: str, *, is_step: bool) -> Trouble:
    return Trouble(field=f"{place}.{field_of(error.field, is_step=is_step)}", rule=error.rule)
