"""What is wrong now, read from the ledger: everything that can be an incident, in one bounded look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bus.calendar import Calendar
from bus.engines.sqlite import Tx
from bus.incidents import (
    DOOR_REFUSALS,
    FORGED,
    GAP,
    MONEY_AMOUNT,
    MONEY_TWICE,
    MONEY_UNCLEAR,
    NEEDS_PERSON,
    SIGNATURE_WRONG,
    SIGNATURES_WAIT,
    Alarms,
    Finding,
    calendar_ending,
    down,
    key_ending,
    silent,
)
from bus.ledger import Ledger
from bus.messages import State
from bus.outages import outages_of
from bus.payments import TaskKind
from bus.times import from_ms, to_ms

FOR_A_PERSON: Final = (State.REFUSED, State.HELD, State.IN_DOUBT)
MONEY: Final[Mapping[str, tuple[TaskKind, ...]]] = {
    MONEY_AMOUNT: (TaskKind.WRONG_AMOUNT, TaskKind.WRONG_CURRENCY),
    MONEY_TWICE: (TaskKind.DOUBLE_PAYMENT, TaskKind.PAID_TWICE),
    MONEY_UNCLEAR: (
        *(TaskKind.CONTRADICTION, TaskKind.UNKNOWN_REFERENCE, TaskKind.MISSING_THERE, TaskKind.REFUND_UNCLEAR),
    ),
}
"""Open tasks that somebody is told of, whoever looks at the console. The others wait for office hours."""
MOST_TASKS: Final = 5_000
SERIES: Final = 3
"""So many callbacks with a wrong checksum within the alarms' time are no slip: a key differs, or somebody tries."""
MOST_GAPS: Final = 1_000
"""Counted up to here: past it the exact number helps nobody."""


def look(
    ledger: Ledger,
    alarms: Alarms,
    *,
    now: datetime,
    keys: Mapping[str, datetime],
    calendar: Calendar | None,
    gap_alarm: timedelta,
    callers: Collection[str] = (),
) -> list[Finding]:
    """All findings. `keys`: setting → when its key or certificate ends. Raises LedgerUnavailable.

    `callers`: those that the settings know. A refused request says itself whose it is, and may say anything: what it
    says beside these is nobody.
    """
    tx = ledger.engine.read()
    last = tx.one("last_accepted")
    last_event = None if last is None or last[0] is None else from_ms(last[0])
    found: list[Finding | None] = [
        *_of_partners(tx, alarms, now),
        *_of_doors(tx, alarms, now, callers),
        *_of_money(tx, now),
        *_forged(tx, alarms, now),
        *_of_signatures(tx, alarms, now),
        *_gaps(tx, now, gap_alarm),
        silent(last_event, calendar, alarms, now),
        calendar_ending(calendar, alarms, now),
        *(key_ending(setting, ends_at, now) for setting, ends_at in keys.items()),
    ]
    return [one for one in found if one is not None]


def _of_partners(tx: Tx, alarms: Alarms, now: datetime) -> Iterable[Finding | None]:
    tallies: dict[str, dict[str, int]] = {}
    for partner, state, count in tx.all("tallies"):
        tallies.setdefault(partner, {})[state] = count
    for row in tx.all("list_partners"):
        counts = tallies.get(row[0], {})
        yield down(row[0], outages_of(tx, row[0]), counts.get(State.WAITING, 0), alarms, now)
        people = sum(counts.get(state, 0) for state in FOR_A_PERSON)
        if people >= alarms.people:
            yield Finding(cause=NEEDS_PERSON, subject=row[0], first_at=now, last_at=now, count=people, most=people)


def _of_doors(tx: Tx, alarms: Alarms, now: datetime, callers: Collection[str]) -> Iterable[Finding]:
    told: dict[str, list[tuple[int, int, int]]] = {}
    for caller, *row in tx.all("count_refusals", to_ms(now - alarms.within)):
        told.setdefault(caller if caller in callers else "", []).append((row[0], row[1], row[2]))
    for caller, rows in told.items():
        count = sum(row[0] for row in rows)
        if count >= alarms.refusals:
            first, last = min(row[1] for row in rows), max(row[2] for row in rows)
            yield Finding(
                cause=DOOR_REFUSALS, subject=caller, first_at=from_ms(first), last_at=from_ms(last), count=count
            )


def _of_money(tx: Tx, now: datetime) -> Iterable[Finding]:
    """Each gateway by what is wrong with its money, as long as nobody has decided."""
    rows = tx.all("money_alarms", MOST_TASKS)
    for cause, kinds in MONEY.items():
        since: dict[str, list[int]] = {}
        for partner, kind, at in rows:
            if kind in kinds:
                since.setdefault(partner, []).append(at)
        for partner, times in since.items():
            first = from_ms(min(times))
            yield Finding(cause=cause, subject=partner, first_at=first, last_at=now, count=len(times), most=len(times))


def _forged(tx: Tx, alarms: Alarms, now: datetime) -> Iterable[Finding]:
    for partner, count, first, last in tx.all("forged_callbacks", to_ms(now - alarms.within)):
        if count >= SERIES:
            yield Finding(cause=FORGED, subject=partner, first_at=from_ms(first), last_at=from_ms(last), count=count)


def _of_signatures(tx: Tx, alarms: Alarms, now: datetime) -> Iterable[Finding]:
    """One wrong value is one too many; a stamp or an authority's word is waited for as long as for a partner."""
    for service, count, first, last in tx.all("signed_alarms", to_ms(now - alarms.within), MOST_TASKS):
        yield Finding(
            cause=SIGNATURE_WRONG, subject=service, first_at=from_ms(first), last_at=from_ms(last), count=count
        )
    for service, count, first in tx.all("signed_unfinished", to_ms(now - alarms.after)):
        yield Finding(
            cause=SIGNATURES_WAIT, subject=service, first_at=from_ms(first), last_at=now, count=count, most=count
        )


def _gaps(tx: Tx, now: datetime, gap_alarm: timedelta) -> Iterable[Finding]:
    since: dict[str, list[int]] = {}
    for _dossier, _number, source, _missing, gap_since in tx.all("find_gaps", to_ms(now - gap_alarm), MOST_GAPS):
        since.setdefault(source, []).append(gap_since)
    for source, times in since.items():
        yield Finding(
            cause=GAP, subject=source, first_at=from_ms(min(times)), last_at=now, count=len(times), most=len(times)
        )
