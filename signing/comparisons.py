"""How much comparing a PDF's revisions would cost, told before anybody compares them.

Each signature is held against each later revision, page by page: a megabyte of empty pages with some dozen signatures
would keep whoever judges it for minutes, and everything behind it. Asked of a document before it is signed, too.
"""

from __future__ import annotations

from typing import Final

from pyhanko.pdf_utils.reader import PdfFileReader

from signing.document_reading import MOST_PAGES, page_references, reading
from signing.errors import DocumentRefused

MOST_SIGNATURES: Final = 32
MOST_REVISIONS: Final = 64
"""A result that ten people signed has thirty."""
MOST_COMPARED: Final = 200_000
"""Pages × signatures × revisions: some ten seconds. Ten signatures with all their evidence on 500 pages are fewer."""
EACH: Final = 100
"""Pages that cost as much as all else of one comparison."""


def require_bearable(reader: PdfFileReader, *, signatures: int, revisions: int) -> None:
    """Raises DocumentRefused."""
    if revisions > MOST_REVISIONS:
        raise DocumentRefused("document_too_many_revisions", f"more than {MOST_REVISIONS}")
    if signatures > MOST_SIGNATURES:
        raise DocumentRefused("document_too_many_objects", f"more than {MOST_SIGNATURES} signatures")
    most = max(0, MOST_COMPARED // max(1, signatures * revisions) - EACH)
    if most >= MOST_PAGES:
        return
    try:
        _count(reader, most)
    except DocumentRefused as trouble:
        words = f"{signatures} signatures and {revisions} revisions on more than {most} pages"
        raise DocumentRefused("document_too_many_revisions", words) from trouble


def _count(reader: PdfFileReader, most: int) -> None:
    """Of every revision, the newest first: what a later one took away is compared all the same."""
    with reading():
        for each in reversed(range(reader.total_revisions)):
            page_references(reader.get_historical_resolver(each), most=most)
