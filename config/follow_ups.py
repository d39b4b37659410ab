"""Who takes what follows, from the settings: outcomes of a source's events, and dossiers filed on the portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from bus.follow_ups import FollowUps, Wish, gathered
from config.settings import PartnerSettings, Settings
from config.settings_file import SettingsRefused


@runtime_checkable
class Taking(Protocol):
    """The settings of a partner that can be told something by the ledger."""

    @property
    def takes_outcomes_of(self) -> Sequence[str]:
        """Sources whose outcomes it is told."""
        ...

    @property
    def takes_outcomes(self) -> Sequence[str]:
        """Which outcomes: states."""
        ...

    @property
    def takes_filed(self) -> bool:
        """Whether it takes dossiers filed on the portal."""
        ...


def follow_ups_of(partners: Mapping[str, PartnerSettings]) -> FollowUps:
    """Raises SettingsRefused where two partners want the same."""
    wishes = [
        Wish(
            partner=name,
            sources=each.takes_outcomes_of,
            states=each.takes_outcomes,
            is_filed=each.takes_filed,
        )
        for name, each in partners.items()
        if isinstance(each, Taking)
    ]
    try:
        return gathered(wishes)
    except ValueError as trouble:
        raise SettingsRefused("partners", str(trouble)) from None


def unheard(settings: Settings, *, has_portal_door: bool) -> str:
    """What is wrong with who takes what: outcomes of a source that nobody speaks for, filed dossiers for nobody."""
    follow_ups = follow_ups_of(settings.partner_table())
    strangers = sorted(set(follow_ups.outcomes) - settings.sources())
    if strangers:
        return f"takes_outcomes_of names {', '.join(strangers)}, for which no caller and no account may speak"
    if has_portal_door and follow_ups.filed is None:
        return "the portal's door is open and no partner has takes_filed = true: what is filed would go nowhere"
    return ""
