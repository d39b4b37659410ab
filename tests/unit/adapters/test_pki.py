"""Asking about revocation: whom, when, how much, and what becomes of what comes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from ipaddress import ip_network

import pytest
from cryptography.x509 import ocsp

from adapters.channels.http import HttpChannel, Reply
from adapters.channels.pki import LARGEST, MOST_KEPT, PAUSE, Question, RevocationSource, Statement, pki_settings
from signing.errors import RevocationUnknown, Revoked, Untrusted
from signing.keys import spki_of
from signing.trust import Pins, Trust
from tests.message_pki import ANSWERS_AT, DAY, HOUR, LIST_AT, NOW, pki

ROOT_LIST, ISSUING_LIST = LIST_AT.format("Root"), LIST_AT.format("Issuing")
FOUND = pki(points=True)
ALL_HOSTS = frozenset({"pki.example.invalid"})
REVOKED = ocsp.OCSPCertStatus.REVOKED


class Authorities:
    """The other side, by address; it counts what it is asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, settings):
        self.settings = settings
        return self

    def perform(self, method, url, headers, body):
        self.asked.append((method, url))
        status, content = self.answers.get(url, (404, b""))
        return Reply(status=status, head=b"", body=content)

    def close(self):
        """Nothing is open."""


def lists(*, of_issuing=None, of_root=None, at=NOW):
    return {
        ROOT_LIST: (200, of_root or FOUND.root.crl(at=at, life=9 * DAY)),
        ISSUING_LIST: (200, of_issuing or FOUND.authority.crl(at=at)),
    }


def source(authorities, *, hosts=ALL_HOSTS, **more):
    pins = Pins(keys=frozenset({hashlib.sha256(spki_of(FOUND.leaf.key.public_key())).hexdigest()}))
    trust = Trust(roots=[FOUND.root.der], intermediates=[FOUND.authority.der], pins=pins)
    channel = HttpChannel(
        pki_settings(hosts, (ip_network("127.0.0.0/8"),)),
        open_transport=authorities,
        look_up=lambda host, port: ["127.0.0.1"],
    )
    return RevocationSource(trust, channel, **more)


def test_asks_where_the_certificates_say():
    """What is missing is fetched once from the addresses of a chain that was found good; then all is known."""
    authorities = Authorities(**lists())
    ask = source(authorities)

    assert "chain+crl" == ask(FOUND.leaf.der, [], NOW).how
    assert ask(FOUND.leaf.der, [], NOW) is ask(FOUND.leaf.der, [], NOW + HOUR)
    assert [("POST", ANSWERS_AT), ("GET", ISSUING_LIST), ("POST", ANSWERS_AT), ("GET", ROOT_LIST)] == authorities.asked


def test_answers_are_as_good_as_lists():
    """An OCSP answer decides where the list cannot be had."""
    answer = FOUND.authority.answer(FOUND.leaf, status=REVOKED)
    of_root = {ROOT_LIST: (200, FOUND.root.crl())}

    with pytest.raises(Revoked):
        source(Authorities(**of_root | {ANSWERS_AT: (200, answer)}))(FOUND.leaf.der, [], NOW)


def test_no_stranger_sends_us_anywhere():
    """A certificate without a chain to our authorities is refused before any of its addresses is looked at."""
    authorities = Authorities(**lists())
    stranger = FOUND.leaf.issue("stranger", points=True)

    with pytest.raises(Untrusted):
        source(authorities)(stranger.der, [], NOW)

    assert [] == authorities.asked


def test_only_the_hosts_of_the_settings():
    """Addresses elsewhere are not called, even those of a good certificate."""
    authorities = Authorities(**lists())

    with pytest.raises(RevocationUnknown):
        source(authorities, hosts=frozenset({"crl.example.invalid"}))(FOUND.leaf.der, [], NOW)

    assert [] == authorities.asked


def test_a_reply_is_bounded():
    """A list may be large, and no larger."""
    assert LARGEST == pki_settings(ALL_HOSTS).max_reply_bytes
    assert timedelta(seconds=1) == pki_settings(ALL_HOSTS, timeout=timedelta(seconds=1)).connect_timeout


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, b""), (503, b""), (404, b"")])
def test_what_is_no_statement_is_not_kept(answer):
    """A page, an error or nothing leaves the certificate unknown: it fails closed."""
    authorities = Authorities(**{ISSUING_LIST: answer, ROOT_LIST: (200, FOUND.root.crl()), ANSWERS_AT: answer})

    with pytest.raises(RevocationUnknown):
        source(authorities)(FOUND.leaf.der, [], NOW)


def test_a_silent_source_is_left_alone_for_a_while():
    """A hundred messages while an authority is away ask it once a minute, and each of them is refused."""
    authorities = Authorities()
    ask = source(authorities)

    for second in range(0, 120, 1):
        with pytest.raises(RevocationUnknown):
            ask(FOUND.leaf.der, [], NOW + timedelta(seconds=second))

    assert 2 == sum(1 for _, url in authorities.asked if url == ISSUING_LIST)
    authorities.answers |= lists()
    assert "chain+crl" == ask(FOUND.leaf.der, [], NOW + timedelta(seconds=121)).how


def test_clock_set_back_does_not_silence_us():
    """A clock that was wrong and is put right does not keep a source from being asked."""
    authorities = Authorities()
    ask = source(authorities)
    with pytest.raises(RevocationUnknown):
        ask(FOUND.leaf.der, [], NOW + 9 * DAY)
    authorities.answers |= lists()

    assert "chain+crl" == ask(FOUND.leaf.der, [], NOW).how


def test_renewed_before_its_end():
    """A list is renewed an hour before its end, beside the messages; a revocation counts from that moment."""
    authorities = Authorities(**lists())
    ask = source(authorities, lists=[ISSUING_LIST])
    ask.refresh(NOW)
    ask(FOUND.leaf.der, [], NOW)
    before = len(authorities.asked)
    ask.refresh(NOW + 22 * HOUR)
    assert before == len(authorities.asked)

    authorities.answers |= lists(of_issuing=FOUND.authority.crl(FOUND.leaf, at=NOW + 23 * HOUR), at=NOW + 23 * HOUR)
    ask.refresh(NOW + 23 * HOUR)

    with pytest.raises(Revoked):
        ask(FOUND.leaf.der, [], NOW + 23 * HOUR)


def test_an_older_list_does_not_replace_a_newer_one():
    """Plain HTTP can be answered by anybody: yesterday's list must not undo a revocation."""
    authorities = Authorities(**lists(of_issuing=FOUND.authority.crl(FOUND.leaf)))
    ask = source(authorities)
    with pytest.raises(Revoked):
        ask(FOUND.leaf.der, [], NOW)
    authorities.answers |= lists(of_issuing=FOUND.authority.crl(at=NOW - HOUR))

    ask.refresh(NOW + 23 * HOUR)

    with pytest.raises(Revoked):
        ask(FOUND.leaf.der, [], NOW + 23 * HOUR)


def test_stale_until_the_grace_ends():
    """While an authority is away its last word counts to its end and the grace; a day later nothing is believed."""
    authorities = Authorities(**lists())
    ask = source(authorities)
    ask(FOUND.leaf.der, [], NOW)
    authorities.answers = {}

    assert "chain+crl, stale" == ask(FOUND.leaf.der, [], NOW + 2 * DAY).how
    with pytest.raises(RevocationUnknown):
        ask(FOUND.leaf.der, [], NOW + 2 * DAY + HOUR)


def test_who_asks_hears_that_it_is_stale():
    """Before anything was asked nobody knows; then a list counts to its end, and one that did not come is missing."""
    heard, silent = source(Authorities(**lists())), source(Authorities(), lists=[ISSUING_LIST])
    before = heard.is_stale(NOW), silent.is_stale(NOW)
    heard(FOUND.leaf.der, [], NOW)
    silent.refresh(NOW)

    assert (False, False) == before
    assert [False, True] == [heard.is_stale(NOW + days * DAY) for days in (0, 1)]
    assert silent.is_stale(NOW)


def test_answers_alone_are_stale_when_all_have_ended():
    """Without lists the last answer decides: that of a certificate which is no longer used may well end."""
    short, long = (Statement(der=b"", begins=NOW, ends=NOW + days * DAY) for days in (1, 2))
    ask = source(Authorities())
    ask._kept = {Question("http://a", b"x"): short, Question("http://b", b"y"): long}

    assert [False, False, True] == [ask.is_stale(NOW + days * DAY) for days in (0, 1, 2)]


def test_what_is_kept_is_bounded():
    """However many certificates ask for statements of their own, a fixed number is kept."""
    ask = source(Authorities(**lists()))
    ask._asked_at = {Question(f"http://pki.example.invalid/{n}"): NOW for n in range(MOST_KEPT)}

    ask(FOUND.leaf.der, [], NOW)

    assert len(ask._asked_at) < MOST_KEPT


def test_short_lives_are_renewed_in_their_last_quarter():
    """An answer that lives for eight minutes is not renewed every minute."""
    short = Statement(der=b"", begins=NOW, ends=NOW + timedelta(minutes=8))

    assert NOW + timedelta(minutes=6) == short.due
    assert timedelta(minutes=1) == PAUSE
