"""A document that nobody should sign is refused with a code that says why, and in a bounded time."""

from __future__ import annotations

import pytest

from signing import document_reading, pdf_reader
from signing.appearance import Appearance
from signing.document_reading import MOST_SIGNATURES, look, page_references
from signing.errors import DocumentRefused
from signing.hybrid_tables import tables_differ
from signing.pdf_reader import MOST_OBJECTS, opened, to_write
from tests.pdf_kit import large_permit, one_page, packed, pdfsig, permit, signed, stream, table_bomb, word_made, written
from tests.signing_kit import NOW, signer, small_pdf

ACTION = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"


def code_of(pdf: bytes, **bounds) -> str:
    with pytest.raises(DocumentRefused) as refused:
        look(pdf, **bounds)
    return refused.value.code


def pages_in_a_circle() -> bytes:
    return written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
    )


def no_pages() -> bytes:
    return written(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>")


def table_in_a_circle() -> bytes:
    whole = one_page()
    return whole.replace(b"/Root 1 0 R", b"/Prev %d /Root 1 0 R" % whole.index(b"xref"))


def deep() -> bytes:
    return one_page(b"/Deep " + b"[" * 100_000 + b"]" * 100_000)


REFUSED = {
    "empty": (b"", "document_empty"),
    "text": (b"Giay phep", "document_not_pdf"),
    "docx": (b"PK\x03\x04" + bytes(100), "document_not_pdf"),
    "junk before": (b"\n" + permit(), "document_not_pdf"),
    "head only": (b"%PDF-1.7\n", "document_broken"),
    "cut": (permit()[:-400], "document_broken"),
    "no root": (permit().replace(b"/Root", b"/Ruot"), "document_broken"),
    "encrypted": (
        one_page(b"", b"<< /Filter /Standard >>", trailer=b"/Encrypt 4 0 R"),
        "document_encrypted",
    ),
    "circle": (pages_in_a_circle(), "document_broken"),
    "no page": (no_pages(), "document_broken"),
    "tables in a circle": (table_in_a_circle(), "document_broken"),
    "deep": (deep(), "document_broken"),
    "size too small": (permit().replace(b"/Size 1", b"/Size 0", 1), "document_broken"),
    "size too large": (one_page().replace(b"/Size 4", b"/Size 9999999"), "document_broken"),
    "script on opening": (one_page(b"/OpenAction %b" % ACTION), "document_has_scripts"),
    "script by reference": (one_page(b"/OpenAction 4 0 R", ACTION), "document_has_scripts"),
    "script of a page": (one_page(page=b"/AA << /O %b >>" % ACTION), "document_has_scripts"),
    "script of a remark": (
        one_page(b"", b"<< /Subtype /Link /A << /S /Launch /F (x.exe) >> >>", page=b"/Annots [4 0 R]"),
        "document_has_scripts",
    ),
    "scripts by name": (one_page(b"/Names << /JavaScript << /Names [(a) 4 0 R] >> >>", ACTION), "document_has_scripts"),
    "script behind a link": (
        one_page(page=b"/Annots [<< /A << /S /URI /URI (x) /Next [<< /S /SubmitForm >>] >> >>]"),
        "document_has_scripts",
    ),
    "xfa": (one_page(b"/AcroForm << /Fields [] /XFA (x) >>"), "document_has_xfa"),
    "table bomb": (table_bomb(3 * MOST_OBJECTS), "document_too_many_objects"),
    "table of nothing": (table_bomb(10, says=1_000_000_000), "document_too_many_objects"),
    "table without width": (table_bomb(10, says=1_000_000_000, width=b"0 0 0"), "document_too_many_objects"),
}


@pytest.mark.parametrize(("pdf", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(pdf, code):
    """What is empty, no PDF, broken, encrypted, scripted or endless is refused, each with its word."""

    assert code == code_of(pdf)


def test_too_large():
    """A file past the bound is refused before anybody reads in it."""

    assert "document_too_large" == code_of(permit(), most_bytes=1000)


def test_good_ones():
    """A result, one with a drawing, one of many pages, and one with a link on it are looked through."""
    linked = one_page(page=b"/Annots [<< /Subtype /Link /A << /S /URI /URI (https://example.invalid) >> >>]")

    assert (1, 2, 30, 1) == tuple(look(each).pages for each in (permit(), large_permit(), small_pdf(pages=30), linked))
    assert 1 == look(one_page(b"/OpenAction 4 0 R", b"7")).pages
    assert ("so_ky_hieu", "ngay_ban_hanh") == look(permit()).text_fields


def test_objects_in_streams():
    """A file that keeps its objects in compressed streams, as most programs write it, is read the same."""
    from io import BytesIO

    from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

    from signing.appearance import stream as content

    writer = PdfFileWriter(stream_xrefs=True)
    writer.insert_page(
        PageObject(
            contents=writer.add_object(content({}, b"x\x9c\x03\x00\x00\x00\x00\x01")), media_box=(0, 0, 300, 300)
        )
    )
    made = BytesIO()
    writer.write(made)
    one = signed(made.getvalue(), signer("official"), at=NOW)

    assert 1 == look(one).pages == len(look(one).signatures)


def test_too_many(monkeypatch):
    """More pages, objects or fields than any result has are refused."""
    monkeypatch.setattr(document_reading, "MOST_PAGES", 4)
    assert "document_too_many_pages" == code_of(small_pdf(pages=5))
    assert "document_too_many_pages" == code_of(small_pdf(pages=80))
    monkeypatch.setattr(pdf_reader, "MOST_OBJECTS", 4)
    assert "document_too_many_objects" == code_of(permit())


def test_too_much_to_look_at(monkeypatch):
    """A file whose outlines go on and on is refused where the walk ends."""
    monkeypatch.setattr(document_reading, "MOST_WALKED", 10)

    assert "document_too_many_objects" == code_of(one_page(b"/Outlines [%b]" % (b"[] " * 20)))


def test_too_many_signatures():
    """More signature fields than anybody signs are refused."""
    fields = b" ".join(b"%d 0 R" % number for number in range(4, 6 + MOST_SIGNATURES))
    many = [b"<< /FT /Sig /T (s%d) >>" % number for number in range(2 + MOST_SIGNATURES)]

    assert "document_too_many_objects" == code_of(one_page(b"/AcroForm << /Fields [%b] >>" % fields, *many))


def test_bomb_in_an_object_stream():
    """A stream that becomes gigabytes is not unpacked."""
    packed = stream(bytes(20_000_000), b"/Type /ObjStm /N 1 /First 4")
    head = b"%PDF-1.7\n1 0 obj\n" + packed + b"\nendobj\n"
    entries = (
        b"\x00\x00\x00\x00\xff"
        + b"\x01\x00\x00\x09\x00"
        + b"\x02\x00\x00\x01\x00"
        + b"\x01%b\x00" % len(head).to_bytes(3, "big")
    )
    table = b"3 0 obj\n" + stream(entries, b"/Type /XRef /Size 4 /W [1 3 1] /Root 2 0 R") + b"\nendobj\n"

    assert "document_broken" == code_of(head + table + b"startxref\n%d\n%%%%EOF\n" % len(head))


def test_one_long_object_stream():
    """Pages out of one long stream are read as those out of many short ones: nothing is searched from its head."""

    assert 1500 == look(packed()).pages
    assert 2000 == look(packed(2000, in_one=2000)).pages


def test_objects_that_are_not_where_they_are_said_to_be(monkeypatch):
    """A stream that is none, a head that lacks the object, one that is no head, and objects without end are refused."""
    whole = packed(4)

    assert "document_broken" == code_of(whole.replace(b"/Type/ObjStm", b"/Type/ObjXYZ"))
    assert "document_broken" == code_of(packed(4, wrong=b"77 0 78 0 79 0 80 0 "))
    assert "document_broken" == code_of(packed(4, wrong=b"77 "))
    assert "document_broken" == code_of(packed(4, wrong=b"x "))
    monkeypatch.setattr(pdf_reader, "_MOST_READ", 60)
    assert "document_too_many_objects" == code_of(whole)


def test_endless_parents():
    """A page whose parents never end has no size of its own."""
    page = to_write(one_page(page=b"/A 1")).root["/Pages"]["/Kids"][0]
    page["/Parent"].update({"/Parent": page})

    assert document_reading.inherited(page, "/Nothing") is None


def test_signature_shown_in_odd_ways():
    """A signature with its widget apart, one with no place, and one whose page is not told are seen as they are."""
    value = b"<< /SubFilter /ETSI.CAdES.detached >>"
    odd = one_page(
        b"/AcroForm << /Fields [4 0 R 6 0 R 7 0 R 9 0 R] >>",
        b"<< /FT /Sig /T (a) /V 8 0 R /Kids [5 0 R] >>",
        b"<< /Subtype /Widget /P 3 0 R /Rect [90 80 10 20] >>",
        b"<< /FT /Sig /T (b) /V 8 0 R >>",
        b"<< /FT /Sig /T (c) /V 8 0 R /Rect [1 2 30 40] >>",
        value,
        b"<< /FT /Sig /T (d) /V 8 0 R /Kids [5 0 R 5 0 R] >>",
    )
    a, b, c, d = look(odd).signatures

    assert ((1, (10, 20, 90, 80)), (None, None), (None, (1, 2, 30, 40))) == tuple(
        (each.page, each.box) for each in (a, b, c)
    )
    assert (False, None) == (a.is_stamp, d.box)


@pytest.mark.needs("pdfsig")
def test_document_of_word(tmp_path):
    """A file with two tables, as Word saves it, is signed twice; only one whose tables contradict each other is odd."""
    once = signed(word_made(), signer("official"), at=NOW, appearance=Appearance(kind="official", lines=["Ký"]))
    twice = signed(once, signer("agency"), at=NOW, field="Dau")

    assert twice.startswith(word_made())
    assert 2 == pdfsig(twice, tmp_path).count("Signature is Valid")
    assert [False, False, True] == [tables_differ(opened(each)) for each in (word_made(), twice, word_made(twice=5))]


def test_pages_in_order():
    """Pages come in the order in which they are read, whatever the tree."""
    nested = written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 3 >>",
        b"<< /Type /Pages /Kids [4 0 R 5 0 R] /Count 2 /Parent 2 0 R >>",
        b"<< /Type /Page /Parent 3 0 R >>",
        b"<< /Type /Page /Parent 3 0 R >>",
        b"<< /Type /Page /Parent 2 0 R >>",
    )

    assert [4, 5, 6] == [each.idnum for each in page_references(to_write(nested))]
