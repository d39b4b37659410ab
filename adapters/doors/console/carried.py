"""A form whose session had ended: carried through the sign-in, then shown again, sent only when somebody presses.

It goes along sealed: it may be about a person, and whoever sits at that screen has not signed in yet. It opens for the
account that typed it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.doors.console.links import is_ours
from adapters.doors.console.sealing import Sealing, Unsealable

NAME: Final = "carried"
LIFE: Final = timedelta(hours=12)
"""A form left open over lunch, or over a shift."""
SECRETS: Final = ("password", "code", "csrf")
"""Fields whose names begin so are typed again."""
CONSEQUENCE: Final = "consequence"
"""A repair's form carries what it told: it is told again before the button is."""
SHORT: Final = 40

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What was typed, and where it was to be sent."""

    action: str
    fields: tuple[tuple[str, str], ...]
    is_whole: bool = True
    """False: something secret was typed too, and is not here."""

    @property
    def consequence(self) -> str:
        """What the form said that its button does; empty where it said nothing."""
        return dict(self.fields).get(CONSEQUENCE, "")

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """What a person wrote in words, to be looked at once more."""
        return tuple(pair for pair in self.fields if is_written(*pair))

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Choices, and what the page itself had put there."""
        return tuple(pair for pair in self.fields if not is_written(*pair))


def is_written(name: str, value: str) -> bool:
    """Whether this reads as somebody's own words."""
    return name != CONSEQUENCE and (
        name == "reason" or "\n" in value or " " in value or (len(value) > SHORT and not value.isascii())
    )


def sealed(sealing: Sealing, account: str, action: str, pairs: Pairs, now: datetime) -> str:
    """The form of this account, to go along."""
    kept = [[name, value] for name, value in pairs if not name.startswith(SECRETS)]
    whole = not any(name.startswith(SECRETS) and name not in ("csrf",) for name, _ in pairs)
    return sealing.sealed(NAME, [account, action, kept, whole], now)


def opened(sealing: Sealing, account: str, text: str, now: datetime) -> Form | None:
    """The form, where it is this account's; None where it is not, or too old, or not ours."""
    try:
        whose, action, kept, whole = sealing.opened(NAME, text, now, LIFE)
    except Unsealable:
        return None
    if whose != account or not is_ours(action):
        return None
    return Form(action=action, fields=tuple((name, value) for name, value in kept), is_whole=whole)
