"""A dossier filed on the portal, there and back: once at the one-stop system, and its statuses once at the portal."""

from __future__ import annotations

import hashlib
import json
import signal
from collections import Counter
from typing import Any

import httpx2
import pytest

from contracts.national_portal.filing import number_of
from tests.acceptance.portal_town import DOOR, KEY, PROCEDURE, furnish, sent_by, tell_portal, until
from tests.acceptance.test_one_stop_outcomes import House, house
from tests.acceptance.test_run import running
from tests.builders import NOON, event_json, step_json

__all__ = ["house"]
COUNT = 20
SEED = 7
NATIONAL = [number_of(SEED, n) for n in range(1, COUNT + 1)]
TELL = "DongBoTrangThaiHoSo"
RESULT = {"name": "ket-qua.pdf", "url": "https://tep.h99.example.invalid/kq/1", "id": "kq-1"}


def order(url: str, **more: Any) -> dict[str, Any]:
    """Twenty dossiers, with answers that get lost, calls that break off, and calls sent twice at once."""
    mishaps = {"lose": 0.3, "cut": 0.1, "twice": 0.15}
    return {"to": url, "count": COUNT, "seed": SEED, "procedure": PROCEDURE, "key": KEY} | mishaps | more


def own_numbers(house: House) -> dict[str, str]:
    """National number → the one-stop system's own, by its books."""
    books = house.one_stop.books
    found = {}
    for operation, message in house.kept():
        if operation == "ReceiveDossier":
            known = books.known(message["id"])
            assert known is not None
            found[message["national_number"]] = known.answer["number"]
    return found


def life(own: str) -> list[dict[str, Any]]:
    """What the one-stop system tells of one dossier, under its own number."""
    told = {"dossier": own, "procedure": PROCEDURE}
    at = [NOON.replace(minute=n) for n in range(6)]
    return [
        event_json(**told, id=f"{own}:r0", origin="portal", status="accepted", at=at[0]),
        step_json(dossier=own, id=f"{own}:s1", status="processing", content="Đang thẩm định", at=at[1]),
        event_json(**told, id=f"{own}:r1", origin="portal", status="processing", note="không có gì mới", at=at[2]),
        step_json(dossier=own, id=f"{own}:s2", status="supplement_requested", content="Đề nghị bổ sung", at=at[3]),
        step_json(dossier=own, id=f"{own}:s3", status="completed", content="Đã xử lý xong", at=at[4]),
        event_json(**told, id=f"{own}:r2", origin="portal", status="completed", results=[RESULT], at=at[5]),
    ]


EXPECTED = [
    ("2", "Được tiếp nhận"),
    ("2", "Đang thẩm định"),
    ("5", "Đề nghị bổ sung"),
    ("2", "Đã xử lý xong"),
    ("2", "Đã xử lý xong"),
]


def rows(house: House) -> dict[str, list[dict[str, Any]]]:
    """The portal's own effect list, dossier by dossier."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in house.portal.effects.page(limit=10_000):
        assert TELL == row.operation, "never a create, an update or a step"
        found.setdefault(row.dossier, []).append(json.loads(house.portal.effects.body(row.n) or b""))
    return found


def require_kept(house: House, numbers: list[str]) -> None:
    """What the portal was told 0 for is in the ledger, whatever became of the process."""
    assert numbers
    with house.open() as here:
        for number in numbers:
            assert number == here.reads.event("national_portal", f"filed.{number}")["dossier"]


def require_files(house: House, url: str) -> None:
    """Every file that the one-stop system was told of can be fetched, and is what its digest says."""
    for operation, message in house.kept():
        assert "ReceiveDossier" == operation
        for file in message["files"]:
            content = httpx2.get(file["url"].replace("http://files.invalid", url), timeout=30).content
            assert file["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose door the portal may use. Calls to the portal have time: an answer that a busy machine loses would
    be a status in doubt, and that waits for a person."""
    furnish(house, DOOR)
    file = house.folder / "lienthong.toml"
    patient = (
        file.read_text()
        .replace("\ntimeout_s = 1\n", "\ntimeout_s = 15\n", 1)
        .replace("lease_s = 3\n", "lease_s = 20\n", 1)
    )
    file.write_text(patient)
    return house


def test_p02_filed_dossiers_there_and_back(open_house: House) -> None:
    """Twenty dossiers filed through lost answers, broken and doubled calls, while the process is killed -9 twice: each
    is once at the one-stop system, and each of its statuses once at the portal, in order, and never a create."""
    house = open_house
    for kills in range(3):
        with running(house, "run") as (process, url):
            tell_portal(house.portal, "POST", "file", order(url))
            if kills < 2:
                enough = 3 + 5 * kills
                until(
                    lambda: tell_portal(house.portal, "GET", "filed"), lambda found, n=enough: len(found["rows"]) >= n
                )
                process.send_signal(signal.SIGKILL)
                process.wait()
                said = tell_portal(house.portal, "GET", "filed")["rows"]
                require_kept(house, [row["number"] for row in said if row["end"] == "taken"])
                tell_portal(house.portal, "DELETE", "filed")
                continue
            assert {"taken"} == {row["end"] for row in sent_by(house.portal)}
            own = until(lambda: own_numbers(house), lambda found: len(found) == COUNT)
            assert set(NATIONAL) == set(own)
            require_files(house, url)

            lines = [line for number in NATIONAL for line in life(own[number])]
            file = house.write("in.ndjson", [json.dumps(line, ensure_ascii=False).encode() for line in lines])
            house.ask("submit", str(file), "--to", url, "--caller", "one-stop")
            until(lambda: len(house.portal.effects), lambda found: found >= COUNT * len(EXPECTED))
            until(lambda: house.ask("deliveries", "list", "--state", "waiting"), lambda found: not found)
            # There is no record up there that a resynchronisation could replace: it says so, and sends nothing.
            said = house.type("dossier", "resync", own[NATIONAL[0]], "--reason", "đối soát")
            assert (1, True) == (said.code, "was born on the portal" in said.err)
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(60)

    assert dict.fromkeys(NATIONAL, 1) == Counter(
        message["national_number"] for operation, message in house.kept() if operation == "ReceiveDossier"
    )
    found = rows(house)
    assert set(NATIONAL) == set(found)
    for number, told in found.items():
        assert {own[number]} == {row["MaHoSoDonVi"] for row in told}
        assert EXPECTED == [(row["TrangThai"], row["NoiDung"]) for row in told]
    assert [] == [broken for visit in house.portal.log.page(limit=10_000) for broken in visit.broken]
    assert {"login", TELL} == {visit.operation for visit in house.portal.log.page(limit=10_000)}


def moves_of(house: House, number: str) -> list[dict[str, Any]]:
    """As an operator sees them."""
    found: list[dict[str, Any]] = house.ask("dossier", "show", number)["timeline"]
    return found


def test_amendment_reaches_the_one_stop_system(open_house: House) -> None:
    """What an applicant changes afterwards goes there under the one-stop system's own number. Under that one its source
    speaks too: what it tells under the portal's is held, with the number to use, for two lines would have no order."""
    house = open_house
    with running(house, "run") as (_, url):
        for kind in ("promotion", "amendment"):
            tell_portal(house.portal, "POST", "file", order(url, kind=kind, count=2))
            assert {"taken"} == {row["end"] for row in sent_by(house.portal)}
        until(lambda: house.kept(), lambda found: len(found) == 4)
        until(lambda: moves_of(house, NATIONAL[0]), lambda found: "number_learned" in {each["cause"] for each in found})
        own = own_numbers(house)
        told = [life(NATIONAL[0])[0], *life(own[NATIONAL[0]])[:2]]
        file = house.write("in.ndjson", [json.dumps(line, ensure_ascii=False).encode() for line in told])
        house.ask("submit", str(file), "--to", url, "--caller", "one-stop")
        until(lambda: len(house.portal.effects), lambda found: found == 2)
        use = f"subject: contradicted (use {own[NATIONAL[0]]})"
        until(lambda: moves_of(house, NATIONAL[0]), lambda found: use in {each["reason"] for each in found})

    (statuses,) = rows(house).values()
    assert [(NATIONAL[0], own[NATIONAL[0]])] * 2 == [(row["MaHoSo"], row["MaHoSoDonVi"]) for row in statuses]
    changed = [message for operation, message in house.kept() if operation == "ReceiveAmendment"]
    assert {own[message["national_number"]] for message in changed} == {message["number"] for message in changed}


def test_same_seed_same_calls(open_house: House) -> None:
    """The portal's own transcript repeats: the same seed meets the same mishaps and sends the same bytes."""
    house = open_house
    seen = []
    with running(house, "web") as (_, url):
        for _ in range(2):
            tell_portal(house.portal, "POST", "file", order(url, count=6, seed=3))
            seen.append(sent_by(house.portal))
            tell_portal(house.portal, "DELETE", "filed")
        tell_portal(house.portal, "POST", "file", order(url, kind="land_tax", count=2))
        receipts = sent_by(house.portal)

    assert seen[0] == seen[1]
    assert any(row["tries"] > 1 for row in seen[0])
    assert ["refused", "refused"] == [row["end"] for row in receipts]
