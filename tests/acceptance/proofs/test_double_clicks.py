"""Two hundred double clicks over real HTTP, each pair at once at two doors of one ledger: two hundred single acts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from html import unescape
from pathlib import Path

import httpx2
import pytest

from bus.audit import Act, Audit
from config.console import people_of
from tests.acceptance.desk import Place, place
from tests.builders import make_event

PAIRS = 200
START_S = 120.0
WHO = {"actor": "person:root", "reason": "for the tests"}


@contextmanager
def door(here: Place, name: str) -> Iterator[str]:
    """`lienthong web` in a process of its own, on a port of its own; where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = here.folder / f"{name}.toml"
    told = (here.folder / "lienthong.toml").read_text()
    config.write_text(re.sub(r"(?m)^port = \d+", f"port = {port}", told, count=1))
    config.chmod(0o600)
    command = [sys.executable, "-P", "-m", "config.cli", "web", "--config", str(config), "--with-parent"]
    with (here.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*command, str(os.getpid())], stderr=log)
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/console"
        finally:
            process.terminate()
            process.wait(60)


def wait_for(port: int) -> None:
    """Until the door listens."""
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the door does not listen"
            time.sleep(0.05)


def story(here: Place) -> tuple[list[int], str]:
    """Deliveries that were given up, one of each dossier; and the session of somebody who may replay them."""
    with here.open() as installation:
        events = [make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}") for n in range(PAIRS)]
        installation.intake.accept_many(events)
        ids = [int(row["id"]) for row in installation.reads.deliveries(limit=500)]
        for number in ids:
            installation.repairs.cancel(number, **WHO)
        people = people_of(installation, Audit(installation.ledger))
        people.add("an", shown="Nguyễn Văn An", password="-", roles=("operator",), units=None, **WHO)
        return ids, people.sign_in("an", address="127.0.0.1", agent="tests").token


def press(client: httpx2.Client, url: str, token: str, number: int, fields: dict[str, str]) -> tuple[int, str]:
    """One click; the answer's status, and what a person reads of it where it is no way on."""
    headers = {"cookie": f"lienthong={token}", "origin": url.removesuffix("/console")}
    answer = client.post(f"{url}/deliveries/{number}/replay", data=fields, headers=headers)
    return answer.status_code, " ".join(re.sub("<[^>]+>", " ", answer.text.partition("<main")[2]).split())


def form(client: httpx2.Client, url: str, token: str, number: int) -> dict[str, str]:
    """The fields of the replay form, as a browser would send them."""
    page = client.get(f"{url}/deliveries/{number}/repair", headers={"cookie": f"lienthong={token}"}).text
    part = page.split('id="replay"', 1)[1].split("</form>", 1)[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', part)
    return {name: unescape(value) for name, value in hidden} | {"reason": "đã sửa ở phía đối tác"}


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation without a worker."""
    with place(tmp_path, capsys) as made:
        yield made


def test_p02_two_hundred_double_clicks(here: Place) -> None:
    """Each form is pressed at two processes at the same moment: one move, one audit row, and both are answered."""
    ids, token = story(here)
    with ExitStack() as stack:
        urls = [stack.enter_context(door(here, name)) for name in ("door-1", "door-2")]
        clients = [stack.enter_context(httpx2.Client(timeout=60, verify=False)) for _ in urls]
        threads = stack.enter_context(ThreadPoolExecutor(2))
        answers = Counter[tuple[int, str]]()
        for n, number in enumerate(ids):
            fields = form(clients[n % 2], urls[n % 2], token, number)
            both = zip(clients, urls, strict=True)
            pair = [threads.submit(press, client, url, token, number, fields) for client, url in both]
            answers.update(click.result() for click in pair)
    with here.open() as installation:
        audit = Audit(installation.ledger)
        moves = [installation.reads.delivery(number)["moves"] for number in ids]
        noted = sum(len(audit.find(act=Act.REPAIRED, dossier=f"H99.09-260703-{n:04d}").entries) for n in range(PAIRS))

    assert {(303, ""): 2 * PAIRS} == answers
    assert [1] * PAIRS == [sum(move["cause"] == "replayed" for move in of) for of in moves]
    assert PAIRS == noted
