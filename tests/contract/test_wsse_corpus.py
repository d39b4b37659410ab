"""The attack corpus, message by message: every attack refused with its code, every good message taken."""

from __future__ import annotations

import pytest
from lxml import etree

from signing import wsse
from signing.errors import NotVerified, VerifierFailed
from tests.contract.wss_attacks import corpus
from tests.message_pki import NOW
from tests.wss_kit import partner_trust


def verdict(data: bytes) -> str:
    """The code of the refusal, or nothing."""
    try:
        wsse.verify(data, trust=partner_trust(), now=NOW)
    except NotVerified as refusal:
        return f"{refusal.code}: {refusal}" if isinstance(refusal, VerifierFailed) else refusal.code
    return ""


def test_every_case_has_its_verdict():
    """Each attack is refused for its own reason, and no good message is refused."""
    wrong = {case.name: (case.code, found) for case in corpus() if case.code != (found := verdict(case.data))}

    assert {} == wrong


def test_corpus_is_large():
    """Well over a hundred attacks in every group that was ever published, under different names."""
    attacks = [case for case in corpus() if case.code]

    assert len(attacks) >= 300
    assert len({case.name for case in corpus()}) == len(corpus())
    assert len(corpus()) - len(attacks) >= 40


def test_attacks_change_something():
    """No attack is the good message: a generator that does nothing would prove nothing."""
    good = {case.data for case in corpus() if not case.code}

    assert [] == [case.name for case in corpus() if case.code and case.data in good]


def test_what_is_left_was_signed():
    """After a yes, the tree holds the Body and the signed headers, and nothing that the signature does not cover."""
    data = next(case.data for case in corpus() if case.name == "1.1 good: a header that may be passed over")

    verified = wsse.verify(data, trust=partner_trust(), now=NOW)

    left = [etree.QName(each).localname for each in verified.envelope[0]]
    assert left == ["To", "Action", "MessageID"]
    assert verified.body is verified.envelope[1]
    assert dict(verified.envelope.attrib) == {}


@pytest.mark.parametrize("trouble", [RuntimeError, MemoryError, RecursionError, KeyError])
def test_unknown_trouble_is_a_refusal(trouble):
    """Whatever goes wrong inside the verifier is a refusal of its own kind, never a yes and never a crash."""

    def trust(*_: object) -> wsse.Trusted:
        raise trouble("secret")

    with pytest.raises(VerifierFailed) as refused:
        wsse.verify(corpus()[-1].data, trust=trust, now=NOW)
    assert "secret" not in str(refused.value)
