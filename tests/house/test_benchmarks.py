"""The benchmarks run: each in its smallest size, so that they cannot rot. Nothing here looks at a time."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as bench
from benchmarks import report
from benchmarks.plan import Plan
from benchmarks.spread import percentile, spread
from benchmarks.walk import TimedStorage
from bus.ports import FileStorage

SMALLEST = Plan(rounds=1, quick=True)


@pytest.fixture(scope="module")
def results():
    """Every figure in its smallest size, by name."""
    return {name: bench.measured(name, SMALLEST) | {"seconds": 0.0} for name in bench.MODULES}


def test_nothing_is_doubled_or_out_of_order(results):
    """Whatever the speed, the sink's books find no repeat, no disorder and no unsigned call."""
    books = results["f4"]["books"]

    assert (0, 0, 0) == (books["repeats"], books["out_of_order"], books["unsigned"])
    assert 0 == results["f12"]["repeats"]
    assert (0, 0) == (results["f14"]["undelivered"], results["f14"]["out_of_order"])


def test_every_probe_finds_its_step(results):
    """The profile names functions of the product; one that was renamed would silently lack in it."""
    profiles = [results["f4"][name] for name in ("profile", "profile_portal", "profile_accept")]

    assert [[], [], []] == [profile["missing"] for profile in profiles]


def test_killed_worker_repeats_no_step(results):
    """A step that may have arrived is left in doubt and visible; nothing is lost."""
    killed = results["f7"]["killed"]

    assert 0 == killed["step"]["repeats"]["max"]
    assert (0, 0) == (killed["step"]["lost"], killed["update"]["lost"])
    assert killed["update"]["repeats"]["max"] <= results["f7"]["bound"]


def test_every_signed_event_is_recorded(results):
    """The door's figure counts answers that recorded something, and no refusals."""
    assert 0 == results["f5"]["door"]["not_201"]


def test_page_tells_every_figure(results):
    """The measured part of the page has a goal's row and a section for each figure."""
    made = "\n\n".join(report.parts(results))
    shown = [name for name in bench.MODULES if f"### {name.upper()}: " in made and f"| {name.upper()} |" in made]

    assert list(bench.MODULES) == shown


def test_spread_and_percentile():
    """A median with its range; a percentile of few values is never below the share that was asked for."""
    assert {"median": 2, "min": 1, "max": 9} == spread([9, 1, 2])
    assert 9 == percentile([9, 1, 2], 0.99)


@pytest.mark.parametrize("storage", [FileStorage, TimedStorage])
def test_any_folder_may_hold_a_ledger(tmp_path, storage):
    """A folder's name with marks that an address would cut off at names that folder and no other."""
    folder = tmp_path / "a#b?c%20d"
    folder.mkdir()
    storage().connect(str(folder / "l.db")).execute("CREATE TABLE t (a)").connection.close()

    assert ["a#b?c%20d"] == [each.name for each in tmp_path.iterdir()]
    assert ["l.db"] == [each.name for each in folder.iterdir()]
