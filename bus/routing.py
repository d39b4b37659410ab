"""Pure. Which partners is this event for, and by which rule of order? Answered from a table, not from ifs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bus.messages import Event

Rule: TypeAlias = Literal["latest_wins", "every_step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of `config/routes.toml`: events of a kind go to a partner, under a rule of order."""

    kind: str
    partner: str
    rule: Rule
    """`latest_wins` for whole records (those overtaken become `superseded`), `every_step` for progress."""
    late: Literal["hold", "send"] = "hold"
    """What happens to a step whose successor was sent before it came."""
    needs_record: bool = False
    """Whether it waits, visibly, until the partner has the dossier's first record."""
    origin: Literal["one_stop", "portal"] | None = None
    """Only events that say so of their dossier; for them it stands in place of the partner's row without an origin."""


class Routes:
    """The whole table, by kind."""

    def __init__(self, routes: Iterable[Route], *, also: frozenset[str] = frozenset()) -> None:
        """`also`: partners to whom the ledger itself tells something, beside those of the table."""
        self.rows = tuple(routes)
        self._also = also
        self._by_kind: dict[str, tuple[Route, ...]] = {}
        self._by_origin: dict[tuple[str, str], tuple[Route, ...]] = {}
        for route in self.rows:
            if route.origin is None:
                self._by_kind[route.kind] = (*self._by_kind.get(route.kind, ()), route)
        for kind, origin in {(route.kind, route.origin) for route in self.rows if route.origin}:
            self._by_origin[kind, origin] = self._instead(kind, origin)

    def _instead(self, kind: str, origin: str) -> tuple[Route, ...]:
        """What holds for events of this origin: its own rows, and those of partners that have none."""
        own = {route.partner: route for route in self.rows if (route.kind, route.origin) == (kind, origin)}
        others = [route for route in self._by_kind.get(kind, ()) if route.partner not in own]
        return (*others, *own.values())

    def routes_for(self, event: Event) -> tuple[Route, ...]:
        """Every partner that this event goes to; empty when the table names none."""
        if self._by_origin and (found := self._by_origin.get((event.kind, event.data.get("origin", "")))) is not None:
            return found
        return self._by_kind.get(event.kind, ())

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that go anywhere."""
        return frozenset(route.kind for route in self.rows)

    @property
    def partners(self) -> frozenset[str]:
        """Every partner that anything goes to."""
        return self._also | {route.partner for route in self.rows}

    def kinds_to(self, partner: str) -> frozenset[str]:
        """Kinds that this partner is sent by the table."""
        return frozenset(route.kind for route in self.rows if route.partner == partner)


def routes_from_table(rows: Iterable[Mapping[str, Any]]) -> Routes:
    """Routes from the rows of a settings file. Raises ValueError that names the row and what is wrong with it."""
    found = []
    for number, row in enumerate(rows, start=1):
        unknown = set(row) - {"kind", "partner", "rule", "late", "needs_record", "origin"}
        if unknown:
            raise ValueError(f"route {number}: unknown member {', '.join(sorted(unknown))}")
        if row.get("rule") not in ("latest_wins", "every_step"):
            raise ValueError(f"route {number}: rule must be latest_wins or every_step")
        if row.get("late", "hold") not in ("hold", "send"):
            raise ValueError(f"route {number}: late must be hold or send")
        if row.get("origin") not in (None, "one_stop", "portal"):
            raise ValueError(f"route {number}: origin must be one_stop or portal")
        found.append(Route(**row))
    return Routes(found)
