"""The gateways' notes and their mocks say the same: every cited rule stands, every refusal is played."""

from __future__ import annotations

import re

import pytest

from contracts.gateway_mock import GatewayMock
from contracts.keypay.mock import KeyPay
from contracts.mock_notes import as_html, rules_of
from contracts.payment_platform.mock import PaymentPlatform
from contracts.vnpay.mock import VnPay

SOURCE = re.compile(r"\[[A-Z][A-Za-z0-9#, .-]*\]")
ADAPTERS = {PaymentPlatform: "payment_platform", KeyPay: "keypay", VnPay: "vnpay"}


def code_of(mock: type[GatewayMock]) -> str:
    # What is shared cites the platform's rules; its siblings say which of their own those switches play with.
    shared = mock.notes.parent.parent.glob("gateway_*.py") if mock is PaymentPlatform else ()
    return "\n".join(path.read_text(encoding="utf-8") for path in (*sorted(mock.notes.parent.glob("*.py")), *shared))


@pytest.mark.parametrize("mock", ADAPTERS)
def test_anchors_and_numbers_agree(mock):
    """An anchor and the number printed beside it are the same, no number stands twice, each rule has its source."""
    pairs = re.findall(r'<a id="(r\d+)"></a>\*\*(r\d+)\*\*', mock.notes.read_text(encoding="utf-8"))
    rules = rules_of(mock.notes)

    assert all(anchor == printed for anchor, printed in pairs)
    assert len(pairs) == len(dict(pairs)) == len(rules)
    assert [] == [rule for rule, says in rules.items() if not SOURCE.search(says[:80])]


@pytest.mark.parametrize("mock", ADAPTERS)
def test_every_cited_rule_stands(mock):
    """A rule that the mock or the adapter cites is there."""
    adapter = mock.notes.parents[2] / "adapters" / "partners" / ADAPTERS[mock]
    ours = "\n".join(path.read_text(encoding="utf-8") for path in adapter.glob("*.py"))
    cited = set(re.findall(r'"(r\d+)"', code_of(mock))) | set(re.findall(r"#(r\d+)\b", ours))

    assert set() == cited - rules_of(mock.notes).keys()


def test_every_refusal_is_played():
    """A rule that says **refused** is one that the platform's mock knows by number."""
    code, rules = code_of(PaymentPlatform), rules_of(PaymentPlatform.notes)
    refused = [rule for rule, says in rules.items() if "**refused**" in says.lower()]

    assert [] == [rule for rule in refused if f'"{rule}"' not in code]


@pytest.mark.parametrize("mock", ADAPTERS)
def test_switches_and_page(mock):
    """Each switch names a rule that is there, and the notes can be shown as a page."""
    rules = rules_of(mock.notes)

    assert {switch.rule for switch in mock.switches_here} <= rules.keys()
    assert all(f'id="{rule}"' in as_html(mock.notes) for rule in rules)
