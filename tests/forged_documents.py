"""What enemies and old programs make of signed documents: each by hand, at the level of bytes, with real signatures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData, SignatureObject

from contracts.signing_pki.authorities import Holder
from signing.documents import prepare
from tests.signed_documents import SIGNED_AT, Update
from tests.signing_kit import signer, small_pdf

HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "md5": hashes.MD5(), "sha512": hashes.SHA512()}
Attributes = list[tuple[str, Any]]


def cms_of(
    holder: Holder,
    digest: bytes,
    *,
    hash_name: str = "sha256",
    attributes: Callable[[Attributes], Attributes] = lambda given: given,
    algorithm: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    stamp: Callable[[bytes], bytes] | None = None,
    content_type: str = "data",
    content: bytes | None = None,
    names: Holder | None = None,
    carried: list[Holder] | None = None,
) -> bytes:
    """A CMS over this digest, in every way that one can be wrong."""
    own = asn1_x509.Certificate.load(holder.der)
    named = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256((names or holder).der).digest()}]})
    given: Attributes = [
        ("content_type", content_type),
        ("message_digest", digest),
        ("signing_certificate_v2", named),
    ]
    told = cms.CMSAttributes([cms.CMSAttribute({"type": kind, "values": [it]}) for kind, it in attributes(given)])
    chosen, value = signature(holder, told.dump(), hash_name)
    info: dict[str, Any] = {
        "version": "v1",
        "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
        "digest_algorithm": {"algorithm": hash_name},
        "signed_attrs": told,
        "signature_algorithm": algorithm or chosen,
        "signature": value,
    }
    if stamp is not None:
        token = cms.ContentInfo.load(stamp(hashlib.sha256(value).digest()))
        unsigned = cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [token]})
        info["unsigned_attrs"] = cms.CMSAttributes([unsigned])
    inside: dict[str, Any] = {"content_type": content_type}
    if content is not None:
        inside["content"] = core.ParsableOctetString(content)
    holders = [holder] if carried is None else carried
    data = {
        "version": "v1" if content is None else "v3",
        "digest_algorithms": [{"algorithm": hash_name}],
        "encap_content_info": inside,
        "certificates": [asn1_x509.Certificate.load(der) for one in holders for der in (one.der, *one.chain_der)],
        "signer_infos": [cms.SignerInfo(info | (more or {}))],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump())


def signature(holder: Holder, signed: bytes, hash_name: str) -> tuple[algos.SignedDigestAlgorithm, bytes]:
    """Algorithm and value over these bytes."""
    if isinstance(holder.key, rsa.RSAPrivateKey):
        value = holder.key.sign(signed, padding.PKCS1v15(), HASHES[hash_name])
        return algos.SignedDigestAlgorithm({"algorithm": f"{hash_name}_rsa"}), value
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    value = holder.key.sign(signed, ec.ECDSA(HASHES[hash_name]))
    return algos.SignedDigestAlgorithm({"algorithm": f"{hash_name}_ecdsa"}), value


# -- places for a signature --------------------------------------------------------------------------------------------


def prepared(pdf: bytes | None = None, *, holder: Holder | None = None, field: str = "Ky1") -> bytes:
    """A document with an empty place."""
    holder = holder or signer("official")
    return prepare(pdf or small_pdf(), certificate=holder.der, at=SIGNED_AT, field=field).document


def filled(document: bytes, made: Callable[[bytes], bytes], *, hash_name: str = "sha256", cut: int = 0) -> bytes:
    """Signed in its last place by whatever `made` makes of the digest; `cut`: bytes at the end that it leaves out."""
    begin, end = place(document)
    if cut:
        document = _without_end(document, cut)
    signed = document[:begin] + document[end : len(document) - cut]
    content = made(hashlib.new(hash_name, signed).digest()).hex().encode()
    return document[: begin + 1] + content.ljust(end - begin - 2, b"0") + document[end - 1 :]


def place(document: bytes) -> tuple[int, int]:
    """Where the last empty value begins and ends, brackets included."""
    found = list(re.finditer(rb"/Contents\s*(<0{64,}>)", document))[-1]
    return found.span(1)


def _without_end(document: bytes, cut: int) -> bytes:
    """The byte range says less, in the same room."""
    found = list(re.finditer(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]( *)", document))[-1]
    told = b"/ByteRange [0 %s %s %d]" % (found[1], found[2], int(found[3]) - cut)
    return document[: found.start()] + told.ljust(len(found[0])) + document[found.end() :]


def certified(holder: Holder, allowed: MDPPerm, *, pdf: bytes | None = None) -> bytes:
    """Signed by a certification that allows so much and no more."""
    from io import BytesIO

    writer = IncrementalPdfFileWriter(BytesIO(pdf or small_pdf()))
    steps = PdfCMSEmbedder(new_field_spec=SigFieldSpec("ChungThuc")).write_cms(field_name="ChungThuc", writer=writer)
    next(steps)
    placeholder: PdfSignedData = SignatureObject(
        timestamp=SIGNED_AT, subfilter=SigSeedSubFilter.PADES, bytes_reserved=32_768
    )
    mdp = SigMDPSetup(md_algorithm="sha256", certify=True, docmdp_perms=allowed)
    steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=mdp))
    _, output = steps.send(SigIOSetup(md_algorithm="sha256", in_place=True))
    return filled(output.getvalue(), lambda digest: cms_of(holder, digest))


# -- attacks -----------------------------------------------------------------------------------------------------------


def altered(pdf: bytes) -> bytes:
    """One letter of the text is another one."""
    place_ = pdf.index(b"Giay phep")
    return pdf[:place_] + b"H" + pdf[place_ + 1 :]


def rewritten(pdf: bytes, text: bytes = b"Giay phep pha do") -> bytes:
    """An appended revision in which the page says something else."""
    content = b"BT /F1 18 Tf 72 760 Td (%s) Tj ET" % text
    return Update(pdf).with_objects({5: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)})


def shadow_before() -> bytes:
    """A page whose text lies under an image-like form, and a second text that nothing refers to: laid for later."""
    under = b"BT /F1 18 Tf 72 760 Td (Phat 900 trieu dong) Tj ET\n/Che Do"
    cover = b"1 1 1 rg 60 750 400 40 re f 0 g BT /F1 18 Tf 72 760 Td (Khong phat) Tj ET"
    other = b"BT /F1 18 Tf 72 760 Td (Chuyen nhuong dat) Tj ET"
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Length %d >>"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources "
        b"<< /Font << /F1 3 0 R >> /XObject << /Che 6 0 R >> >> >>"
    )
    return Update(small_pdf()).with_objects(
        {
            4: page,
            5: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(under), under),
            6: form % len(cover) + b"\nstream\n" + cover + b"\nendstream",
            7: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(other), other),
        }
    )


def shadow_hide(pdf: bytes) -> bytes:
    """What covered the text is made empty: what was hidden shows."""
    empty = b"<< /Type /XObject /Subtype /Form /BBox [0 0 0 0] /Length 0 >>\nstream\n\nendstream"
    return Update(pdf).with_objects({6: empty})


def shadow_replace(pdf: bytes) -> bytes:
    """The font is another one: the same codes, other letters."""
    told = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Differences [57 /zero] >> >>"
    return Update(pdf).with_objects({3: told})


def shadow_hide_and_replace(pdf: bytes) -> bytes:
    """No new object at all: the page's text is, from now on, the one that lay in the file unused."""
    return Update(pdf).pointing({5: pdf.rindex(b"\n7 0 obj") + 1})


def with_text_field(pdf: bytes | None = None) -> bytes:
    """A form with one text field, before anybody signs."""
    pdf = pdf or small_pdf()
    return Update(pdf).with_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DA (/Helv 0 Tf 0 g) >> >>",
            4: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [6 0 R] /Resources "
            b"<< /Font << /F1 3 0 R >> >> >>",
            6: _field(b""),
        }
    )


def field_filled(pdf: bytes, text: bytes) -> bytes:
    """The same field, filled in."""
    return Update(pdf).with_objects({6: _field(text)})


def _field(text: bytes) -> bytes:
    return b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (So) /Rect [72 700 200 720] /P 4 0 R /F 4 /V (%s) >>" % text


def with_junk(pdf: bytes) -> bytes:
    """Junk behind the end, which a viewer that repairs files would read."""
    return pdf + b"5 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n"


_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 595 842 ] /Contents 5 0 R /Annots [ %s ] /Resources "
    b"<< /Font << /F1 3 0 R >> >> >>"
)


def picture() -> bytes:
    """White, and other words on it."""
    content = b"1 1 1 rg 0 0 400 60 re f 0 g BT /F1 18 Tf 2 12 Td (Giay phep gia) Tj ET"
    told = b"<< /Type /XObject /Subtype /Form /BBox [0 0 400 60] /Resources << /Font << /F1 3 0 R >> >> /Length %d >>"
    return told % len(content) + b"\nstream\n" + content + b"\nendstream"


def covered(pdf: bytes, *, as_kid: bool = False, box: bytes = b"72 750 472 810") -> bytes:
    """A signature field that nobody signed, with a picture over the page's text. Of what `signed()` makes."""
    widget = b"/Type /Annot /Subtype /Widget /Rect [%s] /P 4 0 R /F 132 /AP << /N 32 0 R >>" % box
    if as_kid:
        fields = {30: b"<< /FT /Sig /T (Ky9) /Kids [ 31 0 R ] >>", 31: b"<< %s /Parent 30 0 R >>" % widget}
    else:
        fields = {30: b"<< /FT /Sig /T (Ky9) %s >>" % widget}
    seen = b"8 0 R 31 0 R" if as_kid else b"8 0 R 30 0 R"
    form = b"<< /Fields [ 8 0 R 30 0 R ] /SigFlags 3 >>"
    return Update(pdf).with_objects({4: _PAGE % seen, 7: form, 32: picture(), **fields})


def drawn_anew(pdf: bytes, member: bytes = b"/DR << /Font << /Helv 3 0 R >> >>") -> bytes:
    """A form's fields are to be drawn in another font. Of what `signed(with_text_field())` makes."""
    form = b"/Fields [ 6 0 R 8 0 R ] /DA (\\057Helv 0 Tf 0 g) /SigFlags 3 %s" % member
    return Update(pdf).with_objects({1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << %s >> >>" % form})


def forgotten(pdf: bytes) -> bytes:
    """All objects once more, one of them another, under a table that knows no earlier one; the signature stays."""
    found = {int(each[1]): each[2] for each in re.finditer(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}
    found[5] = picture().replace(b"/Subtype /Form ", b"")
    signature = max(number for number, content in found.items() if b"/ByteRange" in content)
    places = {signature: pdf.rindex(b"\n%d 0 obj" % signature) + 1}
    made = bytearray(pdf)
    for number, content in found.items():
        if number != signature:
            places[number] = len(made)
            made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(made)
    made += b"xref\n0 1\n0000000000 65535 f \n"
    for number, place_ in sorted(places.items()):
        made += b"%d 1\n%010d 00000 n \n" % (number, place_)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (max(places) + 1, table)
    return bytes(made)
