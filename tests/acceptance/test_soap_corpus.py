"""S1 at the door: the attack corpus over HTTP, on one process, after its restart, and on a second one beside it."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from adapters.doors.server import serve
from adapters.doors.soap import PATH
from adapters.doors.soap_codes import fault_code
from bus.messages import canonical_bytes
from config.signing_key import InstallationKey
from signing.keys import generate
from tests.builders import event_json
from tests.contract.wss_attacks import GOOD, Case, corpus
from tests.message_pki import NOW
from tests.soap_world import Client, addressing, answered, in_child, record, soap_app
from tests.world import SimClock, World
from tests.wss_kit import SOAP_11, SOAP_12, Forge, partner_trust

INSIDE = re.compile(rb"Traceback|\.py\b|sqlite|Exception|lxml|libxml")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A ledger's folder, and the key for receipts in it."""
    generate(tmp_path / "signing.key", name="h99")
    World(tmp_path, clock=SimClock(NOW)).close()
    return tmp_path


class Seen:
    """A door of this process: what is in its ledger, and what it counts."""

    def __init__(self, world: World, client: Client, registry: CollectorRegistry) -> None:
        self.world, self.client, self.registry = world, client, registry

    def events(self) -> int:
        row = self.world.ledger.engine.read().one("count_events")
        assert row is not None
        return int(row[0])

    def counted(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == "lienthong_refused_requests_total":
                    found[sample.labels["code"]] += int(sample.value)
        return found


def app_of(home: Path) -> tuple[World, Any, CollectorRegistry]:
    world, registry = World(home, clock=SimClock(NOW)), CollectorRegistry()
    key = InstallationKey.from_file(str(home / "signing.key"))
    return world, soap_app(world, key, trust=partner_trust(), registry=registry), registry


@contextmanager
def opened(home: Path) -> Iterator[Seen]:
    """A door in this process."""
    world, app, registry = app_of(home)
    try:
        with serve(app) as serving, closing(Client(serving.url)) as client:
            yield Seen(world, client, registry)
    finally:
        world.close()


@contextmanager
def beside(home: Path) -> Iterator[Client]:
    """A second door, a process of its own on the same ledger."""
    with in_child(lambda: app_of(home)[1]) as (_, url), closing(Client(url)) as client:
        yield client


def attacks() -> list[Case]:
    return [case for case in corpus() if case.code]


def chosen(most: int) -> list[Case]:
    """A part of them, the same in every run: of each class and code the first ones, in both versions of SOAP."""
    found: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in attacks():
        found[case.name.partition(":")[0], case.code].append(case)
    return [case for each in found.values() for case in each[:most]]


@cache
def valid() -> tuple[tuple[str, str, bytes], ...]:
    """Good messages that carry an event each: every way of signing that is allowed, every text that XML can say."""
    found = []
    for version, soap in (("1.1", SOAP_11), ("1.2", SOAP_12)):
        ways = [(name, changes) for name, changes in GOOD if "content" not in changes]
        for n, (name, changes) in enumerate(ways):
            has_headers = "addressing" not in changes
            told = dict(changes) | {"addressing": (), "content": record(id=f"e{version}-{n}")}
            told["headers"] = changes.get("headers", "") + (addressing() if has_headers else "")
            found.append((f"{version} {name}", soap, Forge(soap=soap).but(**told).message()))
        for n, (name, text) in enumerate(TEXTS.items()):
            content = record(id=f"t{version}-{n}").replace("{text}", "")
            content = content.replace("</lt:summary>", f"{text}</lt:summary>")
            signed = Forge(soap=soap, addressing=(), signed=("body", "ts"), content=content).message()
            found.append((f"{version} {name}", soap, signed))
    return tuple(found)


TEXTS = {
    "CDATA": "<![CDATA[ <b>&amp;]]>",
    "letters in two parts": "Nguye\u0302\u0303n",
    "beyond the basic plane": "\U00020bb7 \U0001f600",
    "line ends": " 1\n2\r\n3",
    "words of an attack": "&lt;!DOCTYPE x> &lt;!-- --&gt;",
}


def codes_of(client: Client, cases: list[Case]) -> dict[str, tuple[str, str]]:
    """The cases whose code is not the one that the contract says."""
    wrong = {}
    for case in cases:
        soap = SOAP_11 if case.name.startswith("1.1") else SOAP_12
        code = client.code(case.data, now=NOW, soap=soap)
        if code != fault_code(case.code):
            wrong[case.name] = (case.code, code)
    return wrong


def walk(home: Path, cases: list[Case], again_too: list[Case]) -> None:
    """Each is answered with a signed Fault of its code, recorded nowhere, counted and logged once."""
    with beside(home) as second:
        with capture_logs() as lines, opened(home) as seen:
            assert {} == codes_of(seen.client, cases)
            counted = seen.counted()
            assert 0 == seen.events()
        refused = [line for line in lines if line["event"] == "request_refused"]
        assert len(cases) == len(refused) == sum(counted.values())
        assert Counter(fault_code(case.code) for case in cases) == counted
        assert len({line["reference"] for line in refused}) >= len(refused) - 3
        assert [] == [line for line in lines if line["log_level"] in ("error", "critical")]
        with opened(home) as again:
            assert {} == codes_of(again.client, again_too)
            assert {} == codes_of(second, again_too)
            assert 0 == again.events()


def test_every_class_of_attack_is_a_fault(home: Path) -> None:
    """Of every class and code some attacks: each a signed Fault, nothing recorded; after a restart, and next door."""
    walk(home, chosen(3), chosen(1))


@pytest.mark.soak
def test_every_attack_is_a_fault(home: Path) -> None:
    """All of them, everywhere."""
    walk(home, attacks(), attacks())


def test_p12_refusals_and_log_name_nobody(home: Path) -> None:
    """S14: the attacks carry names and identity numbers; log, notes and metrics have none of them (P12)."""
    people = ("Nguyễn Văn A", "099000000001", "Nguyễn Thị Ví Dụ", "0900000001")
    changed = Forge(content=record(), addressing=(), signed=("body", "ts")).message().replace(b"75000", b"75001")
    with capture_logs() as lines, opened(home) as seen:
        assert "bad_signature" == seen.client.code(changed, now=NOW)
        codes_of(seen.client, [case for case in chosen(6) if case.code in ("bad_signature", "wrong_parts")])
        seen.world.ledger.engine.write(lambda tx: None)
        notes = seen.world.reads.refusals(limit=500)
        page = seen.client.line.get(seen.client.url + "/metrics").text

    assert len(notes) > 40
    assert any(each["part"] == "Body" and each["sent"] != each["ours"] for note in notes for each in note["digests"])
    told = json.dumps(notes, ensure_ascii=False) + str(lines) + page
    assert [] == [person for person in people if person in told]


def test_faults_show_nothing_of_our_inside(home: Path) -> None:
    """No Fault holds a trace, a file's name, or a word of a library; its problem has title, detail and reference."""
    with opened(home) as seen:
        for case in chosen(1):
            soap = SOAP_11 if case.name.startswith("1.1") else SOAP_12
            response = seen.client.post(case.data, soap=soap)
            assert (500 if soap == SOAP_11 else 400) == response.status_code, case.name
            assert INSIDE.search(response.content) is None, case.name
            told = {each.tag.rpartition("}")[2] for each in answered(response, now=NOW).iter() if each.text}
            assert {"code", "title", "detail", "reference"} <= told


def test_every_valid_message_is_accepted_once(home: Path) -> None:
    """Every way of signing that is allowed records its event; the same bytes again are a replay, wherever they come."""
    with beside(home) as second:
        with opened(home) as seen:
            assert {} == {
                name: code for name, soap, raw in valid() if (code := seen.client.code(raw, now=NOW, soap=soap))
            }
            assert len(valid()) == seen.events()
            replays = {seen.client.code(raw, now=NOW, soap=soap) for _, soap, raw in valid()}
        assert {"replayed"} == replays
        with opened(home) as again:
            for client in (again.client, second):
                assert {"replayed"} == {client.code(raw, now=NOW, soap=soap) for _, soap, raw in valid()}
            assert len(valid()) == again.events()


def test_the_event_read_is_the_event_signed(home: Path) -> None:
    """What is recorded is what was signed: CDATA is text, and letters in two parts are brought together."""
    with opened(home) as seen:
        for _, soap, raw in valid():
            seen.client.code(raw, now=NOW, soap=soap)
        summary = event_json()["data"]["summary"]
        for n, text in enumerate((" <b>&amp;", "Nguyễn", "\U00020bb7 \U0001f600")):
            event = seen.world.reads.event_content(event_json()["source"], f"t1.1-{n}")
            assert (summary + text).encode() in canonical_bytes(event.data)


def test_two_processes_at_the_same_moment(home: Path) -> None:
    """One message sent to two processes at once is accepted by exactly one of them."""
    with beside(home) as second, opened(home) as seen, ThreadPoolExecutor(2) as both:
        start = Barrier(2)

        def send(client: Client, raw: bytes) -> str:
            start.wait()
            return client.code(raw, now=NOW)

        for n in range(12):
            raw = Forge(addressing=(), signed=("body", "ts"), content=record(id=f"twin-{n}")).message()
            codes = both.map(send, (seen.client, second), (raw, raw))
            assert ["", "replayed"] == sorted(codes)
        assert 12 == seen.events()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes(home: Path, chunked: bool) -> None:
    """A body of 100 MB is refused, announced or not, and the process does not grow by it."""
    with in_child(lambda: app_of(home)[1]) as (child, url), ExitStack() as stack:
        client = stack.enter_context(closing(Client(url)))
        assert "malformed_xml" == client.code(b"<a>", now=NOW)
        before = peak(child)
        line = stack.enter_context(socket.create_connection(client.address, timeout=60))
        said = _send_much(line, chunked=chunked)

        assert said.startswith(b"HTTP/1.1 500")
        assert b"malformed_xml" in said
        assert peak(child) - before < 100_000


def _send_much(line: socket.socket, *, chunked: bool) -> bytes:
    piece, count = b"<a>" * 300_000, 112
    length = "transfer-encoding: chunked" if chunked else f"content-length: {len(piece) * count}"
    line.sendall(f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: text/xml\r\n{length}\r\n\r\n".encode())
    try:
        for _ in range(count):
            line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    except OSError:
        pass  # the door has answered and hung up
    said = b""
    try:
        while got := line.recv(65_536):
            said += got
    except OSError:
        pass
    return said


def peak(process: int) -> int:
    """The most memory that a process ever had, in kilobytes."""
    told = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", told)[1])  # type: ignore[index]
