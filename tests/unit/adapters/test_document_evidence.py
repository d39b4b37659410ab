"""adapters.documents.evidence: who is asked what vouches for a document's signatures, how often, and what is kept."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from adapters.channels.http import HttpChannel, Reply
from adapters.channels.pki import pki_settings
from adapters.documents.evidence import MOST_KEPT, PAUSE, EvidenceSource, judged
from signing.verdicts import Verdict
from tests.signed_documents import LATER, signed, trust
from tests.signing_kit import BASE, DAY, NOW, crl_of, ocsp_of, signer, small_pdf, stamper

OFFICIAL, UNIT = signer("official"), stamper()
WANTED = [(OFFICIAL.der, OFFICIAL.chain_der[0]), (UNIT.der, UNIT.chain_der[0])]
OCSP = {f"{BASE}/signing_pki/ocsp/duty": OFFICIAL, f"{BASE}/signing_pki/ocsp/stamps": UNIT}
LISTS = {f"{BASE}/signing_pki/crl/duty.crl": OFFICIAL, f"{BASE}/signing_pki/crl/stamps.crl": UNIT}


class Authorities:
    """The other side, by address; it counts what it is asked."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, settings):
        return self

    def perform(self, method, url, headers, body):
        self.asked.append(url)
        content = self.answers.get(url)
        return Reply(status=200 if content else 404, head=b"", body=content or b"")

    def close(self):
        """Nothing is open."""


def answers() -> dict[str, bytes]:
    return {url: ocsp_of(about, LATER) for url, about in OCSP.items()}


def lists() -> dict[str, bytes]:
    return {url: crl_of(about, LATER) for url, about in LISTS.items()}


def source(authorities: Authorities, hosts: frozenset[str] = frozenset({"pki.example.invalid"}), **more):
    channel = HttpChannel(
        pki_settings(hosts, (ip_network("127.0.0.0/8"),)),
        open_transport=authorities,
        look_up=lambda host, port: ["127.0.0.1"],
    )
    return EvidenceSource(channel, **more)


def look(authorities: Authorities, **more):
    return judged(signed(), trust().chains(), LATER, source(authorities, **more))


def test_answers_are_asked_for_first():
    """Where OCSP answers for everybody, no list is fetched, and the certificates that it spoke of come along."""
    there = Authorities(answers() | lists())
    found = look(there)

    assert Verdict.PASSED is found.report.verdict
    assert set(OCSP) == set(there.asked)
    assert {der for pair in WANTED for der in pair} == set(found.evidence.certificates)


def test_lists_are_for_the_rest():
    """Who has no answer is looked for on the lists that his certificate names."""
    there = Authorities({**lists(), **dict([next(iter(answers().items()))])})
    found = look(there)

    assert Verdict.PASSED is found.report.verdict
    assert ([1], 1) == ([len(found.evidence.ocsps)], len(found.evidence.crls))


def test_lists_of_the_settings():
    """A list whose address the settings name is fetched, whatever the certificates say."""
    url = "http://lists.example.invalid/duty.crl"
    there = Authorities({url: crl_of(OFFICIAL, LATER)})
    host = frozenset({"lists.example.invalid"})

    assert (crl_of(OFFICIAL, LATER)[:100],) == tuple(
        der[:100] for der in source(there, host, lists=(url,)).lists(WANTED, LATER)
    )


def test_nobody_else_is_asked():
    """A certificate names any host it likes: none but those of the settings ever hears of us."""
    there = Authorities(answers() | lists())
    found = look(there, hosts=frozenset({"elsewhere.example.invalid"}))

    assert (Verdict.INDETERMINATE, []) == (found.report.verdict, there.asked)


def test_who_had_nothing_is_left_alone():
    """A source that had nothing, or nonsense, is not asked again at once; after the pause it is."""
    for nothing in ({}, dict.fromkeys(OCSP, b"nonsense")):
        there = Authorities(nothing)
        asking = source(there)
        for _ in range(5):
            assert () == asking.answers(WANTED, NOW)
        assert 2 == len(there.asked)
        asking.answers(WANTED, NOW + PAUSE)
        assert 4 == len(there.asked)


def test_a_list_is_kept_until_it_ends():
    """A list is fetched once while it speaks; an answer is asked for anew each time, for it must be of after."""
    there = Authorities(answers() | lists())
    asking = source(there)
    for _ in range(3):
        assert 2 == len(asking.lists(WANTED, LATER))
        assert 2 == len(asking.answers(WANTED, LATER))
    assert 2 + 6 == len(there.asked)
    asking.lists(WANTED, LATER + 2 * DAY)
    assert 2 + 6 + 2 == len(there.asked)


def test_what_is_kept_is_bounded():
    """However many addresses certificates name, little is remembered."""
    there = Authorities({})
    asking = source(there, lists=tuple(f"http://pki.example.invalid/{n}.crl" for n in range(200)))
    for n in range(20):
        asking.lists(WANTED, NOW + timedelta(minutes=n))

    assert len(asking._failed_at) <= MOST_KEPT


def test_without_a_source():
    """Nobody is asked where nobody may be: what is wanted stays wanted."""
    report = judged(signed(), trust().chains(), LATER, None).report

    assert (Verdict.INDETERMINATE, set(WANTED)) == (report.verdict, set(report.wanted))
    assert Verdict.FAILED is judged(small_pdf(), trust().chains(), LATER, None).report.verdict
