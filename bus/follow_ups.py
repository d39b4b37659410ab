"""Pure. What else follows: a settled delivery is told to the source that sent its event, and who takes filed dossiers.

A told outcome is an event like any other, `delivery.settled`, from the ledger's own source; it has one delivery, to the
partner that takes that source's outcomes, and never gives rise to another. `telling.py` writes it in the transaction of
the move that it tells.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bus.messages import (
    AMENDED,
    FILED,
    KIND_PREFIX,
    PAYMENT_NEWS,
    SETTLED,
    SIGNATURE_NEWS,
    Event,
    State,
    canonical_bytes,
    digest_of,
)
from bus.reasons import kept, shown
from bus.routing import Route, Routes

LEDGER_SOURCE: Final = "lienthong"
"""The source of what the ledger itself says; nobody else may speak under this name."""
TOLD: Final = frozenset({State.DELIVERED, State.REFUSED, State.HELD, State.SUPERSEDED, State.CANCELLED, State.NOT_OURS})
"""States that say something a source can act on. What waits or is in doubt is still on its way to one of them."""
UNTOLD: Final = frozenset({SETTLED, FILED, AMENDED}) | PAYMENT_NEWS | SIGNATURE_NEWS
"""Kinds whose outcomes are told to nobody: their sources are the ledger itself and the portal."""
LONGEST_REASON: Final = 2_000
"""Characters, by contracts/one_stop/NOTES.md#r43."""
CUT: Final = "…"
"""Ends a reason that was longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Who is told the outcomes of a source's events, and which."""

    partner: str
    states: frozenset[State] = TOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """Who takes what. Made of the settings; without takers nothing follows, and nothing is looked up."""

    outcomes: Mapping[str, Taker] = field(default_factory=dict)
    """By source."""
    filed: str | None = None
    """The partner that takes dossiers filed on the portal, and what their applicants do afterwards."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Of filed dossiers and their amendments; none when nobody takes them."""
        return () if self.filed is None else tuple(told_to(self.filed, kind) for kind in (FILED, AMENDED))

    @property
    def partners(self) -> frozenset[str]:
        """Everyone who takes something."""
        filed = () if self.filed is None else (self.filed,)
        return frozenset((*filed, *(taker.partner for taker in self.outcomes.values())))

    def taker(self, source: str, kind: str, state: State) -> str | None:
        """The partner that is to be told; None when nobody wants to know."""
        found = self.outcomes.get(source)
        return None if found is None or kind in UNTOLD or state not in found.states else found.partner


NOTHING: Final = FollowUps()


def told_to(partner: str, kind: str) -> Route:
    """What is told to a one-stop system: each one, in order, however late, whether or not it knows the dossier."""
    return Route(kind=kind, partner=partner, rule="every_step", late="send")


def routes_with(routes: Routes, follow_ups: FollowUps) -> Routes:
    """The table of an installation and the routes of its follow-ups, with every partner that anything goes to."""
    return Routes((*routes.rows, *follow_ups.routes), also=follow_ups.partners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one partner says that it takes."""

    partner: str
    sources: Sequence[str] = ()
    """Sources whose outcomes it is told."""
    states: Iterable[str] = TOLD
    is_filed: bool = False
    """Whether it takes dossiers filed on the portal."""


def gathered(wishes: Iterable[Wish]) -> FollowUps:
    """All wishes as one. Raises ValueError where two partners want the same, or an unknown state is wanted."""
    outcomes: dict[str, Taker] = {}
    filed: str | None = None
    for wish in wishes:
        taker = Taker(partner=wish.partner, states=_states(wish))
        for source in wish.sources:
            other = outcomes.setdefault(source, taker)
            if other.partner != wish.partner:
                raise ValueError(f"{other.partner} and {wish.partner} both take the outcomes of source {source}")
        if wish.is_filed and filed is not None:
            raise ValueError(f"{filed} and {wish.partner} both take filed dossiers; only one may")
        filed = wish.partner if wish.is_filed else filed
    return FollowUps(outcomes=outcomes, filed=filed)


def _states(wish: Wish) -> frozenset[State]:
    unknown = sorted(set(wish.states) - TOLD)
    if unknown:
        raise ValueError(f"{wish.partner}: {', '.join(unknown)} is told to nobody; told are {', '.join(sorted(TOLD))}")
    return frozenset(State(state) for state in wish.states)


# -- one outcome --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A move into a told state, with what its source needs to know of it."""

    move: int
    link: bytes
    """The move's hash."""
    source: str
    event: str
    kind: str
    dossier: str
    partner: str
    state: State
    cause: str
    reason: str
    at: datetime
    traceparent: str | None = None

    @property
    def id(self) -> str:
        """For ever its own: a ledger that was restored or made anew counts its moves again, but from other hashes."""
        return f"outcome.{self.move}.{self.link.hex()[:16]}"


def outcome_event(told: Outcome) -> Event:
    """As the source will read it (`contracts/one_stop/v1/messages.schema.json`, `outcome`; its `id` is the event's)."""
    at = told.at.isoformat(timespec="milliseconds")
    data = {
        "source": told.source,
        "event": told.event,
        "kind": told.kind,
        "dossier": told.dossier,
        "partner": told.partner,
        "state": told.state.value,
        "cause": told.cause,
        "reason": fitting(told.reason),
        "at": at,
    }
    wire = {
        "specversion": "1.0",
        "id": told.id,
        "source": LEDGER_SOURCE,
        "type": f"{KIND_PREFIX}{SETTLED}.v1",
        "subject": told.dossier,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }
    if told.traceparent is not None:
        wire["traceparent"] = told.traceparent
    body = canonical_bytes(wire)
    return Event(
        source=LEDGER_SOURCE,
        id=told.id,
        kind=SETTLED,
        dossier=told.dossier,
        occurred_at=told.at,
        sequence=None,
        body=body,
        digest=digest_of(body),
        data=data,
        traceparent=told.traceparent,
    )


def fitting(reason: str) -> str:
    """A reason as it may leave the house: no number of a person, nothing that XML cannot carry, cut where it shows."""
    text = unicodedata.normalize("NFC", shown(kept(reason)))
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - len(CUT)] + CUT
