"""Amounts in Vietnamese words: a table of cases, and another reader that agrees."""

from __future__ import annotations

import random

import pytest

from adapters.partners.receipt_issuer.words import in_words, spoken_amount
from contracts.receipt_issuer.spoken import number_of

CASES = {
    0: "không",
    1: "một",
    5: "năm",
    10: "mười",
    11: "mười một",
    14: "mười bốn",
    15: "mười lăm",
    20: "hai mươi",
    21: "hai mươi mốt",
    24: "hai mươi tư",
    25: "hai mươi lăm",
    55: "năm mươi lăm",
    100: "một trăm",
    101: "một trăm linh một",
    104: "một trăm linh bốn",
    105: "một trăm linh năm",
    110: "một trăm mười",
    115: "một trăm mười lăm",
    121: "một trăm hai mươi mốt",
    1_000: "một nghìn",
    1_005: "một nghìn không trăm linh năm",
    1_015: "một nghìn không trăm mười lăm",
    1_105: "một nghìn một trăm linh năm",
    8_000: "tám nghìn",
    20_001: "hai mươi nghìn không trăm linh một",
    30_000: "ba mươi nghìn",
    105_000: "một trăm linh năm nghìn",
    1_000_001: "một triệu không trăm linh một",
    1_050_000: "một triệu không trăm năm mươi nghìn",
    21_000_000: "hai mươi mốt triệu",
    1_000_000_000: "một tỷ",
    1_000_000_005: "một tỷ không trăm linh năm",
    1_000_005_000: "một tỷ không trăm linh năm nghìn",
    1_005_000_000: "một tỷ không trăm linh năm triệu",
    999_999_999_999: (
        "chín trăm chín mươi chín tỷ chín trăm chín mươi chín triệu chín trăm chín mươi chín nghìn "
        "chín trăm chín mươi chín"
    ),
    1_000_000_000_000: "một nghìn tỷ",
}


@pytest.mark.parametrize(("amount", "words"), CASES.items())
def test_cases(amount, words):
    """Each amount has the words that a Vietnamese receipt says."""
    assert words == in_words(amount)


def test_on_a_receipt():
    """A receipt begins with a capital and ends with the currency."""
    assert "Ba mươi nghìn đồng" == spoken_amount(30_000)


def test_every_amount_is_read_back():
    """Another reader finds the amount again in its words: for each small number, and for many up to 10^12."""
    chance = random.Random(7)
    amounts = [*range(3_000), *(chance.randrange(10 ** chance.randrange(4, 13)) for _ in range(3_000)), 10**12]

    assert [] == [amount for amount in amounts if number_of(in_words(amount)) != amount]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "một trăm năm",
        "hai mươi năm",
        "hai mươi một",
        "mười năm",
        "mốt",
        "một mươi",
        "một nghìn một triệu",
        "một tỷ tỷ",
        "nghìn",
        "tỷ",
        "một triệu ba mươi đồng",
        "thirty",
    ],
)
def test_what_is_no_number_is_none(words):
    """The mock's reader takes no words that leave the amount open."""
    assert number_of(words) is None


def test_other_ways_of_speaking():
    """It takes either way: lẻ and linh, ngàn and nghìn, bốn and tư, tỉ and tỷ."""
    assert 1_104_000_024 == number_of("Một tỉ một trăm lẻ bốn triệu không trăm hai mươi bốn")
    assert 2_005 == number_of("hai ngàn không trăm lẻ năm")


def test_below_zero_is_a_mistake():
    """No receipt is about less than nothing."""
    with pytest.raises(ValueError, match="below zero"):
        in_words(-1)
