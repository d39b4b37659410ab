"""The accounts that fees are paid to: dated rows, proposed by one person and approved by another.

Which account a fee goes to is worth more to a thief than any password, so nobody changes one alone, no row is ever
edited, and a payment keeps the account that it was asked for with. The most specific row holds: the longest unit, then
the one that names the procedure, then the one that names the kind of fee. Two that would hold at one time are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bus.bindings import bind
from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.payment_tasks import required
from bus.payments import Beneficiary
from bus.rights import covers, depth
from bus.same_person import is_same_person
from bus.times import from_ms, to_ms

if TYPE_CHECKING:
    from bus.ledger import Ledger

LONGEST: Final = 200
"""Characters of a name; account and bank are far shorter."""
FOR_EVER: Final = 1 << 62
LARGEST_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One dated row, or the proposal of one."""

    id: int
    unit: str
    """A code, for itself and all below it; empty: every unit."""
    procedure: str
    fee_kind: str
    beneficiary: Beneficiary
    valid_from: datetime
    valid_until: datetime | None
    replaces: int | None
    proposed_at: datetime
    proposed_by: str
    reason: str
    approved_at: datetime | None
    approved_by: str | None
    rejected_at: datetime | None
    rejected_by: str | None

    @property
    def is_asked(self) -> bool:
        """Whether another person has still to decide."""
        return self.approved_at is None and self.rejected_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one person wants."""

    unit: str
    beneficiary: Beneficiary
    valid_from: datetime
    valid_until: datetime | None = None
    procedure: str = ""
    fee_kind: str = ""
    replaces: int | None = None
    """The row that ends where this one begins."""


def in_force(tx: Tx, unit: str | None, procedure: str | None, kind: str, at: int) -> Beneficiary | None:
    """The account that a fee of this kind is paid to; None where no row holds."""
    rows = tx.all("beneficiaries_at", at, at, procedure or "", kind)
    holding = [row for row in rows if not row[0] or covers(unit, (row[0],))]
    if not holding:
        return None
    best = max(holding, key=_narrowness)
    return Beneficiary(account=best[3], bank=best[4], name=best[5])


def beneficiary_for(
    tx: Tx, unit: str | None, procedure: str | None, kinds: Iterable[str], at: int
) -> Beneficiary | None:
    """The one account of a payment; None where a kind has none, or two kinds go to two: gateways take one."""
    found = {in_force(tx, unit, procedure, kind, at) for kind in kinds}
    return found.pop() if len(found) == 1 else None


def _narrowness(row: Row) -> tuple[int, bool, bool]:
    return depth(row[0]), bool(row[1]), bool(row[2])


class Beneficiaries:
    """Rows of one ledger. What a person does is a function of an open transaction, beside the press for it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, number: int, *, tx: Tx | None = None) -> Account:
        """One row. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("find_beneficiary", number)
        if row is None:
            raise NotFound(f"no beneficiary {number}")
        return _account(row)

    def page(self, *, after: int = 0, limit: int = 50) -> list[Account]:
        """All rows and proposals, in their order."""
        rows = self._ledger.engine.read().all("list_beneficiaries", after, min(limit, LARGEST_PAGE))
        return [_account(row) for row in rows]

    def asked(self) -> list[Account]:
        """Those that wait for another person."""
        return [_account(row) for row in self._ledger.engine.read().all("beneficiaries_asked", LARGEST_PAGE)]

    def propose(self, tx: Tx, wanted: Proposal, *, account: str, reason: str) -> int:
        """Ask for a row; its number. Raises NotAllowedNow: malformed, or it would overlap."""
        told, actor, at = required(reason), f"person:{account}", self._now()
        _require_form(wanted)
        self._require_alone(tx, wanted)
        to = wanted.beneficiary
        number = tx.insert(
            "add_beneficiary",
            *(wanted.unit, wanted.procedure, wanted.fee_kind, to.account, to.bank, to.name),
            *(to_ms(wanted.valid_from), _ms(wanted.valid_until), wanted.replaces, at, actor, told),
        )
        self._note(tx, number, "beneficiary_proposed", at, actor, told)
        return number

    def approve(self, tx: Tx, number: int, *, account: str, reason: str = "") -> Account:
        """Another person's yes: it holds from its day on. Raises NotFound, NotAllowedNow."""
        asked = self._asked(tx, number, account)
        wanted = Proposal(
            unit=asked.unit,
            beneficiary=asked.beneficiary,
            valid_from=asked.valid_from,
            valid_until=asked.valid_until,
            procedure=asked.procedure,
            fee_kind=asked.fee_kind,
            replaces=asked.replaces,
        )
        self._require_alone(tx, wanted)
        at, actor = self._now(), f"person:{account}"
        if asked.replaces is not None:
            tx.run("end_beneficiary", to_ms(asked.valid_from), asked.replaces)
            self._note(tx, asked.replaces, "beneficiary_ended", at, actor, f"replaced by {number}")
        tx.run("approve_beneficiary", at, actor, number)
        self._note(tx, number, "beneficiary_approved", at, actor, reason)
        return self.get(number, tx=tx)

    def reject(self, tx: Tx, number: int, *, account: str, reason: str) -> Account:
        """A no; who proposed may take it back so too. Raises NotFound, NotAllowedNow."""
        self._asked(tx, number, "")
        told, at, actor = required(reason), self._now(), f"person:{account}"
        tx.run("reject_beneficiary", at, actor, number)
        self._note(tx, number, "beneficiary_rejected", at, actor, told)
        return self.get(number, tx=tx)

    def _asked(self, tx: Tx, number: int, account: str) -> Account:
        asked = self.get(number, tx=tx)
        if not asked.is_asked:
            raise NotAllowedNow(f"beneficiary {number} is decided already", code="not_asked")
        if is_same_person(asked.proposed_by, account, ""):
            raise NotAllowedNow("whoever proposes an account does not approve it", code="own_request")
        return asked

    def _require_alone(self, tx: Tx, wanted: Proposal) -> None:
        """No other approved row for the very same holds at any of its times, but what it replaces."""
        start, end = to_ms(wanted.valid_from), _ms(wanted.valid_until) or FOR_EVER
        rows = tx.all("beneficiaries_of", wanted.unit, wanted.procedure, wanted.fee_kind)
        if wanted.replaces is not None and all(row[0] != wanted.replaces for row in rows):
            raise NotAllowedNow(f"beneficiary {wanted.replaces} is not in force for the same", code="not_the_same")
        for number, known_from, known_until in rows:
            until = FOR_EVER if known_until is None else known_until
            if number == wanted.replaces and known_from < start:
                until = min(until, start)
            if known_from < end and start < until:
                raise NotAllowedNow(f"beneficiary {number} holds at that time for the same", code="overlaps")

    def _note(self, tx: Tx, number: int, cause: str, at: int, actor: str, reason: str) -> None:
        bind(tx, self._ledger.moves, "beneficiary", number, cause=cause, at=at, actor=actor, reason=reason)

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())


def _require_form(wanted: Proposal) -> None:
    to = wanted.beneficiary
    texts = (wanted.unit, wanted.procedure, wanted.fee_kind, to.account, to.bank, to.name)
    if any(len(text) > LONGEST or text != text.strip() or not text.isprintable() for text in texts):
        raise NotAllowedNow("one line each, of at most 200 characters, without blanks around it", code="bad_account")
    if not (to.account and to.bank and to.name) or wanted.fee_kind not in ("", "fee", "charge"):
        raise NotAllowedNow(
            "account, bank and name are needed; a kind of fee is fee, charge or none", code="bad_account"
        )
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise NotAllowedNow("it ends before it begins", code="bad_time")


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _account(row: Row) -> Account:
    return Account(
        id=row[0],
        unit=row[1],
        procedure=row[2],
        fee_kind=row[3],
        beneficiary=Beneficiary(account=row[4], bank=row[5], name=row[6]),
        valid_from=from_ms(row[7]),
        valid_until=_time(row[8]),
        replaces=row[9],
        proposed_at=from_ms(row[10]),
        proposed_by=row[11],
        reason=row[12],
        approved_at=_time(row[13]),
        approved_by=row[14],
        rejected_at=_time(row[15]),
        rejected_by=row[16],
    )
