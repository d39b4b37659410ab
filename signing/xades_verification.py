"""Who signed this XML document, whether it is what was signed, and whether that holds at the time that is proven.

The twin of `verification.py` for PDFs: the same report, the same reasons, the same judgement of certificates, time
stamps and revocation. Every ds:Signature in the document is judged, and the document is no better than the worst.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from lxml import etree

from signing.revocation import SKEW
from signing.verdicts import Code, Reason, Report, SignatureReport, verdict_of
from signing.verification_chain import Chains, DocumentTrust, Heard
from signing.verification_times import NOTHING_FETCHED, Evidence, Proven, StampSeen, Witnesses, of_signer
from signing.xades import MOST_BYTES
from signing.xades_form import identified, is_cut, signatures
from signing.xades_form import read as read_xml
from signing.xades_reading import Read, evidence_in, read
from signing.xades_references import XmlWrong


def verify_xml(
    document: bytes,
    trust: DocumentTrust | Chains,
    now: datetime,
    evidence: Evidence = NOTHING_FETCHED,
    *,
    most_bytes: int = 2 * MOST_BYTES,
) -> Report:
    """What is to be said of it. Raises DocumentRefused for what is no document that can be judged."""
    root = read_xml(document, most_bytes=most_bytes)
    chains = trust.chains() if isinstance(trust, DocumentTrust) else trust
    brought = evidence_in(root)
    witnesses = Witnesses(
        chains=chains,
        heard=Heard.of((brought.crls, brought.ocsps), (evidence.crls, evidence.ocsps)),
        certificates=(*brought.certificates, *evidence.certificates),
        now=now,
    )
    told = _Judge(root, witnesses, now).reports()
    findings: tuple[Reason, ...] = () if told else (Reason(Code.NO_SIGNATURE),)
    if is_cut(root):
        findings += (Reason(Code.AMBIGUOUS_STRUCTURE, "comment"),)
    codes = [reason.code for reason in findings] + [reason.code for each in told for reason in each.reasons]
    return Report(
        verdict=verdict_of(codes),
        signatures=tuple(told),
        findings=findings,
        checked_at=now,
        wanted=tuple(witnesses.wanted),
    )


class _Judge:
    """One document under the eye."""

    def __init__(self, root: etree._Element, witnesses: Witnesses, now: datetime) -> None:
        self._witnesses = witnesses
        self._proven = Proven(now)
        self._found = signatures(root)
        self._names: dict[str, list[etree._Element]] = defaultdict(list)
        for name, element in identified(root):
            self._names[name].append(element)
        self._whole: set[str] = set()

    def reports(self) -> list[SignatureReport]:
        """In the document's order: what is countersigned before what countersigns it."""
        return [self._one(n, each) for n, each in enumerate(self._found)]

    def _one(self, n: int, signature: etree._Element) -> SignatureReport:
        told = SignatureReport(field=signature.get("Id", f"signature-{n + 1}"), verdict=verdict_of(()))
        try:
            found = read(signature, self._names, self._whole)
        except XmlWrong as wrong:
            return _with(told, [Reason(wrong.code, wrong.about)])
        after = "signatures" if n + 1 < len(self._found) else ""
        told = replace(told, signing_time=found.signing_time, covers_whole=True, changed_after=after)
        try:
            return self._signer(_named(told, found.certificate), found)
        except Exception as trouble:
            # A certificate or a token that no rule here foresaw: refused, and named, so that somebody can look.
            return _with(told, [Reason(Code.SIGNATURE_BROKEN, type(trouble).__name__)])

    def _signer(self, told: SignatureReport, found: Read) -> SignatureReport:
        stamp = self._stamp(found)
        proven = self._proven if stamp.at is None else self._proven.earlier(stamp.at)
        party = self._witnesses.signer(found.certificate, found.others, proven)
        reasons = [Reason(Code.SIGNED_AFTER)] if told.changed_after else []
        reasons += [*stamp.reasons, *of_signer(party, proven, found.signing_time)]
        reasons += _of_times(proven, found)
        is_lasting = party.brings_evidence and stamp.brings_evidence
        level = _level(found, proven, is_lasting=is_lasting)
        return replace(_with(told, reasons), roles=party.roles, stamped_at=proven.stamped_at, level=level)

    def _stamp(self, found: Read) -> StampSeen:
        """The first that holds; else what is wrong with the last one."""
        looked = StampSeen()
        for each in found.stamps:
            looked = self._witnesses.stamp(each.token, each.over, self._proven)
            if looked.is_good:
                break
        return looked


def _of_times(proven: Proven, found: Read) -> list[Reason]:
    reasons = []
    if proven.stamped_at is None:
        reasons.append(Reason(Code.NO_TIME_STAMP))
    if found.signing_time is not None and found.signing_time > proven.at + SKEW:
        reasons.append(Reason(Code.CLAIMED_TIME_ODD, found.signing_time.isoformat()))
    if not found.names_certificate:
        reasons.append(Reason(Code.BASIC_PROFILE))
    return reasons


def _level(found: Read, proven: Proven, *, is_lasting: bool) -> str:
    if not found.names_certificate:
        return "basic"
    if proven.stamped_at is None:
        return "B-B"
    return "B-LT" if is_lasting else "B-T"


def _with(told: SignatureReport, reasons: list[Reason]) -> SignatureReport:
    return replace(told, reasons=tuple(reasons), verdict=verdict_of(each.code for each in reasons))


def _named(told: SignatureReport, der: bytes) -> SignatureReport:
    certificate = x509.load_der_x509_certificate(der)
    return replace(
        told,
        subject=certificate.subject.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        issuer=certificate.issuer.rfc4514_string(),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )
