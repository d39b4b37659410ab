"""A token for each signer (NOTES.md#r4): fetched once for all threads, never used for somebody else."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.channels.tokens import SharedToken
from adapters.partners.mysign import wire
from adapters.partners.mysign.calls import request
from adapters.partners.mysign.codes import Said
from adapters.partners.mysign.replies import TOKEN, Answer, read, token_of
from adapters.partners.mysign.settings import MysignSettings
from adapters.partners.signers.alarms import tell
from bus.messages import Exchange, Refused, Unreachable

MOST_USERS: Final = 16_384
"""Whose tokens are remembered; the one that was asked for longest ago logs in anew."""


class LoginFailed(Exception):
    """No token, so nothing of the call went out."""

    def __init__(self, outcome: Refused | Unreachable, exchange: Exchange) -> None:
        self.outcome = outcome
        self.exchange = exchange
        super().__init__(outcome.reason)


class Sessions:
    """Tokens of all signers, shared by all threads."""

    def __init__(
        self, settings: MysignSettings, channel: Channel, *, name: str, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._channel = channel
        self._name = name
        self._tick = tick
        self._lock = threading.Lock()
        self._tokens: OrderedDict[str, SharedToken] = OrderedDict()

    def current(self, user: str) -> str:
        """This signer's token. Raises LoginFailed."""
        return self._of(user).current()

    def forget(self, user: str, token: str) -> None:
        """It was refused."""
        self._of(user).forget(token)

    def _of(self, user: str) -> SharedToken:
        with self._lock:
            found = self._tokens.get(user)
            if found is None:
                found = self._tokens[user] = SharedToken(lambda: self._log_in(user), tick=self._tick)
            self._tokens.move_to_end(user)
            while len(self._tokens) > MOST_USERS:
                self._tokens.popitem(last=False)
            return found

    def _log_in(self, user: str) -> tuple[str, float]:
        exchange = self._channel.send(request(self._settings, wire.LOGIN, wire.login(self._settings, user)))
        if exchange.trouble is not None:
            # A login whose answer was lost did nothing that matters.
            raise LoginFailed(Unreachable(reason=f"login_failed: {exchange.trouble.reason}"), exchange)
        answer = read(exchange, TOKEN)
        if answer.said is Said.YES and (token := token_of(answer)) is not None:
            return token
        tell(answer.alarm, partner=self._name, code=answer.reason)
        raise LoginFailed(not_begun(answer, exchange, "login_failed"), exchange)


def not_begun(answer: Answer, exchange: Exchange, what: str) -> Refused | Unreachable:
    """What an answer other than yes comes to, before anybody was asked to sign: at the worst it goes again."""
    if answer.said is Said.NO:
        return Refused(code=answer.code, reason=answer.reason)
    reason = f"{what}: {answer.reason or answer.said}"
    is_down = answer.said in (Said.DOWN, Said.UNCLEAR, Said.YES)
    return Unreachable(reason=reason, retry_after=retry_after(exchange), is_down=is_down)
