"""The sink as a partner: one signed call for each event, over the product's own channel and signature."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from adapters.channels.addresses import networks_of
from adapters.channels.http import Channel, HttpSettings, Request
from bus.messages import Attempt, Delivered, Delivery, Exchange, InDoubt, Outcome, Refused, Unreachable
from signing.http import ALGORITHM, sign_request

KEY_ID: Final = "benchmark"
LIFE: Final = timedelta(seconds=120)


class _Reply(msgspec.Struct):
    taken: bool
    receipt: str | None = None


def local_http(threads: int) -> HttpSettings:
    """Plain HTTP to the sink on this machine, and to nobody else."""
    return HttpSettings(
        allow_http=True,
        hosts=frozenset({"127.0.0.1"}),
        networks=networks_of(["127.0.0.0/8"]),
        max_connections=threads,
        timeout=timedelta(seconds=10),
    )


class SinkAdapter:
    """Delivers to `benchmarks/sink.py`, which knows our ids: a repeat is safe there."""

    def __init__(self, url: str, secret: bytes, channel: Channel) -> None:
        self._url = f"{url}/events"
        self._secret = secret
        self._channel = channel
        self._read = msgspec.json.Decoder(_Reply)

    def check(self, delivery: Delivery) -> None:
        """Whatever the door took can be sent as it is."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """One call for each."""
        return [self._one(delivery) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        """The sink ignores repeats: what is unclear goes again."""
        again = Unreachable(reason="idempotent: goes again", retry_after=timedelta(), is_down=False)
        return Attempt(outcome=again)

    def _one(self, delivery: Delivery) -> Attempt:
        exchange = self._channel.send(self.request(delivery.event.body))
        signed = replace(exchange, key_id=KEY_ID, algorithm=ALGORITHM)
        return Attempt(outcome=exchange.trouble or self._outcome(exchange), exchanges=(signed,))

    def request(self, body: bytes) -> Request:
        """The call, signed now."""
        return Request(operation="Event", method="POST", url=self._url, headers=self.sign(body), body=body)

    def sign(self, body: bytes) -> dict[str, str]:
        """The headers that prove who sends it."""
        now = datetime.now(UTC)
        return sign_request(
            "POST",
            "/events",
            "",
            "application/json",
            body,
            key_id=KEY_ID,
            secret=self._secret,
            created=now,
            expires=now + LIFE,
            nonce=os.urandom(12).hex(),
        )

    def _outcome(self, exchange: Exchange) -> Outcome:
        if exchange.status != 200:
            return Refused(code=str(exchange.status), reason="not taken")
        try:
            reply = self._read.decode(exchange.reply_body or b"")
        except msgspec.DecodeError:
            return InDoubt(reason="unreadable")
        return Delivered(receipt=reply.receipt) if reply.taken else Refused(code="200", reason="not taken")
