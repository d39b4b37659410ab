"""Who signed this document, whether it is what was signed, and whether that holds: at the time that is proven.

The walk goes from the outside in. Now is the first time; each time stamp over the whole document that holds proves an
earlier one for everything below it; a signature's own stamp proves its own. At that time, and not at ours, the
certificate must be of its days and not taken back. What nobody can prove is *indeterminate*; nothing is passed for want
of evidence. No network: what a report wants is fetched by an adapter, and the document judged again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509

from signing.document_reading import MOST_BYTES
from signing.revocation import SKEW
from signing.verdicts import Code, Reason, Report, SignatureReport, Verdict, verdict_of
from signing.verification_chain import Chains, DocumentTrust, Heard, Party
from signing.verification_cms import CmsWrong, Signed, Stamped, check, digest_name, read, read_stamp
from signing.verification_pdf import After, Covers, Found, Opened, open_pdf

_AFTER: Final = {
    After.EVIDENCE: Code.EVIDENCE_ADDED,
    After.SIGNATURES: Code.SIGNED_AFTER,
    After.FILLED_IN: Code.FILLED_IN_AFTER,
    After.FORBIDDEN: Code.CERTIFICATION_VIOLATED,
    After.CHANGED: Code.CHANGED_AFTER,
}
_OF_STAMP: Final = {
    Code.EXPIRED: Code.STAMP_EXPIRED,
    Code.REVOKED: Code.STAMP_REVOKED,
    Code.AUTHORITY_REVOKED: Code.STAMP_REVOKED,
    Code.REVOCATION_UNKNOWN: Code.STAMP_REVOCATION_UNKNOWN,
}
"""What is wrong with a time-stamp unit leaves its time unproven; anything else makes it nobody we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was fetched beside the document: DER."""

    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()


NOTHING_FETCHED: Final = Evidence()


def verify_pdf(
    pdf: bytes,
    trust: DocumentTrust | Chains,
    now: datetime,
    evidence: Evidence = NOTHING_FETCHED,
    *,
    most_bytes: int = 2 * MOST_BYTES,
) -> Report:
    """What is to be said of it. Raises DocumentRefused for what is no document that can be judged."""
    opened = open_pdf(pdf, most_bytes=most_bytes)
    chains = trust.chains() if isinstance(trust, DocumentTrust) else trust
    return _Judge(pdf, opened, chains, now, evidence).report()


class _Judge:
    """One document under the eye: what is proven so far, and what is still wanted."""

    def __init__(self, pdf: bytes, opened: Opened, chains: Chains, now: datetime, evidence: Evidence) -> None:
        self._pdf = pdf
        self._opened = opened
        self._chains = chains
        self._now = now
        self._heard = Heard.of((opened.crls, opened.answers), (evidence.crls, evidence.ocsps))
        self._certificates = (*opened.certificates, *evidence.certificates)
        self._proven = _Proven(now)
        self._wanted: dict[tuple[bytes, bytes], None] = {}

    def report(self) -> Report:
        """From the last signature to the first, told from the first to the last."""
        signatures = [self._one(found) for found in reversed(self._opened.found)][::-1]
        findings = () if signatures else (Reason(Code.NO_SIGNATURE),)
        if self._opened.is_hybrid:
            findings = (*findings, Reason(Code.AMBIGUOUS_STRUCTURE))
        codes = [reason.code for reason in findings]
        codes += [reason.code for each in signatures for reason in each.reasons]
        return Report(
            verdict=verdict_of(codes),
            signatures=tuple(signatures),
            findings=findings,
            checked_at=self._now,
            wanted=tuple(self._wanted),
        )

    def _one(self, found: Found) -> SignatureReport:
        try:
            signed_by = self._stamp_over_all(found) if found.form == "stamp" else self._signature(found)
        except CmsWrong as wrong:
            return _told(found, [Reason(wrong.code)])
        except Exception as trouble:
            # A certificate or a token that no rule here foresaw: refused, and named, so that somebody can look.
            return _told(found, [Reason(Code.SIGNATURE_BROKEN, type(trouble).__name__)])
        return signed_by

    # -- a signature ---------------------------------------------------------------------------------------------------

    def _signature(self, found: Found) -> SignatureReport:
        reasons = _of_bytes(found)
        if not found.form:
            raise CmsWrong(Code.FORMAT_UNKNOWN)
        signed = read(found.contents)
        told = _told(found, reasons, signed)
        try:
            check(signed, self._digest(found, signed))
        except CmsWrong as wrong:
            return _with(told, [*reasons, Reason(wrong.code)])
        stamp = self._stamp_of(signed)
        proven = self._proven if stamp.at is None else self._proven.earlier(stamp.at)
        party = self._chains.signer(signed.certificate, self._more(signed), self._heard, at=proven.at, now=self._now)
        self._want(party)
        reasons += [*stamp.reasons, *_of_signer(party, proven, told.signing_time)]
        reasons += _of_times(proven, told.signing_time, signed, found)
        is_lasting = party.brings_evidence and (stamp.brings_evidence or not stamp.is_good)
        level = _level(found, signed, proven, is_lasting=is_lasting)
        return replace(_with(told, reasons), roles=party.roles, stamped_at=proven.stamped_at, level=level)

    def _stamp_of(self, signed: Signed) -> _Stamp:
        """The first stamp over the signature's value that holds; else what is wrong with the last one."""
        looked = _Stamp()
        for token in signed.stamps:
            looked = self._stamp(token, signed.value)
            if looked.is_good:
                break
        return looked

    def _stamp(self, token: bytes, over: bytes) -> _Stamp:
        try:
            stamped = read_stamp(token, over)
        except CmsWrong as wrong:
            return _Stamp(reasons=(Reason(Code.STAMP_BROKEN, wrong.code.value),))
        return self._judged(stamped)

    def _judged(self, stamped: Stamped) -> _Stamp:
        """Whether the unit's word counts, seen from the earliest moment that is proven so far."""
        seen, signed = self._proven.at, stamped.signed
        if stamped.at > seen + SKEW:
            return _Stamp(reasons=(Reason(Code.STAMP_BROKEN, "it is of a later time than what is over it"),))
        party = self._chains.stamper(
            signed.certificate, self._more(signed), self._heard, at=stamped.at, seen=seen, now=self._now
        )
        self._want(party)
        reasons = tuple(_of_unit(party, seen))
        if reasons:
            return _Stamp(reasons=reasons)
        return _Stamp(at=stamped.at, brings_evidence=party.brings_evidence)

    # -- a stamp over the whole document -------------------------------------------------------------------------------

    def _stamp_over_all(self, found: Found) -> SignatureReport:
        reasons = _of_bytes(found)
        signed = read(found.contents, is_stamp=True)
        told = replace(_told(found, reasons, signed), signing_time=None)
        looked = self._stamp(found.contents, b"".join(found.signed(self._pdf)))
        reasons += looked.reasons
        if looked.at is not None and verdict_of(each.code for each in reasons) is Verdict.PASSED:
            self._proven = self._proven.earlier(looked.at, is_over_all=True)
            told = replace(told, stamped_at=looked.at)
        return _with(told, reasons)

    # -- common --------------------------------------------------------------------------------------------------------

    def _digest(self, found: Found, signed: Signed) -> bytes:
        digest = hashlib.new(digest_name(signed))
        for piece in found.signed(self._pdf):
            digest.update(piece)
        return digest.digest()

    def _more(self, signed: Signed) -> tuple[bytes, ...]:
        return (*signed.others, *self._certificates)

    def _want(self, party: Party) -> None:
        self._wanted |= dict.fromkeys(party.wanted)


@dataclass(frozen=True, slots=True)
class _Proven:
    """The earliest time by which everything below certainly was there."""

    at: datetime
    stamped_at: datetime | None = None
    is_over_all: bool = False

    def earlier(self, at: datetime, *, is_over_all: bool = False) -> _Proven:
        """With one more stamp; a stamp that a clock puts behind what is over it proves nothing earlier."""
        return _Proven(min(self.at, at), min(self.at, at), is_over_all or self.is_over_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    at: datetime | None = None
    """When, where it holds."""
    reasons: tuple[Reason, ...] = ()
    brings_evidence: bool = False

    @property
    def is_good(self) -> bool:
        return self.at is not None


# -- pure --------------------------------------------------------------------------------------------------------------


def _of_bytes(found: Found) -> list[Reason]:
    if found.covers is Covers.PART and found.contents:
        return [Reason(Code.PARTIAL_COVERAGE)]
    return [Reason(_AFTER[found.after])] if found.after is not After.NOTHING else []


def _of_signer(party: Party, proven: _Proven, claimed_at: datetime | None) -> list[Reason]:
    """Without a stamp, what came too late for the certificate may still have been signed in time: nobody can say."""
    reasons = []
    for reason in party.reasons:
        since = party.since if reason.code is Code.REVOKED else None
        if proven.stamped_at is None and reason.code is Code.EXPIRED and not (claimed_at and claimed_at > party.ends):
            reason = replace(reason, code=Code.EXPIRED_NO_PROOF)
        elif proven.stamped_at is None and since is not None and not (claimed_at and claimed_at >= since):
            reason = replace(reason, code=Code.REVOKED_NO_PROOF)
        reasons.append(reason)
    return reasons


def _of_unit(party: Party, seen: datetime) -> list[Reason]:
    reasons = []
    for reason in party.reasons:
        if reason.code is Code.REVOKED_LATER:
            # A unit that closed stamped well until then; one whose key was lost may have stamped anything since.
            if party.lost_at is None or party.lost_at > seen:
                continue
            reason = replace(reason, code=Code.STAMP_REVOKED)
        reasons.append(replace(reason, code=_OF_STAMP.get(reason.code, Code.STAMP_UNTRUSTED)))
    return reasons


def _of_times(proven: _Proven, claimed_at: datetime | None, signed: Signed, found: Found) -> list[Reason]:
    reasons = []
    if proven.stamped_at is None:
        reasons.append(Reason(Code.NO_TIME_STAMP))
    if claimed_at is not None and claimed_at > proven.at + SKEW:
        reasons.append(Reason(Code.CLAIMED_TIME_ODD, claimed_at.isoformat()))
    if found.form == "basic" or not signed.names_certificate:
        reasons.append(Reason(Code.BASIC_PROFILE))
    return reasons


def _level(found: Found, signed: Signed, proven: _Proven, *, is_lasting: bool) -> str:
    if found.form == "basic" or not signed.names_certificate:
        return "basic"
    if proven.stamped_at is None:
        return "B-B"
    if not is_lasting:
        return "B-T"
    return "B-LTA" if proven.is_over_all else "B-LT"


def _told(found: Found, reasons: list[Reason], signed: Signed | None = None) -> SignatureReport:
    kind = "document_stamp" if found.form == "stamp" else "signature"
    told = SignatureReport(
        field=found.name,
        kind=kind,
        verdict=verdict_of(each.code for each in reasons),
        reasons=tuple(reasons),
        signing_time=found.claimed_at,
        covers_whole=found.covers is Covers.FILE,
        changed_after="changed" if found.after is After.FORBIDDEN else found.after.value,
    )
    return told if signed is None else _named(told, signed)


def _with(told: SignatureReport, reasons: list[Reason]) -> SignatureReport:
    return replace(told, reasons=tuple(reasons), verdict=verdict_of(each.code for each in reasons))


def _named(told: SignatureReport, signed: Signed) -> SignatureReport:
    certificate = x509.load_der_x509_certificate(signed.certificate)
    return replace(
        told,
        subject=certificate.subject.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        issuer=certificate.issuer.rfc4514_string(),
        fingerprint=hashlib.sha256(signed.certificate).hexdigest(),
    )
