"""What is told in these proofs, and how it is judged: by the mock's effect list, twice.

Every event says its own id where the portal keeps it (`GhiChu` of a record, `NoiDungXuLy` of a step), so that the list
alone says which events took effect, how often and in which order. The demo's judge, which knows nothing of that and
compares contents, looks at the same books as well; both must agree.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bus.errors import NotAllowedNow
from bus.reads import Reads
from bus.upkeep import verify
from config.demo.account import entries_of
from config.demo.books import Effect, Entry, read_effects
from config.demo.judge import Came, Verdict, doubts, judge
from config.demo.portal_view import expected
from config.signed_client import SignedClient
from config.wiring import Installation
from contracts.national_portal.books import STEP, SYNC
from contracts.national_portal.mock import Portal
from tests.builders import NOON, event_json, step_json

PARTNER = "national_portal"
OPEN = {"waiting", "sending", "awaiting", "in_doubt", "held", "refused"}
MARK = {SYNC: "GhiChu", STEP: "NoiDungXuLy"}
STATUSES = ("processing", "supplement_requested", "processing", "completed", "processing", "returned")
"""With lawful ways back in it: order is decided by the rule, never by codes."""
Wire = dict[str, Any]


def number(n: int) -> str:
    """A dossier of the story."""
    return f"H99.09-260703-{n:04d}"


def life(n: int, events: int, *, records: float = 0.3, seed: int = 1) -> list[Wire]:
    """One dossier's events in their order: a record first, then steps and newer records as chance has it."""
    chance = random.Random(f"{seed}:{n}")
    told = []
    for k in range(events):
        at, id = NOON + timedelta(minutes=k), f"e{n}-{k}"
        status = STATUSES[k % len(STATUSES)]
        if k == 0 or chance.random() < records:
            told.append(event_json(dossier=number(n), id=id, at=at, status=status, note=id))
        else:
            told.append(step_json(dossier=number(n), id=id, at=at, status=status, content=id))
    return told


def lives(dossiers: int, events: int, **how: Any) -> list[list[Wire]]:
    """A story of many dossiers."""
    return [life(n, events, **how) for n in range(dossiers)]


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the partner's list alone says."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    false_green: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order or self.unexpected or self.false_green)


def by_list(told: Iterable[Wire], effects: Sequence[Effect], states: Mapping[str, str]) -> Findings:
    """Judge answered events by the effects that they left. `states` is what the operator is shown of each."""
    found, wires = Findings(), {wire["id"]: wire for wire in told}
    marks = [(effect, str((effect.body or {}).get(MARK[effect.operation], ""))) for effect in effects]
    there = Counter(mark for effect, mark in marks if not effect.repeat)
    found.unexpected = [mark for mark in there if mark not in wires]
    found.doubled = [mark for mark, count in there.items() if count > 1]
    found.out_of_order = _disorder(marks)
    newest_shown = _newest_shown(marks)
    for id, wire in wires.items():
        state = states.get(id, "unknown")
        if state == "delivered" and not there[id]:
            found.false_green.append(id)
        if there[id] or state in OPEN:
            continue
        is_overtaken = newest_shown.get(wire["subject"], -1) > _place(id) or _newer_is_open(wire, wires, states)
        if state != "superseded" or not is_overtaken:
            found.lost.append(f"{id} ({state})")
    return found


def _place(mark: str) -> int:
    return int(mark.rpartition("-")[2])


def _disorder(marks: Sequence[tuple[Effect, str]]) -> list[str]:
    """Steps and records each in their dossier's order, and no step before the first record."""
    found, last, recorded = [], {}, set()
    for effect, mark in marks:
        if effect.operation == SYNC:
            recorded.add(effect.dossier)
        elif effect.dossier not in recorded:
            found.append(f"{mark} before its record")
        line = (effect.operation, effect.dossier)
        if _place(mark) < last.get(line, -1):
            found.append(f"{mark} after {last[line]}")
        last[line] = _place(mark)
    return found


def _newest_shown(marks: Sequence[tuple[Effect, str]]) -> dict[str, int]:
    shown: dict[str, int] = defaultdict(lambda: -1)
    for effect, mark in marks:
        if effect.operation == SYNC:
            shown[effect.dossier] = max(shown[effect.dossier], _place(mark))
    return shown


def _newer_is_open(wire: Wire, wires: Mapping[str, Wire], states: Mapping[str, str]) -> bool:
    return any(
        other["subject"] == wire["subject"]
        and other["type"] == wire["type"]
        and _place(other["id"]) > _place(wire["id"])
        and states.get(other["id"]) in OPEN
        for other in wires.values()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Both verdicts, and the accounts that they were made of."""

    findings: Findings
    verdict: Verdict
    entries: list[Entry]
    effects: list[Effect]

    @property
    def states(self) -> Counter[str]:
        return Counter(str(entry.state) for entry in self.entries)

    def must_be_clean(self, story: object, *, ledger_forgot: bool = False) -> Judged:
        """0 lost, 0 doubled, 0 out of order, nothing unexpected, nothing altered; or the seed and what was found.

        A ledger that was restored has forgotten what is at the partner; it alone may then be surprised.
        """
        assert self.findings.is_clean, f"{story}: {self.findings}"
        verdict = self.verdict
        serious = (*verdict.lost, *verdict.doubled, *verdict.out_of_order)
        found = serious if ledger_forgot else verdict.findings
        assert not found, f"{story}: {found[:10]}"
        return self


def effects_of(portal: Portal) -> list[Effect]:
    """The mock's list, as its control route shows it with bodies."""
    with portal.lock:
        portal.settle_late()
        rows = [
            {
                "n": row.n,
                "at": row.at,
                "operation": row.operation,
                "dossier": row.dossier,
                "digest": row.digest,
                "repeat": row.repeat,
                "body": json.loads(portal.effects.body(row.n) or b"null"),
            }
            for row in portal.effects
        ]
    return read_effects(rows)


def account_of(reads: Reads, told: Iterable[Wire]) -> list[Entry]:
    """The ledger's account, with what each event should look like at the portal."""
    wires = {wire["id"]: wire for wire in told}
    wanted = {id: expected(wire) for id, wire in wires.items()}
    return entries_of(reads.whole_account(), PARTNER, lambda source, id: wanted.get(id, {}))


def judged(reads: Reads, portal: Portal, told: Sequence[Wire]) -> Judged:
    """What came of these events; `told` are those that were answered."""
    entries, effects = account_of(reads, told), effects_of(portal)
    states = {entry.id: str(entry.state) for entry in entries}
    return Judged(
        findings=by_list(told, effects, states),
        verdict=judge(entries, effects, Came(recorded=len(told))),
        entries=entries,
        effects=effects,
    )


def resolve_by_books(here: Installation, portal: Portal, told: Sequence[Wire]) -> int:
    """What an operator does with steps in doubt: looks at the portal, and says what is there. How many."""
    effects = effects_of(portal)
    there = {str((effect.body or {}).get(MARK[effect.operation])) for effect in effects}
    count = 0
    for entry in account_of(here.reads, told):
        if str(entry.state) == "in_doubt" and not entry.is_record and entry.delivery is not None:
            how: Any = "arrived" if entry.id in there else "send_again"
            count += 1
            # While it is being asked about nobody may decide it; it is looked at again in the next round.
            with suppress(NotAllowedNow):
                here.repairs.resolve(entry.delivery, how, actor="person:an", reason="looked it up")
    return count


def agree(client: SignedClient, reads: Reads, portal: Portal, told: Sequence[Wire]) -> list[str]:
    """R23: what the API shows, what the ledger has and what the partner's list says, dossier by dossier."""
    effects = effects_of(portal)
    there = {str((effect.body or {}).get(MARK[effect.operation])) for effect in effects}
    entries = {entry.id: entry for entry in account_of(reads, told)}
    found = []
    for dossier in sorted({wire["subject"] for wire in told}):
        view = json.loads(client.get(f"/v1/dossiers/{dossier}").body)
        shown = {event["id"] for event in view["events"]}
        ours = {wire["id"] for wire in told if wire["subject"] == dossier}
        found += [f"{id}: only on one side" for id in shown ^ ours]
        last = {}
        for move in view["timeline"]:
            if move["delivery"] is not None:
                last[move["delivery"]] = move["to_state"]
        for id in shown & ours:
            entry = entries[id]
            if last.get(entry.delivery) != entry.state:
                found.append(f"{id}: the API shows {last.get(entry.delivery)}, the ledger has {entry.state}")
            if entry.state == "delivered" and id not in there:
                found.append(f"{id}: shown as delivered, not in the partner's list")
    return found


def damage(here: Installation) -> list[object]:
    """What the ledger's own chains say."""
    return list(verify(here.ledger, bodies=True))


def doubts_there(judged: Judged) -> dict[tuple[str, str], bool]:
    """Steps in doubt, and whether the partner has them."""
    return doubts(judged.entries, judged.effects)
