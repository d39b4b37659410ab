"""What the wards' one-stop system does all day: its events as signed messages, each dossier's in their order.

One ward sends each event by itself, the other some of them together. What is sent again goes under a new signature; but
now and then somebody sends a signed message a second time just as it was, and must get nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from config.demo.day import Feed
from config.demo.soap_client import SoapAnswer, SoapMessage

TOGETHER: Final = 20
"""Events in one message of the ward that sends many."""
PLAIN: Final = frozenset({"recorded", "repeated"})
"""What goes together: one event that breaks the schema loses its message (contracts/one_stop/NOTES.md#r41)."""

Note = Callable[[Feed, str], None]
"""Hears of each feed's answer."""


class Client(Protocol):
    """`soap_client.SoapClient`."""

    def record(self, *events: Mapping[str, Any]) -> tuple[SoapMessage, SoapAnswer]: ...
    def post(self, message: SoapMessage) -> SoapAnswer | None: ...


class SoapSystem:
    """Tells feeds; for one thread."""

    def __init__(self, client: Client, note: Note, *, together: int) -> None:
        self._client = client
        self._note = note
        self._together = together
        self._waiting: list[Feed] = []
        self._sent: dict[str, SoapMessage] = {}

    def tell(self, feed: Feed) -> None:
        """Send it, or keep it for the next message. Raises NoSoapAnswer."""
        if feed.is_same_message:
            self.finish()
            self._note(feed, _said(self._client.post(self._sent[feed.wire["id"]])))
        elif feed.expectation in PLAIN:
            self._waiting.append(feed)
            if len(self._waiting) >= self._together:
                self.finish()
        else:
            self.finish()
            self._send([feed])

    def finish(self) -> None:
        """Send what waits. Raises NoSoapAnswer."""
        if self._waiting:
            feeds, self._waiting = self._waiting, []
            self._send(feeds)

    def _send(self, feeds: list[Feed]) -> None:
        wires = [feed.wire for feed in feeds]
        message, answer = self._client.record(*wires)
        self._sent.update({wire["id"]: message for wire in wires})
        said = answer.results if answer.code is None else [_said(answer)] * len(feeds)
        for feed, result in zip(feeds, said, strict=True):
            self._note(feed, result)


def _said(answer: SoapAnswer | None) -> str:
    """A Fault in the words of the count; a yes to what was sent before would be a surprise."""
    if answer is None or answer.code is None:
        return "accepted"
    return answer.code if answer.code in ("contradicted", "replayed") else "refused"
