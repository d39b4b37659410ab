"""What CRLs and OCSP answers say, with certvalidator's `require` as a second opinion."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509 import ocsp

from signing.errors import RevocationUnknown, Revoked
from signing.revocation import Evidence, is_issued_by, life_of_answer, life_of_list, ocsp_request, sources
from signing.trust import GRACE, Pins, Trust
from tests.message_pki import (
    ANSWERS_AT,
    AUTHORITY,
    DAY,
    HOUR,
    LIST_AT,
    NOW,
    delegate_purposes,
    made,
    name,
    pki,
    rsa_key,
)
from tests.unit.signing.second_opinion import believes
from tests.unit.signing.test_trust import pin_of, signed_with_sha1

REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
LATER = NOW + HOUR


def asked(found=None, *, crls=(), answers=(), at=LATER, grace=GRACE, leaf=None):
    """The verdict on the leaf, with the root's own list always at hand."""
    found = found or pki()
    leaf = leaf or found.leaf
    trust = Trust(
        roots=[found.root.der],
        intermediates=[found.authority.der],
        pins=Pins(keys=frozenset({pin_of(leaf)})),
        crls=[found.root.crl(life=900 * DAY), *crls],
        ocsp_answers=answers,
        grace=grace,
    )
    return trust(leaf.der, [], at)


@pytest.mark.parametrize("points", [False, True])
def test_list_says_good_or_revoked(points):
    """A list decides whether the certificate says where lists are or not: the trap of two of certvalidator's modes."""
    found = pki(points=points)
    good, bad = found.authority.crl(), found.authority.crl(found.leaf)

    assert "chain+crl" == asked(found, crls=[good]).how
    with pytest.raises(Revoked) as caught:
        asked(found, crls=[bad])
    assert "revoked" == caught.value.code
    lists = [found.root.crl(), good]
    assert believes(found.leaf.der, [found.authority.der], found.root.der, lists, (), LATER)
    assert not believes(found.leaf.der, [found.authority.der], found.root.der, [found.root.crl(), bad], (), LATER)


@pytest.mark.parametrize("points", [False, True])
def test_no_word_is_no_trust(points):
    """Nobody's word that it holds means refused; and the refusal says whom to ask about."""
    found = pki(points=points)

    with pytest.raises(RevocationUnknown) as caught:
        asked(found)

    assert ("revocation_unknown", ((found.leaf.der, found.authority.der),)) == (caught.value.code, caught.value.wanted)
    assert not believes(found.leaf.der, [found.authority.der], found.root.der, [found.root.crl()], (), LATER)


def test_revoked_authority():
    """An authority that the root took back vouches for nobody, even where its own list says good."""
    root = made("Root", **AUTHORITY)
    authority = root.authority("Issuing")
    leaf = authority.issue("one-stop")
    trust = Trust(
        roots=[root.der], pins=Pins(keys=frozenset({pin_of(leaf)})), crls=[root.crl(authority), authority.crl()]
    )

    with pytest.raises(Revoked, match="Issuing"):
        trust(leaf.der, [authority.der], LATER)


def test_answer_of_the_issuer():
    """An OCSP answer signed by the issuer itself decides."""
    found = pki()

    assert "chain+crl+ocsp" == asked(answers=[found.authority.answer(found.leaf)]).how
    with pytest.raises(Revoked, match="ocsp"):
        asked(answers=[found.authority.answer(found.leaf, status=REVOKED)])


def test_revoked_wins():
    """One that says revoked wins over any that says good."""
    found = pki()
    said = {
        "crls": [found.authority.crl(life=9 * DAY)],
        "answers": [found.authority.answer(found.leaf, status=REVOKED)],
    }

    with pytest.raises(Revoked):
        asked(**said)


@pytest.mark.parametrize("with_rsa", [False, True])
def test_answer_of_a_delegate(with_rsa):
    """An answer counts from a delegate that the issuer made for answering."""
    # certvalidator asks no OCSP answer about a certificate that names no responder, even when one is at hand.
    found = pki(points=True)
    key = rsa_key() if with_rsa else None
    delegate = found.authority.issue("responder", extensions=delegate_purposes(), key=key)

    answer = found.authority.answer(found.leaf, by=delegate, carried=[delegate], id_hash=SHA256())

    assert "chain+crl+ocsp" == asked(found, answers=[answer]).how
    assert believes(found.leaf.der, [found.authority.der], found.root.der, [found.root.crl()], [answer], LATER)


def _wrong_delegates():
    found = pki()
    foreign = made("Issuing", **AUTHORITY)
    made_for = delegate_purposes()
    yield "purpose", found.authority.issue("responder")
    yield "issuer", foreign.issue("responder", extensions=made_for)
    yield "root's", found.root.issue("responder", extensions=made_for)
    yield "days", found.authority.issue("responder", extensions=made_for, days=(-30, -1))
    yield "leaf", found.leaf
    yield "edwards", found.authority.issue("responder", extensions=made_for, key=Ed25519PrivateKey.generate())


@pytest.mark.parametrize("which", range(6))
def test_wrong_delegate(which):
    """An answer by anybody else counts for nothing, and the certificate stays unknown."""
    found = pki()
    _, delegate = list(_wrong_delegates())[which]
    answer = found.authority.answer(found.leaf, by=delegate, carried=[delegate])

    with pytest.raises(RevocationUnknown):
        asked(answers=[answer])


def test_carried_delegate_that_did_not_sign():
    """A certificate that merely travels with an answer has not signed it, whatever its kind of key."""
    found = pki()
    keys = (None, rsa_key(), Ed25519PrivateKey.generate())
    carried = [found.authority.issue("responder", extensions=delegate_purposes(), key=key) for key in keys]
    answer = found.authority.answer(found.leaf, by=found.root, carried=carried)

    with pytest.raises(RevocationUnknown):
        asked(answers=[answer])


def test_delegate_signed_with_sha1():
    """A delegate whose certificate rests on SHA-1 could be anybody's."""
    found = pki()
    weak = signed_with_sha1(found.authority, "responder")

    assert not is_issued_by(x509.load_der_x509_certificate(weak.der), found.authority.certificate)
    assert is_issued_by(found.leaf.certificate, found.authority.certificate)


def test_delegate_that_must_be_checked():
    """A delegate without the issuer's waiver needs a list that does not have it."""
    found = pki()
    delegate = found.authority.issue("responder", extensions=delegate_purposes(nocheck=False))
    answer = found.authority.answer(found.leaf, by=delegate, carried=[delegate])
    # A list of authorities only could never name the responder, nor the leaf.
    of_others = found.authority.crl(extensions=[(_part(only_contains_ca_certs=True), True)])

    for crls in ((), [of_others], [found.authority.crl(delegate, life=2 * HOUR)]):
        if crls and crls[0] is not of_others:
            assert "crl" in asked(answers=[answer], crls=crls).how
            continue
        with pytest.raises(RevocationUnknown):
            asked(answers=[answer], crls=crls)
    assert "chain+crl+ocsp" == asked(answers=[answer], crls=[found.authority.crl(life=2 * HOUR)]).how


def test_revoked_delegate():
    """A delegate that its issuer took back answers for nobody, whatever it signed."""
    found = pki()
    delegate = found.authority.issue("responder", extensions=delegate_purposes(nocheck=False))
    lie = found.authority.answer(found.leaf, by=delegate, carried=[delegate], life=9 * DAY)

    with pytest.raises(Revoked, match="crl"):
        asked(answers=[lie], crls=[found.authority.crl(delegate, found.leaf)])
    assert "chain+crl" == asked(answers=[lie], crls=[found.authority.crl(delegate)]).how


def test_answer_about_somebody_else():
    """An answer about another certificate, or of another issuer's with the same number, says nothing of this one."""
    found = pki()
    other = found.authority.issue("other")
    namesake = made("Issuing", **AUTHORITY)
    of_namesake = namesake.answer(found.leaf, by=found.authority)

    for answer in (found.authority.answer(other), of_namesake, found.authority.answer(found.leaf, id_hash=SHA384())):
        with pytest.raises(RevocationUnknown):
            asked(answers=[answer])


def test_answers_that_say_nothing():
    """Unknown, an answer without an end, and one that is only an error: nothing is known."""
    found = pki()
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    empty = refused.public_bytes(_der())

    for answer in (
        found.authority.answer(found.leaf, status=UNKNOWN),
        found.authority.answer(found.leaf, life=None),
        empty,
    ):
        with pytest.raises(RevocationUnknown):
            asked(answers=[answer])


@pytest.mark.parametrize("kind", ["crl", "ocsp"])
def test_stale_statement_and_its_grace(kind):
    """A statement holds to its end, then for the grace, marked as stale; after that nothing is believed."""
    found = pki()
    said = {"crls": [found.authority.crl()]} if kind == "crl" else {"answers": [found.authority.answer(found.leaf)]}

    assert "stale" not in asked(**said, at=NOW + DAY).how
    stale = asked(**said, at=NOW + DAY + GRACE)
    assert stale.how.endswith(", stale")
    assert (NOW + DAY, NOW + DAY + GRACE) == (stale.since, stale.until)
    with pytest.raises(RevocationUnknown):
        asked(**said, at=NOW + DAY + GRACE + timedelta(seconds=1))
    with pytest.raises(RevocationUnknown):
        asked(**said, at=NOW + DAY + timedelta(seconds=1), grace=timedelta(0))


def test_statement_from_the_future():
    """A statement that begins later than any clock is off counts for nothing yet."""
    found = pki()

    with pytest.raises(RevocationUnknown):
        asked(crls=[found.authority.crl(at=NOW + 2 * HOUR)])
    assert "chain+crl" == asked(crls=[found.authority.crl(at=LATER + timedelta(minutes=4))]).how


def test_verdict_is_kept_until_the_statement_ends():
    """A kept verdict is never older than the list that it rests on."""
    found = pki()
    trust = Trust(
        roots=[found.root.der],
        intermediates=[found.authority.der],
        pins=Pins(keys=frozenset({pin_of(found.leaf)})),
        crls=[found.root.crl(life=9 * DAY), found.authority.crl()],
    )
    first = trust(found.leaf.der, [], LATER)

    assert NOW + DAY == first.until
    assert first is trust(found.leaf.der, [], NOW + DAY)
    assert first is not trust(found.leaf.der, [], NOW + DAY + HOUR)
    trust.renew(crls=[found.root.crl(), found.authority.crl(found.leaf)])
    with pytest.raises(Revoked):
        trust(found.leaf.der, [], LATER)


def _part(**only):
    plain = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(plain | only))


def _uri(text):
    return [x509.UniformResourceIdentifier(text)]


@pytest.mark.parametrize(
    ("extension", "counts"),
    [
        ((_part(only_contains_user_certs=True), True), True),
        ((_part(only_contains_ca_certs=True), True), False),
        ((_part(full_name=_uri(LIST_AT.format("Issuing"))), True), True),
        ((_part(full_name=_uri(LIST_AT.format("another"))), True), False),
        ((_part(indirect_crl=True), True), False),
        ((_part(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), True), False),
        ((_part(only_contains_attribute_certs=True), True), False),
        ((x509.DeltaCRLIndicator(1), False), False),
        ((x509.CRLNumber(7), False), True),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00"), True), False),
    ],
)
def test_lists_of_a_part(extension, counts):
    """A list of a part counts for that part; one whose scope is not understood counts for nothing."""
    found = pki(points=True)
    said = {"crls": [found.authority.crl(extensions=[extension])]}

    if counts:
        assert "chain+crl" == asked(found, **said).how
    else:
        with pytest.raises(RevocationUnknown):
            asked(found, **said)


def test_list_of_users_says_nothing_of_authorities():
    """A root's list of users alone leaves the authority below it unknown."""
    found = pki()
    trust = Trust(
        roots=[found.root.der],
        pins=Pins(keys=frozenset({pin_of(found.leaf)})),
        crls=[found.root.crl(extensions=[(_part(only_contains_user_certs=True), True)]), found.authority.crl()],
    )

    with pytest.raises(RevocationUnknown):
        trust(found.leaf.der, [found.authority.der], LATER)


def test_lists_that_nobody_entitled_signed():
    """A list by another key, of another issuer, or of an authority that may not sign lists, counts for nothing."""
    found = pki()
    foreign = made("Issuing", **AUTHORITY)
    silent = found.root.authority("Silent", uses=("key_cert_sign",))
    below = silent.issue("below")

    for crl in (found.authority.crl(key=foreign.key), foreign.crl(issuer=name("Other"))):
        with pytest.raises(RevocationUnknown):
            asked(crls=[crl])
    trust = Trust(
        roots=[found.root.der],
        pins=Pins(keys=frozenset({pin_of(below)})),
        crls=[found.root.crl(), silent.crl()],
    )
    with pytest.raises(RevocationUnknown):
        trust(below.der, [silent.der], LATER)


def test_authority_that_says_no_use_may_sign_lists():
    """Key usage binds where it is given."""
    found = pki()
    plain = found.root.authority("Plain", uses=())
    below = plain.issue("below")
    trust = Trust(
        roots=[found.root.der],
        pins=Pins(keys=frozenset({pin_of(below)})),
        crls=[found.root.crl(), plain.crl()],
    )

    assert "chain+crl" == trust(below.der, [plain.der], LATER).how


def test_what_is_neither_is_refused():
    """A page where a list should be does not become evidence."""
    for wrong in ({"crls": [b"<html>"]}, {"ocsp_answers": [b"<html>"]}):
        with pytest.raises(ValueError, match="error parsing"):
            Evidence.read(**wrong)


def test_where_to_ask():
    """A certificate tells where its list and its answers are, and the question about it names it and its issuer."""
    found = pki(points=True)
    question = ocsp.load_der_ocsp_request(ocsp_request(found.leaf.der, found.authority.der))

    assert ([LIST_AT.format("Issuing")], [ANSWERS_AT]) == sources(found.leaf.der)
    assert ([], []) == sources(pki().leaf.der)
    assert found.leaf.certificate.serial_number == question.serial_number


def test_life_of_statements():
    """A statement's life is read before it is kept; an answer that is an error, or has no end, has none."""
    found = pki()

    assert (NOW, NOW + DAY) == life_of_list(found.authority.crl())
    assert (NOW, NOW + DAY) == life_of_answer(found.authority.answer(found.leaf))
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(_der())
    for answer in (refused, found.authority.answer(found.leaf, life=None)):
        with pytest.raises(ValueError, match=r"try_later|until when"):
            life_of_answer(answer)


def _der():
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER
