"""The façade's samples, sent to our door on a real port as the old clients do: each is answered as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from adapters.doors.facade import PROVINCIAL
from contracts.mock_faults import FaultOrder
from contracts.mock_notes import rules_of
from contracts.national_portal.places import FACADE_WRITES, TELL
from tests.acceptance.desk import opened, place
from tests.acceptance.test_facade import KEY, PASSWORD, Town, furnish, until

FOLDER: Final = Path(__file__).parents[2] / "contracts" / "facade"
NUMBER: Final = "H99.09-260703-0123"
REFERENCE: Final = re.compile(r"LT-[0-9A-Z]{4}-[0-9A-Z]$")
TOLD: Final = ("x-lienthong-success", "x-lienthong-answer")
SITUATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "login": {"yes": "login-accepted login-accepted-older-context", "no": "login-refused"},
    "DongBoHoSoMC": {
        "yes": "record-accepted record-accepted-destination-in-query record-updated record-flag-as-boolean "
        "record-back-again",
        "repeat": "record-again",
        "no": "record-refused-field record-refused-member record-refused-flag record-refused-type "
        "record-refused-unit record-refused-session record-refused-body",
    },
    "CapNhatTienDoHoSoMC": {
        "yes": "steps-accepted steps-one-more",
        "repeat": "steps-again",
        "no": "steps-refused-field",
    },
    "TraCuuHoSo": {"yes": "lookup-there", "none": "lookup-not-there lookup-not-yet", "no": "lookup-refused-parameter"},
    "LayDanhSachTTHC": {"yes": "procedures"},
    "LayThuTuc": {"yes": "procedure", "none": "procedure-unknown", "no": "procedure-unnamed"},
    "LayDVC": {"yes": "services"},
    "LayDanhMucLinhVuc": {"unavailable": "sectors-portal-silent"},
    "TraCuuTechID": {"yes": "tech-id-found", "none": "tech-id-nobody"},
    "DongBoTrangThaiHoSo": {"no": "status-not-here"},
    "facade/ThemHoSo": {"yes": "province-add", "no": "province-no-key province-refused-envelope"},
    "facade/CapNhatHoSo": {"yes": "province-update"},
    "facade/DongBoHoSoMC": {"yes": "province-sync"},
    "facade/CapNhatTienDoHoSoMC": {"yes": "province-progress"},
    "facade/TraCuuHoSo": {"none": "province-lookup"},
    "facade/LayDanhSachTTHC": {"yes": "province-procedures"},
}
"""Operation → situation → its samples."""


def names() -> list[str]:
    return [name for cases in SITUATIONS.values() for some in cases.values() for name in some.split()]


def sample(name: str, number: str = NUMBER) -> dict[str, Any]:
    """A sample about a dossier of its own, so that many share one installation."""
    text = (FOLDER / "samples" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text.replace(NUMBER, number))
    return found


def number_of(n: int) -> str:
    return f"{NUMBER[:-4]}{n + 5000:04d}"


def send(town: Town, wanted: Mapping[str, Any], session: str) -> httpx2.Response:
    def filled(text: str) -> str:
        return text.replace("{session}", session).replace("{key}", KEY).replace("{password}", PASSWORD)

    request = wanted["request"]
    body = b"" if request["body"] is None else filled(json.dumps(request["body"], ensure_ascii=False)).encode()
    headers = {name: filled(value) for name, value in request["headers"].items()}
    url, query = town.url + request["path"], request["query"]
    return httpx2.request(request["method"], url, params=query, content=body, headers=headers, timeout=30)


def answer(town: Town, wanted: Mapping[str, Any], number: str, session: str) -> dict[str, Any]:
    """What the sample is answered after all that goes before it, and how many events it brought."""
    for name in wanted["before"]:
        answer(town, sample(name, number), number, session)
    for fault in wanted["faults"]:
        town.here.portal.faults.arm(FaultOrder(**fault))
    if wanted["delivered"]:
        until(lambda: town.here.portal.books.dossier(number), lambda found: found is not None)
    there = town.events()
    reply = send(town, wanted, session)
    if wanted["delivered"]:  # the portal has it a moment before its answer is written down here
        reply = until(lambda: send(town, wanted, session), lambda found: b"MAHOSO" in found.content)
    return shown(reply) | {"events": town.events() - there}


def shown(reply: httpx2.Response) -> dict[str, Any]:
    body = reply.json()
    body["message"] = REFERENCE.sub("{reference}", body["message"])
    if body["message"].startswith("{"):
        inner = json.loads(body["message"])
        inner["message"] = REFERENCE.sub("{reference}", inner["message"])
        body["message"] = json.dumps(inner, ensure_ascii=False, separators=(",", ":"))
    if "session" in body:
        body["session"] = "{session}"
    headers = {name: reply.headers[name] for name in TOLD if name in reply.headers}
    kind = reply.headers["content-type"]
    return {"status": reply.status_code, "content_type": kind, "headers": headers, "body": body}


@contextmanager
def patient_town(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    """With time for the portal's answer, however busy this machine is: only the silence that is asked for is one."""
    with place(folder, capsys) as here, ExitStack() as doors:
        furnish(here)
        for name, seconds in (("connect_timeout_s", 20), ("timeout_s", 30), ("lease_s", 60)):
            here.set(rf"\n{name} = .*", f"\n{name} = {seconds}")
        installation, url = doors.enter_context(opened(here.folder))
        with ExitStack() as stack:
            yield Town(here=here, installation=installation, url=url, stack=stack)


def turn_of(wanted: Mapping[str, Any]) -> tuple[bool, bool]:
    """First those that need nothing, then the one that needs a worker; last, after which the portal is left alone."""
    return bool(wanted["faults"]), wanted["delivered"]


def test_door_answers_like_its_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status, type, what it means and every word of each answer are the sample's, and so is what it recorded."""
    numbered = {name: number_of(n) for n, name in enumerate(names())}
    wanted = {name: sample(name, number) for name, number in numbered.items()}
    with patient_town(tmp_path, capsys) as town:
        session = town.login()["session"]
        seen = {}
        for name in sorted(wanted, key=lambda name: turn_of(wanted[name])):
            if wanted[name]["delivered"]:
                town.work()
            seen[name] = answer(town, wanted[name], numbered[name], session)

    assert {name: each["reply"] for name, each in wanted.items()} == seen


def test_every_situation_has_its_samples() -> None:
    """The table names each sample once, and none that is not there; each cites rules that stand."""
    rules = rules_of(FOLDER / "NOTES.md").keys()

    assert sorted(path.stem for path in (FOLDER / "samples").glob("*.json")) == sorted(names())
    for name in names():
        told = sample(name)
        assert name == told["situation"]
        assert told["rules"]
        assert set(told["rules"]) <= rules


def test_every_operation_has_its_situations() -> None:
    """Each service that stands in the notes by name, and each address of the provincial shapes, has a yes or its no."""
    provincial = {f"facade/{name}" for name in FACADE_WRITES if not name.startswith(TELL)}
    services = {"login", "DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo", "LayDanhSachTTHC", "LayThuTuc", TELL}

    assert services | provincial <= SITUATIONS.keys()
    assert all("no" in SITUATIONS[name] for name in services - {"LayDanhSachTTHC"})
    assert "facade" in PROVINCIAL
