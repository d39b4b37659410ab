"""Pure nouns: what is said of a signed document, and the closed list of reasons why.

`failed` is proven wrong; `indeterminate` is what nobody can prove here and now, and it is never taken for `passed`;
`passed` has everything: bytes, certificate, chain, validity and revocation, at the trusted time of the signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Verdict(StrEnum):
    """Of one signature, and of a document: that of its worst signature."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class Code(StrEnum):
    """Every reason there is; the words for each are in `config/verdict_words.*.toml`."""

    # -- failed: proven wrong, or not what anybody here vouches for
    NO_SIGNATURE = "no_signature"
    SIGNATURE_BROKEN = "signature_broken"
    DIGEST_DIFFERS = "digest_differs"
    FORMAT_UNKNOWN = "format_unknown"
    WEAK_HASH = "weak_hash"
    WEAK_KEY = "weak_key"
    DEMO_KEY = "demo_key"
    PARTIAL_COVERAGE = "partial_coverage"
    CHANGED_AFTER = "changed_after"
    CERTIFICATION_VIOLATED = "certification_violated"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_MISMATCH = "certificate_mismatch"
    NOT_FOR_SIGNING = "not_for_signing"
    UNTRUSTED = "untrusted"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    AUTHORITY_REVOKED = "authority_revoked"
    STAMP_BROKEN = "stamp_broken"
    # -- indeterminate: not proven here and now
    REVOCATION_UNKNOWN = "revocation_unknown"
    EXPIRED_NO_PROOF = "expired_no_proof"
    REVOKED_NO_PROOF = "revoked_no_proof"
    STAMP_UNTRUSTED = "stamp_untrusted"
    STAMP_EXPIRED = "stamp_expired"
    STAMP_REVOKED = "stamp_revoked"
    STAMP_REVOCATION_UNKNOWN = "stamp_revocation_unknown"
    FILLED_IN_AFTER = "filled_in_after"
    AMBIGUOUS_STRUCTURE = "ambiguous_structure"
    # -- worth knowing: the verdict stands
    NO_TIME_STAMP = "no_time_stamp"
    SIGNED_AFTER = "signed_after"
    FILLED_IN_SIGNED = "filled_in_signed"
    EVIDENCE_ADDED = "evidence_added"
    REVOKED_LATER = "revoked_later"
    BASIC_PROFILE = "basic_profile"
    CLAIMED_TIME_ODD = "claimed_time_odd"


_UNPROVEN: Final = frozenset(
    {
        Code.REVOCATION_UNKNOWN,
        Code.EXPIRED_NO_PROOF,
        Code.REVOKED_NO_PROOF,
        Code.STAMP_UNTRUSTED,
        Code.STAMP_EXPIRED,
        Code.STAMP_REVOKED,
        Code.STAMP_REVOCATION_UNKNOWN,
        Code.FILLED_IN_AFTER,
        Code.AMBIGUOUS_STRUCTURE,
    }
)
NOTES: Final = frozenset(
    {
        Code.NO_TIME_STAMP,
        Code.SIGNED_AFTER,
        Code.FILLED_IN_SIGNED,
        Code.EVIDENCE_ADDED,
        Code.REVOKED_LATER,
        Code.BASIC_PROFILE,
        Code.CLAIMED_TIME_ODD,
    }
)
PASSING: Final = frozenset({Code.REVOCATION_UNKNOWN, Code.STAMP_REVOCATION_UNKNOWN})
"""What an authority that answers again would settle: these alone are worth another look later."""


def verdict_of(codes: Iterable[Code]) -> Verdict:
    """What these reasons together come to."""
    heavy = set(codes) - NOTES
    if heavy - _UNPROVEN:
        return Verdict.FAILED
    return Verdict.INDETERMINATE if heavy else Verdict.PASSED


@dataclass(frozen=True, slots=True)
class Reason:
    """One of the codes, and what it is about: a subject, a time, never a sentence."""

    code: Code
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport:
    """What is said of one signature, or of a time stamp over the whole document."""

    field: str
    kind: str = "signature"
    """`signature`, or `document_stamp`."""
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    subject: str = ""
    """RFC 4514, as the certificate has it."""
    serial: str = ""
    """Hexadecimal."""
    issuer: str = ""
    fingerprint: str = ""
    """SHA-256 of the signer's certificate, hexadecimal."""
    roles: tuple[str, ...] = ()
    """Under which roles' roots the chain ends: official, agency, citizen."""
    signing_time: datetime | None = None
    """As the signer's computer said: nobody vouches for it."""
    stamped_at: datetime | None = None
    """As a trusted time-stamp authority said: the signature is no younger."""
    level: str = ""
    """B-B, B-T, B-LT, B-LTA; `basic` for a PKCS#7 signature from before PAdES; empty where it did not verify."""
    covers_whole: bool = False
    changed_after: str = ""
    """What came after it: nothing, `evidence`, `signatures`, `filled_in`, `changed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is said of one document."""

    verdict: Verdict
    signatures: tuple[SignatureReport, ...] = ()
    findings: tuple[Reason, ...] = ()
    """Of the document as a whole."""
    checked_at: datetime
    wanted: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """Certificate and issuer (DER) of which nobody said whether it was taken back: ask, and verify again."""

    @property
    def codes(self) -> frozenset[Code]:
        """Every code in it, of the document and of its signatures."""
        of_signatures = (reason for each in self.signatures for reason in each.reasons)
        return frozenset(reason.code for reason in (*self.findings, *of_signatures))

    @property
    def may_pass_later(self) -> bool:
        """Whether nothing is missing but the word of an authority."""
        return self.verdict is Verdict.INDETERMINATE and self.codes - NOTES <= PASSING

    def to_json(self) -> dict[str, Any]:
        """As it is kept and shown; what is wanted is for the moment only, and left out."""
        return {
            "verdict": self.verdict.value,
            "checked_at": self.checked_at.isoformat(),
            "findings": [asdict(each) for each in self.findings],
            "signatures": [_signature_to_json(each) for each in self.signatures],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Report:
        """As it was kept. Raises KeyError, ValueError for what was not."""
        return cls(
            verdict=Verdict(kept["verdict"]),
            checked_at=datetime.fromisoformat(kept["checked_at"]),
            findings=_reasons(kept["findings"]),
            signatures=tuple(_signature_from_json(each) for each in kept["signatures"]),
        )


def _signature_to_json(signature: SignatureReport) -> dict[str, Any]:
    plain = asdict(signature)
    times = {name: at.isoformat() for name in ("signing_time", "stamped_at") if (at := plain[name]) is not None}
    return plain | {"roles": list(signature.roles), "reasons": [asdict(each) for each in signature.reasons]} | times


def _signature_from_json(kept: Mapping[str, Any]) -> SignatureReport:
    times = {
        name: datetime.fromisoformat(said)
        for name in ("signing_time", "stamped_at")
        if (said := kept[name]) is not None
    }
    read = {"verdict": Verdict(kept["verdict"]), "roles": tuple(kept["roles"]), "reasons": _reasons(kept["reasons"])}
    return SignatureReport(**{**kept, **read, **times})


def _reasons(kept: Iterable[Mapping[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(Code(each["code"]), each["about"]) for each in kept)
