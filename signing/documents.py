"""Signing a PDF in two phases (PAdES): the digest goes out, its signature comes back, minutes or a restart later.

`prepare` writes the new revision with an empty place for the signature and says what is to be signed: SHA-256 of the
signed attributes. Document and plan are bytes for a disk: `embed` needs nothing else, in whatever process. It checks
that they belong together and that the value verifies, and only then fills the place. `with_evidence` and
`with_archive_stamp` add revisions behind it (B-LT, B-LTA). Nothing that was there before is ever written anew: what
comes out begins with the bytes that went in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from pyhanko.pdf_utils.generic import DictionaryObject, NameObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp, PreparedByteRangeDigest, SignatureObject

from signing.appearance import Appearance, Box, draw, form_object, place
from signing.cms import signed_attributes, signed_data
from signing.comparisons import require_bearable
from signing.document_reading import Look as Look
from signing.document_reading import look as look
from signing.document_reading import looked, page_references, seen_field, sheet_of
from signing.errors import DocumentRefused, PlanWrong, StampRefused
from signing.page_shape import Sheet
from signing.pdf_reader import MOST_BYTES as MOST_BYTES
from signing.pdf_reader import Revision, reading, to_write
from signing.prepared import PreparedDocument as PreparedDocument
from signing.prepared import Stamp as Stamp
from signing.raw_values import verified

ROOM: Final = 16_384
"""Bytes kept for a time stamp with its own chain; a signature's own certificates and value come on top."""
LEAST_ROOM: Final = 4_096
MOST_ROOM: Final = 262_144
REVISIONS_OF_SIGNING: Final = 3
"""The signature, its evidence, the stamp over both: nobody is asked to sign what could not be verified then."""
MOST_CHAIN: Final = 8
MOST_CERTIFICATE: Final = 10_000
"""What a service names as the chain above a certificate is put into the document: no more of it than any chain has."""
FORM: Final = 1
"""Of the plan: one that was written by another release is refused, not guessed at."""


class Evidence(Protocol):
    """What vouches for a signature's certificates, as DER."""

    @property
    def crls(self) -> Sequence[bytes]: ...
    @property
    def ocsps(self) -> Sequence[bytes]: ...
    @property
    def certificates(self) -> Sequence[bytes]: ...


# -- the first phase ---------------------------------------------------------------------------------------------------


def prepare(
    pdf: bytes,
    *,
    certificate: bytes,
    chain: Sequence[bytes] = (),
    at: datetime,
    field: str,
    appearance: Appearance | None = None,
    name: str | None = None,
    reason: str | None = None,
    location: str | None = None,
    algorithm: Literal["rsa", "ecdsa"] | None = None,
    room: int | None = None,
    most_bytes: int = MOST_BYTES,
) -> PreparedDocument:
    """The document with a place for this certificate's signature. Raises DocumentRefused.

    `field` is the name of the signature in the document: an empty field of that name is filled, else one is made.
    `algorithm` is for callers that keep it; what the value is shows when it comes.
    """
    above = [each for each in chain if each != certificate and len(each) <= MOST_CERTIFICATE]
    certificates = (certificate, *above[:MOST_CHAIN])
    room = ROOM + LEAST_ROOM + sum(map(len, certificates)) if room is None else room
    if not LEAST_ROOM <= room <= MOST_ROOM:
        raise ValueError(f"room is {LEAST_ROOM} to {MOST_ROOM} bytes")
    reader = to_write(pdf, most_bytes=most_bytes)
    seen = looked(reader)
    require_bearable(
        reader, signatures=len(seen.signatures) + 1, revisions=reader.total_revisions + REVISIONS_OF_SIGNING
    )
    _refuse_field(field, appearance, seen)
    placeholder = SignatureObject(
        timestamp=at,
        name=name,
        reason=reason,
        location=location,
        subfilter=SigSeedSubFilter.PADES,
        bytes_reserved=2 * room,
    )
    document, hashed = _with_place(reader, field, placeholder, appearance, seen)
    attributes = signed_attributes(hashed.document_digest, certificate)
    plan = _Plan(
        document=hashlib.sha256(document).digest(),
        start=hashed.reserved_region_start,
        end=hashed.reserved_region_end,
        attributes=attributes,
        certificates=certificates,
    )
    return PreparedDocument(document=document, plan=plan.written(), digest=plan.digest)


def _refuse_field(field: str, appearance: Appearance | None, seen: Look) -> None:
    if not field or "." in field:
        raise ValueError("a signature field's name has letters and no dot")
    if field in {each.field for each in seen.signatures} | set(seen.text_fields):
        raise DocumentRefused("document_exists_signed", f"it has a signature or field named {field} already")
    # What a certified document allows is signing where its maker put a field; a new picture on its page is a change.
    if seen.certified is not None and appearance is not None and field not in seen.empty_fields:
        raise DocumentRefused("document_forbids_changes", "it is certified: nothing new may be shown on its pages")


def _with_place(
    reader: PdfFileReader, field: str, placeholder: Any, appearance: Appearance | None, seen: Look
) -> tuple[bytes, PreparedByteRangeDigest]:
    """A revision with the signature field and its empty value; the digest of all but that."""
    with reading():
        writer = Revision.from_reader(reader)
        spec = None
        if appearance is not None:
            page = _page_number(reader, appearance, seen)
            sheet = sheet_of(page_references(reader)[page].get_object())
            box = sheet.to_file(place(appearance, sheet.shown, _signed_box(seen, page, sheet)))
            spec = SigFieldSpec(sig_field_name=field, on_page=page, box=box)  # type: ignore[arg-type]  # points, in halves
        steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(field_name=field, writer=writer)
        reference = next(steps)
        if appearance is not None:
            _show(writer, reference.get_object(), appearance)
        steps.send(SigObjSetup(sig_placeholder=placeholder))
        hashed, output = steps.send(SigIOSetup(md_algorithm="sha256", in_place=True))
        return output.getvalue(), hashed


def _page_number(reader: PdfFileReader, appearance: Appearance, seen: Look) -> int:
    """From 0. An agency's seal without a place of its own goes where the last signature shows."""
    number = appearance.page
    if appearance.kind == "copy" and appearance.box is None:
        number = 1
    elif appearance.kind == "agency" and appearance.box is None and number == -1:
        number = next((each.page for each in reversed(seen.signatures) if each.page is not None), -1)
    number = seen.pages if number == -1 else number
    if not 1 <= number <= seen.pages:
        raise DocumentRefused("document_page_missing", f"it has {seen.pages} pages, and none with the number {number}")
    return number - 1


def _signed_box(seen: Look, page: int, sheet: Sheet) -> Box | None:
    """Where the last signature on the page is seen."""
    box = next((each.box for each in reversed(seen.signatures) if each.page == page + 1), None)
    return None if box is None else sheet.as_seen(box)


def _show(writer: Any, field: Any, appearance: Appearance) -> None:
    """The drawing in the field's own box: that of an empty field was chosen by whoever made it."""
    box, sheet = seen_field(field)
    x1, y1, x2, y2 = box
    if x1 == x2 or y1 == y2:
        raise DocumentRefused("document_box_outside", "the empty field of that name is an invisible one")
    content = draw(appearance, x2 - x1, y2 - y1)
    form = form_object(writer, content, box, sheet, image=appearance.image)
    field[NameObject("/AP")] = DictionaryObject({NameObject("/N"): form})


# -- the plan ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How a value becomes a signature of exactly this document."""

    document: bytes
    """SHA-256 of the prepared document."""
    start: int
    end: int
    attributes: bytes
    certificates: tuple[bytes, ...]

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.attributes).digest()

    def written(self) -> bytes:
        whole = {
            "form": FORM,
            "document": self.document.hex(),
            "place": [self.start, self.end],
            "attributes": _text(self.attributes),
            "certificates": [_text(each) for each in self.certificates],
        }
        return json.dumps(whole, separators=(",", ":")).encode()

    @classmethod
    def read(cls, plan: bytes) -> _Plan:
        """Raises PlanWrong."""
        try:
            whole = json.loads(plan)
            if whole["form"] != FORM:
                raise PlanWrong("plan_unreadable", "the plan is of another release")
            start, end = (int(each) for each in whole["place"])
            return cls(
                document=bytes.fromhex(whole["document"]),
                start=start,
                end=end,
                attributes=base64.b64decode(whole["attributes"], validate=True),
                certificates=tuple(base64.b64decode(each, validate=True) for each in whole["certificates"]),
            )
        except (ValueError, KeyError, TypeError) as trouble:
            raise PlanWrong("plan_unreadable", "the plan is not one of ours") from trouble


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def to_be_signed(plan: bytes) -> bytes:
    """The attributes themselves, for a key at hand that digests what it signs. Raises PlanWrong."""
    return _Plan.read(plan).attributes


# -- the second phase --------------------------------------------------------------------------------------------------


def embed(document: bytes, plan: bytes, value: bytes, *, stamp: Stamp | None = None) -> bytes:
    """The signed document: B-B, with a stamp B-T. Nothing is embedded that does not verify.

    Raises PlanWrong, StampRefused, and what the stamp raises.
    """
    read = _Plan.read(plan)
    if not hmac.compare_digest(hashlib.sha256(document).digest(), read.document):
        raise PlanWrong("document_changed", "the document is not the one that was prepared")
    made = verified(read.digest, read.certificates[0], value)
    if isinstance(made, str):
        raise PlanWrong(made, "the value does not verify over the digest that was sent")
    content = signed_data(read.attributes, made, read.certificates, None)
    if len(content) > _room(read.start, read.end):
        raise PlanWrong("no_room", f"the signature needs {len(content)} bytes; {_room(read.start, read.end)} were kept")
    if stamp is not None:
        content = signed_data(read.attributes, made, read.certificates, stamp(hashlib.sha256(made.value).digest()))
    return _filled(document, read.start, read.end, content)


def _room(start: int, end: int) -> int:
    """Between `<` at start and `>` before end, two digits for each byte."""
    return (end - start - 2) // 2


def _filled(document: bytes, start: int, end: int, content: bytes) -> bytes:
    """The zeros replaced. What fits without its stamp and not with it waits for a smaller one: nobody signs again."""
    if len(content) > _room(start, end):
        raise StampRefused("stamp_too_large", f"the stamp wants {len(content)} bytes; {_room(start, end)} were kept")
    written = binascii.hexlify(content)
    return b"".join((document[: start + 1], written, document[start + 1 + len(written) :]))


# -- what keeps it good for years --------------------------------------------------------------------------------------


def with_evidence(pdf: bytes, evidence: Evidence) -> bytes:
    """B-LT: a revision with the certificates, lists and answers that vouch for the signatures in it."""
    from asn1crypto import crl, ocsp, x509
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    reader = to_write(pdf, most_bytes=2 * MOST_BYTES)
    with reading():
        writer = Revision.from_reader(reader)
        DocumentSecurityStore.supply_dss_in_writer(
            writer,
            None,
            certs=[x509.Certificate.load(each) for each in evidence.certificates],
            ocsps=[ocsp.OCSPResponse.load(each) for each in evidence.ocsps],
            crls=[crl.CertificateList.load(each) for each in evidence.crls],
        )
        writer.write_in_place()
        return bytes(reader.stream.getvalue())


def with_archive_stamp(pdf: bytes, stamp: Stamp, *, room: int = ROOM + LEAST_ROOM) -> bytes:
    """B-LTA: a revision that is a time stamp over all before it; another before that one weakens.

    Raises DocumentRefused, StampRefused, and what the stamp raises.
    """
    reader = to_write(pdf, most_bytes=2 * MOST_BYTES)
    with reading():
        fields = {name for name, *_ in _fields(reader)}
        free = next(name for number in range(1, 1000) if (name := f"LuuTru{number}") not in fields)
        placeholder = DocumentTimestamp(bytes_reserved=2 * room)
        document, hashed = _with_place(reader, free, placeholder, None, _NOTHING)
    token = stamp(hashed.document_digest)
    return _filled(document, hashed.reserved_region_start, hashed.reserved_region_end, token)


_NOTHING: Final = Look(pages=1, signatures=(), empty_fields=(), text_fields=(), certified=None)


def _fields(reader: PdfFileReader) -> list[Any]:
    from pyhanko.sign.fields import enumerate_sig_fields

    return list(enumerate_sig_fields(reader))
