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


def table_bomb(entries: int) -> bytes:
    """A cross-reference stream of a few kilobytes that says it has so many objects."""
    head = b"%PDF-1.7\n"
    body = stream(bytes(entries * 5), b"/Type /XRef /Size %d /W [1 3 1] /Root 1 0 R" % entries)
    return head + b"1 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (body, len(head))


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
