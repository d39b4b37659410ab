"""The switches of the one-stop system's mock, each with the rule that it plays with."""

from __future__ import annotations

from typing import Final

from contracts.mock_switches import Switch, one_of, text

SWITCHES: Final = (
    Switch(name="address", default="", read=text, rule="r68", says="what wsa:To must say; empty: any address will do"),
    Switch(
        name="answers",
        default="signed",
        read=one_of("signed", "unsigned"),
        rule="r69",
        says="whether yeses are signed: an old system may sign nothing that it says",
    ),
)
