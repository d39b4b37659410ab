"""Notices by a call to a system of the province, signed as our own callers sign (RFC 9421, hmac-sha256)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from adapters.channels.http import Channel, Request
from adapters.notices.text import Writer, sentence
from bus.messages import canonical_bytes
from bus.notices import Message, NotSent
from bus.ports import Clock, Randomness
from signing.http import sign_request

JSON: Final = "application/json"
LIFE: Final = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWay:
    """Whom to call, and as whom."""

    url: str
    keyid: str
    secret: bytes = field(repr=False)


class WebhookMessenger:
    """Sends messages as calls. One that goes again has the same Idempotency-Key, under a fresh signature."""

    def __init__(self, way: WebhookWay, writer: Writer, channel: Channel, clock: Clock, randomness: Randomness) -> None:
        self._way = way
        self._writer = writer
        self._channel = channel
        self._clock = clock
        self._randomness = randomness

    def send(self, message: Message) -> None:
        """Raises NotSent: it was not taken, or nobody knows."""
        body, parts, now = self._body(message), urlsplit(self._way.url), self._clock.now()
        headers = sign_request(
            "POST",
            parts.path or "/",
            "",
            JSON,
            body,
            key_id=self._way.keyid,
            secret=self._way.secret,
            created=now,
            expires=now + LIFE,
            nonce=self._randomness.token(16).hex(),
            idempotency_key=message.id,
        )
        exchange = self._channel.send(
            Request(operation="notice", method="POST", url=self._way.url, headers=headers, body=body)
        )
        if exchange.trouble is not None:
            raise NotSent(type(exchange.trouble).__name__)
        if exchange.status is None or not 200 <= exchange.status < 300:
            raise NotSent(f"HTTP {exchange.status}")

    def _body(self, message: Message) -> bytes:
        told = {
            "id": message.id,
            "installation": self._writer.installation,
            "subject": self._writer.subject(message),
            "notices": [
                {
                    "key": notice.key,
                    "cause": notice.cause,
                    "facts": dict(notice.facts),
                    "text": {language: sentence(notice, language) for language in self._writer.languages},
                }
                for notice in message.notices
            ],
        }
        return canonical_bytes(told)
