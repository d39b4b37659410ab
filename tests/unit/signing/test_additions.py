"""What a later version of a PDF added: one signature and nothing that shows anything else, or it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
    pdf_name,
    pdf_string,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

from contracts.vgca.agent import signed as by_agent
from signing import verification_pdf
from signing.additions import added
from tests.signing_kit import signer, small_pdf

Change = Callable[[IncrementalPdfFileWriter], object]
PDF = small_pdf()


@cache
def signed(pdf: bytes = PDF, field: str = "VGCA1") -> bytes:
    """With an official's signature more."""
    return by_agent(pdf, signer("official"), field_name=field)


def revised(change: Change, pdf: bytes = PDF) -> bytes:
    """With one more revision."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def page(writer: IncrementalPdfFileWriter) -> Any:
    return writer.root["/Pages"]["/Kids"][0]


def remark(writer: IncrementalPdfFileWriter) -> DictionaryObject:
    """A text that stands on a page."""
    told = {"/Type": "/Annot", "/Subtype": "/FreeText"}
    made = DictionaryObject({pdf_name(name): NameObject(value) for name, value in told.items()})
    made[pdf_name("/Rect")] = ArrayObject([NumberObject(each) for each in (0, 0, 200, 50)])
    made[pdf_name("/Contents")] = pdf_string("So 12")
    return made


def with_remark(writer: IncrementalPdfFileWriter) -> None:
    page(writer)[pdf_name("/Annots")] = ArrayObject([writer.add_object(remark(writer))])
    writer.update_container(page(writer))


def with_remark_itself(writer: IncrementalPdfFileWriter) -> None:
    page(writer)[pdf_name("/Annots")] = ArrayObject([remark(writer)])
    writer.update_container(page(writer))


def with_list_of_remarks(writer: IncrementalPdfFileWriter) -> None:
    page(writer)[pdf_name("/Annots")] = writer.add_object(ArrayObject([writer.add_object(remark(writer))]))
    writer.update_container(page(writer))


def without_remarks(writer: IncrementalPdfFileWriter) -> None:
    page(writer)[pdf_name("/Annots")] = ArrayObject()
    writer.update_container(page(writer))


def other_content(writer: IncrementalPdfFileWriter) -> None:
    page(writer)[pdf_name("/Contents")] = writer.add_object(StreamObject(stream_data=b"BT ET"))
    writer.update_container(page(writer))


def same_content_written_over(writer: IncrementalPdfFileWriter) -> None:
    old: Any = page(writer).raw_get("/Contents")
    writer.objects[(old.generation, old.idnum)] = StreamObject(stream_data=b"BT ET")


def one_more_remark_in_the_list(writer: IncrementalPdfFileWriter) -> None:
    listed = page(writer)["/Annots"]
    listed.append(writer.add_object(remark(writer)))
    writer.mark_update(page(writer).raw_get("/Annots").reference)


def another_language(writer: IncrementalPdfFileWriter) -> None:
    writer.root[pdf_name("/Lang")] = pdf_string("vi")
    writer.update_root()


def another_root(writer: IncrementalPdfFileWriter) -> None:
    copy = DictionaryObject(dict(writer.root.items()))
    copy[pdf_name("/Pages")] = writer.root.raw_get("/Pages")
    writer._root = writer.add_object(copy)
    writer.trailer[pdf_name("/Root")] = writer._root
    writer._force_write_when_empty = True


def another_page(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    pages["/Kids"].append(writer.add_object(DictionaryObject({pdf_name("/Type"): pdf_name("/Page")})))
    writer.mark_update(writer.root.raw_get("/Pages").reference)


def another_kind_of_object(writer: IncrementalPdfFileWriter) -> None:
    old: Any = page(writer)["/Resources"]["/Font"].raw_get("/F1")
    writer.objects[(old.generation, old.idnum)] = ArrayObject()


def about(writer: IncrementalPdfFileWriter) -> None:
    writer.set_info(writer.add_object(DictionaryObject({pdf_name("/Title"): pdf_string("Giay phep")})))


def about_again(writer: IncrementalPdfFileWriter) -> None:
    """The same object, written anew."""
    ref: Any = writer.prev.trailer.raw_get("/Info")
    writer.objects[(0, ref.idnum)] = DictionaryObject({pdf_name("/Title"): pdf_string("Khac")})


def waiting_field(writer: IncrementalPdfFileWriter) -> None:
    append_signature_field(writer, SigFieldSpec("VGCA1", on_page=0, box=(10, 10, 100, 50)))


# -- is it that one ----------------------------------------------------------------------------------------------------


def test_one_signature():
    """The untouched beginning, one signature over all of it, its certificate, and nothing shown beside it."""
    told = added(PDF, signed())

    assert (True, ("VGCA1",), (), True, False) == (
        told.is_continued,
        told.fields,
        told.lost,
        told.covers_whole,
        told.shows_more,
    )
    assert signer("official").der == told.certificate


@pytest.mark.parametrize("after", [PDF, PDF[:-1], b"x" + PDF, PDF.replace(b"Giay", b"Giai") + b"\n"])
def test_not_continued(after):
    """Equal, shorter, or with another byte in it: it is not that document."""
    assert not added(PDF, after).is_continued


def test_no_signature_and_two():
    """None and two are told as they are; neither has one certificate."""
    twice = signed(signed(), "VGCA2")

    none = added(PDF, revised(about))
    assert ((), b"", False) == (none.fields, none.certificate, none.covers_whole)
    assert ({"VGCA1", "VGCA2"}, b"") == (set(added(PDF, twice).fields), added(PDF, twice).certificate)
    assert (("VGCA2",), False) == (added(signed(), twice).fields, added(signed(), twice).shows_more)


def test_a_signature_that_is_gone():
    """A field that was signed and is not there any more is told by its name."""

    def forget(writer: IncrementalPdfFileWriter) -> None:
        writer.root["/AcroForm"][pdf_name("/Fields")] = ArrayObject()
        writer.update_container(writer.root["/AcroForm"])

    assert ("VGCA1",) == added(signed(), revised(forget, signed())).lost


def test_a_value_that_cannot_be_read():
    """A signature without a readable value names nobody."""
    made = bytearray(signed())
    start = made.index(b"/Contents <") + len(b"/Contents <")
    made[start : start + 40] = b"0" * 40

    assert (("VGCA1",), b"") == (added(PDF, bytes(made)).fields, added(PDF, bytes(made)).certificate)


def test_something_behind_the_signature():
    """A revision behind it: it does not cover the whole any more."""
    assert not added(PDF, revised(another_language, signed())).covers_whole


# -- what it shows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        with_remark,
        with_remark_itself,
        with_list_of_remarks,
        other_content,
        same_content_written_over,
        another_language,
        another_root,
        another_page,
        another_kind_of_object,
    ],
)
def test_what_shows_more(change):
    """Text on a page, another content, a page more, another catalogue: signed by whomever, it is told."""
    made = signed(revised(change))

    assert added(PDF, made).is_continued
    assert added(PDF, made).shows_more


@pytest.mark.parametrize(
    ("before", "change"),
    [(with_remark, without_remarks), (with_list_of_remarks, one_more_remark_in_the_list)],
)
def test_remarks_that_change(before, change):
    """A remark that goes, or one that comes in the page's own list, is told."""
    given = revised(before)

    assert added(given, signed(revised(change, given))).shows_more
    assert not added(given, signed(given)).shows_more


@pytest.mark.parametrize("given", [revised(about), revised(waiting_field)], ids=["about", "waiting field"])
def test_what_shows_no_more(given):
    """What is said about the document may be said anew, and the field that waits for a signature is filled."""
    later = revised(about_again, given) if given == revised(about) else given

    assert not added(given, signed(later)).shows_more


def written_again(pdf: bytes, text: bytes) -> bytes:
    """All its objects once more behind it, with another page, under a table that knows nothing of the first."""
    objects = {int(each[1]): each[2] for each in re.finditer(rb"(?m)^(\d+) 0 obj\n(.*?)\nendobj", pdf, re.S)}
    content = b"BT /F1 18 Tf 72 760 Td (%s) Tj ET" % text
    objects[5] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
    made, places = bytearray(pdf), {}
    for number, body in sorted(objects.items()):
        places[number] = len(made)
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table, size = len(made), max(places) + 1
    made += b"xref\n0 %d\n0000000000 65535 f \n" % size
    made += b"".join(b"%010d 00000 n \n" % places[number] for number in range(1, size))
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, table)
    return bytes(made)


def test_a_table_that_forgets_the_first_one():
    """Another document behind the one that was given, reached by a table of its own: it is not that one continued."""
    made = signed(written_again(PDF, b"Giay phep GIA MAO"))

    assert made.startswith(PDF)
    assert not added(PDF, made).is_continued


def stamp_of_nobody(writer: IncrementalPdfFileWriter) -> None:
    """A picture that calls itself a signature, in no field."""
    made = remark(writer)
    made[pdf_name("/FT")] = pdf_name("/Sig")
    page(writer)[pdf_name("/Annots")] = ArrayObject([writer.add_object(made)])
    writer.update_container(page(writer))


def drawn_form(writer: IncrementalPdfFileWriter) -> None:
    """In the catalogue itself, where there was none."""
    form = DictionaryObject({pdf_name("/Fields"): ArrayObject(), pdf_name("/XFA"): pdf_string("<a/>")})
    writer.root[pdf_name("/AcroForm")] = form
    writer.update_root()


def another_field(writer: IncrementalPdfFileWriter) -> None:
    waiting_field(writer)
    field = DictionaryObject({pdf_name("/FT"): pdf_name("/Tx"), pdf_name("/T"): pdf_string("so")})
    writer.root["/AcroForm"]["/Fields"].append(writer.add_object(field))


def field_that_acts(writer: IncrementalPdfFileWriter) -> None:
    waiting_field(writer)
    field = writer.root["/AcroForm"]["/Fields"][0]
    script = DictionaryObject({pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string("1")})
    field[pdf_name("/AA")] = DictionaryObject({pdf_name("/PO"): script})


def place_on_two_pages(writer: IncrementalPdfFileWriter) -> None:
    waiting_field(writer)
    field = writer.root["/AcroForm"]["/Fields"].raw_get(0)
    other = writer.root["/Pages"]["/Kids"][1]
    other[pdf_name("/Annots")] = ArrayObject([field])
    writer.update_container(other)


@pytest.mark.parametrize(
    ("change", "pdf"),
    [
        (stamp_of_nobody, PDF),
        (drawn_form, PDF),
        (another_field, PDF),
        (field_that_acts, PDF),
        (place_on_two_pages, small_pdf(pages=2)),
    ],
)
def test_what_comes_along_with_a_signature(change, pdf):
    """A picture that no field signs, a form that draws itself, a field or an action more: it shows more."""
    assert added(pdf, signed(revised(change, pdf))).shows_more


def test_a_signature_over_the_whole_page():
    """A visible signature that takes more than a quarter of the page covers what was written: it shows more."""
    made = by_agent(PDF, signer("official"), box=(0, 0, 595, 842))

    assert (True, False) == (added(PDF, made).shows_more, added(PDF, signed()).shows_more)


def test_a_number_that_was_left_free():
    """What takes a number that the given document had left free may be what something in it points at."""
    given = PDF.replace(b"/Size 6", b"/Size 9")

    def fill(writer: IncrementalPdfFileWriter) -> None:
        writer.objects[(0, 7)] = DictionaryObject()

    assert (True, False) == (
        added(given, signed(revised(fill, given))).shows_more,
        added(given, signed(given)).shows_more,
    )


def test_what_was_signed_before():
    """Whether there was a signature before is told: without one nothing vouches for the pages but this comparison."""
    assert (False, True) == (added(PDF, signed()).was_signed, added(signed(), signed(signed(), "VGCA2")).was_signed)


def test_what_cannot_be_compared():
    """A version whose pages cannot be walked counts as one that shows more."""

    def lose_pages(writer: IncrementalPdfFileWriter) -> None:
        ref: Any = writer.root.raw_get("/Pages")
        writer.objects[(0, ref.idnum)] = DictionaryObject(
            {pdf_name("/Kids"): ArrayObject([IndirectObject(2, 0, writer)])}
        )

    broken = revised(lose_pages)

    assert added(broken, revised(about, broken)).shows_more


def test_revisions_are_not_compared_here(monkeypatch):
    """Which signatures there are is asked, not what came after each: that is told when the document is judged."""
    compared = []
    monkeypatch.setattr(verification_pdf, "_after", lambda *asked: compared.append(asked))
    two = signed(signed(), "VGCA2")

    assert ("VGCA2",) == added(signed(), two).fields
    assert [] == compared
