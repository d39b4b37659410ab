"""Judging what an official's desk hands in: the very document that was handed out, signed once, by the one who should.

The browser's and the agent's words are never evidence; this is. `contracts/vgca/NOTES.md` names the rules.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from adapters.documents.desk_nouns import DeskRefused, Expected, Upload
from adapters.documents.evidence import EvidenceSource, judged
from adapters.documents.fetch import is_pdf
from adapters.partners.signers.credentials import misfit_of
from signing.additions import Added, added
from signing.document_reading import MOST_BYTES, look
from signing.errors import DocumentRefused
from signing.verdicts import NOTES, PASSING, Code, Report, Verdict
from signing.verification_chain import Chains

_CODES: Final = {
    Code.REVOKED: "revoked",
    Code.AUTHORITY_REVOKED: "revoked",
    Code.EXPIRED: "expired",
    Code.NOT_YET_VALID: "expired",
    Code.UNTRUSTED: "other_authority",
    Code.WEAK_HASH: "weak",
    Code.WEAK_KEY: "weak",
    Code.PARTIAL_COVERAGE: "not_whole",
}


def judged_upload(
    uploaded: bytes, expected: Expected, chains: Chains, now: datetime, source: EvidenceSource | None
) -> Upload:
    """Judge it. Raises DeskRefused."""
    if not is_pdf(uploaded):
        raise DeskRefused("not_pdf")
    try:
        new = added(expected.given, uploaded)
        _require_same(new, expected)
        look(uploaded, most_bytes=2 * MOST_BYTES)  # scripts and forms that draw over pages: refused at first, and now
        report = judged(uploaded, chains, now, source).report
    except DocumentRefused as refused:
        raise DeskRefused("not_readable", refused.code) from None
    _require_good(report, new.fields[0], expected.role)
    _require_person(new.certificate, expected, now)
    return Upload(certificate=new.certificate, report=report)


def _require_same(new: Added, expected: Expected) -> None:
    if not new.is_continued or new.lost:
        raise DeskRefused("changed")
    if len(new.fields) != 1 or not new.certificate:
        raise DeskRefused("not_signed" if not new.fields else "not_one_signature")
    if not new.covers_whole:
        raise DeskRefused("not_whole")
    # A signature that was there before vouches for the pages itself; a draft has nothing but this comparison.
    if new.shows_more and not (expected.may_show_more and new.was_signed):
        raise DeskRefused("shows_more")


def _require_good(report: Report, field: str, role: str) -> None:
    """Passed, or with nothing missing but an authority's word, which the finisher waits for."""
    if report.verdict is not Verdict.PASSED and not _may_pass_later(report):
        codes = sorted(report.codes & _CODES.keys())
        raise DeskRefused(_CODES[codes[0]] if codes else "not_valid", ", ".join(sorted(report.codes)))
    (own,) = (each for each in report.signatures if each.field == field)
    if role not in own.roles:
        raise DeskRefused("other_authority")


def _may_pass_later(report: Report) -> bool:
    """What a seal shows beside the leader's name counts as the office's once its certificate is known to be good."""
    open_codes = report.codes - NOTES
    return report.may_pass_later or bool(open_codes & PASSING and open_codes <= PASSING | {Code.FILLED_IN_AFTER})


def _require_person(der: bytes, expected: Expected, now: datetime) -> None:
    if (misfit := misfit_of(der, user=expected.user, name=expected.name, at=now)) is not None:
        raise DeskRefused("other_person" if misfit.code == "wrong_person" else "expired", misfit.reason)
