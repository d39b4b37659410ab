"""The demo's own eyes: its console, asked over HTTP with the demo's token and read as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.channels.http import HttpSettings, Transport, open_fastest
from adapters.doors.console.words import load
from bus.messages import State
from config.demo.console_judge import disagreements, open_ones_shown
from config.demo_stage import Stage

LARGEST_PAGE: Final = 5_000_000


def console_disagreements(here: Stage, account: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every delivery of the ledger beside what the log shows of it; and whatever is open, in the list of the open."""
    rows, words = list(account), words_of_states()
    transport = open_fastest(HttpSettings(allow_http=True, max_reply_bytes=LARGEST_PAGE))
    try:
        eyes = Eyes(transport, here)
        return (*disagreements(eyes.get, rows, words, filters=False), *open_ones_shown(eyes.get, rows, words))
    finally:
        transport.close()


def words_of_states() -> dict[str, str]:
    """The agreed Vietnamese words."""
    words = load()
    return {state.value: words.text("vi", f"glossary.states.{state}") for state in State}


class Eyes:
    """Somebody at the demo's console."""

    def __init__(self, transport: Transport, here: Stage) -> None:
        self._transport = transport
        self._here = here

    def get(self, path: str) -> str:
        """A page's HTML. Raises OSError where there is none."""
        headers = {"Authorization": f"Bearer {self._here.token}", "Accept-Language": "vi"}
        reply = self._transport.perform("GET", f"{self._here.bus}/console{path}", headers, b"")
        if reply.status != 200:
            raise OSError(f"the console answers {path} with {reply.status}")
        return reply.body.decode()
