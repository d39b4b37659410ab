"""A careful caller of the national portal's mock, and its samples: for every test that speaks to the mock itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from contracts.mock_control import control
from contracts.mocking import Request, Response
from contracts.national_portal.mock import ACCOUNT, Portal

SAMPLES = Path(__file__).parents[2] / "contracts" / "national_portal" / "samples"
ADAPTER = "/national_portal/VXPAdapter/RestService/forward/mapi/"
HEADERS = {"accept": "application/json", "content-type": "application/json", "dstcode": ACCOUNT.dstcode}
NUMBER = "H99.14-240315-0001"
NATIONAL = "G99.99-240401-000777"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def answered(caller: Caller, wanted: dict[str, Any]) -> Response:
    """What the mock says to a sample, after all that goes before it."""
    _prepare(caller, wanted)
    caller.portal.switches.turn(wanted["switches"])
    for fault in wanted["faults"]:
        caller.arm(**fault)
    return caller.portal(as_request(wanted["request"], caller.session))


def _prepare(caller: Caller, wanted: dict[str, Any]) -> None:
    """What was filed on the portal, and the samples that go before, theirs first."""
    for notice in wanted.get("filed", ()):
        caller.portal.books.file(sample(f"from_portal/{notice}")["request"]["body"])
    for name in wanted["before"]:
        _prepare(caller, earlier := sample(name))
        caller.portal(as_request(earlier["request"], caller.session))


def a_record(**overrides: Any) -> dict[str, Any]:
    """The record of the sample `create-accepted`, overridden by keyword."""
    return sample("create-accepted")["request"]["body"]["data"][0] | overrides


def a_step(**overrides: Any) -> dict[str, Any]:
    """A step of that dossier, overridden by keyword."""
    return sample("progress-accepted")["request"]["body"]["data"][0] | overrides


def a_status(**overrides: Any) -> dict[str, Any]:
    """What a dossier that was filed on the portal is told, overridden by keyword."""
    return {
        "MaHoSo": NATIONAL,
        "MaHoSoDonVi": "H99.05-240401-0003",
        "MaDoiTuong": "techid-0000-vidu-0099",
        "NoiDung": "Đã tiếp nhận thông báo",
        "NgayXuLy": "20240401140000",
        "TrangThai": "2",
        "TaiLieuXuLy": [],
    } | overrides


class Caller:
    """Calls one mock in this process, with a session of its own."""

    def __init__(self, portal: Portal | None = None, **settings: Any) -> None:
        self.portal = portal or Portal(**settings)
        self.session = self.login()["session"]

    def post(self, path: str, body: object, headers: Mapping[str, str] = HEADERS, **query: str) -> Response:
        return self.portal(
            Request(path=path, headers=headers, query=query, body=json.dumps(body, ensure_ascii=False).encode())
        )

    def login(self, password: str = ACCOUNT.password) -> dict[str, Any]:
        reply = self.post(ADAPTER + "login", {"username": ACCOUNT.username, "password": password})
        return json.loads(reply.body)

    def call(self, service: str, door: str = "integration", **more: Any) -> Response:
        body = {"session": self.session, "madonvi": ACCOUNT.madonvi, "service": service, **more}
        return self.post(ADAPTER + door, body)

    def ask(self, service: str, door: str = "integration", **more: Any) -> dict[str, Any]:
        """The reply's JSON, the code as a number."""
        reply = json.loads(self.call(service, door, **more).body)
        return reply | {"error_code": int(reply["error_code"])}

    def sync(self, *records: Any, updating: Any = "False") -> dict[str, Any]:
        return self.ask("DongBoHoSoMC", isUpdating=updating, data=list(records))

    def progress(self, *steps: Any) -> dict[str, Any]:
        return self.ask("CapNhatTienDoHoSoMC", data=list(steps))

    def look_up(self, number: str = NUMBER) -> list[dict[str, Any]]:
        return self.ask("TraCuuHoSo", mahoso=number)["result"]

    def arm(self, fault: str, **more: Any) -> Response:
        return self.control("POST", "faults", {"fault": fault, **more})

    def turn(self, **switches: Any) -> Response:
        return self.control("POST", "switches", switches)

    def control(self, method: str, what: str, order: object = None, **query: str) -> Response:
        path = f"/_control/national_portal/{what}"
        payload = b"" if order is None else json.dumps(order).encode()
        return control(self.portal, what, Request(method=method, path=path, query=query, body=payload))

    def effects(self, **query: str) -> list[dict[str, Any]]:
        return json.loads(self.control("GET", "effects", **query).body)

    def requests(self, **query: str) -> list[dict[str, Any]]:
        return json.loads(self.control("GET", "requests", **query).body)

    def broke(self) -> set[tuple[str, str]]:
        """Rule and field of what the latest request broke."""
        return {(row["rule"], row["field"]) for row in self.requests()[-1]["broke"]}


def as_request(wanted: dict[str, Any], session: str) -> Request:
    """A sample's request, with a session that is alive."""
    body = wanted["body"]
    raw = b"" if body is None else json.dumps(body, ensure_ascii=False).replace("{session}", session).encode()
    headers = {name.lower(): value for name, value in wanted["headers"].items()}
    return Request(
        method=wanted["method"], path=wanted["path"], query=wanted["query"], headers=headers, body=raw, caller="sample"
    )


def target_of(request: Request) -> str:
    """Path and query as they stand in a request line."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in request.query.items())
    return request.path + (f"?{query}" if query else "")


def without(request: Request, header: str) -> Request:
    return replace(request, headers={name: value for name, value in request.headers.items() if name != header})
