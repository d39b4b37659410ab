"""R23: after crashes and lost answers the console, the API, the ledger and the partner's books say the same.

Pages are asked for over the real application and read as a person reads them: the log, its filters, pages of dossiers
and deliveries. The partner's books are compared with the ledger by the same run's own judge; here they are besides held
against what the pages show as delivered.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.messages import OPEN_STATES
from config.demo.console_judge import disagreements, pages, shown_in
from tests.looking import Looker, installed_over, words_of_states
from tests.proofs.kit import CLASSES
from tests.proofs.test_r01_crash_points import POINTS, crash_and_recover
from tests.proofs.test_r04_lost_answers import lost_answers
from tests.world import World

SOME = POINTS[4::8]
"""Every line is walked by R1; looking at what came of it costs a second each, so that here only some are looked at."""


def glance(world: World) -> None:
    """What can be looked at within a second: the log, what is delivered, what is open, one dossier."""
    look(world, dossiers=1, filters=False)


def look(world: World, *, dossiers: int | None = None, filters: bool = True) -> None:
    """All four accounts, delivery by delivery."""
    with installed_over(world.ledger) as here:
        looker = Looker(here)
        account = here.reads.whole_account()

        assert [] == looker.disagreements(dossiers=dossiers, filters=filters)
        assert [] == false_greens(looker, world, account)
        assert [] == hidden_troubles(looker, account)


def false_greens(looker: Looker, world: World, account: list) -> list[str]:
    """What the console shows as delivered although the partner's books do not have it."""
    events = {row["delivery"]: row["id"] for row in account}
    there = {effect.event for effect in world.books.effects}
    green = shown_in(pages(looker.get, "/log?state=delivered"))
    return [f"{events[number]} is shown as delivered" for number in green if events[number] not in there]


def hidden_troubles(looker: Looker, account: list) -> list[str]:
    """What is open, and not in the list of what is open."""
    shown = shown_in(pages(looker.get, "/log?state=open"))
    return [str(row["id"]) for row in account if row["state"] in OPEN_STATES and row["delivery"] not in shown]


@pytest.mark.parametrize("point", SOME)
def test_p06_console_after_a_crash(folder: Path, point: str) -> None:
    """A crash at a named line: before recovery, after it, and after a person's word every page says what is so."""
    crash_and_recover(World, folder, "blind", point, seed=1, look=glance)


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("point", POINTS)
def test_p06_console_after_every_crash(folder: Path, point: str, step_class: str) -> None:
    """The same at every named line in every class."""
    crash_and_recover(World, folder, step_class, point, seed=1, look=look)


def test_p06_console_after_lost_answers(folder: Path) -> None:
    """Three answers in ten lost: what is in doubt is shown so, and nothing is shown as delivered that is not there."""
    lost_answers(World, folder, "blind", dossiers=8, seed=6, look=lambda world: look(world, dossiers=1))


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
def test_p06_console_after_a_thousand_lost_answers(folder: Path, step_class: str) -> None:
    """The same with a thousand events in each class, every page looked at."""
    lost_answers(World, folder, step_class, dossiers=100, seed=6, look=look)


LIES = {
    "another state": ('class="state s-in_doubt"', 'class="state s-delivered"'),
    "another word": ("chưa rõ", "đã đến"),
    "a row left out": ("<tr", "<!-- <tr"),
    "another number": ("/console/deliveries/", "/console/deliveries/9"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_page_is_found_out(folder: Path, lie: str) -> None:
    """The judge itself: a page with another state, another word, a row less or another number is a finding."""
    said, instead = LIES[lie]

    def lying(world: World) -> None:
        with installed_over(world.ledger) as here:
            looker = Looker(here)
            account = here.reads.whole_account()
            if any(row["state"] == "in_doubt" for row in account):
                found = disagreements(lambda path: looker.get(path).replace(said, instead), account, words_of_states())
                seen.append(bool(found))

    seen: list[bool] = []
    lost_answers(World, folder, "blind", dossiers=4, seed=6, look=lying)

    assert seen
    assert all(seen)
