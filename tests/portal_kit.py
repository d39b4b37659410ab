"""What tests of the portal's adapter share: the shipped tables, settings, and a channel that follows a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from adapters.channels.addresses import networks_of
from adapters.channels.http import HttpSettings, Request, head_bytes
from adapters.partners.national_portal.adapter import NationalPortal
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables, schemas_of
from bus.messages import Delivery, Exchange, InDoubt, Unreachable
from tests.builders import make_delivery, make_event, make_standing, make_step

SHIPPED = Path(__file__).parents[1] / "config" / "tables"
SENT_AT = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)
Answer = Callable[[Request], Exchange]


@cache
def shipped_texts() -> dict[str, str]:
    """The CSV texts that come with the product."""
    names = schemas_of((SHIPPED / "tables.toml").read_text(encoding="utf-8"), "national_portal")
    return {name: (SHIPPED / "national_portal" / f"{name}.csv").read_text(encoding="utf-8") for name in names}


@cache
def schemas():
    """What `tables.toml` says."""
    return schemas_of((SHIPPED / "tables.toml").read_text(encoding="utf-8"), "national_portal")


@cache
def h99_tables() -> Tables:
    """The shipped tables of the invented province."""
    return Tables.from_texts(schemas(), shipped_texts())


def tables_with(name: str, *lines: str, instead: bool = False) -> Tables:
    """The shipped tables with lines added to one of them, or with that one holding these lines only."""
    text = shipped_texts()[name]
    header = text.splitlines(keepends=True)[0]
    changed = (header if instead else text) + "".join(f"{line}\n" for line in lines)
    return Tables.from_texts(schemas(), shipped_texts() | {name: changed})


def local_http(**overrides: Any) -> HttpSettings:
    """Plain HTTP to servers on this machine, which no channel would call unless told so."""
    members = {"allow_http": True, "hosts": frozenset({"127.0.0.1"}), "networks": networks_of(["127.0.0.0/8"])}
    return HttpSettings(**(members | overrides))


def make_settings(**overrides: Any) -> NationalPortalSettings:
    """Settings of one installation."""
    members: dict[str, Any] = {
        "adapter_url": "http://127.0.0.1:9",
        "madonvi": "000.00.00.H99",
        "username": "000.00.00.H99",
        "password": "s3cret",
    }
    return NationalPortalSettings(**(members | overrides))


def facade_settings(**overrides: Any) -> NationalPortalSettings:
    """Settings of an installation behind a provincial façade."""
    members: dict[str, Any] = {
        "adapter_url": "",
        "variant": "facade",
        "facade_add_url": "http://127.0.0.1:9/f/ThemHoSo",
        "facade_update_url": "http://127.0.0.1:9/f/CapNhatHoSo",
        "facade_progress_url": "http://127.0.0.1:9/f/CapNhatTienDoHoSoMC",
        "facade_lookup_url": "http://127.0.0.1:9/f/TraCuuHoSo",
    }
    return make_settings(**(members | overrides))


def replied(
    body: object = None,
    *,
    status: int = 200,
    kind: str = "application/json; charset=utf-8",
    raw: bytes | None = None,
    head: dict[str, str] | None = None,
    operation: str = "DongBoHoSoMC",
    trouble: Unreachable | InDoubt | None = None,
) -> Exchange:
    """An exchange as the channel gives it."""
    return Exchange(
        operation=operation,
        method="POST",
        url="http://127.0.0.1:9/x",
        request_head=b"",
        request_body=b"{}",
        sent_at=SENT_AT,
        took=timedelta(milliseconds=5),
        status=None if trouble else status,
        reply_head=b"" if trouble else head_bytes({"content-type": kind} | (head or {})),
        reply_body=None if trouble else msgspec.json.encode(body) if raw is None else raw,
        trouble=trouble,
    )


def said(code: object, message: str = "", **members: Any) -> Exchange:
    """An ordinary answer of the portal."""
    return replied({"error_code": code, "message": message} | members)


YES = said(0, "Thành công")
THERE = said(0, "", result=[{"MAHOSO": "H99.09-260703-0123"}])
NOT_THERE = said(0, "", result=[])
EXISTS = said("-3", "Hồ sơ đã tồn tại")
ENDED = said(-1, "Phiên làm việc không hợp lệ")
NO = said(-1, "TrichYeuHoSo: bắt buộc")
LOST = replied(trouble=InDoubt(reason="reply_lost: cut"))
CLOSED = replied(trouble=Unreachable(reason="not_sent: refused"))


class ScriptedChannel:
    """Answers each login with a fresh session, and everything else from the script, in order."""

    def __init__(self, *script: Exchange, login: Exchange | None = None) -> None:
        self.script = list(script)
        self.sent: list[Request] = []
        self.logins = 0
        self._login = login

    def send(self, request: Request) -> Exchange:
        if request.operation == "login":
            self.logins += 1
            return self._login or said(0, "Thành công", session=f"session-{self.logins}")
        self.sent.append(request)
        return self.script.pop(0)

    @property
    def services(self) -> list[str]:
        """What was called, in order: the service, with `+` for an update."""
        return [_name(request) for request in self.sent]

    def body(self, n: int = -1) -> Any:
        """The JSON that was sent."""
        return msgspec.json.decode(self.sent[n].body)


def _name(request: Request) -> str:
    body = msgspec.json.decode(request.body) if request.body else {}
    updating = body.get("isUpdating") if isinstance(body, dict) else None
    return {"DongBoHoSoMC": {"True": "update", "False": "create"}.get(updating or "", "record")}.get(
        request.operation, {"CapNhatTienDoHoSoMC": "step", "TraCuuHoSo": "lookup"}.get(request.operation, "?")
    )


def scripted_portal(
    *script: Exchange, tables: Tables | None = None, settings: NationalPortalSettings | None = None, **overrides: Any
) -> tuple[NationalPortal, ScriptedChannel]:
    """An adapter whose portal answers from the script."""
    channel = ScriptedChannel(*script)
    return NationalPortal(settings or make_settings(**overrides), channel, tables or h99_tables()), channel


def record_delivery(exists: bool | None = True, **overrides: Any) -> Delivery:
    """A record of a dossier that the portal has, has not, or nobody asked about."""
    return make_delivery(make_event(), standing=make_standing(exists=exists), **overrides)


def step_delivery(**overrides: Any) -> Delivery:
    """A step of a dossier that the portal has."""
    return make_delivery(make_step(**overrides))


def with_policy(name: str) -> Tables:
    """Tables in which an unclear `processing` step has this policy."""
    return tables_with("unclear_steps", f"processing,{name},a,b,c", instead=True)
