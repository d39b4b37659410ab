"""The made parts of the documents say what the code says."""

from __future__ import annotations

import pytest

from tests.house import notice, pages
from tests.house.blocks import BLOCKS, MEANING
from tests.house.tree import name_of


@pytest.mark.parametrize("page", pages.documents(), ids=name_of)
def test_made_parts_are_fresh(page):
    """Nothing in a made part was edited by hand, and nothing has changed since."""
    text = page.read_text(encoding="utf-8")

    assert pages.written_anew(text) == text, "run make docs"


def test_every_block_is_shown():
    """What can be generated is shown somewhere."""
    shown = {found[1] for page in pages.documents() for found in pages.MARKED.findall(page.read_text(encoding="utf-8"))}

    assert set(BLOCKS) == shown


def test_every_state_has_a_meaning():
    """The reference explains each state, and no state that there is not."""
    from bus.messages import State

    assert {str(state) for state in State} == set(MEANING)


def test_notice_names_every_package():
    """Whatever the core lock installs stands in NOTICE with its licence."""
    rows = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in notice.PAGE.read_text().splitlines() if line[:2] == "  "
    }

    assert set(notice.locked()) == set(rows)
    assert [] == [package for package, licence in rows.items() if not licence.strip()]


def test_licences_fit():
    """No package that runs with us asks for what the EUPL cannot give."""
    strange = {"GPL-2.0-only", "AGPL", "SSPL", "BUSL", "Proprietary", "UNKNOWN"}

    assert set() == {package for package in notice.locked() if any(it in notice.licence_of(package) for it in strange)}
