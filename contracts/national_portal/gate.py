"""What stands before the portal's services: the LGSP's authentication, the address, the session, the envelope."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switches
from contracts.mocking import Call, Request, Response
from contracts.national_portal.replies import Replies, elsewhere
from contracts.national_portal.sessions import Tokens

INTEGRATION: Final = frozenset(
    ("LayThuTuc", "LayDVC", "LayQDCB", "TraCuuHoSo", "DongBoHoSoMC", "CapNhatTienDoHoSoMC", "DongBoTrangThaiHoSo")
)
SHARE: Final = frozenset(("LayDanhMucCoQuan", "LayDanhMucLinhVuc", "LayDanhSachTTHC", "TraCuuTechID"))
ENDPOINTS: Final = dict.fromkeys(INTEGRATION, "integration") | dict.fromkeys(SHARE, "share")
RULES_OF_ENVELOPE: Final = ("r2", "r6", "r8", "r9", "r12", "r25", "r27", "r30", "r31", "r32", "r11")
RULES_OF_FACADE: Final = ("r8", "r12", "r27", "r31", "r32", "r130")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the portal's operators handed to one installation. Invented, and known to everybody."""

    username: str = "000.00.00.H99"
    password: str = "mock-password"  # noqa: S105
    madonvi: str = "000.00.00.H99"
    dstcode: str = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
    client_id: str = "mock-client"
    client_secret: str = "mock-secret"  # noqa: S105
    api_key: str = "mock-key"


class Gate:
    """Says who may pass. Every refusal is written down under its rule."""

    def __init__(self, *, account: Account, switches: Switches, replies: Replies, seed: int) -> None:
        self.account = account
        self.sessions = Tokens(seed)
        self._outer = Tokens(seed + 1)
        self._switches = switches
        self._replies = replies

    def clear(self) -> None:
        """Nobody ever came."""
        self.sessions.clear()
        self._outer.clear()

    def admit(self, call: Call, visit: Visit) -> Response | None:
        """A refusal, or nothing when the call may go on."""
        if call.place == "token":
            return None
        visit.checked = RULES_OF_FACADE if call.place == "facade" else RULES_OF_ENVELOPE
        return self._address(call, visit) or self.outer_auth(call.request, visit) or self._content(call, visit)

    def _address(self, call: Call, visit: Visit) -> Response | None:
        request = call.request
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r2", field="path", expected="a known address", found=request.path))
            return elsewhere(404, "Not Found")
        if request.method != "POST" and not (call.place == "facade" and request.method == "GET" and not call.is_write):
            visit.break_rule(Broken(rule="r8", field="method", expected="POST", found=request.method))
            return elsewhere(405, "Method Not Allowed")
        if call.place != "facade" and not self._is_for_portal(request):
            visit.break_rule(
                Broken(rule="r6", field="dstcode", expected=self.account.dstcode, found="another, or none")
            )
            return elsewhere(404, "Unknown destination")
        return None

    def _is_for_portal(self, request: Request) -> bool:
        way = self._switches["dstcode_in"]
        given = request.headers.get("dstcode") if way in ("either", "header") else None
        if given is None and way in ("either", "query"):
            given = request.query.get("dstcode")
        return given == self.account.dstcode

    def outer_auth(self, request: Request, visit: Visit) -> Response | None:
        """The LGSP's own authentication (r27): a refusal, or nothing."""
        way = self._switches["outer_auth"]
        if way == "none" or (way == "key" and request.headers.get("apikey") == self.account.api_key):
            return None
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if way == "bearer" and kind.lower() == "bearer" and self._outer.admits(token, visit.clock):
            return None
        field = "apikey" if way == "key" else "Authorization"
        visit.break_rule(Broken(rule="r27", field=field, expected=f"a valid {way}", found="none that is valid"))
        return elsewhere(401, "Unauthorized", **{"WWW-Authenticate": 'Bearer error="invalid_token"'})

    def _content(self, call: Call, visit: Visit) -> Response | None:
        kind = call.request.headers.get("content-type", "")
        if call.request.method == "POST" and not kind.lower().startswith("application/json"):
            visit.break_rule(
                Broken(rule="r9", field="Content-Type", expected="application/json", found=kind[:40], refused=False)
            )
        if call.trouble:
            return self.refuse(visit, call.trouble)
        if call.place == "login":
            return None
        broken = self._facade(call) if call.place == "facade" else self._envelope(call, visit)
        return self.refuse(visit, broken) if broken else None

    def refuse(self, visit: Visit, broken: Broken) -> Response:
        """Write the broken rule down and say no in the portal's envelope."""
        return self._replies.no(visit, visit.break_rule(broken))

    def _envelope(self, call: Call, visit: Visit) -> Broken | None:
        payload = call.payload
        for name in ("session", "madonvi", "service"):
            if type(payload.get(name)) is not str:
                found = "absent" if name not in payload else type(payload[name]).__name__
                return _wrong("r30", name, "a string", found, f"Thiếu hoặc sai kiểu {name}")
        if not self.sessions.admits(payload["session"], visit.clock, most_calls=self._switches["session_calls"]):
            return self.expired()
        return self._unit(payload["madonvi"], "madonvi") or self._endpoint(call)

    def unit(self, call: Call, visit: Visit) -> Response | None:
        """Whose call it is, where no session says so (r31, r208)."""
        broken = self._unit(call.payload.get("madonvi"), "madonvi")
        return self.refuse(visit, broken) if broken else None

    def expired(self) -> Broken:
        """The answer to a session that is not alive (r25)."""
        return Broken(
            rule="r25",
            field="session",
            expected="a session that is alive",
            found="expired or unknown",
            code=self._switches["expired_code"],
            message=self._switches["expired_text"],
        )

    def _unit(self, given: object, name: str) -> Broken | None:
        if given == self.account.madonvi:
            return None
        return _wrong("r31", name, self.account.madonvi, str(given)[:40], "Mã đơn vị không hợp lệ")

    def _endpoint(self, call: Call) -> Broken | None:
        endpoint = ENDPOINTS.get(call.operation)
        if endpoint is None:
            return _wrong("r32", "service", "a known service", call.operation[:40], "Dịch vụ không tồn tại")
        if endpoint != call.place:
            says = f"Dịch vụ {call.operation} thuộc điểm cuối {endpoint}"
            return _wrong("r11", "service", f"the {endpoint} endpoint", f"the {call.place} endpoint", says)
        return None

    def _facade(self, call: Call) -> Broken | None:
        if call.operation not in ENDPOINTS:
            return _wrong("r32", "service", "a known service", call.operation[:40], "Dịch vụ không tồn tại")
        given = call.request.query.get("MaDinhDanhDV")
        is_wanted = call.request.path.endswith("/DongBoHoSoMC")
        return self._unit(given, "MaDinhDanhDV") if is_wanted or given is not None else None

    def login(self, call: Call, visit: Visit) -> Response:
        """Name and password in, session out (r20 to r22)."""
        payload, account = call.payload, self.account
        visit.checked += ("r20", "r22")
        if payload.get("username") != account.username or payload.get("password") != account.password:
            says = "Tên đăng nhập hoặc mật khẩu không đúng"
            broken = Broken(rule="r22", field="username, password", expected="those issued", code=1, message=says)
            return self.refuse(visit, broken)
        session = self.sessions.issue(visit.clock, self._switches["session_ttl_s"])
        return self._replies.yes(visit, "Thành công", session=session)

    def token(self, call: Call, visit: Visit) -> Response:
        """The LGSP's client-credentials grant (r27), as OAuth 2.0 has it."""
        form = {name: values[0] for name, values in parse_qs(call.request.body.decode("utf-8", "replace")).items()}
        if call.request.method != "POST" or form.get("grant_type") != "client_credentials":
            visit.break_rule(Broken(rule="r27", field="grant_type", expected="client_credentials"))
            return _oauth({"error": "unsupported_grant_type"}, status=400)
        given = _basic(call.request.headers) or (form.get("client_id", ""), form.get("client_secret", ""))
        if given != (self.account.client_id, self.account.client_secret):
            visit.break_rule(Broken(rule="r27", field="client_id, client_secret", expected="those issued"))
            return _oauth({"error": "invalid_client"}, status=401)
        lifetime = self._switches["outer_token_ttl_s"]
        token = self._outer.issue(visit.clock, lifetime)
        return _oauth({"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime)}, status=200)


def _wrong(rule: str, field: str, expected: str, found: str, message: str) -> Broken:
    return Broken(rule=rule, field=field, expected=expected, found=found, message=message)


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret


def _oauth(body: dict[str, Any], *, status: int) -> Response:
    return Response(status=status, headers={"Cache-Control": "no-store"}, body=msgspec.json.encode(body))
