"""MySign as a callable: strict, with a token for each signer, a page where a person agrees, and its two calls back.

Written from `NOTES.md` alone; it signs for real, with keys of the mocks' own authorities.

    call → `places` (what is this?) → `gate` (may it pass, is it right?) → here (change the books, answer)
"""

from __future__ import annotations

import http.client
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from contracts.gateway_calls import Called, CallerBack, Outgoing, send
from contracts.mock_faults import Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, seconds, whole
from contracts.mocking import Call, Request, Response, utc_now
from contracts.mysign import places
from contracts.mysign.gate import No, judge
from contracts.mysign.places import CERTIFICATES, LOGIN, SIGN, STATUS, Account, error, yes
from contracts.signing_mock import FAULTS, ON_CALLBACKS, ApproveOrder, SigningMock, switches
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_transactions import Document, Transaction

ACCOUNT: Final = Account()
ERRORS: Final = {
    "58007": "Invalid client id",
    "58008": "Invalid user id",
    "59033": "Bad user or password",
    "86024": "Invalid client secret",
    "86002": "TLS certificate is revoked",
    "4005": "Het luot ky hoac het tien",
    "13004": "Chung thu so het han hoac bi thu hoi",
    "50000": "Internal error",
    "77777": "A code that nobody knows",
}
SWITCHES: Final = (
    *switches("r50"),
    Switch(name="error", default="", read=one_of("", *ERRORS), rule="r8", says="an error in place of an answer"),
    Switch(
        name="error_on",
        default=SIGN,
        read=one_of(LOGIN, CERTIFICATES, SIGN, STATUS),
        rule="r8",
        says="to which message that error is the answer",
    ),
    Switch(
        name="error_after_effect",
        default=False,
        read=one_of(True, False),
        rule="r32",
        says="the error comes although the order was taken",
    ),
    Switch(
        name="status",
        default=0,
        read=one_of(0, 1, 4000, 4001, 4002, 4004, 4005, 6000, 13004, 50000, 77777),
        rule="r31",
        says="the status that every question is answered with; 0: as it is",
    ),
    Switch(name="token_s", default=3600.0, read=seconds, rule="r3", says="how long a token lives"),
    Switch(name="multisign", default=50, read=whole(at_least=1), rule="r13", says="signatures of one agreement"),
    Switch(
        name="key_status", default="enabled", read=one_of("enabled", "disabled"), rule="r12", says="of every key"
    ),
    Switch(
        name="values", default="texts", read=one_of("texts", "objects"), rule="r33", says="the form of signatures[]"
    ),
    Switch(
        name="callback_method", default="POST", read=one_of("POST", "GET"), rule="r42", says="of its two calls to us"
    ),
    Switch(
        name="token_form",
        default="json",
        read=one_of("json", "form", "basic"),
        rule="r40",
        says="how its id and secret come",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A token."""

    user: str
    until: datetime


class TwoCalls(CallerBack):
    """First a token, then the result under it (NOTES.md#r40, #r41)."""

    def __init__(self, clock: Callable[[], datetime], is_taken: Callable[[int, bytes], bool], mock: MySign) -> None:
        super().__init__(clock, is_taken)
        self._mock = mock

    def _one(self, call: Outgoing) -> Called:
        if not call.headers.get("X-Secret"):
            return super()._one(call)
        headers = {name: value for name, value in call.headers.items() if name != "X-Secret"}
        try:
            bearer = self._mock.fetch_token(call.url, call.headers["X-Secret"])
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            return Called(reference=call.reference, at=self._clock(), status=None, answer=str(trouble), is_taken=False)
        return super()._one(replace(call, headers={**headers, "Authorization": f"Bearer {bearer}"}))


class MySign(SigningMock):
    """Viettel MySign."""

    partner: ClassVar[str] = "mysign"
    name: ClassVar[str] = "Viettel MySign"
    faults_here: ClassVar[frozenset[str]] = FAULTS | {"expired_session"}
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        account: Account = ACCOUNT,
        pki: SigningPki | None = None,
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        self.account = account
        self._tokens: dict[str, Opened] = {}
        self._given = 0
        self._asked = 0
        super().__init__(pki=pki, callback_url=callback_url, clock=clock, keep=keep, seed=seed)

    def caller(self) -> CallerBack:
        return TwoCalls(self._clock, self.is_taken, self)

    def forget(self) -> None:
        super().forget()
        self._tokens.clear()

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        visit.checked += ("r1", "r2", "r5", "r10", "r20", "r21", "r22", "r23")
        if call.operation != LOGIN and (no := self._bearer(call, visit)) is not None:
            return no
        refused = judge(call, self.account, most=self.switches["multisign"])
        if refused is not None:
            return self._refused(refused, visit)
        if self.switches["error"] and call.operation == self.switches["error_on"]:
            return None if self.switches["error_after_effect"] and call.operation == SIGN else self._as_switched()
        return None

    def answer_here(self, call: Call, visit: Visit) -> Response:
        fields = call.payload.fields
        if call.operation == LOGIN:
            return self._login(fields, visit)
        if call.operation == CERTIFICATES:
            return yes([self._row(holder) for holder in self.signers.of(fields["user_id"])])
        return self._order(fields, call, visit) if call.operation == SIGN else self._status(fields)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        newest = self.transactions.newest()  # signHash names none: the one that it made is the newest (NOTES.md#r26)
        if fault.name in ON_CALLBACKS and newest is not None:
            newest.more.setdefault("faults", set()).add(fault.name)
            return response
        return super().change(response, fault, call, visit)

    # -- messages -----------------------------------------------------------------------------------------------------

    def _bearer(self, call: Call, visit: Visit) -> Response | None:
        told = call.request.headers.get("authorization", "").removeprefix("Bearer ")
        found = self._tokens.get(told)
        is_struck = self.faults.strike("expired_session", call.operation, call.dossiers) is not None
        user = call.payload.fields.get("user_id")
        is_other = found is not None and isinstance(user, str) and user != found.user
        if found is None or found.until <= visit.clock or is_struck or is_other:
            visit.break_rule(Broken(rule="r5", field="authorization", expected="this signer's token"))
            return Response(status=401, body=b'{"error":"invalid_token"}')
        return None

    def _login(self, fields: Mapping[str, Any], visit: Visit) -> Response:
        if not fields["user_id"].partition("_")[2].startswith("099"):
            return error("58008", ERRORS["58008"])
        self._given += 1
        token, life = f"mysign-token-{self._given:06d}", self.switches["token_s"]
        self._tokens[token] = Opened(user=fields["user_id"], until=visit.clock + timedelta(seconds=life))
        return yes({"access_token": token, "refresh_token": "", "token_type": "Bearer", "expires_in": str(int(life))})

    def _row(self, holder: Holder) -> dict[str, Any]:
        certificate = holder.certificate
        chain = [b64encode(der).decode() for der in (holder.der, *holder.chain_der)]
        is_over = certificate.not_valid_after_utc < self._clock()
        return {
            "credential_id": f"cred-{holder.serial}",
            "description": "",
            "key": {"status": self.switches["key_status"], "algo": ["1.2.840.113549.1.1.1"], "len": 2048, "curve": ""},
            "cert": {
                "status": "expired" if is_over else "valid",
                "certificates": chain,
                "issuerDN": certificate.issuer.rfc4514_string(),
                "serialNumber": holder.serial,
                "subjectDN": certificate.subject.rfc4514_string(),
                "validFrom": f"{certificate.not_valid_before_utc:%Y%m%d%H%M%S}+0000",
                "validTo": f"{certificate.not_valid_after_utc:%Y%m%d%H%M%S}+0000",
            },
            "authMode": "implicit",
            "multisign": self.switches["multisign"],
            "scal": "2",
        }

    def _order(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response:
        user = self._tokens[call.request.headers["authorization"].removeprefix("Bearer ")].user
        holders = {f"cred-{each.serial}": each for each in self.signers.of(user)}
        holder = holders.get(fields["credentialID"])
        if holder is None:
            broken = Broken(rule="r20", field="credentialID", expected="one of this signer's")
            return self._refused(No(broken=broken), visit)
        self._asked += 1
        documents = [
            Document(id=each["document_id"], name=_shown(each["document_name"]), digest=b64decode(told))
            for each, told in zip(fields["documents"], fields["hash"], strict=True)
        ]
        made = self.asked_for(
            visit,
            request="",
            handle=f"MS{visit.clock:%y%m%d}{self._asked:010d}",
            user=user,
            holder=holder,
            documents=documents,
            description=_shown(fields["description"]),
            is_called_back=fields["async"] == 3,
        )
        if self.switches["error"] and self.switches["error_on"] == SIGN:
            return self._as_switched()
        if fields["async"] == 0:
            return yes({"signatures": self._values(made)})
        return yes({"transactionId": made.handle})

    def _status(self, fields: Mapping[str, Any]) -> Response:
        found = self.asked_about(fields["transactionId"])
        if found is None:
            return error("404", "Transaction not found")
        status = self.switches["status"] or status_of(found)
        said: dict[str, Any] = {"status": status, "message": WORDS.get(status, "")}
        return yes(said | ({"signatures": self._values(found)} if status == 1 else {}))

    def _values(self, transaction: Transaction) -> list[Any]:
        found = [(each.id, b64encode(each.value or b"").decode()) for each in transaction.values()]
        if self.switches["values"] == "objects":
            return [{"document_id": name, "signature": value} for name, value in found]
        return [value for _, value in found]

    def _as_switched(self) -> Response:
        code = self.switches["error"]
        return error(code, ERRORS[code])

    def _refused(self, no: No, visit: Visit) -> Response:
        visit.break_rule(no.broken)
        visit.error_code = no.code
        return error(no.code, ERRORS.get(no.code, "Invalid request"), status=no.status)

    # -- its two calls back -------------------------------------------------------------------------------------------

    def notice(self, transaction: Transaction, order: ApproveOrder) -> dict[str, Any]:
        status, at = status_of(transaction), f"{self._clock():%Y%m%d%H%M%S}"
        rows = [
            {"document_id": each.id, "signature": b64encode(each.value or b"").decode()}
            for each in (transaction.values() if status == 1 else [])
        ]
        return {
            "meta_data": {
                "request_id": f"RQ{transaction.handle}",
                "transaction_id": transaction.handle,
                "description": transaction.description,
                "status": status,
            },
            "data": {"action_timestamp": at, "signature_timestamp": at, "results": rows},
        }

    def outgoing(self, transaction: Transaction, url: str, fields: Mapping[str, Any], order: ApproveOrder) -> Outgoing:
        made = super().outgoing(transaction, url, fields, order)
        headers = {**made.headers, "X-Secret": order.secret or self.account.their_secret}
        return replace(made, method=self.switches["callback_method"], headers=headers)

    def is_taken(self, status: int, answer: bytes) -> bool:
        return status == 200 and _member(answer, "status_code") == "00"

    def fetch_token(self, url: str, secret: str) -> str:
        """The first of both calls; the token's address stands beside the result's. Raises ValueError."""
        account, form = self.account, self.switches["token_form"]
        pair = {"client_id": account.their_id, "client_secret": secret}
        headers, body = {"Content-Type": "application/json"}, json.dumps(pair).encode()
        if form == "form":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = f"grant_type=client_credentials&client_id={account.their_id}&client_secret={secret}".encode()
        elif form == "basic":
            told = b64encode(f"{account.their_id}:{secret}".encode()).decode()
            headers, body = {**headers, "Authorization": f"Basic {told}"}, b"{}"
        where = url.rpartition("/")[0] + "/token"
        status, answer = send(
            Outgoing(reference="", url=where, method=self.switches["callback_method"], headers=headers, body=body)
        )
        data = _member(answer, "data")
        if status != 200 or _member(answer, "status_code") != "00" or not isinstance(data, dict):
            raise ValueError(f"no token: HTTP {status} {answer.decode('utf-8', 'replace')[:200]}")
        return str(data["access_token"])


WORDS: Final = {1: "Da ky", 4000: "Cho nguoi ky xac nhan", 4001: "Het thoi gian", 4002: "Nguoi ky tu choi"}


def status_of(transaction: Transaction) -> int:
    """NOTES.md#r31."""
    known = {"open": 4000, "approved": 1, "declined": 4002, "expired": 4001}
    return known.get(transaction.state) or int(transaction.code or 4004)


def _shown(told: str) -> str:
    return b64decode(told).decode("ascii")


def _member(answer: bytes, name: str) -> Any:
    try:
        said = json.loads(answer)
    except ValueError:
        return None
    return said.get(name) if isinstance(said, dict) else None
