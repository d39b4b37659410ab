"""Who takes what follows, as the settings say it, and what `check` says of it."""

from __future__ import annotations

import msgspec
import pytest

from bus.follow_ups import TOLD, FollowUps, Taker
from bus.messages import State
from config.follow_ups import follow_ups_of, unheard
from config.settings import CallerSettings, FacadeAccountSettings, FacadeSettings, PartnerSettings, Settings
from config.settings_file import SettingsRefused

OWN = "one-stop/h99"


class Hearing(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A partner that takes something."""

    takes_outcomes_of: tuple[str, ...] = (OWN,)
    takes_outcomes: tuple[str, ...] = tuple(TOLD)
    takes_filed: bool = False


class Told(Settings, frozen=True, kw_only=True):
    """Settings with such partners."""

    hearing: dict[str, PartnerSettings] = msgspec.field(default_factory=dict)

    def partner_table(self) -> dict[str, PartnerSettings]:
        return self.hearing


def test_made_of_the_settings() -> None:
    """Sources, states and filed dossiers find their partners; partners without such settings take nothing."""
    partners = {
        "national_portal": PartnerSettings(),
        "one_stop": Hearing(takes_outcomes=("held", "refused"), takes_filed=True),
        "one_stop-b": Hearing(takes_outcomes_of=("one-stop/b",)),
    }
    some = frozenset({State.HELD, State.REFUSED})
    outcomes = {OWN: Taker(partner="one_stop", states=some), "one-stop/b": Taker(partner="one_stop-b")}

    assert FollowUps(outcomes=outcomes, filed="one_stop") == follow_ups_of(partners)
    assert FollowUps() == follow_ups_of({"national_portal": PartnerSettings()})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Hearing(), "one_stop and one_stop-b both take the outcomes of source one-stop/h99"),
        (Hearing(takes_outcomes_of=(), takes_filed=True), "only one may"),
        (
            Hearing(takes_outcomes_of=(), takes_outcomes=("in_doubt", "held")),
            "in_doubt is told to nobody; told",
        ),
    ],
)
def test_wishes_that_cannot_be(second: Hearing, words: str) -> None:
    """Two partners that want the same, or an outcome that nobody is told, stop the start."""
    with pytest.raises(SettingsRefused, match=words):
        follow_ups_of({"one_stop": Hearing(takes_filed=True), "one_stop-b": second})


def test_check_says_who_hears_nothing() -> None:
    """A misspelt source and an open portal's door without a taker are findings; else all is well."""
    caller = CallerSettings(secret_file="k", sources=(OWN,))
    one = Told(callers={"one": caller}, hearing={"one_stop": Hearing()})
    filed = Told(callers={"one": caller}, hearing={"one_stop": Hearing(takes_filed=True)})

    assert "" == unheard(one, has_portal_door=False) == unheard(filed, has_portal_door=True)
    assert "no partner has takes_filed" in unheard(one, has_portal_door=True)
    assert "names one-stop/h99" in unheard(Told(hearing={"one_stop": Hearing()}), has_portal_door=False)


def test_nobody_speaks_as_the_ledger() -> None:
    """No caller and no account of the façade may have the ledger's own source."""
    account = FacadeAccountSettings(username="u", password_file="p", source="lienthong", madonvi="m")
    with pytest.raises(ValueError, match="what the ledger itself says"):
        Settings(callers={"one": CallerSettings(secret_file="k", sources=("lienthong",))})
    with pytest.raises(msgspec.ValidationError, match="what the ledger itself says"):
        msgspec.convert({"facade": FacadeSettings(accounts={"a": account})}, Settings)
