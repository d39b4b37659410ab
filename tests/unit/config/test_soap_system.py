"""The demo's SOAP system: messages of one or many, each dossier's order kept, replays of what it sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from config.demo.day import Feed
from config.demo.soap_client import SoapAnswer, SoapMessage
from config.demo.soap_system import SoapSystem

Expectation = Literal["recorded", "repeated", "contradicted", "refused"]


class Client:
    """Says what it is told to say to each event, and to a message that it has had before what a replay gets."""

    def __init__(self, **faults: str) -> None:
        self.messages: list[list[str]] = []
        self.replayed: list[SoapMessage] = []
        self.faults = faults

    def record(self, *events: Mapping[str, Any]) -> tuple[SoapMessage, SoapAnswer]:
        ids = [event["id"] for event in events]
        self.messages.append(ids)
        message = SoapMessage(raw=",".join(ids).encode(), id=str(len(self.messages)), operation="")
        if code := self.faults.get(ids[0]):
            return message, SoapAnswer(code=code)
        return message, SoapAnswer(results=("recorded",) * len(ids))

    def post(self, message: SoapMessage) -> SoapAnswer | None:
        self.replayed.append(message)
        return SoapAnswer(code="replayed") if message.id != "lost" else None


class World:
    """The system, its client, and what it noted."""

    def __init__(self, together: int, **faults: str) -> None:
        self.client = Client(**faults)
        self.answers: dict[str, str] = {}
        self.system = SoapSystem(self.client, self._note, together=together)

    def _note(self, feed: Feed, answer: str) -> None:
        self.answers[feed.wire["id"]] = answer

    def tell(self, id: str, expectation: Expectation = "recorded", *, is_same_message: bool = False) -> None:
        line = json.dumps({"id": id}).encode()
        self.system.tell(Feed(line=line, expectation=expectation, is_same_message=is_same_message))


def test_one_by_one() -> None:
    """The ward that sends each event by itself waits for nothing."""
    world = World(1)
    world.tell("a")
    world.tell("b")

    assert [["a"], ["b"]] == world.client.messages


def test_many_together() -> None:
    """The other sends so many at a time, and the rest when the day ends."""
    world = World(2)
    for id in "abc":
        world.tell(id)

    assert [["a", "b"]] == world.client.messages
    world.system.finish()
    world.system.finish()
    assert [["a", "b"], ["c"]] == world.client.messages
    assert {"a": "recorded", "b": "recorded", "c": "recorded"} == world.answers


@pytest.mark.parametrize(
    ("code", "answer"), [("contradicted", "contradicted"), ("invalid", "refused"), ("untrusted", "refused")]
)
def test_what_will_be_refused_goes_alone(code: str, answer: str) -> None:
    """It takes no others with it, and stands after what was before it."""
    world = World(10, bad=code)
    world.tell("a")
    world.tell("bad", "refused")
    world.tell("b")
    world.system.finish()

    assert [["a"], ["bad"], ["b"]] == world.client.messages
    assert answer == world.answers["bad"]


def test_replay_is_the_message_that_carried_it() -> None:
    """Sent again as it was: the whole message, once it has gone out."""
    world = World(10)
    world.tell("a")
    world.tell("b")
    world.tell("a", "repeated", is_same_message=True)

    assert [b"a,b"] == [message.raw for message in world.client.replayed]
    assert "replayed" == world.answers["a"]


def test_no_answer_to_a_replay_is_a_surprise() -> None:
    """Whatever else than a Fault comes of a replay, it is none of the expected answers."""
    world = World(1)
    world.tell("a")
    world.system._sent["a"] = SoapMessage(raw=b"", id="lost", operation="")
    world.tell("a", "repeated", is_same_message=True)

    assert "accepted" == world.answers["a"]
