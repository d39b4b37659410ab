"""Tables of KeyPay and VNPAY, cell by cell: every code that the contracts know, and one that nobody does."""

from __future__ import annotations

import re
from itertools import product

import pytest

from adapters.partners.gateways.reading import Opening, Shape, find_row
from adapters.partners.keypay import codes as keypay
from adapters.partners.vnpay import codes as vnpay
from bus.payments import Verdict
from contracts.mock_notes import rules_of
from tests.gateway_kit import CONTRACTS

RESPONSES = [*vnpay.RESPONSE_CODES, "42", ""]
STATES = [*vnpay.TRANSACTION_STATES, "03", ""]
NO = set(vnpay.RESPONSE_CODES) - {"00", "07"}


def expected_of(response: str, status: str) -> Verdict:
    """The rules r21 to r24 in words of their own."""
    if (response, status) == ("00", "00"):
        return Verdict.PAID
    if status in ("01", "04", "07") or (response == "07" and status in ("00", "02")):
        return Verdict.PENDING
    if status == "02" and response in NO:
        return Verdict.FAILED
    return Verdict.UNCLEAR


def test_every_pair_of_vnpay():
    """Paid only where both codes are 00, failed only where both say no; money that may have moved is pending."""
    found = {pair: vnpay.payment_row(*pair).verdict for pair in product(RESPONSES, STATES)}

    assert {pair: expected_of(*pair) for pair in found} == found
    assert [("00", "00")] == [pair for pair, verdict in found.items() if verdict is Verdict.PAID]


def test_every_state_that_querydr_tells():
    """A question that worked says by the TransactionStatus alone where the payment stands."""
    assert {
        "00": Verdict.PAID,
        "01": Verdict.PENDING,
        "02": Verdict.FAILED,
        "04": Verdict.PENDING,
        "05": Verdict.UNCLEAR,
        "06": Verdict.UNCLEAR,
        "07": Verdict.PENDING,
        "09": Verdict.UNCLEAR,
        "03": Verdict.UNCLEAR,
        "": Verdict.UNCLEAR,
    } == {status: vnpay.asked_row(status).verdict for status in STATES}


@pytest.mark.parametrize("response", ["00", "02", "03", "91", "94", "95", "97", "99", "42", ""])
def test_every_refund_of_vnpay(response):
    """Only 00 with its state, and codes that say that nothing was done, decide; all else is unclear."""
    by_status = {"00": "refunded", "05": "pending", "06": "pending", "09": "rejected"}
    decided = {"95": "rejected", "91": "rejected", "02": "rejected", "03": "rejected", "97": "rejected"}
    for status in STATES:
        wanted = by_status.get(status, "unclear") if response == "00" else decided.get(response, "unclear")

        assert wanted == vnpay.refund_row(response, status).verdict, (response, status)


def test_every_status_of_keypays_detail():
    """What is not known of a status changes nothing."""
    pay = {"0": Verdict.PAID, "1": Verdict.PENDING, "2": Verdict.FAILED}
    later = {"2": Verdict.PAID, "1": Verdict.PENDING, "3": Verdict.FAILED}
    for flow, known in (("pay", pay), ("pay_later", later)):
        for status in ("0", "1", "2", "3", "4", "", "00", "paid"):
            wanted = known.get(status, Verdict.UNCLEAR)
            assert wanted is keypay.status_row(keypay.DETAIL, flow, status).verdict, (flow, status)


@pytest.mark.parametrize("error", ["0", "1", "2", "3", "4", "5", "6", "9", "77", ""])
def test_every_refund_of_keypay(error):
    """Only codes that are known say what became of money."""
    by_status = {"0": "refunded", "1": "pending", "2": "rejected"}
    decided = dict.fromkeys("1235", "rejected")
    for status in ("0", "1", "2", "3", ""):
        wanted = by_status.get(status, "unclear") if error == "0" else decided.get(error, "unclear")
        assert wanted == keypay.refund_row(error, status).verdict, (error, status)


CREATE = {
    ("opened", 200, Shape.OBJECT): Opening.OPENED,
    ("elsewhere", 200, Shape.OBJECT): Opening.HOLD,
    ("no_address", 200, Shape.OBJECT): Opening.UNCLEAR,
    ("there_already", 200, Shape.OBJECT): Opening.UNCLEAR,
    ("not_now", 200, Shape.OBJECT): Opening.LATER,
    ("no", 200, Shape.OBJECT): Opening.REFUSED,
    ("none", 200, Shape.OBJECT): Opening.UNCLEAR,
    ("opened", 500, Shape.OBJECT): Opening.UNCLEAR,
    ("no", 500, Shape.OBJECT): Opening.UNCLEAR,
    ("no", 502, Shape.HTML): Opening.UNCLEAR,
    ("none", 200, Shape.HTML): Opening.UNCLEAR,
    ("none", 200, Shape.EMPTY): Opening.UNCLEAR,
    ("none", 200, Shape.BROKEN): Opening.UNCLEAR,
    ("none", 200, Shape.OTHER_TYPE): Opening.UNCLEAR,
    ("none", 200, Shape.OTHER_JSON): Opening.UNCLEAR,
    ("none", 429, Shape.EMPTY): Opening.LATER,
    ("none", 401, Shape.HTML): Opening.DOWN,
    ("none", 404, Shape.OBJECT): Opening.DOWN,
    ("none", 301, Shape.EMPTY): Opening.UNCLEAR,
}


@pytest.mark.parametrize(("code", "status", "shape"), CREATE)
def test_every_answer_to_a_create(code, status, shape):
    """Only a plain yes with an address opens, only a plain no refuses; what may have been taken is asked about."""
    assert CREATE[code, status, shape] is find_row(keypay.CREATE, status, shape, code).verdict


@pytest.mark.parametrize(
    ("error", "has_address", "is_allowed", "code"),
    [
        ("0", True, True, "opened"),
        ("0", True, False, "elsewhere"),
        ("0", False, False, "no_address"),
        ("", False, False, "none"),
        ("4", False, False, "there_already"),
        ("9", False, False, "not_now"),
        ("1", True, True, "no"),
        ("00", True, True, "no"),
    ],
)
def test_classes_of_a_create(error, has_address, is_allowed, code):
    """Each answer has its class."""
    assert code == keypay.create_code(error, has_address=has_address, is_allowed=is_allowed)


def test_classes_after_an_unclear_outcome():
    """A read goes again, an opening is asked about, a refund is blind: as data, one row for each message."""
    assert {"create": "asked", "detail": "read", "refund": "blind", "refund_detail": "read"} == {
        row.message: row.repeat for row in keypay.CONTRACTS
    }
    assert {"pay": "no_call", "querydr": "read", "refund": "blind"} == {
        row.message: row.repeat for row in vnpay.CONTRACTS
    }


@pytest.mark.parametrize("partner", ["keypay", "vnpay"])
def test_every_rule_that_is_cited_stands(partner):
    """Rules that code and mock cite are in the notes, and each of them names its kind of source."""
    rules = rules_of(CONTRACTS / partner / "NOTES.md")
    here = [CONTRACTS / partner, CONTRACTS.parent / "adapters" / "partners" / partner]
    text = "\n".join(path.read_text(encoding="utf-8") for folder in here for path in folder.glob("*.py"))
    cited = set(re.findall(r'"(r\d+)"', text)) | set(re.findall(r"NOTES\.md#(r\d+)", text))
    sources = {rule for row in re.findall(r'source="([^"]+)"', text) for rule in re.findall(r"r\d+", row)}

    assert set() == (cited | sources) - rules.keys()
    assert [] == [rule for rule, says in rules.items() if not re.search(r"\[(B|E|M|GUESS|OURS)\]", says[:40])]


@pytest.mark.parametrize("partner", ["keypay", "vnpay"])
def test_every_refusal_is_played(partner):
    """A rule that says **refused** is one that the mock knows by number."""
    rules = rules_of(CONTRACTS / partner / "NOTES.md")
    paths = [CONTRACTS / "gateway_mock.py", *(CONTRACTS / partner).glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    silent = [rule for rule, says in rules.items() if "**refused" in says.lower() and f'"{rule}"' not in text]

    assert [] == silent
