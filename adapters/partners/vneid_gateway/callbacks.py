"""The gateway's calls to us: an HMAC over the raw body, and what it says (vneid_gateway/NOTES.md#r40 to #r46).

A value proves itself before the ledger; everything else that is told here only makes us ask at once. So a repeat of an
id changes nothing: what it tells is known (#r46).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.partners.gateways.calls import Place, RawCall, Reply, Wrong
from adapters.partners.gateways.messages import fields_of, text_of
from adapters.partners.gateways.reading import text_in
from adapters.partners.signers.calls import Answered, Came
from adapters.partners.vneid_gateway.checksum import good_under
from adapters.partners.vneid_gateway.codes import ACKNOWLEDGED, RESULT
from adapters.partners.vneid_gateway.replies import told_as
from adapters.partners.vneid_gateway.settings import VneidSettings
from bus.errors import LedgerTrouble
from bus.messages import canonical_bytes
from bus.signatures import SignatureEffect, SignatureTold

SIGNATURE: Final = "x-webhook-signature"
MOST_BYTES: Final = 262_144
"""A result has a value of a few hundred bytes for each document; of a registration, a certificate."""
NOT_TAKEN: Final = frozenset({SignatureEffect.UNKNOWN, SignatureEffect.WRONG_VALUE})
"""Of no signature of ours, perhaps not yet; or no signature at all: the gateway is told so."""
LONGEST_HANDLE: Final = 200
REFUSED: Final = 400
"""The only status beside 500 that the document knows for a no (NOTES.md#r43)."""


class VneidCallbacks:
    """One partner's side of the door."""

    def __init__(self, settings: VneidSettings, *, name: str = "vneid_gateway") -> None:
        self._secrets = settings.webhook_secrets
        self._name = name
        self.places: Mapping[tuple[str, str], Place] = {
            ("POST", "result"): Place(media_types=("application/json",), most_bytes=MOST_BYTES)
        }

    def read(self, call: RawCall) -> SignatureTold | Answered | Wrong:
        """What it says, once it is believed."""
        if good_under(self._secrets, call.headers.get(SIGNATURE, ""), call.body) is None:
            return Wrong(code="bad_signature", rule="hmac", field=SIGNATURE, is_alarm=True, status=REFUSED)
        fields = fields_of(call, most_bytes=MOST_BYTES)
        if isinstance(fields, Wrong):
            return _as_400(fields)
        for name in ("id", "type"):
            if isinstance(found := text_of(fields, name), Wrong):
                return _as_400(found)
        kind, data = text_in(fields, "type"), fields.get("data")
        if kind != RESULT:
            return Answered(result=ACKNOWLEDGED.get(kind, "other"), body=_said("OK"))
        if not isinstance(data, dict):
            return _as_400(Wrong(code="missing_field", rule="missing_field", field="data"))
        return told_as(
            data,
            status_in="status",
            partner=self._name,
            via="callback",
            handle=text_in(data, "handle")[:LONGEST_HANDLE] or None,
            evidence=call.body,
            address=call.address,
        )

    def reply(self, call: RawCall, came: Came) -> Reply:
        """HTTP 200 is yes; all else carries `error` (NOTES.md#r43)."""
        match came:
            case Answered():
                return Reply(body=came.body)
            case LedgerTrouble():
                return _no("unavailable", "Try again later", status=500)
            case Wrong():
                return _no(came.code, came.rule, status=came.status if came.status != 200 else REFUSED)
            case _ if came.effect in NOT_TAKEN:
                return _no(came.effect.value, "Nothing changed", status=REFUSED)
        return Reply(body=_said("OK"))


def _as_400(wrong: Wrong) -> Wrong:
    return Wrong(code=wrong.code, rule=wrong.rule, field=wrong.field, status=REFUSED)


def _said(message: str) -> bytes:
    return canonical_bytes({"message": message})


def _no(error: str, words: str, *, status: int) -> Reply:
    told: dict[str, Any] = {"error": error, "errorDescription": words}
    return Reply(body=canonical_bytes(told), status=status)
