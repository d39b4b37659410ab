"""Where time stamps are asked for: authorities of the settings, one after the other, over the one HTTP channel.

A digest goes out and nothing else of a document, so plain HTTP is as good as any: the answer proves itself
(`signing.timestamps`). One authority that is down, slow, says no, or answers something else is passed over for the
next; the document waits for its stamp only when none of them gave one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from adapters.channels.addresses import Network
from adapters.channels.http import Channel, HttpSettings, Request
from bus.ports import Clock, Randomness
from signing.errors import StampRefused
from signing.timestamps import LARGEST, QUERY, REPLY, Stamped, query, read_reply

log = structlog.get_logger("timestamps")

NONCE: Final = 8
"""Bytes: nobody repeats one by chance."""


class NoStamp(Exception):
    """None of the time-stamp authorities gave a stamp now; the document keeps its signature and waits."""


def stamp_settings(
    hosts: frozenset[str], networks: tuple[Network, ...] = (), *, timeout: timedelta = timedelta(seconds=10)
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


class StampAuthorities:
    """The authorities, in the order in which they are asked. Call it with a SHA-256; it is a `Stamp`."""

    def __init__(self, channel: Channel, addresses: Sequence[str], *, clock: Clock, randomness: Randomness) -> None:
        self._channel = channel
        self._addresses = tuple(addresses)
        self._clock = clock
        self._randomness = randomness

    def __call__(self, digest: bytes) -> bytes:
        """A token over it. Raises NoStamp."""
        return self.stamped(digest).token

    def stamped(self, digest: bytes) -> Stamped:
        """The same, with its time and who gave it. Raises NoStamp."""
        causes = []
        for address in self._addresses:
            try:
                return self._ask(address, digest)
            except (OSError, StampRefused) as trouble:
                host = urlsplit(address).netloc
                log.warning(
                    "stamp_not_given", host=host, code=getattr(trouble, "code", "unreachable"), cause=str(trouble)
                )
                causes.append(f"{host}: {trouble}")
        raise NoStamp("; ".join(causes) or "no time-stamp authority is in the settings")

    def _ask(self, address: str, digest: bytes) -> Stamped:
        """Raises OSError, StampRefused."""
        # The first bit stays clear: some authorities read a nonce as a signed number and answer another one.
        nonce = int.from_bytes(self._randomness.token(NONCE), "big") >> 1
        exchange = self._channel.send(_request(address, query(digest, nonce)))
        if exchange.trouble is not None or exchange.reply_body is None:
            raise OSError(getattr(exchange.trouble, "reason", "no answer"))
        if exchange.status != 200:
            raise OSError(f"status {exchange.status}")
        return read_reply(exchange.reply_body, digest=digest, nonce=nonce, at=self._clock.now())


def _request(address: str, body: bytes) -> Request:
    kinds = {"content-type": QUERY, "accept": REPLY}
    return Request(operation="TimeStamp", method="POST", url=address, headers=kinds, body=body)
