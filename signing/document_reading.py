"""A PDF that came from elsewhere, opened with bounds and looked through before anything is written into it.

What refuses a document here refuses it for signing at all: encrypted, broken, no PDF, too large, with more pages or
objects than any result has, with scripts (what is shown could change after it was signed), with an XFA form (viewers
draw that one and not the pages), or certified by somebody who allows no more changes. Only what a viewer would reach is
walked, each object once, so that a file that points in circles ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.sign.fields import enumerate_sig_fields

from signing import pdf_reader
from signing.errors import DocumentRefused
from signing.page_shape import Box, Sheet
from signing.pdf_reader import MOST_BYTES as MOST_BYTES
from signing.pdf_reader import opened as opened
from signing.pdf_reader import reading as reading
from signing.pdf_reader import require_few_ways

MOST_PAGES: Final = 5_000
MOST_SIGNATURES: Final = 100
MOST_WALKED: Final = 100_000
"""Objects looked at for scripts: pages, annotations, outlines; content and fonts are not walked."""

_SCRIPTS: Final = frozenset(
    {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/RichMediaExecute", "/GoTo3DView"}
)
"""Actions that run something, fetch something, or send something."""
_NOT_WALKED: Final = frozenset(
    {"/Parent", "/P", "/Contents", "/Resources", "/StructTreeRoot", "/Metadata", "/DSS", "/Thumb", "/AP", "/Dest"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signature, or a document time stamp, that is in the document already."""

    field: str
    is_stamp: bool
    page: int | None
    """From 1; None where it shows nowhere."""
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a document is, before it is signed."""

    pages: int
    signatures: tuple[Seen, ...]
    empty_fields: tuple[str, ...]
    """Names of signature fields that wait for a signature."""
    text_fields: tuple[str, ...]
    certified: int | None
    """What the certifying signature allows: 1 nothing, 2 filling in and signing, 3 remarks too; None: not certified."""


def look(pdf: bytes, *, most_bytes: int = MOST_BYTES) -> Look:
    """What is in it. Raises DocumentRefused with the first reason for which it is not signed."""
    return looked(opened(pdf, most_bytes=most_bytes))


def looked(reader: PdfFileReader) -> Look:
    """Look through what was opened. Raises DocumentRefused."""
    with reading():
        root = reader.root
        pages = page_references(reader)
        _refuse_scripts(root)
        form = _form(root)
        if "/XFA" in form:
            raise DocumentRefused("document_has_xfa", "it has an XFA form, which is drawn in place of its pages")
        filled, empty = _signature_fields(reader)
        certified = _permission(root)
        if certified == 1 or any(_locks(value) for _, value, _ in filled):
            raise DocumentRefused("document_forbids_changes", "whoever certified it allows no more changes")
        # Once signed, each signature wants them all: nobody is asked to sign what could not be judged then.
        require_few_ways(reader, pdf_reader.MOST_COMPARED // (2 * (len(filled) + 1)))
        where = {each.reference: number for number, each in enumerate(pages, start=1)} if filled else {}
        return Look(
            pages=len(pages),
            signatures=tuple(_seen(name, value, field, where) for name, value, field in filled),
            empty_fields=tuple(name for name, _, _ in empty),
            text_fields=tuple(_text_fields(form)),
            certified=certified,
        )


# -- pages -------------------------------------------------------------------------------------------------------------


def page_references(reader: PdfHandler, *, most: int | None = None) -> list[generic.IndirectObject]:
    """Every page, in order. Raises DocumentRefused for none, or for more than anybody signs."""
    most = MOST_PAGES if most is None else most
    pages: list[generic.IndirectObject] = []
    visited: set[generic.Reference] = set()
    waiting = [reader.root.raw_get("/Pages")]
    while waiting:
        reference = waiting.pop()
        if reference.reference in visited:
            raise DocumentRefused("document_broken", "its pages run in a circle")
        visited.add(reference.reference)
        if len(visited) > 2 * most + 64:
            raise DocumentRefused("document_too_many_pages", f"more than {most} pages")
        node = reference.get_object()
        if "/Kids" in node:
            kids = node["/Kids"]
            waiting.extend(kids.raw_get(place) for place in range(len(kids) - 1, -1, -1))
        else:
            pages.append(reference)
    if not pages:
        raise DocumentRefused("document_broken", "it has no page")
    if len(pages) > most:
        raise DocumentRefused("document_too_many_pages", f"{len(pages)} pages; at most {most}")
    return pages


def inherited(page: Any, key: str) -> Any:
    """A value of a page, or of what stands above it; None where nobody says."""
    for _ in range(64):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    return None


def sheet_of(page: Any) -> Sheet:
    """The shape of a page."""
    box = inherited(page, "/CropBox") or inherited(page, "/MediaBox") or (0, 0, 595, 842)
    x1, y1, x2, y2 = (float(each) for each in items(box))
    turn = int(inherited(page, "/Rotate") or 0) % 360
    return Sheet(box=(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), turn=turn if turn % 90 == 0 else 0)


def seen_field(field: Any) -> tuple[Box, Sheet]:
    """A field's box as it is seen, and the shape of its page; one that does not say its page is taken as upright."""
    x1, y1, x2, y2 = (float(each) for each in items(field["/Rect"]))
    sheet = sheet_of(field["/P"]) if "/P" in field else Sheet(box=(0, 0, 0, 0))
    return sheet.as_seen((x1, y1, x2, y2)), sheet


def _of(each: Any, key: str, default: Any = None) -> Any:
    """What stands under a key, wherever the file keeps it: `dict.get` would give the reference."""
    return each[key] if key in each else default  # noqa: SIM401


def items(array: Any) -> Iterator[Any]:
    """What an array holds: walking over it would give references."""
    return (array[place] for place in range(len(array)))


# -- scripts -----------------------------------------------------------------------------------------------------------


def _refuse_scripts(root: Any) -> None:
    waiting: list[Any] = [root]
    visited: set[generic.Reference] = set()
    walked = 0
    while waiting:
        each = waiting.pop()
        if isinstance(each, generic.IndirectObject):
            if each.reference in visited:
                continue
            visited.add(each.reference)
            each = each.get_object()
        walked += 1
        if walked > MOST_WALKED:
            raise DocumentRefused(
                "document_too_many_objects", "more outlines, fields and remarks than can be looked at"
            )
        if isinstance(each, generic.ArrayObject):
            waiting.extend(each.raw_get(place) for place in range(len(each)) if _may_hold(each.raw_get(place)))
        elif isinstance(each, generic.DictionaryObject):
            _refuse_script(each)
            keys = (key for key in each if key not in _NOT_WALKED)
            waiting.extend(value for value in map(each.raw_get, keys) if _may_hold(value))


def _may_hold(value: Any) -> bool:
    return isinstance(value, generic.IndirectObject | generic.ArrayObject | generic.DictionaryObject)


def _refuse_script(each: generic.DictionaryObject) -> None:
    action = _of(each, "/S")
    if "/JS" in each or "/JavaScript" in each or action in _SCRIPTS:
        what = str(action or "/JavaScript")[1:40]
        raise DocumentRefused("document_has_scripts", f"it has an action of the kind {what}")


# -- fields ------------------------------------------------------------------------------------------------------------


def _form(root: Any) -> Any:
    return _of(root, "/AcroForm", {})


def _signature_fields(reader: PdfFileReader) -> tuple[list[Any], list[Any]]:
    """Name, value and field of those with a signature, and of those without."""
    found = []
    for each in enumerate_sig_fields(reader):
        name, value, field = each
        found.append((str(name), value and value.get_object(), field))
        if len(found) > MOST_SIGNATURES:
            raise DocumentRefused("document_too_many_objects", f"more than {MOST_SIGNATURES} signature fields")
    return [each for each in found if each[1] is not None], [each for each in found if each[1] is None]


def _text_fields(form: Any) -> Iterator[str]:
    """Text fields on the first level: what a template leaves for the number and the date."""
    fields = _of(form, "/Fields", ())
    for field in items(fields):
        if _of(field, "/FT") == "/Tx" and "/T" in field:
            yield str(field["/T"])


def _permission(root: Any) -> int | None:
    """What the certifying signature allows."""
    perms = _of(root, "/Perms", {})
    if "/DocMDP" not in perms:
        return None
    return next(_levels(perms["/DocMDP"]), 2)


def _levels(value: Any) -> Iterator[int]:
    for reference in items(_of(value, "/Reference", ())):
        parameters = _of(reference, "/TransformParams", {})
        if "/P" in parameters:
            yield int(parameters["/P"])
        elif reference["/TransformMethod"] == "/DocMDP":
            yield 2


def _locks(value: Any) -> bool:
    """Whether a signature that is there, certifying or not, closes the document."""
    return 1 in _levels(value)


def _seen(name: str, value: Any, field: Any, pages: dict[generic.Reference, int]) -> Seen:
    widget = field.get_object()
    if "/Kids" in widget and len(widget["/Kids"]) == 1:
        widget = widget["/Kids"][0]
    box = tuple(float(each) for each in items(widget["/Rect"])) if "/Rect" in widget else ()
    shows = len(box) == 4 and box[0] != box[2] and box[1] != box[3]
    page = widget.raw_get("/P") if "/P" in widget else None
    return Seen(
        field=name,
        is_stamp=_of(value, "/SubFilter") == "/ETSI.RFC3161",
        page=pages.get(page.reference) if shows and isinstance(page, generic.IndirectObject) else None,
        box=(min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])) if shows else None,
    )
