"""Who takes what follows, as the settings say it, and what `check` says of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bus.follow_ups import FollowUps, Taker
from bus.messages import State
from config.door_settings import FacadeAccountSettings
from config.follow_ups import follow_ups_of, unheard
from config.settings import (
    CallerSettings,
    FacadeSettings,
    OneStopKeys,
    PartnerSettings,
    Settings,
)
from config.settings_file import SettingsRefused

OWN = "one-stop/h99"


def hearing(**told: Any) -> OneStopKeys:
    """A one-stop system that takes something."""
    rest = {"keyid": "k", "secret_file": "s", "their_keyid": "t", "their_secret_file": "u"}
    tree = {"url": "https://h99.example.invalid", "protocol": "rest", "takes_outcomes_of": [OWN]} | rest | told
    return msgspec.convert(tree, OneStopKeys)


def check(*, is_door_open: bool = False, callers: tuple[str, ...] = (OWN,), **told: Any) -> str:
    """What `check` says of an installation with one of them."""
    tree = {
        "callers": {f"c{n}": {"secret_file": "k", "sources": [source]} for n, source in enumerate(callers)},
        "partners": {"one_stop": msgspec.to_builtins(hearing(**told))},
        "portal_door": {
            "enabled": is_door_open,
            "networks": ["127.0.0.1/32"],
            "unit": "u",
            "files_url": "https://h99.example.invalid",
        },
    }
    return unheard(msgspec.convert(tree, Settings))


def test_made_of_the_settings() -> None:
    """Sources, states and filed dossiers find their partners; partners without such settings take nothing."""
    partners = {
        "national_portal": PartnerSettings(),
        "one_stop": hearing(takes_outcomes=("held", "refused"), takes_filed=True),
        "one_stop-b": hearing(takes_outcomes_of=("one-stop/b",)),
    }
    some = frozenset({State.HELD, State.REFUSED})
    outcomes = {OWN: Taker(partner="one_stop", states=some), "one-stop/b": Taker(partner="one_stop-b")}

    assert FollowUps(outcomes=outcomes, filed="one_stop") == follow_ups_of(partners)
    assert FollowUps() == follow_ups_of({"national_portal": PartnerSettings()})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (hearing(), r"one_stop-b.takes_outcomes_of: \[partners.one_stop\] takes the outcomes of one-stop/h99 too"),
        (
            hearing(takes_outcomes_of=(), takes_filed=True),
            r"partners.one_stop-b.takes_filed: \[partners.one_stop\] takes filed dossiers too; only one may",
        ),
    ],
)
def test_wishes_that_cannot_be(second: OneStopKeys, words: str) -> None:
    """Two partners that want the same stop the start: both tables are named, and the key."""
    with pytest.raises(SettingsRefused, match=words):
        follow_ups_of({"one_stop": hearing(takes_filed=True), "one_stop-b": second})


def test_check_says_who_hears_nothing() -> None:
    """A misspelt source and an open portal's door without a taker are findings; else all is well."""
    assert "" == check() == check(is_door_open=True, takes_filed=True)
    assert "no partner has takes_filed" in check(is_door_open=True)
    assert "names one-stop/h99" in check(callers=())


def test_nobody_speaks_as_the_ledger() -> None:
    """No caller and no account of the façade may have the ledger's own source."""
    account = FacadeAccountSettings(username="u", password_file="p", source="lienthong", madonvi="m")
    with pytest.raises(ValueError, match="what the ledger itself says"):
        Settings(callers={"one": CallerSettings(secret_file="k", sources=("lienthong",))})
    with pytest.raises(msgspec.ValidationError, match="what the ledger itself says"):
        msgspec.convert({"facade": FacadeSettings(accounts={"a": account})}, Settings)
