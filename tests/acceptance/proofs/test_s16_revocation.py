"""S16 and S11, the source of revocation: while its word is missing no answer of a partner is believed.

The adapter, its signatures, the fetching over a real port and the mock's signed answers are the product's and the
contract's own; only the list changes.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pki import RevocationSource, pki_settings
from adapters.partners.one_stop.settings import SoapKeys
from bus.messages import Delivered, InDoubt
from tests.message_pki import Holder
from tests.one_stop_kit import delivery, identity_of, one_stop_with, shared_pki, trust_of
from tests.raw_sockets import RawServer, answer, raw_server, read_request

HOUR = timedelta(hours=1)
PAGE = b"<html>maintenance</html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the authority says, and how long an ended list still counts."""

    age: timedelta = timedelta(0)
    content: bytes | None = None
    """In the list's place; empty: it hangs up."""
    grace: timedelta = timedelta(0)
    is_believed: bool = False
    is_revoked: bool = False


CASES = {
    "current": Case(is_believed=True),
    "ended, within the grace": Case(age=2 * HOUR, grace=24 * HOUR, is_believed=True),
    "ended, past the grace": Case(age=2 * HOUR, grace=HOUR / 2),
    "a page in its place": Case(content=PAGE),
    "nobody answers": Case(content=b""),
    "revoked": Case(is_revoked=True),
}


def served(case: Case, octets: bytes):
    def behave(server: RawServer, connection: socket.socket) -> None:
        read_request(server, connection)
        if case.content != b"":
            answer(connection, octets if case.content is None else case.content)

    return behave


@pytest.mark.parametrize(
    ("way", "name"), [*(("soap-1.1", name) for name in CASES), ("soap-1.2", "ended, past the grace")]
)
def test_p06_answer_is_believed_only_with_a_current_word(way: str, name: str) -> None:
    """Without a current list an answer that says yes leaves its delivery in doubt, and the source says so."""
    case, pki, now = CASES[name], shared_pki(), datetime.now(UTC)
    authority = Holder(pki.authority, pki._key)
    revoked = [Holder(pki.one_stop.certificate, pki.one_stop.key)] if case.is_revoked else []
    octets = authority.crl(*revoked, at=now - case.age, life=HOUR)
    with ExitStack() as stack:
        server = stack.enter_context(raw_server(served(case, octets)))
        settings = pki_settings(frozenset({f"127.0.0.1:{server.port}"}), (ip_network("127.0.0.0/8"),))
        channel = HttpChannel(settings, open_transport=Httpx2Transport)
        stack.callback(channel.close)
        trust = trust_of(pki, revocation="require", grace=case.grace)
        source = RevocationSource(trust, channel, lists=[f"{server.url}/list"])
        keys = SoapKeys(identity=identity_of(pki.caller), trust=source)
        mock, adapter = stack.enter_context(one_stop_with(way, keys=keys))
        (attempt,) = adapter.deliver([delivery()])

    assert isinstance(attempt.outcome, Delivered if case.is_believed else InDoubt), attempt.outcome
    assert 1 == len(mock.effects)
    assert source.is_stale(now - case.grace) is not (case.is_believed or case.is_revoked)
