"""Results that were signed through us, as a dossier's records show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bus.bodies import Bodies
from bus.engines.sqlite import Row, Tx
from bus.errors import LedgerDamaged
from bus.signatures import ResultDocument, SignaturePolicy
from bus.times import from_ms


class SignedResult(NamedTuple):
    """One of them as rows: what it is called stands in the event that asked for it, opened elsewhere."""

    n: int
    url: str
    asked: Row
    """The event with its sealed body."""


class SignedResults:
    """Of one ledger; it keeps nothing between transactions."""

    def __init__(self, bodies: Bodies, policy: SignaturePolicy) -> None:
        self._bodies = bodies
        self._policy = policy

    @property
    def portal(self) -> str | None:
        """Who is shown them."""
        return self._policy.portal

    def beside(self, tx: Tx, event: int) -> tuple[SignedResult, ...]:
        """Those of the dossier that an event speaks of. Their addresses are for ever the same: records compare."""
        found = []
        for asked, made_at, n, document in tx.all("results_beside", event):
            row = tx.one("load_event", asked)
            assert row is not None
            until = from_ms(made_at) + self._policy.portal_url_life
            found.append(SignedResult(n, self._policy.document_url(document, until), row))
        return tuple(found)

    def shown(self, tx: Tx, event: int) -> tuple[ResultDocument, ...]:
        """The same, opened."""
        return open_results(self.beside(tx, event), self._bodies)


def open_results(results: Sequence[SignedResult], bodies: Bodies) -> tuple[ResultDocument, ...]:
    """With what they are called; without those whose event was destroyed, or cannot be opened any more."""
    found = []
    for one in results:
        try:
            asked = None if one.asked[9] is None else bodies.event(one.asked).data["documents"][one.n - 1]
        except LedgerDamaged:
            continue  # `ledger verify` finds it
        if asked is not None:
            found.append(
                ResultDocument(
                    id=asked["id"],
                    name=asked["name"],
                    url=one.url,
                    code=asked.get("code"),
                    component=asked.get("component"),
                )
            )
    return tuple(found)
