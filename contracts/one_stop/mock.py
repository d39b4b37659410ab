"""The one-stop system as a callable: strict, stateful, and able to misbehave, over SOAP and over REST.

Our own contract, so it is written from `NOTES.md` and the schemas beside it. Its signatures are made and checked by
signxml and by `hmac`, never by the signing room.

    call → `places` (what is this?) → `gate` (may it pass, is it right?) → here (keep it, answer) → `replies` (sign it)
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from contracts.mock_faults import STAGES, Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch
from contracts.mocking import Call, Mock, Request, Response, utc_now
from contracts.one_stop import places
from contracts.one_stop.books import Books
from contracts.one_stop.choices import SWITCHES
from contracts.one_stop.envelopes import Trouble
from contracts.one_stop.gate import Account, Gate
from contracts.one_stop.pki import Pki
from contracts.one_stop.places import Message
from contracts.one_stop.replies import Replies

ACCOUNT: Final = Account()
FAULTS: Final = frozenset(STAGES) - {
    "expired_session",
    "skip_record_say_yes",
    "duplicate_callback",
    "reordered_callbacks",
    "tampered_callback",
}
BUSY: Final = Trouble(code="unavailable", rule="r54", field="", expected="the same message, later")


class OneStop(Mock):
    """A province's one-stop system, as Liên Thông calls it."""

    partner: ClassVar[str] = "one_stop"
    faults_here: ClassVar[frozenset[str]] = FAULTS
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        account: Account = ACCOUNT,
        pki: Pki | None = None,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(clock=clock, keep=keep, seed=seed)
        self.account = account
        self.books = Books(self.effects, account.unit)
        self._given_pki = pki
        self._replies = Replies(account=account, pki=lambda: self.pki, switches=self.switches)
        self._gate = Gate(account=account, pki=lambda: self.pki, switches=self.switches)

    @cached_property
    def pki(self) -> Pki:
        """Made when it is first needed: keys cost time, and REST needs none."""
        return self._given_pki or Pki(self._clock())

    def forget(self) -> None:
        self.books.clear()
        self._gate.clear()

    def recognise(self, request: Request) -> Call:
        return places.recognise(request)

    def admit(self, call: Call, visit: Visit) -> Response | None:
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r1", field="path", expected="a known address", found=call.request.path))
            return Response(status=404, body=b'{"error":"nothing here"}')
        if call.place == "pki":
            return self._keys(call.request)
        try:
            self._gate.admit(call, visit)
        except Trouble as trouble:
            return self._no(trouble, call, visit)
        return None

    def answer(self, call: Call, visit: Visit) -> Response:
        message = self._message(call)
        try:
            self._refuse_record(call, message, visit)
            taken = self.books.take(call.operation, message.value, visit.clock)
        except Trouble as trouble:
            return self._no(trouble, call, visit)
        visit.checked += ("r47", "r48", "r49", "r50", "r58", "r59")
        visit.effects += taken.effects
        return self._replies.yes(call, message, taken.answer, visit.clock)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        """Faults that spoil a signed answer, here where the keys are."""
        if call.place in ("soap", "rest"):
            message = self._message(call)
            if fault.name in ("soap_fault", "unsigned_fault"):
                is_signed = fault.name == "soap_fault"
                return self._replies.no(BUSY, call, message, visit, is_signed=is_signed)
            if fault.name == "bad_signature":
                return _spoilt(response, call.place)
        return super().change(response, fault, call, visit)

    def _message(self, call: Call) -> Message:
        """The message with its JSON twin: the gate has passed it."""
        message: Message = call.payload
        if call.place == "soap" and message.content is not None:
            return replace(message, value=places.value_of(message.content, call.operation))
        return message

    def _refuse_record(self, call: Call, message: Message, visit: Visit) -> None:
        if self.faults.active and (fault := self.faults.strike("refuse_record", call.operation, call.dossiers)):
            visit.fault = fault.name
            raise Trouble(code="refused", rule="r52", field="procedure", expected="a procedure of this system")

    def _no(self, trouble: Trouble, call: Call, visit: Visit) -> Response:
        visit.break_rule(
            Broken(
                rule=trouble.rule,
                field=trouble.field,
                expected=trouble.expected,
                found=trouble.found,
                message=trouble.code,
            )
        )
        return self._replies.no(trouble, call, call.payload, visit, is_signed=True)

    def _keys(self, request: Request) -> Response:
        """What the other side needs, so that a demo can start without a person carrying files (r120)."""
        pki = self.pki
        shown = {
            "authority.pem": lambda: pki.authority_pem,
            "one-stop.pem": lambda: pki.one_stop.certificate_pem,
            "caller.pem": lambda: pki.caller.certificate_pem + pki.caller.key_pem,
        }
        body = shown.get(request.path.removeprefix(places.PKI))
        if body is None:
            return Response(status=404, body=b'{"error":"nothing here"}')
        return Response(body=body(), content_type="application/x-pem-file")


def _spoilt(response: Response, place: str) -> Response:
    """The same answer, its signature's first byte turned round."""
    if place == "rest":
        value = response.headers.get("Signature", "sig1=:AAAA:")
        return replace(response, headers={**response.headers, "Signature": f"sig1=:{_turned(value[6:-1])}:"})
    head, mark, rest = response.body.partition(b"SignatureValue>")
    given, end, tail = rest.partition(b"<")
    return replace(response, body=head + mark + _turned(given.decode()).encode() + end + tail) if mark else response


def _turned(value: str) -> str:
    raw = bytearray(base64.b64decode("".join(value.split())))
    raw[0] ^= 0xFF
    return base64.b64encode(bytes(raw)).decode()
