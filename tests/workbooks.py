"""Workbooks made part by part, as spreadsheets write them, and as nobody should."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
DATE, DATE_AND_TIME = 1, 2
"""Styles of cells."""


def text(value: str) -> str:
    """What stands in a cell for a text."""
    return f' t="inlineStr"><is><t>{escape(value)}</t></is>'


def number(value: float, style: int = 0) -> str:
    """A number, or a date by its style."""
    return f' s="{style}"><v>{value}</v>'


def formula(shown: str) -> str:
    """A formula with the value last shown."""
    return f' t="str"><f>A1</f><v>{escape(shown)}</v>'


ERROR: Final = ' t="e"><v>#REF!</v>'


def letters(column: int) -> str:
    """The name of a column, from 0."""
    return chr(ord("A") + column)


def sheet(rows: Sequence[Sequence[str]], *, merged: Sequence[str] = ()) -> str:
    """A sheet of cells made by the functions above; an empty string is no cell."""
    told = "".join(
        f'<row r="{at}">'
        + "".join(f'<c r="{letters(n)}{at}"{cell}</c>' for n, cell in enumerate(row) if cell)
        + "</row>"
        for at, row in enumerate(rows, 1)
    )
    ranges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    return f"<sheetData>{told}</sheetData>" + (f"<mergeCells>{ranges}</mergeCells>" if merged else "")


def parts(sheets: Mapping[str, str], *, hidden: Sequence[str] = (), is_1904: bool = False) -> dict[str, str]:
    """The parts of a workbook with these sheets."""
    numbered = list(enumerate(sheets.items(), 1))
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"{_state(name, hidden)}/>' for n, (name, _) in numbered
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    properties = '<workbookPr date1904="1"/>' if is_1904 else ""
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
    } | {f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{_MAIN}">{body}</worksheet>' for n, (_, body) in numbered}


def _state(name: str, hidden: Sequence[str]) -> str:
    return ' state="hidden"' if name in hidden else ""


def write(path: Path, told: Mapping[str, str]) -> Path:
    """A workbook of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in told.items():
            packed.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + body)
    return path
