"""Problems: complete catalogues, the caller's language, references for the telephone."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from types import SimpleNamespace

import pytest

from adapters.doors import problems, words
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.soap_codes import FAULTS
from bus.ports import SystemRandomness

CODES = [
    "malformed_json",
    "duplicate_member",
    "too_deep",
    "not_utf8",
    "too_large",
    "media_type",
    "unknown_field",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "enum",
    "not_nfc",
    "key_mismatch",
    "contradicted",
    "unsigned",
    "bad_signature",
    "stale_signature",
    "replayed",
    "forbidden_source",
    "not_found",
    "rate_limited",
    "unavailable",
]


def sentences(language):
    """Every sentence of a catalogue under its name."""
    found = {f"reason {name}": text for name, text in words.catalogue(language)["reasons"].items()}
    for code, entry in words.catalogue(language)["problems"].items():
        found |= {f"{code} {part}": entry[part] for part in ("title", "detail")}
    for code, entry in words.catalogue(language)["faults"].items():
        found |= {f"fault {code} {part}": entry[part] for part in ("title", "detail")}
    return found


def test_every_code_has_status_and_words():
    """Status table and both catalogues have exactly the codes of the public surface."""
    assert set(CODES) == set(problems.STATUS)
    for language in words.LANGUAGES:
        assert set(CODES) == set(words.catalogue(language)["problems"])
        assert set(FAULTS) == set(words.catalogue(language)["faults"])


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (401, {"unsigned", "bad_signature", "stale_signature", "replayed"}),
        (403, {"forbidden_source"}),
        (404, {"not_found"}),
        (413, {"too_large"}),
        (415, {"media_type"}),
        (429, {"rate_limited"}),
        (503, {"unavailable"}),
    ],
)
def test_statuses(status, codes):
    """The statuses are those that the public surface names."""
    assert codes == {code for code, told in problems.STATUS.items() if told == status}


def test_the_languages_say_the_same_things_differently():
    """Both catalogues have the same sentences, in NFC, with the same facts, and no sentence is left untranslated."""
    vi, en = sentences("vi"), sentences("en")

    assert vi.keys() == en.keys()
    assert [] == [name for name in vi if vi[name] == en[name]]
    assert all(unicodedata.is_normalized("NFC", text) for text in (*vi.values(), *en.values()))
    facts = {
        language: {name: _facts(text) for name, text in told.items()} for language, told in (("vi", vi), ("en", en))
    }
    assert facts["vi"] == facts["en"]


def _facts(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "vi"),
        ("", "vi"),
        ("en", "en"),
        ("EN-gb, fr", "en"),
        ("vi-VN,vi;q=0.9,en-US;q=0.8", "vi"),
        ("vi;q=0.1, en;q=0.9", "en"),
        ("en;q=0", "vi"),
        ("en;q=x", "vi"),
        ("en;level=1", "en"),
        ("fr, *", "vi"),
        (";;;,,,q=" * 999, "vi"),
    ],
)
def test_language_is_the_callers(header, language):
    """`Accept-Language` chooses; Vietnamese when it says nothing of ours."""
    assert language == words.choose(header)


def test_a_problem_is_rfc9457():
    """Type, code, title, status, detail, reference and errors stand in the body."""
    trouble = Malformed(
        "enum", [field_error(field="/data/status", rule="enum", reason="enum", facts={"allowed": "a, b"})]
    )

    told = problems.of_malformed(trouble, reference="LT-7F3K-2", accept_language="en")

    assert {
        "type": "urn:lienthong:problem:enum",
        "code": "enum",
        "title": "Not one of the allowed values",
        "status": 422,
        "detail": words.detail("enum", "en"),
        "reference": "LT-7F3K-2",
        "errors": [{"field": "/data/status", "rule": "enum", "detail": "must be one of: a, b"}],
    } == json.loads(told.as_bytes())


def test_errors_are_told_in_the_callers_language():
    """Field errors speak the problem's language."""
    error = field_error(field="/id", rule="missing_field", reason="missing_field")

    told = problems.problem("missing_field", reference="LT-7F3K-2", errors=[error]).as_dict()

    assert "là trường bắt buộc" == told["errors"][0]["detail"]


def test_an_error_without_a_reason_says_its_detail():
    """A field error made elsewhere, with words of its own, is told as it is."""
    from adapters.doors.malformed import FieldError

    assert "as told" == FieldError(field="", rule="enum", detail="as told").say("vi")


def test_reference_is_checked():
    """A reference survives the telephone: a wrong character, or two swapped, is noticed."""
    reference = problems.make_reference(SystemRandomness())
    letters = reference[3:7]

    assert re.fullmatch("LT-[1-9A-HJ-KM-NP-TV-Z]{4}-[1-9A-HJ-KM-NP-TV-Z]", reference)
    assert problems.is_reference(f" {reference.lower()} ")
    for at in range(4):
        for other in set(problems.ALPHABET) - {letters[at]}:
            assert not problems.is_reference(f"LT-{letters[:at]}{other}{letters[at + 1 :]}-{reference[-1]}")


def test_swapped_characters_are_noticed():
    """Two neighbours swapped give another check character."""
    assert problems.is_reference("LT-1234-" + problems._check("1234"))
    assert problems._check("1234") != problems._check("2134")


@pytest.mark.parametrize("text", ["", "LT", "LT-7F3K", "XX-7F3K-2", "LT-7F3-2", "LT-7F3O-2", "LT-7F3K-2-2"])
def test_not_a_reference(text):
    """What cannot be a reference is told at once."""
    assert not problems.is_reference(text)


def test_reference_comes_from_the_port():
    """The same randomness gives the same reference: a simulated world repeats itself."""
    world = SimpleNamespace(token=lambda size: b"\x00" * size)

    assert problems.make_reference(world) == problems.make_reference(world)
