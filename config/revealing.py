"""Looking at personal data is a move of its own: who, what and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.wiring import Installation


def record(installation: Installation, what: str, *, actor: str, reason: str) -> None:
    """Written before anything is shown; when it cannot be written, nothing is shown."""
    from bus.engines.sqlite import Tx
    from bus.moves import Move
    from bus.reasons import kept
    from bus.times import to_ms

    at = to_ms(installation.ports.clock.now())
    move = Move(lane=None, at=at, delivery=None, cause="revealed", reason=f"{what}: {kept(reason)}", actor=actor)

    def job(tx: Tx) -> None:
        installation.ledger.moves.add(tx, move)

    installation.ledger.engine.write(job)
