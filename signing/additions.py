"""Pure. What a later version of a PDF has that the earlier one had not: whether it is that one, signed once more.

For documents that are signed somewhere else, by a program that is not ours. The earlier version must be the untouched
beginning of the later one; what was added must be one signature, over all of it, and nothing that shows anything new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, Reference, StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from signing.document_reading import MOST_BYTES, opened, page_references, reading, sheet_of
from signing.errors import DocumentRefused
from signing.verification_cms import CmsWrong, read
from signing.verification_pdf import Covers, Found, signatures_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added."""

    is_continued: bool
    """Whether the earlier version, with its tables of objects, is its untouched beginning, and there is more."""
    was_signed: bool = False
    """Whether there was a signature before: it vouches for the pages itself."""
    fields: tuple[str, ...] = ()
    """Signatures that were not there before."""
    lost: tuple[str, ...] = ()
    """Signatures that were there, and are not any more."""
    certificate: bytes = b""
    """DER, whose the one new signature says that it is; empty where there is not just one that can be read."""
    covers_whole: bool = False
    """Whether the new signature is over every byte but its own."""
    shows_more: bool = True
    """Whether anything else was added than a signature and what comes with one: text, pages, fields filled in."""


def added(before: bytes, after: bytes) -> Added:
    """Compare. Raises DocumentRefused for what is no document."""
    if len(after) <= len(before) or not after.startswith(before):
        return Added(is_continued=False)
    old, new_one = opened(before), opened(after, most_bytes=2 * MOST_BYTES)
    if not _continues(old, new_one):
        return Added(is_continued=False)
    known = {each.name for each in signatures_in(before)}
    found = signatures_in(after)
    new = [each for each in found if each.name not in known]
    only = new[0] if len(new) == 1 else None
    return Added(
        is_continued=True,
        was_signed=bool(known),
        fields=tuple(each.name for each in new),
        lost=tuple(sorted(known - {each.name for each in found})),
        certificate=b"" if only is None else _certificate(only),
        covers_whole=only is not None and only.covers is Covers.FILE,
        shows_more=_shows_more(old, new_one, known),
    )


def _continues(old: PdfFileReader, new: PdfFileReader) -> bool:
    """Whether the later chain of tables ends in the earlier one, table for table: else objects have other pasts."""
    count = old.total_revisions
    with reading():
        return new.total_revisions > count and all(_table(old, n) == _table(new, n) for n in range(count))


def _table(reader: PdfFileReader, n: int) -> tuple[int, int]:
    told = reader.xrefs.get_xref_container_info(n)
    return told.start_location, told.end_location


def _certificate(found: Found) -> bytes:
    try:
        return read(found.contents).certificate
    except CmsWrong:
        return b""


# -- what is shown -----------------------------------------------------------------------------------------------------

_OF_ROOT: Final = frozenset({"/AcroForm", "/Extensions", "/Version", "/DSS", "/Perms", "/Metadata"})
_OF_PAGE: Final = frozenset({"/Annots"})
_OF_FORM: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA"})
_OF_FIELD: Final = frozenset({"/V", "/AP", "/F", "/MK", "/DA", "/DR", "/Lock"})
_ACTS: Final = frozenset({"/A", "/AA"})
LARGEST: Final = 0.25
"""Of a page: what a visible signature may take. A larger one is a picture over what was written."""


def _shows_more(old: PdfFileReader, new: PdfFileReader, known: set[str]) -> bool:
    """Only what a signature needs may have been written anew; what cannot be compared counts as more."""
    try:
        with reading():
            return _Comparison(old, new, known).shows_more()
    except DocumentRefused:
        return True


class _Comparison:
    """Objects of the earlier version beside those of the later one.

    pyHanko's own comparison is of what followed a signature; here the earlier version may have neither signature nor
    form. So every object that is another one now is looked at: only what is said about the document, the catalogue, a
    page's annotations, the form and the field of the new signature may be, each in the members that signing touches.
    """

    def __init__(self, old: PdfFileReader, new: PdfFileReader, known: set[str]) -> None:
        self._old = old
        self._new = new
        self._root = old.root
        # Asked once for each object that was written anew: found at once, not one after the other.
        self._pages = dict.fromkeys(each.reference for each in page_references(old))
        self._form = _form_of(old)
        lists = (_raw(self._form, "/Fields"), *(_raw(each.get_object(), "/Annots") for each in self._pages))
        self._lists = frozenset(each.reference for each in lists if isinstance(each, IndirectObject))
        self._places = _places(new, known)

    def shows_more(self) -> bool:
        if self._old.root_ref != self._new.root_ref or self._is_form_more() or self._fills_gaps():
            return True
        return any(map(self._is_more, self._written_anew())) or self._have_pages_more()

    def _written_anew(self) -> list[Reference]:
        """Objects that stand somewhere else now. Where they are the same, so are their bytes."""
        known = _references(self._old)
        return [each for each in known if self._old.xrefs[each] != self._new.xrefs[each]]

    def _fills_gaps(self) -> bool:
        """Whether a number is taken that the earlier version had left free: something may point there already."""
        size = int(self._old.trailer["/Size"])
        return any(0 < each.idnum < size for each in _references(self._new) - _references(self._old))

    def _is_more(self, ref: Reference) -> bool:
        if _is(_raw(self._old.trailer, "/Info"), ref) or _is(_raw(self._root, "/Metadata"), ref):
            return False
        if ref in self._lists:
            return False  # of annotations and fields: what is in them is looked at by itself
        old, new = self._old.get_object(ref), self._new.get_object(ref)
        if not isinstance(old, DictionaryObject) or type(old) is not type(new) or isinstance(old, StreamObject):
            return True
        return not _changed(old, new) <= self._allowed(ref)

    def _allowed(self, ref: Reference) -> frozenset[str]:
        if ref == self._old.root_ref:
            return _OF_ROOT
        if ref in self._pages:
            return _OF_PAGE
        if _is(_raw(self._root, "/AcroForm"), ref):
            return _OF_FORM
        return _OF_FIELD if ref.idnum in self._places else frozenset()

    def _is_form_more(self) -> bool:
        """Whether the form says more than it did, or has a field more that is not the new signature's."""
        new = _form_of(self._new)
        fields = _numbers(new, "/Fields") - _numbers(self._form, "/Fields")
        return not (_changed(self._form, new) <= _OF_FORM and fields <= self._places)

    def _have_pages_more(self) -> bool:
        """Whether an annotation went, or one came that is not the one place of the new signature."""
        came = 0
        for page in self._pages:
            old, new = _annotations(self._old, page), _annotations(self._new, page)
            fresh = new.keys() - old.keys()
            came += len(fresh)
            if not old.keys() <= new.keys() or not all(self._is_place(each, new[each], page) for each in fresh):
                return True
        return came > 1

    def _is_place(self, number: Any, annotation: Any, page: Reference) -> bool:
        is_widget = number in self._places and annotation["/Subtype"] == "/Widget" and not _ACTS & annotation.keys()
        return is_widget and _area(annotation["/Rect"]) <= LARGEST * _area(sheet_of(self._old.get_object(page)).box)


def _places(reader: PdfFileReader, known: set[str]) -> frozenset[int]:
    """The numbers of the fields of new signatures, each of which is its own place on a page."""
    filled = enumerate_sig_fields(reader, filled_status=True)
    return frozenset(field.reference.idnum for name, _, field in filled if name not in known)


def _references(reader: PdfFileReader) -> set[Reference]:
    """Every object that its tables speak of, freed ones too."""
    told = [reader.xrefs.get_xref_data(each).explicit_refs_in_revision for each in range(reader.total_revisions)]
    return {Reference(number, generation) for each in told for number, generation in each}


def _form_of(reader: PdfFileReader) -> DictionaryObject:
    form = reader.root["/AcroForm"] if "/AcroForm" in reader.root else DictionaryObject()
    assert isinstance(form, DictionaryObject)
    return form


def _annotations(reader: PdfFileReader, page: Reference) -> dict[Any, Any]:
    """By their number, or by themselves where they stand in the list."""
    told: Any = reader.get_object(page)
    raw = _listed(told, "/Annots")
    return {(each.idnum if isinstance(each, IndirectObject) else repr(each)): each.get_object() for each in raw}


def _numbers(told: DictionaryObject, key: str) -> set[Any]:
    return {each.idnum if isinstance(each, IndirectObject) else repr(each) for each in _listed(told, key)}


def _listed(told: Any, key: str) -> list[Any]:
    array: Any = told[key] if key in told else ArrayObject()
    return [array.raw_get(n) for n in range(len(array))]


def _area(box: Any) -> float:
    x1, y1, x2, y2 = (float(each) for each in box)
    return abs(x2 - x1) * abs(y2 - y1)


def _changed(old: DictionaryObject, new: DictionaryObject) -> set[str]:
    return {key for key in old.keys() | new.keys() if _raw(old, key) != _raw(new, key)}


def _raw(told: Any, key: str) -> Any:
    return told.raw_get(key) if key in told else None


def _is(raw: Any, ref: Reference) -> bool:
    return isinstance(raw, IndirectObject) and raw.reference == ref
