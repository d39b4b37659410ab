"""Ledger against partner, event by event. Pure; the partner's own effect list is the truth.

lost          due, and neither at the partner nor visibly open
doubled       stored twice as new
out of order  steps of a dossier not in their order, a step before its record, an older record after a newer one
unexpected    at the partner, though the ledger says that it is not, or knows nothing of it
altered       at the partner, with other contents
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final, TypeVar

from bus.messages import State
from config.demo.books import Effect, Entry, Finding, fits, is_whole
from config.demo.pairing import Pairing, pair
from config.demo.portal_view import differences

_Row = TypeVar("_Row", Entry, Effect)

GATES: Final = frozenset({"gap", "no_record"})
"""Causes for which a delivery waits without anything before it in its lane."""
HEADS: Final = frozenset({State.HELD, State.REFUSED, State.IN_DOUBT})
"""What a person must decide, and what so keeps a lane waiting."""
SIMILAR: Final = 0.5
"""An unpaired effect with no more than this share of an entry's fields different is that entry, altered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What the door answered, counted."""

    recorded: int
    repeated: int = 0
    contradicted: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the two accounts agree, and everything in which they do not."""

    came: Came
    states: Mapping[str, int]
    """Deliveries by state; `waiting` is split into `blocked` and `unsettled`, which also has what is under way."""
    effects: int
    lost: tuple[Finding, ...] = ()
    doubled: tuple[Finding, ...] = ()
    out_of_order: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    altered: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.lost, *self.doubled, *self.out_of_order, *self.unexpected, *self.altered)

    @property
    def is_settled(self) -> bool:
        """Nothing is under way, and all that waits is blocked behind something a person must decide."""
        return self.states.get("unsettled", 0) == 0

    @property
    def agrees(self) -> bool:
        """Settled, and not one disagreement."""
        return self.is_settled and not self.findings

    def line(self, seconds: float) -> dict[str, int | float]:
        """The last line of `demo --once --json`."""
        shown = ("delivered", "superseded", "held", "blocked", "refused", "in_doubt", "cancelled", "not_ours")
        return {
            "events": self.came.recorded,
            "repeated": self.came.repeated,
            "contradicted": self.came.contradicted,
            "deliveries": sum(self.states.values()),
            **{name: self.states.get(name, 0) for name in shown},
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "out_of_order": len(self.out_of_order),
            "seconds": round(seconds, 1),
        }


@dataclass(slots=True)
class _Findings:
    lost: list[Finding] = field(default_factory=list)
    doubled: list[Finding] = field(default_factory=list)
    out_of_order: list[Finding] = field(default_factory=list)
    unexpected: list[Finding] = field(default_factory=list)
    altered: list[Finding] = field(default_factory=list)


def judge(
    entries: Iterable[Entry], effects: Iterable[Effect], came: Came, *, known: frozenset[str] = frozenset()
) -> Verdict:
    """The verdict on one partner. `known` are dossiers that were in its books before (adopted)."""
    mine, theirs = _by_dossier(entries), _by_dossier(effects)
    found = _Findings()
    states: Counter[str] = Counter()
    for dossier in sorted({*mine, *theirs}):
        told, stored = mine.get(dossier, []), theirs.get(dossier, [])
        states.update(_shown_states(told))
        _judge_dossier(dossier, told, stored, found, is_known=dossier in known)
    return Verdict(
        came=came,
        states=dict(states),
        effects=sum(map(len, theirs.values())),
        lost=tuple(found.lost),
        doubled=tuple(found.doubled),
        out_of_order=tuple(found.out_of_order),
        unexpected=tuple(found.unexpected),
        altered=tuple(found.altered),
    )


def doubts(entries: Iterable[Entry], effects: Iterable[Effect]) -> dict[tuple[str, str], bool]:
    """Deliveries in doubt, by source and id, and whether the partner's books show them: what a person would look up."""
    mine, theirs = _by_dossier(entries), _by_dossier(effects)
    found = {}
    for dossier, told in mine.items():
        there = {id(entry) for entry, _ in chain(*(p.pairs for p in _pairings(told, theirs.get(dossier, []))))}
        found.update({(e.source, e.id): id(e) in there for e in told if e.state == State.IN_DOUBT})
    return found


def order_of_effects(effects: Iterable[Effect], *, known: frozenset[str] = frozenset()) -> list[Finding]:
    """What the partner's list alone shows, without a ledger: for logs of others.

    A step before its record, a step with an earlier time after one with a later, the same step twice in a row.
    """
    found = []
    for dossier, stored in sorted(_by_dossier(effects).items()):
        steps = [effect for effect in stored if effect.is_step]
        found += _before_record(dossier, steps, stored) if dossier not in known else []
        for last, this in pairwise(steps):
            if this.digest == last.digest:
                found.append(Finding(what="stored_twice", dossier=dossier, effect=this.n))
            elif _time_of(this) < _time_of(last):
                found.append(Finding(what="overtaken", dossier=dossier, effect=this.n))
    return found


# -- one dossier ------------------------------------------------------------------------------------------------------


def _judge_dossier(
    dossier: str, told: Sequence[Entry], stored: Sequence[Effect], found: _Findings, *, is_known: bool
) -> None:
    for pairing in _pairings(told, stored):
        _judge_pairing(told, pairing, found)
    steps = [effect for effect in stored if effect.is_step]
    if not is_known:
        found.out_of_order += _before_record(dossier, steps, stored)
    found.lost += _dropped(told, stored)
    _judge_last_record(told, [effect for effect in stored if effect.is_record], found)
    found.unexpected += [
        Finding(what="other_operation", dossier=dossier, effect=effect.n)
        for effect in stored
        if not (effect.is_record or effect.is_step)
    ]
    found.altered += [
        Finding(what="digest", dossier=dossier, effect=effect.n) for effect in stored if not is_whole(effect)
    ]


def _pairings(told: Sequence[Entry], stored: Sequence[Effect]) -> tuple[Pairing, Pairing]:
    """Records with records, steps with steps."""
    records, steps = [e for e in told if e.is_record], [e for e in told if not e.is_record]
    return (
        pair(records, [effect for effect in stored if effect.is_record], are_records=True),
        pair(steps, [effect for effect in stored if effect.is_step], are_records=False),
    )


def _judge_pairing(told: Sequence[Entry], pairing: Pairing, found: _Findings) -> None:
    missing = list(pairing.missing)
    for run in pairing.extra:
        _judge_extra(told, missing, run[0], found)
    found.lost += [_finding("no_effect", entry) for entry in missing]
    found.out_of_order += [_finding("overtaken", entry, run[0]) for entry, run in pairing.overtaken]


def _judge_extra(told: Sequence[Entry], missing: list[Entry], effect: Effect, found: _Findings) -> None:
    """What an effect is that no entry accounts for; takes an altered entry off the missing."""
    equal = [entry for entry in told if fits(entry, effect)]
    if any(entry.may_be_there for entry in equal):
        found.doubled.append(_finding("stored_twice", equal[0], effect))
    elif equal:
        found.unexpected.append(_finding(f"ledger_says_{equal[0].state}", equal[0], effect))
    elif original := _most_like(missing, effect):
        missing.remove(original)
        fields = tuple(differences(original.wanted, effect.body or {}))
        found.altered.append(_finding("contents", original, effect, fields))
    else:
        found.unexpected.append(Finding(what="no_such_event", dossier=effect.dossier, effect=effect.n))


def _most_like(missing: Sequence[Entry], effect: Effect) -> Entry | None:
    """The missing entry that this effect is an altered form of, if it is like one at all."""
    alike = [
        (len(differences(entry.wanted, effect.body)), entry)
        for entry in missing
        if effect.body is not None and entry.wanted
    ]
    near = [both for both in alike if both[0] <= SIMILAR * len(both[1].wanted)]
    return min(near, key=lambda both: both[0])[1] if near else None


def _before_record(dossier: str, steps: Sequence[Effect], stored: Sequence[Effect]) -> list[Finding]:
    first = min((effect.n for effect in stored if effect.is_record), default=None)
    early = [step for step in steps if first is None or step.n < first]
    return [Finding(what="before_record", dossier=dossier, effect=step.n) for step in early]


def _dropped(told: Sequence[Entry], stored: Sequence[Effect]) -> list[Finding]:
    """Superseded without a successor: a step never may be, a record only by a newer one."""
    records = sorted((e for e in told if e.is_record), key=lambda e: e.key)
    dropped = [e for e in told if not e.is_record and e.state == State.SUPERSEDED]
    dropped = [e for e in dropped if not any(fits(e, effect) for effect in stored)]
    dropped += [e for e in records[-1:] if e.state == State.SUPERSEDED]
    return [_finding("dropped", entry) for entry in dropped]


def _judge_last_record(told: Sequence[Entry], records: Sequence[Effect], found: _Findings) -> None:
    """What the partner shows now has to be the latest record that it was sent."""
    ours = sorted((e for e in told if e.is_record and e.may_be_there), key=lambda e: e.key)
    latest = max((n for n, entry in enumerate(ours) if entry.must_be_there), default=None)
    if latest is None or not records or any(fits(entry, records[-1]) for entry in ours[latest:]):
        return
    if any(fits(entry, records[-1]) for entry in ours):
        found.out_of_order.append(_finding("set_back", ours[latest], records[-1]))
    elif not any(finding.effect == records[-1].n for finding in found.altered):
        fields = tuple(differences(ours[latest].wanted, records[-1].body or {}))
        found.altered.append(_finding("last_record", ours[latest], records[-1], fields))


# -- counting ---------------------------------------------------------------------------------------------------------


def _shown_states(told: Sequence[Entry]) -> list[str]:
    in_line = sorted(
        told, key=lambda entry: (entry.key[0] if entry.stands_at is None else entry.stands_at, entry.event)
    )
    shown, is_blocked = [], False
    for entry in in_line:
        if entry.state == State.WAITING:
            shown.append("blocked" if is_blocked or entry.cause in GATES else "unsettled")
            is_blocked = is_blocked or entry.cause == "no_record"
        elif entry.state in (State.SENDING, State.AWAITING):
            shown.append("unsettled")
        else:
            shown.append(str(entry.state))
            is_blocked = is_blocked or (entry.blocks and entry.state in HEADS)
    return shown


def _by_dossier(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.dossier].append(row)
    return found


def _time_of(step: Effect) -> str:
    return str((step.body or {}).get("ThoiDiemXuLy", ""))


def _finding(what: str, entry: Entry, effect: Effect | None = None, fields: tuple[str, ...] = ()) -> Finding:
    return Finding(
        what=what,
        dossier=entry.dossier,
        source=entry.source,
        event=entry.id,
        effect=effect.n if effect else None,
        fields=fields,
    )
