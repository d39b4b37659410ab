"""What each export holds: its columns, and its rows page by page, so that neither memory nor a long read grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapters.doors.console.answers import Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.audit_page import FILTERS, find
from adapters.doors.console.export_files import Cell
from adapters.doors.console.frame import Console
from adapters.doors.console.lateness import chosen_months
from adapters.doors.console.log_view import typed
from adapters.doors.console.payments_view import typed as payments_typed
from adapters.doors.console.reach import LOCAL, dossier_in_reach
from adapters.doors.console.refused import day, see_all
from adapters.doors.console.visit import Visit
from bus.close_reads import MOST_REFUSALS
from bus.errors import NotFound
from bus.export import DELIVERY_COLUMNS, MOVE_COLUMNS, role_of
from bus.lateness import PARTS
from bus.looks import LARGEST_PAGE, Filter, Line
from bus.payment_looks import Line as PaymentLine
from bus.rights import Right
from bus.settlement import Difference

Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows to come, and what the audit is told of them."""

    rows: Iterator[Row]
    told: str = ""
    dossier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One kind of export."""

    right: Right
    columns: tuple[str, ...]
    rows: Callable[[Console, Visit, Asked], Rows]
    needs: str = ""
    """What the address must name: a dossier's timeline is offered on that dossier's page."""


def local(at: datetime | str | None) -> str | None:
    """A time with its zone; as text it sorts like a time."""
    if at is None:
        return None
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(LOCAL).isoformat(timespec="milliseconds")


# -- deliveries: the log, as it is filtered ---------------------------------------------------------------------------


def deliveries(console: Console, visit: Visit, asked: Asked) -> Rows:
    """With the filter of the log's address."""
    wanted = wanted_of(asked)

    def rows() -> Iterator[Row]:
        before: int | None = None
        while True:
            found = console.looks.deliveries(wanted, visit.units, before=before, limit=LARGEST_PAGE)
            yield from map(_delivery, found.lines)
            if found.before is None:
                return
            before = found.before

    return Rows(rows=rows(), told=_filters(asked), dossier=wanted.dossier)


def wanted_of(asked: Asked) -> Filter:
    """The log's filter, from its address. Raises Wrong: the log shows what it could not read, a file cannot."""
    found = typed(asked.query)
    if found.troubles:
        raise Wrong("exports.wrong_filter")
    return found.wanted


def _filters(asked: Asked) -> str:
    """The names of the filters that were set; not what was typed into them."""
    return "by " + " ".join(sorted(name for name, value in asked.query.items() if value)) if asked.query else ""


def _delivery(line: Line) -> Row:
    return (
        line.id,
        line.partner,
        line.dossier,
        line.source,
        line.event,
        line.kind,
        line.status,
        str(line.state),
        line.cause,
        line.tries,
        local(line.accepted_at),
        local(line.changed_at),
        line.unit,
    )


# -- one dossier's timeline -------------------------------------------------------------------------------------------


def timeline(console: Console, visit: Visit, asked: Asked) -> Rows:
    """The moves of one dossier, the newest first."""
    typed = asked.query.get("number", "")
    if not typed:
        raise Wrong("exports.needs_number", field="number")
    number = dossier_in_reach(console, visit, typed)

    def rows() -> Iterator[Row]:
        before: int | None = None
        while True:
            dossier = console.close.dossier(number, before=before)
            yield from (_move(number, move) for move in reversed(dossier["timeline"]))
            if dossier["next"] is None:
                return
            before = dossier["next"]

    return Rows(rows=rows(), dossier=number)


def _move(number: str, move: Mapping[str, Any]) -> Row:
    return (
        move["id"],
        local(move["at"]),
        move["delivery"],
        move["partner"],
        number,
        move["source"],
        move["event"],
        move["kind"],
        move["from_state"],
        move["to_state"],
        move["cause"],
        role_of(move["actor"]),
    )


# -- refused at the doors ---------------------------------------------------------------------------------------------


def refusals(console: Console, visit: Visit, asked: Asked) -> Rows:
    """With the filters of their page."""
    see_all(visit)
    since, until = day(asked, "since"), day(asked, "until", is_end=True)
    caller, code = asked.query.get("caller") or None, asked.query.get("code") or None

    def rows() -> Iterator[Row]:
        before: int | None = None
        while True:
            found, before = console.close.refusals(
                before=before, since=since, until=until, caller=caller, code=code, limit=MOST_REFUSALS
            )
            yield from map(_refusal, found)
            if before is None:
                return

    return Rows(rows=rows(), told=_filters(asked))


def _refusal(row: Mapping[str, Any]) -> Row:
    first: Mapping[str, Any] = row["rules"][0] if row["rules"] else {}
    return (
        row["reference"],
        local(row["at"]),
        row["caller"],
        row["route"],
        row["status"],
        row["code"],
        str(first.get("field", "")),
        str(first.get("rule", "")),
        len(row["rules"]),
    )


# -- who saw or did what ----------------------------------------------------------------------------------------------


def audit(console: Console, visit: Visit, asked: Asked) -> Rows:
    """With the filters of the audit's page: who, what, which dossier, and days."""
    filters = {name: asked.query.get(name, "").strip() for name in FILTERS}
    find(console, visit, filters, before=None, limit=1)  # what is wrong with a filter is a page; in a file it is late

    def rows() -> Iterator[Row]:
        before: int | None = None
        while True:
            found = find(console, visit, filters, before=before, limit=LARGEST_PAGE)
            for one in found.entries:
                yield (
                    one.id,
                    local(one.at),
                    one.actor,
                    one.act,
                    one.dossier,
                    one.delivery,
                    one.subject,
                    one.reason,
                    one.address,
                )
            if found.next is None:
                return
            before = found.next

    return Rows(rows=rows(), told=_filters(asked))


# -- who was late -----------------------------------------------------------------------------------------------------


def lateness(console: Console, visit: Visit, asked: Asked) -> Rows:
    """Overdue time by month and unit, in hours, with the months of its page's address."""
    chosen = chosen_months(visit, asked)
    book = next(iter(console.late.values()), None)
    found = [] if book is None else book.months(chosen.first, chosen.last, visit.units)

    def rows() -> Iterator[Row]:
        for one in found:
            if chosen.unit not in ("", one.unit):
                continue
            name = console.names.unit(one.unit) if one.unit else None
            parts = [_hours(one.parts.get(part, 0)) for part in PARTS]
            sums = (one.dossiers, one.only_sync, one.running, _hours(one.whole))
            yield (f"{one.month // 12:04d}-{one.month % 12 + 1:02d}", one.unit, name, *sums, *parts)

    return Rows(rows=rows(), told=_filters(asked))


def _hours(milliseconds: int) -> float:
    return round(milliseconds / 3_600_000, 2)


# -- accounts ---------------------------------------------------------------------------------------------------------


def users(console: Console, visit: Visit, asked: Asked) -> Rows:
    """Every account; no passwords, and nothing made of them."""

    def rows() -> Iterator[Row]:
        after = ""
        while page := console.people.accounts(after=after, limit=LARGEST_PAGE):
            for one in page:
                yield (
                    one.name,
                    one.shown,
                    " ".join(one.roles),
                    "*" if one.units is None else " ".join(one.units),
                    local(one.made_at),
                    local(one.disabled_at),
                )
            after = page[-1].name

    return Rows(rows=rows())


# -- payments: the list, as it is filtered ----------------------------------------------------------------------------


def payments(console: Console, visit: Visit, asked: Asked) -> Rows:
    """With the filter of the list's address. Amounts are whole numbers; nothing of a payer is in it."""
    found = payments_typed(asked.query)
    if found.troubles:
        raise Wrong("exports.wrong_filter")

    def rows() -> Iterator[Row]:
        before: int | None = None
        while True:
            page = console.payment_looks.payments(found.wanted, visit.units, before=before, limit=LARGEST_PAGE)
            yield from map(_payment, page.lines)
            if page.before is None:
                return
            before = page.before

    return Rows(rows=rows(), told=" ".join(sorted(found.values)))


def _payment(line: PaymentLine) -> Row:
    return (
        line.id,
        line.source,
        line.name,
        line.dossier,
        line.unit,
        line.procedure,
        line.gateway,
        str(line.state),
        line.tasks,
        line.amount,
        line.refunded,
        line.currency,
        line.attempts,
        local(line.created_at),
        local(line.paid_at),
        local(line.changed_at),
    )


# -- settlement differences -------------------------------------------------------------------------------------------


def settlement(console: Console, visit: Visit, asked: Asked) -> Rows:
    """Of one run; it holds every unit's payments."""
    if visit.units is not None:
        raise Wrong("settlement.every_unit", status=403)
    text = asked.query.get("run", "")
    try:
        run = console.settlement.settlements.get(int(text) if text.isdecimal() and len(text) <= 18 else 0)
    except NotFound:
        raise Wrong("settlement.not_found", status=404) from None

    def rows() -> Iterator[Row]:
        after = 0
        while page := console.settlement.settlements.differences(run.id, after=after):
            yield from (_difference(run.day.isoformat(), one) for one in page)
            after = page[-1].id

    return Rows(rows=rows(), told=f"run {run.id}")


def _difference(day: str, one: Difference) -> Row:
    return (
        day,
        one.kind.value,
        one.line,
        one.reference,
        one.transaction,
        one.name,
        one.dossier,
        one.ours,
        one.theirs,
        one.one_stop,
        one.currency,
        one.outcome,
        None if one.closed_at is None else local(one.closed_at),
    )


EXPORTS: Final[Mapping[str, Export]] = {
    "deliveries": Export(right=Right.LIST, columns=(*DELIVERY_COLUMNS, "unit"), rows=deliveries),
    "payments": Export(
        right=Right.LIST,
        columns=(
            *("payment", "source", "payment_name", "dossier", "unit", "procedure", "gateway", "state", "open_tasks"),
            *("amount", "refunded", "currency", "attempts", "requested_at", "paid_at", "changed_at"),
        ),
        rows=payments,
    ),
    "settlement": Export(
        right=Right.LIST,
        columns=(
            *("day", "class", "line", "reference", "transaction", "payment_name", "dossier", "ours", "theirs"),
            *("one_stop_amount", "currency", "outcome", "closed_at"),
        ),
        rows=settlement,
        needs="run",
    ),
    "timeline": Export(right=Right.LIST, columns=MOVE_COLUMNS, rows=timeline, needs="number"),
    "refusals": Export(
        right=Right.LIST,
        columns=("reference", "at", "caller", "route", "status", "code", "field", "rule", "rules"),
        rows=refusals,
    ),
    "lateness": Export(
        right=Right.LIST,
        columns=("month", "unit", "unit_name", "dossiers", "only_sync", "running", "hours", *PARTS),
        rows=lateness,
    ),
    "audit": Export(
        right=Right.AUDIT,
        columns=("entry", "at", "actor", "act", "dossier", "delivery", "subject", "reason", "address"),
        rows=audit,
    ),
    "users": Export(
        right=Right.ADMINISTER,
        columns=("account", "person", "roles", "units", "made_at", "disabled_at"),
        rows=users,
    ),
}
