"""Switches: closed lists and types are kept, and an order is done whole or not at all."""

from __future__ import annotations

import pytest

from contracts.mock_switches import Switch, Switches, any_or_names, any_whole, one_of, seconds, text, whole


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (one_of(-3, 3), 3, True),
        (one_of(True, False), True, 1),
        (one_of("a", "b"), "b", "c"),
        (whole(at_least=1), 1, 0),
        (whole(), 0, False),
        (any_whole, -1, "1"),
        (seconds, 0.5, -1),
        (seconds, 2, True),
        (text, "", None),
        (any_or_names, ["x"], "all"),
        (any_or_names, "any", [1]),
    ],
)
def test_reader(read, good, bad):
    """A reader takes what fits and says what would fit."""
    read(good)
    with pytest.raises(ValueError, match=r"\w"):
        read(bad)


def switches():
    return Switches(
        [
            Switch(name="size", default=10, read=whole(), rule="r1", says="how many"),
            Switch(name="known", default="any", read=any_or_names, rule="r2", says="which"),
        ]
    )


def test_turned_whole_or_not_at_all():
    """One wrong value leaves every switch as it was."""
    ours = switches()
    with pytest.raises(ValueError, match="known: must be"):
        ours.turn({"size": 3, "known": 7})

    assert 10 == ours["size"]


def test_shown_and_restored():
    """What is shown can be posted again; restore brings the defaults back."""
    ours = switches()
    ours.turn({"known": ["b", "a"]})
    assert ["a", "b"] == ours.shown()["known"]["value"]

    ours.restore()

    assert "any" == ours.shown()["known"]["value"]
