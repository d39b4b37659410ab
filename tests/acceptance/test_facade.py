"""The drop-in façade on a real port: three kinds of clients, unchanged, through to the portal's books."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from adapters.doors.facade import CONTEXTS
from adapters.partners.national_portal import wire
from bus.dispatch import Dispatcher
from bus.messages import canonical_bytes, digest_of
from config.demo.old_client import NoAnswer, OldClient
from config.wiring import Installation
from contracts.mock_faults import FaultOrder
from tests.acceptance.desk import Place, opened, place
from tests.builders import make_event, make_standing, make_step
from tests.portal_kit import h99_tables, make_settings

UNIT = "000.00.00.H99"
PASSWORD = "a-password-of-an-old-system"
KEY = "a-key-of-the-exchange"
DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
FACADE = f"""
[facade]
enabled = true
[facade.accounts.old]
username = "{UNIT}"
password_file = "old.password"
key_file = "old.key"
source = "old/h99"
madonvi = "{UNIT}"
"""
PATIENCE = 60


def record(**overrides: Any) -> dict[str, Any]:
    """A record as a client sends it: in the portal's own words."""
    return wire.record_of(make_event(**overrides), h99_tables(), make_settings())


def step(**overrides: Any) -> dict[str, Any]:
    """A step as a client sends it."""
    standing = make_standing(procedure=None)
    return wire.step_of(make_step(**overrides), standing, h99_tables(), make_settings())


def digest(stored: dict[str, Any]) -> str:
    """As the mock's books show it."""
    return digest_of(canonical_bytes(stored)).hex()


@dataclass(slots=True, kw_only=True)
class Town:
    """The façade on a port, the mock of the portal behind it, and a worker when it is told to begin."""

    here: Place
    installation: Installation
    url: str
    stack: ExitStack

    def post(self, path: str, body: Any, **how: Any) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8"}
        return httpx2.post(self.url + path, content=raw, headers=headers | how.pop("headers", {}), timeout=30, **how)

    def login(self, path: str = "/VXPAdapter/RestService/forward/mapi/login", password: str = PASSWORD) -> Any:
        return self.post(path, {"username": UNIT, "password": password}).json()

    def call(self, service: str, session: str, *, endpoint: str = "integration", **more: Any) -> Any:
        """As the open-source system does it: the session in the body, `dstcode` in the header."""
        body = {"session": session, "madonvi": UNIT, "service": service, **more}
        path = f"/VXPAdapter/RestService/forward/mapi/{endpoint}"
        return self.post(path, body, headers={"dstcode": DSTCODE}).json()

    def sync(self, session: str, *records: Any, updating: Any = "False") -> Any:
        return self.call("DongBoHoSoMC", session, isUpdating=updating, data=list(records))

    def progress(self, session: str, *steps: Any) -> Any:
        return self.call("CapNhatTienDoHoSoMC", session, data=list(steps))

    def events(self) -> int:
        row = self.installation.ledger.engine.read().one("count_events")
        assert row is not None
        return int(row[0])

    def work(self) -> None:
        """Deliver from now on."""
        stop = threading.Event()
        here = self.installation
        partners = here.partners()
        ports = here.ports
        dispatcher = Dispatcher(here.ledger, partners, name="w", clock=ports.clock, randomness=ports.randomness)

        def run() -> None:
            while not stop.is_set():
                if not dispatcher.run_once():
                    stop.wait(0.02)

        thread = threading.Thread(target=run)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(stop.set)

    def effects(self, count: int = 0) -> list[Any]:
        """The portal's books, once they have so many lines."""
        return until(lambda: self.here.portal.effects.page(after=0, limit=1000), lambda found: len(found) >= count)

    def refusal(self, message: str) -> dict[str, Any]:
        """What the operator finds under the reference that the caller was told."""
        reference = message.rpartition(" ")[2]
        self.installation.ledger.engine.write(lambda tx: None)
        return self.installation.reads.refusal(reference)


def until(look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + PATIENCE
    while not is_there(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def furnish(here: Place, facade: str = FACADE) -> None:
    """The façade's settings and secrets."""
    for name, text in (("old.password", PASSWORD), ("old.key", KEY)):
        (here.folder / name).write_text(text)
        (here.folder / name).chmod(0o600)
    here.set(r"\n\[partners", f"{facade}\n[partners")


@contextmanager
def a_town(folder: Path, capsys: pytest.CaptureFixture[str], facade: str = FACADE) -> Iterator[Town]:
    with place(folder, capsys) as here, ExitStack() as doors:
        furnish(here, facade)
        installation, url = doors.enter_context(opened(here.folder))
        with ExitStack() as stack:
            yield Town(here=here, installation=installation, url=url, stack=stack)


@pytest.fixture
def town(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    with a_town(tmp_path, capsys) as made:
        yield made


# -- three clients -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
def test_adapter_client(town: Town, context: str) -> None:
    """Login, create, two steps in one call, look-up: as against the adapter, and the books hold the very records."""
    town.work()
    base = f"/{context}/RestService/forward/mapi"
    told = town.login(f"{base}/login")
    session = told["session"]

    assert (0, True) == (told["error_code"], "thành công" in told["message"])
    assert [] == town.call("TraCuuHoSo", session, mahoso=record()["MaHoSo"])["result"]
    steps = [step(status="accepted", content="Tiếp nhận"), step(status="completed", content="Xong")]
    for answer in (town.sync(session, record()), town.progress(session, *steps)):
        assert 0 == answer["error_code"]
        assert "thành công" in answer["message"]
    expected = [digest(each) for each in (record(), *steps)]
    assert expected == [effect.digest for effect in town.effects(3)]
    number = record()["MaHoSo"]
    look = lambda: town.call("TraCuuHoSo", session, mahoso=number)["result"]  # noqa: E731
    assert [{"MAHOSO": number}] == until(look, bool)


def test_query_client_without_dstcode(town: Town) -> None:
    """`dstcode` in the query, encoded, or nowhere; `isUpdating` as a boolean: all the same to us."""
    session = town.login()["session"]
    body = {"session": session, "madonvi": UNIT, "service": "DongBoHoSoMC", "isUpdating": False, "data": [record()]}
    base = "/XrdAdapter/RestService/forward/mapi/integration"
    answers = [
        town.post(f"{base}?dstcode=VN%3AGOV%3A000.00.00.G22%3Avpcpdvcprovider", body).json(),
        town.post(base, body | {"isUpdating": True}).json(),
    ]

    assert [0, 0] == [answer["error_code"] for answer in answers]
    assert 1 == town.events()


def test_client_of_three_addresses(town: Town) -> None:
    """Add, update and progress at addresses of their own, bare arrays, the answer as a text within another."""
    town.work()
    headers = {"apikey": KEY}
    later = record(status="completed", note="Đã xong")
    for service, told in (("ThemHoSo", record()), ("CapNhatTienDoHoSoMC", step()), ("CapNhatHoSo", later)):
        outer = town.post(f"/KetNoiMotCuaQuocGia/{service}", [told], headers=headers).json()
        inner = json.loads(outer["message"])

        assert (0, 0) == (outer["error_code"], inner["error_code"])
        assert "thành công" in outer["message"]
    assert digest(later) == until(town.effects, lambda found: digest(later) in [one.digest for one in found])[-1].digest
    listed = httpx2.get(f"{town.url}/facade/LayThuTuc?maTTHC=1.999193", headers=headers).json()
    assert "1.999193" == json.loads(listed["message"])["result"][0]["MATTHC"]


def test_client_of_a_bare_array(town: Town) -> None:
    """One address for both, `isUpdating` in the query, the session as a bearer token."""
    town.work()
    session = town.login("/api/SynsTTHCC/login")["session"]
    path = f"/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV={UNIT}&isUpdating="
    headers = {"Authorization": f"Bearer {session}"}
    records = [record(dossier=f"H99.09-260703-000{n}") for n in range(3)]
    for updating in ("False", "True"):
        answer = town.post(path + updating, records, headers=headers).json()
        assert 0 == json.loads(answer["message"])["error_code"]

    assert {digest(each) for each in records} == {effect.digest for effect in town.effects(3)}
    assert 3 == town.events()
    for wrong in (path + "maybe", path, path.replace(UNIT, "000.00.00.H98") + "True"):
        assert -1 == json.loads(town.post(wrong, records, headers=headers).json()["message"])["error_code"]


TABLES = FACADE.replace("enabled = true", 'enabled = true\ncatalogue = "tables"')


def test_catalogue_of_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the settings say so, the catalogue is answered from the province's tables; what is not there is named."""
    with a_town(tmp_path, capsys, TABLES) as town:
        session = town.login()["session"]
        listed = town.call("LayDanhSachTTHC", session, endpoint="share")["result"]
        sectors = town.call("LayDanhMucLinhVuc", session, endpoint="share")["result"]
        known = town.call("LayThuTuc", session, maTTHC="1.013225")
        unknown = town.call("LayThuTuc", session, maTTHC="9.999999")
        missing = town.call("LayDVC", session)

        assert {"MATTHC", "TENTTHC"} == set(listed[0])
        assert {"MALINHVUC", "TENLINHVUC"} == set(sectors[0])
        assert "1.013225" == known["result"][0]["MATTHC"]
        assert [] == unknown["result"]
        assert (-1, "enum") == (missing["error_code"], town.refusal(missing["message"])["code"])


def test_the_demos_old_client(town: Town) -> None:
    """The demo's client of the old kind is taken as it is, and says no more than it knows."""
    town.work()
    how = {"username": UNIT, "password": PASSWORD, "madonvi": UNIT, "tables": h99_tables()}
    client = OldClient(town.url, **how)
    answers = [client.record(make_event()), client.steps([make_step(), make_step(content="b")])]
    answers.append(client.record(make_event(status="completed")))
    client.close()
    nobody = OldClient("http://127.0.0.1:9", **how)
    with pytest.raises(NoAnswer):
        nobody.record(make_event())
    nobody.close()

    assert [0, 0, 0] == [answer["error_code"] for answer in answers]
    assert 4 == town.events()


# -- repeats -----------------------------------------------------------------------------------------------------------


def test_there_and_back_is_three_events(town: Town) -> None:
    """A, B, A: three records, of which the portal ends with A; the same twice at the end is one."""
    session = town.login()["session"]
    a, b = record(status="processing"), record(status="completed")
    for told in (a, b, a, a):
        assert 0 == town.sync(session, told)["error_code"]
    assert 3 == town.events()
    town.work()

    assert digest(a) == town.effects(1)[-1].digest


def test_repeat_after_a_lost_answer(town: Town) -> None:
    """A client that hung up before the answer sends its steps again: each stands in the portal's books once."""
    session = town.login()["session"]
    town.sync(session, record())
    steps = [step(content=f"Bước {n}") for n in range(4)]
    body = {"session": session, "madonvi": UNIT, "service": "CapNhatTienDoHoSoMC", "data": steps[:3]}
    raw = json.dumps(body).encode()
    parts = urlsplit(town.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as caller:
        head = (
            f"POST /VXPAdapter/RestService/forward/mapi/integration HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}"
        )
        caller.sendall(head.encode() + b"\r\n\r\n" + raw)
        until(town.events, lambda count: count == 4)
    for told in (steps[:3], steps[:3], steps):
        assert 0 == town.progress(session, *told)["error_code"]
    town.work()
    until(lambda: town.installation.reads.tallies()["national_portal"].get("delivered"), lambda count: count == 5)

    assert [digest(each) for each in steps] == [effect.digest for effect in town.effects(5)[1:]]


def test_two_equal_at_once(town: Town) -> None:
    """Sixteen callers send the same record at once: every one hears yes, and it is recorded once."""
    session = town.login()["session"]
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda _: town.sync(session, record()), range(16)))

    assert {0} == {answer["error_code"] for answer in answers}
    assert 1 == town.events()


def _serve_and_die(folder: str, where: str, pipe: Any) -> None:
    def die(name: str) -> None:
        if name == where:
            os.kill(os.getpid(), signal.SIGKILL)

    with opened(Path(folder), die) as (_, url):
        pipe.send(url)
        threading.Event().wait()


@pytest.mark.parametrize("where", ["writer.before_commit", "door.before_answer"])
def test_killed_between_accept_and_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
    """A door that is killed -9 around the commit loses nothing that it said yes to, and takes nothing twice."""
    with place(tmp_path, capsys) as here:
        furnish(here)
        with opened(here.folder) as (installation, url), ExitStack() as stack:
            session = Town(here=here, installation=installation, url=url, stack=stack).login()["session"]
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve_and_die, args=(str(here.folder), where, theirs))
        process.start()
        assert ours.poll(PATIENCE)
        steps = [step(), step(content="b")]
        body = {"session": session, "madonvi": UNIT, "service": "CapNhatTienDoHoSoMC", "data": steps}
        with pytest.raises(httpx2.TransportError):
            httpx2.post(f"{ours.recv()}/VXPAdapter/RestService/forward/mapi/integration", json=body, timeout=PATIENCE)
        process.join(PATIENCE)
        assert -signal.SIGKILL == process.exitcode
        with opened(here.folder) as (installation, url), ExitStack() as stack:
            town = Town(here=here, installation=installation, url=url, stack=stack)
            assert 0 == town.progress(session, *steps)["error_code"]
            assert 2 == town.events()


# -- what a yes means --------------------------------------------------------------------------------------------------

WAITS = FACADE.replace("enabled = true", "enabled = true\nwait_record_s = 15\nwait_step_s = 15")


def test_waits_for_the_portals_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a route waits, the portal's own yes or no is passed on, a repeat's too."""
    with a_town(tmp_path, capsys, WAITS) as town:
        town.work()
        session = town.login()["session"]
        yes = [town.sync(session, record()), town.progress(session, step())]
        town.here.portal.faults.arm(FaultOrder(fault="refuse_record", count=1))
        no = [town.sync(session, record(note="khác")) for _ in range(2)]

    for answer in yes:
        assert (0, True) == (int(answer["error_code"]), "thành công" in answer["message"].lower())
        assert "trục liên thông" not in answer["message"]
    assert no[0] == no[1]
    assert 0 != int(no[0]["error_code"])


def test_after_the_time_it_is_accepted_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With nobody to deliver, the wait ends with what is true: accepted here; and the look-up claims nothing."""
    facade = FACADE.replace("enabled = true", 'enabled = true\nwait_record_s = 0.2\ncodes = "text"')
    with a_town(tmp_path, capsys, facade) as town:
        session = town.login()["session"]
        answer = town.sync(session, record())

        assert ("0", True) == (answer["error_code"], "trục liên thông đã tiếp nhận" in answer["message"])
        assert [] == town.call("TraCuuHoSo", session, mahoso=record()["MaHoSo"])["result"]
