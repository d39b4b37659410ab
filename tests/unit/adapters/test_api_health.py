"""Alive, ready, metrics, and the document of it all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from adapters.doors import openapi
from adapters.doors.health import Readiness
from tests.doors import DoorWorld, door, wire
from tests.world import World


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path) as made:
        yield made


class Key:
    """An identity that can lose its key."""

    key_id = "0" * 32
    is_lost = False

    def sign(self, data: bytes) -> bytes:
        if self.is_lost:
            raise OSError("the token is gone")
        return b"x" * 64


def test_alive_and_ready(at: DoorWorld):
    """A process that answers, writes and signs says so, without a signature."""
    assert (200, {"alive": True}) == (at.client.get("/livez").status_code, at.client.get("/livez").json())
    assert (200, {"ready": True, "reasons": []}) == (
        at.client.get("/readyz").status_code,
        at.client.get("/readyz").json(),
    )


def test_not_ready_says_why(tmp_path: Path):
    """503 with the reasons' codes; alive all the while."""
    with door(tmp_path, ready=lambda: ["ledger_not_writable"]) as at:
        response = at.client.get("/readyz")

        assert (503, ["ledger_not_writable"]) == (response.status_code, response.json()["reasons"])
        assert 200 == at.client.get("/livez").status_code


def test_reasons(tmp_path: Path):
    """Not writable, old schema, not signing, disk nearly full, clock behind the last move: each by a real look."""
    world, key, room = World(tmp_path), Key(), [2**40]
    ready = Readiness(world.ledger, key, fresh_s=0.0, free_bytes=lambda: room[0])
    assert [] == ready()
    world.accept()
    world.repairs.hold("books", actor="x", reason="y")

    key.is_lost = True
    assert ["cannot_sign"] == ready()
    key.is_lost = False
    room[0] = 1000
    assert ["disk_nearly_full"] == ready()
    room[0] = 2**40
    world.clock.sleep(-3600)
    assert ["clock_behind_last_move"] == ready()
    world.clock.sleep(3600)
    other = sqlite3.connect(world.path)
    other.execute("DELETE FROM schema_versions")
    other.commit()
    assert ["schema_behind"] == ready()
    other.close()
    world.close()
    assert "ledger_not_writable" in ready()


def test_locked_ledger_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A writer that is kept waiting counts as not ready, before its own patience ends."""
    monkeypatch.setattr("bus.pulse.WAIT", 0.2)
    world = World(tmp_path)
    ready = Readiness(world.ledger, Key(), fresh_s=0.0)
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert "ledger_not_writable" in ready()
    other.execute("ROLLBACK")
    other.close()
    world.ledger.engine.write(lambda tx: None)
    with structlog.testing.capture_logs() as logged:
        assert [] == ready()
    assert ["readiness_changed", "ledger_recovered"] == [line["event"] for line in logged]
    world.close()


def test_looks_are_bounded(tmp_path: Path):
    """However often it is asked, the ledger is written for it at most once in a while; the answer is the last one."""
    world = World(tmp_path)
    looks: list[int] = []

    def free() -> int:
        looks.append(1)
        return 2**40

    ready = Readiness(world.ledger, Key(), free_bytes=free)
    for _ in range(50):
        ready()

    assert 1 == len(looks)
    world.close()


def test_metrics_count(at: DoorWorld):
    """Events by result and refusals by code are on the page, with bounded labels."""
    at.post(wire())
    at.post(wire())
    at.client.post("/v1/events", content=b"{}")
    page = at.client.get("/metrics").text

    assert 'kind="dossier.recorded",result="recorded",source="one-stop/h99"} 1.0' in page
    assert 'kind="dossier.recorded",result="repeated",source="one-stop/h99"} 1.0' in page
    assert 'lienthong_refused_requests_total{code="unsigned"} 1.0' in page


def test_refusal_notes_are_bounded(at: DoorWorld):
    """A flood of refusals is answered and counted to the last; only so many a second are written down."""
    codes = {at.client.post("/v1/events", content=b"{}").status_code for _ in range(60)}
    at.world.ledger.engine.write(lambda tx: None)

    assert {401} == codes
    assert 20 == len(at.world.reads.refusals())
    assert 'lienthong_refused_requests_total{code="unsigned"} 60.0' in at.client.get("/metrics").text


def test_openapi_is_the_committed_one(at: DoorWorld, root: Path):
    """The served document is the one in `contracts/intake/`; after a change write it anew from `openapi.as_bytes()`."""
    served = at.client.get("/openapi.json")

    assert (root / "contracts/intake/openapi.json").read_bytes() == served.content


def test_openapi_names_every_route(at: DoorWorld):
    """No route is undocumented, and none is promised that is not there."""
    served = {
        (route.path.replace(":path", ""), method)
        for route in at.app.router.routes
        for method in route.methods - {"HEAD"}
    }
    documented = {(path, verb.upper()) for path, verbs in openapi.document()["paths"].items() for verb in verbs}

    assert served == documented


def test_no_page_loads_from_elsewhere(at: DoorWorld):
    """There are no pages with scripts of other servers."""
    assert {404} == {at.client.get(path).status_code for path in ("/docs", "/redoc")}
