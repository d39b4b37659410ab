"""The signatures that stand in a PDF: which bytes each covers, and what came after them.

The byte range is checked here, on the bytes themselves; what a later revision changed is told by pyHanko's comparison
of revisions, under two policies: the strict one lets in evidence, time stamps and further signatures and nothing else;
what only the usual one lets in (fields filled in) is for a person to judge: the page no longer shows what was signed.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    CatalogModificationRule,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    MetadataUpdateRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    XrefStreamRule,
)
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from signing.comparisons import require_bearable
from signing.document_reading import MOST_BYTES, opened, reading
from signing.errors import DocumentRefused
from signing.hybrid_tables import tables_differ

MOST_EVIDENCE: Final = 128
FORMATS: Final = {"/ETSI.CAdES.detached": "pades", "/adbe.pkcs7.detached": "basic", "/ETSI.RFC3161": "stamp"}

_DRAWN_WITH: Final = ("/DR", "/DA", "/Q", "/NeedAppearances")
_LTA: Final = ModificationLevel.LTA_UPDATES
_STRICT: Final = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        *(
            rule.as_qualified(_LTA)
            for rule in (DocInfoRule(), XrefStreamRule(), ObjectStreamRule(), DSSCompareRule(), MetadataUpdateRule())
        ),
    ],
    form_rule=FormUpdatingRule(field_rules=[SigFieldCreationRule(), SigFieldModificationRule()]),
)


class Covers(Enum):
    """Which bytes a signature is over."""

    FILE = "all but its own value, to the end of the file"
    REVISION = "the whole of its revision"
    PART = "not what a reader would take for signed"


class After(Enum):
    """What came after it."""

    NOTHING = ""
    EVIDENCE = "evidence"
    SIGNATURES = "signatures"
    SHOWN = "shown"
    """Further signatures, of which something is seen on a page."""
    FILLED_IN = "filled_in"
    FORBIDDEN = "forbidden"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One signature in the file; nothing of it is believed yet."""

    name: str
    form: str
    """`pades`, `basic`, `stamp`, or empty for what nobody knows here."""
    contents: bytes = field(default=b"", repr=False)
    span: tuple[int, int, int] = (0, 0, 0)
    """Where the value begins and ends, and where what is covered ends."""
    covers: Covers = Covers.PART
    after: After = After.NOTHING
    claimed_at: datetime | None = None

    def signed(self, pdf: bytes) -> tuple[memoryview, memoryview]:
        """The two pieces that it is over."""
        begin, end, last = self.span
        view = memoryview(pdf)
        return view[:begin], view[end:last]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A PDF and what was signed in it, the earliest first."""

    found: tuple[Found, ...]
    crls: tuple[bytes, ...] = ()
    answers: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()
    is_hybrid: bool = False
    """Two tables of objects that say different things: two readers may see two documents."""


def signatures_in(pdf: bytes, *, most_bytes: int = 2 * MOST_BYTES) -> tuple[Found, ...]:
    """Only which there are and what each covers; what came after them nobody asks. Raises DocumentRefused."""
    reader = opened(pdf, most_bytes=most_bytes)
    with reading():
        return tuple(_signatures(reader, pdf, are_compared=False))


def open_pdf(pdf: bytes, *, most_bytes: int = 2 * MOST_BYTES) -> Opened:
    """Its signatures and its evidence. Raises DocumentRefused."""
    reader = opened(pdf, most_bytes=most_bytes)
    with reading():
        found = sorted(_signatures(reader, pdf, are_compared=True), key=lambda each: each.span[2])
        return Opened(
            found=tuple(found),
            crls=_evidence(reader, "/CRLs"),
            answers=_evidence(reader, "/OCSPs"),
            certificates=_evidence(reader, "/Certs"),
            is_hybrid=tables_differ(reader),
        )


def _signatures(reader: PdfFileReader, pdf: bytes, *, are_compared: bool) -> Iterator[Found]:
    fields = list(enumerate_sig_fields(reader, filled_status=True))
    require_bearable(reader, signatures=len(fields), revisions=reader.total_revisions)
    for name, value, signature_field in fields:
        found, embedded = _signature(reader, pdf, str(name), value.get_object(), signature_field)
        if are_compared and found.covers is Covers.REVISION:
            found = replace(found, after=_after(embedded, pdf, found.span[2]))
        yield found


def _signature(reader: PdfFileReader, pdf: bytes, name: str, value: Any, signature_field: Any) -> tuple[Found, Any]:
    """What it says of itself, and pyHanko's view of it."""
    form = FORMATS.get(str(value["/SubFilter"]), "") if "/SubFilter" in value else ""
    try:
        embedded = EmbeddedPdfSignature(reader, signature_field, name)
        span = _span(embedded.byte_range, pdf, embedded.pkcs7_content)
    except Exception:
        # A signature that cannot even be read is one that failed; the others beside it are still judged.
        return Found(name=name, form=form), None
    found = Found(
        name=name,
        form=form,
        contents=embedded.pkcs7_content,
        span=span or (0, 0, 0),
        covers=_covers(embedded, span, len(pdf)),
        claimed_at=_claimed_at(embedded),
    )
    return found, embedded


def _span(byte_range: Any, pdf: bytes, contents: bytes) -> tuple[int, int, int] | None:
    """None where the range is not: from the first byte, over the value in its brackets and nothing else, onwards."""
    numbers = [int(each) for each in byte_range]
    if len(numbers) != 4 or numbers[0] != 0 or min(numbers) < 0:
        return None
    _, begin, end, length = numbers
    if not 0 < begin < end <= end + length <= len(pdf):
        return None
    gap = pdf[begin:end]
    if gap[:1] != b"<" or gap[-1:] != b">" or binascii.unhexlify(gap[1:-1]) != contents:
        return None
    return begin, end, end + length


def _covers(embedded: EmbeddedPdfSignature, span: tuple[int, int, int] | None, size: int) -> Covers:
    if span is None:
        return Covers.PART
    if span[2] == size:
        return Covers.FILE
    level = embedded.evaluate_signature_coverage()
    return Covers.REVISION if level.name == "ENTIRE_REVISION" else Covers.PART


# -- what came after ---------------------------------------------------------------------------------------------------


def _after(embedded: EmbeddedPdfSignature, pdf: bytes, end: int) -> After:
    reader = embedded.reader
    if reader.total_revisions - 1 == embedded.signed_revision:
        # No revision, and yet more bytes: a viewer that repairs files would go through them.
        return After.CHANGED if pdf[end:].strip() else After.NOTHING
    # What the strict policy lets in the usual one lets in too, at the same level: most documents are compared once.
    strict = _compare(_STRICT, embedded)
    usual = strict if strict is not None else _compare(DEFAULT_DIFF_POLICY, embedded)
    allowed = embedded.docmdp_level
    if allowed is not None and (usual is None or usual.value > allowed.value):
        return After.FORBIDDEN
    if usual is None:
        return After.CHANGED
    if strict is None or _is_drawn_anew(embedded):
        return After.FILLED_IN
    return After.EVIDENCE if usual <= _LTA else _shown(embedded)


def _is_drawn_anew(embedded: EmbeddedPdfSignature) -> bool:
    """Whether viewers would draw its fields in another font than when it was signed: other letters, perhaps."""
    before = embedded.reader.get_historical_resolver(embedded.signed_revision).root["/AcroForm"]
    after = embedded.reader.root["/AcroForm"]
    if all("/FT" in each and each["/FT"] == "/Sig" for each in (one.get_object() for one in after["/Fields"])):
        return False
    return any(_written(before, key) != _written(after, key) for key in _DRAWN_WITH)


def _written(form: Any, key: str) -> str:
    return repr(form[key]) if key in form else ""


def _shown(embedded: EmbeddedPdfSignature) -> After:
    """A field of a signature may show anything, anywhere: it counts as one only where somebody signed it."""
    reader = embedded.reader
    before = {name for name, *_ in enumerate_sig_fields(reader.get_historical_resolver(embedded.signed_revision))}
    new = [each for each in enumerate_sig_fields(reader) if each[0] not in before]
    seen = [value is not None for _, value, reference in new if _is_seen(reference.get_object())]
    if not all(seen):
        return After.CHANGED
    return After.SHOWN if seen else After.SIGNATURES


def _is_seen(field_: Any) -> bool:
    widgets = [kid.get_object() for kid in field_["/Kids"]] if "/Kids" in field_ else [field_]
    return any("/AP" in each and _has_area(each["/Rect"]) for each in widgets if "/Rect" in each)


def _has_area(box: Any) -> bool:
    x1, y1, x2, y2 = (float(each) for each in box)
    return x1 != x2 and y1 != y2


def _compare(policy: StandardDiffPolicy, embedded: EmbeddedPdfSignature) -> ModificationLevel | None:
    """How far the later revisions went; None: further than any rule allows, or than can be told.

    Each is held against the signed one: what an update changes and a further one takes back was a change all the same.
    """
    reader, first = embedded.reader, embedded.signed_revision
    reached = ModificationLevel.NONE
    try:
        for revision in range(first + 1, reader.total_revisions):
            told = policy.apply(
                old=reader.get_historical_resolver(first),
                new=reader.get_historical_resolver(revision),
                field_mdp_spec=embedded.fieldmdp,
                doc_mdp=embedded.docmdp_level,
            )
            reached = max(reached, told.modification_level)
    except DocumentRefused:
        raise
    except Exception:
        return None
    return reached


def _claimed_at(embedded: EmbeddedPdfSignature) -> datetime | None:
    try:
        told = embedded.self_reported_timestamp
    except Exception:
        return None
    return told if told is not None and told.tzinfo is not None else None


# -- evidence ----------------------------------------------------------------------------------------------------------


def _evidence(reader: PdfFileReader, key: str) -> tuple[bytes, ...]:
    """Streams of the document security store; what cannot be read is as good as not there."""
    if "/DSS" not in reader.root:
        return ()
    store = reader.root["/DSS"]
    return tuple(_streams(store[key])) if key in store else ()


def _streams(streams: Any) -> Iterator[bytes]:
    for each in list(streams)[:MOST_EVIDENCE]:
        stream = each.get_object()
        if isinstance(stream, generic.StreamObject):
            yield stream.data
