"""Text and bytes from outside, as the console shows them: nothing hidden, nothing personal, and never for long."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.doors.console.masking import NOTHING_KNOWN, Masker, known_of
from adapters.doors.console.shown_bytes import MOST_LINES, MOST_SHOWN, show_bytes, show_head
from adapters.doors.console.visible import decoded, one_line, visible

PERSON = {
    "applicant": {"name": "Nguyễn Thị Ví Dụ", "phone": "0900000001", "identity": {"number": "099000000001"}},
    "note": "gọi lại cho bà Dụ",
    "unit_name": "Sở Nội vụ",
    "status": "accepted",
}
HIDING = "\u202e\u2066\u200b\u200d\ufeff\u00ad\x00\x1b\x7f\x85\u2028\u2029\ue000\ufdd0\u3164\ufe0f\U000e0041"
TEXTS = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(HIDING)), max_size=300)


def hidden_in(text: str) -> set[str]:
    """Characters that nobody would see."""
    return {
        char
        for char in text
        if (unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and char not in "\n\t")
        or char in HIDING
    }


@settings(deadline=None)
@given(TEXTS)
def test_nothing_hides_in_a_visible_text(text: str) -> None:
    """Whatever a text holds, what is shown of it has no control, no mark of direction and no blank without width."""
    assert set() == hidden_in(visible(text))
    assert set() == hidden_in(one_line(text)) | (set(one_line(text)) & set("\n\t"))


def test_what_hides_is_told_by_its_code() -> None:
    """A hidden character stands there as its code; letters, marks of Vietnamese and emoji are left alone."""
    assert "a⟨U+200B⟩b⟨U+202E⟩c⟨U+0000⟩" == visible("a\u200bb\u202ec\x00")
    assert "Nguyễn Thị Ví Dụ 😀 ỹ" == visible("Nguyễn Thị Ví Dụ 😀 ỹ")
    assert "a⟨U+000A⟩b⟨U+0009⟩" == one_line("a\nb\t")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_that_are_no_text_are_told_one_by_one(raw: bytes) -> None:
    """Any bytes become text without a surrogate; UTF-8 comes through as it is."""
    text, is_utf8 = decoded(raw)

    text.encode()
    assert is_utf8 == (text.encode() == raw) or "⟨" in raw.decode(errors="replace")


def test_personal_values_are_masked_in_json() -> None:
    """Names, numbers and free text of a partner's JSON are hidden under whatever name; codes and answers stay."""
    said = {
        "session": "abc-1",
        "MaHoSo": "H99.09-260703-0123",
        "TenNguoiNop": "Nguyễn Thị Ví Dụ",
        "SDT": ["0900000001", 900000000001],
        "DonVi": "Sở Nội vụ",
        "error_code": -1,
        "message": "Hồ sơ của Nguyễn Thị Ví Dụ sai số 099000000001",
        "data": json.dumps({"HoTen": "Lan", "password": "x1"}),
    }

    shown = json.loads(Masker(known_of([PERSON])).body(json.dumps(said)))

    assert {
        "session": "***",
        "MaHoSo": "H99.09-260703-0123",
        "TenNguoiNop": "***",
        "SDT": ["***", "9000***001"],
        "DonVi": "Sở Nội vụ",
        "error_code": -1,
        "message": "Hồ sơ của *** sai số ***",
        "data": '{"HoTen": "***", "password": "***"}',
    } == shown


def test_personal_values_are_masked_in_xml() -> None:
    """Element texts and attributes are hidden in the same way; names of elements, namespaces and digests stay."""
    said = (
        '<?xml version="1.0"?><s:E xmlns:s="urn:x" nguoi="Lan" Id="b-1"><!-- gọi 0900000001 --><Ten>Trần Văn Thử</Ten>'
        "<MaHoSo>H99.09-1</MaHoSo><wsse:Password>zzz1</wsse:Password><DigestValue>q83vEg==</DigestValue><a/>"
        "<faultstring>Sai 0900000001</faultstring></s:E>"
    )

    shown = Masker(known_of([PERSON])).body(said)

    assert (
        '<?xml version="1.0"?><s:E xmlns:s="urn:x" nguoi="***" Id="b-1"><!-- gọi *** --><Ten>***</Ten>'
        "<MaHoSo>H99.09-1</MaHoSo><wsse:Password>***</wsse:Password><DigestValue>q83vEg==</DigestValue><a/>"
        "<faultstring>Sai ***</faultstring></s:E>"
    ) == shown


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        '{"session": "s3cret-1", "x": [{"password": "s3cret-1"}]}',
        '{"token": 5312608, "s": "a", "secret": "s3cret-1"',
        "<a><Password>s3cret-1</Password><b token='s3cret-1'/></a>",
        "session=s3cret-1&password=s3cret-1",
        '{"data": "{\\"session\\": \\"s3cret-1\\"}"}',
    ],
)
def test_secrets_are_hidden_from_everybody(said: str, is_open: bool) -> None:
    """A session, a password or a token is not even shown to whoever may see everything."""
    shown = Masker(is_open=is_open).body(said)

    assert "s3cret-1" not in shown
    assert "5312608" not in shown


def test_opened_body_is_what_was_sent() -> None:
    """Opened and without a secret in it, a body stays as it was written: escapes, blanks and repeated members."""
    said = '{ "a" : "\\u0041\\/", "a": 1.0, "Tên": "Nguyễn Thị Ví Dụ 0900000001" }'

    assert said == Masker(known_of([PERSON]), is_open=True).body(said)


def test_headers_tell_no_secret() -> None:
    """Header lines stay, but for secrets in them and for what looks personal."""
    head = b"POST /x HTTP/1.1\r\nAuthorization: Bearer abc\r\nX-Session: s3cret\r\nX-Who: 0900000001\r\nHost: h.invalid"

    assert [
        "POST /x HTTP/1.1",
        "Authorization: ***",
        "X-Session: ***",
        "X-Who: 090***01",
        "Host: h.invalid",
    ] == show_head(head, Masker()).split("\n")
    assert "X-Who: 0900000001" in show_head(head, Masker(is_open=True))


def test_body_that_breaks_off_is_hidden_from_there() -> None:
    """A text that is never closed (cut, or hostile) shows nothing of what might be a name."""
    for said in ('{"ten": "Nguyễn', '{"a": Lan Anh}', '["Lan"', '{"Lan'):
        assert "Lan" not in Masker().body(said).replace('{"Lan', "")
        assert "Nguyễn" not in Masker().body(said)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"a":[1,{"b":2}],"c":{}}', '{\n  "a": [\n    1,\n    {\n      "b": 2\n    }\n  ],\n  "c": {}\n}'),
        (b"<a><b>1</b><c/><d><e>2</e></d></a>", "<a>\n  <b>1</b>\n  <c/>\n  <d>\n    <e>2</e>\n  </d>\n</a>"),
        (b"<?xml version='1.0'?><a></a>", "<?xml version='1.0'?>\n<a></a>"),
        (b"[]", "[]"),
    ],
)
def test_body_is_laid_out_for_reading(raw: bytes, shown: str) -> None:
    """JSON and XML get lines and indents; nothing else changes."""
    assert (shown, "formatted") == ((it := show_bytes(raw, Masker(), "formatted", is_masked=True)).text, it.form)


@pytest.mark.parametrize("raw", [b'{"broken": ', b"plain text", b"", b"\xff\x00", b'{"a": 1} x'])
def test_what_cannot_be_laid_out_is_shown_raw(raw: bytes) -> None:
    """What does not read as a whole is shown as it is, and the form says so."""
    assert "raw" == show_bytes(raw, Masker(is_open=True), "formatted", is_masked=False).form


def test_large_body_is_shown_in_part() -> None:
    """Of a megabyte the beginning is shown, cut between two letters, and the whole size is told."""
    raw = ("ế" * 400_000).encode()

    shown = show_bytes(raw, Masker(is_open=True), "formatted", is_masked=False)

    assert (1_200_000, True, True) == (shown.size, shown.is_cut, shown.is_utf8)
    assert MOST_SHOWN - 3 < shown.shown <= MOST_SHOWN
    assert {"ế"} == set(shown.text)


def test_body_of_many_lines_is_cut_by_lines() -> None:
    """A body of a hundred thousand empty lines does not make a page of them."""
    shown = show_bytes(b"\n" * 60_000, Masker(is_open=True), "raw", is_masked=False)

    assert MOST_LINES == len(shown.text.split("\n"))
    assert shown.is_cut


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["raw", "formatted"]), st.booleans())
def test_any_bytes_can_be_shown(raw: bytes, form: str, is_open: bool) -> None:
    """No bytes break the page, and none of them hides in it."""
    shown = show_bytes(raw, Masker(known_of([PERSON]), is_open=is_open), form, is_masked=not is_open)  # type: ignore[arg-type]

    assert set() == hidden_in(shown.text)
    assert len(raw) == shown.size


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["json", "xml", "text"]))
def test_known_names_are_masked_wherever_they_turn_up(text: str, form: str) -> None:
    """A name of the dossier's applicant is shown in no body, whatever stands around it."""
    name = "Nguyễn Thị Ví Dụ"
    said = {
        "json": json.dumps({text: f"{text}{name}{text}", "message": name}, ensure_ascii=False),
        "xml": f"<a>{name}</a>",
        "text": f"{text} {name} {text}",
    }[form]

    assert name not in Masker(known_of([PERSON])).body(said)


HOSTILE = {
    "objects": b'{"a":' * 200_000,
    "quotes": b'"' * 1_000_000,
    "escapes": b'{"' + b'\\"' * 400_000,
    "tags": b"<a " * 300_000,
    "comments": b"<!--" * 250_000,
    "ends": b"</a" * 300_000,
    "arrays": b"[" * 1_000_000,
    "words": b'{"a":"password' + b" " * 60_000 + b'"}',
    "names": b"authorization" * 5_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_body_is_looked_at_in_part(name: str) -> None:
    """Of a body that is made to be slow to read so much is looked at as is shown; else this would take minutes."""
    for form in ("raw", "formatted"):
        shown = show_bytes(HOSTILE[name], Masker(known_of([PERSON])), form, is_masked=True)  # type: ignore[arg-type]

        assert MOST_SHOWN >= shown.shown


def test_what_a_partner_said_is_masked_in_the_ledgers_rows() -> None:
    """A no that repeats the applicant's name tells it on no page; states, causes and numbers of rows stay."""
    rows = {
        "state": "refused",
        "reason": "refused: Nguyễn Thị Ví Dụ không khớp",
        "attempts": [
            {"n": 1, "code": None, "exchanges": [{"trouble": "gọi 0900000001", "url": "http://h/0900000001"}]}
        ],
    }

    assert {
        "state": "refused",
        "reason": "refused: *** không khớp",
        "attempts": [{"n": 1, "code": None, "exchanges": [{"trouble": "gọi ***", "url": "http://h/0900000001"}]}],
    } == Masker(known_of([PERSON])).told(rows)


def test_nothing_known_hides_no_text() -> None:
    """Where no event is known, only patterns decide."""
    assert "Xong." == Masker(NOTHING_KNOWN)._text("Xong.")
