"""Who signed this document, whether it is what was signed, and whether that holds: at the time that is proven.

The walk goes from the outside in. Now is the first time; each time stamp over the whole document that holds proves an
earlier one for everything below it; a signature's own stamp proves its own. At that time, and not at ours, the
certificate must be of its days and not taken back. What nobody can prove is *indeterminate*; nothing is passed for want
of evidence. No network: what a report wants is fetched by an adapter, and the document judged again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509

from signing.document_reading import MOST_BYTES
from signing.revocation import SKEW
from signing.verdicts import Code, Reason, SignatureReport, Verdict, verdict_of
from signing.verdicts import Report as Report
from signing.verification_chain import Chains, Heard
from signing.verification_chain import DocumentTrust as DocumentTrust
from signing.verification_cms import CmsWrong, Signed, check, digest_name, read
from signing.verification_pdf import After, Covers, Found, Opened, open_pdf
from signing.verification_times import NOTHING_FETCHED, Proven, Witnesses, of_signer
from signing.verification_times import Evidence as Evidence

_TOLD: Final = {After.FORBIDDEN: "changed", After.SHOWN: "signatures"}
OFFICES: Final = frozenset({"official", "agency"})
"""Whose later signature stands for what was filled in before it: the number and date after the leader's signature."""
_AFTER: Final = {
    After.EVIDENCE: Code.EVIDENCE_ADDED,
    After.SIGNATURES: Code.SIGNED_AFTER,
    After.SHOWN: Code.SIGNED_AFTER,
    After.FILLED_IN: Code.FILLED_IN_AFTER,
    After.FORBIDDEN: Code.CERTIFICATION_VIOLATED,
    After.CHANGED: Code.CHANGED_AFTER,
}


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
        self._now = now
        self._witnesses = Witnesses(
            chains=chains,
            heard=Heard.of((opened.crls, opened.answers), (evidence.crls, evidence.ocsps)),
            certificates=(*opened.certificates, *evidence.certificates),
            now=now,
        )
        self._proven = Proven(now)
        self._later: frozenset[str] = frozenset()
        """Roles of those who signed later, and well: each signed everything that came before."""

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
            wanted=tuple(self._witnesses.wanted),
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
        if not found.form:
            raise CmsWrong(Code.FORMAT_UNKNOWN)
        reasons = _of_bytes(found, self._later)
        signed = read(found.contents)
        told = _told(found, reasons, signed)
        if found.covers is Covers.PART:
            return told
        try:
            check(signed, self._digest(found, signed))
        except CmsWrong as wrong:
            return _with(told, [*reasons, Reason(wrong.code)])
        stamp = self._witnesses.stamp_of(signed.stamps, signed.value, self._proven)
        proven = self._proven if stamp.at is None else self._proven.earlier(stamp.at)
        party = self._witnesses.signer(signed.certificate, signed.others, proven)
        reasons = [*_of_bytes(found, self._later, party.roles), *stamp.reasons]
        reasons += of_signer(party, proven, told.signing_time)
        reasons += _of_times(proven, told.signing_time, signed, found)
        is_lasting = party.brings_evidence and (stamp.brings_evidence or not stamp.is_good)
        level = _level(found, signed, proven, is_lasting=is_lasting)
        told = replace(_with(told, reasons), roles=party.roles, stamped_at=proven.stamped_at, level=level)
        if told.verdict is Verdict.PASSED:
            self._later |= set(party.roles)
        return told

    # -- a stamp over the whole document -------------------------------------------------------------------------------

    def _stamp_over_all(self, found: Found) -> SignatureReport:
        reasons = _of_bytes(found, self._later)
        signed = read(found.contents, is_stamp=True)
        told = replace(_told(found, reasons, signed), signing_time=None)
        looked = self._witnesses.stamp(found.contents, b"".join(found.signed(self._pdf)), self._proven)
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


# -- pure --------------------------------------------------------------------------------------------------------------


def _of_bytes(found: Found, later: frozenset[str], roles: tuple[str, ...] = ()) -> list[Reason]:
    """Who signs later stands for what was filled in before it, if it is an office; and for what its own signature
    shows, if it is one or a peer: a citizen's picture on an official's page is not what the official signed."""
    if found.covers is Covers.PART:
        return [Reason(Code.PARTIAL_COVERAGE)]
    if found.after is After.FILLED_IN and OFFICES & later:
        return [Reason(Code.FILLED_IN_SIGNED)]
    if found.after is After.SHOWN and not (OFFICES | set(roles)) & later:
        return [Reason(Code.FILLED_IN_AFTER)]
    return [Reason(_AFTER[found.after])] if found.after is not After.NOTHING else []


def _of_times(proven: Proven, claimed_at: datetime | None, signed: Signed, found: Found) -> list[Reason]:
    reasons = []
    if proven.stamped_at is None:
        reasons.append(Reason(Code.NO_TIME_STAMP))
    if claimed_at is not None and claimed_at > proven.at + SKEW:
        reasons.append(Reason(Code.CLAIMED_TIME_ODD, claimed_at.isoformat()))
    if found.form == "basic" or not signed.names_certificate:
        reasons.append(Reason(Code.BASIC_PROFILE))
    return reasons


def _level(found: Found, signed: Signed, proven: Proven, *, is_lasting: bool) -> str:
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
        changed_after=_TOLD.get(found.after, found.after.value),
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
