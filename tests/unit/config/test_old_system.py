"""The demo's old system: chunks of steps, records in place, repeats by the façade's rule, the same bytes again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from adapters.channels.http import Reply, ReplyLost
from bus.messages import Event
from config.demo.day import Feed
from config.demo.old_client import PATIENCE, Impatient, NoAnswer, OldClient
from config.demo.old_system import CHUNK, UNKNOWN_FIELD, OldSystem
from config.demo.spoil import UNKNOWN
from tests.builders import PROGRESSED, event_json, make_event, make_step
from tests.portal_kit import h99_tables

YES = {"error_code": 0, "message": "thành công"}


class Client:
    """Says yes to all but what has a field that nobody knows."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def record_of(self, event: Event) -> dict[str, Any]:
        return {"MaHoSo": event.dossier, "GhiChu": event.data["note"]}

    def step_of(self, event: Event) -> dict[str, Any]:
        return {"MaHoSo": event.dossier, "NoiDungXuLy": event.data["content"]}

    def sync(self, told: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append([told["GhiChu"]])
        return YES

    def progress(self, told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self.calls.append([each["NoiDungXuLy"] for each in told])
        return {"error_code": -1} if any(UNKNOWN_FIELD in each for each in told) else YES


class World:
    """The system, what it called, and what it noted."""

    def __init__(self) -> None:
        self.client = Client()
        self.answers: list[str] = []
        self.system = OldSystem(self.client, lambda feed, answer: self.answers.append(answer))

    def record(self, note: str, dossier: str = "H99.20.22-260703-0001", **more: Any) -> None:
        self._tell(event_json(dossier=dossier, note=note), more)

    def step(self, content: str, dossier: str = "H99.20.22-260703-0001", **more: Any) -> None:
        self._tell(event_json(PROGRESSED, dossier=dossier, content=content), more)

    def _tell(self, event: dict[str, Any], more: dict[str, Any]) -> None:
        event["data"] |= more
        self.system.tell(Feed(line=json.dumps(event).encode()))


def test_steps_go_in_chunks() -> None:
    """Ten steps make a call, of whatever dossiers; the last ones go when the day ends."""
    world = World()
    for n in range(CHUNK + 2):
        world.step(f"step {n}", f"H99.20.22-260703-{n % 3:04d}")

    assert [10] == [len(call) for call in world.client.calls]
    world.system.finish()
    world.system.finish()
    assert [10, 2] == [len(call) for call in world.client.calls]
    assert ["recorded"] * 12 == world.answers


def test_a_dossiers_order_is_kept() -> None:
    """A record waits for no steps but those of its own dossier, which go before it."""
    world = World()
    world.step("a")
    world.record("of another", "H99.20.22-260703-0002")
    world.record("b")

    assert [["of another"], ["a"], ["b"]] == world.client.calls


def test_repeat_is_what_equals_the_latest() -> None:
    """A, A, B, A of records and of steps: three events each; both kinds count for themselves."""
    world = World()
    for text in ("a", "a", "b", "a"):
        world.record(text)
        world.step(text)
    world.system.finish()

    assert {"recorded": 6, "repeated": 2} == Counter(world.answers)
    (line,) = world.system.new.values()
    assert ["a", "a", "b", "b", "a", "a"] == [wire["data"].get("note") or wire["data"]["content"] for wire in line]


def test_refused_call_takes_no_others_with_it() -> None:
    """What nobody will take goes alone, after what was before it, and is no event."""
    world = World()
    world.step("good")
    world.step("bad", **{UNKNOWN: "high"})
    world.record("bad record", **{UNKNOWN: "high"})

    assert [["good"], ["bad"], ["bad record"]] == world.client.calls
    assert ["recorded", "refused"] == world.answers[:2]
    assert ["good"] == [wire["data"].get("content") for wire in world.system.new["H99.20.22-260703-0001"]][:1]


class Adapter:
    """A transport that answers as the façade does, and keeps the bodies of the calls."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_closed = False

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if url.endswith("/login"):
            return Reply(status=200, head=b"", body=json.dumps(YES | {"session": "s"}).encode())
        self.bodies.append(body)
        return Reply(status=200, head=b"", body=json.dumps(YES).encode())

    def close(self) -> None:
        self.is_closed = True


def old_client(adapter: Adapter, every: int) -> OldClient:
    return OldClient(
        "http://127.0.0.1:1",
        username="u",
        password="p",
        madonvi="000.00.00.H99",
        tables=h99_tables(),
        open_transport=lambda _: Impatient(adapter, every=every),
    )


def test_same_bytes_again_after_no_answer() -> None:
    """Of every second call the answer is not heard: the call goes again, byte for byte, and is counted."""
    adapter = Adapter()
    client = old_client(adapter, every=2)
    client.record(make_event())
    client.steps([make_step(content="a"), make_step(content="b")])
    client.close()

    assert 3 == len(adapter.bodies)
    assert adapter.bodies[1] == adapter.bodies[2]
    assert 2 == client.sent_again
    assert adapter.is_closed


def test_patience_ends() -> None:
    """A client that never hears an answer gives up, and says so."""
    adapter = Adapter()
    client = old_client(adapter, every=1)
    with pytest.raises(NoAnswer):
        client.record(make_event())

    assert PATIENCE == len(adapter.bodies)


def test_lost_reply_is_a_lost_reply() -> None:
    """The impatient transport sends the request whole before it hangs up."""
    adapter = Adapter()
    with pytest.raises(ReplyLost):
        Impatient(adapter, every=1).perform("POST", "http://127.0.0.1:1/integration", {}, b"x")

    assert [b"x"] == adapter.bodies
