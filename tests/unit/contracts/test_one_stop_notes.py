"""The one-stop notes and the mock say the same: every cited rule stands, every refusal is played."""

from __future__ import annotations

import re

from contracts.mock_notes import as_html, rules_of
from contracts.one_stop.choices import SWITCHES
from contracts.one_stop.envelopes import STATUS, TITLES
from contracts.one_stop.mock import OneStop

FOLDER = OneStop.notes.parent
TEXT = OneStop.notes.read_text(encoding="utf-8")
RULES = rules_of(OneStop.notes)
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py")))
OURS = re.compile(r"\[(OURS|SOAP|WSS|WSA|XSD|RFC \d+|OPENCPS|C#-A)[^\]]*\]")


def test_anchors_and_numbers_agree():
    """An anchor and the number printed beside it are the same, and no number stands twice."""
    pairs = re.findall(r'<a id="(r\d+)"></a>\*\*(r\d+)\*\*', TEXT)

    assert all(anchor == printed for anchor, printed in pairs)
    assert len(pairs) == len(dict(pairs)) == len(RULES)


def test_every_cited_rule_stands():
    """A rule that the code cites is there."""
    cited = set(re.findall(r'"(r\d+)"', CODE)) | set(re.findall(r"NOTES\.md#(r\d+)", CODE))

    assert set() == cited - RULES.keys()


def test_every_refusal_is_played():
    """A rule that says **refused** is one that the mock's code knows by number."""
    silent = [rule for rule, says in RULES.items() if "**refused**" in says.lower() and f'"{rule}"' not in CODE]

    assert [] == silent


def test_every_rule_has_a_source():
    """Each rule begins with its kind of source."""
    assert [] == [rule for rule, says in RULES.items() if not OURS.search(says[:60])]


def test_switches_are_named():
    """Each switch is named by the rule that it plays with, or plays with what that rule says."""
    assert all(switch.rule in RULES for switch in SWITCHES)


def test_codes_have_words():
    """Every code that has a status has a title, and every code in the notes is known to the mock."""
    told = set(re.findall(r"`([a-z_]+)`", " ".join(RULES[rule] for rule in RULES if "**Refused.**" in RULES[rule])))

    assert STATUS.keys() <= TITLES.keys()
    assert {"invalid", "replayed", "contradicted", "wrong_parts"} <= told & TITLES.keys()


def test_notes_are_a_page():
    """The notes can be shown as a page, each rule under its own anchor."""
    page = as_html(OneStop.notes)

    assert all(f'id="{rule}"' in page for rule in RULES)
