"""What vouches for a document's signatures, fetched: OCSP answers first, lists for those whom no answer spoke of.

A report says which certificates nobody spoke of; their own sources are asked, at the hosts of the settings and no
others, over the one channel; then the document is judged again. What comes is public and signed: `signing/` judges it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog

from adapters.channels.addresses import AddressRefused
from adapters.channels.http import Channel, PlainHttpRefused
from adapters.channels.pki import Question, Statement, fetched, prudent
from bus.signatures import Form
from signing.revocation import ocsp_request, sources

if TYPE_CHECKING:
    from signing.verdicts import Report
    from signing.verification_chain import Chains
    from signing.verification_times import Evidence

log = structlog.get_logger("pki")

Wanted = Sequence[tuple[bytes, bytes]]
MOST_KEPT: Final = 64
PAUSE: Final = timedelta(seconds=20)
"""A source that had nothing is not asked again for so long: ten documents of one person ask ten times the same."""


class EvidenceSource:
    """Asks authorities about certificates. Safe to share between threads."""

    def __init__(self, channel: Channel, *, lists: Sequence[str] = ()) -> None:
        """`lists` are addresses of CRLs of the settings, for authorities whose certificates do not say theirs."""
        self._channel = channel
        self._lists = [Question(url) for url in lists]
        self._lock = threading.Lock()
        self._kept: dict[Question, Statement] = {}
        self._failed_at: dict[Question, datetime] = {}

    def answers(self, wanted: Wanted, now: datetime) -> tuple[bytes, ...]:
        """OCSP answers, one about each certificate where its authority gave one."""
        questions = (
            Question(url, ocsp_request(certificate, issuer))
            for certificate, issuer in wanted
            for url in sources(certificate)[1][:1]
        )
        return tuple(self._ask(questions, now))

    def lists(self, wanted: Wanted, now: datetime) -> tuple[bytes, ...]:
        """Revocation lists: those that the certificates name, and those of the settings."""
        named = [Question(url) for certificate, _ in wanted for url in sources(certificate)[0]]
        return tuple(self._ask([*self._lists, *named], now))

    def _ask(self, questions: Iterable[Question], now: datetime) -> Iterable[bytes]:
        for question in prudent(questions):
            statement = self._kept_of(question, now) or self._fetch(question, now)
            if statement is not None:
                yield statement.der

    def _kept_of(self, question: Question, now: datetime) -> Statement | None:
        """A list is the same for everybody until its end; an answer is asked for anew, after the signature."""
        with self._lock:
            kept = self._kept.get(question)
        return kept if kept is not None and now < kept.ends else None

    def _fetch(self, question: Question, now: datetime) -> Statement | None:
        failed_at = self._failed_at.get(question)
        if failed_at is not None and timedelta(0) <= now - failed_at < PAUSE:
            return None
        try:
            statement = fetched(self._channel, question)
        except (ValueError, OSError, AddressRefused, PlainHttpRefused) as trouble:
            log.warning("revocation_not_fetched", host=urlsplit(question.url).netloc, cause=str(trouble))
            statement = None
        self._remember(question, statement, now)
        return statement

    def _remember(self, question: Question, statement: Statement | None, now: datetime) -> None:
        with self._lock:
            if len(self._kept) + len(self._failed_at) >= MOST_KEPT:
                self._kept.clear()
                self._failed_at.clear()
            self._failed_at.pop(question, None)
            if statement is None:
                self._failed_at[question] = now
            elif question.is_of_list:
                self._kept[question] = statement


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, and all the evidence that was gathered for it."""

    report: Report
    evidence: Evidence


def judged(
    content: bytes,
    chains: Chains,
    now: datetime,
    source: EvidenceSource | None,
    evidence: Evidence | None = None,
    *,
    form: Form = "pdf",
) -> Judged:
    """Judge, fetch what is wanted, judge again. Raises DocumentRefused."""
    from signing.verification_times import Evidence

    verify = _verifier(form)
    known = evidence or Evidence()
    report = verify(content, chains, now, known)
    if source is not None and report.wanted:
        known = _more(known, report.wanted, answers=source.answers(report.wanted, now))
        report = verify(content, chains, now, known)
    if source is not None and report.wanted:
        known = _more(known, report.wanted, lists=source.lists(report.wanted, now))
        report = verify(content, chains, now, known)
    return Judged(report, known)


def _verifier(form: Form) -> Callable[[bytes, Chains, datetime, Evidence], Report]:
    """Loaded where it is used: that of PDFs brings pyHanko along."""
    if form == "xml":
        from signing.xades_verification import verify_xml

        return verify_xml
    from signing.verification import verify_pdf

    return verify_pdf


def _more(
    known: Evidence, wanted: Wanted, *, answers: tuple[bytes, ...] = (), lists: tuple[bytes, ...] = ()
) -> Evidence:
    """With the certificates that are spoken of: whoever opens the document in ten years has no other copy of them."""
    certificates = dict.fromkeys([*known.certificates, *(der for pair in wanted for der in pair)])
    return replace(known, crls=(*known.crls, *lists), ocsps=(*known.ocsps, *answers), certificates=tuple(certificates))
