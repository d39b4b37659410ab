"""POST /v1/events/batch: each line on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.doors import batch
from bus.errors import LedgerUnavailable
from tests.builders import NOON, step_json
from tests.doors import HQ, NDJSON, OTHER_SOURCE, DoorWorld, door, signed_headers, wire

BATCH = "/v1/events/batch"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path) as made:
        yield made


def send(at: DoorWorld, *lines: bytes, **how):
    return at.post(b"\n".join(lines), BATCH, **({"content_type": NDJSON} | how))


def told(response) -> list[dict]:
    return [json.loads(line) for line in response.content.splitlines()]


def test_each_line_is_judged_on_its_own(at: DoorWorld):
    """Recorded, repeated, contradicted and refused stand side by side, each with its line and its problem."""
    at.post(wire(id="old"))
    response = send(
        at,
        wire(id="new"),
        wire(id="old"),
        wire(id="old", summary="khác"),
        b"{}",
        b"",
        b"not json",
        wire(source=OTHER_SOURCE),
        wire(step_json()),
        b"",
    )
    lines = told(response)

    assert (200, NDJSON) == (response.status_code, response.headers["content-type"])
    assert [
        (1, "recorded", None),
        (2, "repeated", None),
        (3, "contradicted", "contradicted"),
        (4, "refused", "missing_field"),
        (6, "refused", "malformed_json"),
        (7, "refused", "forbidden_source"),
        (8, "recorded", None),
    ] == [(each["line"], each["result"], each["problem"] and each["problem"]["code"]) for each in lines]
    assert [["line", "id", "result", "problem"]] * 7 == [list(each) for each in lines]
    assert 3 == at.events()


def test_refused_lines_share_one_reference(at: DoorWorld):
    """One batch is one question on the telephone; the operator's note names the lines."""
    lines = told(send(at, b"{}", wire(), wire(source=OTHER_SOURCE)))
    references = {each["problem"]["reference"] for each in lines if each["problem"]}
    at.world.ledger.engine.write(lambda tx: None)
    kept = at.world.reads.refusal(references.pop())

    assert set() == references
    assert ("POST /v1/events/batch", HQ.name) == (kept["route"], kept["caller"])
    assert [(1, "missing_field"), (3, "forbidden_source")] == [(rule["line"], rule["rule"]) for rule in kept["rules"]]


def test_many_lines_in_chunks(at: DoorWorld):
    """More lines than one transaction takes are all recorded, in their order."""
    count = batch.CHUNK * 2 + 7
    lines = told(send(at, *(wire(dossier=f"H99.09-260703-{n:05}") for n in range(count))))

    assert list(range(1, count + 1)) == [each["line"] for each in lines]
    assert {"recorded"} == {each["result"] for each in lines}
    assert count == at.events()


def test_replay_of_a_batch(at: DoorWorld):
    """The very same signed batch again is a replay; signed anew, every line is a repeat."""
    for body in (wire(), b"{}"):
        headers = signed_headers("POST", BATCH, body, clock=at.world.clock, content_type=NDJSON)
        first = at.client.post(BATCH, content=body, headers=headers)
        again = at.client.post(BATCH, content=body, headers=headers)

        assert (200, 401, "replayed") == (first.status_code, again.status_code, again.json()["code"])
    assert "repeated" == told(send(at, wire()))[0]["result"]


@pytest.mark.parametrize(
    ("body", "how", "status", "code"),
    [
        (b"\n".join([b"{}"] * (batch.MAX_LINES + 1)), {}, 413, "too_large"),
        (b"x" * 10_000_001, {}, 413, "too_large"),
        (b"{}", {"content_type": "application/json"}, 415, "media_type"),
        (b"{}", {"secret": b"x" * 32}, 401, "bad_signature"),
    ],
    ids=["lines", "bytes", "media", "signature"],
)
def test_whole_request_refused(at: DoorWorld, body: bytes, how, status: int, code: str):
    """What concerns the whole request refuses it whole."""
    response = send(at, body, **how)

    assert (status, code) == (response.status_code, response.json()["code"])
    assert "POST /v1/events/batch" == at.refusal(response)["route"]
    assert 0 == at.events()


def test_empty_batch(at: DoorWorld):
    """Nothing in, nothing out."""
    response = send(at, b"\n\n")

    assert (200, b"") == (response.status_code, response.content)


def test_ledger_fails_in_the_middle(at: DoorWorld, monkeypatch: pytest.MonkeyPatch):
    """What was recorded is said to be; the rest is refused as unavailable. Nothing at all recorded: 503."""
    monkeypatch.setattr(batch, "CHUNK", 2)
    real, calls = at.world.intake.accept_many, []

    def failing(events, *, nonce=None):
        calls.append(len(events))
        if len(calls) != 1:
            raise LedgerUnavailable("no room")
        return real(events, nonce=nonce)

    monkeypatch.setattr(at.world.intake, "accept_many", failing)
    lines = told(send(at, *(wire(id=f"e{n}") for n in range(5))))
    nothing = send(at, wire(id="e9"))

    assert ["recorded"] * 2 + ["refused"] * 3 == [each["result"] for each in lines]
    assert {"unavailable"} == {each["problem"]["code"] for each in lines[2:]}
    assert (2, 3) == (at.events(), len(calls))
    assert (503, "unavailable") == (nothing.status_code, nothing.json()["code"])


def test_too_long_line(at: DoorWorld):
    """One line may not be longer than one event; its neighbours do not mind."""
    lines = told(send(at, wire(note="x" * 1_100_000), wire()))

    assert ["refused", "recorded"] == [each["result"] for each in lines]
    assert "too_large" == lines[0]["problem"]["code"]


def test_time_far_ahead(at: DoorWorld):
    """A line whose time is more than 24 hours ahead of the door's clock is refused; its neighbours are taken (r28)."""
    lines = told(
        send(at, wire(id="wrong", at=NOON + timedelta(days=366)), wire(id="good", at=NOON + timedelta(hours=24)))
    )

    assert [("wrong", "refused"), ("good", "recorded")] == [(each["id"], each["result"]) for each in lines]
    assert ("out_of_range", "/time") == (lines[0]["problem"]["code"], lines[0]["problem"]["errors"][0]["field"])
