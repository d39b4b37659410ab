"""A CSC remote signing service as a callable, v1 and v2 at once: strict, stateful, and able to misbehave.

Written from `NOTES.md` alone; it signs for real, with keys of the mocks' own authorities.

    call → `places` (which method?) → here (who calls?) → a method → `books` (keep it) → JSON
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
from cryptography.x509.oid import NameOID

from contracts.csc import places
from contracts.csc.books import (
    OTP,
    PIN,
    SHA256,
    Credential,
    Grant,
    Grants,
    People,
    Tokens,
    digests,
)
from contracts.csc.choices import METHODS_1, METHODS_2, SWITCHES
from contracts.csc.oauth import Client, OAuth, spelled
from contracts.csc.places import Asked, No, invalid
from contracts.mock_log import Visit
from contracts.mock_switches import Switch
from contracts.mocking import Call, Request, Response, utc_now
from contracts.signing_mock import ApproveOrder, SigningMock
from contracts.signing_pki.authorities import SigningPki
from contracts.signing_pki.stamps import signed_data, token
from contracts.signing_transactions import Document, Transaction

CLIENT: Final = Client()
FAULTS: Final = frozenset(
    {"lose_request", "reset", "http_500", "html_200", "rate_limited", "lose_reply_after_effect", "slow", "half_body",
     "wrong_content_type", "late_effect", "expired_session"}
)  # fmt: skip
WORDS_VI: Final = {"invalid_otp": "Mã OTP không đúng", "invalid_pin": "Mã PIN không đúng"}
LOCKED: Final = "invalid_otp"


class Csc(SigningMock):
    """A remote signing service by the Cloud Signature Consortium's API."""

    partner: ClassVar[str] = "csc"
    name: ClassVar[str] = "Dịch vụ ký từ xa (CSC)"
    faults_here: ClassVar[frozenset[str]] = FAULTS
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        client: Client = CLIENT,
        pki: SigningPki | None = None,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(pki=pki, clock=clock, keep=keep, seed=seed)
        self.tokens, self.grants = Tokens(), Grants()
        self.people = People(self.signers)
        self._oauth = OAuth(client, self.tokens, self.switches)
        self._methods: Mapping[str, Callable[[Asked, Visit, Call], Any]] = {
            "info": self._info,
            "credentials/list": self._list,
            "credentials/info": self._credential,
            "credentials/authorize": self._authorize,
            "credentials/sendOTP": self._send_otp,
            "credentials/extendTransaction": self._extend,
            "signatures/signHash": self._sign_hash,
            "signatures/signDoc": self._sign_doc,
            "signatures/signPolling": self._poll,
            "signatures/timestamp": self._timestamp,
        }

    def forget(self) -> None:
        super().forget()
        self.tokens.clear()
        self.grants.clear()
        self.people.clear()

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        asked: Asked = call.payload
        visit.checked = ("r1", "r2", "r4")
        try:
            if asked.trouble is not None:
                raise asked.trouble
            self._is_there(call.operation, asked.version)
            if call.place == "api" and call.operation != "info":
                self._bearer(call, visit)
        except No as no:
            return self._no(no, visit)
        return None

    def answer_here(self, call: Call, visit: Visit) -> Response:
        try:
            if call.place != "api":
                return self._at_the_server(call, visit)
            said = self._methods[call.operation](call.payload, visit, call)
        except No as no:
            return self._no(no, visit)
        return said if isinstance(said, Response) else _json(said)

    def _is_there(self, method: str, version: str) -> None:
        known = METHODS_1 if version == "v1" else METHODS_2
        if method not in known or method == self.switches["without"]:
            raise No(
                "invalid_request",
                "Not implemented",
                rule="r2",
                where="path",
                expected="a method of info",
                found=method,
                status=501,
            )

    def _bearer(self, call: Call, visit: Visit) -> None:
        if self.faults.active and (fault := self.faults.strike("expired_session", call.operation, call.dossiers)):
            visit.fault = fault.name
            self.tokens.forget_access()
        self.tokens.judge(call.request.headers.get("authorization", ""), visit.clock)

    def _at_the_server(self, call: Call, visit: Visit) -> Response:
        told: Mapping[str, str] = call.payload.values
        visit.checked += ("r6", "r7")
        if call.operation == "oauth2/revoke":
            self._oauth.revoke(told)
            return Response(status=204)
        if call.operation == "oauth2/authorize":
            where = self._oauth.authorize(told, 2 if told.get("code_challenge") else 1)
            return Response(status=302, headers={"Location": where})
        said = self._oauth.token(told, visit.clock)
        if about := said.get("granted_for"):
            return _json(self._sad_for_code(about, visit.clock))
        return _json(said)

    def _sad_for_code(self, about: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """Of the scope `credential`: the access token is the SAD (r7)."""
        hashes = [each + "=" * (-len(each) % 4) for each in about.get("hash", "").split(",") if each]
        plain = [each.replace("-", "+").replace("_", "/") for each in hashes]
        self._credential_of(about.get("credentialID"))
        sad, life = self._granted(about["credentialID"], digests(plain, rule="r9"), now), self.switches["sad_s"]
        return spelled({"access_token": sad, "token_type": "SAD"}, life, "", self.switches["spelling"])

    # -- what it says of itself and of signers ------------------------------------------------------------------------

    def _info(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r3",)
        known = METHODS_1 if asked.version == "v1" else METHODS_2
        host = call.request.headers.get("host", "127.0.0.1")
        said: dict[str, Any] = {
            "specs": "1.0.4.0" if asked.version == "v1" else "2.0.0.0",
            "name": "Dịch vụ ký từ xa Ví Dụ (mock)",
            "logo": "",
            "region": "VN",
            "lang": "vi-VN",
            "description": "CSC mock",
            "authType": ["oauth2client", "oauth2code"],
            "oauth2": f"http://{host}/csc",
            "methods": [each for each in known if each != self.switches["without"]],
        }
        if asked.version == "v1":
            return said
        offered = {"asynchronousOperationMode": True} if self.switches["asynchronous"] else {}
        return (
            said
            | offered
            | {
                "signAlgorithms": {"algos": ["1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"]},
                "signature_formats": {"formats": ["P"], "envelope_properties": [["Revision"]]},
                "conformance_levels": ["AdES-B-B"],
            }
        )

    def _list(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r20",)
        user = asked.values.get("userID")
        if not isinstance(user, str):
            raise invalid("r20", "userID", "the signer's id: this token is the client's own")
        ids = [each.id for each in self.people.of(user)]
        size, page = min(asked.values.get("maxResults") or 100, self.switches["page"]), asked.values.get("pageToken")
        start = int(page) if isinstance(page, str) and page.isdigit() else 0
        more = {"nextPageToken": str(start + size)} if start + size < len(ids) else {}
        return {"credentialIDs": ids[start : start + size], **more}

    def _credential(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r21", "r22", "r23", "r24")
        found = self._credential_of(asked.values.get("credentialID"), is_for_signing=False)
        wants = asked.values.get("certificates", "single")
        if wants not in ("none", "single", "chain"):
            raise invalid("r21", "certificates", "none, single or chain", str(wants))
        said: dict[str, Any] = {
            "description": "Khoá ký của người ký",
            "key": {
                "status": self.switches["key_status"],
                "algo": found.algorithms,
                "len": getattr(found.holder.key, "key_size", 0),
            },
            "cert": self._certificate(found, wants, visit.clock, is_full=bool(asked.values.get("certInfo"))),
            "SCAL": self.switches["scal"],
            "multisign": self.switches["multisign"],
            "lang": "vi-VN",
        }
        return said | (self._asked_v1() if asked.version == "v1" else self._asked_v2())

    def _certificate(self, found: Credential, wants: str, now: datetime, *, is_full: bool) -> dict[str, Any]:
        certificate = found.holder.certificate
        chain = [found.holder.der, *(found.holder.chain_der if wants == "chain" else ())]
        is_past, form = certificate.not_valid_after_utc <= now, "%Y%m%d%H%M%SZ"
        said: dict[str, Any] = {"status": "expired" if is_past else "valid"}
        if wants != "none":
            said["certificates"] = [base64.b64encode(each).decode() for each in chain]
        if is_full:
            said |= {
                "issuerDN": certificate.issuer.rfc4514_string(),
                "serialNumber": found.holder.serial,
                "subjectDN": certificate.subject.rfc4514_string({NameOID.USER_ID: "UID"}),
                "validFrom": f"{certificate.not_valid_before_utc:{form}}",
                "validTo": f"{certificate.not_valid_after_utc:{form}}",
            }
        return said

    def _asked_v1(self) -> dict[str, Any]:
        otp = self.switches["otp"]
        kind = {"type": "offline" if otp == "offline" else "online", "format": "N", "label": "OTP"}
        presence = {"none": "false", "optional": "optional"}.get(otp, "true")
        pin = {"presence": "true" if self.switches["pin"] else "false", "format": "N", "label": "PIN"}
        return {"authMode": self.switches["auth_mode"], "OTP": {"presence": presence, **kind}, "PIN": pin}

    def _asked_v2(self) -> dict[str, Any]:
        mode, objects = self.switches["auth_mode"], []
        if self.switches["pin"]:
            objects.append({"type": "Password", "id": "PIN", "format": "N", "label": "PIN"})
        if self.switches["otp"] not in ("none", "optional"):
            generator = "offline" if self.switches["otp"] == "offline" else "online"
            objects.append({"type": "Password", "id": "OTP", "format": "N", "label": "OTP", "generator": generator})
        return {"auth": {"mode": mode, "expression": " AND ".join(each["id"] for each in objects), "objects": objects}}

    def _credential_of(self, name: object, *, is_for_signing: bool = True) -> Credential:
        found = self.people.get(name) if isinstance(name, str) else None
        if found is None:
            raise invalid("r21", "credentialID", "one of the list")
        if is_for_signing and self.switches["key_status"] != "enabled":
            words = "The credential identified by credentialID is disabled"
            raise invalid("r43", "credentialID", "one that may be used", found.id, words=words)
        return found

    # -- what a signer agrees to --------------------------------------------------------------------------------------

    def _authorize(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r30", "r31", "r32")
        told = asked.values
        found = self._credential_of(told.get("credentialID"))
        if self.switches["auth_mode"] == "oauth2code":
            raise invalid("r31", "authMode", "not oauth2code")
        name = "hash" if asked.version == "v1" else "hashes"
        wants = told.get("numSignatures")
        hashes = digests(told[name], rule="r30", where=name) if told.get(name) else []
        if self.switches["scal"] == "2" and not hashes:
            raise invalid("r30", name, "hashes: SCAL is 2")
        if not isinstance(wants, int) or wants < 1 or (hashes and len(hashes) != wants):
            raise invalid("r30", "numSignatures", "the number of hashes", str(wants))
        if not isinstance(self.switches["multisign"], bool) and wants > self.switches["multisign"]:
            raise invalid(
                "r30", "numSignatures", "at most multisign", str(wants), words="Numbers of signatures is too high"
            )
        self._agreed(found, told)
        life = self.switches["sad_s"]
        sad = self._granted(found.id, hashes, visit.clock, number=wants)
        is_text = self.switches["spelling"] == "example"
        return {"SAD": sad, **({"expires_in": str(int(life))} if is_text else {"expiresIn": int(life)})}

    def _agreed(self, found: Credential, told: Mapping[str, Any]) -> None:
        if self.switches["auth_mode"] == "implicit":
            if self.switches["on_asking"] == "decline":
                raise No("access_denied", "The signer said no", rule="r37", where="signer", expected="a yes")
            return
        if found.wrong >= self.switches["otp_tries"]:
            raise No(LOCKED, "OTP locked", rule="r32", where="OTP", expected="one that is not locked")
        wanted = {
            "OTP": OTP if self.switches["otp"] in ("online", "offline") else "",
            "PIN": PIN if self.switches["pin"] else "",
        }
        for name, right in wanted.items():
            if right and told.get(name) != right:
                found.wrong += 1
                is_locked = found.wrong >= self.switches["otp_tries"]
                words = f"{name} locked" if is_locked else f"The {name} is invalid"
                given = str(told.get(name, ""))
                raise No(
                    f"invalid_{name.lower()}", words, rule="r32", where=name, expected="the signer's own", found=given
                )
        found.wrong = 0

    def _granted(self, credential: str, hashes: list[bytes], now: datetime, *, number: int | None = None) -> str:
        grant = Grant(
            credential=credential,
            hashes=frozenset(hashes) if self.switches["scal"] == "2" else None,
            left=number or len(hashes),
            until=now + timedelta(seconds=self.switches["sad_s"]),
        )
        return self.grants.give(grant)

    def _send_otp(self, asked: Asked, visit: Visit, call: Call) -> Response:
        visit.checked += ("r33",)
        found = self._credential_of(asked.values.get("credentialID"))
        if self.switches["otp"] not in ("online", "optional"):
            raise invalid("r33", "OTP", "one of type online")
        found.otps_sent += 1
        return Response(status=204)

    def _extend(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r35",)
        told = asked.values
        found = self._credential_of(told.get("credentialID"))
        hashes = digests(told.get("hash") or told.get("hashes"), rule="r35")
        return {"SAD": self.grants.extend(told.get("SAD"), found.id, hashes, visit.clock)}

    # -- signing ------------------------------------------------------------------------------------------------------

    def _sign_hash(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r40", "r41", "r43", "r45")
        told, is_v1 = asked.values, asked.version == "v1"
        found = self._credential_of(told.get("credentialID"))
        hashes = digests(told.get("hash" if is_v1 else "hashes"))
        self._algorithms(told, found, "hashAlgo" if is_v1 else "hashAlgorithmOID")
        if found.holder.certificate.not_valid_after_utc <= visit.clock:
            words = f"Signing certificate '{found.holder.serial}' is expired."
            raise invalid("r43", "credentialID", "a certificate in its days", words=words)
        is_later = told.get("operationMode", "S") == "A"
        if is_later and (is_v1 or not self.switches["asynchronous"]):
            raise invalid("r45", "operationMode", "S")
        self.grants.spend(told.get("SAD"), found.id, hashes, visit.clock)
        made = self._opened(found, hashes, visit, call)
        if is_later:
            return {"responseID": made.handle}
        return self._at_once(made)

    def _at_once(self, made: Transaction) -> dict[str, Any]:
        if made.state == "open":
            self.approve(ApproveOrder(handle=made.handle, callbacks=0, wrong=self.switches["returns"]))
        self._is_signed(made)
        return {"signatures": _values(made)}

    def _algorithms(self, told: Mapping[str, Any], found: Credential, name: str) -> None:
        if told.get(name) != SHA256:
            raise invalid("r40", name, SHA256, str(told.get(name)))
        if told.get("signAlgo") not in found.algorithms:
            raise invalid("r40", "signAlgo", ", ".join(found.algorithms), str(told.get("signAlgo")))

    def _opened(self, found: Credential, hashes: list[bytes], visit: Visit, call: Call) -> Transaction:
        told = call.payload.values
        life = _whole(told.get("validity_period"), int(self.switches["life_s"] * 1000))
        made = self.asked_for(
            visit,
            request=str(told.get("clientData", "")),
            handle=f"mock-response-{len(self.transactions) + 1:04d}",
            user=found.user,
            holder=found.holder,
            documents=[Document(id=str(n), name="", digest=each) for n, each in enumerate(hashes, 1)],
            description=str(told.get("description", "")),
        )
        made.until = visit.clock + timedelta(milliseconds=life)
        return made

    def _is_signed(self, made: Transaction) -> None:
        """Or No (r46)."""
        if made.state == "declined":
            raise No("access_denied", "The signer said no", rule="r46", where="signer", expected="a yes")
        if made.state == "expired":
            raise No(
                "expired_request", "The request is expired", rule="r46", where="validity_period", expected="in time"
            )
        if made.state == "failed":
            raise No("server_error", "Signing failed", rule="r5", where="signer", expected="a yes", status=500)

    def _sign_doc(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        """r50: of `documentDigests` alone, each with signed attributes of the service's own."""
        visit.checked += ("r50",)
        told = asked.values
        found = self._credential_of(told.get("credentialID"))
        parts = told.get("documentDigests")
        if not isinstance(parts, list) or not parts:
            raise invalid("r51", "documentDigests", "digests: whole documents are not taken here")
        hashes = [each for part in parts for each in digests(part.get("hashes"), rule="r50")]
        self.grants.spend(told.get("SAD"), found.id, hashes, visit.clock)
        self.approve(ApproveOrder(handle=self._opened(found, hashes, visit, call).handle, callbacks=0))
        signed = [signed_data(found.holder, "data", None, digest=each) for each in hashes]
        return {"SignatureObject": [base64.b64encode(each).decode() for each in signed]}

    def _poll(self, asked: Asked, visit: Visit, call: Call) -> Any:
        visit.checked += ("r46",)
        handle = asked.values.get("responseID")
        made = self.asked_about(handle) if isinstance(handle, str) else None
        if made is None:
            raise invalid("r46", "responseID", "one that was given here", words="Invalid parameter responseID")
        self._is_signed(made)
        if made.state == "open":
            return _json({"responseID": made.handle}, status=int(self.switches["waiting_as"]))
        return {"signatures": _values(made)}

    def _timestamp(self, asked: Asked, visit: Visit, call: Call) -> dict[str, Any]:
        visit.checked += ("r60",)
        told = asked.values
        if told.get("hashAlgo") != SHA256:
            raise invalid("r60", "hashAlgo", SHA256, str(told.get("hashAlgo")))
        digest = digests([told.get("hash")], rule="r60")[0]
        try:
            nonce = int(told["nonce"], 16) if told.get("nonce") else None
        except (TypeError, ValueError):
            raise invalid("r60", "nonce", "hexadecimal") from None
        made = token(self.pki.stamper(), digest, visit.clock, nonce=nonce, number=visit.n)
        return {"timestamp": base64.b64encode(made).decode()}

    # -- answers and control ------------------------------------------------------------------------------------------

    def _no(self, no: No, visit: Visit) -> Response:
        visit.break_rule(no.broken)
        visit.error_code = no.error
        how = self.switches["words"]
        words = WORDS_VI.get(no.error, "Yêu cầu không hợp lệ") if how == "vi" else no.words
        if how == "echo":
            words = f"{words} ({no.broken.found})"
        return _json({"error": no.error, "error_description": words}, status=no.status)


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _values(made: Transaction) -> list[str]:
    """In the order of the hashes (r42), unless a test wants it otherwise."""
    return [base64.b64encode(each.value or b"").decode() for each in made.values()]


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(value))
