"""The notes and the mock say the same: every cited rule stands, every refusal is played, every switch is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.mock_notes import as_html, rules_of
from contracts.national_portal.choices import SWITCHES
from contracts.national_portal.fields import RECORD, STEP
from contracts.national_portal.mock import Portal

FOLDER = Portal.notes.parent
TEXT = Portal.notes.read_text(encoding="utf-8")
RULES = rules_of(Portal.notes)
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py")))
KINDS = {
    "GUIDE",
    "OPENCPS",
    "C#-A",
    "C#-B",
    "WEB-H",
    "JS-G13",
    "766",
    "MIN-API",
    "PAGE",
    "2026-DOC",
    "XROAD",
    "INFER",
    "DECISION",
}


def test_anchors_and_numbers_agree():
    """An anchor and the number printed beside it are the same, and no number stands twice."""
    pairs = re.findall(r'<a id="(r\d+)"></a>\*\*(r\d+)\*\*', TEXT)

    assert all(anchor == printed for anchor, printed in pairs)
    assert len(pairs) == len(dict(pairs)) == len(RULES)


def test_every_cited_rule_stands():
    """A rule that code or notes cite is there."""
    cited = set(re.findall(r"\b(r\d+)\b", CODE)) | set(re.findall(r"\b(r\d+)\b", TEXT))

    assert set() == cited - RULES.keys()


def test_every_refusal_is_played():
    """A rule that says **refused** is one that the mock's code knows by number."""
    silent = [rule for rule, says in RULES.items() if "**refused**" in says.lower() and f'"{rule}"' not in CODE]

    assert [] == silent


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_source(rule):
    """Each rule names its kind of source, or says that nothing is known."""
    tags = {tag.strip() for group in re.findall(r"\[([^\]]+)\]", RULES[rule]) for tag in re.split(r"[,;]", group)}
    known = [kind for kind in KINDS if any(tag.startswith(kind) for tag in tags)]

    assert known or "all" in tags or "not known" in RULES[rule]


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_every_switch_is_in_its_rule(switch):
    """A switch is named in the very rule that it plays with."""
    assert f"`{switch.name}`" in TEXT
    assert switch.rule in RULES


def test_every_field_is_in_the_notes():
    """Each field that is checked is a field of the notes, except those that every record has."""
    missing = [name for name in (*RECORD, *STEP) if f"`{name}" not in TEXT]

    assert [] == missing


def test_notes_as_a_page():
    """Markup of the notes becomes a page; what looks like markup inside does not."""
    page = as_html(Portal.notes)

    assert '<p class="rule" id="r12">' in page
    assert "<strong>r12</strong>" in page
    assert "`" not in page
    assert "&lt;organisation&gt;" in page


def test_a_reader_sees_tables_and_paragraphs(tmp_path):
    """A table becomes a table, lines that belong together one paragraph; items stay apart, code means only itself."""
    notes = tmp_path / "NOTES.md"
    notes.write_text(
        "One sentence\nin two lines, *stressed*.\n\n| tag | trust |\n| --- | --- |\n| `*a*` | **high** |\n\n"
        "1. first\n2. see [there](x.md)\n",
        encoding="utf-8",
    )
    page = as_html(notes)

    assert "<p>One sentence in two lines, <em>stressed</em>.</p>" in page
    assert '<th scope="col">tag</th><th scope="col">trust</th>' in page
    assert "<td><code>*a*</code></td><td><strong>high</strong></td>" in page
    assert "<p>1. first</p>\n<p>2. see there</p>" in page


def test_mock_never_sees_the_adapter():
    """The mock is written from the document alone: nothing of ours but the contracts is imported."""
    rooms = re.findall(r"^(?:from|import) (bus|adapters|signing|config)\b", CODE, flags=re.MULTILINE)

    assert [] == rooms
    assert Path(FOLDER, "samples").is_dir()
