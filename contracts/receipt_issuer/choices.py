"""The switches of the receipt issuer's mock, each with the rule that it plays with."""

from __future__ import annotations

from typing import Final

from contracts.mock_switches import Switch, one_of, whole
from contracts.receipt_issuer.books import LAST_NUMBER

SWITCHES: Final = (
    Switch(
        name="cancel_paid",
        default="refused",
        read=one_of("refused", "taken"),
        rule="r50",
        says="whether a receipt that is marked as paid can be cancelled",
    ),
    Switch(
        name="last_number", default=LAST_NUMBER, read=whole(), rule="r31", says="after which number ERR:6 is answered"
    ),
    Switch(
        name="certificate",
        default="valid",
        read=one_of("valid", "ended"),
        rule="r31",
        says="ended: nothing is issued, ERR:29",
    ),
    Switch(
        name="page_shows",
        default="all",
        read=one_of("all", "no_number", "other_amount"),
        rule="r43",
        says="what a receipt's page says of it",
    ),
)
