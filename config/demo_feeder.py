"""Feeding the day through the doors, really signed: each dossier's events in their order of arrival.

REST      the departments' events one by one, on several connections; the communes', which are numbered, in batches
SOAP      two wards' events as signed messages: of one ward one by one in SOAP 1.1, of the other many at a time in 1.2
façade    an old system's records and steps, in the portal's own words; what got no answer is sent again as it was

A dossier always goes by the same connection, so its order is what the day says.
"""

from __future__ import annotations

import json
import threading
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from adapters.channels.http import HttpSettings, open_fastest
from bus.ports import Clock
from config.demo import approving, born, paying
from config.demo.day import Feed
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS, WARDS_UNITS
from config.demo.old_client import Impatient, NoAnswer, OldClient
from config.demo.old_system import OldSystem
from config.demo.soap_client import NoSoapAnswer, SoapClient
from config.demo.soap_system import TOGETHER, SoapSystem
from config.demo_cashier import Cashier
from config.demo_mocks import Control
from config.demo_settings import CALLERS, MADONVI, OLD_ACCOUNT, OLD_USER, SOAP, WARDS_CALLER
from config.demo_signer import Signatory
from config.demo_stage import Stage
from config.partner_tables import in_force
from config.signed_client import DoorClosed, DoorRefused, SignedClient
from contracts.one_stop.envelopes import SOAP_11, SOAP_12
from signing.keys import certificates_in, from_pem
from signing.trust import Trust

LANES: Final = 8
BATCH: Final = 100
BATCH_BYTES: Final = 4_000_000
ANSWERS: Final = {201: "recorded", 200: "repeated"}
VERSIONS: Final = dict(zip(WARDS_UNITS, (SOAP_11, SOAP_12), strict=True))
DEAF_EVERY: Final = 6
"""The old system does not wait for the answer to every sixth of its calls, and sends that call again."""
LOOK_S: Final = 0.3
"""How often the wards' system looks for what it was handed."""
Key = tuple[str, str]
Way = Callable[[list[Feed]], None]


class Feeder:
    """Feeds in threads; counts what the doors answered, and keeps what they took."""

    def __init__(self, stage: Stage, feeds: Sequence[Feed], clock: Clock, *, seed: int | None = None) -> None:
        """With a seed three systems speak side by side, and citizens file on the portal; else all is REST."""
        is_side_by_side = seed is not None
        self._stage = stage
        self._clock = clock
        self._clients = {
            source: SignedClient(stage.bus, caller=caller, secret=stage.secrets[caller], clock=clock)
            for source, caller in CALLERS.items()
        }
        self._unnamed = frozenset({OLD} if is_side_by_side else ())
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.total = len(feeds)
        self.fed = 0
        self.answers: Counter[tuple[str, str]] = Counter()
        """By source and answer."""
        self.surprises: list[str] = []
        self.taken: dict[Key, dict[str, Any]] = {}
        """The event that was recorded under each key, texts in NFC: what the judge goes by."""
        self.told: Mapping[str, Sequence[dict[str, Any]]] = {}
        """By dossier, in order: the new events of the system that gives them no ids."""
        self.trouble: BaseException | None = None
        lanes = self._lanes(feeds, is_side_by_side=is_side_by_side)
        works: list[Callable[[], None]] = [partial(way, lane) for (way, _), lane in lanes.items()]
        self.born: dict[str, str] = {}
        """Their numbers in the wards' system → their national numbers."""
        self.cashier: Cashier | None = None
        self.signatory: Signatory | None = None
        if seed is not None:
            works.append(partial(self._handle_filed, seed))
            self.total += born.COUNT * born.EVENTS
            self.cashier = Cashier(stage, seed, self._post_one, self._stop)
            works.append(self.cashier.play)
            self.total += paying.events_of(seed)
            self.signatory = Signatory(stage, seed, self._post_one, self._stop)
            works.append(self.signatory.play)
            self.total += approving.events_of(seed)
        self._threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]

    def _lanes(self, feeds: Sequence[Feed], *, is_side_by_side: bool) -> dict[tuple[Way, str], list[Feed]]:
        """What each thread feeds, and in which way."""
        found: dict[tuple[Way, str], list[Feed]] = {}
        for feed in feeds:
            source, dossier = _place(feed)
            if source == COMMUNES:
                lane: tuple[Way, str] = self._in_batches, ""
            elif is_side_by_side and source == OLD:
                lane = self._over_facade, ""
            elif is_side_by_side and source == WARDS:
                lane = self._over_soap, feed.wire["data"]["unit"]
            else:
                lane = self._one_by_one, str(zlib.crc32(dossier.encode()) % LANES)
            found.setdefault(lane, []).append(feed)
        return found

    def count(self, answer: str, *sources: str) -> int:
        """How often this was answered, to these sources or to all."""
        return sum(n for (source, said), n in self.answers.items() if said == answer and source in (sources or source))

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
        if self.signatory is not None:
            self.signatory.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (DoorClosed, DoorRefused, NoAnswer, NoSoapAnswer) as trouble:
            self.trouble = trouble

    def _one_by_one(self, lane: list[Feed]) -> None:
        client = self._clients[ONE_STOP]
        for feed in lane:
            if self._stop.is_set():
                return
            reply = client.post_event(feed.line)
            answer = ANSWERS.get(reply.status) or _refused(json.loads(reply.body))
            self._note([(feed, answer)])

    def _post_one(self, wire: Mapping[str, Any]) -> None:
        """One event of the departments' system, outside its day."""
        feed = Feed(line=json.dumps(wire, ensure_ascii=False).encode(), expectation="recorded")
        reply = self._clients[ONE_STOP].post_event(feed.line)
        self._note([(feed, ANSWERS.get(reply.status) or _refused(json.loads(reply.body)))])

    def _in_batches(self, lane: list[Feed]) -> None:
        client = self._clients[COMMUNES]
        for part in _parted(lane):
            if self._stop.is_set():
                return
            answers = client.post_lines(b"".join(feed.line + b"\n" for feed in part))
            self._note([(feed, str(told["result"])) for feed, told in zip(part, answers, strict=True)])

    def _over_soap(self, lane: list[Feed]) -> None:
        unit = lane[0].wire["data"]["unit"]
        client = self._soap_client(unit)
        together = 1 if unit == WARDS_UNITS[0] else TOGETHER
        system = SoapSystem(client, lambda feed, answer: self._note([(feed, answer)]), together=together)
        try:
            self._tell_all(system, lane)
        finally:
            client.close()

    def _handle_filed(self, seed: int) -> None:
        """Citizens file; the wards' system sees what it is handed, and tells of it."""
        portal, one_stop = Control(self._stage.mocks), Control(self._stage.mocks, "one_stop")
        client = self._soap_client(WARDS_UNITS[1])
        try:
            for number in portal.post("file", born.order(seed, self._stage.bus))["numbers"]:
                if (handed := self._handed_over(one_stop, number)) is None:
                    return
                own = handed["entry"]["number"]
                self.born[own] = number
                wires = born.life(handed["body"], own)
                _, answer = client.record(*wires)
                feeds = [Feed(line=json.dumps(wire).encode(), expectation="recorded") for wire in wires]
                said = answer.results or ("refused",) * len(feeds)
                self._note(list(zip(feeds, said, strict=True)))
            # The portal may have missed an answer and be sending again what is here already.
            while portal.get("filed")["open"] and not self._stop.is_set():
                self._stop.wait(LOOK_S)
        finally:
            for each in (portal, one_stop, client):
                each.close()

    def _handed_over(self, one_stop: Control, number: str) -> dict[str, Any] | None:
        """The wards' system's own row of it, once it is there; None when the feeding stops before."""
        while not self._stop.is_set():
            for row in one_stop.get(f"effects?dossier={number}&body=1"):
                if row["operation"] == born.FILED:
                    found: dict[str, Any] = row
                    return found
            self._stop.wait(LOOK_S)
        return None

    def _soap_client(self, unit: str) -> SoapClient:
        folder = self._stage.folder
        door = certificates_in(folder / f"{SOAP}.key.crt")[0].public_bytes(Encoding.DER)
        key = folder / f"{WARDS_CALLER}.key"
        return SoapClient(
            self._stage.bus,
            soap=VERSIONS[unit],
            identity=from_pem(key, Path(f"{key}.crt"), name=WARDS_CALLER, is_demo=True),
            trust=Trust(named=[door], revocation="none", is_demo=True),
            clock=self._clock,
        )

    def _over_facade(self, lane: list[Feed]) -> None:
        client = OldClient(
            self._stage.bus,
            username=OLD_USER,
            password=self._stage.secrets[OLD_ACCOUNT].decode(),
            madonvi=MADONVI,
            tables=in_force(self._stage.installation.reads, "national_portal"),
            open_transport=_deaf,
        )
        system = OldSystem(client, lambda feed, answer: self._note([(feed, answer)]))
        self.told = system.new
        try:
            self._tell_all(system, lane)
        finally:
            self.answers[(OLD, "repeated")] += client.sent_again
            client.close()

    def _tell_all(self, system: SoapSystem | OldSystem, lane: Iterable[Feed]) -> None:
        for feed in lane:
            if self._stop.is_set():
                return
            system.tell(feed)
        system.finish()

    def _note(self, told: Sequence[tuple[Feed, str]]) -> None:
        with self._lock:
            self.fed += len(told)
            for feed, answer in told:
                source, _ = _place(feed)
                self.answers[(source, answer)] += 1
                if answer == "recorded" and source not in self._unnamed:
                    wire = in_nfc(feed.line)
                    self.taken[(wire["source"], wire["id"])] = wire
                if trouble := self._surprise(feed, source, answer):
                    self.surprises.append(trouble)

    def _surprise(self, feed: Feed, source: str, answer: str) -> str | None:
        wanted = "replayed" if feed.is_same_message else feed.expectation
        if wanted in (None, answer):
            return None
        if source in self._unnamed and (wanted, answer) == ("recorded", "repeated"):
            return None  # a second record that says nothing new is one more event only where events have ids
        return f"{feed.wire.get('id')}: the door said {answer}, not {wanted}"


def _deaf(settings: HttpSettings) -> Impatient:
    return Impatient(open_fastest(settings), every=DEAF_EVERY)


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
