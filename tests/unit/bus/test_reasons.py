"""Words of persons: what may be a reason, what of it is kept, and how any text is shown."""

from __future__ import annotations

import json
import unicodedata

import pytest

from bus.errors import NotOurs, Unmappable
from bus.reasons import LONGEST, code_in, fault_in, kept, shown, shown_json, tidy

HOSTILE = ["\x1b[31mred", "\x1b]0;pwn\x07", "a\nb fake line", "a\r", "\x9b31m", "\u202egnp.exe", "\u2066x", "a\u2028b"]


@pytest.mark.parametrize("text", [text + "." for text in HOSTILE])
def test_what_a_terminal_obeys_is_refused_and_shown_as_a_code(text: str):
    """Escapes, line ends and marks of direction are no part of a reason, and reach no terminal as they are."""
    assert "control_character" == fault_in(text)
    assert not [sign for sign in shown(text) if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Cs")]
    assert shown(text).isascii()
    assert text == json.loads(shown_json(json.dumps(text, ensure_ascii=False)))
    assert shown_json(json.dumps(text, ensure_ascii=False)).isascii()


@pytest.mark.parametrize(
    ("text", "fault"),
    [("", "too_short"), (" \t\n", "too_short"), ("x" * (LONGEST + 1), "too_long"), ("\udcff", "control_character")]
    + [(text, "too_short") for text in ("\u200b" * 3, "\u3164", "\u2060.", "\u0301", "…")],
)
def test_no_reason(text: str, fault: str):
    """Nothing, too much, or half a character is no reason."""
    assert fault == fault_in(text)


def test_a_persons_reason():
    """Words in any language are taken as they are, without the blanks around them."""
    text = " đã hỏi Cổng, hồ sơ H99.01-260703-0001 có rồi\n"

    assert fault_in(text) is None
    assert "đã hỏi Cổng, hồ sơ H99.01-260703-0001 có rồi" == tidy(unicodedata.normalize("NFD", text))
    assert tidy(text) == kept(tidy(text)) == shown(tidy(text))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("-1: công dân Nguyễn Văn A", "-1"),
        ("reply_lost: connection closed", "reply_lost"),
        ("MaTTHC: no_row (table procedures, row '1.990099')", "MaTTHC"),
        ("soap.Server: x", "soap.Server"),
        ("E-102:x", "E-102"),
        ("Nguyễn Văn A: đã có", ""),
        ("Nguyen Van A: da co", ""),
        ("0900000001: đã có", ""),
        ("so0900000001: đã có", ""),
        (f"{'x' * 40}: y", "x" * 40),
        (f"{'x' * 41}: y", ""),
        (": y", ""),
        ("procedure 1.014389 is owned by another", ""),
        ("", ""),
    ],
)
def test_p12_a_code_is_told_from_words(reason, code):
    """Before the colon stands a code where it is plainly one; a name, a telephone, or a sentence is none."""
    assert code == code_in(reason)


def test_p12_numbers_of_persons_in_reasons_are_masked():
    """Reasons lie unsealed: a number that a person typed, or a caller sent as a code, is masked before it is kept."""
    assert "công dân 0990***001 gọi" == kept("công dân 099000000001 gọi")
    for trouble in (
        Unmappable(field="MaTTHC", rule="no_row", value="099000000001", table="procedures"),
        NotOurs(procedure="099000000001", owner="one-stop"),
    ):
        assert "099000000001" not in str(trouble)
    assert "row '1.004222'" in str(Unmappable(field="MaTTHC", rule="no_row", value="1.004222", table="procedures"))
