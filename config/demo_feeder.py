"""Feeding the day through the HTTP door, really signed: each dossier's events in their order of arrival.

The departments' one-stop system posts its events one by one, on several connections; the communes' system sends
batches. A dossier always goes by the same connection, so its order is what the day says.
"""

from __future__ import annotations

import json
import threading
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from bus.ports import Clock
from config.demo.day import Feed
from config.demo.lives import COMMUNES, ONE_STOP
from config.demo_stage import CALLERS, Stage
from config.signed_client import DoorClosed, DoorRefused, SignedClient

LANES: Final = 8
BATCH: Final = 100
BATCH_BYTES: Final = 4_000_000
ANSWERS: Final = {201: "recorded", 200: "repeated"}
Key = tuple[str, str]


class Feeder:
    """Feeds in threads; counts what the door answered, and keeps what it took."""

    def __init__(self, stage: Stage, feeds: Sequence[Feed], clock: Clock) -> None:
        self._lanes: list[list[Feed]] = [[] for _ in range(LANES)]
        self._batches: list[Feed] = []
        for feed in feeds:
            source, dossier = _place(feed)
            if source == COMMUNES:
                self._batches.append(feed)
            else:
                self._lanes[zlib.crc32(dossier.encode()) % LANES].append(feed)
        self._clients = {
            source: SignedClient(stage.bus, caller=caller, secret=stage.secrets[caller], clock=clock)
            for source, caller in CALLERS.items()
        }
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.total = len(feeds)
        self.fed = 0
        self.answers: Counter[str] = Counter()
        self.surprises: list[str] = []
        self.taken: dict[Key, dict[str, Any]] = {}
        """The event that was recorded under each key, texts in NFC: what the judge goes by."""
        self.trouble: BaseException | None = None
        works: list[Callable[[], None]] = [partial(self._one_by_one, lane) for lane in self._lanes]
        works.append(self._in_batches)
        self._threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def is_done(self) -> bool:
        """Whether every event has its answer, or feeding came to an end otherwise."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Give up, and let go of the connections."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for client in self._clients.values():
            client.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (DoorClosed, DoorRefused) as trouble:
            self.trouble = trouble

    def _one_by_one(self, lane: Iterable[Feed]) -> None:
        client = self._clients[ONE_STOP]
        for feed in lane:
            if self._stop.is_set():
                return
            reply = client.post_event(feed.line)
            answer = ANSWERS.get(reply.status) or _refused(json.loads(reply.body))
            self._note([(feed, answer)])

    def _in_batches(self) -> None:
        client = self._clients[COMMUNES]
        for part in _parted(self._batches):
            if self._stop.is_set():
                return
            answers = client.post_lines(b"".join(feed.line + b"\n" for feed in part))
            self._note([(feed, str(told["result"])) for feed, told in zip(part, answers, strict=True)])

    def _note(self, told: Sequence[tuple[Feed, str]]) -> None:
        with self._lock:
            self.fed += len(told)
            for feed, answer in told:
                self.answers[answer] += 1
                if answer == "recorded":
                    wire = in_nfc(feed.line)
                    self.taken[(wire["source"], wire["id"])] = wire
                if feed.expectation is not None and answer != feed.expectation:
                    self.surprises.append(f"{feed.wire.get('id')}: the door said {answer}, not {feed.expectation}")


def _parted(feeds: Sequence[Feed]) -> Iterator[list[Feed]]:
    """Batches of so many lines, and never more bytes than the door takes."""
    part: list[Feed] = []
    size = 0
    for feed in feeds:
        if part and (len(part) >= BATCH or size + len(feed.line) > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(feed)
        size += len(feed.line) + 1
    if part:
        yield part


def in_nfc(line: bytes) -> dict[str, Any]:
    """The event with its texts in NFC, as the bus keeps them."""
    found: dict[str, Any] = json.loads(unicodedata.normalize("NFC", line.decode()))
    return found


def sources_in(feeds: Iterable[Feed]) -> list[str]:
    """The sources that a file's events name."""
    return sorted({source for source, _ in map(_place, feeds) if source})


def _place(feed: Feed) -> tuple[str, str]:
    """Source and dossier; whatever cannot be read goes anywhere, and the door says what is wrong with it."""
    try:
        wire = json.loads(feed.line)
        source, dossier = wire["source"], wire["subject"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""
    return (source, dossier) if isinstance(source, str) and isinstance(dossier, str) else ("", "")


def _refused(problem: dict[str, Any]) -> str:
    return "contradicted" if problem.get("code") == "contradicted" else "refused"
