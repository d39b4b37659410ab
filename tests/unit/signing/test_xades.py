"""XML results are signed in two phases, and other people's verifiers say that they are."""

from __future__ import annotations

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from signxml.xades import XAdESVerifier

from signing.errors import DocumentRefused, PlanWrong, WeakKey
from signing.xades import embed, prepare, with_stamp
from signing.xades_form import DS, XADES, path, signatures, whole, without
from tests.signed_documents import SIGNED_AT, stamped_at
from tests.signed_xml import AWKWARD, RESULT, changed, looked, signed, xmlsec_says
from tests.signing_kit import NOW, pki, signer

PLAIN = b'<KetQua xmlns:khac="urn:khac"><So Id="so-1">12</So></KetQua>'
DETACHED = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'


def prepared(document=RESULT, holder=None, **wanted):
    """A document that waits for its signature."""
    holder = holder or signer("official")
    told = {"certificate": holder.der, "chain": holder.chain_der, "at": SIGNED_AT, "field": "Ky1"}
    return prepare(document, **(told | wanted))


@pytest.mark.parametrize("document", [RESULT, AWKWARD, PLAIN], ids=["result", "awkward", "plain"])
@pytest.mark.parametrize("curve", [None, ec.SECP256R1(), ec.SECP384R1()], ids=["rsa", "p256", "p384"])
def test_libxmlsec1_verifies(document, curve):
    """What is signed here verifies there: any document, any key, the seal over the name, with stamps and without."""
    seal = signer("agency")
    holder = signer("official") if curve is None else pki().official(key=ec.generate_private_key(curve))
    first = signed(document, holder, stamped=None)
    both = signed(signed(document, holder), seal, field="Ky2")

    assert [True] * 3 == [xmlsec_says(first, holder), xmlsec_says(both, holder), xmlsec_says(both, seal, 1)]
    assert not xmlsec_says(both.replace(b"12", b"13", 1), holder)


def test_signxml_verifies():
    """So it does by signxml, which sees the whole document and the properties signed.

    It knows of no xml: attribute that a part inherits, so that of documents with one only libxmlsec1 is asked.
    """
    found = XAdESVerifier().verify(signed(), x509_cert=signer("official").certificate, expect_references=2)

    assert ["KetQua", "SignedProperties"] == [etree.QName(each.signed_xml).localname for each in found]


@pytest.mark.parametrize("document", [RESULT, AWKWARD])
def test_nothing_but_the_signature_is_added(document):
    """Without its signature the document is what it was, letter for letter in canonical form."""
    root = etree.fromstring(signed(document))

    assert whole(etree.fromstring(document)) == whole(without(signatures(root)[0]))


def test_the_digest_is_the_plans_and_the_documents():
    """The same document, certificate and time make the same digest; what waits has no value yet."""
    first, again = prepared(), prepared()

    assert (first.document, first.plan, first.digest) == (again.document, again.plan, again.digest)
    assert 32 == len(first.digest)
    assert b'<ds:SignatureValue Id="Ky1-value"/>' in first.document
    assert prepared(at=NOW).digest != first.digest


def test_what_the_signature_says():
    """Its time in UTC, the certificate's digest, the place and the reason, escaped; and the chain beside it."""
    root = etree.fromstring(signed())
    told = {etree.QName(each).localname: each.text for each in root.iter(f"{{{XADES}}}*")}

    assert "2026-07-03T04:59:00Z" == told["SigningTime"]
    assert ("Xã Thử Nghiệm", "Ban hành <giấy phép>") == (told["City"], told["Description"])
    assert 3 == len(list(root.iter(f"{{{DS}}}X509Certificate")))
    assert b"City" not in prepared().document


def test_a_stamp_comes_later():
    """B-B becomes B-T when the authority answers again: of the last signature, or of the one that is named."""
    both = signed(signed(stamped=None), signer("agency"), field="Ky2", stamped=None)
    last = with_stamp(both, stamped_at(NOW))
    all_of_them = with_stamp(last, stamped_at(NOW), field="Ky1")

    assert ["B-B", "B-T"] == [each.level for each in looked(last).signatures]
    assert ["B-T", "B-T"] == [each.level for each in looked(all_of_them).signatures]
    assert xmlsec_says(all_of_them, signer("agency"), 1)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b" \n", "document_empty"),
        (b"%PDF-1.7", "document_not_xml"),
        (b"<a/>" + b" " * 100, "document_too_large"),
        (b"<!DOCTYPE a><a/>", "document_not_xml"),
        (b"<a>" * 65 + b"</a>" * 65, "document_too_large"),
        (b"<?xml-stylesheet href='x'?><a/>", "document_not_xml"),
        ("<a>é</a>".encode("utf-16"), "document_not_xml"),
        (b"<a>" + DETACHED * 11 + b"</a>", "document_too_many_objects"),
        (b"<a>" + DETACHED + b"</a>", "document_exists_signed"),
        (b"<a><b Id='Ky1-value'/></a>", "document_exists_signed"),
        (b"<a xml:id='Ky1'/>", "document_exists_signed"),
        (b"<a xmlns='relative'/>", "document_not_xml"),
        (b"<a>100<!-- -->0</a>", "document_has_comments"),
    ],
)
def test_bad_documents(document, code):
    """What cannot be signed is refused with its reason, whoever would have signed it."""
    with pytest.raises(DocumentRefused) as refused:
        prepared(document, most_bytes=1500 if code != "document_too_large" else len(document) - (b" " in document))

    assert code == refused.value.code


def test_a_signature_that_another_would_break():
    """Where the signature there is over a part, or its value's Id is another element's too, no second one is made."""
    inner = signed(PLAIN)[len(b"<?xml version='1.0' encoding='UTF-8'?>\n") :]
    part = b"<a>" + inner.replace(b'URI=""', b'URI="#so-1"') + b"</a>"
    twice = changed(signed(PLAIN), lambda each: each.getparent()[0].set("Id", "Ky1-value"))

    for document in (part, twice):
        with pytest.raises(DocumentRefused, match="signature"):
            prepared(document, field="Ky2")


def test_names_and_keys():
    """A signature's Id is a name of XML; a key that no verifier knows signs nothing."""
    with pytest.raises(ValueError, match="name of XML"):
        prepared(field="1 Ky")
    with pytest.raises(WeakKey):
        prepared(holder=pki().official(key=ed25519.Ed25519PrivateKey.generate()))


def test_p15_values_that_are_not_of_it():
    """Nothing is embedded that does not verify, in the kind that was signed, over this document, by its own plan."""
    made, holder = prepared(), signer("official")
    value = holder.sign_digest(made.digest)
    pss = holder.key.sign(made.digest, padding.PSS(padding.MGF1(SHA256()), 32), Prehashed(SHA256()))
    lost = changed(made.document, lambda each: each.set("Id", "Ky9"))
    for document, plan, told, code in (
        (made.document, made.plan, holder.sign_digest(hashlib.sha256(b"").digest()), "wrong_signature"),
        (made.document, made.plan, pss, "wrong_signature"),
        (made.document + b"\n", made.plan, value, "document_changed"),
        (made.document, b"{}", value, "plan_unreadable"),
        (made.document, b"[", value, "plan_unreadable"),
        (made.document, made.plan.replace(b'"form":1', b'"form":2'), value, "plan_unreadable"),
        (lost, of_document(made.plan, lost), value, "plan_unreadable"),
    ):
        with pytest.raises(PlanWrong) as refused:
            embed(document, plan, told)
        assert code == refused.value.code


def of_document(plan, document):
    """The plan, as if it were of another document."""
    told = json.loads(plan) | {"document": hashlib.sha256(document).hexdigest()}
    return json.dumps(told).encode()


def test_stamps_need_a_signature():
    """Without a signature, or with one that is no XAdES, there is nothing to stamp."""
    bare = changed(signed(), lambda each: each.remove(each.find(path("ds:Object"))))
    for document, code in ((RESULT, "document_not_signed_before"), (bare, "document_exists_signed")):
        with pytest.raises(DocumentRefused) as refused:
            with_stamp(document, stamped_at(NOW))
        assert code == refused.value.code
