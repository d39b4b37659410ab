"""From a value that verifies to a document that holds: put together, stamped, vouched for, and judged as a whole.

Nothing here is remembered between two attempts but documents in the store: a finisher that dies is followed by another
one that does the same again. What is not there yet (a stamp, an authority's word) makes the attempt one for later and
never makes it good; what is proven wrong ends it. pyHanko is loaded with the first document, not with this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from adapters.channels.timestamps import NoStamp
from adapters.documents.evidence import EvidenceSource, Judged, judged
from adapters.documents.fetch import FORMS
from adapters.partners.signers.credentials import misfit_of
from bus.documents import DocumentRole
from bus.signatures import Finish, FinishDocument, FinishedDocument, FinishJob, FinishOutcome, Form, SignatureState
from signing.errors import DocumentRefused, PlanWrong, StampRefused
from signing.verdicts import NOTES, PASSING, Code, Report, SignatureReport, Verdict

if TYPE_CHECKING:
    from signing.verification_chain import Chains

LEVELS: Final = ("", "basic", "B-B", "B-T", "B-LT", "B-LTA")
VALUE_MISSING: Final = "value_missing"
NOT_USABLE: Final = "certificate_not_usable"
WRONG_PERSON: Final = "wrong_person"
WRONG_SIGNATURE: Final = "wrong_signature"
OTHER_SIGNATURE: Final = "document_other_signature"
"""One that stood in the document already is not good: nothing is handed on under it."""
OTHER_CERTIFICATE: Final = "other_certificate"
_OF_CERTIFICATE: Final = frozenset(
    {
        Code.WEAK_HASH,
        Code.WEAK_KEY,
        Code.DEMO_KEY,
        Code.CERTIFICATE_MISSING,
        Code.NOT_FOR_SIGNING,
        Code.UNTRUSTED,
        Code.NOT_YET_VALID,
        Code.EXPIRED,
        Code.EXPIRED_NO_PROOF,
        Code.REVOKED,
        Code.REVOKED_NO_PROOF,
        Code.AUTHORITY_REVOKED,
    }
)


_OF_STAMP: Final = frozenset({Code.STAMP_BROKEN, Code.STAMP_UNTRUSTED, Code.STAMP_EXPIRED, Code.STAMP_REVOKED})
"""The authority's matter and not the signer's: another stamp mends it."""
_ORDER: Final[tuple[Finish, ...]] = ("time_stamp_pending", "indeterminate", "made", "failed")


Stamp = Callable[[bytes], bytes]
"""A SHA-256 in, a token out. Raises NoStamp, StampRefused."""


class Room(Protocol):
    """Where documents lie: `adapters.documents.room.DocumentRoom`."""

    def content(self, document: int) -> bytes: ...
    def keep(self, dossier: str, content: bytes, *, media_type: str, role: DocumentRole) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembler:
    """What finishing needs; one for all threads."""

    room: Room
    chains: Chains
    stamp: Stamp
    source: EvidenceSource

    def finish(self, job: FinishJob, now: datetime) -> FinishOutcome:
        """What one attempt comes to. Our own trouble (disk, ledger) is raised."""
        done = [self._document(job, each, now) for each in job.documents]
        return _outcome(job, done)

    # -- one document --------------------------------------------------------------------------------------------------

    def _document(self, job: FinishJob, document: FinishDocument, now: datetime) -> _Done:
        if document.signed is None and document.value is None:
            return _Done(FinishedDocument(n=document.n, code=document.code or VALUE_MISSING), to="failed")
        try:
            return self._tried(job, document, now)
        except (PlanWrong, DocumentRefused) as trouble:
            return _Done(FinishedDocument(n=document.n, code=trouble.code), to="failed", reason=str(trouble))

    def _tried(self, job: FinishJob, document: FinishDocument, now: datetime) -> _Done:
        signed, trouble = self._signed(job, document)
        whole = judged(signed, self.chains, now, self.source, form=document.form)
        if document.form == "xml":
            return self._xml(job, document, signed, whole.report, trouble)
        if document.value is None and job.level != "B-B" and _has_level(_own(job, whole.report), "B-B"):
            signed, whole, trouble = self._with_time(job, signed, whole, now)
        wrong = _wrong(job, whole.report)
        if wrong is not None:
            return _failed(document, whole.report, wrong)
        if _is_lasting(job) and not trouble and whole.report.verdict is Verdict.PASSED:
            signed, whole, trouble = self._lasting(job, signed, whole, now)
        return self._kept(job, document, signed, whole.report, trouble)

    def _xml(self, job: FinishJob, document: FinishDocument, signed: bytes, report: Report, trouble: str) -> _Done:
        """XML goes as far as B-T."""
        job = replace(job, level="B-T") if _is_lasting(job) else job
        wrong = _wrong(job, report)
        return _failed(document, report, wrong) if wrong else self._kept(job, document, signed, report, trouble)

    def _signed(self, job: FinishJob, document: FinishDocument) -> tuple[bytes, str]:
        """With its signature; and why it has no stamp, where it should have one."""
        if document.signed is not None and not _lacks_stamp(job, document):
            return self.room.content(document.signed), ""
        embed = _embedder(document.form)
        assert document.prepared is not None
        assert document.plan is not None
        assert document.value is not None
        prepared = self.room.content(document.prepared)
        if job.level != "B-B":
            try:
                return embed(prepared, document.plan, document.value, stamp=self.stamp), ""
            except (NoStamp, StampRefused) as trouble:
                return embed(prepared, document.plan, document.value), str(trouble)
        return embed(prepared, document.plan, document.value), ""

    def _with_time(self, job: FinishJob, signed: bytes, whole: Judged, now: datetime) -> tuple[bytes, Judged, str]:
        """Where an official's own program asked for no stamp, one over the whole document proves the time."""
        own = _own(job, whole.report)
        if own is None or own.stamped_at is not None or whole.report.verdict is Verdict.FAILED:
            return signed, whole, ""
        from signing.documents import with_archive_stamp

        try:
            made = with_archive_stamp(signed, self.stamp)
        except (NoStamp, StampRefused) as refused:
            return signed, whole, str(refused)
        return made, judged(made, self.chains, now, self.source, whole.evidence), ""

    def _lasting(self, job: FinishJob, signed: bytes, whole: Judged, now: datetime) -> tuple[bytes, Judged, str]:
        """With the evidence inside, under a further stamp where that is asked for; judged once more as it is now."""
        from signing.documents import with_archive_stamp, with_evidence

        trouble = ""
        if not _has_level(_own(job, whole.report), "B-LT"):
            signed = with_evidence(signed, whole.evidence)
        if job.level == "B-LTA" and not _has_level(_own(job, whole.report), "B-LTA"):
            try:
                signed = with_archive_stamp(signed, self.stamp)
            except (NoStamp, StampRefused) as refused:
                trouble = str(refused)
        return signed, judged(signed, self.chains, now, self.source, whole.evidence), trouble

    def _kept(self, job: FinishJob, document: FinishDocument, signed: bytes, report: Report, trouble: str) -> _Done:
        """In the store whatever is still to come: what there is stays there for a person, too."""
        number = self.room.keep(job.number, signed, media_type=FORMS[document.form], role=DocumentRole.SIGNED)
        own = _own(job, report)
        kept = FinishedDocument(
            n=document.n,
            signed=number,
            verdict=report.verdict.value,
            report=_written(report),
            reached="" if own is None else own.level,
        )
        codes = ", ".join(sorted(each.value for each in report.codes))
        if trouble or report.codes & _OF_STAMP:
            return _Done(kept, to="time_stamp_pending", reason=trouble or codes, own=own)
        if report.verdict is not Verdict.PASSED or not _has_level(own, job.level):
            return _Done(kept, to="indeterminate", reason=codes, own=own)
        return _Done(kept, to="made", own=own)


@dataclass(frozen=True, slots=True)
class _Done:
    """What one document came to in this attempt."""

    document: FinishedDocument
    to: Finish
    reason: str = ""
    own: SignatureReport | None = None


# -- pure --------------------------------------------------------------------------------------------------------------


def _embedder(form: Form) -> Callable[..., bytes]:
    if form == "xml":
        from signing.xades import embed as embed_xml

        return embed_xml
    from signing.documents import embed

    return embed


def _is_lasting(job: FinishJob) -> bool:
    return job.level in ("B-LT", "B-LTA")


def _lacks_stamp(job: FinishJob, document: FinishDocument) -> bool:
    """Only what waits for its first stamp is put together anew; one that was handed in signed has no value of ours."""
    is_waiting = job.state is SignatureState.TIME_STAMP_PENDING and document.value is not None
    return is_waiting and document.reached in ("", "basic", "B-B")


def _has_level(own: SignatureReport | None, level: str) -> bool:
    return own is not None and LEVELS.index(own.level) >= LEVELS.index(level)


def _own(job: FinishJob, report: Report) -> SignatureReport | None:
    """The last signature of the certificate that the document was prepared for."""
    signatures = [each for each in report.signatures if each.kind == "signature"]
    if job.certificate is not None:
        wanted = hashlib.sha256(job.certificate).hexdigest()
        signatures = [each for each in signatures if each.fingerprint == wanted]
    return signatures[-1] if signatures else None


def _wrong(job: FinishJob, report: Report) -> str | None:
    """The code for which this can never be good; None: it is good, or may yet be."""
    own = _own(job, report)
    if own is None:
        return OTHER_CERTIFICATE
    if job.certificate is not None and _is_of_another(job, own):
        return WRONG_PERSON
    heavy = {each.code for each in own.reasons} - NOTES - PASSING - _OF_STAMP
    if heavy:
        return NOT_USABLE if heavy & _OF_CERTIFICATE else WRONG_SIGNATURE
    if job.role not in own.roles:
        return NOT_USABLE
    return OTHER_SIGNATURE if report.codes - NOTES - PASSING - _OF_STAMP else None


def _is_of_another(job: FinishJob, own: SignatureReport) -> bool:
    assert job.certificate is not None
    at = own.stamped_at or job.signed_at
    misfit = misfit_of(job.certificate, user=job.user, name=job.signer_name, at=at)
    return misfit is not None and misfit.code == WRONG_PERSON


def _failed(document: FinishDocument, report: Report, code: str) -> _Done:
    told = FinishedDocument(n=document.n, verdict=report.verdict.value, report=_written(report), code=code)
    return _Done(told, to="failed", reason=", ".join(sorted(each.value for each in report.codes)))


def _outcome(job: FinishJob, done: Sequence[_Done]) -> FinishOutcome:
    """That of the document that has furthest to go; where some are good and some are not, it is made with those."""
    chosen = min(done, key=lambda each: _ORDER.index(each.to))
    own = next((each.own for each in done if each.own is not None), None)
    return FinishOutcome(
        to=chosen.to,
        documents=tuple(each.document for each in done),
        code=chosen.document.code,
        reason=chosen.reason,
        signer_subject="" if own is None else own.subject,
        serial="" if own is None else own.serial,
        signed_at=job.signed_at if own is None else own.stamped_at or own.signing_time or job.signed_at,
    )


def _written(report: Report) -> bytes:
    return json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
