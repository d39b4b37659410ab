"""The parts of a workbook, looked through before anything reads it: bounded, without DTD, and what is spoiled in them.

A workbook is a zip of XML files, and the reader that we use takes it as it comes. So the parts are unpacked here within
limits, and only what was seen here is handed on, packed anew: sizes that lie are of no use to anybody.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Final

from adapters.doors.files_csv import FileRefused
from signing import xml
from signing.errors import XmlRefused

LARGEST_FILE: Final = 20_000_000
LARGEST_UNPACKED: Final = 100_000_000
"""Bytes of all parts together: some 300,000 rows of twenty columns."""
MOST_PARTS: Final = 1_000
MOST_CELLS: Final = 4_000_000
"""Of the rectangle from A1 to the last cell: the reader keeps all of it, empty or not."""
MOST_TEXT: Final = 200_000_000
"""Characters of all cells: one shared text may be named by every cell."""

_REL: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_TOKEN: Final = re.compile(
    rb"<(?:[\w.-]+:)?(row|c|f|v)(?=[\s/>])([^>]*)>([0-9]*)",
)
_PLACE: Final = re.compile(rb"(?:^|\s)r\s*=\s*[\"']([A-Z]{0,3})([0-9]{1,7})[\"']")
_KIND: Final = re.compile(rb"(?:^|\s)t\s*=\s*[\"'](\w+)[\"']")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPart:
    """One sheet as the workbook names it."""

    name: str
    is_hidden: bool
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a workbook holds."""

    files: Mapping[str, bytes]
    sheets: tuple[SheetPart, ...]

    def packed(self) -> io.BytesIO:
        """The same parts as a workbook again."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as packed:
            for name, data in self.files.items():
                packed.writestr(name, data)
        made.seek(0)
        return made


def unpack(file: IO[bytes]) -> Parts:
    """The parts that hold cells. Raises FileRefused."""
    if file.seek(0, io.SEEK_END) > LARGEST_FILE:
        raise too_large()
    try:
        with zipfile.ZipFile(file) as packed:
            files = _files(packed)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError):
        raise broken() from None
    return Parts(files=files, sheets=_sheets(files))


def too_large() -> FileRefused:
    """More than is read at once."""
    return FileRefused("too_large", "file_workbook_large", limit=f"{LARGEST_UNPACKED // 1_000_000}")


def broken() -> FileRefused:
    """No workbook, or one that is damaged."""
    return FileRefused("wrong_type", "file_workbook_broken")


def _files(packed: zipfile.ZipFile) -> dict[str, bytes]:
    parts = [part for part in packed.infolist() if part.filename.endswith((".xml", ".rels"))]
    if len(packed.infolist()) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_UNPACKED:
        raise too_large()
    if len({part.filename.lower() for part in parts}) < len(parts):
        raise broken()
    found: dict[str, bytes] = {}
    for part in parts:
        data = packed.read(part)  # reads no more than the size that was summed up above
        head = data[:200]
        # The scan below looks for ASCII; a part in another encoding would pass it unseen.
        is_wide = b"\x00" in head or (b"encoding" in head and not re.search(rb"encoding=[\"'](?i:utf-8|ascii)", head))
        if is_wide or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise broken()
        found[part.filename] = data
    return found


def _sheets(files: Mapping[str, bytes]) -> tuple[SheetPart, ...]:
    try:
        main = next(target for kind, _, target in _relations(files, "") if kind.endswith("/officeDocument"))
        book = xml.read(files[main])
        targets = {number: target for _, number, target in _relations(files, main)}
    except (StopIteration, KeyError, XmlRefused):
        raise broken() from None
    found = []
    for sheet in book.iterfind("{*}sheets/{*}sheet"):
        number = next((value for name, value in sheet.attrib.items() if str(name).endswith("}id")), "")
        path = targets.get(str(number), "")
        if path not in files:
            raise broken()
        is_hidden = sheet.get("state", "visible") != "visible"
        found.append(SheetPart(name=str(sheet.get("name", "")), is_hidden=is_hidden, path=path))
    return tuple(found)


def _relations(files: Mapping[str, bytes], part: str) -> list[tuple[str, str, str]]:
    """Type, id and target of each relation of a part."""
    folder, name = posixpath.split(part)
    tree = xml.read(files[posixpath.join(folder, "_rels", f"{name}.rels")])
    return [
        (
            str(each.get("Type", "")),
            str(each.get("Id", "")),
            posixpath.normpath(posixpath.join("/" + folder, str(each.get("Target", "")))).lstrip("/"),
        )
        for each in tree.iterfind(_REL)
    ]


def spoiled_cells(parts: Parts, sheet: SheetPart) -> dict[tuple[int, int], str]:
    """Row and column (from 0) of every formula and error of a sheet. Raises FileRefused when it is too large."""
    lengths = [len(text) for text in re.split(rb"<(?:[\w.-]+:)?si[\s/>]", _shared(parts))[1:]]
    found: dict[tuple[int, int], str] = {}
    row = column = -1
    last_row = last_column = text = 0
    is_shared = False
    for token in _TOKEN.finditer(parts.files[sheet.path]):
        name, attributes = token[1], token[2]
        if name == b"row":
            row, column = _number(attributes, row + 1), -1
            last_row = max(last_row, row)
        elif name == b"c":
            row, column = _place(attributes, row, column + 1)
            last_row, last_column = max(last_row, row), max(last_column, column)
            kind = _KIND.search(attributes)
            is_shared = kind is not None and kind[1] == b"s"
            if kind is not None and kind[1] == b"e":
                found[row, column] = "cell_error"
        elif name == b"f":
            found[row, column] = "cell_formula"
        elif is_shared and token[3] and int(token[3][:9]) < len(lengths):
            text += lengths[int(token[3][:9])]
        if (last_row + 1) * (last_column + 1) > MOST_CELLS or text > MOST_TEXT:
            raise too_large()
    return found


def _shared(parts: Parts) -> bytes:
    return b"".join(data for name, data in parts.files.items() if name.lower().endswith("sharedstrings.xml"))


def _number(attributes: bytes, otherwise: int) -> int:
    place = _PLACE.search(attributes)
    return otherwise if place is None else int(place[2]) - 1


def _place(attributes: bytes, row: int, column: int) -> tuple[int, int]:
    place = _PLACE.search(attributes)
    if place is None or not place[1]:
        return row, column
    at = 0
    for letter in place[1]:
        at = at * 26 + letter - ord("A") + 1
    return int(place[2]) - 1, at - 1
