"""Where revocation is asked: lists and OCSP answers over the one HTTP channel, kept in memory until they end.

Only the hosts of the settings are asked, whatever a certificate says; and only after its chain was found good, so that
a stranger cannot send us anywhere. What comes is public and signed, so plain HTTP is as good as any; it is bounded in
size, must be newer than what is kept, and is judged by `signing.trust`, not here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from adapters.channels.addresses import Network
from adapters.channels.http import Channel, HttpSettings, Request
from signing.errors import RevocationUnknown
from signing.revocation import life_of_answer, life_of_list, ocsp_request, sources
from signing.trust import Trust, Trusted

log = structlog.get_logger("pki")

LARGEST: Final = 10_000_000
"""Bytes of a list: that of an authority with a quarter of a million revoked certificates."""
PAUSE: Final = timedelta(minutes=1)
"""A source that had nothing is not asked again for so long: messages must not become a flood at an authority."""
AHEAD: Final = timedelta(hours=1)
"""A statement is renewed so long before its end, or in the last quarter of a short life."""
MOST_KEPT: Final = 256
"""Statements kept: each partner's chain has two or three."""


def pki_settings(
    hosts: frozenset[str], networks: tuple[Network, ...] = (), *, timeout: timedelta = timedelta(seconds=5)
) -> HttpSettings:
    """How authorities are reached: these hosts only, by plain HTTP too."""
    return HttpSettings(
        hosts=hosts,
        networks=networks,
        allow_http=True,
        timeout=timeout,
        connect_timeout=min(timeout, timedelta(seconds=3)),
        max_reply_bytes=LARGEST,
    )


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to fetch; the same question has the same answer."""

    url: str
    body: bytes = b""
    """An OCSP request; empty for a list."""

    @property
    def is_of_list(self) -> bool:
        return not self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What came, and until when it speaks."""

    der: bytes
    begins: datetime
    ends: datetime

    @property
    def due(self) -> datetime:
        """When to ask for the next one."""
        return self.ends - min(AHEAD, (self.ends - self.begins) / 4)


class RevocationSource:
    """A `Trust` that asks for what it lacks. Call it in the trust's place; mind it with `refresh`."""

    def __init__(self, trust: Trust, channel: Channel, *, lists: Sequence[str] = ()) -> None:
        """`lists` are addresses of CRLs of the settings, for authorities whose certificates do not say theirs."""
        self._trust = trust
        self._channel = channel
        self._lists = [Question(url) for url in lists]
        self._lock = threading.Lock()
        self._kept: dict[Question, Statement] = {}
        self._asked_at: dict[Question, datetime] = {}

    def __call__(self, leaf_der: bytes, more: Sequence[bytes], now: datetime) -> Trusted:
        """As `Trust`; where only the word on revocation is missing, it is fetched first. Raises NotTrusted."""
        try:
            return self._trust(leaf_der, more, now)
        except RevocationUnknown as unknown:
            wanted = unknown.wanted
        self._ask(prudent(self._questions(wanted)), now)
        return self._trust(leaf_der, more, now)

    def refresh(self, now: datetime) -> None:
        """Renew what will end soon; called once a minute, beside the messages and not in front of them."""
        due = [question for question, statement in list(self._kept.items()) if statement.due <= now]
        self._ask([*due, *(each for each in self._lists if each not in self._kept)], now)

    def is_stale(self, now: datetime) -> bool:
        """Whether a list that is needed is not there or has ended; without lists, whether every answer has ended."""
        kept = dict(self._kept)
        missing = [each for each in self._lists if each in self._asked_at and each not in kept]
        lists = [statement.ends for question, statement in kept.items() if question.is_of_list]
        if missing or any(end <= now for end in lists):
            return True
        return bool(kept) and not lists and all(statement.ends <= now for statement in kept.values())

    def _questions(self, wanted: Sequence[tuple[bytes, bytes]]) -> Iterator[Question]:
        yield from self._lists
        for certificate, issuer in wanted:
            lists, answers = sources(certificate)
            yield from (Question(url, ocsp_request(certificate, issuer)) for url in answers)
            yield from (Question(url) for url in lists)

    def _ask(self, questions: Sequence[Question], now: datetime) -> None:
        # One at a time: when an authority's word runs out, hundred messages ask for it at once.
        with self._lock:
            fresh = [self._keep(question, now) for question in questions if self._may_ask(question, now)]
            if any(fresh):
                self._renew()

    def _may_ask(self, question: Question, now: datetime) -> bool:
        asked_at = self._asked_at.get(question)
        return asked_at is None or not timedelta(0) <= now - asked_at < PAUSE

    def _keep(self, question: Question, now: datetime) -> bool:
        """Whether something newer came."""
        if len(self._asked_at) >= MOST_KEPT:
            self._kept.clear()
            self._asked_at.clear()
        self._asked_at[question] = now
        try:
            statement = fetched(self._channel, question)
        except (ValueError, OSError) as trouble:
            log.warning("revocation_not_fetched", host=urlsplit(question.url).netloc, cause=str(trouble))
            return False
        known = self._kept.get(question)
        if known is not None and statement.ends <= known.ends:
            return False
        self._kept[question] = statement
        return True

    def _renew(self) -> None:
        kept = self._kept.items()
        self._trust.renew(
            crls=[statement.der for question, statement in kept if question.is_of_list],
            ocsp_answers=[statement.der for question, statement in kept if not question.is_of_list],
        )


def fetched(channel: Channel, question: Question) -> Statement:
    """What a source says. Raises OSError, ValueError."""
    exchange = channel.send(_request(question))
    if exchange.trouble is not None or exchange.reply_body is None:
        raise OSError(getattr(exchange.trouble, "reason", "no answer"))
    if exchange.status != 200:
        raise OSError(f"status {exchange.status}")
    life: Callable[[bytes], tuple[datetime, datetime]] = life_of_list if question.is_of_list else life_of_answer
    begins, ends = life(exchange.reply_body)
    return Statement(der=exchange.reply_body, begins=begins, ends=ends)


def prudent(questions: Iterable[Question]) -> list[Question]:
    """Each once, and no more than a chain can need: a certificate may name a hundred addresses."""
    return list(dict.fromkeys(questions))[:16]


def _request(question: Question) -> Request:
    if question.is_of_list:
        return Request(operation="CRL", method="GET", url=question.url, headers={"accept": "*/*"}, body=b"")
    kinds = {"content-type": "application/ocsp-request", "accept": "application/ocsp-response"}
    return Request(operation="OCSP", method="POST", url=question.url, headers=kinds, body=question.body)
