"""A PDF from elsewhere, opened with bounds: its tables read, nothing in it looked at yet.

pyHanko reads what every other program reads, and trusts the file more than we do: it unpacks, counts and searches as
the file says. Here a file of a few hundred bytes cannot make it count to a thousand million, nor unpack gigabytes, nor
search one long stream once for every object.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import (
    DEFAULT_PURPOSE_LIMITS,
    DecodeContext,
    DecodeLimits,
    DecodePurpose,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

from signing.errors import DocumentRefused

MOST_BYTES: Final = 50_000_000
MOST_OBJECTS: Final = 200_000
"""A scanned dossier of 5,000 pages has some 20,000."""

_VERSION: Final = re.compile(rb"%PDF-\d\.\d")
_MIB: Final = 1024 * 1024
_LIMITS: Final = DecodeLimits(
    per_stream=StreamDecodeLimits(max_output_size=64 * _MIB),
    per_purpose={
        **DEFAULT_PURPOSE_LIMITS,
        # Some 40,000 objects; producers put 100 or 200 into one.
        DecodePurpose.OBJECT_STREAM: StreamDecodeLimits(max_ratio=100, ratio_floor=_MIB, max_output_size=8 * _MIB),
        # Eleven bytes an object: past this, a table of a few kilobytes becomes a gigabyte of entries.
        DecodePurpose.XREF_STREAM: StreamDecodeLimits(max_ratio=None, max_output_size=11 * MOST_OBJECTS),
    },
    document_budget=DocumentDecodeBudget(base_allowance=64 * _MIB, max_ratio=10),
)
_MOST_SAID: Final = 12 * MOST_OBJECTS
"""Bytes of all tables in streams, as they say themselves."""
_MOST_READ: Final = 32 * _MIB
"""Bytes of objects out of streams, read one by one: some two minutes."""
MOST_COMPARED: Final = 4_000_000
"""Values looked at while revisions are compared: half a minute. Each signature has every way to every object told, and
a file of some kilobytes can have more ways than anybody counts."""
_FRESH: Final = 20
_VISIT: Final = 3
"""Values that cost as much as reading an object for the first time in a revision, and as coming to it again."""
_MOST_NUMBER: Final = 8_388_607
"""Of an object (ISO 32000-1, annex C)."""
_READING: Final = (
    PdfError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    OSError,
    struct.error,
    zlib.error,
)
"""What pyHanko raises at a file that is none; its parser trusts the file more than we do."""


def opened(pdf: bytes, *, most_bytes: int = MOST_BYTES) -> PdfFileReader:
    """A reader that has its tables; nothing is looked through yet. Raises DocumentRefused."""
    if not pdf:
        raise DocumentRefused("document_empty", "the file has no bytes")
    if len(pdf) > most_bytes:
        raise DocumentRefused("document_too_large", f"{len(pdf)} bytes; at most {most_bytes}")
    if not _VERSION.match(pdf):
        raise DocumentRefused("document_not_pdf", "it does not begin as a PDF does")
    with reading():
        reader = _Reader(BytesIO(pdf))
        if "/Encrypt" in reader.trailer:
            raise DocumentRefused("document_encrypted", "it is encrypted; save it without a password")
        _bound_objects(reader)
    return reader


def to_write(pdf: bytes, *, most_bytes: int = MOST_BYTES) -> PdfFileReader:
    """The same, for adding a revision: that begins on a line of its own, also where the last line has no end."""
    return opened(pdf if pdf[-1:] in (b"", b"\r", b"\n") else pdf + b"\n", most_bytes=most_bytes)


@contextmanager
def reading() -> Iterator[None]:
    """Whatever pyHanko trips over in a file is a broken document."""
    try:
        yield
    except _READING as trouble:
        raise DocumentRefused("document_broken", f"{type(trouble).__name__}: {trouble}"[:300]) from trouble


def require_few_ways(reader: PdfFileReader, most: int) -> None:
    """Whether the ways to its objects can be told, as comparing it will want later. Raises DocumentRefused."""
    assert isinstance(reader, _Reader)
    before, reader._compared = reader._compared, MOST_COMPARED - most
    with suppress(*_READING):  # what cannot be walked at all is no endless walk
        _Past(reader, reader.total_revisions - 1)._load_reverse_xref_cache()  # type: ignore[no-untyped-call]  # pyHanko's
    reader._compared = before


class _Bounds(DecodeContext):
    """pyHanko's, and a count of what tables say that they have: it walks that far, whether it is there or not."""

    _said = 0

    def stream_output_cap(
        self, encoded_size: int, purpose: DecodePurpose = DecodePurpose.GENERIC, expected_size: int | None = None
    ) -> int | None:
        """Asked before a stream is unpacked. Raises DocumentRefused."""
        if purpose is DecodePurpose.XREF_STREAM:
            self._said += expected_size or 0
            if self._said > _MOST_SAID:
                raise DocumentRefused("document_too_many_objects", f"its tables say more than {MOST_OBJECTS} objects")
        return super().stream_output_cap(encoded_size, purpose, expected_size)


class _Reader(PdfFileReader):
    """With an index of each object stream, where pyHanko searches the stream's head anew for each object."""

    def __init__(self, stream: BytesIO) -> None:
        self._packed: dict[int, tuple[BytesIO, dict[int, int]]] = {}
        self._read = 0
        self._compared = 0
        self._bounds: _Bounds | None = None
        # Not strict: Word writes hybrid tables, scanners write odd ones, and both are what people bring.
        super().__init__(stream, strict=False, decode_limits=_LIMITS)

    @property
    def decode_context(self) -> DecodeContext:
        """What may be unpacked of this file, all in all."""
        if self._bounds is None:
            self._bounds = _Bounds(_LIMITS, input_size=len(self.stream.getbuffer()))
        return self._bounds

    def get_historical_resolver(self, revision: int) -> HistoricalResolver:
        """The file as it was."""
        known: dict[int, HistoricalResolver] = self._historical_resolver_cache
        if revision not in known:
            known[revision] = _Past(self, revision)
        return known[revision]

    def compared(self, values: int) -> None:
        """So many more were looked at. Raises DocumentRefused."""
        self._compared += values
        if self._compared > MOST_COMPARED:
            raise DocumentRefused("document_too_many_revisions", "its revisions cannot be compared in reasonable time")

    def _get_object_from_stream(self, idnum: int, stmnum: int, idx: int) -> Any:
        if stmnum not in self._packed:
            self._packed[stmnum] = self._index(stmnum)
        content, places = self._packed[stmnum]
        if idnum not in places:
            return generic.NullObject()
        start = content.seek(places[idnum])
        found = generic.read_object(content, generic.Reference(idnum, 0, self))
        self._read += content.tell() - start
        if self._read > _MOST_READ:
            raise DocumentRefused("document_too_many_objects", "its objects go on and on")
        return found

    def _index(self, number: int) -> tuple[BytesIO, dict[int, int]]:
        packed: Any = generic.Reference(number, 0, self).get_object()
        if packed["/Type"] != "/ObjStm":
            raise PdfError("objects are said to be in what is no object stream")
        content, first = packed.read_data(DecodePurpose.OBJECT_STREAM), int(packed["/First"])
        told = [int(each) for each in content[:first].split()[: 2 * int(packed["/N"])]]
        places: dict[int, int] = {}
        for each, offset in zip(told[::2], told[1::2], strict=True):
            places.setdefault(each, first + offset)
        return BytesIO(content), places


class _Past(HistoricalResolver):
    """An earlier state, and a count of what is looked at in it: the same object again and again counts each time."""

    def __init__(self, reader: _Reader, revision: int) -> None:
        super().__init__(reader, revision)
        self._mine = reader
        self._sizes: dict[generic.Reference, int] = {}

    def get_object(self, ref: generic.Reference, as_metadata_stream: bool = False) -> Any:
        found = super().get_object(ref, as_metadata_stream)
        if ref not in self._sizes:
            self._sizes[ref] = _size(found) + _VISIT
            self._mine.compared(_FRESH)
        self._mine.compared(self._sizes[ref])
        return found


def _size(value: Any) -> int:
    """Of an object: values in it, at any depth."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        count += 1
        if isinstance(each, generic.DictionaryObject):
            waiting.extend(map(each.raw_get, each))
        elif isinstance(each, generic.ArrayObject):
            waiting.extend(map(each.raw_get, range(len(each))))
    return count


class Revision(IncrementalPdfFileWriter):
    """What is added behind a document: the objects that were asked for, and nothing else.

    pyHanko would write the document's title and dates anew each time, with its own name as the program that made it.
    """

    def _update_meta(self) -> None:
        """They stay as they are."""


def _bound_objects(reader: PdfFileReader) -> None:
    numbers = [
        {number for number, _ in reader.xrefs.get_xref_data(revision).explicit_refs_in_revision}
        for revision in range(reader.total_revisions)
    ]
    if sum(map(len, numbers)) > MOST_OBJECTS:
        raise DocumentRefused("document_too_many_objects", f"more than {MOST_OBJECTS} objects")
    # New objects are numbered from /Size on: a size that is too small would have them replace old ones.
    if not max(max(each, default=0) for each in numbers) < int(reader.trailer["/Size"]) <= _MOST_NUMBER:
        raise DocumentRefused("document_broken", "its table does not have the objects that it says")
