"""Signed XML documents, good and bad, made when needed: by `signing.xades` and the tests' own infrastructure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from contracts.signing_pki.authorities import Holder
from signing.verdicts import Report
from signing.verification_times import Evidence
from signing.xades import embed, prepare
from signing.xades_form import DS, EXCLUSIVE, INCLUSIVE, canonical, path, signatures, whole, without
from signing.xades_verification import verify_xml
from tests.signed_documents import LATER, SIGNED_AT, evidence, joined, stamped_at, trust
from tests.signing_kit import NOW, signer

RESULT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<kq:KetQua xmlns:kq="urn:h99:ket-qua" xmlns:khac="urn:khac" xmlns="urn:h99:chung" Ma="12">'
    '<kq:So kq:Nam="2026">12/GPXD &amp; &lt;phụ lục&gt;</kq:So>\n'
    '<Ten xmlns="">Nguyễn Thị Ví Dụ</Ten><!-- lời ghi --> đuôi\n</kq:KetQua>\n'
).encode()
"""A result as a province's system writes one: prefixes that nothing uses, a default namespace, a comment."""
AWKWARD = (
    '<!-- trước --><kq:KetQua xmlns:kq="urn:h99:ket-qua" xml:lang="vi" xml:space="preserve" Ma="a&#10;&#9;b">'
    "<So><![CDATA[12 < 13 & 3]]></So>\r\n<Dong>hai&#13;ba</Dong></kq:KetQua><!-- sau -->"
).encode()
"""What canonical forms are about: inherited xml: attributes, line ends, characters that hide in attributes, CDATA."""

Change = Callable[[etree._Element], object]


def signed(
    document: bytes = RESULT,
    holder: Holder | None = None,
    *,
    at: datetime = SIGNED_AT,
    stamped: datetime | None = NOW,
    field: str = "Ky1",
    by: Holder | None = None,
) -> bytes:
    """B-T, or B-B without a time of stamping."""
    holder = holder or signer("official")
    made = prepare(
        document,
        certificate=holder.der,
        chain=holder.chain_der,
        at=at,
        field=field,
        reason="Ban hành <giấy phép>",
        location="Xã Thử Nghiệm",
    )
    told = None if stamped is None else stamped_at(stamped, by)
    return embed(made.document, made.plan, holder.sign_digest(made.digest), stamp=told)


def looked(document: bytes, *said: Evidence, now: datetime = LATER) -> Report:
    """What we say of it."""
    told = joined(said) if said else evidence(signer("official"), signer("agency"))
    return verify_xml(document, trust(), now, told)


def changed(document: bytes, change: Change, which: int = 0) -> bytes:
    """The document after somebody did something to this signature's element; nothing is signed anew."""
    root = etree.fromstring(document)
    change(signatures(root)[which])
    return etree.tostring(root)


def signed_anew(document: bytes, change: Change, holder: Holder | None = None) -> bytes:
    """After its signer did it, and signed what came of it: digests and value hold wherever they can."""
    root = etree.fromstring(document)
    (signature,) = signatures(root)
    change(signature)
    for reference in signature.iterfind(path("ds:SignedInfo", "ds:Reference")):
        _digest_anew(reference, signature, root)
    info = signature.find(path("ds:SignedInfo"))
    method = signature.find(path("ds:SignedInfo", "ds:CanonicalizationMethod")).get("Algorithm")
    value = (holder or signer("official")).sign(canonical(info, method if method == EXCLUSIVE else INCLUSIVE))
    signature.find(path("ds:SignatureValue")).text = base64.b64encode(value).decode()
    return etree.tostring(root)


def _digest_anew(reference: etree._Element, signature: etree._Element, root: etree._Element) -> None:
    uri = reference.get("URI", "")
    is_exclusive = EXCLUSIVE in [each.get("Algorithm") for each in reference.iter(f"{{{DS}}}Transform")]
    method = EXCLUSIVE if is_exclusive else INCLUSIVE
    found = root.xpath("//*[@Id = $name]", name=uri.removeprefix("#")) if uri.startswith("#") else []
    if found and found[0] is not root:
        over = canonical(found[0], method)
    else:
        over = canonical(without(signature), method) if is_exclusive else whole(without(signature))
    name = reference.find(path("ds:DigestMethod")).get("Algorithm", "").rpartition("#")[2]
    digest = hashlib.new(name if name in hashlib.algorithms_available else "sha256", over).digest()
    reference.find(path("ds:DigestValue")).text = base64.b64encode(digest).decode()


def xmlsec_says(document: bytes, holder: Holder, which: int = 0) -> bool:
    """libxmlsec1's opinion of one signature under this holder's key."""
    root = etree.fromstring(document)
    context = xmlsec.SignatureContext()
    pem = holder.certificate.public_bytes(Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem, None)
    for each in root.iter(etree.Element):
        if each.get("Id"):
            context.register_id(each, "Id", None)
    try:
        context.verify(signatures(root)[which])
    except xmlsec.Error:
        return False
    return True
