"""Who takes what follows, from the settings: outcomes of a source's events, and dossiers filed on the portal."""

from __future__ import annotations

from collections.abc import Mapping

from bus.follow_ups import FollowUps, Wish, gathered
from config.settings import OneStopKeys, PartnerSettings, Settings
from config.settings_file import SettingsRefused


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
        if isinstance(each, OneStopKeys)
    ]
    _check_once(partners)
    try:
        return gathered(wishes)
    except ValueError as trouble:
        raise SettingsRefused("partners", str(trouble)) from None


def _check_once(partners: Mapping[str, PartnerSettings]) -> None:
    """What two tables ask for is named in both. Raises SettingsRefused."""
    first: dict[str, str] = {}
    for name, each in partners.items():
        if not isinstance(each, OneStopKeys):
            continue
        wants = {f"the outcomes of {source}": "takes_outcomes_of" for source in each.takes_outcomes_of}
        wants |= {"filed dossiers": "takes_filed"} if each.takes_filed else {}
        for what, key in wants.items():
            if (other := first.setdefault(what, name)) != name:
                cure = f"[partners.{other}] takes {what} too; only one may: take it out of one of the two"
                raise SettingsRefused(f"partners.{name}.{key}", cure)


def unheard(settings: Settings) -> str:
    """What is wrong with who takes what: outcomes of a source that nobody speaks for, filed dossiers for nobody."""
    follow_ups = follow_ups_of(settings.partner_table())
    strangers = sorted(set(follow_ups.outcomes) - settings.sources())
    if strangers:
        return f"takes_outcomes_of names {', '.join(strangers)}, for which no caller and no account may speak"
    if settings.portal_door.enabled and follow_ups.filed is None:
        return "the portal's door is open and no partner has takes_filed = true: what is filed would go nowhere"
    return ""
