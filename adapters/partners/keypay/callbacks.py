"""KeyPay's callback: a result under key 2, over our own amount and fee (NOTES.md#r12, #r30).

The door frames it (`adapters/doors/callbacks.py`). No checksum covers `status`, so it is not believed: a result is told
as pending and asked about at once, unless a setting says otherwise (r18).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.partners.gateways.amounts import CURRENCY, amount_of
from adapters.partners.gateways.calls import CHANGED_NOTHING, Came, Find, Place, RawCall, Reply, Wrong
from adapters.partners.gateways.messages import fields_of, text_of
from adapters.partners.gateways.reading import text_in
from adapters.partners.gateways.telling import Word, told
from adapters.partners.keypay.checksum import ORDER, good_under
from adapters.partners.keypay.codes import ACKNOWLEDGED, CALLBACK, status_row
from adapters.partners.keypay.replies import money_in
from adapters.partners.keypay.settings import KeypaySettings
from adapters.partners.keypay.wire import order_values
from bus.errors import LedgerTrouble
from bus.messages import canonical_bytes
from bus.payments import AttemptFacts, Told, Verdict

RESULT: Final = ("POST", "result")
MOST_BYTES: Final = 65_536
CONFIRM_FIRST: Final = "confirm_first"
"""Why a result is told as pending: the question that follows at once decides."""
_MESSAGES: Final = {True: "Success", False: "Fail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A checksum that was found good, and over which amount."""

    key_id: str
    amount: int
    is_ours: bool
    """Whether over the amount that we asked for."""


class KeypayCallbacks:
    """One client's side of the door."""

    def __init__(self, settings: KeypaySettings, *, name: str = "keypay") -> None:
        self._settings = settings
        self._name = name
        self.places: Mapping[tuple[str, str], Place] = {
            RESULT: Place(media_types=("application/json",), most_bytes=MOST_BYTES)
        }

    def read(self, call: RawCall, find: Find) -> Told | Wrong:
        """What it says, once it is believed."""
        fields = fields_of(call, most_bytes=MOST_BYTES)
        if isinstance(fields, Wrong):
            return fields
        reference = text_in(fields, "transaction_id")[:100]
        for name in ("transaction_id", "status", "check_sum"):
            if isinstance(found := text_of(fields, name), Wrong):
                return Wrong(code=found.code, rule=found.rule, field=name, reference_told=reference)
        facts = find(fields["transaction_id"]) if isinstance(fields["transaction_id"], str) else None
        if facts is None:
            return self._of_nobody(fields, call, reference)
        proof = self._proof(fields, facts)
        if isinstance(proof, Wrong):
            return proof
        return self._told(fields, call, facts.reference, proof)

    def _proof(self, fields: Mapping[str, Any], facts: AttemptFacts) -> Proof | Wrong:
        """By our own amount and fee; by theirs only to tell a wrong amount from a wrong checksum (r35)."""
        ours = order_values(facts.reference, facts.amount, self._settings)
        differing = [name for name in ORDER if name in fields and text_in(fields, name) != ours[name]]
        amount = facts.amount
        if differing == ["trans_amount"] and (theirs := amount_of(fields["trans_amount"])) is not None:
            ours, amount, differing = {**ours, "trans_amount": text_in(fields, "trans_amount")}, theirs, []
        if "client_id" in differing:
            return self._wrong("key_mismatch", "merchant", "client_id", facts.reference)
        key_id = good_under(self._settings.keys_2, text_in(fields, "check_sum"), ours, ORDER)
        if key_id is None or differing:
            return self._wrong("bad_signature", "checksum", differing[0] if differing else "check_sum", facts.reference)
        return Proof(key_id=key_id, amount=amount, is_ours=amount == facts.amount)

    def _of_nobody(self, fields: Mapping[str, Any], call: RawCall, reference: str) -> Told | Wrong:
        """We have no such order, so the checksum is over what was told; a right one is worth a person's look."""
        theirs = {n: text_in(fields, n) for n in ORDER if n in fields}
        values = {**order_values(reference, 0, self._settings), **theirs}
        key_id = good_under(self._settings.keys_2, text_in(fields, "check_sum"), values, ORDER)
        amount = amount_of(fields.get("trans_amount"))
        if key_id is None or amount is None or values["client_id"] != self._settings.client_id:
            return self._wrong("bad_signature", "checksum", "check_sum", reference)
        return self._told(fields, call, reference, Proof(key_id=key_id, amount=amount, is_ours=False))

    def _told(self, fields: Mapping[str, Any], call: RawCall, reference: str, proof: Proof) -> Told:
        status, money = text_in(fields, "status"), replace(money_in(fields), amount=proof.amount)
        verdict, reason = status_row(CALLBACK, self._settings.flow, status).verdict, ""
        # What does not fit changes nothing and opens a task: it is told as it came.
        fits = proof.is_ours and money.currency in (None, CURRENCY)
        if fits and self._settings.confirm_callbacks and verdict in (Verdict.PAID, Verdict.FAILED):
            verdict, reason = Verdict.PENDING, CONFIRM_FIRST
        word = Word(partner=self._name, via="callback", evidence=call.body, key_id=proof.key_id, address=call.address)
        return told(word, reference, verdict, money, code=status, reason=reason)

    def _wrong(self, code: str, rule: str, field: str, reference: str) -> Wrong:
        return Wrong(code=code, rule=rule, field=field, reference_told=reference, is_alarm=True)

    def reply(self, call: RawCall, came: Came) -> Reply:
        """Yes or no in the form of the flow (r32); never an empty object (r33)."""
        if isinstance(came, LedgerTrouble):
            return self._reply(is_yes=False, status=503)
        if isinstance(came, Wrong):
            return self._reply(is_yes=False, status=came.status)
        return self._reply(is_yes=came.effect not in CHANGED_NOTHING)

    def _reply(self, *, is_yes: bool, status: int = 200) -> Reply:
        yes, no = ACKNOWLEDGED[self._settings.flow]
        said = {"return_code": yes if is_yes else no, "return_msg": _MESSAGES[is_yes]}
        return Reply(body=canonical_bytes(said), status=status)
