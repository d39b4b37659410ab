"""The VNeID gateway as a callable: strict, with tokens, HMACs and nonces, a page where a citizen agrees, and webhooks.

Written from `NOTES.md` alone. Its HMACs are made by `hmac`, never by our adapter's code; it signs for real, with keys
of the mocks' own authorities.

    call → `places` (what is this?) → `gate` (may it pass, is it right?) → here (change the books, answer)
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar, Final

from contracts.gateway_calls import Outgoing
from contracts.mock_faults import Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, seconds
from contracts.mocking import Call, Request, Response, utc_now
from contracts.signing_mock import FAULTS, ON_CALLBACKS, ApproveOrder, SigningMock, switches
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_transactions import Document, Transaction
from contracts.vneid_gateway import places
from contracts.vneid_gateway.gate import No, judge, signed
from contracts.vneid_gateway.places import MESSAGES, REFRESH, SIGN, TOKEN, WORDS, Account

ACCOUNT: Final = Account()
VIETNAM: Final = timezone(timedelta(hours=7))
SWITCHES: Final = (
    *switches("r50"),
    Switch(
        name="code", default="", read=one_of("", *sorted(set(WORDS) - {"01"})), rule="r3", says="a code in place of 01"
    ),
    Switch(name="code_on", default=SIGN, read=one_of(*MESSAGES), rule="r3", says="to which message"),
    Switch(
        name="code_after_effect",
        default=False,
        read=one_of(True, False),
        rule="r9",
        says="the code comes although the order was taken",
    ),
    Switch(
        name="code_name",
        default="code",
        read=one_of("code", "statusCode", "status"),
        rule="r2",
        says="the envelope's member for the code",
    ),
    Switch(name="status", default="", read=one_of("", "0", "1", "2", "3", "9"), rule="r32", says="what polling tells"),
    Switch(name="error_code", default="", read=one_of("", "errorcode4005", "errorcode9999"), rule="r32",
           says="errorCode of what failed"),
    Switch(name="token_s", default=1800.0, read=seconds, rule="r10", says="how long a token lives"),
    Switch(name="refresh_s", default=604_800.0, read=seconds, rule="r10", says="how long a refresh token lives"),
    Switch(name="hmac", default=True, read=one_of(True, False), rule="r5", says="whether calls must carry an HMAC"),
    Switch(name="echo", default="own", read=one_of("own", "other", "none"), rule="r4", says="the id that is echoed"),
    Switch(name="key_status", default=1, read=one_of(1, 0), rule="r21", says="of every key"),
    Switch(
        name="webhook_encoding", default="hex", read=one_of("hex", "base64"), rule="r40", says="of the webhook's HMAC"
    ),
)  # fmt: skip


class VneidGateway(SigningMock):
    """The VNeID central signing gateway, 1.2."""

    partner: ClassVar[str] = "vneid_gateway"
    name: ClassVar[str] = "VNeID"
    faults_here: ClassVar[frozenset[str]] = FAULTS | {"expired_session", "clock_skew"}
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
        self._until: dict[str, datetime] = {}
        """Tokens of both kinds."""
        self._nonces: set[str] = set()
        self._listed: dict[str, tuple[str, Holder]] = {}
        """Credentials that were told to somebody."""
        self._given = 0
        self._asked = 0
        self._told = 0
        super().__init__(pki=pki, callback_url=callback_url, clock=clock, keep=keep, seed=seed)

    def forget(self) -> None:
        super().forget()
        self._until.clear()
        self._nonces.clear()
        self._listed.clear()

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        visit.checked += ("r1", "r2", "r4", "r5", "r6", "r7", "r8")
        refused = judge(call) if call.request.method != "POST" else self._who(call, visit) or judge(call)
        if refused is not None:
            return self._refused(refused, call, visit)
        if self.switches["code"] and call.operation == self.switches["code_on"]:
            is_late = self.switches["code_after_effect"] and call.operation == SIGN
            return None if is_late else self._said(call, self.switches["code"])
        return None

    def answer_here(self, call: Call, visit: Visit) -> Response:
        fields = call.payload.fields
        match call.operation:
            case places.TOKEN:
                return self._log_in(fields, call, visit)
            case places.REFRESH:
                return self._renew(fields, call, visit)
            case places.LIST:
                holders = self.signers.of(fields["citizenPid"])
                self._listed |= {f"cred-{each.serial}": (fields["citizenPid"], each) for each in holders}
                found = [self._row(holder) for holder in holders]
                return self._said(
                    call, "01", {"credentialIDs": [row["credentialID"] for row in found], "credentialInfos": found}
                )
            case places.SIGN:
                return self._order(fields, call, visit)
            case _:
                return self._poll(fields, call, visit)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        newest = self.transactions.newest()  # an order names none: the one that it made is the newest (NOTES.md#r31)
        if fault.name in ON_CALLBACKS and newest is not None:
            newest.more.setdefault("faults", set()).add(fault.name)
            return response
        return super().change(response, fault, call, visit)

    # -- who calls ----------------------------------------------------------------------------------------------------

    def _who(self, call: Call, visit: Visit) -> No | None:
        if self.switches["hmac"]:
            no = signed(call.request, self.account, self._nonces, visit.clock)
            if no is not None:
                return no
        if call.operation in (TOKEN, REFRESH):
            return None
        told = call.request.headers.get("authorization", "").removeprefix("Bearer ")
        is_struck = self.faults.strike("expired_session", call.operation, call.dossiers) is not None
        until = self._until.get(told)
        if until is None or until <= visit.clock or is_struck or not told.startswith("vneid-token"):
            broken = Broken(rule="r4", field="authorization", expected="a good token")
            return No(broken=broken, code="00")
        return None

    def _log_in(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response:
        pair = (fields["username"], fields["password"])
        if pair != (self.account.username, self.account.password):
            return self._refused(_no("r10", "password", "the partner's"), call, visit)
        return self._tokens(call, visit)

    def _renew(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response:
        until = self._until.pop(fields["refreshToken"], None)
        if until is None or until <= visit.clock:
            return self._refused(_no("r12", "refreshToken", "one that was not used"), call, visit)
        return self._tokens(call, visit)

    def _tokens(self, call: Call, visit: Visit) -> Response:
        self._given += 1
        access, refresh = f"vneid-token-{self._given:06d}", f"vneid-refresh-{self._given:06d}"
        life, refresh_life = self.switches["token_s"], self.switches["refresh_s"]
        self._until[access] = visit.clock + timedelta(seconds=life)
        self._until[refresh] = visit.clock + timedelta(seconds=refresh_life)
        told = {
            "accessToken": access,
            "refreshToken": refresh,
            "expireInSeconds": int(life),
            "refreshTokenExpireInSeconds": int(refresh_life),
        }
        return self._said(call, "01", told)

    # -- messages -----------------------------------------------------------------------------------------------------

    def _row(self, holder: Holder) -> dict[str, Any]:
        certificate, key_status = holder.certificate, self.switches["key_status"]
        return {
            "credentialID": f"cred-{holder.serial}",
            "cert": {
                "status": 1 if certificate.not_valid_after_utc > self._clock() else 0,
                "certificates": [b64encode(der).decode() for der in (holder.der, *holder.chain_der)],
                "issuerDN": certificate.issuer.rfc4514_string(),
                "serialNumber": holder.serial,
                "subjectDN": certificate.subject.rfc4514_string(),
                "validFrom": f"{certificate.not_valid_before_utc.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
                "provider": "HUD-VT-CA",
                "flow": 1,
            },
            "key": {"status": key_status, "algo": ["1.2.840.113549.1.1.1"], "len": 2048, "curve": ""},
        }

    def _order(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response:
        if fields["originatorCode"] != self.account.originator_code:
            return self._refused(_no("r30", "originatorCode", self.account.originator_code), call, visit)
        found = self._listed.get(fields["credentialID"])
        if found is None:
            return self._refused(_no("r30", "credentialID", "a known credential", code="03"), call, visit)
        user, holder = found
        self._asked += 1
        documents = [
            Document(id=str(n), name=each["documentName"], digest=b64decode(each["digestValue"]))
            for n, each in enumerate(fields["documents"], 1)
        ]
        handle = f"h-{visit.clock:%y%m%d}{self._asked:08d}"
        made = self.asked_for(
            visit, request="", handle=handle, user=user, holder=holder, documents=documents, txn=f"txn-{handle}"
        )
        if self.switches["code"] and self.switches["code_on"] == SIGN:
            return self._said(call, self.switches["code"])
        life = int(self.switches["life_s"])
        return self._said(call, "01", {"handle": made.handle, "expiresIn": life, "provider": "HUD-VT-CA"})

    def _poll(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response:
        found = self.asked_about(fields["handle"])
        if found is None:
            return self._refused(_no("r32", "handle", "a known one", code="03"), call, visit)
        status = self.switches["status"] or status_of(found)
        error = self.switches["error_code"] or ("errorcode4005" if found.state == "expired" else "")
        told: dict[str, Any] = {"statusCode": int(status), "signatures": []}
        if status == "0":
            told["signatures"] = values_of(found)
        elif status == "1":
            told["errorCode"] = error or found.code or "errorcode9999"
        return self._said(call, "01", told)

    def _said(self, call: Call, code: str, data: Mapping[str, Any] | None = None) -> Response:
        echo, sent = self.switches["echo"], call.request.headers.get("x-request-id", "")
        shown = {"own": sent, "other": "somebody-elses", "none": ""}[echo]
        return places.answer(code, data, shown, name=self.switches["code_name"])

    def _refused(self, no: No, call: Call, visit: Visit) -> Response:
        visit.break_rule(no.broken)
        if no.status:
            return Response(status=no.status, body=b'{"error":"not here"}')
        visit.error_code = no.code
        return self._said(call, no.code)

    # -- webhooks -----------------------------------------------------------------------------------------------------

    def notice(self, transaction: Transaction, order: ApproveOrder) -> dict[str, Any]:
        status = status_of(transaction)
        self._told += 1
        data = {
            "handle": transaction.handle,
            "txnId": transaction.more["txn"],
            "status": int(status),
            "description": transaction.state,
            "signatures": values_of(transaction) if status == "0" else [],
        }
        return {"id": f"evt-{self._told:06d}", "type": "SIGNHASH_WEBHOOK_RESULT", "attempt": 1, "data": data}

    def outgoing(self, transaction: Transaction, url: str, fields: Mapping[str, Any], order: ApproveOrder) -> Outgoing:
        made = super().outgoing(transaction, url, fields, order)
        secret = order.secret or self.account.webhook_secret
        headers = {
            **made.headers,
            "X-Webhook-Signature": places.webhook_signature(
                made.body, secret, encoding=self.switches["webhook_encoding"]
            ),
            "X-Request-Id": f"hook-{transaction.handle}",
        }
        return replace(made, headers=headers)


def status_of(transaction: Transaction) -> str:
    """NOTES.md#r32. What ran out is a failure with its own error."""
    return {"open": "2", "approved": "0", "declined": "3"}.get(transaction.state, "1")


def values_of(transaction: Transaction) -> list[str]:
    """In the order of the request, unless a test wants them otherwise."""
    return [b64encode(each.value or b"").decode() for each in transaction.values()]


def _no(rule: str, field: str, expected: str, *, code: str = "02") -> No:
    return No(broken=Broken(rule=rule, field=field, expected=expected), code=code)
