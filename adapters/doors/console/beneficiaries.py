"""The accounts that fees are paid to: dated rows, proposed by one person and approved by another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.beneficiaries import LARGEST_PAGE, Account, Proposal
from bus.engines.sqlite import Tx
from bus.errors import NotFound
from bus.payments import Beneficiary
from bus.rights import Right, covers

ZONE: Final = timezone(timedelta(hours=7))
TEXTS: Final = ("unit", "procedure", "fee_kind", "account", "bank", "name")
MOST_PAGES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One account, and where it stands today."""

    account: Account
    standing: str
    """`proposed`, `rejected`, `in_force`, `to_come`, `over`."""
    last_day: datetime | None = None
    """None: without an end."""
    is_own: bool = False
    approve: str = ""
    reject: str = ""
    """Press keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeneficiariesView:
    """The page."""

    proposed: tuple[Row, ...]
    rows: tuple[Row, ...]
    """In force and to come; by unit."""
    history: tuple[Row, ...]
    press: str
    is_limited: bool
    today: str
    values: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    wrong_at: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /beneficiaries."""
    return Shown("beneficiaries.html", _view(console, visit, {}, None, ""))


def propose(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /beneficiaries: what one person wants; nothing holds until another one agrees."""
    _require_every_unit(visit)
    try:
        wanted, reason = _wanted(asked), reason_of(asked)

        def do(tx: Tx) -> Mapping[str, Any]:
            number = console.beneficiaries.propose(tx, wanted, account=visit.account, reason=reason)
            _note(console, visit, tx, number, "propose", reason)
            return {"id": number}

        press(console, visit, asked, "propose_account", "beneficiaries", do)
    except NotFound:
        return _again(console, visit, asked, Wrong("payments.no_not_the_same", status=409), "propose")
    except Wrong as wrong:
        return _again(console, visit, asked, wrong, "propose")
    return Gone(url_for("beneficiaries"), "beneficiaries.said_proposed")


def approve(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /beneficiaries/{id}/approve: another person's yes."""
    return _decide(console, visit, asked, "approve")


def reject(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /beneficiaries/{id}/reject."""
    return _decide(console, visit, asked, "reject")


def _decide(console: Console, visit: Visit, asked: Asked, act: str) -> Answer:
    _require_every_unit(visit)
    text = asked.path["id"]
    number = int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
    verb = console.beneficiaries.approve if act == "approve" else console.beneficiaries.reject
    try:
        reason = reason_of(asked)

        def do(tx: Tx) -> Mapping[str, Any]:
            verb(tx, number, account=visit.account, reason=reason)
            _note(console, visit, tx, number, act, reason)
            return {"id": number}

        press(console, visit, asked, f"{act}_account", f"beneficiary {number}", do)
    except NotFound:
        raise Wrong("beneficiaries.not_found", status=404, number=text[:40]) from None
    except Wrong as wrong:
        return _again(console, visit, asked, wrong, f"{act}-{number}")
    return Gone(url_for("beneficiaries"), f"beneficiaries.said_{act}")


def _require_every_unit(visit: Visit) -> None:
    """Where fees go is the whole province's. Raises Wrong."""
    if visit.units is not None:
        raise Wrong("mapping.every_unit", status=403)


def _note(console: Console, visit: Visit, tx: Tx, number: int, act: str, reason: str) -> None:
    noted = Noted.CONFIGURED if act == "propose" else Noted.APPROVED
    subject = f"beneficiary {number} {act}"
    console.audit.add(tx, actor=visit.actor, act=noted, subject=subject, reason=reason, address=visit.address)


def _wanted(asked: Asked) -> Proposal:
    """What was typed. Raises Wrong."""
    told = {name: asked.form.get(name, "").strip() for name in TEXTS}
    since, until = _day(asked, "valid_from"), _day(asked, "valid_until")
    if since is None:
        raise Wrong("beneficiaries.no_day", field="valid_from")
    replaces = asked.form.get("replaces", "").strip()
    if replaces and not re.fullmatch("[0-9]{1,18}", replaces):
        raise Wrong("payments.no_not_the_same", field="replaces")
    return Proposal(
        unit=told["unit"],
        procedure=told["procedure"],
        fee_kind=told["fee_kind"],
        beneficiary=Beneficiary(account=told["account"], bank=told["bank"], name=told["name"]),
        valid_from=since,
        valid_until=None if until is None else until + timedelta(days=1),
        replaces=int(replaces) if replaces else None,
    )


def _day(asked: Asked, name: str) -> datetime | None:
    """The beginning of a day in this country's time. Raises Wrong."""
    text = asked.form.get(name, "").strip()
    if not text:
        return None
    try:
        day = datetime.combine(datetime.fromisoformat(text).date(), time(), ZONE)
    except ValueError:
        raise Wrong("beneficiaries.no_day", field=name) from None
    if not 2000 <= day.year <= 2200:
        raise Wrong("beneficiaries.no_day", field=name)
    return day.astimezone(UTC)


def _again(console: Console, visit: Visit, asked: Asked, wrong: Wrong, at: str) -> Shown:
    return Shown("beneficiaries.html", _view(console, visit, dict(asked.form), wrong, at), wrong.status)


def _view(console: Console, visit: Visit, values: Mapping[str, str], wrong: Wrong | None, at: str) -> BeneficiariesView:
    rows = [_row(console, visit, one) for one in _every(console) if _is_shown(one, visit)]
    return BeneficiariesView(
        proposed=tuple(row for row in rows if row.standing == "proposed"),
        rows=tuple(row for row in rows if row.standing in ("in_force", "to_come")),
        history=tuple(row for row in reversed(rows) if row.standing in ("over", "rejected")),
        press=key_for(console, visit, "propose_account", "beneficiaries"),
        is_limited=visit.units is not None,
        today=f"{visit.now.astimezone(ZONE):%Y-%m-%d}",
        values=values,
        wrong="" if wrong is None else wrong.key.replace("repairs.no_", "payments.no_", 1),
        wrong_at=at,
        facts={} if wrong is None else wrong.facts,
    )


def _every(console: Console) -> list[Account]:
    found: list[Account] = []
    for _page in range(MOST_PAGES):
        more = console.beneficiaries.page(after=found[-1].id if found else 0, limit=LARGEST_PAGE)
        found += more
        if len(more) < LARGEST_PAGE:
            break
    return sorted(found, key=lambda one: (one.unit, one.procedure, one.fee_kind, one.valid_from, one.id))


def _is_shown(one: Account, visit: Visit) -> bool:
    """Agencies' accounts are public; who sees some units only is shown theirs and the province's."""
    return not one.unit or covers(one.unit, visit.units) or any(covers(unit, (one.unit,)) for unit in visit.units or ())


def _row(console: Console, visit: Visit, one: Account) -> Row:
    standing = _standing(one, visit.now)
    last_day = None if one.valid_until is None else one.valid_until - timedelta(milliseconds=1)
    if standing != "proposed" or not visit.may(Right.APPROVE) or visit.units is not None:
        return Row(account=one, standing=standing, last_day=last_day)
    return Row(
        account=one,
        standing=standing,
        last_day=last_day,
        is_own=one.proposed_by == visit.actor,
        approve=key_for(console, visit, "approve_account", f"beneficiary {one.id}"),
        reject=key_for(console, visit, "reject_account", f"beneficiary {one.id}"),
    )


def _standing(one: Account, now: datetime) -> str:
    if one.is_asked:
        return "proposed"
    if one.rejected_at is not None:
        return "rejected"
    if one.valid_until is not None and one.valid_until <= now:
        return "over"
    return "in_force" if one.valid_from <= now else "to_come"


PAGES: Final = (
    Page("GET", "/beneficiaries", "beneficiaries", show, Right.LIST),
    Page("POST", "/beneficiaries", "beneficiary_propose", propose, Right.CONFIGURE),
    Page("POST", "/beneficiaries/{id}/approve", "beneficiary_approve", approve, Right.APPROVE),
    Page("POST", "/beneficiaries/{id}/reject", "beneficiary_reject", reject, Right.APPROVE),
)
