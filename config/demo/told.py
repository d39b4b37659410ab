"""What the one-stop systems were told of their events, judged by the mock's own list: each told move once, in order.

A move is owed when the ledger says that a delivery came to a state that the system wants to hear of. The ledger's list
of moves is one thing and what it sent is another: a move without its message, or a message without its move, is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from config.demo.books import Effect, Finding

OUTCOME: Final = "ReceiveOutcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One move that a one-stop system is to hear of."""

    source: str
    event: str
    dossier: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The verdict on what was told."""

    counts: Mapping[tuple[str, str], int]
    """Moves told, by source and state."""
    lost: tuple[Finding, ...] = ()
    doubled: tuple[Finding, ...] = ()
    out_of_order: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    altered: tuple[Finding, ...] = ()


def owed_of(rows: Iterable[Mapping[str, Any]], source: str, states: Iterable[str]) -> dict[int, Owed]:
    """By the move's number; `rows` are the source's outcomes as the ledger lists them (`Reads.outcomes`)."""
    wanted = set(states)
    return {
        row["n"]: Owed(source=source, event=row["id"], dossier=row["dossier"], state=row["state"])
        for row in rows
        if row["state"] in wanted
    }


def judge_told(owed: Mapping[int, Owed], effects: Iterable[Effect]) -> Told:
    """Hold what was owed against the mock's list."""
    told = [(_move_of(effect), effect) for effect in effects if effect.operation == OUTCOME]
    times = Counter(move for move, _ in told)
    return Told(
        counts=Counter((owed[move].source, owed[move].state) for move, _ in told if move in owed),
        lost=tuple(_finding("not_told", one) for move, one in owed.items() if not times[move]),
        doubled=tuple(_finding("told_twice", one) for move, one in owed.items() if times[move] > 1),
        out_of_order=tuple(_out_of_order(told)),
        unexpected=tuple(_strange(effect) for move, effect in told if move not in owed),
        altered=tuple(
            _finding("told_otherwise", owed[move], effect)
            for move, effect in told
            if move in owed and _said(effect) != owed[move]
        ),
    )


def _move_of(effect: Effect) -> int:
    """`outcome.<move>.<mark>`; 0 for what is no id of an outcome."""
    head, _, rest = str((effect.body or {}).get("id", "")).partition(".")
    number = rest.partition(".")[0]
    return int(number) if head == "outcome" and number.isdecimal() else 0


def _said(effect: Effect) -> Owed:
    body = effect.body or {}
    return Owed(**{name: str(body.get(name)) for name in ("source", "event", "dossier", "state")})


def _out_of_order(told: Sequence[tuple[int, Effect]]) -> Iterable[Finding]:
    """Of one dossier a later move was told before an earlier one."""
    lines: dict[str, list[tuple[int, Effect]]] = {}
    for move, effect in ((move, effect) for move, effect in told if move):
        lines.setdefault(effect.dossier, []).append((move, effect))
    for dossier, line in lines.items():
        for (last, _), (this, effect) in pairwise(line):
            if this < last:
                yield Finding(what="told_before", dossier=dossier, effect=effect.n)


def _strange(effect: Effect) -> Finding:
    return Finding(what="told_of_nothing", dossier=effect.dossier, effect=effect.n)


def _finding(what: str, owed: Owed, effect: Effect | None = None) -> Finding:
    number = None if effect is None else effect.n
    return Finding(what=what, dossier=owed.dossier, source=owed.source, event=owed.event, effect=number)
