"""POST /v1/events: what is answered, what is kept, and what is turned away."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.doors.problems import MEDIA_TYPE, is_reference
from adapters.doors.receipts import signed_bytes
from bus.errors import LedgerUnavailable
from bus.messages import State
from signing.keys import verify
from tests.builders import DOSSIER, NOON, SOURCE, event_json, step_json
from tests.doors import HQ, OTHER_SOURCE, TOKEN, DoorWorld, door, signed_headers, wire
from tests.world import World


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path) as made:
        yield made


def test_recorded(at: DoorWorld):
    """A new event is answered 201 with id, source, digest, time and receipt, and the worker is woken."""
    response = at.post(wire())
    told = response.json()

    assert 201 == response.status_code
    assert ["id", "source", "digest", "accepted_at", "receipt"] == list(told)
    assert (event_json()["id"], SOURCE) == (told["id"], told["source"])
    assert 1 == at.events()
    assert [1] == at.woken


def test_receipt_verifies(at: DoorWorld):
    """The receipt is our Ed25519 signature over the RFC 8785 form of the other four members."""
    told = at.post(wire()).json()
    algorithm, key_id, signature = told.pop("receipt").split(":")

    assert ("ed25519", at.identity.key_id) == (algorithm, key_id)
    verify(signed_bytes(**told), base64.b64decode(signature), at.identity.public_key)


def test_p04_repeat_gets_the_first_answer_byte_for_byte(at: DoorWorld):
    """The same event under a fresh signature, later and after a restart, gets the very bytes of the first answer."""
    first = at.post(wire())
    at.world.pass_time(3600)
    again = at.post(wire())
    # Another spelling of the same content is the same event: blanks and the order of members say nothing.
    respelt = at.post(json.dumps(dict(reversed(event_json().items())), indent=3).encode())

    assert (201, 200, 200) == (first.status_code, again.status_code, respelt.status_code)
    assert first.content == again.content == respelt.content
    assert "true" == again.headers["idempotency-replayed"]
    assert "idempotency-replayed" not in first.headers
    assert 1 == at.events()


def test_p04_contradiction_changes_nothing(at: DoorWorld):
    """The same id with another content is refused, and the first answer still stands."""
    first = at.post(wire(id="one"))
    other = at.post(wire(id="one", summary="Một việc khác"))
    again = at.post(wire(id="one"))

    assert (422, "contradicted") == (other.status_code, other.json()["code"])
    assert "/id" == other.json()["errors"][0]["field"]
    assert first.content == again.content
    assert 1 == at.events()


def test_p04_failed_first_try_can_be_tried_again(at: DoorWorld):
    """What was refused left no trace under its id: mended, it is recorded."""
    refused = at.post(wire(id="one", status="nonsense"))
    mended = at.post(wire(id="one"))

    assert (422, 201) == (refused.status_code, mended.status_code)


def test_replay_of_signed_bytes(at: DoorWorld):
    """The very same signed request again is a replay: 401, and nothing more is recorded."""
    body = wire()
    headers = signed_headers("POST", "/v1/events", body, clock=at.world.clock)
    first = at.client.post("/v1/events", content=body, headers=headers)
    again = at.client.post("/v1/events", content=body, headers=headers)

    assert (201, 401, "replayed") == (first.status_code, again.status_code, again.json()["code"])
    assert 1 == at.events()


def test_key_equals_id(at: DoorWorld):
    """An Idempotency-Key, when sent and signed, must equal the event's id."""
    good = at.post(wire(id="one"), key="one")
    bad = at.post(wire(id="two"), key="three")

    assert (201, 422, "key_mismatch") == (good.status_code, bad.status_code, bad.json()["code"])
    assert 1 == at.events()


def test_numbered_source_needs_its_number(tmp_path: Path):
    """A source that agreed to number its events is refused without a number, and taken with one."""
    with door(tmp_path, world=World(tmp_path, orders={SOURCE: "sequence"})) as at:
        without, numbered = at.post(wire()), at.post(wire(sequence=1))

    assert (422, "missing_field") == (without.status_code, without.json()["code"])
    assert "/sequence" == without.json()["errors"][0]["field"]
    assert 201 == numbered.status_code


def unsigned(at: DoorWorld):
    return at.client.post("/v1/events", content=wire(), headers={"content-type": "application/json"})


def wrongly_signed(at: DoorWorld):
    return at.post(wire(), secret=b"x" * 32)


def altered_body(at: DoorWorld):
    headers = signed_headers("POST", "/v1/events", wire(), clock=at.world.clock)
    return at.client.post("/v1/events", content=wire(summary="khác"), headers=headers)


def altered_query(at: DoorWorld):
    headers = signed_headers("POST", "/v1/events", wire(), clock=at.world.clock)
    return at.client.post("/v1/events?x=1", content=wire(), headers=headers)


def garbled_signature(at: DoorWorld):
    return at.post(wire(), headers={"signature-input": "x"})


def unknown_caller(at: DoorWorld):
    return at.post(wire(), caller=replace(HQ, name="nobody-knows-me"))


def stale(at: DoorWorld):
    return at.post(wire(), age=timedelta(minutes=6))


def from_the_future(at: DoorWorld):
    return at.post(wire(), age=-timedelta(minutes=6))


def bearer_outside_demo(at: DoorWorld):
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    return at.client.post("/v1/events", content=wire(), headers=headers)


def foreign_source(at: DoorWorld):
    return at.post(wire(source=OTHER_SOURCE))


def ten_megabytes(at: DoorWorld):
    return at.post(wire(note="x" * 10_000_000))


def compressed(at: DoorWorld):
    return at.post(gzip.compress(wire()), headers={"content-encoding": "gzip"})


def as_text(at: DoorWorld):
    return at.post(wire(), content_type="text/plain")


def other_charset(at: DoorWorld):
    return at.post(wire(), content_type="application/json; charset=utf-16")


def nested(at: DoorWorld):
    return at.post(b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}")


def twice(at: DoorWorld):
    return at.post(wire()[:-1] + b',"id":"another"}')


def latin(at: DoorWorld):
    return at.post(json.dumps(event_json(summary="Đề nghị"), ensure_ascii=False).encode("cp1258", "replace") + b"\xff")


def cut(at: DoorWorld):
    return at.post(wire()[:-10])


def decomposed(at: DoorWorld):
    return at.post(wire(dossier="H99.Thuộc-1".replace("ộ", "o\u0323\u0302")))


def without_zone(at: DoorWorld):
    return at.post(wire(envelope={"time": "2026-07-03T12:00:00"}))


def no_such_day(at: DoorWorld):
    return at.post(wire(envelope={"time": "2026-02-30T12:00:00+07:00"}))


def stranger_member(at: DoorWorld):
    return at.post(wire(envelope={"extra": 1}))


def wrong_type(at: DoorWorld):
    return at.post(wire(envelope={"id": 7}))


REFUSED = [
    (unsigned, 401, "unsigned", None),
    (wrongly_signed, 401, "bad_signature", None),
    (altered_body, 401, "bad_signature", None),
    (altered_query, 401, "bad_signature", None),
    (garbled_signature, 401, "bad_signature", None),
    (unknown_caller, 401, "bad_signature", None),
    (stale, 401, "stale_signature", None),
    (from_the_future, 401, "stale_signature", None),
    (bearer_outside_demo, 401, "unsigned", None),
    (foreign_source, 403, "forbidden_source", "/source"),
    (ten_megabytes, 413, "too_large", ""),
    (compressed, 415, "media_type", ""),
    (as_text, 415, "media_type", ""),
    (other_charset, 415, "media_type", ""),
    (nested, 400, "too_deep", ""),
    (twice, 400, "duplicate_member", "/id"),
    (latin, 400, "not_utf8", ""),
    (cut, 400, "malformed_json", ""),
    (decomposed, 422, "not_nfc", "/subject"),
    (without_zone, 422, "out_of_range", "/time"),
    (no_such_day, 422, "out_of_range", "/time"),
    (stranger_member, 422, "unknown_field", "/extra"),
    (wrong_type, 422, "wrong_type", "/id"),
]


@pytest.mark.parametrize(("send", "status", "code", "field"), REFUSED, ids=[row[0].__name__ for row in REFUSED])
def test_refused(at: DoorWorld, send, status: int, code: str, field: str | None):
    """What breaks a rule gets a problem that names it; nothing is recorded; the operator finds it by its reference."""
    response = send(at)
    told = response.json()

    assert (status, code) == (response.status_code, told["code"])
    assert MEDIA_TYPE == response.headers["content-type"]
    assert (status, f"urn:lienthong:problem:{code}") == (told["status"], told["type"])
    assert field is None or field == told["errors"][0]["field"]
    assert is_reference(told["reference"])
    assert 0 == at.events()
    kept = at.refusal(response)
    assert (code, status, "POST /v1/events") == (kept["code"], kept["status"], kept["route"])


@pytest.mark.parametrize("send", [wrongly_signed, stale])
def test_base_is_kept(at: DoorWorld, send):
    """Where a signature does not fit, the operator sees the base as we built it: the first differing line answers."""
    kept = at.refusal(send(at))

    assert kept["caller"] == HQ.name
    assert kept["base"].splitlines()[0] == '"@method": POST'
    assert f'keyid="{HQ.name}"' in kept["base"]


def test_languages(at: DoorWorld):
    """Vietnamese unless English is wanted more; the code is the same in both."""
    default = unsigned(at)
    english = at.client.post("/v1/events", content=b"{}", headers={"accept-language": "en-GB,vi;q=0.5"})

    assert ("vi", "Chưa ký") == (default.headers["content-language"], default.json()["title"])
    assert ("en", "Not signed") == (english.headers["content-language"], english.json()["title"])
    assert default.json()["code"] == english.json()["code"]


def test_no_personal_data_is_kept_of_a_refusal(at: DoorWorld):
    """A member name that a stranger chose may be somebody's number: log, note and metrics do not repeat it."""
    response = at.post(wire(envelope={"099000000001": "0900000001"}))
    kept = json.dumps(at.refusal(response))

    assert 422 == response.status_code
    assert "099000000001" not in kept
    assert "0900000001" not in response.text + kept + at.client.get("/metrics").text


def test_unavailable(tmp_path: Path):
    """When the ledger cannot be written the answer is 503 with Retry-After, never a 2xx; later the same is recorded."""
    with door(tmp_path) as at:
        tell = at.world.ledger.engine.tell
        at.world.ledger.engine.tell = _failing  # type: ignore[method-assign]
        refused = at.post(wire())
        at.world.ledger.engine.tell = tell  # type: ignore[method-assign]
        again = at.post(wire())

    assert (503, "unavailable") == (refused.status_code, refused.json()["code"])
    assert int(refused.headers["retry-after"]) > 0
    assert 201 == again.status_code


def _failing(_work, teller, token):
    teller([(token, None, LedgerUnavailable("no room"))])


def test_own_trouble_shows_nothing(tmp_path: Path):
    """A bug of ours is a problem with a reference; its words and its traceback stay in the log."""

    def stumble(name: str) -> None:
        if name == "door.verified":
            raise ValueError("0900000001 is a secret of the inside")

    with door(tmp_path, crash_point=stumble) as at:
        response = at.post(wire())
        kept = at.refusal(response)

    assert (500, "unavailable") == (response.status_code, response.json()["code"])
    assert "inside" not in response.text
    assert "Traceback" not in response.text
    assert (500, HQ.name) == (kept["status"], kept["caller"])


def test_demo_token(tmp_path: Path):
    """In the demo, and only there, a bearer token opens the door for all sources."""
    with door(tmp_path, demo_token=TOKEN) as at:
        headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
        own, any_source, wrong = (
            at.client.post("/v1/events", content=wire(source=source), headers=headers | more)
            for source, more in [(SOURCE, {}), ("anything/h99", {}), (SOURCE, {"authorization": "Bearer nearly"})]
        )
        listed = at.client.get("/v1/deliveries", headers=headers)

    assert (201, 201, 401) == (own.status_code, any_source.status_code, wrong.status_code)
    assert 2 == len(listed.json()["items"])


def test_crash_points_in_their_order(tmp_path: Path):
    """The door's named lines are passed in the order of the walk."""
    passed: list[str] = []
    with door(tmp_path, crash_point=passed.append) as at:
        at.post(wire())

    assert ["door.received", "door.verified", "door.before_answer"] == passed


def test_cloudevents_media_type(at: DoorWorld):
    """The media type of CloudEvents is taken too."""
    assert 201 == at.post(wire(), content_type="application/cloudevents+json; charset=UTF-8").status_code


def test_recorded_event_goes_to_the_partner(at: DoorWorld):
    """What came in by HTTP reaches the partner's books."""
    at.post(wire())
    at.world.settle_down()

    assert [DOSSIER] == list(at.world.books.records)
    assert {State.DELIVERED.value: 1} == at.world.states()


@pytest.mark.parametrize(("language", "words"), [("en", "ahead of the clock here"), ("vi", "đồng hồ tại đây")])
@pytest.mark.parametrize("make", [event_json, step_json])
def test_time_far_ahead(at: DoorWorld, make, language: str, words: str):
    """A time more than 24 hours ahead of the door's clock is refused, and what the clock says is told (r28)."""
    body = wire(make(at=NOON + timedelta(hours=24, seconds=1)))
    response = at.post(body, headers={"accept-language": language})
    told = response.json()

    assert (422, "out_of_range", 0) == (response.status_code, told["code"], at.events())
    assert [("/time", "out_of_range")] == [(error["field"], error["rule"]) for error in told["errors"]]
    assert words in told["errors"][0]["detail"]
    assert "24" in told["errors"][0]["detail"]
    assert "2026-07-03T05:00:00Z" in told["errors"][0]["detail"]


@pytest.mark.parametrize("ahead", [timedelta(hours=24), timedelta(days=-3650)])
def test_time_within_a_day_or_past(at: DoorWorld, ahead: timedelta):
    """Up to 24 hours ahead is a clock that differs; the past is taken however late it comes (r28)."""
    assert 201 == at.post(wire(at=NOON + ahead)).status_code


def test_wrong_year_does_not_silence_the_dossier(at: DoorWorld):
    """After an event of a wrong year was refused, the dossier goes on: nothing is superseded by it."""
    at.post(wire(id="wrong", at=NOON + timedelta(days=365 * 36)))
    at.post(wire(id="good"))
    at.world.settle_down()

    assert [("good", "delivered")] == [(e["event"], e["state"]) for e in at.world.reads.deliveries()]
