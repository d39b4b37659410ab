"""XML signatures, good and bad, all judged right: what was moved, replaced or weakened is never taken for signed."""

from __future__ import annotations

import base64
import copy
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod
from signxml.xades import XAdESSigner

from signing import verification_times
from signing.errors import DocumentRefused
from signing.verdicts import Code, Verdict
from signing.verification_chain import DocumentTrust
from signing.verification_times import NOTHING_FETCHED
from signing.xades_form import (
    COUNTERSIGNED_TYPE,
    DS,
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    INCLUSIVE_11,
    XADES,
    canonical,
    path,
    signatures,
    whole,
    without,
)
from signing.xades_verification import verify_xml
from tests.signed_documents import LATER, SIGNED_AT, evidence, stamped_at, trust
from tests.signed_xml import AWKWARD, RESULT, changed, looked, signed, signed_anew, xmlsec_says
from tests.signing_kit import DAY, HOUR, NOW, authority_of, crl_of, fresh_pki, ocsp_of, pki, signer

OTHER = (
    b'<kq:KetQua xmlns:kq="urn:h99:ket-qua" Id="goc"><So Id="so-1">12</So><Than><So Id="so-2">1</So></Than></kq:KetQua>'
)
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def at(element, *names):
    """The element down this way; what a test names is there."""
    found = element.find(path(*names))
    assert found is not None
    return found


def reasons(document, *said, **how):
    """Codes of its first signature, and of the document."""
    report = looked(document, *said, **how)
    of_first = report.signatures[0].reasons if report.signatures else ()
    return report.verdict, {each.code for each in (*of_first, *report.findings)}


def test_what_a_good_one_says():
    """Who signed, when, by whose stamp, at which level, over all of it, and under whose roots."""
    (told,) = looked(signed()).signatures

    assert (Verdict.PASSED, (), "B-T", "Ky1") == (told.verdict, told.reasons, told.level, told.field)
    assert (SIGNED_AT, NOW, True, "") == (told.signing_time, told.stamped_at, told.covers_whole, told.changed_after)
    assert "CN=Trần Văn Mẫu" in told.subject
    assert "official" in told.roles
    assert f"{signer('official').certificate.serial_number:x}" == told.serial


def test_the_seal_over_the_name():
    """Two in sequence: the second is over the first, which still stands; and neither is anything without the other."""
    report = looked(signed(signed(), signer("agency"), field="Ky2"))

    assert [(Verdict.PASSED, "B-T", "signatures"), (Verdict.PASSED, "B-T", "")] == [
        (each.verdict, each.level, each.changed_after) for each in report.signatures
    ]
    assert {Code.SIGNED_AFTER} == report.codes


@pytest.mark.parametrize("document", [RESULT, AWKWARD, OTHER])
def test_what_a_stranger_signs(document):
    """What signxml signs, with other hashes and another order of things, is verified here too."""
    holder = signer("official")
    made = XAdESSigner(signature_algorithm=SignatureMethod.RSA_SHA512, digest_algorithm=DigestAlgorithm.SHA384)
    key = holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [holder.certificate, *holder.chain]
    root = etree.fromstring(document.replace(b' xml:lang="vi" xml:space="preserve"', b""))
    theirs = etree.tostring(made.sign(root, key=key, cert=chain))

    report = looked(theirs)

    assert (Verdict.PASSED, "B-B") == (report.verdict, report.signatures[0].level)
    assert {Code.NO_TIME_STAMP, Code.CLAIMED_TIME_ODD} >= report.codes


@pytest.mark.parametrize(
    ("text", "cut", "verdict"),
    [
        (b"<a><b>1000</b></a>", b"<b>100<!-- -->0</b>", Verdict.INDETERMINATE),
        (b"<a><b>1000</b></a>", b"<b><!-- -->1000</b>", Verdict.INDETERMINATE),
        (b"<a><b>1000</b> dong <c/></a>", b"<b>1000</b> do<!-- --><!-- -->ng <c/>", Verdict.INDETERMINATE),
        (b"<a><b>1000</b></a>", b"<!-- --><b>1000</b><!-- -->", Verdict.PASSED),
        (b"<a>\n <b>1000</b>\n </a>", b"<!-- --><b>1000</b><!-- -->", Verdict.PASSED),
    ],
)
def test_a_comment_that_cuts_a_text(text, cut, verdict):
    """Nobody signs comments: one that comes later is no change, but within a text many readers stop before it."""
    inside = text.removeprefix(b"<a>").removesuffix(b"</a>")
    report = looked(signed(text).replace(inside.strip(), cut.strip(), 1))

    assert verdict is report.verdict
    assert (verdict is Verdict.INDETERMINATE) is (Code.AMBIGUOUS_STRUCTURE in report.codes)


def put(element, text):
    element.text = text


def replaced(old, new):
    """A change of a signature's bytes."""
    return lambda document: document.replace(old, new, 1)


def with_stranger(signature):
    etree.SubElement(at(signature, "ds:Object"), "{urn:h99:ket-qua}So").text = "13"


def moved(signature):
    """The signed content into a corner, another in its place: what a reader of paths would take for signed."""
    root = signature.getparent()
    aside = copy.deepcopy(root)
    for each in list(root):
        if each is not signature:
            root.remove(each)
    etree.SubElement(root, "So", Id="so-1").text = "13"
    etree.SubElement(at(signature, "ds:Object"), f"{{{XADES}}}Any").append(aside)


ATTACKS = {
    "altered text": (replaced(b"12/GPXD", b"13/GPXD"), Code.DIGEST_DIFFERS),
    "altered attribute": (replaced(b'Ma="12"', b'Ma="13"'), Code.DIGEST_DIFFERS),
    "another namespace": (replaced(b'xmlns:khac="urn:khac"', b'xmlns:khac="urn:khac2"'), Code.DIGEST_DIFFERS),
    "altered time": (replaced(b"04:59:00Z", b"04:58:00Z"), Code.DIGEST_DIFFERS),
    "altered property": (replaced("giấy phép".encode(), b"quyet dinh"), Code.DIGEST_DIFFERS),
    "altered value": (lambda d: changed(d, lambda s: put(at(s, "ds:SignatureValue"), "AAAA")), Code.SIGNATURE_BROKEN),
    "value of no Base64": (lambda d: changed(d, lambda s: put(at(s, "ds:SignatureValue"), "é")), Code.SIGNATURE_BROKEN),
    "text added behind": (lambda d: changed(d, lambda s: setattr(s, "tail", "13")), Code.DIGEST_DIFFERS),
    "a relative namespace": (replaced(b'"urn:khac"', b'"khac"'), Code.SIGNATURE_BROKEN),
    "element added": (lambda d: changed(d, lambda s: s.addprevious(etree.Element("So"))), Code.DIGEST_DIFFERS),
    "element inside of the signature": (lambda d: changed(d, with_stranger), Code.PARTIAL_COVERAGE),
    "content moved inside": (lambda d: changed(d, moved), Code.PARTIAL_COVERAGE),
    "signature of another document": (
        lambda d: (lambda root: (root.append(signatures(etree.fromstring(d))[0]), etree.tostring(root))[1])(
            etree.fromstring(OTHER)
        ),
        Code.DIGEST_DIFFERS,
    ),
    "properties twice": (
        lambda d: changed(d, lambda s: s.append(copy.deepcopy(at(s, "ds:Object")))),
        Code.FORMAT_UNKNOWN,
    ),
    "properties of another signature": (
        lambda d: changed(d, lambda s: at(s, "ds:Object", "xades:QualifyingProperties").set("Target", "#Ky2")),
        Code.FORMAT_UNKNOWN,
    ),
    "the Id of its properties twice": (
        lambda d: changed(d, lambda s: s.getparent()[0].set("Id", "Ky1-properties")),
        Code.SIGNATURE_BROKEN,
    ),
    "no certificate": (lambda d: changed(d, lambda s: s.remove(at(s, "ds:KeyInfo"))), Code.CERTIFICATE_MISSING),
    "a certificate that cannot be read": (
        lambda d: signed_anew(
            d,
            lambda s: (
                put(at(s, "ds:KeyInfo", "ds:X509Data", "ds:X509Certificate"), "MAA="),
                s.find(f".//{{{XADES}}}SigningCertificateV2").clear(),
            ),
        ),
        Code.SIGNATURE_BROKEN,
    ),
    "another certificate": (
        lambda d: changed(
            d,
            lambda s: [
                put(each, base64.b64encode(signer("agency").der)) for each in s.iter(f"{{{DS}}}X509Certificate")
            ],
        ),
        Code.CERTIFICATE_MISMATCH,
    ),
    "two values": (
        lambda d: changed(d, lambda s: s.append(copy.deepcopy(at(s, "ds:SignatureValue")))),
        Code.FORMAT_UNKNOWN,
    ),
    "SignedInfo of another form": (
        replaced(
            f'CanonicalizationMethod Algorithm="{INCLUSIVE}"'.encode(),
            f'CanonicalizationMethod Algorithm="{INCLUSIVE}#WithComments"'.encode(),
        ),
        Code.FORMAT_UNKNOWN,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(name):
    """Whatever is done to a signed document afterwards, it failed, and for that reason; libxmlsec1 takes no more."""
    change, code = ATTACKS[name]
    bad = change(signed())

    verdict, codes = reasons(bad)

    assert (Verdict.FAILED, True) == (verdict, code in codes)
    if code in (Code.DIGEST_DIFFERS, Code.SIGNATURE_BROKEN) and "Id" not in name and "read" not in name:
        assert not xmlsec_says(bad, signer("official"))


GOOD = signed()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(GOOD) - 1),
    st.sampled_from([b"", b"<", b">", b"&", b'"', b" ", b"\n", b"a", b"1", b"=", b"<!--x-->", b"<a/>", b"&#13;"]),
    st.booleans(),
)
def test_one_place_changed(place, put_there, is_instead):
    """Wherever one byte is changed or something put in: what passes says the same as was signed, to others too."""
    bad = GOOD[:place] + put_there + GOOD[place + is_instead :]
    try:
        report = looked(bad)
    except DocumentRefused:
        return

    if report.verdict is not Verdict.FAILED:
        (signature,) = signatures(etree.fromstring(bad))
        assert whole(etree.fromstring(RESULT)) == whole(without(signature))
        assert xmlsec_says(bad, signer("official"))


def reference(signature, which=0):
    return signature.findall(path("ds:SignedInfo", "ds:Reference"))[which]


def transforms(element, *algorithms):
    steps = at(element, "ds:Transforms")
    steps[:] = [etree.Element(f"{{{DS}}}Transform", Algorithm=each) for each in algorithms]


def over_part(signature):
    reference(signature).set("URI", "#so-1")
    transforms(reference(signature), INCLUSIVE)


def with_prefixes(signature):
    step = at(reference(signature, 1), "ds:Transforms", "ds:Transform")
    step.set("Algorithm", EXCLUSIVE)
    etree.SubElement(step, f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList="kq")


BY_THE_SIGNER = {
    "over a part": (over_part, Code.PARTIAL_COVERAGE),
    "over nothing": (
        lambda s: [at(s, "ds:SignedInfo").remove(each) for each in s.findall(path("ds:SignedInfo", "ds:Reference"))],
        Code.FORMAT_UNKNOWN,
    ),
    "properties not signed": (
        lambda s: at(s, "ds:SignedInfo").remove(reference(s, 1)),
        Code.PARTIAL_COVERAGE,
    ),
    "properties by another name": (lambda s: reference(s, 1).attrib.pop("Type"), Code.PARTIAL_COVERAGE),
    "over itself": (lambda s: transforms(reference(s), INCLUSIVE), Code.FORMAT_UNKNOWN),
    "two forms": (lambda s: transforms(reference(s), ENVELOPED, INCLUSIVE, EXCLUSIVE), Code.FORMAT_UNKNOWN),
    "by XSLT": (
        lambda s: transforms(reference(s), ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        Code.FORMAT_UNKNOWN,
    ),
    "with prefixes": (with_prefixes, Code.FORMAT_UNKNOWN),
    "over an address": (lambda s: reference(s).set("URI", "https://h99.example.invalid/a.xml"), Code.FORMAT_UNKNOWN),
    "over no address": (lambda s: reference(s).attrib.pop("URI"), Code.FORMAT_UNKNOWN),
    "over an Id that is not there": (lambda s: reference(s, 1).set("URI", "#nowhere"), Code.SIGNATURE_BROKEN),
    "SHA-1": (lambda s: at(reference(s), "ds:DigestMethod").set("Algorithm", f"{DS}sha1"), Code.WEAK_HASH),
    "an unknown hash": (
        lambda s: at(reference(s), "ds:DigestMethod").set("Algorithm", "urn:hash"),
        Code.FORMAT_UNKNOWN,
    ),
    "signed by SHA-1": (
        lambda s: at(s, "ds:SignedInfo", "ds:SignatureMethod").set("Algorithm", f"{DS}rsa-sha1"),
        Code.WEAK_HASH,
    ),
    "a MAC": (
        lambda s: at(s, "ds:SignedInfo", "ds:SignatureMethod").set("Algorithm", f"{MORE}hmac-sha256"),
        Code.FORMAT_UNKNOWN,
    ),
    "another kind of key": (
        lambda s: at(s, "ds:SignedInfo", "ds:SignatureMethod").set("Algorithm", f"{MORE}ecdsa-sha256"),
        Code.FORMAT_UNKNOWN,
    ),
    "named by SHA-1": (
        lambda s: s.find(f".//{{{XADES}}}CertDigest/{{{DS}}}DigestMethod").set("Algorithm", f"{DS}sha1"),
        Code.WEAK_HASH,
    ),
}


@pytest.mark.parametrize("name", BY_THE_SIGNER)
def test_by_the_signer(name):
    """What even its signer must not choose: to sign less than all, in a way that others read otherwise, or weakly."""
    change, code = BY_THE_SIGNER[name]
    document = signed(RESULT.replace(b"<kq:So ", b'<kq:So Id="so-1" '), stamped=None)

    verdict, codes = reasons(signed_anew(document, change))

    assert (Verdict.FAILED, True) == (verdict, code in codes)


GOOD_FORMS = {
    "exclusive": lambda s: [
        each.set("Algorithm", EXCLUSIVE) for each in s.iter() if each.get("Algorithm") == INCLUSIVE
    ],
    "1.1": lambda s: [each.set("Algorithm", INCLUSIVE_11) for each in s.iter() if each.get("Algorithm") == INCLUSIVE],
    "none told": lambda s: [transforms(reference(s), ENVELOPED), transforms(reference(s, 1))],
    "first in the document, text behind it": lambda s: (setattr(s, "tail", " sau "), s.getparent().insert(0, s)),
    "the root by its Id": lambda s: reference(s).set("URI", "#goc"),
}


@pytest.mark.parametrize("name", GOOD_FORMS)
def test_other_good_forms(name):
    """Other tools' ways to say the same are taken: both verifiers agree."""
    made = signed_anew(signed(OTHER, stamped=None), GOOD_FORMS[name])

    assert Verdict.PASSED == looked(made).verdict
    assert xmlsec_says(made, signer("official"))


@pytest.mark.parametrize("how", ["plain", "no digest", "no time", "odd time", "naive time"])
def test_less_than_xades(how):
    """A plain XML signature, or one that names no certificate, holds and is called basic; an odd time is no time."""
    time = {"no time": None, "odd time": "hôm qua", "naive time": "2026-07-03T05:00:00"}

    def less(signature):
        if how == "plain":
            at(signature, "ds:SignedInfo").remove(reference(signature, 1))
            signature.remove(at(signature, "ds:Object"))
        elif how == "no digest":
            named = signature.find(f".//{{{XADES}}}SigningCertificateV2")
            named.getparent().remove(named)
        else:
            told = signature.find(f".//{{{XADES}}}SigningTime")
            told.text = time[how]

    report = looked(signed_anew(signed(stamped=None), less))
    (told,) = report.signatures

    assert Verdict.PASSED == report.verdict
    assert ("basic" if how in ("plain", "no digest") else "B-B") == told.level
    assert (Code.BASIC_PROFILE in report.codes) == (told.level == "basic")
    assert (how == "no digest") == (told.signing_time is not None)


def test_c14n_11_of_an_inherited_attribute():
    """A part that inherits an xml: attribute has two canonical forms by two versions: such a signature is refused."""
    made = signed_anew(signed(AWKWARD, stamped=None), lambda s: transforms(reference(s), ENVELOPED, INCLUSIVE_11))

    assert Verdict.PASSED == looked(made).verdict
    assert (Verdict.FAILED, {Code.SIGNATURE_BROKEN}) == reasons(
        made.replace(f'ethod Algorithm="{INCLUSIVE}"'.encode(), f'ethod Algorithm="{INCLUSIVE_11}"'.encode(), 1)
    )


def test_curves():
    """ECDSA stands as two numbers of the curve's length; of another length it is no signature."""
    holder = pki().official(key=ec.generate_private_key(ec.SECP256R1()))
    good = signed(RESULT, holder)

    assert (Verdict.PASSED, set()) == reasons(good, evidence(holder))
    assert (Verdict.FAILED, {Code.SIGNATURE_BROKEN}) == reasons(
        changed(good, lambda s: put(at(s, "ds:SignatureValue"), base64.b64encode(b"1" * 63)))
    )


def test_pss():
    """RSASSA-PSS is verified where SignedInfo names it."""
    holder, method = signer("official"), "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"

    def pss(signature):
        at(signature, "ds:SignedInfo", "ds:SignatureMethod").set("Algorithm", method)

    root = etree.fromstring(signed_anew(signed(stamped=None), pss))
    info, value = (at(signatures(root)[0], f"ds:{name}") for name in ("SignedInfo", "SignatureValue"))
    made = holder.key.sign(canonical(info), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    value.text = base64.b64encode(made)

    assert Verdict.PASSED == looked(etree.tostring(root)).verdict


# -- certificates, time stamps, revocation -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("weak", {Code.WEAK_KEY, Code.UNTRUSTED}),
        ("sha1", {Code.WEAK_HASH, Code.UNTRUSTED}),
        ("stranger", {Code.UNTRUSTED}),
        ("expired", {Code.EXPIRED}),
        ("not_yet", {Code.NOT_YET_VALID}),
    ],
)
def test_bad_certificates(kind, codes):
    """A short key, a certificate of SHA-1, a foreign chain, the wrong days: failed, though the mathematics hold."""
    holder = signer(kind)
    verdict, found = reasons(signed(RESULT, holder), evidence(signer("official")))

    assert Verdict.FAILED == verdict
    assert codes & found


def test_revoked_before_and_after():
    """Taken back before the stamped time it failed; afterwards it stands; without a stamp nobody can say."""
    for hours, stamped, verdict, code in (
        (-2, NOW, Verdict.FAILED, Code.REVOKED),
        (0.5, NOW, Verdict.PASSED, Code.REVOKED_LATER),
        (0.5, None, Verdict.INDETERMINATE, Code.REVOKED_NO_PROOF),
    ):
        mine = fresh_pki()
        holder = mine.official()
        mine.duty.revoke(holder, NOW + hours * HOUR)
        said = evidence(holder, mine=mine)
        found, codes = reasons(signed(RESULT, holder, stamped=stamped), said)
        assert (verdict, True) == (found, code in codes)


def test_nobody_answers():
    """Without a word of its authority it is indeterminate, says whom to ask, and passes when they answered."""
    first = looked(signed(), NOTHING_FETCHED)

    assert (Verdict.INDETERMINATE, True) == (first.verdict, first.may_pass_later)
    assert signer("official").der in {leaf for leaf, _ in first.wanted}
    assert Verdict.PASSED == looked(signed()).verdict


def stamped_over(token):
    def change(signature):
        signature.find(f".//{{{XADES}}}EncapsulatedTimeStamp").text = base64.b64encode(token)

    return change


def test_stamps():
    """A stamp over something else is broken, a stranger's is no proof; one that holds beside it is enough."""
    over_else = stamped_at(NOW)(b"\0" * 32)
    foreign = pki().stamper("foreign")

    broken = Verdict.FAILED, {Code.STAMP_BROKEN, Code.NO_TIME_STAMP}

    assert broken == reasons(changed(signed(), stamped_over(over_else)))
    assert (Verdict.INDETERMINATE, {Code.STAMP_UNTRUSTED, Code.NO_TIME_STAMP}) == reasons(signed(by=foreign))
    assert broken == reasons(signed(stamped=LATER + DAY))

    def another(signature):
        good = signature.find(f".//{{{XADES}}}SignatureTimeStamp")
        good.addprevious(copy.deepcopy(good))
        stamped_over(over_else)(signature)

    assert (Verdict.PASSED, set()) == reasons(changed(signed(), another))


def test_a_stamp_without_its_form():
    """Where a stamp says no canonical form, the standard's own counts."""
    bare = changed(signed(), lambda s: (lambda told: told.remove(told[0]))(s.find(f".//{{{XADES}}}SignatureTimeStamp")))

    assert (Verdict.PASSED, set()) == reasons(bare)


def test_it_was_signed_later_than_it_could_be():
    """A claimed time after the proven one is noted; it is nobody's word but the signer's computer's."""
    assert Code.CLAIMED_TIME_ODD in looked(signed(at=NOW + timedelta(hours=8))).codes


def test_evidence_inside():
    """Lists, answers and certificates that came in the document count, and make it last; what is none is left out."""

    def lasting(signature):
        unsigned = signature.find(f".//{{{XADES}}}UnsignedSignatureProperties")
        holders = [signer("official"), pki().stamper()]
        for around, inner, values in (
            ("CertificateValues", "EncapsulatedX509Certificate", [der for each in holders for der in each.chain_der]),
            ("CRLValues", "EncapsulatedCRLValue", [crl_of(each, LATER) for each in holders]),
            ("OCSPValues", "EncapsulatedOCSPValue", [ocsp_of(each, LATER) for each in holders]),
        ):
            held = etree.SubElement(unsigned, f"{{{XADES}}}{around}")
            for value in values:
                etree.SubElement(held, f"{{{XADES}}}{inner}").text = base64.b64encode(value)
            etree.SubElement(held, f"{{{XADES}}}{inner}").text = "không phải Base64"

    report = looked(changed(signed(), lasting), NOTHING_FETCHED)

    assert (Verdict.PASSED, "B-LT") == (report.verdict, report.signatures[0].level)
    assert authority_of(signer("official")) is pki().duty


# -- several, and none -------------------------------------------------------------------------------------------------


def test_one_of_two_is_broken():
    """The document is no better than the worst of its signatures; a seal over a broken one covers nothing."""
    both = signed(signed(), signer("agency"), field="Ky2")
    first = changed(both, lambda s: put(at(s, "ds:SignatureValue"), "AAAA"), 0)
    second = changed(both, lambda s: put(at(s, "ds:SignatureValue"), "AAAA"), 1)

    assert [Verdict.FAILED, Verdict.FAILED] == [each.verdict for each in looked(first).signatures]
    assert [Verdict.PASSED, Verdict.FAILED] == [each.verdict for each in looked(second).signatures]
    assert Verdict.FAILED == looked(second).verdict


def test_a_seal_of_another_name():
    """What countersigns must be over the value that is around it, and not over another signature's."""
    both = signed(signed(), signer("agency"), field="Ky2")

    def astray(signature):
        signature.getroottree().getroot().append(signature)

    assert {Code.PARTIAL_COVERAGE} <= looked(changed(both, astray, 1)).codes
    assert COUNTERSIGNED_TYPE.encode() in both


def test_an_enveloping_signature():
    """A signature around what it signs is a form that is not read here."""
    assert (Verdict.FAILED, {Code.FORMAT_UNKNOWN}) == reasons(etree.tostring(signatures(etree.fromstring(signed()))[0]))


def test_no_signature():
    """A document that nobody signed failed for just that."""
    assert (Verdict.FAILED, {Code.NO_SIGNATURE}) == reasons(RESULT)


def test_what_is_no_document():
    """What cannot be read is refused before anything in it is judged: a DTD, too much, nothing."""
    for document, code in ((b"<!DOCTYPE a><a/>", "document_not_xml"), (b"", "document_empty")):
        with pytest.raises(DocumentRefused) as refused:
            verify_xml(document, trust().chains(), LATER)
        assert code == refused.value.code


def test_unforeseen_trouble_is_a_failure(monkeypatch):
    """Whatever a certificate makes a library raise, the signature failed, and the others are still judged."""

    def stumbles(*_, **__):
        raise x509.ExtensionNotFound("x", x509.ObjectIdentifier("1.2.3"))

    monkeypatch.setattr(verification_times.Chains, "signer", stumbles)
    told = verify_xml(signed(), DocumentTrust(roots={}), LATER).signatures[0]

    assert (Verdict.FAILED, "ExtensionNotFound") == (told.verdict, told.reasons[0].about)
