"""Files with two tables of objects at once, as Word saves them: harmless, or two documents in one file.

A hybrid file (ISO 32000-1, 7.5.8.4) has a classic table for old readers, and a stream of further entries that they do
not see. Word hides in it what old readers do without. An enemy would have both speak of the same object, so that two
programs show two pages under one signature.
"""

from __future__ import annotations

from typing import Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader

_FREE: Final = None


def tables_differ(reader: PdfFileReader) -> bool:
    """Whether an object in use stands elsewhere for those who read the stream than for those who do not."""
    plain: dict[int, Any] = {}
    for revision in range(reader.total_revisions):
        data = reader.xrefs.get_xref_data(revision)
        plain |= dict.fromkeys(data.freed, _FREE)
        plain |= data.standard_xrefs
        plain |= data.xrefs_in_objstm
        if data.hybrid is not None and _differs(plain, data.hybrid.xref_data):
            return True
    return False


def _differs(plain: dict[int, Any], hidden: Any) -> bool:
    told = {**hidden.standard_xrefs, **hidden.xrefs_in_objstm}
    return any(plain.get(number, _FREE) not in (_FREE, place) for number, place in told.items())
