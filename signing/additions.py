"""Pure. What a later version of a PDF has that the earlier one had not: whether it is that one, signed once more.

For documents that are signed somewhere else, by a program that is not ours. The earlier version must be the untouched
beginning of the later one; what was added must be one signature, over all of it, and nothing that shows anything new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, Reference, StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.document_reading import MOST_BYTES, inherited, opened, page_references, reading
from signing.errors import DocumentRefused
from signing.verification_cms import CmsWrong, read
from signing.verification_pdf import Covers, Found, open_pdf


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added."""

    is_continued: bool
    """Whether the earlier version is its untouched beginning, and there is more."""
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
    known = {each.name for each in open_pdf(before).found}
    found = open_pdf(after).found
    new = [each for each in found if each.name not in known]
    only = new[0] if len(new) == 1 else None
    return Added(
        is_continued=True,
        fields=tuple(each.name for each in new),
        lost=tuple(sorted(known - {each.name for each in found})),
        certificate=b"" if only is None else _certificate(only),
        covers_whole=only is not None and only.covers is Covers.FILE,
        shows_more=_shows_more(before, after),
    )


def _certificate(found: Found) -> bytes:
    try:
        return read(found.contents).certificate
    except CmsWrong:
        return b""


# -- what is shown -----------------------------------------------------------------------------------------------------

_OF_ROOT: Final = frozenset({"/AcroForm", "/Extensions", "/Version", "/DSS", "/Perms", "/Metadata"})
_OF_PAGE: Final = frozenset({"/Annots"})
_OF_FORM: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA"})
_OF_FIELD: Final = frozenset({"/V", "/AP", "/Rect", "/F", "/MK", "/DA", "/DR", "/Lock"})


def _shows_more(before: bytes, after: bytes) -> bool:
    """Only what a signature needs may have been written anew; what cannot be compared counts as more."""
    try:
        with reading():
            return _Comparison(opened(before), opened(after, most_bytes=2 * MOST_BYTES)).shows_more()
    except DocumentRefused:
        return True


class _Comparison:
    """Objects of the earlier version beside those of the later one.

    pyHanko's own comparison is of what followed a signature; here the earlier version may have neither signature nor
    form. So every object that was written anew is looked at: only what is said about the document, the catalogue, a
    page's annotations, the form and an empty signature field may have been, each in the members that signing touches.
    """

    def __init__(self, old: PdfFileReader, new: PdfFileReader) -> None:
        self._old = old
        self._new = new
        self._root = old.root
        self._pages = [each.reference for each in page_references(old)]
        has_form = "/AcroForm" in self._root
        form: Any = self._root["/AcroForm"] if has_form else DictionaryObject()  # `get` would not look it up
        self._lists = [_raw(form, "/Fields"), *(_raw(each.get_object(), "/Annots") for each in self._pages)]

    def shows_more(self) -> bool:
        if self._old.root_ref != self._new.root_ref:
            return True
        return any(map(self._is_more, self._written_anew())) or any(map(self._has_more, self._pages))

    def _written_anew(self) -> set[Reference]:
        known = {each.idnum for each in _references(self._old, 0)}
        later = _references(self._new, self._old.total_revisions)
        return {each for each in later if each.idnum in known}

    def _is_more(self, ref: Reference) -> bool:
        if _is(_raw(self._old.trailer, "/Info"), ref) or _is(_raw(self._root, "/Metadata"), ref):
            return False
        if any(_is(each, ref) for each in self._lists):
            return False  # of annotations and fields: `_has_more` looks at what is in them
        old, new = self._old.get_object(ref), self._new.get_object(ref)
        if not isinstance(old, DictionaryObject) or type(old) is not type(new) or isinstance(old, StreamObject):
            return True
        changed = {key for key in old.keys() | new.keys() if _raw(old, key) != _raw(new, key)}
        return not changed <= self._allowed(ref, old)

    def _allowed(self, ref: Reference, old: DictionaryObject) -> frozenset[str]:
        if ref == self._old.root_ref:
            return _OF_ROOT
        if ref in self._pages:
            return _OF_PAGE
        if _is(_raw(self._root, "/AcroForm"), ref):
            return _OF_FORM
        is_waiting = _raw(old, "/FT") == "/Sig" and "/V" not in old
        return _OF_FIELD if is_waiting else frozenset()

    def _has_more(self, page: Reference) -> bool:
        """Whether the page lost an annotation, or has one more that is no signature."""
        old, new = _annotations(self._old, page), _annotations(self._new, page)
        kinds = {inherited(new[each], "/FT") for each in new.keys() - old.keys()}
        return not old.keys() <= new.keys() or not kinds <= {"/Sig"}


def _references(reader: PdfFileReader, first: int) -> set[Reference]:
    """Objects that the revisions from this one on wrote, or freed."""
    revisions = range(first, reader.total_revisions)
    told = [reader.xrefs.get_xref_data(each).explicit_refs_in_revision for each in revisions]
    return {Reference(number, generation) for each in told for number, generation in each}


def _annotations(reader: PdfFileReader, page: Reference) -> dict[Any, Any]:
    """By their number, or by themselves where they stand in the list."""
    told = reader.get_object(page)
    annotations: Any = told["/Annots"] if "/Annots" in told else ArrayObject()
    raw = [annotations.raw_get(n) for n in range(len(annotations))]
    return {(each.idnum if isinstance(each, IndirectObject) else repr(each)): each.get_object() for each in raw}


def _raw(told: Any, key: str) -> Any:
    return told.raw_get(key) if key in told else None


def _is(raw: Any, ref: Reference) -> bool:
    return isinstance(raw, IndirectObject) and raw.reference == ref
