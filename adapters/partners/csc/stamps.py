"""Time stamps from a CSC service (`signatures/timestamp`): asked like an authority of RFC 3161, and judged like one."""

from __future__ import annotations

import base64
from typing import Final

import structlog

from adapters.channels.http import Channel
from adapters.channels.timestamps import NONCE, NoStamp
from adapters.partners.csc.codes import SHA256, TIMESTAMP, Said
from adapters.partners.csc.replies import Answer, token_of
from adapters.partners.csc.settings import CscSettings
from adapters.partners.csc.talk import Line, Talk
from bus.ports import Clock, Randomness
from signing.der import integer, sequence
from signing.errors import StampRefused
from signing.timestamps import Stamped, read_reply

log = structlog.get_logger("timestamps")

GRANTED: Final = sequence(integer(0))
"""The status that stands in front of a token in an answer of RFC 3161; CSC gives the token alone."""


class CscStamps:
    """One service as a time-stamp authority. Call it with a SHA-256; it is a `Stamp`."""

    def __init__(
        self, settings: CscSettings, channel: Channel, *, clock: Clock, randomness: Randomness, name: str = "csc"
    ) -> None:
        self._line = Line(settings, channel, channel, name=name)
        self._clock = clock
        self._randomness = randomness
        self._name = name

    def __call__(self, digest: bytes) -> bytes:
        """A token over it. Raises NoStamp."""
        return self.stamped(digest).token

    def stamped(self, digest: bytes) -> Stamped:
        """The same, with its time and who gave it (NOTES.md#r60, #r61). Raises NoStamp."""
        nonce = int.from_bytes(self._randomness.token(NONCE), "big") >> 1
        try:
            return read_reply(self._asked(digest, nonce), digest=digest, nonce=nonce, at=self._clock.now())
        except StampRefused as trouble:
            log.warning("stamp_not_given", host=self._name, code=trouble.code, cause=str(trouble))
            raise NoStamp(f"{self._name}: {trouble}") from trouble

    def _asked(self, digest: bytes, nonce: int) -> bytes:
        """As an answer of RFC 3161. Raises NoStamp."""
        talk = Talk(line=self._line)
        info = self._line.info(talk)
        if not isinstance(info, Answer) and not info.has(TIMESTAMP):
            raise NoStamp(f"{self._name}: it gives no time stamps")
        told = {"hash": base64.b64encode(digest).decode(), "hashAlgo": SHA256, "nonce": f"{nonce:x}"}
        answer = info if isinstance(info, Answer) else talk.call(TIMESTAMP, told)
        token = token_of(answer.values) if answer.said is Said.YES else None
        if token is None:
            raise NoStamp(f"{self._name}: {answer.reason or 'no token in its answer'}")
        return sequence(GRANTED, token)
