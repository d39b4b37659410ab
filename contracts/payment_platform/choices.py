"""The switches of the platform's mock, each with the rule that it plays with."""

from __future__ import annotations

from typing import Final

from contracts.gateway_mock import SWITCHES as OF_ALL
from contracts.mock_switches import Switch, one_of, text, whole

SWITCHES: Final = (
    *OF_ALL,
    Switch(
        name="answer",
        default="direct",
        read=one_of("direct", "wrapped", "wrapped_object", "contradicted"),
        rule="r21",
        says="the form of the answer to an opening",
    ),
    Switch(name="init_code", default="00", read=text, rule="r22", says="MaLoi of openings; all but 00 open nothing"),
    Switch(
        name="pay_url",
        default="good",
        read=one_of("good", "plain_http", "other_host", "none"),
        rule="r23",
        says="the address that an opening gives",
    ),
    Switch(
        name="public_url", default="", read=text, rule="r62", says="where the pay page is reached; empty: as called"
    ),
    Switch(
        name="other_reference",
        default=False,
        read=one_of(True, False),
        rule="r24",
        says="the answer to an opening names another reference",
    ),
    Switch(
        name="pending_then",
        default="",
        read=one_of("", "paid", "failed"),
        rule="r53",
        says="a pending order comes to this when it was asked about often enough, without a call back",
    ),
    Switch(name="pending_questions", default=1, read=whole(), rule="r53", says="how often that is"),
    Switch(
        name="query_hash",
        default="none",
        read=one_of("none", "right", "wrong"),
        rule="r54",
        says="the checksum of the answer to a question",
    ),
    Switch(
        name="query_state", default="", read=text, rule="r53", says="TrangThaiGD that is told, whatever the order is"
    ),
    Switch(
        name="query_code",
        default="",
        read=text,
        rule="r52",
        says="MaLoi of questions; anything but 00: it did not work",
    ),
    Switch(name="unknown_code", default="25", read=text, rule="r55", says="MaLoi for a reference that is not there"),
    Switch(
        name="bill",
        default="pdf",
        read=one_of("pdf", "json", "none"),
        rule="r72",
        says="the form of a receipt",
    ),
    Switch(name="bill_late", default=0, read=whole(), rule="r73", says="how often a receipt is not there yet (404)"),
)
