"""Problems as RFC 9457: a stable code, words in the caller's language, and a reference for the telephone.

A problem never shows a stack trace, a path of ours or a value that was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from adapters.doors import words
from adapters.doors.malformed import FieldError, Malformed
from bus.ports import Randomness

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:lienthong:problem:"

STATUS: Final = {
    "malformed_json": 400,
    "duplicate_member": 400,
    "too_deep": 400,
    "not_utf8": 400,
    "too_large": 413,
    "media_type": 415,
    "unknown_field": 422,
    "missing_field": 422,
    "wrong_type": 422,
    "out_of_range": 422,
    "enum": 422,
    "not_nfc": 422,
    "key_mismatch": 422,
    "contradicted": 422,
    "unsigned": 401,
    "bad_signature": 401,
    "stale_signature": 401,
    "replayed": 401,
    "forbidden_source": 403,
    "not_found": 404,
    "rate_limited": 429,
    "unavailable": 503,
}
"""Every code of the public surface, with its HTTP status."""

# Thirty-one characters, without 0 and the letters I, L, O, U: the reference is read out on the telephone. A prime
# number of them makes the check character find every wrong character and every two swapped.
ALPHABET: Final = "123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem, ready to be sent."""

    code: str
    status: int
    reference: str
    language: str
    errors: tuple[FieldError, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The members of RFC 9457 and ours, in their order."""
        return {
            "type": URN + self.code,
            "code": self.code,
            "title": words.title(self.code, self.language),
            "status": self.status,
            "detail": words.detail(self.code, self.language),
            "reference": self.reference,
            "errors": [
                {"field": each.field, "rule": each.rule, "detail": each.say(self.language)} for each in self.errors
            ],
        }

    def as_bytes(self) -> bytes:
        """The body."""
        return msgspec.json.encode(self.as_dict())


def problem(
    code: str, *, reference: str, accept_language: str | None = None, errors: Sequence[FieldError] = ()
) -> Problem:
    """A problem of the catalogue, in the language that the caller prefers; Vietnamese when it says nothing."""
    return Problem(
        code=code,
        status=STATUS[code],
        reference=reference,
        language=words.choose(accept_language),
        errors=tuple(errors),
    )


def of_malformed(trouble: Malformed, *, reference: str, accept_language: str | None = None) -> Problem:
    """The problem of a message that breaks the promise."""
    return problem(trouble.code, reference=reference, accept_language=accept_language, errors=trouble.errors)


def make_reference(randomness: Randomness) -> str:
    """A fresh reference such as `LT-7F3K-2`; the last character checks the four before it."""
    number = int.from_bytes(randomness.token(8), "big")
    letters = ""
    for _ in range(_LETTERS):
        number, at = divmod(number, len(ALPHABET))
        letters += ALPHABET[at]
    return f"LT-{letters}-{_check(letters)}"


def is_reference(text: str) -> bool:
    """Whether this can be a reference of ours: wrongly heard ones are found before they are searched for."""
    parts = text.strip().upper().split("-")
    if len(parts) != 3 or parts[0] != "LT" or len(parts[1]) != _LETTERS or set(parts[1]) - set(ALPHABET):
        return False
    return parts[2] == _check(parts[1])


def _check(letters: str) -> str:
    weighted = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(letters, 2))
    return ALPHABET[weighted % len(ALPHABET)]
