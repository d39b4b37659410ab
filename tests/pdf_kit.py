"""PDFs for tests: good ones as a province makes them, and bad ones as enemies and old programs do."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from functools import cache
from pathlib import Path

from config.demo.result_pdf import building_permit, result_pdf
from tests.signing_kit import raw, small_pdf

DOSSIER = "H99.24-260703-0007"


@cache
def permit(drawing: int = 0) -> bytes:
    """A one-page result, unsigned; with a drawing of so many bytes behind it."""
    return result_pdf(building_permit(DOSSIER, "Trần Thị Mẫu", drawing=drawing))


@cache
def large_permit() -> bytes:
    """One of 200 kB, as scans and drawings make them."""
    return permit(185_000)


def written(*objects: bytes, trailer: bytes = b"", root: int = 1) -> bytes:
    """A file of these objects, numbered from 1, with a classic table."""
    made, places = bytearray(b"%PDF-1.7\n"), []
    for number, each in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root %d 0 R %b >>\n" % (len(objects) + 1, root, trailer)
    return bytes(made) + b"startxref\n%d\n%%%%EOF\n" % table


def one_page(catalog: bytes = b"", *more: bytes, page: bytes = b"", trailer: bytes = b"") -> bytes:
    """One empty page (3 0 R); `catalog` and `page` are put into theirs, `more` are objects from 4 on."""
    return written(
        b"<< /Type /Catalog /Pages 2 0 R %b >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %b >>" % page,
        *more,
        trailer=trailer,
    )


def stream(content: bytes, about: bytes = b"") -> bytes:
    """A compressed stream."""
    packed = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode %b >>\nstream\n%b\nendstream" % (len(packed), about, packed)


def table_bomb(entries: int, *, says: int = 0, width: bytes = b"1 3 1") -> bytes:
    """A cross-reference stream of a few kilobytes, or of nothing, that says it has so many objects."""
    head = b"%PDF-1.7\n"
    body = stream(bytes(entries * 5), b"/Type /XRef /Size %d /W [%b] /Root 1 0 R" % (says or entries, width))
    return head + b"1 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (body, len(head))


def word_made(*, twice: int = 0) -> bytes:
    """As Word saves it: a table in which some objects are free, and a stream beside it that knows them.

    `twice` is an object of the table that the stream has elsewhere: two documents in one file.
    """
    content = b"BT /F1 18 Tf 72 760 Td (Giay phep) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/StructTreeRoot 7 0 R/MarkInfo<</Marked true>>>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 5 0 R>>>>/MediaBox[0 0 595 842]/Contents 4 0 R>>",
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        stream(b"7 0 8 29 <</Type/StructTreeRoot/K 8 0 R>><</Type/StructElem/S/P>>", b"/Type/ObjStm/N 2/First 9"),
    ]
    made, places = bytearray(b"%PDF-1.7\n%\xb5\xb5\xb5\xb5\n"), [0]
    for number, each in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    hidden = [b"\0\0\0\0\xff", *(b"\1%b\0" % place.to_bytes(3, "big") for place in places[1:])]
    if twice:
        hidden[twice] = b"\2\0\0\6\1"
    beside = len(made)
    rows = b"".join([*hidden, b"\2\0\0\6\0", b"\2\0\0\6\1", b"\1%b\0" % beside.to_bytes(3, "big")])
    made += b"9 0 obj\n%b\nendobj\n" % stream(rows, b"/Type/XRef/Size 10/W[1 3 1]/Root 1 0 R")
    table, free = len(made), b"0000000008 65535 f\r\n"
    known = b"".join(b"%010d 00000 n\r\n" % place for place in places[1:])
    made += b"xref\n0 10\n%b%b%b%b%010d 00000 n\r\n" % (free, known, free, free, beside)
    made += b"trailer\n<</Size 10/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % table
    last = b"xref\n0 0\ntrailer\n<</Size 10/Root 1 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF"
    return bytes(made) + last % (table, beside, len(made))


def packed(number: int = 1500, *, in_one: int = 100, wrong: bytes = b"") -> bytes:
    """So many pages, their objects in compressed streams, so many in each. `wrong` is put before a stream's head."""
    made, rows = bytearray(b"%PDF-1.7\n"), [b"\0" + bytes(6)]
    kids = range(4 + number // in_one + 1, 4 + number // in_one + 1 + number)
    above = b"<</Type/Pages/Count %d/Kids[%b]>>" % (number, b" ".join(b"%d 0 R" % kid for kid in kids))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", above]
    parts = [kids[start : start + in_one] for start in range(0, number, in_one)]
    for part in parts:
        head = wrong + b" ".join(b"%d 0" % kid for kid in part) + b" "
        about = b"/Type/ObjStm/N %d/First %d" % (len(part), len(head))
        objects.append(stream(head + b"<</Type/Page/Parent 2 0 R>>", about))
    for name, each in enumerate(objects, start=1):
        rows.append(b"\1" + len(made).to_bytes(4, "big") + bytes(2))
        made += b"%d 0 obj\n%b\nendobj\n" % (name, each)
    rows += [b"\0" + bytes(6)] * (kids[0] - len(rows))
    rows += [b"\2" + name.to_bytes(4, "big") + bytes(2) for name, part in enumerate(parts, start=3) for _ in part]
    about = b"/Type/XRef/W[1 4 2]/Root 1 0 R/Size %d" % len(rows)
    table = len(made)
    made += b"%d 0 obj\n%b\nendobj\n" % (kids[0] - 1, stream(b"".join(rows), about))
    return bytes(made) + b"startxref\n%d\n%%%%EOF\n" % table


def signed(pdf: bytes, holder, *, at, stamp=None, **wanted) -> bytes:
    """Prepared, signed by this holder's key, and embedded."""
    from signing.documents import embed, prepare

    wanted.setdefault("field", "KyLanhDao")
    prepared = prepare(pdf, certificate=holder.der, chain=holder.chain_der, at=at, **wanted)
    return embed(prepared.document, prepared.plan, raw(holder, prepared.digest), stamp=stamp)


def pdfsig(pdf: bytes, folder: Path) -> str:
    """What poppler says of its signatures; of the certificates it is not asked."""
    file = folder / "signed.pdf"
    file.write_bytes(pdf)
    program = shutil.which("pdfsig")
    assert program is not None
    return subprocess.run([program, "-nocert", str(file)], capture_output=True, text=True, check=False).stdout


def small() -> bytes:
    """The smallest good one."""
    return small_pdf()
