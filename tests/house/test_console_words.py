"""The console speaks Vietnamese and English, whole: no word missing, none left over, none that stands in a template."""

from __future__ import annotations

import ast
import re
import tomllib
import unicodedata
from pathlib import Path

import pytest

from adapters.doors.console.words import load
from bus.audit import Act
from bus.messages import AMENDED, FILED, PAYMENT_NEWS, SETTLED, SIGNATURE_NEWS, State
from bus.rights import ROLES, Right
from bus.signatures import SignatureState
from contracts.check import load_schema
from signing.verdicts import Code, Verdict
from tests.house.blocks import read_toml
from tests.house.causes import causes
from tests.house.console_blocks import flat
from tests.house.console_words import (
    PAGES,
    STARTED,
    asked_in_templates,
    hard_wired,
    placeholders,
    said_in_modules,
    templates,
    texts_in_modules,
    texts_in_templates,
)
from tests.house.tree import ROOT, named, parsed

WORDS = load(strict=True)
CATALOGUES = named(".toml", under=f"{PAGES}/words")
VIETNAMESE = re.compile("[ăâđêôơưĂÂĐÊÔƠƯàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]")
SAME = {
    # Names, signs and units that both languages write alike.
    "{n} ms",
    "CSV",
    "XLSX",
    "JSON",
    "HTTP",
    "URL",
    "SHA-256",
    "ID",
    "IP",
    "Liên Thông",
    "English",
    "Tiếng Việt",
    "webhook",
    "KeyPay",
    "MySign (Viettel)",
    "SmartCA (VNPT)",
    "VNPAY",
    "p50",
    "p95",
    "p99",
}
# English that a Vietnamese sentence must not fall back to; what officers do say (API, webhook, e-mail) is not here.
ENGLISH_WORDS = frozenset(
    re.findall(
        r"\w+",
        """the and of with without not for from this that which you your delivery deliveries dossier dossiers partner
        attempt waiting held refused replay cancel release selection page search filter account password user users
        role right please reason show hide next previous yes error warning ledger audit export download mapping backlog
        forecast circuit state cause retry submit save delete open close sign session unit units""",
    )
)
OFFICERS_SAY = frozenset({"user-agent", "open source", "single sign-on"})
GLOSSARY_MADE = ("glossary.causes.", "glossary.terms.", "glossary.terms_told.")
"""Keys that no page need name: causes come from the ledger, terms stand in the page of words."""


def texts(language: str) -> dict[str, str]:
    return {key: WORDS.text(language, key) for key in WORDS.keys(language)}  # type: ignore[arg-type]


def test_the_two_languages_have_the_same_keys():
    """Each Vietnamese sentence has its English one, and the other way round."""
    assert WORDS.keys("vi") == WORDS.keys("en")


def test_catalogues_come_in_pairs():
    """A page's words are two files of one name, with their keys in one order, so that they can be read side by side."""
    for path in CATALOGUES:
        other = path.with_name(path.name.replace(".vi.", ".en."))

        assert list(_read(path)) == list(_read(other)), path.name


def _read(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_notices_are_told_in_both_languages():
    """The words of mails and webhooks: the same keys, the same facts, composed, and neither language in the other."""
    vi, en = (flat(read_toml(f"adapters/notices/words.{language}.toml")) for language in ("vi", "en"))

    assert list(vi) == list(en)
    assert [] == [key for key in vi if placeholders(vi[key]) != placeholders(en[key])]
    assert [] == [key for key in vi if not unicodedata.is_normalized("NFC", vi[key])]
    assert [] == [key for key in vi if _english(vi[key]) or (vi[key] == en[key] and vi[key] not in SAME)]
    assert [] == [key for key in en if VIETNAMESE.search(en[key].replace("Liên Thông", ""))]


def test_placeholders_are_equal():
    """Both languages put the same facts into a sentence."""
    vi, en = texts("vi"), texts("en")
    uneven = [key for key in vi if key in en and placeholders(vi[key]) != placeholders(en[key])]

    assert [] == uneven


def test_words_are_composed():
    """Every word is in Unicode's composed form (NFC), says something, and has no blank around it."""
    for language in ("vi", "en"):
        for key, text in texts(language).items():
            assert unicodedata.is_normalized("NFC", text), key
            assert text.strip() == text != "", key


def test_no_vietnamese_is_its_english():
    """Nothing Vietnamese equals its English, but for a short list of names and signs."""
    vi, en = texts("vi"), texts("en")
    same = {key: vi[key] for key in vi if vi[key] == en.get(key) and vi[key] not in SAME}

    assert {} == {key: text for key, text in same.items() if re.search(r"[^\W\d_]", re.sub(r"\{\w+\}", "", text))}


def test_english_has_no_vietnamese_letters():
    """An English sentence has no Vietnamese letter left in it, but in the languages' and the product's own names."""
    left = {key: text for key, text in texts("en").items() if VIETNAMESE.search(text) and text not in SAME}

    assert {} == {key: text for key, text in left.items() if VIETNAMESE.search(text.replace("Liên Thông", ""))}


def test_vietnamese_has_no_english_words():
    """A Vietnamese sentence has no English word left in it."""
    left = {key: sorted(_english(text)) for key, text in texts("vi").items()}

    assert {} == {key: words for key, words in left.items() if words}


def _english(text: str) -> set[str]:
    if text in SAME:
        return set()
    plain = re.sub(r"\{\w+\}|`[^`]*`|lienthong[\w ./-]*|/[\w/-]+", " ", text.lower())
    for said in OFFICERS_SAY:
        plain = plain.replace(said, " ")
    return set(re.findall(r"[a-zà-ỹđ'-]+", plain)) & ENGLISH_WORDS


def test_every_key_that_is_asked_for_is_there():
    """No template and no module asks for a word that the catalogues do not have."""
    known = WORDS.keys("vi")
    stems = {key.partition(".")[0] for key in known}
    missing = []
    for asked in (*asked_in_templates(), *(each for each in said_in_modules() if each.key.partition(".")[0] in stems)):
        is_there = any(key.startswith(asked.key) for key in known) if asked.is_start else asked.key in known
        if not is_there and not any(key.startswith(f"{asked.key}.") for key in known):
            missing.append(f"{asked.where}: {asked.key}")

    assert [] == missing


def test_facts_of_a_sentence_are_given():
    """A template that says a sentence gives it every fact that stands in it."""
    asked = [each for each in asked_in_templates() if not each.is_start and each.given is not None]
    short = [
        f"{each.where}: {each.key} wants {sorted(missing)}"
        for each in asked
        if each.key in WORDS.keys("vi")
        and (missing := set(placeholders(WORDS.text("vi", each.key))) - (each.given or frozenset()))
    ]

    assert [] == short


def test_no_word_is_left_over():
    """Every word of the catalogues is asked for somewhere, by its whole key or by the beginning of one."""
    said = {*texts_in_templates(), *(text for text, _ in texts_in_modules())}
    starts = tuple(text for text in said if STARTED.fullmatch(text))
    unused = [
        key
        for key in WORDS.keys("vi")
        if key not in said and not key.startswith((*starts, *GLOSSARY_MADE)) and not _is_companion(key, said)
    ]

    assert [] == sorted(unused)


def _is_companion(key: str, said: set[str]) -> bool:
    """What stands beside another key by rule: a cure beside its trouble, a meaning beside its word."""
    return any(key.endswith(end) and key.removesuffix(end) in said for end in ("_cure", "_told", "_do", "_one"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_no_words_stand_in_templates(path: Path):
    """What people read in a template comes from the catalogues: no text stands there by itself."""
    assert [] == list(hard_wired(path))


# -- the glossary against the code ------------------------------------------------------------------------------------


def glossary(start: str) -> set[str]:
    """What one table of the glossary names."""
    start = f"glossary.{start}."
    return {key.removeprefix(start) for key in WORDS.keys("vi") if key.startswith(start)}


def test_every_cause_has_its_sentence():
    """Every cause that the code can write has a plain sentence; and the glossary explains none that nobody writes."""
    assert causes() == glossary("causes")


def test_every_state_has_its_word():
    """Every state has a word, a meaning, and what to do."""
    assert {state.value for state in State} == glossary("states")
    assert glossary("states") == glossary("states_told") == glossary("states_do")


def test_every_right_role_and_act_has_its_word():
    """Rights, roles and acts of the audit are told by the glossary, each and no more."""
    assert {right.value for right in Right} == glossary("rights")
    assert set(ROLES) == glossary("roles")
    assert {act.value for act in Act} == glossary("acts")


def test_every_kind_and_status_has_its_word():
    """Kinds of events and the contract's ten statuses are told by the glossary."""
    schema = load_schema("intake/event.schema.json")
    types = schema["properties"]["type"]["enum"]
    told = {name.removeprefix("vn.lienthong.").removesuffix(".v1") for name in types}
    told |= {FILED, AMENDED, SETTLED, *PAYMENT_NEWS, *SIGNATURE_NEWS}

    assert told == glossary("kinds")
    assert {word for word in schema["$defs"]["progressed"]["properties"]["status"]["enum"] if word} == glossary(
        "statuses"
    )


def test_statuses_speak_the_portals_words():
    """A status of a dossier is called in Vietnamese as the portal's own table calls it."""
    rows = (ROOT / "config/tables/national_portal/statuses.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in rows:
        status, _code, name = row.split(",")[:3]

        assert name == WORDS.text("vi", f"glossary.statuses.{status}")


def test_problem_titles_are_not_told_twice():
    """What is refused at the doors has its words in the doors' own catalogue; the glossary repeats no code of it."""
    codes = set(read_toml("adapters/doors/problems.vi.toml")["problems"])

    assert set() == codes & glossary("terms")


# -- the words of signatures against the code --------------------------------------------------------------------------

SERVICES = ("smartca", "mysign", "vneid_gateway", "csc", "soap_signer", "signers")
DOOR_CODES = "callbacks.py"
"""What a door answers a service with has its words among the doors' problems."""


def _codes_in(path: Path) -> set[str]:
    """Texts that a file hands over as `code`, and codes of documents that it refuses."""
    found = set[str]()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            given = [each.value for each in node.keywords if each.arg == "code"]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given += node.args[:1] if name == "DocumentRefused" else []
            found |= {each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return found - {""}


def test_every_code_of_a_signature_has_its_words():
    """Whatever a service's tables, the desk, or a refused document end a signature with is told in words."""
    known = {key.removeprefix("signing.codes.") for key in WORDS.keys("vi") if key.startswith("signing.codes.")}
    said = set[str]()
    for service in SERVICES:
        for path in named(".py", under=f"adapters/partners/{service}"):
            said |= set() if path.name == DOOR_CODES else _codes_in(path)
    for room in ("signing", "adapters/documents", "config"):
        for path in named(".py", under=room):
            said |= {code for code in _codes_in(path) if code.startswith("document_")}

    assert {"quota_exhausted", "declined_by_signer", "document_encrypted", "document_infected"} <= said
    assert set() == said - known
    assert {state.value for state in SignatureState} == {
        key.removeprefix("signing.states.") for key in WORDS.keys("vi") if key.startswith("signing.states.")
    }


def test_every_reason_of_a_verdict_has_its_words():
    """Each reason that verification can give stands in the words of verdicts."""
    told = {key.removeprefix("verdicts.") for key in WORDS.keys("vi") if key.startswith("verdicts.")}

    assert {code.value for code in Code} <= told
    assert {verdict.value for verdict in Verdict} <= told
