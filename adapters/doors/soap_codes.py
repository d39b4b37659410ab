"""The codes of the SOAP door's Faults, and how its finer words are called there (contracts/one_stop/NOTES.md)."""

from __future__ import annotations

from typing import Final

FAULTS: Final = (
    "unknown_operation",
    "media_type",
    "malformed_xml",
    "must_understand",
    "wrong_action",
    "wrong_address",
    "unsigned",
    "wrong_parts",
    "weak_algorithm",
    "duplicate_id",
    "stale_signature",
    "untrusted",
    "expired_certificate",
    "foreign_subject",
    "revoked",
    "bad_signature",
    "replayed",
    "invalid",
    "contradicted",
    "forbidden_source",
    "not_found",
    "unavailable",
)
"""Every code that a Fault, or the problem of one event in a batch, may carry. Stable."""
LATER: Final = frozenset({"unavailable"})
"""The same message may be taken later: Server, Receiver, Retry-After."""

_CALLED: Final = {
    "wrong_envelope": "wrong_parts",
    "verifier_failed": "bad_signature",
    "weak_key": "weak_algorithm",
    "xml_dtd": "malformed_xml",
    "xml_encoding": "malformed_xml",
    "xml_inclusion": "malformed_xml",
    "xml_instruction": "malformed_xml",
    "xml_too_large": "malformed_xml",
    "too_large": "malformed_xml",
    "rate_limited": "unavailable",
    "revocation_unknown": "unavailable",
}


def fault_code(code: str) -> str:
    """What the contract calls it. The operator's note keeps the finer word; a broken rule of the event is `invalid`."""
    known = _CALLED.get(code, code)
    return known if known in FAULTS else "invalid"
