"""VNPAY's notification (IPN): a GET whose parameters are verified as they were received (NOTES.md#r11, #r20).

The door frames it (`adapters/doors/callbacks.py`); here is what it says, and how it is answered: always in VNPAY's own
words, so that it knows whether to come again (r25, r26).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from adapters.partners.gateways.calls import Came, Find, Place, RawCall, Reply, Wrong
from adapters.partners.gateways.telling import Money, Word, told
from adapters.partners.vnpay.checksum import HASH, NotOneMessage, good_under, raw_parameters
from adapters.partners.vnpay.codes import RSP, payment_row
from adapters.partners.vnpay.replies import dong, transaction_of
from adapters.partners.vnpay.settings import VnpaySettings
from bus.errors import LedgerTrouble
from bus.messages import canonical_bytes
from bus.payments import Effect, Told, Verdict

IPN: Final = ("GET", "ipn")
MOST_QUERY: Final = 8_192
"""The longest that was seen has eight hundred characters."""
REQUIRED: Final = ("vnp_TmnCode", "vnp_TxnRef", "vnp_Amount", "vnp_ResponseCode", "vnp_TransactionStatus")
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

_EFFECTS: Final[Mapping[Effect, str]] = {
    Effect.RECORDED: "recorded",
    Effect.LATE: "recorded",
    Effect.CONTRADICTED: "recorded",
    Effect.DOUBLE: "recorded",
    Effect.REPEATED: "repeated",
    Effect.NOTHING: "repeated",
    Effect.UNKNOWN_REFERENCE: "not_found",
    Effect.WRONG_AMOUNT: "amount",
    Effect.WRONG_CURRENCY: "other",
}
_RULES: Final[Mapping[str, str]] = {"checksum": "checksum", "forbidden_source": "address", "amount_form": "amount"}


class VnpayCallbacks:
    """One merchant's side of the door."""

    def __init__(self, settings: VnpaySettings, *, name: str = "vnpay") -> None:
        self._settings = settings
        self._name = name
        self.places: Mapping[tuple[str, str], Place] = {IPN: Place(most_bytes=MOST_QUERY)}

    def read(self, call: RawCall, find: Find) -> Told | Wrong:
        """What it says, once it is believed."""
        try:
            raw = raw_parameters(call.query)
        except NotOneMessage as trouble:
            return Wrong(code="duplicate_member", rule="duplicate_parameter", field=trouble.field, is_alarm=True)
        reference = _text(raw.get("vnp_TxnRef", ""))
        if not raw.get(HASH):
            return Wrong(code="unsigned", rule="checksum", field=HASH, reference_told=reference, is_alarm=True)
        key_id = good_under(self._settings.secrets, raw)
        if key_id is None:
            return Wrong(code="bad_signature", rule="checksum", field=HASH, reference_told=reference, is_alarm=True)
        if (missing := next((name for name in REQUIRED if not raw.get(name)), None)) is not None:
            return Wrong(code="missing_field", rule="missing_field", field=missing, reference_told=reference)
        if (broken := next((name for name, value in raw.items() if _BROKEN.search(value)), None)) is not None:
            return Wrong(code="wrong_type", rule="wrong_type", field=broken, reference_told=reference)
        values = {name: _text(value) for name, value in raw.items()}
        if values["vnp_TmnCode"] != self._settings.tmn_code:
            return Wrong(
                code="key_mismatch", rule="merchant", field="vnp_TmnCode", reference_told=reference, is_alarm=True
            )
        row = payment_row(values["vnp_ResponseCode"], values["vnp_TransactionStatus"])
        if row.verdict is not Verdict.PAID and dong(values["vnp_Amount"]) is None:
            # No success, and about no amount of ours: it ends nothing.
            return Wrong(code="out_of_range", rule="amount_form", field="vnp_Amount", reference_told=reference)
        return self._told(values, call, key_id)

    def _told(self, values: Mapping[str, str], call: RawCall, key_id: str) -> Told:
        response, status = values["vnp_ResponseCode"], values["vnp_TransactionStatus"]
        row = payment_row(response, status)
        money = Money(
            transaction=transaction_of(values.get("vnp_TransactionNo", "")),
            # No whole đồng: the ledger hears that no amount was told, which is a wrong one, and a person looks.
            amount=dong(values["vnp_Amount"]),
            currency=values.get("vnp_CurrCode") or None,
            bank=values.get("vnp_BankCode") or None,
            time=values.get("vnp_PayDate", ""),
        )
        evidence = call.query.encode("latin-1")
        word = Word(partner=self._name, via="callback", evidence=evidence, key_id=key_id, address=call.address)
        return told(word, values["vnp_TxnRef"], row.verdict, money, code=f"{response}/{status}", reason=row.id)

    def reply(self, call: RawCall, came: Came) -> Reply:
        """RspCode (r25)."""
        if isinstance(came, LedgerTrouble):
            return _reply("other", status=503)
        if isinstance(came, Wrong):
            said = _RULES.get(came.rule, "other")
            # Whose address is not allowed, and whose message was read, is told so in VNPAY's own words alone.
            return _reply(said, status=200 if said == "address" else came.status)
        return _reply(_EFFECTS[came.effect])


def _text(raw: str) -> str:
    """A value for reading; what was compared is the raw one."""
    return unquote_plus(raw)


def _reply(what: str, *, status: int = 200) -> Reply:
    code, message = RSP[what]
    return Reply(body=canonical_bytes({"RspCode": code, "Message": message}), status=status)
