"""The judge finds every lie that is planted, and finds nothing where there is none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bus.messages import State, canonical_bytes, digest_of
from config.demo.books import Effect, Entry, read_effects
from config.demo.judge import Came, Verdict, doubts, judge, order_of_effects
from config.demo.portal_view import RECORD, STEP, expected
from tests.builders import NOON, RECORDED, event_json, step_json

Books = tuple[list[Entry], list[Effect]]
KINDS_OF_FINDING = ("lost", "doubled", "out_of_order", "unexpected", "altered")


def entry(wire: dict[str, Any], event: int, **overrides: Any) -> Entry:
    kind = wire["type"].removeprefix("vn.lienthong.").removesuffix(".v1")
    members = {
        "source": wire["source"],
        "id": wire["id"],
        "kind": kind,
        "dossier": wire["subject"],
        "event": event,
        "place": event,
        "state": State.DELIVERED,
        "tries": 1,
        "wanted": expected(wire),
    }
    return Entry(**(members | overrides))


def effect(of: Entry, n: int, *, repeat: bool = False, **altered: Any) -> Effect:
    body = {"TenTTHC": "Một thủ tục", **of.wanted, **altered}
    return Effect(
        n=n,
        operation=RECORD if of.kind == RECORDED else STEP,
        dossier=of.dossier,
        digest=digest_of(canonical_bytes(body)).hex(),
        repeat=repeat,
        body=body,
    )


def record_at(hours: int, event: int, **overrides: Any) -> Entry:
    data = {name: overrides.pop(name) for name in ("note", "summary") if name in overrides}
    return entry(event_json(at=NOON + timedelta(hours=hours), received_at=NOON.isoformat(), **data), event, **overrides)


def step_at(hours: int, event: int, status: str = "processing", **overrides: Any) -> Entry:
    return entry(step_json(at=NOON + timedelta(hours=hours), status=status), event, **overrides)


def honest() -> Books:
    """One dossier: a record, two steps, a newer record, a last step; all delivered, all there."""
    told = [
        record_at(0, 1),
        step_at(1, 2),
        step_at(2, 3, "completed"),
        record_at(3, 4, note="Đã trả"),
        step_at(4, 5, "returned"),
    ]
    return told, [effect(of, n) for n, of in enumerate(told, start=1)]


def verdict(told: list[Entry], stored: list[Effect], **options: Any) -> Verdict:
    return judge(told, stored, Came(recorded=len(told)), **options)


def found(told: list[Entry], stored: list[Effect], **options: Any) -> dict[str, list[str]]:
    """The findings' codes, by kind, without the empty kinds."""
    said = verdict(told, stored, **options)
    return {kind: [f.what for f in getattr(said, kind)] for kind in KINDS_OF_FINDING if getattr(said, kind)}


def renumbered(stored: list[Effect]) -> list[Effect]:
    return [replace(one, n=n) for n, one in enumerate(stored, start=1)]


# -- the truth --------------------------------------------------------------------------------------------------------


def test_honest_books_agree() -> None:
    """Where every delivery has its effect, in order, nothing is found."""
    said = verdict(*honest())

    assert said.agrees
    assert ((), 5, {"delivered": 5}) == (said.findings, said.effects, dict(said.states))


def test_line_has_just_the_promised_members() -> None:
    """The last line of `demo --once --json`, member by member and in this order."""
    said = judge(*honest(), Came(recorded=5, repeated=2, contradicted=1, refused=3)).line(12.345)

    assert [
        "events",
        "repeated",
        "contradicted",
        "deliveries",
        "delivered",
        "superseded",
        "held",
        "blocked",
        "refused",
        "in_doubt",
        "cancelled",
        "not_ours",
        "lost",
        "doubled",
        "out_of_order",
        "seconds",
    ] == list(said)
    assert (5, 2, 1, 5, 5, 12.3) == tuple(
        said[name] for name in ("events", "repeated", "contradicted", "deliveries", "delivered", "seconds")
    )


def test_whole_form_decides_where_the_caller_can_tell_it() -> None:
    """With a digest of the whole stored form, a field that the view does not know is judged too."""
    told, stored = honest()
    told = [replace(of, digest=one.digest) for of, one in zip(told, stored, strict=True)]
    stored[1] = effect(told[1], 2, TenTTHC="Thủ tục khác")

    assert {} == found(told, honest()[1])
    assert {"altered": ["contents"]} == found(told, stored)


# -- planted lies -----------------------------------------------------------------------------------------------------


def lose(at: int) -> Callable[[Books], Books]:
    return lambda books: (books[0], [one for n, one in enumerate(books[1]) if n != at])


def double(at: int) -> Callable[[Books], Books]:
    return lambda books: (books[0], renumbered([*books[1][: at + 1], books[1][at], *books[1][at + 1 :]]))


def order(*places: int) -> Callable[[Books], Books]:
    return lambda books: (books[0], renumbered([books[1][n] for n in places]))


def alter(at: int, **fields: Any) -> Callable[[Books], Books]:
    def lie(books: Books) -> Books:
        told, stored = books
        return told, [effect(told[at], one.n, **fields) if n == at else one for n, one in enumerate(stored)]

    return lie


def claim(at: int, state: State, **overrides: Any) -> Callable[[Books], Books]:
    def lie(books: Books) -> Books:
        told, stored = books
        return [replace(of, state=state, **overrides) if n == at else of for n, of in enumerate(told)], stored

    return lie


@pytest.mark.parametrize(
    ("lie", "findings"),
    [
        pytest.param(lose(1), {"lost": ["no_effect"]}, id="delivered-step-has-no-effect"),
        pytest.param(lose(4), {"lost": ["no_effect"]}, id="last-step-has-no-effect"),
        pytest.param(lose(3), {"lost": ["no_effect"], "out_of_order": ["set_back"]}, id="newer-record-has-no-effect"),
        pytest.param(double(1), {"doubled": ["stored_twice"]}, id="step-stored-twice"),
        pytest.param(double(4), {"doubled": ["stored_twice"]}, id="last-step-stored-twice"),
        pytest.param(double(0), {"doubled": ["stored_twice"]}, id="record-stored-twice-as-new"),
        pytest.param(order(0, 2, 1, 3, 4), {"out_of_order": ["overtaken"]}, id="steps-swapped"),
        pytest.param(order(0, 4, 1, 2, 3), {"out_of_order": ["overtaken"]}, id="last-step-first"),
        pytest.param(order(1, 0, 2, 3, 4), {"out_of_order": ["before_record"]}, id="step-before-its-record"),
        pytest.param(order(3, 1, 2, 0, 4), {"out_of_order": ["overtaken", "set_back"]}, id="record-set-back"),
        pytest.param(alter(3, GhiChu="khác"), {"altered": ["contents"]}, id="last-record-altered"),
        pytest.param(alter(0, ChuHoSo="Khác Tên"), {"altered": ["contents"]}, id="first-record-altered"),
        pytest.param(alter(1, NoiDungXuLy="khác"), {"altered": ["contents"]}, id="step-altered"),
        pytest.param(alter(1, TrangThai="9"), {"altered": ["contents"]}, id="step-with-another-code"),
        pytest.param(claim(1, State.HELD, tries=0), {"unexpected": ["ledger_says_held"]}, id="held-but-there"),
        pytest.param(claim(1, State.REFUSED), {"unexpected": ["ledger_says_refused"]}, id="refused-but-there"),
        pytest.param(
            claim(1, State.NOT_OURS, tries=0), {"unexpected": ["ledger_says_not_ours"]}, id="not-ours-but-there"
        ),
        pytest.param(
            claim(2, State.SUPERSEDED, tries=0),
            {"unexpected": ["ledger_says_superseded"]},
            id="superseded-step-but-there",
        ),
    ],
)
def test_planted_lie_is_found(lie: Callable[[Books], Books], findings: dict[str, list[str]]) -> None:
    """Each lie is found, under its own name, and nothing else is."""
    told, stored = lie(honest())

    assert findings == found(told, stored)
    assert not verdict(told, stored).agrees


def test_false_green_is_lost() -> None:
    """A delivery called delivered with nothing at the partner is lost, and named with its event."""
    told, stored = honest()
    (finding,) = verdict(told, [one for one in stored if one.n != 2]).lost

    assert (told[1].source, told[1].id, told[1].dossier) == (finding.source, finding.event, finding.dossier)


def test_altered_fields_are_named() -> None:
    """An altered record says which fields are not as they should be."""
    told, stored = alter(3, GhiChu="khác", NgayTra="20260101000000")(honest())
    (finding,) = verdict(told, stored).altered

    assert ("GhiChu", "NgayTra") == tuple(sorted(finding.fields))


def test_altered_file_list_is_found() -> None:
    """A document left out of the record is an alteration too."""
    told, stored = alter(3, TaiLieuNop=[])(honest())

    assert {"altered": ["contents"]} == found(told, stored)


def test_effect_of_nobody_is_unexpected() -> None:
    """An effect for a dossier that the ledger does not know, or of an unknown operation, is named."""
    told, stored = honest()
    stranger = replace(effect(told[0], 6), dossier="H99.01-260703-9999")
    strange = replace(effect(told[0], 7), operation="XoaHoSo")

    assert ["no_such_event"] == found(told, [*stored, stranger])["unexpected"]
    assert {"unexpected": ["other_operation"]} == found(told, [*stored, strange])


def test_foreign_record_on_top_is_altered() -> None:
    """A record of nobody that replaced ours is unexpected, and what the partner now shows is altered."""
    told, stored = honest()
    stored.append(effect(told[3], 6, ChuHoSo="Người Khác", GhiChu="khác", Email="khac@example.invalid"))

    assert {"unexpected": ["no_such_event"], "altered": ["last_record"]} == found(told, stored)


def test_body_that_is_not_its_digest_is_altered() -> None:
    """The partner's list is held to its own digests."""
    told, stored = honest()
    stored[1] = replace(stored[1], digest="00" * 32)

    assert {"altered": ["digest"]} == found(told, stored)


def test_superseded_without_a_successor_is_lost() -> None:
    """A record may be superseded by a newer one only; a step never, unless it is there."""
    told, stored = honest()
    gone = claim(3, State.SUPERSEDED, tries=0)(lose(3)((told, stored)))
    step = claim(1, State.SUPERSEDED, tries=0)(lose(1)((told, stored)))

    assert {"lost": ["dropped"]} == found(*gone)
    assert {"lost": ["dropped"]} == found(*step)


def test_many_lies_are_all_found() -> None:
    """Over a thousand dossiers with a lie each, every lie is found and no honest dossier is blamed."""
    rng = random.Random(5)
    told: list[Entry] = []
    stored: list[Effect] = []
    lied = set()
    lies = [lose(1), double(2), order(0, 2, 1, 3, 4), order(1, 0, 2, 3, 4), alter(3, GhiChu="khác")]
    for n in range(300):
        books = honest()
        number = f"H99.01-260703-{n:04d}"
        if rng.random() < 0.3:
            books = rng.choice(lies)(books)
            lied.add(number)
        told += [replace(of, dossier=number) for of in books[0]]
        stored += [replace(one, dossier=number) for one in books[1]]
    said = verdict(told, stored)

    assert lied == {finding.dossier for finding in said.findings}
    assert len(lied) == len(said.findings) > 50


# -- what is no lie ---------------------------------------------------------------------------------------------------


def test_record_sent_again_unchanged_is_not_doubled() -> None:
    """A whole record replaced by an equal one, after a lost reply, is no second effect."""
    told, stored = honest()
    again = renumbered([stored[0], replace(stored[0], repeat=True), *stored[1:]])

    assert {} == found(told, again)


def test_there_and_back_is_three_effects() -> None:
    """A→B→A leaves A there; where B was overtaken before it went out, A need not change the books twice."""
    a, b, again = record_at(0, 1), record_at(1, 2, note="B"), record_at(2, 3)
    again = replace(again, wanted=a.wanted)
    repeat = replace(effect(a, 2), repeat=True)

    assert {} == found([a, b, again], [effect(a, 1), effect(b, 2), effect(again, 3)])
    assert {} == found([a, replace(b, state=State.SUPERSEDED, tries=0), again], [effect(a, 1), repeat])
    assert {} == found([a, replace(b, state=State.SUPERSEDED), again], [effect(a, 1), effect(b, 2), effect(again, 3)])
    assert {} == found([a, replace(b, state=State.SUPERSEDED), again], [effect(a, 1), repeat])
    assert ["set_back"] == found([a, b, again], [effect(a, 1), effect(b, 2)])["out_of_order"]


def test_retry_before_there_and_back_is_no_double() -> None:
    """A sent twice for a lost reply, then B, then A again: three changes of the books, as it should be."""
    a, b, again = record_at(0, 1), record_at(1, 2, note="B"), record_at(2, 3)
    again = replace(again, wanted=a.wanted)
    stored = [effect(a, 1), replace(effect(a, 2), repeat=True), effect(b, 3), effect(again, 4)]

    assert {} == found([a, b, again], stored)


def test_equal_steps_of_two_events_are_two_effects() -> None:
    """Two events of equal content are due twice; one effect is one lost, three are one doubled."""
    told = [record_at(0, 1), step_at(1, 2), replace(step_at(1, 3), id="another")]
    stored = [effect(of, n) for n, of in enumerate(told, start=1)]

    assert {} == found(told, stored)
    assert {"lost": ["no_effect"]} == found(told, stored[:2])
    assert {"doubled": ["stored_twice"]} == found(told, [*stored, effect(told[1], 4)])


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("state", [State.IN_DOUBT, State.CANCELLED, State.SENDING])
def test_what_was_sent_and_not_answered_may_be_there(state: State, *, is_there: bool) -> None:
    """A delivery in doubt is visible: it is neither lost when it is not there, nor unexpected when it is."""
    told, stored = honest()
    told[4] = replace(told[4], state=state)

    assert {} == found(told, stored if is_there else stored[:4])


def test_doubled_step_in_doubt_is_found() -> None:
    """A blind step that was sent again stands twice at the partner, whatever the ledger thinks of it."""
    told, stored = double(4)(honest())
    told[4] = replace(told[4], state=State.IN_DOUBT)

    assert {"doubled": ["stored_twice"]} == found(told, stored)


def test_late_step_is_exempt_from_order() -> None:
    """A step that came late, and was then sent by rule or by a person, is no reversal; the move says which it was."""
    told, stored = order(0, 2, 1, 3, 4)(honest())
    told[1] = replace(told[1], is_late=True)

    assert {} == found(told, stored)


def test_held_and_blocked_are_visible_not_lost() -> None:
    """What waits behind a held head is open and visible; it is counted, not blamed."""
    told, stored = honest()
    told[1] = replace(told[1], state=State.HELD, tries=0)
    told[2:] = [replace(of, state=State.WAITING, tries=0) for of in told[2:]]
    said = verdict(told, stored[:1])

    assert said.agrees
    assert {"delivered": 1, "held": 1, "blocked": 3} == dict(said.states)


@pytest.mark.parametrize("cause", ["gap", "no_record"])
def test_waiting_for_a_gap_or_a_record_is_blocked(cause: str) -> None:
    """A missing number or a missing record is a person's business; what waits for it is blocked."""
    told = [replace(step_at(1, 1), state=State.WAITING, cause=cause, tries=0)]

    assert {"blocked": 1} == dict(verdict(told, []).states)


def test_waiting_behind_nothing_is_not_settled() -> None:
    """What waits without a reason, or is under way, keeps the demo going: no agreement yet."""
    told, stored = honest()
    for state in (State.WAITING, State.SENDING):
        told[4] = replace(told[4], state=state, tries=0)
        said = verdict(told, stored[:4])
        assert (1, False) == (said.states["unsettled"], said.agrees)


def test_held_that_does_not_block_blocks_nobody() -> None:
    """A late step is held beside its lane; what comes after it goes on."""
    told, _ = honest()
    told[1] = replace(told[1], state=State.HELD, tries=0, blocks=False)
    told[4] = replace(told[4], state=State.WAITING, tries=0)

    assert 1 == verdict(told, []).states["unsettled"]


def test_newer_record_stands_where_the_held_one_stood() -> None:
    """A record that frees its lane stands first in line, though it comes last in the dossier's order."""
    told, _ = honest()
    told[0] = replace(told[0], state=State.SUPERSEDED, tries=0)
    told[1] = replace(told[1], state=State.HELD, tries=0)
    told[3] = replace(told[3], state=State.WAITING, tries=0, stands_at=1)

    assert 1 == verdict(told, []).states["unsettled"]


def test_adopted_dossier_needs_no_record() -> None:
    """Steps of a dossier that was in the partner's books before are not before their record."""
    told = [step_at(1, 1)]
    stored = [effect(told[0], 1)]

    assert {"out_of_order": ["before_record"]} == found(told, stored)
    assert {} == found(told, stored, known=frozenset({told[0].dossier}))


def test_local_steps_code_is_left_to_the_tables() -> None:
    """An event that speaks a local step is judged by everything but the code, which only the tables know."""
    wire = step_json(local_step="B05", at=NOON)
    told = [record_at(-1, 1), entry(wire, 2)]
    stored = [effect(told[0], 1), effect(told[1], 2, TrangThai="4")]

    assert "TrangThai" not in told[1].wanted
    assert {} == found(told, stored)


# -- what a person looks up, and the logs of others -------------------------------------------------------------------


def test_doubts_say_what_the_portal_shows() -> None:
    """For each delivery in doubt: is it there? This is what a person looks up before settling it."""
    told, stored = honest()
    told[1], told[4] = (replace(told[n], state=State.IN_DOUBT) for n in (1, 4))

    assert {(told[1].source, told[1].id): True, (told[4].source, told[4].id): False} == doubts(told, stored[:4])


def test_order_is_read_from_a_foreign_log_too() -> None:
    """Without a ledger, times and repetition in the partner's list tell: swapped, doubled, before its record."""
    _, stored = honest()

    assert [] == order_of_effects(stored)
    assert ["overtaken"] == [f.what for f in order_of_effects(order(0, 2, 1, 3, 4)(honest())[1])]
    assert ["stored_twice"] == [f.what for f in order_of_effects(double(1)(honest())[1])]
    assert ["before_record"] == [f.what for f in order_of_effects(order(1, 0, 2, 3, 4)(honest())[1])]


def test_rows_of_the_control_route_are_read() -> None:
    """Effects come as the mock's control route gives them, with bodies as objects or as text, in any order."""
    told, stored = honest()
    rows = [
        {
            "n": one.n,
            "at": "2026-07-03T05:00:00Z",
            "operation": one.operation,
            "dossier": one.dossier,
            "digest": one.digest,
            "repeat": one.repeat,
            "body": one.body,
        }
        for one in reversed(stored)
    ]
    rows[0]["body"] = canonical_bytes(rows[0]["body"]).decode()

    assert {} == found(told, read_effects(rows))
    assert [1, 2, 3, 4, 5] == [one.n for one in read_effects(rows)]
