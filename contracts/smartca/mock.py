"""VNPT SmartCA as a callable: it checks what it is sent, asks a person on its page, signs for real, calls back.

Written from `NOTES.md` alone.

    call → `places` (what is this?) → `checks` (is it right?) → here (keep it, answer)
"""

from __future__ import annotations

import base64
import hmac
import json
import textwrap
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from cryptography.hazmat.primitives.serialization import Encoding

from contracts.gateway_calls import Outgoing
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, text
from contracts.mocking import Call, Request, Response, utc_now
from contracts.signing_mock import ApproveOrder, SigningMock, switches
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_transactions import Document, Transaction
from contracts.smartca import checks, places

SP_ID: Final = "demo-sp"
SP_PASSWORD: Final = "mock-smartca-0123456789"  # noqa: S105  # what the mock expects; everybody knows it
MESSAGES: Final = {
    "open": (200, "sig_wait_for_user_confirm"),
    "approved": (200, "SUCCESS"),
    "declined": (200, "sig_rejected"),
    "expired": (200, "sig_expired"),
    "failed": (200, "sig_failed"),
}
"""r31, r33."""
SWITCHES: Final = switches(
    "r60",
    Switch(
        name="status_id",
        default="transaction_id",
        read=one_of("transaction_id", "tran_code", "both"),
        rule="r30",
        says="which id the status question is put with",
    ),
    Switch(name="sign_code", default=200, read=one_of(200, 400, 401, 403, 500), rule="r28",
           says="status_code of every sign; all but 200 ask nobody"),
    Switch(name="sign_message", default="", read=text, rule="r28", says="with sign_code: another message"),
    Switch(name="status_code", default=200, read=one_of(200, 400, 401, 403, 500), rule="r31",
           says="status_code of every status question"),
    Switch(name="status_message", default="", read=text, rule="r33", says="message of a status, whatever it is"),
    Switch(name="http_follows", default=False, read=one_of(True, False), rule="r2",
           says="HTTP says what status_code says"),
    Switch(name="line_breaks", default=True, read=one_of(True, False), rule="r11",
           says="Base64 of certificates is broken into lines"),
    Switch(name="callback_names_it", default=True, read=one_of(True, False), rule="r40",
           says="whether the webhook has transaction_id"),
)  # fmt: skip
REFUSED: Final = {
    400: "BAD_REQUEST", 401: "SP_CREDENTIAL_INVALID", 403: "CREDENTIAL_STATUS_INVALID", 500: "SERVER_INTERNAL_ERROR",
}  # fmt: skip


class SmartCa(SigningMock):
    """The service, with its phones."""

    partner: ClassVar[str] = "smartca"
    name: ClassVar[str] = "VNPT SmartCA"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        pki: SigningPki | None = None,
        sp_id: str = SP_ID,
        sp_password: str = SP_PASSWORD,
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(pki=pki, callback_url=callback_url, clock=clock, keep=keep, seed=seed)
        self.sp_id = sp_id
        self._password = sp_password

    # -- what comes in ------------------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        kind = call.request.headers.get("content-type", "").partition(";")[0].strip()
        message = call.payload[1] if call.place == "status" else call.payload
        if call.request.method != "POST" or kind != "application/json" or message is None:
            return self._no(visit, [Broken(rule="r2", field="body", expected="POST of a JSON object", code=400)])
        if call.place == "status":
            visit.checked += ("r2", "r30")
            return None
        visit.checked += ("r2", "r3", "r10" if call.place == "get_certificate" else "r20")
        return self._no(visit, self._broken(call, message))

    def _broken(self, call: Call, message: Mapping[str, Any]) -> Iterable[Broken]:
        password = message.get("sp_password")
        is_known = isinstance(password, str) and hmac.compare_digest(password.encode(), self._password.encode())
        if message.get("sp_id") != self.sp_id or not is_known:
            yield Broken(rule="r3", field="sp_id", expected="a known pair", code=401)
        yield from checks.of_sign(message) if call.place == "sign" else checks.of_certificates(message)
        if call.place == "sign" and self.transactions.get(str(message.get("transaction_id"))) is not None:
            yield Broken(rule="r22", field="transaction_id", expected="an id that is new")

    def _no(self, visit: Visit, broken: Iterable[Broken]) -> Response | None:
        """The first rule that refuses is told; all are written down."""
        rows = [visit.break_rule(row) for row in broken]
        first = next((row for row in rows if row.refused), None)
        return None if first is None else self._envelope(first.code if first.code > 0 else 400, f"{first.rule}")

    # -- answers ------------------------------------------------------------------------------------------------------

    def answer_here(self, call: Call, visit: Visit) -> Response:
        match call.place:
            case "get_certificate":
                return self._certificates(call.payload)
            case "sign":
                return self._ask(call.payload, visit)
            case _:
                return self._status(call.payload[0])

    def _certificates(self, message: Mapping[str, Any]) -> Response:
        wanted = message.get("serial_number", "").lower()
        found = [each for each in self.signers.of(message["user_id"]) if wanted in ("", each.serial)]
        rows = [self._certificate(each, message["transaction_id"]) for each in found]
        return self._envelope(200, "SUCCESS", {"user_certificates": rows})

    def _certificate(self, holder: Holder, transaction: str) -> dict[str, Any]:
        certificate = holder.certificate
        is_agency = "MST:" in certificate.subject.rfc4514_string()
        return {
            "service_type": "ESEAL" if is_agency else "SMARTCA",
            "service_name": "SmartCA (mock)",
            "cert_id": f"cert-{holder.serial[-8:]}",
            "cert_status": "Đang hoạt động",
            "serial_number": holder.serial,
            "cert_subject": certificate.subject.rfc4514_string(),
            "cert_valid_from": certificate.not_valid_before_utc.isoformat(),
            "cert_valid_to": certificate.not_valid_after_utc.isoformat(),
            "cert_data": self._base64(holder.der),
            "chain_data": {
                "ca_cert": self._base64(holder.chain[0].public_bytes(Encoding.DER)),
                "root_cert": self._base64(holder.chain[-1].public_bytes(Encoding.DER)),
            },
            "transaction_id": transaction,
        }

    def _base64(self, der: bytes) -> str:
        plain = base64.b64encode(der).decode()
        return "\r\n".join(textwrap.wrap(plain, 64)) + "\r\n" if self.switches["line_breaks"] else plain

    def _ask(self, message: Mapping[str, Any], visit: Visit) -> Response:
        if (code := self.switches["sign_code"]) != 200:
            return self._envelope(code, self.switches["sign_message"] or REFUSED[code])
        wanted = message.get("serial_number", "").lower()
        holders = [each for each in self.signers.of(message["user_id"]) if wanted in ("", each.serial)]
        if len(holders) != 1 or self._is_unusable(holders[0], visit.clock):
            visit.break_rule(Broken(rule="r28", field="serial_number", expected="one certificate that holds"))
            return self._envelope(403, REFUSED[403])
        made = self.asked_for(
            visit,
            request=message["transaction_id"],
            handle=str(uuid.UUID(int=0x5F0C7C1E_0000_4000_8000_000000000000 + len(self.transactions) + 1)),
            user=message["user_id"],
            holder=holders[0],
            documents=[_document(each) for each in message["sign_files"]],
            description=message.get("transaction_desc", ""),
        )
        return self._envelope(200, MESSAGES["open"][1], {"transaction_id": made.request, "tran_code": made.handle})

    def _is_unusable(self, holder: Holder, now: datetime) -> bool:
        certificate = holder.certificate
        is_revoked = any(certificate.serial_number in each.revoked for each in self.pki.authorities.values())
        return is_revoked or not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc

    def _status(self, name: str) -> Response:
        if (code := self.switches["status_code"]) != 200:
            return self._envelope(code, REFUSED[code])
        found = self.asked_about(name)
        kind = self.switches["status_id"]
        if found is None or (kind != "both" and name != (found.handle if kind == "tran_code" else found.request)):
            return self._envelope(400, "TRANSACTION_NOT_FOUND")
        code, message = MESSAGES[found.state]
        data: dict[str, Any] = {"transaction_id": found.request}
        if found.state == "approved":
            data["signatures"] = _values(found)
        return self._envelope(code, self.switches["status_message"] or message, data)

    def _envelope(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> Response:
        told = {"status_code": code, "message": message, "data": data}
        body = json.dumps(told, ensure_ascii=False).encode()
        return Response(status=code if self.switches["http_follows"] else 200, body=body)

    # -- the webhook --------------------------------------------------------------------------------------------------

    def notice(self, transaction: Transaction, order: ApproveOrder) -> dict[str, Any]:
        code, message = MESSAGES[transaction.state]
        told: dict[str, Any] = {"sp_id": self.sp_id, "status_code": code, "message": message}
        if self.switches["callback_names_it"]:
            told["transaction_id"] = transaction.request
        return {**told, "signed_files": _values(transaction)}

    def outgoing(self, transaction: Transaction, url: str, fields: Mapping[str, Any], order: ApproveOrder) -> Outgoing:
        body = json.dumps(fields, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        return Outgoing(reference=transaction.handle, url=url, headers=headers, body=body)

    def is_taken(self, status: int, answer: bytes) -> bool:
        try:
            told = json.loads(answer)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("status_code") == 200


def _document(each: Mapping[str, str]) -> Document:
    return Document(id=each["doc_id"], name=each["doc_id"], digest=bytes.fromhex(each["data_to_be_signed"]))


def _values(transaction: Transaction) -> list[dict[str, Any]]:
    return [
        {
            "doc_id": each.id,
            "signature_value": base64.b64encode(each.value or b"").decode(),
            "timestamp_signature": None,
        }
        for each in transaction.values()
    ]
