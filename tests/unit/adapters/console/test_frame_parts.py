"""The pure parts of the console's frame: what is asked, addresses, seals, what is carried, navigation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.doors.console import carried
from adapters.doors.console.answers import Wrong
from adapters.doors.console.asked import LONGEST_VALUE, MOST_FIELDS, Asked, clean, lists_of, pairs_of
from adapters.doors.console.csp_reports import directive_of
from adapters.doors.console.links import is_ours, url_for
from adapters.doors.console.navigation import BELOW, GROUPS, navigation
from adapters.doors.console.pages import PAGES
from adapters.doors.console.responses import event
from adapters.doors.console.sealing import Sealing, Unsealable
from bus.rights import Right
from tests.builders import NOON
from tests.visits import visit
from tests.world import SeededRandomness

# -- what is asked -----------------------------------------------------------------------------------------------------


def test_words_are_composed() -> None:
    """What was typed on a keyboard that sends letters in parts is what was typed on one that sends them whole."""
    assert [("ten", "ế")] == pairs_of(b"ten=e%CC%82%CC%81")


def test_ends_of_lines_are_one_character() -> None:
    """Browsers send forms' line ends as two characters; a page sees one."""
    assert "a\nb\nc" == clean("a\r\nb\rc", longest=None)


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\x7f", "\x85", "\ud800", "\ufffe"], ids=ascii)
def test_commands_are_no_words(text: str) -> None:
    """Characters that command a terminal, or that no text can have, are refused wherever they come from."""
    with pytest.raises(Wrong):
        clean(f"a{text}b", longest=None)


def test_tab_and_blank_lines_are_words() -> None:
    """What people type into a box of several lines is taken as it is."""
    assert "a\tb\n\nc" == clean("a\tb\n\nc", longest=None)


def test_bounds_of_what_is_asked() -> None:
    """As many fields, and as many characters, as the limits say; one more is told with the limit."""
    assert MOST_FIELDS == len(pairs_of(b"&".join([b"a=1"] * MOST_FIELDS)))
    assert LONGEST_VALUE == len(clean("x" * LONGEST_VALUE, longest=LONGEST_VALUE))
    with pytest.raises(Wrong) as many:
        pairs_of(b"&".join([b"a=1"] * (MOST_FIELDS + 1)))
    with pytest.raises(Wrong) as long:
        pairs_of(b"q=" + b"x" * (LONGEST_VALUE + 1), longest=LONGEST_VALUE)

    assert {"most": MOST_FIELDS} == many.value.facts
    assert ("q", LONGEST_VALUE) == (long.value.field, long.value.facts["most"])


def test_all_values_of_a_name() -> None:
    """Boxes that were ticked come as several values of one name."""
    pairs = [("state", "held"), ("state", "refused"), ("q", "")]
    asked = Asked(query=dict(pairs), lists=lists_of(pairs))

    assert ("held", "refused") == asked.many("state")
    assert ("",) == asked.many("q")
    assert () == asked.many("none")
    assert ("a",) == Asked(form={"x": "a"}).many("x")


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_address_of_a_page() -> None:
    """Facts of the path stand in it, escaped; the others in the query, and what is missing nowhere."""
    assert "/console/payments?a=1&b=%E1%BA%BF&c=x&c=y" == url_for("payments", a=1, b="ế", c=("x", "y"), d=None, e="")
    assert "/console/static/vendor/a%3Fb.js" == url_for("static", file="vendor/a?b.js")


@pytest.mark.parametrize("address", ["/console", "/console/", "/console/log?q=%E1", "/console?x=1"])
def test_our_addresses(address: str) -> None:
    """Pages of the console are ours."""
    assert is_ours(address)


@pytest.mark.parametrize(
    "address",
    ["", "/", "//x", "/consoles", "https://x/console/", "/console/\\x", "/console/ x", "/console/é", "/console/a\n",
     "/console/../v1/events", "/console/..", "/console/" + "a" * 4_000],
    ids=ascii,
)  # fmt: skip
def test_foreign_addresses(address: str) -> None:
    """Everything else is not: nobody is sent there."""
    assert not is_ours(address)


# -- seals -------------------------------------------------------------------------------------------------------------


def sealing(key: bytes = b"k" * 32) -> Sealing:
    return Sealing(key, SeededRandomness())


def test_what_is_sealed_is_read_here_alone() -> None:
    """Another installation, another purpose, a changed letter, a later time: none of them opens it."""
    sealed = sealing().sealed("a", ["ế", 1], NOON)
    hour = timedelta(hours=1)

    assert ["ế", 1] == sealing().opened("a", sealed, NOON + hour, hour)
    for wrong in (
        lambda: sealing(b"x" * 32).opened("a", sealed, NOON, hour),
        lambda: sealing().opened("b", sealed, NOON, hour),
        lambda: sealing().opened("a", sealed[:-3] + "AAA", NOON, hour),
        lambda: sealing().opened("a", sealed, NOON + 2 * hour, hour),
        lambda: sealing().opened("a", sealed, NOON - hour, hour),
        lambda: sealing().opened("a", "ế", NOON, hour),
        lambda: sealing().opened("a", "", NOON, hour),
        lambda: sealing().opened("a", "A", NOON, hour),
    ):
        with pytest.raises(Unsealable):
            wrong()


def test_proofs() -> None:
    """A proof is of one text and one purpose, whichever process of the installation made it."""
    proof = sealing().proof("csrf", "token")

    assert sealing().is_proof("csrf", "token", proof)
    assert not sealing().is_proof("csrf", "another", proof)
    assert not sealing().is_proof("said", "token", proof)
    assert not sealing(b"x" * 32).is_proof("csrf", "token", proof)
    assert not sealing().is_proof("csrf", "token", "ế")


# -- what is carried ---------------------------------------------------------------------------------------------------


def test_carried_form() -> None:
    """What a person wrote is shown to be looked at; what the page had put there goes along unseen; secrets do not."""
    pairs = [("csrf", "x"), ("reason", "vì"), ("number", "H99"), ("note", "hai từ"), ("password", "p"), ("code", "c")]
    text = carried.sealed(sealing(), "an", "/console/x", pairs, NOON)
    form = carried.opened(sealing(), "an", text, NOON)

    assert form
    assert (("reason", "vì"), ("note", "hai từ")) == form.typed
    assert (("number", "H99"),) == form.others
    assert not form.is_whole
    assert "" == form.consequence
    assert carried.opened(sealing(), "binh", text, NOON) is None
    assert carried.opened(sealing(), "an", text, NOON + carried.LIFE * 2) is None


def test_carried_elsewhere() -> None:
    """A form is shown again only where it goes to a page of ours."""
    text = carried.sealed(sealing(), "an", "https://evil.example.invalid/", [], NOON)

    assert carried.opened(sealing(), "an", text, NOON) is None


# -- navigation --------------------------------------------------------------------------------------------------------


def test_navigation_shows_what_one_may() -> None:
    """Each person sees the pages that his rights open, and no others."""
    names = {item.name for group in navigation(visit(rights=frozenset({Right.LIST}))) for item in group.items}
    allowed = {page.name for page in PAGES if page.right in (None, Right.LIST)}

    assert names
    assert names <= allowed
    assert () == navigation(visit(account=""))
    assert () == navigation(visit(rights=frozenset()))


@pytest.mark.parametrize(("page", "item"), [("payments", "payments"), ("delivery", "search"), ("partner", "partners")])
def test_navigation_marks_where_one_is(page: str, item: str) -> None:
    """The page that is open, or the one above it, is marked; and only that one."""
    marked = [each.name for group in navigation(visit(page=page)) for each in group.items if each.is_current]

    assert set(marked) <= {item}
    assert marked or item not in {each.name for each in PAGES}


def test_navigation_names_pages() -> None:
    """Pages below one of the navigation are told by the name of one that is in it."""
    assert set(BELOW.values()) <= {name for _, names in GROUPS for name in names}


# -- small shapes ------------------------------------------------------------------------------------------------------


def test_event_of_many_lines() -> None:
    """Every line of an event's text is its data, whatever ends the line."""
    assert b"event: a\ndata: 1\ndata: 2\ndata: 3\ndata: 4\n\n" == event("a", "1\r\n2\r3\n4")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"csp-report":{"effective-directive":"img-src"}}', "img-src"),
        (b'{"csp-report":{"violated-directive":"script-src \'self\'"}}', "script-src"),
        (b'{"csp-report":{"violated-directive":"evil\\nline"}}', "unknown"),
        (b'{"csp-report":[]}', "unknown"),
        (b'{"csp-report":{}}', "unknown"),
        (b"[]", "unknown"),
        (b"\xff", "unknown"),
        (b"", "unknown"),
    ],
)
def test_rule_of_a_report(body: bytes, rule: str) -> None:
    """Of what strangers send as a report only the name of a rule is taken, and only one that there is."""
    assert rule == directive_of(body)
