"""What roles allow, and which units they reach."""

from __future__ import annotations

import pytest

from bus.rights import ADMINISTRATOR, ROLES, Right, covers, rights_of


@pytest.mark.parametrize(
    ("unit", "units", "is_covered"),
    [
        ("H99.11", None, True),
        (None, None, True),
        ("H99.11", ("H99.11",), True),
        ("H99.11.16", ("H99.11",), True),
        ("H99.110", ("H99.11",), False),
        ("H99", ("H99.11",), False),
        ("H99.12", ("H99.11", "H99.12"), True),
        (None, ("H99",), False),
        ("H99.11", (), False),
        ("000.07.20.H99", ("000.00.20.H99",), True),
        ("001.07.20.H99", ("000.07.20.H99",), True),
        ("000.00.20.H99", ("000.07.20.H99",), False),
        ("000.07.20.H99", ("000.00.00.H99",), True),
        ("000.07.20.H98", ("000.00.00.H99",), False),
        ("000.07.20.H99", ("000.00.07.H99",), False),
        ("000.07.20.H99", ("H99.20",), False),
        ("", ("H99",), False),
        ("H99", ("",), False),
    ],
)
def test_units_by_whole_parts(unit: str | None, units: tuple[str, ...] | None, is_covered: bool) -> None:
    """A unit covers itself and those below it; what has no unit is seen only by who sees every unit."""
    assert is_covered is covers(unit, units)


def test_roles_add_up() -> None:
    """Two roles allow what either allows; a role that nobody knows allows nothing."""
    assert {Right.LIST, Right.AUDIT} == rights_of(["viewer", "auditor", "gone"], ROLES)
    assert frozenset() == rights_of([], ROLES)


def test_no_role_alone_does_everything() -> None:
    """Who hands out rights does not repair, and every right is held by some role."""
    assert not {Right.REPLAY, Right.BODIES, Right.REVEAL, Right.APPROVE} & ROLES[ADMINISTRATOR]
    assert set(Right) == set().union(*ROLES.values())
