"""Who may sign in at a demo's console: two people, because a large repair needs a second pair of eyes."""

from __future__ import annotations

from typing import Final

from adapters.doors.console.passwords import Passwords
from bus.audit import Audit
from bus.people import People
from bus.rights import ROLES
from config.wiring import Installation

FIRST: Final = "demo"
"""Every right there is."""
SECOND: Final = "duyet"
"""Approves what `demo` asks for: nobody approves what he asked for himself."""
ACCOUNTS: Final = {FIRST: ("Người dùng thử", tuple(ROLES)), SECOND: ("Người phê duyệt", ("supervisor",))}


def add_people(installation: Installation, token: str) -> None:
    """Both, with the demo's token as their password: known to whoever started the demo, and to nobody else."""
    ledger, randomness = installation.ledger, installation.ports.randomness
    people = People(ledger, Audit(ledger), randomness=randomness)
    kept = Passwords().kept(token)
    for name, (shown, roles) in ACCOUNTS.items():
        people.add(
            name,
            shown=shown,
            password=kept,
            roles=roles,
            units=None,
            actor=f"person:{FIRST}",
            reason="the demo's own account",
        )
