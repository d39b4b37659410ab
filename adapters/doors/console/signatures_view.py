"""Pure. The filters of the signatures' list from an address and back into one, and its rows as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.doors.console.links import url_for
from bus.payment_looks import LONGEST_SEARCH
from bus.signature_looks import FoundSignatures, SignatureLine, WantedSignatures
from bus.signatures import ASKED_SIGNATURES, ENDED_WITHOUT, FINISHING_SIGNATURES, SignatureState

GROUPS: Final[Mapping[str, tuple[SignatureState, ...]]] = {
    "waiting": tuple(state for state in SignatureState if state in ASKED_SIGNATURES),
    "finishing": tuple(state for state in SignatureState if state in FINISHING_SIGNATURES),
    "without": tuple(state for state in SignatureState if state in ENDED_WITHOUT),
}
"""Words for several states: waits for the signer, is being put together, ended without a signature."""
STATES: Final = tuple(str(state) for state in SignatureState)
FIELDS: Final = ("state", "service", "unit", "q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the address, as it was typed, and what was made of it."""

    values: Mapping[str, str]
    wanted: WantedSignatures
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether nothing is filtered."""
        return self.wanted == WantedSignatures()


def typed(query: Mapping[str, str]) -> Typed:
    """The filter that an address asks for. What cannot be read is left out, and said."""
    values = {name: query.get(name, "").strip() for name in FIELDS}
    troubles: list[tuple[str, Mapping[str, str]]] = []
    for name, value in values.items():
        if len(value) > LONGEST_SEARCH:
            troubles.append(("payments.too_long", {"most": str(LONGEST_SEARCH)}))
            values[name] = ""
    states = _states(values["state"])
    if values["state"] and not states:
        troubles.append(("payments.no_state", {"text": values["state"]}))
        values["state"] = ""
    wanted = WantedSignatures(
        states=states, service=values["service"] or None, unit=values["unit"] or None, text=values["q"]
    )
    kept = {name: value for name, value in values.items() if value}
    return Typed(values=kept, wanted=wanted, troubles=tuple(troubles))


def _states(text: str) -> tuple[SignatureState, ...]:
    group = GROUPS.get(text.removeprefix("group-")) if text.startswith("group-") else None
    if group is not None:
        return group
    return (SignatureState(text),) if text in STATES else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line as it is shown."""

    line: SignatureLine
    address: str
    dossier_address: str
    is_late: bool
    """Whether its time is over and it still waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturesView:
    """The page."""

    rows: tuple[Row, ...]
    waiting: tuple[Row, ...]
    """Of the first page without a filter: what somebody may still sign, whose time is over first."""
    stuck: tuple[Row, ...]
    """Likewise: what does not go on by itself, or not yet."""
    typed: Typed
    services: tuple[str, ...]
    units: tuple[str, ...]
    older: str | None
    newest: str | None
    looked_back_to: datetime | None
    has_signers: bool
    made_at: datetime
    troubles: tuple[tuple[str, Mapping[str, str]], ...]


def signatures_view(
    found: FoundSignatures,
    *,
    waiting: Sequence[SignatureLine],
    stuck: Sequence[SignatureLine],
    told: Typed,
    services: Sequence[str],
    units: Sequence[str],
    cursor: str | None,
    has_signers: bool,
    troubles: Sequence[str],
    now: datetime,
) -> SignaturesView:
    """The list with its ways on."""
    stands = [each.id for each in stuck]
    return SignaturesView(
        rows=rows_of(found.lines, now),
        waiting=rows_of([each for each in waiting if each.id not in stands], now),
        stuck=rows_of(stuck, now),
        typed=told,
        services=tuple(sorted(services)),
        units=tuple(units),
        older=None if cursor is None else url_for("signatures", **told.values, before=cursor),
        newest=url_for("signatures", **told.values) if not (waiting or stuck) and cursor is not None else None,
        looked_back_to=found.looked_back_to,
        has_signers=has_signers or bool(found.lines),
        made_at=now,
        troubles=(*told.troubles, *((key, {}) for key in troubles)),
    )


def rows_of(lines: Sequence[SignatureLine], now: datetime) -> tuple[Row, ...]:
    """Lines with their ways on."""
    return tuple(
        Row(
            line=line,
            address=url_for("signature", id=line.id),
            dossier_address=url_for("dossier", number=line.dossier),
            is_late=line.state.is_asked and line.expires_at < now,
        )
        for line in lines
    )
