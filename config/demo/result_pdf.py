"""The result of a procedure as a province would make it: one page in the form of decree 30/2020/NĐ-CP, all invented.

Number and date are form fields that stay empty until the agency issues the result (`signing/document_text.py`); between
title and name there is room for the signature. A drawing can be added as a second page, to make a file as large as
those of every day.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Final

from pyhanko.pdf_utils.generic import IndirectObject
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from signing.appearance import Box, font_object, noun, stream, text_width
from signing.document_text import text_field
from signing.letters import shown, tidy, wrapped

PAGE: Final[Box] = (0, 0, 595, 842)
LEFT: Final = 85.0
RIGHT: Final = 552.0
SIZE: Final = 13.0

NUMBER: Final = "so_ky_hieu"
DATE: Final = "ngay_ban_hanh"
NUMBER_BOX: Final[Box] = (118, 723, 265, 739)
DATE_BOX: Final[Box] = (302, 697, 552, 714)
SIGNED_BOX: Final[Box] = (352, 196, 512, 256)
"""Between title and name: where the picture of the signature goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one says."""

    agency: tuple[str, str] = ("ỦY BAN NHÂN DÂN", "TỈNH H99")
    title: str = "GIẤY PHÉP XÂY DỰNG"
    about: str = "Cấp cho nhà ở riêng lẻ"
    paragraphs: tuple[str, ...] = ()
    office: tuple[str, ...] = ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
    signer: str = "Nguyễn Văn Ví Dụ"
    recipients: tuple[str, ...] = ("Như trên;", "Sở Xây dựng;", "Lưu: VT.")
    drawing: int = 0
    """Bytes of a drawing on a second page; 0 for none."""


def building_permit(dossier: str, owner: str, *, signer: str = "Nguyễn Văn Ví Dụ", drawing: int = 0) -> Result:
    """A permit to build a house, for somebody who does not exist."""
    return Result(
        paragraphs=(
            f"1. Cấp cho: {owner}. Hồ sơ số: {dossier}.",
            "2. Được phép xây dựng công trình: Nhà ở riêng lẻ, 02 tầng, diện tích xây dựng tầng một 84,5 m², tổng diện "
            "tích sàn 169 m², chiều cao công trình 8,4 m; trên thửa đất số 99, tờ bản đồ số 9, xã Mẫu, tỉnh H99.",
            "3. Giấy tờ về quyền sử dụng đất: Giấy chứng nhận số MẪU 000099 do cơ quan có thẩm quyền cấp.",
            "4. Giấy phép này có hiệu lực khởi công trong thời hạn 12 tháng kể từ ngày ký; quá thời hạn trên thì phải "
            "đề nghị gia hạn giấy phép xây dựng.",
            "5. Chủ đầu tư phải thực hiện đúng nội dung của giấy phép và thông báo ngày khởi công cho Ủy ban nhân dân "
            "xã trước khi thi công. Đây là tài liệu mẫu để trình diễn, không có giá trị pháp lý.",
        ),
        signer=signer,
        drawing=drawing,
    )


def result_pdf(result: Result) -> bytes:
    """The document, unsigned. The same facts give the same pages; its identifier differs each time."""
    writer = PdfFileWriter(stream_xrefs=False)
    font = font_object(writer)
    page = _page(writer, _text(result), {"/Font": {"/F0": font}})
    if result.drawing:
        picture = _drawing(writer, result.drawing)
        sheet = b"q 467 0 0 620 64 110 cm /Im0 Do Q\n" + _line("BẢN VẼ KÈM THEO GIẤY PHÉP", 297, 770, centred=True)
        _page(writer, sheet, {"/Font": {"/F0": font}, "/XObject": {"/Im0": picture}})
    fields = [writer.add_object(text_field(*each, page)) for each in ((NUMBER, NUMBER_BOX), (DATE, DATE_BOX))]
    for each in fields:
        writer.register_annotation(page.reference, each)
    writer.root["/AcroForm"] = writer.add_object(noun({"/Fields": fields}))
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def _page(writer: PdfFileWriter, content: bytes, resources: dict[str, object]) -> IndirectObject:
    body = writer.add_object(stream({}, zlib.compress(content)))
    made: IndirectObject = writer.insert_page(PageObject(contents=body, media_box=PAGE, resources=noun(resources)))
    return made


def _drawing(writer: PdfFileWriter, size: int) -> IndirectObject:
    """A grey raster that does not shrink, as a scan does not."""
    wide = 400
    high = max(size // wide, 1)
    grey = Random(30).randbytes(wide * high)  # noqa: S311  # a picture, not a secret
    shape = {"/Type": "/XObject", "/Subtype": "/Image", "/Width": wide, "/Height": high}
    about = shape | {"/ColorSpace": "/DeviceGray", "/BitsPerComponent": 8}
    return writer.add_object(stream(about, zlib.compress(grey, 1)))


# -- the page ----------------------------------------------------------------------------------------------------------


def _text(result: Result) -> bytes:
    return b"".join((_head(result), _body(result), _foot(result)))


def _head(result: Result) -> bytes:
    left, right = 175.0, 425.0
    parts = [
        _line(result.agency[0], left, 775, size=12, centred=True),
        _line(result.agency[1], left, 760, size=12, centred=True, bold=True),
        _rule(left - 28, left + 28, 755),
        _line("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", right, 775, size=12, centred=True, bold=True),
        _line("Độc lập - Tự do - Hạnh phúc", right, 760, centred=True, bold=True),
        _rule(right - 80, right + 80, 755),
        _line("Số:", 95, 727),
        _line(result.title, 297, 662, size=15, centred=True, bold=True),
        _line(result.about, 297, 643, size=14, centred=True, bold=True),
        _rule(297 - 40, 297 + 40, 635),
    ]
    return b"".join(parts)


def _body(result: Result) -> bytes:
    made, height = [], 607.0
    for paragraph in result.paragraphs:
        for number, row in enumerate(wrapped("      " + paragraph, SIZE, RIGHT - LEFT - 20)):
            made.append(_line(row, LEFT + (0 if number else 20), height))
            height -= 18
        height -= 6
    return b"".join(made)


def _foot(result: Result) -> bytes:
    middle = (SIGNED_BOX[0] + SIGNED_BOX[2]) / 2
    top = SIGNED_BOX[3] + 16 * len(result.office)
    made = [_line(row, middle, top - 16 * number, centred=True, bold=True) for number, row in enumerate(result.office)]
    made.append(_line(result.signer, middle, SIGNED_BOX[1] - 18, centred=True, bold=True))
    made.append(_line("Nơi nhận:", LEFT, top, size=12, bold=True, slanted=True))
    made += [_line(f"- {row}", LEFT, top - 15 - 13 * number, size=11) for number, row in enumerate(result.recipients)]
    return b"".join(made)


def _line(
    text: str,
    x: float,
    y: float,
    *,
    size: float = SIZE,
    centred: bool = False,
    bold: bool = False,
    slanted: bool = False,
) -> bytes:
    """One row. Bold is drawn with an outline: the vendored font has one weight."""
    said = tidy(text)
    start = x - text_width(said, size) / 2 if centred else x
    weight = b"2 Tr 0.35 w" if bold else b"0 Tr"
    slant = b"0.2" if slanted else b"0"
    return b"BT /F0 %.1f Tf %b 1 0 %b 1 %.2f %.2f Tm %b Tj ET\n" % (size, weight, slant, start, y, shown(said))


def _rule(start: float, end: float, y: float) -> bytes:
    return b"0.7 w %.1f %.1f m %.1f %.1f l S\n" % (start, y, end, y)
