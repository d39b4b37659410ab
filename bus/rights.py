"""Pure. What a person may do at the console, under what names, and for which units.

Rights are separate: who sees lists does not see bodies, who replays does not configure. A role is a name for a set of
them; the sets that every ledger begins with stand here, an administrator may change them (`people.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Right(StrEnum):
    """One thing that a person may do. The names are kept in the ledger."""

    LIST = "list"
    """See lists, and pages with personal data masked."""
    BODIES = "bodies"
    """See bodies: the exact bytes of exchanges."""
    REVEAL = "reveal"
    """See personal data of one dossier, with a reason; recorded."""
    REPLAY = "replay"
    """Every repair of deliveries; hold and release a partner, open and close its circuit."""
    CONFIGURE = "configure"
    """Tables, mapping, settings."""
    APPROVE = "approve"
    """The second pair of eyes; never on what one asked for oneself."""
    AUDIT = "audit"
    """See who saw or did what."""
    ADMINISTER = "administer"
    """Accounts, roles, units, sessions."""


ADMINISTRATOR: Final = "administrator"
"""The role of the first account; it always holds ADMINISTER."""

ROLES: Final[Mapping[str, frozenset[Right]]] = MappingProxyType(
    {
        "viewer": frozenset({Right.LIST}),
        "operator": frozenset({Right.LIST, Right.BODIES, Right.REVEAL, Right.REPLAY}),
        "supervisor": frozenset({Right.LIST, Right.BODIES, Right.REVEAL, Right.REPLAY, Right.APPROVE}),
        "configurer": frozenset({Right.LIST, Right.BODIES, Right.CONFIGURE}),
        "auditor": frozenset({Right.LIST, Right.AUDIT}),
        # No REPLAY and no BODIES: who hands out rights would else need nobody.
        ADMINISTRATOR: frozenset({Right.LIST, Right.AUDIT, Right.ADMINISTER}),
    }
)
"""The roles of a new ledger."""


def covers(unit: str | None, units: Sequence[str] | None) -> bool:
    """Whether who is limited to `units` may see what belongs to `unit`; None for `units` is nobody's limit.

    A unit covers itself and those below it, by whole parts: `H99.11` covers `H99.11.16`, never `H99.110`. What has no
    unit is seen only by who sees every unit.
    """
    if units is None:
        return True
    return unit is not None and any(unit == one or unit.startswith(f"{one}.") for one in units)


def rights_of(roles: Iterable[str], known: Mapping[str, frozenset[Right]]) -> frozenset[Right]:
    """What these roles allow together; a role that nobody knows any more allows nothing."""
    return frozenset().union(*(known.get(role, frozenset()) for role in roles))
