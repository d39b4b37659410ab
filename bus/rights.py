"""Pure. What a person may do at the console, under what names, and for which units.

Rights are separate: who sees lists does not see bodies, who replays does not configure. A role is a name for a set of
them; the sets that every ledger begins with stand here, an administrator may change them (`people.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
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

    A unit covers itself and those below it, by whole parts: `H99.11` covers `H99.11.16`, never `H99.110`. Codes of the
    old form are read from the right: `000.00.20.H99` covers `000.07.20.H99`. One form is never turned into the other
    (contracts/national_portal/NOTES.md#r31). What has no unit is seen only by who sees every unit.
    """
    if units is None:
        return True
    if unit is None:
        return False
    parts = _parts(unit)
    return any(unit == one or parts[: len(_parts(one))] == _parts(one) for one in units)


def depth(unit: str) -> int:
    """How narrow a unit is: of two that cover the same one, the deeper says more. Empty: every unit."""
    return len(_parts(unit)) if unit else 0


_OLD_FORM: Final = re.compile(r"\d{3}(\.\d{2}){2}\.[A-Z]\d{2}")
"""Four groups, the province or ministry on the right."""


@lru_cache(maxsize=4_096)
def _parts(unit: str) -> tuple[str, ...]:
    """A unit's code, the widest part first; groups of zeros on the left of the old form stand for nothing."""
    parts = unit.split(".")
    if not _OLD_FORM.fullmatch(unit):
        return tuple(parts)
    while not parts[0].strip("0"):
        parts.pop(0)
    return ("old form", *reversed(parts))


def rights_of(roles: Iterable[str], known: Mapping[str, frozenset[Right]]) -> frozenset[Right]:
    """What these roles allow together; a role that nobody knows any more allows nothing."""
    return frozenset().union(*(known.get(role, frozenset()) for role in roles))
