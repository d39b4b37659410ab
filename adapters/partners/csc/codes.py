"""CSC's methods and errors as tables: what each error means, and what an unclear outcome of each method allows.

Rules are cited from contracts/csc/NOTES.md. An error that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

SHA256: Final = "2.16.840.1.101.3.4.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
RSA_SHA256: Final = "1.2.840.113549.1.1.11"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
ALGORITHMS: Final = (RSA, RSA_SHA256, ECDSA_SHA256)
"""In the order in which we take what a credential offers (NOTES.md#r40)."""

TOKEN: Final = "oauth2/token"  # noqa: S105  # the name of a method
INFO: Final = "info"
LIST: Final = "credentials/list"
CREDENTIAL: Final = "credentials/info"
AUTHORIZE: Final = "credentials/authorize"
SEND_OTP: Final = "credentials/sendOTP"
EXTEND: Final = "credentials/extendTransaction"
SIGN_HASH: Final = "signatures/signHash"
POLL: Final = "signatures/signPolling"
TIMESTAMP: Final = "signatures/timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table."""

    message: str
    repeat: Literal["read", "asks anew", "blind"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(message=TOKEN, repeat="read", unclear="again", source="r6"),
    Contract(message=INFO, repeat="read", unclear="again", source="r2"),
    Contract(message=LIST, repeat="read", unclear="again", source="r20"),
    Contract(message=CREDENTIAL, repeat="read", unclear="again", source="r21"),
    Contract(message=SEND_OTP, repeat="asks anew", unclear="the signer is waited for all the same", source="r38"),
    Contract(
        message=AUTHORIZE,
        repeat="asks anew",
        unclear="explicit: a new one-time password by a person; implicit: never again by itself",
        source="r37, r38",
    ),
    Contract(message=EXTEND, repeat="asks anew", unclear="what is signed stays; the rest by a person", source="r35"),
    Contract(message=SIGN_HASH, repeat="blind", unclear="never again by itself: a person decides", source="r44"),
    Contract(message=POLL, repeat="read", unclear="again", source="r46"),
    Contract(message=TIMESTAMP, repeat="read", unclear="again", source="r60"),
)


class Said(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    TOKEN = "token"  # noqa: S105  # a verdict
    """The token is not taken any more, so nothing else was: once more with a new one."""
    LATER = "later"
    """Not taken; it speaks against nobody's health."""
    DOWN = "down"
    """Not taken, and nothing else would be either."""
    WRONG = "wrong"
    """The one-time password or the PIN: nothing is left behind, the same may be asked again."""
    LOCKED = "locked"
    AUTHORISE = "authorise"
    """The authorisation is over: a new one, by the signer."""
    DECLINED = "declined"
    EXPIRED = "expired"
    NO = "no"
    """About this signer, this credential or this order: it ends."""
    UNCLEAR = "unclear"
    """Nobody knows what was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What an error in place of an answer comes to."""

    error: str
    """`*`: any."""
    said: Said
    source: str
    says: str
    words: str = ""
    """How `error_description` goes on having to begin, without regard to case; empty: whatever it says."""
    code: str = ""
    """Why the signature ended, in our words."""
    is_alarm: bool = False
    """Whether an operator is told at once: it would be so for every signature."""


ERRORS: Final = (
    ErrorRow(error="invalid_otp", words="otp locked", said=Said.LOCKED, source="r32", says="locked", code="otp_locked"),
    ErrorRow(error="invalid_pin", words="pin locked", said=Said.LOCKED, source="r32", says="locked", code="otp_locked"),
    ErrorRow(error="*", words="otp locked", said=Said.LOCKED, source="r32", says="locked", code="otp_locked"),
    ErrorRow(error="*", words="pin locked", said=Said.LOCKED, source="r32", says="locked", code="otp_locked"),
    ErrorRow(error="invalid_otp", said=Said.WRONG, source="r32", says="wrong one-time password"),
    ErrorRow(error="invalid_pin", said=Said.WRONG, source="r32", says="wrong PIN"),
    ErrorRow(error="invalid_grant", said=Said.WRONG, source="r6, r10", says="the code of the signer's browser"),
    ErrorRow(
        error="access_denied", said=Said.DECLINED, source="r37, r46", says="the signer", code="declined_by_signer"
    ),
    ErrorRow(error="expired_request", said=Said.EXPIRED, source="r46", says="the signer did not agree in time"),
    ErrorRow(error="invalid_token", said=Said.TOKEN, source="r4", says="the access token"),
    ErrorRow(error="expired_token", said=Said.TOKEN, source="r4", says="the access token"),
    ErrorRow(error="unauthorized_client", said=Said.DOWN, source="r6", says="client id or secret", is_alarm=True),
    ErrorRow(error="invalid_client", said=Said.DOWN, source="r6", says="client id or secret", is_alarm=True),
    ErrorRow(error="invalid_scope", said=Said.DOWN, source="r5", says="the scope", is_alarm=True),
    ErrorRow(error="unsupported_response_type", said=Said.DOWN, source="r5", says="a bug", is_alarm=True),
    ErrorRow(error="temporarily_unavailable", said=Said.LATER, source="r5", says="later"),
    ErrorRow(error="server_error", said=Said.UNCLEAR, source="r5", says="internal"),
    ErrorRow(error="*", words="the otp is invalid", said=Said.WRONG, source="r32", says="wrong one-time password"),
    ErrorRow(error="*", words="the pin is invalid", said=Said.WRONG, source="r32", says="wrong PIN"),
    ErrorRow(error="*", words="sad expired", said=Said.AUTHORISE, source="r36", says="the authorisation is over"),
    ErrorRow(
        error="*",
        words="the credential identified by credentialid is disabled",
        said=Said.NO,
        source="r43",
        says="disabled",
        code="certificate_not_usable",
    ),
    ErrorRow(
        error="*",
        words="signing certificate",
        said=Said.NO,
        source="r43",
        says="past its days",
        code="certificate_not_usable",
    ),
    ErrorRow(
        error="*",
        words="numbers of signatures is too high",
        said=Said.NO,
        source="r23, r30",
        says="fewer documents at once",
        code="service_refused",
    ),
    ErrorRow(
        error="*",
        words="hash is not authorized by the sad",
        said=Said.NO,
        source="r43",
        says="a bug: a digest that the authorisation was not for",
        code="service_refused",
        is_alarm=True,
    ),
    ErrorRow(error="*", said=Said.NO, source="r5", says="nobody knows it", code="service_refused", is_alarm=True),
)
"""The first row that fits decides; the last one fits every error that came with a status of 4xx."""


def error_row(error: str, words: str) -> ErrorRow:
    """By `error` first; the words are a second key (NOTES.md#r5)."""
    plain = words.strip().lower()
    return next(row for row in ERRORS if row.error in ("*", error) and plain.startswith(row.words))


HTTP: Final = {
    401: Said.TOKEN,
    403: Said.DOWN,
    404: Said.DOWN,
    405: Said.DOWN,
    429: Said.LATER,
    501: Said.DOWN,
    503: Said.LATER,
}
"""Who stands in front of it speaks in HTTP, and has passed nothing on; 501 and 503 are its own (NOTES.md#r5)."""
