"""The GET routes and a replay: what a caller may see, and what is not there for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.messages import Refused
from tests.builders import DOSSIER, NOON, SOURCE, event_json, make_attempt, make_event, step_json
from tests.doors import HQ, JSON, OTHER, OTHER_SOURCE, TOKEN, DoorWorld, door, signed_headers, wire
from tests.world import PARTNER, World


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path) as made:
        yield made


ID = event_json()["id"]


def test_event(at: DoorWorld):
    """An event shows its digest, its receipt and where it went: the first answer, had again."""
    first = at.post(wire()).json()
    found = at.get(f"/v1/events/{ID}").json()

    assert first == {name: found[name] for name in first}
    assert [(PARTNER, "waiting")] == [(each["partner"], each["state"]) for each in found["deliveries"]]


def test_event_of_two_sources(tmp_path: Path):
    """An id that two of the caller's sources use needs the source named."""
    with door(tmp_path, demo_token=TOKEN) as at:
        for source in (SOURCE, OTHER_SOURCE):
            at.world.accept(make_event(id="same", source=source))
        headers = {"authorization": f"Bearer {TOKEN}"}
        unnamed = at.client.get("/v1/events/same", headers=headers)
        named = at.client.get(f"/v1/events/same?source={OTHER_SOURCE}", headers=headers)
        own = at.get("/v1/events/same")

    assert (422, "?source") == (unnamed.status_code, unnamed.json()["errors"][0]["field"])
    assert OTHER_SOURCE == named.json()["source"]
    assert SOURCE == own.json()["source"]


def test_dossier(at: DoorWorld):
    """A dossier shows what is known, its standing at each partner, its events and its timeline, and no person."""
    at.post(wire())
    at.world.settle_down()
    response = at.get(f"/v1/dossiers/{DOSSIER}")
    found = response.json()

    assert (DOSSIER, "accepted", [ID]) == (found["number"], found["status"], [e["id"] for e in found["events"]])
    assert ["waiting", "sending", "delivered"] == [move["to_state"] for move in found["timeline"]]
    assert not any(word in response.text for word in ("Nguyễn Thị Ví Dụ", "099000000001", "0900000001"))


def test_dossier_number_with_a_slash(at: DoorWorld):
    """A number is asked for as it is written, whatever signs it has."""
    at.post(wire(dossier="H99/01-7"))

    assert 200 == at.get("/v1/dossiers/H99/01-7").status_code
    assert 200 == at.get("/v1/dossiers/H99%2F01-7").status_code


def test_others_dossiers_are_not_there(at: DoorWorld):
    """What belongs to another caller's source is not found: event, dossier, delivery, outcomes, lists."""
    at.post(wire())

    def asks(path: str, query: str = ""):
        return at.get(path, query, caller=OTHER)

    assert 404 == asks(f"/v1/events/{ID}").status_code
    assert 404 == asks(f"/v1/events/{ID}", f"source={SOURCE}").status_code
    assert 404 == asks(f"/v1/dossiers/{DOSSIER}").status_code
    assert 404 == asks("/v1/outcomes", f"source={SOURCE}").status_code
    assert [] == asks("/v1/deliveries").json()["items"]
    assert [] == asks("/v1/outcomes").json()["items"]
    assert [OTHER_SOURCE] == [each["source"] for each in asks("/v1/sources/me").json()["sources"]]
    replay = at.post(b'{"reason":"mine?"}', "/v1/deliveries/1/replay", caller=OTHER)
    assert (404, "not_found") == (replay.status_code, replay.json()["code"])


def test_shared_dossier_shows_own_events_only(at: DoorWorld):
    """A dossier that two sources speak of shows each its own events and moves."""
    at.post(wire())
    at.post(wire(source=OTHER_SOURCE, at=NOON + timedelta(hours=1)), caller=OTHER)
    found = at.get(f"/v1/dossiers/{DOSSIER}", caller=OTHER).json()

    assert {OTHER_SOURCE} == {each["source"] for each in found["events"]}
    assert {OTHER_SOURCE} == {each["source"] for each in found["timeline"]}


def test_step_does_not_open_others_dossiers(at: DoorWorld):
    """A caller that sent a step of somebody else's number sees its step and the number: no fact, lane or source."""
    at.post(wire())
    at.post(wire(step_json(source=OTHER_SOURCE, id="guess", at=NOON + timedelta(hours=1))), caller=OTHER)
    at.world.settle_down()
    response = at.get(f"/v1/dossiers/{DOSSIER}", caller=OTHER)
    own = at.get(f"/v1/dossiers/{DOSSIER}").json()

    assert {"number", "events", "timeline"} == set(response.json())
    assert ["guess"] == [event["id"] for event in response.json()["events"]]
    assert SOURCE not in response.text
    assert {"source", "procedure", "unit", "received_at", "status", "partners"} <= set(own)
    assert [ID] == [event["id"] for event in own["events"]]


def test_facts_go_with_the_record(at: DoorWorld):
    """Facts belong to the newest record's source; who came first without a record is not named to it."""
    at.post(wire(step_json(source=OTHER_SOURCE, id="early")), caller=OTHER)
    before = at.get(f"/v1/dossiers/{DOSSIER}", caller=OTHER).json()
    at.post(wire(at=NOON + timedelta(hours=1)))
    first = at.get(f"/v1/dossiers/{DOSSIER}", caller=OTHER).json()
    owner = at.get(f"/v1/dossiers/{DOSSIER}")

    assert (OTHER_SOURCE, None) == (before["source"], before["procedure"])
    assert {"number", "events", "timeline"} == set(first)
    assert owner.json()["procedure"]
    assert OTHER_SOURCE not in owner.text


def test_pages_of_deliveries(at: DoorWorld):
    """Pages follow one another by `next` until it is null, and hold each delivery once."""
    for n in range(5):
        at.post(wire(dossier=f"H99-{n}"))
    seen, after = [], 0
    while after is not None:
        page = at.get("/v1/deliveries", f"state=waiting&partner={PARTNER}&after={after}&limit=2").json()
        seen += [each["dossier"] for each in page["items"]]
        after = page["next"]

    assert [f"H99-{n}" for n in range(5)] == seen


def test_deliveries_among_others(at: DoorWorld):
    """Pages are filled from the caller's own deliveries, however many of others stand between them."""
    for n in range(6):
        at.post(wire(dossier=f"H99-{n}"))
        at.post(wire(source=OTHER_SOURCE, dossier=f"X-{n}"), caller=OTHER)
    shown = {}
    for query in ("", "state=waiting&", f"state=waiting&partner={PARTNER}&", f"partner={PARTNER}&"):
        first = at.get("/v1/deliveries", f"{query}limit=4", caller=OTHER).json()
        rest = at.get("/v1/deliveries", f"{query}limit=4&after={first['next']}", caller=OTHER).json()
        shown[query] = [[each["dossier"] for each in page["items"]] for page in (first, rest)]
        assert None is rest["next"]

    assert [[["X-0", "X-1", "X-2", "X-3"], ["X-4", "X-5"]]] * 4 == list(shown.values())


def test_demo_token_sees_every_delivery(tmp_path: Path):
    """In a demo, and only there, the token lists the deliveries of all sources."""
    with door(tmp_path, demo_token=TOKEN) as at:
        at.post(wire())
        at.post(wire(source=OTHER_SOURCE, dossier="X"), caller=OTHER)
        page = at.client.get("/v1/deliveries", headers={"authorization": f"Bearer {TOKEN}"}).json()

    assert [DOSSIER, "X"] == [each["dossier"] for each in page["items"]]


def test_outcomes(tmp_path: Path):
    """What became of my events, in the order it became known, with reasons; a partner's free words are masked."""

    with door(tmp_path) as at:
        at.world.adapter.deliver = lambda batch: [  # type: ignore[method-assign]
            make_attempt(Refused(code="E1", reason="công dân 099000000001 không khớp")) for _ in batch
        ]
        at.post(wire())
        at.post(wire(dossier="H99-2"))
        at.world.settle_down()
        first = at.get("/v1/outcomes", "limit=1").json()
        rest = at.get("/v1/outcomes", f"after={first['next']}&source={SOURCE}").json()

    outcomes = [*first["items"], *rest["items"]]
    assert [("refused", DOSSIER), ("refused", "H99-2")] == [(each["state"], each["dossier"]) for each in outcomes]
    assert (SOURCE, None) == (outcomes[0]["source"], rest["next"])
    assert "không khớp" in outcomes[0]["reason"]
    assert "099000000001" not in outcomes[0]["reason"]


def test_sources(tmp_path: Path):
    """The last id and number taken from each of my sources: where to go on after a crash of mine."""
    with door(tmp_path, world=World(tmp_path, orders={SOURCE: "sequence"})) as at:
        before = at.get("/v1/sources/me").json()
        at.post(wire(id="e1", sequence=1))
        after = at.get("/v1/sources/me").json()

    assert (HQ.name, None) == (before["caller"], before["sources"][0]["last_id"])
    assert ("e1", 1, "sequence") == tuple(after["sources"][0][name] for name in ("last_id", "last_sequence", "order"))


def test_replay(at: DoorWorld):
    """A delivery that a person may send again waits again, with who and why in its moves, and the worker is woken."""
    at.post(wire())
    at.world.repairs.cancel(1, actor="someone", reason="test")
    woken = len(at.woken)
    response = at.post('{"reason":"đã sửa bảng mã"}'.encode(), "/v1/deliveries/1/replay")
    last = at.world.reads.delivery(1)["moves"][-1]

    assert (200, {"id": 1, "state": "waiting"}) == (response.status_code, response.json())
    assert ("replayed", HQ.name, "đã sửa bảng mã") == (last["cause"], last["actor"], last["reason"])
    assert woken + 1 == len(at.woken)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("1", b"{}", 422, "missing_field"),
        ("1", b'{"reason":""}', 422, "out_of_range"),
        ("1", b'{"reason":"   "}', 422, "out_of_range"),
        ("1", b'{"reason":"' + b"x" * 501 + b'"}', 422, "out_of_range"),
        ("1", b'{"reason":1}', 422, "wrong_type"),
        ("1", b'{"reason":"x","more":1}', 422, "unknown_field"),
        ("1", b"[]", 422, "wrong_type"),
        ("1", b'{"reason":"x"', 400, "malformed_json"),
        ("1", b'{"reason":"x","reason":"y"}', 400, "duplicate_member"),
        ("1", b"x" * 20_000, 413, "too_large"),
        ("1", b'{"reason":"x"}', 422, "out_of_range"),
        ("99", b'{"reason":"x"}', 404, "not_found"),
        ("x", b'{"reason":"x"}', 404, "not_found"),
        ("9" * 30, b'{"reason":"x"}', 404, "not_found"),
        (str(2**63), b'{"reason":"x"}', 404, "not_found"),
    ],
)
def test_replay_refused(at: DoorWorld, path: str, body: bytes, status: int, code: str):
    """Without a good reason, for what is not there, or from a state that cannot be sent again: nothing changes."""
    at.post(wire())
    response = at.post(body, f"/v1/deliveries/{path}/replay")

    assert (status, code) == (response.status_code, response.json()["code"])
    assert 1 == len(at.world.reads.delivery(1)["moves"])


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("state=lost", "enum", "?state"),
        ("after=-1", "wrong_type", "?after"),
        ("after=x", "wrong_type", "?after"),
        ("after=%D9%A1", "wrong_type", "?after"),
        (f"after={2**63}", "out_of_range", "?after"),
        ("after=" + "9" * 50, "out_of_range", "?after"),
        ("limit=0", "out_of_range", "?limit"),
        ("limit=501", "out_of_range", "?limit"),
        ("limit=1&limit=2", "duplicate_member", "?limit"),
        ("partner=" + "x" * 201, "out_of_range", "?partner"),
        ("who=me", "unknown_field", "?"),
    ],
)
def test_bad_parameters(at: DoorWorld, query: str, code: str, field: str):
    """A parameter that is unknown, doubled or outside its limits is refused with its name."""
    told = at.get("/v1/deliveries", query).json()

    assert (code, field) == (told["code"], told["errors"][0]["field"])


@pytest.mark.parametrize("path", ["/v1/events/x", "/v1/dossiers/x", "/v1/deliveries", "/v1/outcomes", "/v1/sources/me"])
def test_questions_are_signed_once(at: DoorWorld, path: str):
    """A question needs a signature, and the same signed question again is a replay."""
    headers = signed_headers("GET", path, clock=at.world.clock)
    answers = [at.client.get(path, headers=headers) for _ in range(2)]
    unsigned = at.client.get(path)

    assert (401, "replayed") == (answers[1].status_code, answers[1].json()["code"])
    assert answers[0].status_code in (200, 404)
    assert (401, "unsigned") == (unsigned.status_code, unsigned.json()["code"])


def test_replay_request_is_signed_once(at: DoorWorld):
    """The same holds for a replay, which changes something."""
    at.post(wire())
    at.world.repairs.cancel(1, actor="someone", reason="test")
    body, path = b'{"reason":"x"}', "/v1/deliveries/1/replay"
    headers = signed_headers("POST", path, body, clock=at.world.clock, content_type=JSON)
    codes = [at.client.post(path, content=body, headers=headers).status_code for _ in range(2)]

    assert [200, 401] == codes


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("PUT", "/v1/events", 405), ("GET", "/v1/events/", 404)]
)
def test_no_such_address(at: DoorWorld, method: str, path: str, status: int):
    """An address or a method that is not there is a problem like any other, and the note keeps no path."""
    response = at.client.request(method, path)

    assert (status, "not_found") == (response.status_code, response.json()["code"])
    assert at.refusal(response)["route"] in ("unknown", f"{method} /v1/events")


@pytest.mark.parametrize("reason", [r"\u001b[31mred\u001b]0;pwn\u0007", r"a\nb fake line", r"\u202egnp", r"\u009b31m"])
def test_reason_that_writes_to_a_terminal(at: DoorWorld, reason: str):
    """Whoever reads the moves later is not written to by a caller: such a reason is refused, and its field named."""
    at.post(wire())
    response = at.post(f'{{"reason":"{reason}"}}'.encode(), "/v1/deliveries/1/replay")

    assert (422, "out_of_range") == (response.status_code, response.json()["code"])
    assert "/reason" == response.json()["errors"][0]["field"]
    assert 1 == len(at.world.reads.delivery(1)["moves"])


def test_p12_number_in_a_reason_is_not_kept(at: DoorWorld):
    """Reasons lie unsealed in the ledger: a person's number in one is masked before it is written."""
    at.post(wire())
    at.world.repairs.cancel(1, actor="someone", reason="test")
    assert 200 == at.post(b'{"reason":"099000000001 called"}', "/v1/deliveries/1/replay").status_code
    view = at.world.reads.delivery(1)

    assert ("0990***001 called", "0990***001 called") == (view["reason"], view["moves"][-1]["reason"])
