"""Time stamps over a real port: the authorities of the settings are asked in turn, and a wrong answer is no stamp."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.timestamps import NoStamp, StampAuthorities, stamp_settings
from bus.ports import SystemClock, SystemRandomness
from contracts.serve import serve
from contracts.timestamp_authority.mock import TimestampAuthority
from signing.documents import embed, prepare
from signing.verification_cms import read_stamp
from signing.verification_pdf import open_pdf
from tests.pdf_kit import permit, signed
from tests.signing_kit import NOW, raw, signer

HELLO = hashlib.sha256(b"hello").digest()
LOCAL = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def authority():
    mock = TimestampAuthority()
    with serve(mock) as url:
        mock.url = f"{url}/timestamp_authority/"
        yield mock


def stamps(*addresses) -> StampAuthorities:
    hosts = frozenset(urlsplit(each).netloc for each in addresses)
    channel = HttpChannel(stamp_settings(hosts, LOCAL))
    return StampAuthorities(channel, addresses, clock=SystemClock(), randomness=SystemRandomness())


def test_stamp_of_a_real_authority(authority):
    """A stamp that came over the wire is over what was asked, and of now."""
    stamped = stamps(authority.url).stamped(HELLO)

    assert stamped.at == read_stamp(stamped.token, b"hello").at
    assert abs((stamped.at - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize(
    "answer", ["rejected", "wrong_nonce", "wrong_imprint", "wrong_purpose", "old", "garbage", "down"]
)
def test_wrong_answer_is_no_stamp(authority, answer):
    """An authority that says no, answers something else, or fails gives no stamp, and the cause is told."""
    authority.switches.turn({"answer": answer})

    with pytest.raises(NoStamp, match=urlsplit(authority.url).netloc):
        stamps(authority.url)(HELLO)


def test_next_address_is_tried(authority):
    """An address where nobody listens is passed over for the next; with none left, or none given, there is no stamp."""
    nobody = "http://127.0.0.1:9/timestamp_authority/"

    assert stamps(nobody, authority.url)(HELLO)
    with pytest.raises(NoStamp, match=r"127\.0\.0\.1:9"):
        stamps(nobody)(HELLO)
    with pytest.raises(NoStamp, match="settings"):
        stamps()(HELLO)


def test_document_with_a_stamp(authority):
    """A document signed with the authority as its stamp is B-T; while the authority is down it keeps B-B."""
    stamp, holder = stamps(authority.url), signer("official")
    stamped = signed(permit(), holder, at=NOW, stamp=stamp)
    authority.switches.turn({"answer": "down"})
    made = prepare(permit(), certificate=holder.der, chain=holder.chain_der, at=NOW, field="Ky")
    value = raw(holder, made.digest)

    assert stamped.startswith(permit())
    with pytest.raises(NoStamp):
        embed(made.document, made.plan, value, stamp=stamp)
    assert ["Ky"] == [each.name for each in open_pdf(embed(made.document, made.plan, value)).found]
