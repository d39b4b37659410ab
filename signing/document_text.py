"""Number and date, put in after the leader's signature and before the agency's seal, without breaking the first.

A page that is drawn anew is a changed page, whoever drew on it, and a remark laid over it may hide what was signed.
What every verifier can tell apart is a form field that was there when the document was signed, and is filled in
afterwards. So the places are made first (`with_fields`, or by whoever made the template), then signed
over, then filled in (`add_text`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils.generic import DictionaryObject, NameObject, NumberObject, TextStringObject

from signing.appearance import Box, font_object, form_object, noun, on_page, words
from signing.document_reading import Look, items, looked, page_references, seen_field, sheet_of
from signing.errors import DocumentRefused
from signing.pdf_reader import Revision, reading, to_write

SIZE: Final = 13.0
"""Points: what annex I of decree 30/2020/NĐ-CP has for number and date (13 to 14)."""
READ_ONLY: Final = 1
PRINTED: Final = 4
MOST_TEXT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlace:
    """Where something is filled in later."""

    name: str
    page: int
    """From 1."""
    box: Box


def with_fields(pdf: bytes, places: Sequence[TextPlace]) -> bytes:
    """A revision with empty text fields: before the first signature. Raises DocumentRefused."""
    reader = to_write(pdf)
    seen = looked(reader)
    if seen.signatures:
        raise DocumentRefused("document_exists_signed", "fields are made before the first signature, not after")
    if seen.certified is not None:
        raise DocumentRefused("document_forbids_changes", "it is certified: its fields may be filled in, and no more")
    with reading():
        writer = Revision.from_reader(reader)
        pages = page_references(reader)
        for each in places:
            if not 1 <= each.page <= seen.pages:
                raise DocumentRefused("document_page_missing", f"it has {seen.pages} pages, and no page {each.page}")
            page = pages[each.page - 1]
            sheet = sheet_of(page.get_object())
            field = writer.add_object(text_field(each.name, sheet.to_file(on_page(each.box, sheet.shown)), page))
            _fields(writer).append(field)
            writer.register_annotation(page.reference, field)
        writer.write_in_place()
        return bytes(reader.stream.getvalue())


def text_field(name: str, box: Box, page: Any) -> Any:
    """An empty text field that shows nothing and that a viewer lets nobody type into."""
    return noun(
        {
            "/Type": "/Annot",
            "/Subtype": "/Widget",
            "/FT": "/Tx",
            "/T": TextStringObject(name),
            "/Rect": [float(each) for each in box],
            "/P": page,
            "/F": PRINTED,
            "/Ff": READ_ONLY,
            "/DA": TextStringObject(f"/Helv {SIZE:g} Tf 0 g"),
        }
    )


def _fields(writer: Any) -> Any:
    """The form's list of fields, made where there is none, and marked as changed."""
    root = writer.root
    if "/AcroForm" not in root:
        root[NameObject("/AcroForm")] = writer.add_object(noun({"/Fields": []}))
        writer.update_root()
    form = root["/AcroForm"]
    if "/Fields" not in form:
        form[NameObject("/Fields")] = noun([])
    writer.update_container(form["/Fields"])
    return form["/Fields"]


def add_text(pdf: bytes, texts: Mapping[str, str], *, size: float = SIZE) -> bytes:
    """A revision in which these fields have these texts. Raises DocumentRefused.

    A field that has a text already is not written over: a number is given once.
    """
    reader = to_write(pdf)
    _refuse_missing(looked(reader), texts)
    with reading():
        writer = Revision.from_reader(reader)
        font = font_object(writer)
        for field in items(writer.root["/AcroForm"]["/Fields"]):
            name = str(field["/T"]) if "/T" in field else ""
            if name in texts:
                _fill(writer, field, font, texts[name][:MOST_TEXT], size)
        writer.write_in_place()
        return bytes(reader.stream.getvalue())


def _refuse_missing(seen: Look, texts: Mapping[str, str]) -> None:
    missing = sorted(set(texts) - set(seen.text_fields))
    if missing:
        raise DocumentRefused("document_field_missing", f"it has no text field named {', '.join(missing)}")


def _fill(writer: Any, field: Any, font: Any, text: str, size: float) -> None:
    if "/V" in field and str(field["/V"]):
        raise DocumentRefused("document_field_filled", f"its field {field['/T']} has a text already")
    box, sheet = seen_field(field)
    content = words([text], box[2] - box[0], box[3] - box[1], size=size)
    form = form_object(writer, content, box, sheet, font=font)
    field[NameObject("/V")] = TextStringObject(text)
    field[NameObject("/AP")] = DictionaryObject({NameObject("/N"): form})
    field[NameObject("/F")] = NumberObject(PRINTED)
    writer.update_container(field)
