"""The rooms and the stairs between them: who may import whom, here and in `docs/explanation/rooms.md`."""

from __future__ import annotations

import re
import sys

import pytest

from tests.house.tree import ROOMS, ROOT, imported, name_of, named

MAY_IMPORT: dict[str, set[str]] = {
    "bus": set(),
    "signing": set(),
    "contracts": set(),
    "adapters": {"bus", "contracts", "signing"},
    "config": {"adapters", "bus", "contracts", "signing"},
    "tests": {"adapters", "bus", "config", "contracts", "signing"},
}
BUS_STANDS_ON = {"cryptography", "msgspec", "structlog"}
"""The heart keeps its dependencies few: a change in any of them can touch what has been promised."""


@pytest.mark.parametrize("room", ROOMS)
def test_stairs_lead_one_way(room):
    """A room imports no room but those that the table allows, not even inside a function."""
    trespasses = [
        f"{name_of(path)}:{line} imports {other}"
        for path in named(".py", under=room)
        for line, other in imported(path)
        if other in MAY_IMPORT and other != room and other not in MAY_IMPORT[room]
    ]

    assert [] == trespasses


@pytest.mark.parametrize("room", ROOMS)
def test_imports_are_absolute(room):
    """Every import names its room, so that a search for `bus.ledger` finds all who use it."""
    relative = [
        f"{name_of(path)}:{line}" for path in named(".py", under=room) for line, it in imported(path) if it == "."
    ]

    assert [] == relative


def test_bus_stands_on_little():
    """The bus needs the standard library and three packages, and learns of no protocol."""
    allowed = set(sys.stdlib_module_names) | BUS_STANDS_ON | {"bus"}
    strangers = {f"{name_of(path)}: {it}" for path in named(".py", under="bus") for _, it in imported(path)} - {
        f"{name_of(path)}: {it}" for path in named(".py", under="bus") for it in allowed
    }

    assert set() == strangers


def test_zeep_has_one_door():
    """What a SOAP library makes of envelopes is met in one file, so that it can be held to what was meant."""
    importers = {
        name_of(path) for room in ROOMS for path in named(".py", under=room) for _, it in imported(path) if it == "zeep"
    }

    assert {"adapters/channels/soap.py"} == importers


def test_documented_table_is_this_table():
    """The table in the documentation allows what this test allows."""
    text = (ROOT / "docs/explanation/rooms.md").read_text(encoding="utf-8")
    documented = {}
    for room, may in re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE):
        every = set(MAY_IMPORT) - {room, "tests"}
        documented[room] = every if "every room" in may else set(re.findall(r"`(\w+)`", may))

    assert MAY_IMPORT == documented


def test_config_is_ours():
    """`config` is a common name: the one that is imported is this project's."""
    import config

    assert str(ROOT / "config" / "__init__.py") == config.__file__
