"""A time-stamp authority by RFC 3161 that stamps for real, and can be told to be wrong in every way that counts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from contracts.mock_faults import REST
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of
from contracts.mocking import Call, Mock, Request, Response, utc_now
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_pki.stamps import Asked, asked, granted, rejected, token

REPLY: Final = "application/timestamp-reply"
QUERY: Final = "application/timestamp-query"
SIZES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
ACCOUNT: Final = "Basic " + base64.b64encode(b"tsa:mock-tsa").decode()
LONG_AGO: Final = timedelta(days=400)
ANSWERS: Final = (
    "granted", "granted_with_mods", "rejected", "wrong_nonce", "wrong_imprint", "wrong_purpose", "foreign", "old",
    "garbage", "down",
)  # fmt: skip
SWITCHES: Final = (
    Switch(name="answer", default="granted", read=one_of(*ANSWERS), rule="r21", says="what a request comes to"),
    Switch(
        name="failure",
        default="time_not_available",
        read=one_of("bad_alg", "bad_request", "time_not_available", "unaccepted_policy", "system_failure"),
        rule="r11",
        says="with rejected: why",
    ),
    Switch(name="account", default=False, read=one_of(True, False), rule="r5", says="whether HTTP Basic is wanted"),
)


class TimestampAuthority(Mock):
    """Says when something was there."""

    partner: ClassVar[str] = "timestamp_authority"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")
    faults_here: ClassVar[frozenset[str]] = REST - {"expired_session", "refuse_record", "skip_record_say_yes"}

    def __init__(
        self,
        pki: SigningPki | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(clock=clock, keep=keep, seed=seed)
        self.pki = pki or SigningPki(clock)
        self._units: dict[str, Holder] = {}

    def recognise(self, request: Request) -> Call:
        if request.path.rstrip("/") != "/timestamp_authority":
            return Call(request=request, operation="?", place="nowhere")
        return Call(request=request, operation="stamp", place="stamp", is_write=True)

    def admit(self, call: Call, visit: Visit) -> Response | None:
        request = call.request
        self.pki.reached_at(f"http://{request.headers['host']}" if "host" in request.headers else "")
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r1", field="path", expected="/timestamp_authority/", found=request.path))
            return Response(status=404, body=b'{"error":"nothing here"}')
        visit.checked += ("r1", "r2", "r3")
        if request.method != "POST" or request.headers.get("content-type", "").partition(";")[0] != QUERY:
            visit.break_rule(Broken(rule="r1", field="content-type", expected=f"POST with {QUERY}"))
            return Response(status=415, body=b'{"error":"not a query"}')
        if self.switches["account"] and request.headers.get("authorization") != ACCOUNT:
            visit.break_rule(Broken(rule="r5", field="authorization", expected="the account"))
            return Response(status=401, body=b"", headers={"WWW-Authenticate": 'Basic realm="tsa"'})
        return None

    def answer(self, call: Call, visit: Visit) -> Response:
        says = self.switches["answer"]
        if says == "down":
            return Response(status=503, body=b"", content_type="text/plain")
        try:
            told = asked(call.request.body)
        except (ValueError, TypeError):
            visit.break_rule(Broken(rule="r2", field="body", expected="a TimeStampReq"))
            return _reply(rejected("bad_data_format"))
        if SIZES.get(told.algorithm) != len(told.digest):
            visit.break_rule(Broken(rule="r3", field="messageImprint", expected="SHA-2 of its length"))
            return _reply(rejected("bad_alg"))
        if told.nonce is None:
            visit.break_rule(Broken(rule="r4", field="nonce", expected="a nonce", refused=False))
        if says == "rejected":
            return _reply(rejected(self.switches["failure"], "mock"))
        return _reply(b"\x30\x03garbage" if says == "garbage" else self._stamped(told, says, visit))

    def forget(self) -> None:
        self.pki.forget()

    def _stamped(self, told: Asked, says: str, visit: Visit) -> bytes:
        digest = hashlib.new(told.algorithm, told.digest).digest() if says == "wrong_imprint" else told.digest
        made = token(
            self._unit(says),
            digest,
            visit.clock - LONG_AGO if says == "old" else visit.clock,
            nonce=(told.nonce or 0) + 1 if says == "wrong_nonce" else told.nonce,
            number=len(self.effects) + 1,
            algorithm=told.algorithm,
            with_certificates=told.wants_certificate,
        )
        visit.effects += 1
        self.effects.add(
            at=visit.clock,
            operation="stamp",
            dossier=told.digest.hex(),
            digest=hashlib.sha256(told.digest).hexdigest(),
            repeat=False,
            entry={"algorithm": told.algorithm},
            body=msgspec.json.encode(told.digest.hex()),
        )
        return granted(made, status="granted_with_mods" if says == "granted_with_mods" else "granted")

    def _unit(self, says: str) -> Holder:
        kind = says if says in ("foreign", "wrong_purpose") else "right"
        if kind not in self._units:
            self._units[kind] = self._made(kind)
        return self._units[kind]

    def _made(self, kind: str) -> Holder:
        if kind == "wrong_purpose":
            return self.pki.stamper(purposes=())
        return self.pki.stamper(by="foreign") if kind == "foreign" else self.pki.stamper()


def _reply(body: bytes) -> Response:
    return Response(body=body, content_type=REPLY)
