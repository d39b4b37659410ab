"""The authorities' side of the mocks' port: OCSP, lists, certificates. Also right with a delay, wrong, old, or gone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

from cryptography.x509 import ocsp

from contracts.mock_faults import REST
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of
from contracts.mocking import Call, Mock, Request, Response, utc_now
from contracts.signing_pki import answers
from contracts.signing_pki.authorities import NAMES, Authority, SigningPki, roots_pem

HOUSE: Final = "/signing_pki/"
KINDS: Final = {"ocsp": "", "crl": ".crl", "ca": ".cer"}
OLD: Final = timedelta(days=2)
TYPES: Final = {
    "ocsp": "application/ocsp-response",
    "crl": "application/pkix-crl",
    "ca": "application/pkix-cert",
    "roots": "application/x-pem-file",
}
SWITCHES: Final = (
    Switch(
        name="ocsp",
        default="right",
        read=one_of("right", "unknown", "stale", "foreign", "down"),
        rule="r12",
        says="how OCSP answers",
    ),
    Switch(name="crl", default="right", read=one_of("right", "stale", "foreign", "down"), rule="r12", says="the lists"),
)


class SigningAuthorities(Mock):
    """Who is asked whether a certificate still holds."""

    partner: ClassVar[str] = "signing_pki"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")
    faults_here: ClassVar[frozenset[str]] = REST - {
        "expired_session", "refuse_record", "skip_record_say_yes", "late_effect", "lose_reply_after_effect",
    }  # fmt: skip

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

    def recognise(self, request: Request) -> Call:
        kind, _, rest = request.path.removeprefix(HOUSE).partition("/")
        if request.path == f"{HOUSE}roots.pem":
            return Call(request=request, operation="roots", place="roots")
        name, _, query = rest.partition("/")
        name = name.removesuffix(KINDS.get(kind, ""))
        if kind not in KINDS or name not in NAMES:
            return Call(request=request, operation="?", place="nowhere")
        return Call(request=request, operation=kind, place=kind, payload=(name, query), dossiers=(name,))

    def admit(self, call: Call, visit: Visit) -> Response | None:
        self.pki.reached_at(f"http://{call.request.headers['host']}" if "host" in call.request.headers else "")
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r1", field="path", expected="a known address", found=call.request.path))
            return Response(status=404, body=b'{"error":"nothing here"}')
        return None

    def answer(self, call: Call, visit: Visit) -> Response:
        if call.place == "roots":
            return Response(body=roots_pem(), content_type=TYPES["roots"])
        authority, query = self.pki.authorities[call.payload[0]], call.payload[1]
        if call.place == "ca":
            return Response(body=authority.holder.der, content_type=TYPES["ca"])
        says = self.switches[call.place]
        if says == "down":
            return Response(status=503, body=b"", content_type="text/plain")
        at = visit.clock - OLD if says == "stale" else visit.clock
        if call.place == "crl":
            by = self.pki.foreign.holder if says == "foreign" else None
            return Response(body=answers.crl(authority, at, by=by), content_type=TYPES["crl"])
        return self._ocsp(call.request, query, authority, at, says, visit)

    def forget(self) -> None:
        self.pki.forget()

    def _ocsp(
        self, request: Request, query: str, authority: Authority, at: datetime, says: str, visit: Visit
    ) -> Response:
        try:
            raw = base64.b64decode(query, validate=True) if request.method == "GET" else request.body
            asked = ocsp.load_der_ocsp_request(raw)
        except (ValueError, binascii.Error):
            visit.break_rule(Broken(rule="r1", field="body", expected="an OCSP request"))
            return Response(status=400, body=b"", content_type="text/plain")
        by = self.pki.foreign.delegate if says == "foreign" else None
        told = answers.ocsp_answer(authority, asked, at, says="unknown" if says == "unknown" else "", by=by)
        return Response(body=told, content_type=TYPES["ocsp"])
