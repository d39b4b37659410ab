"""PDFs are signed in two phases: what was there stays as it was, and nothing is embedded that does not verify."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.hashes import SHA256

from config.demo.result_pdf import DATE, NUMBER, SIGNED_BOX
from config.demo.result_pictures import seal_picture, signature_picture
from contracts.signing_pki.authorities import rsa_key
from signing.appearance import SEAL, Appearance, copy_lines, signed_lines
from signing.document_reading import sheet_of
from signing.document_text import TextPlace, add_text, with_fields
from signing.documents import (
    LEAST_ROOM,
    MOST_CHAIN,
    embed,
    look,
    prepare,
    to_be_signed,
    with_archive_stamp,
    with_evidence,
)
from signing.errors import DocumentRefused, PlanWrong, StampRefused
from signing.pdf_reader import to_write
from signing.revocation import Evidence as Believed
from signing.verification_pdf import After, open_pdf
from tests.pdf_kit import large_permit, one_page, pdfsig, permit, signed, written
from tests.signing_kit import NOW, crl_of, ocsp_of, pki, raw, small_pdf, stamp

# Keys of their own: the kit's signers share four.
OFFICIAL, AGENCY = pki().official(key=rsa_key(91)), pki().agency(key=rsa_key(92))


class Vouching:
    """Evidence as whoever gathers it hands it over."""

    crls = (crl_of(AGENCY),)
    ocsps = (ocsp_of(OFFICIAL),)
    certificates = (OFFICIAL.der, *OFFICIAL.chain_der)


def prepared(pdf=None, holder=OFFICIAL, **wanted):
    wanted.setdefault("field", "KyLanhDao")
    return prepare(pdf or permit(), certificate=holder.der, chain=holder.chain_der, at=NOW, **wanted)


# -- two phases --------------------------------------------------------------------------------------------------------


def test_original_is_an_untouched_prefix():
    """What is signed begins with the very bytes that were given."""

    assert signed(permit(), OFFICIAL, at=NOW).startswith(permit())


def test_what_is_signed_is_the_attributes():
    """The digest sent is SHA-256 of the signed attributes, which hold that of all bytes but the value."""
    made = prepared()
    plan = json.loads(made.plan)
    start, end = plan["place"]
    attributes = base64.b64decode(plan["attributes"])

    assert attributes == to_be_signed(made.plan)
    assert hashlib.sha256(attributes).digest() == made.digest
    assert hashlib.sha256(made.document[:start] + made.document[end:]).digest() in attributes
    assert hashlib.sha256(OFFICIAL.der).digest() in attributes


@pytest.mark.needs("pdfsig")
def test_restart_between_the_phases(tmp_path):
    """Another process, that has the two files and the value and nothing else, makes the same signed document."""
    made = prepared(large_permit())
    value = raw(OFFICIAL, made.digest)
    for name, content in (("document", made.document), ("plan", made.plan), ("value", value)):
        (tmp_path / name).write_bytes(content)
    program = (
        "import sys, pathlib; from signing.documents import embed; folder = pathlib.Path(sys.argv[1]);"
        "(folder / 'out').write_bytes(embed(*((folder / n).read_bytes() for n in ('document', 'plan', 'value'))))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)

    assert embed(made.document, made.plan, value) == (tmp_path / "out").read_bytes()
    assert 1 == pdfsig((tmp_path / "out").read_bytes(), tmp_path).count("Signature is Valid")


@pytest.mark.needs("pdfsig")
def test_every_kind_of_value_makes_a_signature(tmp_path):
    """RSA PKCS#1, PSS and ECDSA end as signatures that another program takes for valid."""
    from tests.unit.signing.test_raw_values import self_signed

    key = ec.generate_private_key(ec.SECP256R1())
    own = self_signed(key)
    by_curve = prepare(permit(), certificate=own, at=NOW, field="Ky", algorithm="ecdsa")
    curve = embed(by_curve.document, by_curve.plan, key.sign(by_curve.digest, ec.ECDSA(utils.Prehashed(SHA256()))))
    salted = padding.PSS(padding.MGF1(SHA256()), 32)
    by_pss = prepared()
    pss = embed(by_pss.document, by_pss.plan, OFFICIAL.key.sign(by_pss.digest, salted, utils.Prehashed(SHA256())))

    assert "Signature is Valid" in pdfsig(curve, tmp_path)
    assert "Signature is Valid" in pdfsig(pss, tmp_path)
    assert "Signature is Valid" in pdfsig(signed(permit(), OFFICIAL, at=NOW), tmp_path)


def test_p15_nothing_is_embedded_that_does_not_verify():
    """A signature of another document, or by another key, is told and nothing is made."""
    one, other = prepared(), prepared(large_permit())

    for value, code in (
        (raw(OFFICIAL, other.digest), "wrong_signature"),
        (raw(AGENCY, one.digest), "wrong_signature"),
        (b"", "wrong_signature"),
    ):
        with pytest.raises(PlanWrong) as refused:
            embed(one.document, one.plan, value)

        assert code == refused.value.code


def test_changed_document_embeds_nothing():
    """A document that changed while it waited, by one bit, is not signed."""
    made = prepared()
    changed = bytearray(made.document)
    changed[100] ^= 1

    with pytest.raises(PlanWrong) as refused:
        embed(bytes(changed), made.plan, raw(OFFICIAL, made.digest))

    assert "document_changed" == refused.value.code


@pytest.mark.parametrize("plan", [b"", b"[]", b"{}", b'{"form":2}', b'{"form":1,"document":"x"}', b"\xff"])
def test_foreign_plan(plan):
    """A plan that we did not write, or that another release wrote, is refused."""
    with pytest.raises(PlanWrong) as refused:
        embed(permit(), plan, b"")

    assert "plan_unreadable" == refused.value.code


def test_room():
    """A stamp that does not fit is the stamp's matter, and no reason to sign again; senseless room is our mistake."""
    made = prepared(room=LEAST_ROOM)
    value = raw(OFFICIAL, made.digest)

    with pytest.raises(StampRefused) as refused:
        embed(made.document, made.plan, value, stamp=lambda digest: b"\x30\x82\x10\x00" + bytes(4096))
    assert "stamp_too_large" == refused.value.code
    assert embed(made.document, made.plan, value).startswith(permit())
    with pytest.raises(StampRefused):
        with_archive_stamp(permit(), lambda digest: bytes(9000), room=LEAST_ROOM)
    with pytest.raises(ValueError, match="room"):
        prepared(room=10)


def test_room_for_a_long_chain():
    """The place for a signature grows with what goes into it, and a service that names a hundred authorities is cut."""
    chain = [OFFICIAL.der, bytes(20_000), *(OFFICIAL.der[:-1] + bytes([number]) for number in range(100))]
    long = prepare(permit(), certificate=OFFICIAL.der, chain=chain, at=NOW, field="Ky")
    tight = prepare(permit(), certificate=OFFICIAL.der, chain=chain, at=NOW, field="Ky", room=LEAST_ROOM)

    assert 1 + MOST_CHAIN == len(json.loads(long.plan)["certificates"])
    assert embed(long.document, long.plan, raw(OFFICIAL, long.digest), stamp=lambda digest: b"\x30" + bytes(16_000))
    with pytest.raises(PlanWrong) as refused:
        embed(tight.document, tight.plan, raw(OFFICIAL, tight.digest))
    assert "no_room" == refused.value.code


def test_stamp_is_over_the_value():
    """What is stamped is the signature's value; without a stamp the caller hears why."""
    made, asked = prepared(), []
    value = raw(OFFICIAL, made.digest)

    def no(digest):
        raise StampRefused("stamp_refused", "not now")

    embed(made.document, made.plan, value, stamp=lambda digest: asked.append(digest) or stamp(digest))

    assert [hashlib.sha256(value).digest()] == asked
    with pytest.raises(StampRefused):
        embed(made.document, made.plan, value, stamp=no)


def test_title_and_dates_stay(tmp_path):
    """Signing leaves the document's own facts, and who made it, as they were."""
    about = one_page(b"", b"<< /Producer (Mot chuong trinh) /ModDate (D:20260101000000Z) >>", trailer=b"/Info 4 0 R")
    added = signed(about, OFFICIAL, at=NOW)[len(about) :]

    assert b"Producer" not in added
    assert b"/Info 4 0 R" in added


# -- several, and what keeps them --------------------------------------------------------------------------------------


@pytest.mark.needs("pdfsig")
def test_whole_life_of_a_result(tmp_path):
    """Leader, number and date, agency, copy, evidence, archive stamp: every signature stays valid to the end."""
    whole = one = signed(
        large_permit(),
        OFFICIAL,
        at=NOW,
        stamp=stamp,
        reason="Duyệt",
        location="H99",
        appearance=Appearance(kind="official", page=1, box=SIGNED_BOX, image=signature_picture("Nguyễn Văn Ví Dụ")),
    )
    whole = two = add_text(whole, {NUMBER: "99/GP-UBND", DATE: "H99, ngày 03 tháng 7 năm 2026"})
    seal = Appearance(kind="agency", image=seal_picture("ỦY BAN NHÂN DÂN TỈNH H99"))
    whole = three = signed(whole, AGENCY, at=NOW, field="DongDau", stamp=stamp, appearance=seal)
    copied = Appearance(kind="copy", lines=copy_lines("SAO Y", "ỦY BAN NHÂN DÂN TỈNH H99", NOW))
    whole = four = signed(whole, AGENCY, at=NOW, field="SaoY", stamp=stamp, appearance=copied)
    whole = five = with_evidence(whole, Vouching())
    whole = with_archive_stamp(with_archive_stamp(whole, stamp), stamp)

    for earlier in (large_permit(), one, two, three, four, five):
        assert whole.startswith(earlier)
    assert 3 == pdfsig(whole, tmp_path).count("Signature is Valid")
    assert ["KyLanhDao", "DongDau", "SaoY", "LuuTru1", "LuuTru2"] == [each.field for each in look(whole).signatures]
    assert [False, False, False, True, True] == [each.is_stamp for each in look(whole).signatures]
    found = open_pdf(whole)
    assert (len(Vouching.crls), len(Vouching.ocsps)) == (len(found.crls), len(found.answers))
    assert set(Vouching.certificates) <= set(found.certificates)
    Believed.read(crls=found.crls, ocsp_answers=found.answers)


def test_filled_in_field_does_not_break_a_signature():
    """Number and date after the leader's signature are a field filled in, and no change of what was signed."""
    one = signed(permit(), OFFICIAL, at=NOW)
    filled = add_text(one, {NUMBER: "99/GP-UBND"})

    assert (After.NOTHING,) == tuple(each.after for each in open_pdf(one).found)
    assert (After.FILLED_IN,) == tuple(each.after for each in open_pdf(filled).found)


def test_fields_are_made_before_the_first_signature(tmp_path):
    """A document without fields gets them before it is signed, and never after."""
    plain = small_pdf(pages=2)
    place = TextPlace(name="so", page=2, box=(100, 700, 220, 716))
    once = with_fields(plain, [place])
    again = with_fields(once, [TextPlace(name="ngay", page=1, box=(300, 700, 420, 716))])

    assert ("so", "ngay") == look(again).text_fields
    assert b"/V" in add_text(again, {"so": "1/QĐ"})[len(again) :]
    with pytest.raises(DocumentRefused, match="before the first signature"):
        with_fields(signed(once, OFFICIAL, at=NOW), [place])
    with pytest.raises(DocumentRefused, match="no page 3"):
        with_fields(plain, [TextPlace(name="so", page=3, box=(0, 0, 99, 99))])


def test_fields_in_a_form_without_a_list():
    """A form that has no list of fields yet gets one."""
    empty = one_page(b"/AcroForm << >>")

    assert ("so",) == look(with_fields(empty, [TextPlace(name="so", page=1, box=(9, 9, 99, 99))])).text_fields


def test_number_is_given_once():
    """A field that has a text is not written over, and one that is not there is named."""
    filled = add_text(permit(), {NUMBER: "99/GP-UBND"})

    with pytest.raises(DocumentRefused) as refused:
        add_text(filled, {NUMBER: "100/GP-UBND"})
    assert "document_field_filled" == refused.value.code
    with pytest.raises(DocumentRefused) as refused:
        add_text(permit(), {"khac": "1"})
    assert "document_field_missing" == refused.value.code


def test_field_of_the_same_name():
    """A signature is not put where one is, nor where another kind of field is."""
    one = signed(permit(), OFFICIAL, at=NOW)

    for name in ("KyLanhDao", NUMBER):
        with pytest.raises(DocumentRefused) as refused:
            prepared(one, field=name)
        assert "document_exists_signed" == refused.value.code
    with pytest.raises(ValueError, match="no dot"):
        prepared(field="a.b")


def empty_field(rect: bytes = b"[300 100 400 150]", catalog: bytes = b"") -> bytes:
    """A template with a signature field that waits."""
    return one_page(
        b"/AcroForm << /Fields [4 0 R] >> " + catalog,
        b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (ChoKy) /P 3 0 R /F 4 /Rect %b >>" % rect,
        page=b"/Annots [4 0 R]",
    )


def test_empty_field_is_filled():
    """A signature field that waits is taken, with its own place."""
    template = empty_field()
    one = signed(template, OFFICIAL, at=NOW, field="ChoKy", appearance=Appearance(kind="official", lines=["Ký"]))

    assert ("ChoKy",) == look(template).empty_fields
    alone = template.replace(b"/P 3 0 R ", b"/Q 3        ")
    assert signed(alone, OFFICIAL, at=NOW, field="ChoKy", appearance=Appearance(kind="official", lines=["Ký"]))
    assert (300, 100, 400, 150) == look(one).signatures[0].box
    with pytest.raises(DocumentRefused) as refused:
        signed(empty_field(b"[0 0 0 0]"), OFFICIAL, at=NOW, field="ChoKy", appearance=Appearance(kind="official"))
    assert "document_box_outside" == refused.value.code


CERTIFIED = b"/Perms << /DocMDP << /Reference [<< /TransformMethod /DocMDP /TransformParams << /P %d >> >>] >> >>"


def test_certified_document():
    """Certified against any change it is refused; where filling in is allowed, nothing new is shown on its pages."""
    with pytest.raises(DocumentRefused) as refused:
        look(empty_field(catalog=CERTIFIED % 1))
    assert "document_forbids_changes" == refused.value.code
    fine = empty_field(catalog=CERTIFIED % 2)
    seen = Appearance(kind="official", lines=["Ký"])

    assert 2 == look(fine).certified
    assert signed(fine, OFFICIAL, at=NOW, field="ChoKy", appearance=seen).startswith(fine)
    assert signed(fine, OFFICIAL, at=NOW, field="KhongHien").startswith(fine)
    with pytest.raises(DocumentRefused) as refused:
        signed(fine, OFFICIAL, at=NOW, field="Moi", appearance=seen)
    assert "document_forbids_changes" == refused.value.code
    with pytest.raises(DocumentRefused, match="filled in"):
        with_fields(fine, [TextPlace(name="so", page=1, box=(9, 9, 99, 99))])


def test_certified_without_saying_what():
    """A certificate without a level allows filling in; other rules about fields are no certificate."""
    silent = b"/Perms << /DocMDP << /Reference [<< /TransformMethod /DocMDP >>] >> >>"
    of_fields = b"/Perms << /DocMDP << /Reference [<< /TransformMethod /FieldMDP >>] >> >>"

    assert 2 == look(one_page(silent)).certified == look(one_page(of_fields)).certified
    assert look(one_page(b"/Perms << >>")).certified is None


def test_closed_by_a_signature():
    """A signature that locks the document is the last one, certifying or not."""
    locked = b"<< /SubFilter /x /Reference [<< /TransformMethod /FieldMDP /TransformParams << /P 1 >> >>] >>"
    closed = one_page(b"/AcroForm << /Fields [4 0 R] >>", b"<< /FT /Sig /T (a) /V 5 0 R >>", locked)

    with pytest.raises(DocumentRefused) as refused:
        look(closed)
    assert "document_forbids_changes" == refused.value.code


# -- where it shows ----------------------------------------------------------------------------------------------------


def test_seal_covers_a_third_on_the_left():
    """The seal is 36 mm, level with the leader's signature, and a third of the way into it."""
    one = signed(permit(), OFFICIAL, at=NOW, appearance=Appearance(kind="official", page=1, box=SIGNED_BOX))
    seal = Appearance(kind="agency", image=seal_picture("TỈNH H99"))
    x1, y1, x2, y2 = look(signed(one, AGENCY, at=NOW, field="Dau", appearance=seal)).signatures[1].box
    left, bottom, right, top = SIGNED_BOX

    assert left + (right - left) / 3 == pytest.approx(x2, abs=0.1)
    assert SEAL == pytest.approx(x2 - x1, abs=0.1) == pytest.approx(y2 - y1, abs=0.1)
    assert (bottom + top) / 2 == pytest.approx((y1 + y2) / 2, abs=0.1)


def test_words_in_place_of_a_seal_cover_nothing():
    """Without a picture the agency's words end before the leader's begin."""
    lines = signed_lines("Trần Văn Mẫu", "Chủ tịch", NOW)
    one = signed(small_pdf(pages=3), OFFICIAL, at=NOW, appearance=Appearance(kind="official", page=2, lines=lines))
    two = signed(one, AGENCY, at=NOW, field="Dau", appearance=Appearance(kind="agency", lines=["UBND TỈNH H99"]))
    official, agency = look(two).signatures

    assert agency.box[2] < official.box[0]
    assert 2 == official.page == agency.page


def test_seal_without_a_signature_before_it():
    """A seal alone has a place of its own, on the last page."""
    alone = signed(small_pdf(pages=2), AGENCY, at=NOW, appearance=Appearance(kind="agency", lines=["UBND"]))

    assert 2 == look(alone).signatures[0].page


def test_copy_is_top_right_on_the_first_page():
    """A certified copy's words are in the margin top right of page 1, whatever page was asked for."""
    lines = copy_lines("SAO Y", "UBND TỈNH H99", NOW)
    seen = look(signed(small_pdf(pages=2), AGENCY, at=NOW, appearance=Appearance(kind="copy", lines=lines))).signatures[
        0
    ]

    assert ("SAO Y", "UBND TỈNH H99", "2026-07-03T12:00:00+07:00") == lines
    assert (1, True, True) == (seen.page, seen.box[3] > 800, seen.box[2] > 550)


@pytest.mark.parametrize("page", [0, 3, -2])
def test_page_that_is_not_there(page):
    """A page that the document does not have is told."""
    with pytest.raises(DocumentRefused) as refused:
        signed(small_pdf(pages=2), OFFICIAL, at=NOW, appearance=Appearance(kind="official", page=page))
    assert "document_page_missing" == refused.value.code


@pytest.mark.parametrize("box", [(500, 10, 700, 60), (10, 10, 10, 60), (10, 10, 14, 60), (-50, 0, 50, 50)])
def test_box_off_the_page(box):
    """A place beside the page, or too small to be seen, is refused."""
    with pytest.raises(DocumentRefused) as refused:
        signed(permit(), OFFICIAL, at=NOW, appearance=Appearance(kind="official", box=box))
    assert "document_box_outside" == refused.value.code


@pytest.mark.parametrize(
    "image", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"x" * 2_000_001], ids=["none", "cut", "gif", "large"]
)
def test_picture_that_is_none(image):
    """Only a PNG that can be read, of bounded size, is put on a result."""
    with pytest.raises(DocumentRefused) as refused:
        signed(permit(), OFFICIAL, at=NOW, appearance=Appearance(kind="official", image=image))
    assert "document_picture_wrong" == refused.value.code


def test_picture_bomb():
    """A small PNG of very many pixels is refused before they are made."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    huge = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)) + chunk(b"IEND", b"")
    )

    with pytest.raises(DocumentRefused, match="pixels"):
        signed(permit(), OFFICIAL, at=NOW, appearance=Appearance(kind="official", image=huge))


def test_words_are_made_to_fit():
    """Long words get smaller and are broken, what the font lacks is a question mark, and nothing else is lost."""
    from signing.letters import shown, tidy, wrapped

    assert ["Nguyễn", "Văn", "Ưởng"] == wrapped("Nguyễn  Văn Ưởng", 10, 40)
    assert ["", "dai", "qua"] == wrapped("\u2003 daiqua", 10, 15) or ["dai", "qua"] == wrapped("daiqua", 10, 15)
    assert "Nguyễn ? A" == tidy("Nguye\u0302\u0303n 漢 A")
    assert shown("AB").startswith(b"<")
    tiny = Appearance(kind="official", box=(300, 300, 340, 312), lines=["rất nhiều chữ không vừa"] * 12)
    assert look(signed(permit(), OFFICIAL, at=NOW, appearance=tiny)).signatures[0].box == (300, 300, 340, 312)


@pytest.mark.parametrize("turn", [90, 180, 270, -90, 45])
def test_turned_page(turn):
    """On a page that is shown turned, places are as seen: a copy is top right, the seal left of the leader's middle."""
    page = one_page(page=b"/Rotate %d /CropBox [10 20 585 820]" % turn)
    one = signed(page, OFFICIAL, at=NOW, appearance=Appearance(kind="official", box=(300, 200, 450, 260)))
    two = signed(one, AGENCY, at=NOW, field="Dau", appearance=Appearance(kind="agency", image=seal_picture("H99")))
    three = signed(two, AGENCY, at=NOW, field="Sao", appearance=Appearance(kind="copy", lines=["SAO Y"]))
    sheet = sheet_of(to_write(page).root["/Pages"]["/Kids"][0])
    official, agency, copy = (sheet.as_seen(each.box) for each in look(three).signatures)

    assert (300, 200, 450, 260) == official
    assert (350, 230) == pytest.approx((agency[2], (agency[1] + agency[3]) / 2), abs=0.1)
    assert sheet.shown[2:] == pytest.approx((copy[2] + 28, copy[3] + 10), abs=0.1)
    assert (b"/Matrix" in three) == (turn != 45)


def test_pages_that_inherit_their_size():
    """A page takes its size from above it; one that nobody gives a size is A4."""
    above = written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 300 300] >>",
        b"<< /Type /Page /Parent 2 0 R >>",
    )
    nowhere = above.replace(b" /MediaBox [0 0 300 300]", b" /Rotate 0".ljust(24))

    with pytest.raises(DocumentRefused, match="not on the page"):
        signed(above, OFFICIAL, at=NOW, appearance=Appearance(kind="official", box=(400, 400, 500, 500)))
    assert signed(nowhere.replace(b"%%EOF\n", b"%%EOF"), OFFICIAL, at=NOW).endswith(b"%%EOF\n")
