"""The console's lists against a plain reading of every row: whatever is asked, nothing twice and nothing missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import looks
from bus.looks import Filter, Found, Looks
from bus.messages import State
from tests.shelf import CAUSES, KINDS, PARTNERS, SOURCES, START, Shelf
from tests.world import MASTER


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    made = Shelf(tmp_path_factory.mktemp("shelf"))
    made.grow(300)
    return made


@pytest.fixture(scope="module")
def asked(shelf: Shelf) -> Iterator[Looks]:
    world = shelf.open()
    yield Looks(world.ledger.engine, MASTER)
    world.close()


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.none() | st.sampled_from(values)


TIMES = st.none() | st.integers(-2_000, 60_000).map(lambda s: START + timedelta(seconds=s))
FILTERS = st.builds(
    Filter,
    partner=maybe(*PARTNERS, "nobody"),
    states=st.lists(st.sampled_from(list(State)), max_size=3, unique=True).map(tuple),
    cause=maybe(*CAUSES),
    kind=maybe(*KINDS),
    source=maybe(*SOURCES),
    unit=maybe("H99.11", "H99.11.16", "H99", "H99.12", "H98"),
    dossier=maybe("H99.0001", "H99.0002", "H99.0011", "none"),
    since=TIMES,
    until=TIMES,
)
LIMITS = st.none() | st.lists(st.sampled_from(("H99.11", "H99.12", "000.00.09.H99", "H99.13")), max_size=3).map(tuple)
BUDGETS = st.fixed_dictionaries(
    {
        "LOOKED_PLAIN": st.integers(1, 400),
        "LOOKED_EVENTS": st.integers(1, 60),
        "LOOKED_DOSSIERS": st.integers(1, 60),
        "LOOKED_OPEN": st.integers(1, 30),
        "FEW_DOSSIERS": st.integers(0, 60),
        "FEW_DELIVERIES": st.sampled_from((5, 50, 500)),
        "CHUNK": st.integers(1, 60),
    }
)


@settings(max_examples=150, deadline=None)
@given(wanted=FILTERS, units=LIMITS, limit=st.integers(1, 60), budgets=BUDGETS, rush=st.booleans())
def test_pages_are_the_rows_that_fit(shelf, asked, wanted, units, limit, budgets, rush):
    """Page by page, whatever the filter, limits and bounds, while new rows come in: each row that fits, once."""
    expected = [line for line in reversed(shelf.rows) if wanted.fits(line, units)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in budgets.items():
            patch.setattr(looks, name, max(value, 100) if name == "FEW_DELIVERIES" and wanted.states else value)
        pages: list[Found] = [asked.deliveries(wanted, units, limit=limit)]
        while pages[-1].before is not None:
            if rush and len(shelf.rows) < 600 and not wanted.states:
                shelf.grow(1)
            pages.append(asked.deliveries(wanted, units, before=pages[-1].before, limit=limit))

    found = [line.id for page in pages for line in page.lines]
    assert [line.id for line in expected] == found
    for page in pages:
        is_whole = len(page.lines) == limit or page.before is None
        assert is_whole == (page.looked_back_to is None)


def test_a_unit_with_few_dossiers_and_many_deliveries(shelf, asked, monkeypatch):
    """A unit whose dossiers are few, but not their deliveries, is looked for among everybody's; and nothing lacks."""
    wanted = Filter(unit="H99.12")
    expected = [line.id for line in reversed(shelf.rows) if wanted.fits(line, None)][:5]
    monkeypatch.setattr(looks, "FEW_DELIVERIES", 5)

    assert expected == [line.id for line in asked.deliveries(wanted, None, limit=5).lines]


# -- what is looked at -----------------------------------------------------------------------------------------------

FEW = {"LOOKED_PLAIN": 60, "LOOKED_EVENTS": 60, "LOOKED_DOSSIERS": 60, "LOOKED_OPEN": 20, "LOOKED_TERMS": 20,
       "FEW_DOSSIERS": 10, "FEW_DELIVERIES": 40, "COUNTED": 10, "SAMPLED": 5}  # fmt: skip
QUESTIONS = {
    "everything": lambda it, units: it.deliveries(Filter(), units),
    "by partner": lambda it, units: it.deliveries(Filter(partner="sms"), units),
    "delivered": lambda it, units: it.deliveries(Filter(states=(State.DELIVERED,)), units),
    "open": lambda it, units: it.deliveries(Filter(states=tuple(State)[:6]), units),
    "refused and more": lambda it, units: it.deliveries(Filter(states=(State.REFUSED,), kind=KINDS[0]), units),
    "no such cause": lambda it, units: it.deliveries(Filter(cause="none"), units),
    "no such kind": lambda it, units: it.deliveries(Filter(kind="none"), units),
    "unit": lambda it, units: it.deliveries(Filter(unit="H99"), units),
    "dossier": lambda it, units: it.deliveries(Filter(dossier="H99.0001"), units),
    "an hour": lambda it, units: it.deliveries(Filter(since=START, until=START + timedelta(hours=1)), units),
    "standing": lambda it, units: it.standing(units),
    "oldest": lambda it, units: it.oldest(State.HELD, units),
    "awaiting": lambda it, units: it.awaiting_since(START, units),
    "due": lambda it, units: it.due(START, START + timedelta(days=900), units),
    "gaps": lambda it, units: it.gaps(START, units),
    "causes": lambda it, units: it.causes(units),
    "units": lambda it, units: it.units(units),
    "sources": lambda it, units: it.sources(),
    "number": lambda it, units: it.search("H99", units),
    "name": lambda it, units: it.search("nguyen van", units),
    "moves": lambda it, units: it.moved_since(0, 50),
    "last move": lambda it, units: it.last_move(),
    "ready": lambda it, units: it.ready_since("sms"),
}


def steps(world, ask) -> int:
    """How many hundreds of steps the database takes for a question."""
    connection, count = world.ledger.engine.read().connection, [0]

    def tick() -> int:
        count[0] += 1
        return 0

    connection.set_progress_handler(tick, 100)
    try:
        ask()
    finally:
        connection.set_progress_handler(None, 0)
    return count[0]


@pytest.mark.parametrize("units", [None, ("H99.11", "H99.12")])
def test_what_is_looked_at_does_not_grow(tmp_path, monkeypatch, units):
    """With six times as many rows behind it no question costs the database more, but for the depth of its trees."""
    for name, value in FEW.items():
        monkeypatch.setattr(looks, name, value)
    shelf = Shelf(tmp_path)
    shelf.grow(500)
    took = []
    for more in (0, 2_500):
        shelf.grow(more)
        world = shelf.open()
        it = Looks(world.ledger.engine, MASTER)
        took.append({name: steps(world, partial(ask, it, units)) for name, ask in QUESTIONS.items()})
        world.close()

    grown = {name: (n, took[1][name]) for name, n in took[0].items() if took[1][name] > 1.6 * n + 60}
    assert {} == grown
