"""SmartCA calls us. Nothing shows that it was SmartCA: a value proves itself, all else only makes us ask (#r41)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.partners.gateways.calls import Place, RawCall, Reply, Wrong
from adapters.partners.gateways.messages import fields_of
from adapters.partners.gateways.reading import text_in
from adapters.partners.signers.calls import Answered, Came
from adapters.partners.signers.kept import without_secrets
from adapters.partners.smartca import replies
from adapters.partners.smartca.adapter import NAME
from adapters.partners.smartca.settings import SmartCaSettings
from bus.errors import LedgerTrouble
from bus.signatures import DocumentValue, SignatureTold

MOST_BYTES: Final = 262_144
"""NOTES.md#r44: ten values as CMS with their chains are some 100,000."""
MOST_KEPT: Final = 4_096
"""Of a call without values: who knows our name there, and nothing else, must not fill the disk."""
LONGEST_NAME: Final = 64
PLACES: Final = {("POST", "result"): Place(media_types=("application/json",), most_bytes=MOST_BYTES)}
OK: Final = {"status_code": 200, "message": "OK"}
LATER: Final = {"status_code": 500, "message": "SERVER_INTERNAL_ERROR"}


class SmartCaHooks:
    """SmartCA's side of the door of callbacks."""

    def __init__(self, settings: SmartCaSettings, *, name: str = NAME) -> None:
        self._settings = settings
        self._name = name

    @property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """One: `POST result`."""
        return PLACES

    def read(self, call: RawCall) -> SignatureTold | Answered | Wrong:
        """What it says; whether it is true is judged by the values, or asked."""
        fields = fields_of(call, most_bytes=MOST_BYTES)
        if isinstance(fields, Wrong):
            return fields
        request = text_in(fields, "transaction_id")
        if text_in(fields, "sp_id") != self._settings.sp_id:
            return Wrong(
                code="forbidden_source",
                rule="sp_id",
                field="sp_id",
                reference_told=request[:LONGEST_NAME],
                is_alarm=True,
            )
        if len(request) > LONGEST_NAME:
            return Wrong(code="out_of_range", rule="too_long", field="transaction_id")
        return self._told(fields, request, call)

    def _told(self, fields: Mapping[str, Any], request: str, call: RawCall) -> SignatureTold | Wrong:
        state = replies.state_of(text_in(fields, "message"), fields, self._settings, member="signed_files")
        if not request and not state.values:
            return Wrong(code="missing_field", rule="missing_field", field="transaction_id")
        return SignatureTold(
            partner=self._name,
            verdict=state.verdict,
            via="callback",
            request=request or None,
            values=state.values,
            code=state.code,
            reason=state.reason,
            evidence=_evidence(call.body, state.values),
            address=call.address,
            is_authentic=False,
        )

    def reply(self, call: RawCall, came: Came) -> Reply:
        """NOTES.md#r42: also what is not believed was received."""
        if isinstance(came, LedgerTrouble):
            return _reply(LATER, 503)
        return _reply(OK, came.status if isinstance(came, Wrong) else 200)


def _evidence(body: bytes, values: tuple[DocumentValue, ...]) -> bytes:
    """As it came where it may prove something; of a mere hint its beginning, and the digest of the whole."""
    kept = without_secrets(body)
    if values or len(kept) <= MOST_KEPT:
        return kept
    return kept[:MOST_KEPT] + b" sha256:" + hashlib.sha256(body).hexdigest().encode()


def _reply(told: Mapping[str, Any], status: int) -> Reply:
    return Reply(body=json.dumps(told).encode(), status=status)
