"""MySign's two calls to us: for a token, and then with a result under it (contracts/mysign/NOTES.md#r40 to #r45).

A value proves itself before the ledger; everything else that is told here only makes us ask at once.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from adapters.partners.gateways.calls import Place, RawCall, Reply, Wrong
from adapters.partners.gateways.messages import fields_of
from adapters.partners.gateways.reading import text_in, words
from adapters.partners.mysign import issued
from adapters.partners.mysign.codes import ACCEPTED, NOT_ACCEPTED
from adapters.partners.mysign.replies import told_as, values_of
from adapters.partners.mysign.settings import TOKEN_LIFE, MysignSettings
from adapters.partners.signers.calls import Answered, Came
from bus.errors import LedgerTrouble
from bus.messages import canonical_bytes
from bus.signatures import SignatureEffect, SignatureTold

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 262_144
"""A result has a value of a few hundred bytes for each document."""
MOST_TOKEN_BYTES: Final = 4_096
NOT_TAKEN: Final = frozenset({SignatureEffect.UNKNOWN, SignatureEffect.WRONG_VALUE})
"""Of no signature of ours, perhaps not yet; or no signature at all: MySign is told so."""
LONGEST_HANDLE: Final = 200


class MysignCallbacks:
    """One client's side of the door."""

    def __init__(self, settings: MysignSettings, *, name: str = "mysign") -> None:
        self._settings = settings
        self._name = name
        token = Place(media_types=(JSON, FORM), most_bytes=MOST_TOKEN_BYTES)
        result = Place(media_types=(JSON,), most_bytes=MOST_BYTES)
        # Its text shows both calls as GET with a body (NOTES.md#r42).
        self.places: Mapping[tuple[str, str], Place] = {
            ("POST", "token"): token,
            ("GET", "token"): token,
            ("POST", "result"): result,
            ("GET", "result"): result,
        }

    def read(self, call: RawCall) -> SignatureTold | Answered | Wrong:
        """A token for who knows the secret that we issued; of who shows a token of ours, what it says."""
        return self._token(call) if call.path == "token" else self._result(call)

    # -- the token ----------------------------------------------------------------------------------------------------

    def _token(self, call: RawCall) -> Answered | Wrong:
        pair = _pair_in(call)
        if isinstance(pair, Wrong):
            return pair
        secret = issued.knows(self._settings.their_secrets, pair[1])
        if secret is None or not self._settings.their_id or pair[0] != self._settings.their_id:
            return _not_believed("client", "client_id")
        data = {
            "access_token": issued.token(secret, self._name, call.at + TOKEN_LIFE),
            "expires_in": int(TOKEN_LIFE.total_seconds()),
            "consented_on": int(call.at.timestamp()),
        }
        return Answered(result="token", body=canonical_bytes(_answer(ACCEPTED, "Success") | {"data": data}))

    # -- the result ---------------------------------------------------------------------------------------------------

    def _result(self, call: RawCall) -> SignatureTold | Wrong:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        is_ours = issued.is_good(self._settings.their_secrets, self._name, token.strip(), call.at)
        if scheme.lower() != "bearer" or not is_ours:
            return _not_believed("token", "authorization")
        fields = fields_of(call, most_bytes=MOST_BYTES)
        if isinstance(fields, Wrong):
            return fields
        about, data = fields.get("meta_data"), fields.get("data")
        if not isinstance(about, dict) or (data is not None and not isinstance(data, dict)):
            return Wrong(code="missing_field", rule="missing_field", field="meta_data")
        handle = text_in(about, "transaction_id")[:LONGEST_HANDLE]
        return told_as(
            text_in(about, "status"),
            values_of((data or {}).get("results")),
            partner=self._name,
            via="callback",
            handle=handle or None,
            evidence=call.body,
            said=words(text_in(about, "description")),
            address=call.address,
        )

    def reply(self, call: RawCall, came: Came) -> Reply:
        """In MySign's form (NOTES.md#r41); HTTP says no only where it was not believed, or we cannot take it now."""
        match came:
            case Answered():
                return Reply(body=came.body)
            case LedgerTrouble():
                return _reply(NOT_ACCEPTED, "Try again later", status=503)
            case Wrong():
                return _reply(NOT_ACCEPTED, came.rule, status=came.status)
            case _ if came.effect in NOT_TAKEN:
                return _reply(NOT_ACCEPTED, came.effect.value)
        return _reply(ACCEPTED, "Success")


def _pair_in(call: RawCall) -> tuple[str, str] | Wrong:
    """Client id and secret: as HTTP Basic, as a form or as JSON (NOTES.md#r40)."""
    scheme, _, told = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = b64decode(told.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return _not_believed("client", "authorization")
        return name, secret
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        form = parse_qs(call.body.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
        return "".join(form.get("client_id", [])), "".join(form.get("client_secret", []))
    fields = fields_of(call, most_bytes=MOST_TOKEN_BYTES)
    return fields if isinstance(fields, Wrong) else (text_in(fields, "client_id"), text_in(fields, "client_secret"))


def _not_believed(rule: str, field: str) -> Wrong:
    return Wrong(code="bad_signature", rule=rule, field=field, is_alarm=True, status=401)


def _answer(code: str, message: str) -> dict[str, Any]:
    return {"status_code": code, "message": message}


def _reply(code: str, message: str, *, status: int = 200) -> Reply:
    return Reply(body=canonical_bytes(_answer(code, message)), status=status)
