"""How each kind of trouble is done to one dossier's events. `dirt.py` has the list of kinds.

Each function takes the events in their true order, and gives them with the trouble, the states in which their
deliveries may end, and the ids of the events to look at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, Final, Literal

from bus.messages import State
from config.demo.lives import Dossier
from config.demo.people import in_nfd, words
from config.demo.wire import LOCAL_STEPS, RECORDED, record

Expectation = Literal["recorded", "repeated", "contradicted", "refused"]

UNMAPPED_PROCEDURE: Final = "1.990099"
UNMAPPED_STEP: Final = "BUOC-CHUA-KHAI-BAO"
UNKNOWN: Final = "priority"
"""A member that no contract has a place for."""
BACKWARD: Final = frozenset({("completed", "processing"), ("stopped", "processing"), ("returned", "accepted")})
"""9→4, 8→4 and 10→2 happen lawfully."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event on its way to the door, still to be written down."""

    wire: dict[str, Any]
    arrives_at: datetime
    expectation: Expectation = "recorded"
    is_same_message: bool = False
    """The very bytes that were sent before, signature and all, where its system signs messages."""

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    @property
    def is_record(self) -> bool:
        return bool(self.wire["type"] == f"vn.lienthong.{RECORDED}.v1")


Line = list[Draft]
Fates = dict[str, frozenset[State]]
Spoiled = tuple[Line, Fates, tuple[str, ...]]

DELIVERED: Final = frozenset({State.DELIVERED})
HELD: Final = frozenset({State.HELD})
WAITING: Final = frozenset({State.WAITING})
RECORD_WENT: Final = frozenset({State.DELIVERED, State.SUPERSEDED})


def _went(line: Line) -> Fates:
    return {draft.id: RECORD_WENT if draft.is_record else DELIVERED for draft in line}


def _later(draft: Draft, line: Line, rng: Random, minutes: int = 600) -> datetime:
    """A moment of arrival after the dossier's last event."""
    return max(draft.arrives_at, *(other.arrives_at for other in line)) + timedelta(minutes=1 + rng.randrange(minutes))


def _with_data(draft: Draft, **members: Any) -> Draft:
    return replace(draft, wire=draft.wire | {"data": draft.wire["data"] | members})


def _steps(line: Line) -> list[int]:
    return [i for i, draft in enumerate(line) if not draft.is_record]


def _new_record(like: Draft, name: str, after: timedelta, **members: Any) -> Draft:
    """Another record of the same dossier, later than `like`."""
    at = datetime.fromisoformat(like.wire["time"]) + after
    wire = like.wire | {"id": f"{like.wire['subject']}:{name}", "time": at.isoformat()}
    return _with_data(Draft(wire=wire, arrives_at=at), **members)


def _status(draft: Draft) -> str:
    data = draft.wire["data"]
    return str(data["status"] or next(ours for ours, local in LOCAL_STEPS.items() if local == data["local_step"]))


# -- kinds that are repeats -----------------------------------------------------------------------------------------


def repeat(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    again = rng.choice(line)
    return (
        [*line, replace(again, arrives_at=_later(again, line, rng), expectation="repeated")],
        _went(line),
        (again.id,),
    )


def repeat_in_other_form(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    again = line[rng.choice(_steps(line))]
    plain = _in_nfc(again.wire["data"])
    other = in_nfd(plain) if again.wire["data"] == plain else plain
    twin = replace(
        again, wire=again.wire | {"data": other}, arrives_at=_later(again, line, rng), expectation="repeated"
    )
    return [*line, twin], _went(line), (again.id,)


def contradict(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    said = line[rng.choice(_steps(line))]
    other = _with_data(said, content=f"{said.wire['data']['content']} (sửa lại)")
    return (
        [*line, replace(other, arrives_at=_later(said, line, rng), expectation="contradicted")],
        _went(line),
        (said.id,),
    )


def replay(rng: Random, dossier: Dossier, line: Line) -> Spoiled:
    *line, again = repeat(rng, dossier, line)[0]
    return [*line, replace(again, is_same_message=True)], _went(line), (again.id,)


def tell_again(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    """The last record and the last step: without ids nothing but what came last can be known as a repeat."""
    line = _with_one_record(line)
    at = _later(line[-1], line, rng)
    step = replace(line[-1], arrives_at=at, expectation="repeated")
    record = replace(line[0], arrives_at=at + timedelta(minutes=1), expectation="repeated")
    return [*line, step, record], _went(line), (step.id, record.id)


# -- kinds that are a matter of order -------------------------------------------------------------------------------


def late_step(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    late = _steps(line)[-2]
    line = [replace(d, arrives_at=_later(d, line, rng)) if i == late else d for i, d in enumerate(line)]
    return line, _went(line) | {line[late].id: DELIVERED | HELD}, (line[late].id,)


def recall(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    steps = [line[i] for i in _steps(line)]
    back = next(step for last, step in pairwise(steps) if (_status(last), _status(step)) in BACKWARD)
    return line, _went(line), (back.id,)


def step_before_record(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    early = _steps(line)[:2]
    arrives_at = line[early[-1]].arrives_at + timedelta(minutes=1)
    line = [replace(d, arrives_at=arrives_at) if i == 0 else d for i, d in enumerate(line)]
    return line, _went(line), tuple(line[i].id for i in early)


def there_and_back_alone(rng: Random, dossier: Dossier, line: Line) -> Spoiled:
    """Without records that say nothing new: a system without ids could not tell them from repeats."""
    return there_and_back(rng, dossier, _with_one_record(line))


def there_and_back(_rng: Random, dossier: Dossier, line: Line) -> Spoiled:
    line, last = _with_last_record(dossier, line)
    changed = {**last.wire["data"]["applicant"], "phone": "0900000000"}
    b = _new_record(last, "record-b", timedelta(hours=1), applicant=changed)
    a = _new_record(last, "record-a-again", timedelta(hours=2))
    return [*line, b, a], _went(line) | {b.id: RECORD_WENT, a.id: DELIVERED}, (b.id, a.id)


def older_record_late(rng: Random, dossier: Dossier, line: Line) -> Spoiled:
    line, _ = _with_last_record(dossier, line)
    late = Draft(wire=record(dossier, 1, 1) | {"id": f"{dossier.number}:record-late"}, arrives_at=line[-1].arrives_at)
    late = replace(late, arrives_at=_later(late, line, rng))
    return [*line, late], _went(line) | {late.id: frozenset({State.SUPERSEDED})}, (late.id,)


def _with_last_record(dossier: Dossier, line: Line) -> tuple[Line, Draft]:
    """The line with a snapshot of the dossier's last state, and that snapshot."""
    records = [draft for draft in line if draft.is_record]
    if records[-1].arrives_at == dossier.moments[-1].at:
        return line, records[-1]
    wire = record(dossier, len(dossier.moments) - 1, len(records) + 1)
    last = Draft(wire=wire, arrives_at=dossier.moments[-1].at)
    return [*line[:-1], last, line[-1]], last


def no_record(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    line = [draft for draft in line if not draft.is_record]
    return line, {draft.id: WAITING for draft in line}, (line[0].id,)


def gap_filled(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    line = [replace(d, arrives_at=_later(d, line, rng)) if i == 2 else d for i, d in enumerate(line)]
    return line, _went(line), (line[2].id,)


def gap_left(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    line = [*line[:2], *line[3:]]
    return line, _went(line[:2]) | {draft.id: WAITING for draft in line[2:]}, (line[2].id,)


# -- kinds that the portal could not take ---------------------------------------------------------------------------


def unmapped_procedure(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _held_record(line, procedure=UNMAPPED_PROCEDURE)


def long_note(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _held_record(line, note=_long_note())


def corrected(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    line, _, (held,) = _held_record(line, note=_long_note())
    last = datetime.fromisoformat(line[-1].wire["time"])
    first = line[0]
    gap = last - datetime.fromisoformat(first.wire["time"])
    better = _new_record(first, "record-2", gap + timedelta(hours=1), note="", status=_status(line[-1]))
    line = [*line, better]
    return line, _went(line) | {held: frozenset({State.SUPERSEDED}), better.id: DELIVERED}, (held, better.id)


def unmapped_step(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _held_step(line, 1, status=None, local_step=UNMAPPED_STEP)


def long_officer(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    name = max(words()["edge_case_names"], key=len)
    return _held_step(line, -1, officer={**line[-1].wire["data"]["officer"], "name": name})


def not_ours(_rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    never_sent = frozenset({State.NOT_OURS})
    overtaken = never_sent | {State.SUPERSEDED}
    return line, {draft.id: overtaken if draft.is_record else never_sent for draft in line}, (line[0].id,)


def _held_record(line: Line, **members: Any) -> Spoiled:
    line, first = _with_one_record(line), 0
    line = [_with_data(d, **members) if i == first else d for i, d in enumerate(line)]
    return line, {d.id: HELD if i == first else WAITING for i, d in enumerate(line)}, (line[first].id,)


def _held_step(line: Line, nth: int, **members: Any) -> Spoiled:
    line = _with_one_record(line)
    at = _steps(line)[nth]
    line = [_with_data(d, **members) if i == at else d for i, d in enumerate(line)]
    fates = _went(line[:at]) | {line[at].id: HELD} | {d.id: WAITING for d in line[at + 1 :]}
    return line, fates, (line[at].id,)


def _with_one_record(line: Line) -> Line:
    """Without later snapshots, which would take the place of a held one and so heal the dossier."""
    return [draft for i, draft in enumerate(line) if i == 0 or not draft.is_record]


def _long_note() -> str:
    return ("Ghi chú dài của cán bộ một cửa, chép cả nội dung trao đổi với người nộp. " * 30)[:2_101]


# -- kinds that the door refuses ------------------------------------------------------------------------------------


def nfd_identifier(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _refused(rng, line, "nfd", _decomposed)


def time_without_zone(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _refused(rng, line, "no-zone", lambda wire: wire | {"time": wire["time"][:19]})


def unknown_field(rng: Random, dossier: Dossier, line: Line) -> Spoiled:
    return unknown_member(rng, dossier, _with_one_record(line))


def unknown_member(rng: Random, _dossier: Dossier, line: Line) -> Spoiled:
    return _refused(rng, line, "unknown", lambda wire: wire | {"data": wire["data"] | {UNKNOWN: "high"}})


def _refused(rng: Random, line: Line, name: str, spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoiled:
    good = line[rng.choice(_steps(line))]
    wire = spoil(good.wire | {"id": f"{good.wire['subject']}:{name}"})
    bad = Draft(wire=wire, arrives_at=_later(good, line, rng), expectation="refused")
    return [*line, bad], _went(line), (bad.id,)


def _decomposed(wire: dict[str, Any]) -> dict[str, Any]:
    local = unicodedata.normalize("NFD", "Thẩm định")
    return wire | {"data": wire["data"] | {"status": None, "local_step": local}}


def _in_nfc(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_nfc(inner) for name, inner in value.items()}
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value
