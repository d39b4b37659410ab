"""Switches: where the sources are silent, a mock can behave in more than one way, and a test says which."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Reader = Callable[[object], Any]
"""Takes a posted value and gives it as the mock keeps it; raises `ValueError` that says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One behaviour that can be chosen, its default, and the rule that it plays with."""

    name: str
    default: Any
    read: Reader
    rule: str
    says: str


def one_of(*values: object) -> Reader:
    """A closed list. Booleans and numbers are told apart."""

    def read(value: object) -> object:
        if any(type(value) is type(known) and value == known for known in values):
            return value
        raise ValueError(f"one of {', '.join(repr(known) for known in values)}")

    return read


def whole(*, at_least: int = 0) -> Reader:
    """A whole number."""

    def read(value: object) -> int:
        if type(value) is int and value >= at_least:
            return value
        raise ValueError(f"a whole number from {at_least}")

    return read


def any_whole(value: object) -> int:
    """A whole number, negative too."""
    if type(value) is int:
        return value
    raise ValueError("a whole number")


def seconds(value: object) -> float:
    """A length of time in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError("seconds, zero or more")


def text(value: object) -> str:
    """Any text."""
    if isinstance(value, str):
        return value
    raise ValueError("a text")


def any_or_names(value: object) -> frozenset[str] | None:
    """The word `any`, or a list of texts."""
    if value == "any":
        return None
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return frozenset(value)
    raise ValueError('"any", or a list of texts')


class Switches:
    """The switches of one mock, as they stand."""

    def __init__(self, known: Iterable[Switch]) -> None:
        self._known = {switch.name: switch for switch in known}
        self._values: dict[str, Any] = {}
        self.restore()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def restore(self) -> None:
        """Every switch at its default."""
        self._values = {name: switch.read(switch.default) for name, switch in self._known.items()}

    def turn(self, wanted: dict[str, object]) -> None:
        """All of them, or none: an unknown name or a wrong value is a `ValueError` that says what would be right."""
        values = {}
        for name, value in wanted.items():
            if name not in self._known:
                raise ValueError(f"{name}: no such switch; there are {', '.join(sorted(self._known))}")
            try:
                values[name] = self._known[name].read(value)
            except ValueError as trouble:
                raise ValueError(f"{name}: must be {trouble}") from None
        self._values |= values

    def shown(self) -> dict[str, dict[str, object]]:
        """For people: each with its value, its default, its rule, and what it does."""
        return {
            name: {
                "value": _plain(self._values[name]),
                "default": switch.default,
                "rule": switch.rule,
                "says": switch.says,
            }
            for name, switch in self._known.items()
        }


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return "any" if value is None else value
