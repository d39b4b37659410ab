"""Pure. A paid payment to the receipts that the issuer is to write, and a refund to what becomes of them.

A receipt's key is made of the reference under which it was paid: the same payment has the same keys for ever, whoever
asks and however often (NOTES.md#r29).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lxml import etree

from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from adapters.partners.receipt_issuer.words import spoken_amount
from bus.calendar import VIETNAM
from bus.errors import Unmappable
from bus.messages import Delivery
from bus.payments import PaymentStanding

KINDS: Final = {"fee": "phi-", "charge": "lephi-"}
"""Phí and lệ phí: a receipt each (NOTES.md#r28)."""
_EXTRA2: Final = {"fee": "0", "charge": "1"}
_ONLINE: Final = "TTO"
_DOWN: Final = "3"
_CUT: Final = "..."
LONGEST_EXTRA: Final = 500
CUT_TO: Final = 450
LONGEST_EMAIL: Final = 50
"""NOTES.md#r25."""
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt: of one kind, under one key."""

    kind: str
    key: str
    rows: tuple[tuple[str, int], ...]
    """Name and amount of each fee."""

    @property
    def amount(self) -> int:
        """In đồng."""
        return sum(amount for _, amount in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A receipt that is adjusted down, and the new one that says so."""

    of: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What stands on a receipt beside its rows."""

    dossier: str
    procedure: str
    payer: Mapping[str, Any]
    day: datetime


# -- which receipts ----------------------------------------------------------------------------------------------------


def receipts_of(delivery: Delivery) -> tuple[Receipt, ...]:
    """The receipts of a payment, one for each kind that costs something. Raises Unmappable."""
    paid = standing_of(delivery)
    fees: Sequence[Mapping[str, Any]] = paid.asked.get("fees") or ()
    if sum(fee["amount"] for fee in fees) != paid.amount:
        raise Unmappable(field="/data/fees", rule="fees_sum", value=str(paid.amount), table="receipts")
    found = []
    for kind, prefix in KINDS.items():
        rows = tuple(
            (plain("ProdName", fee["name"], 200), fee["amount"])
            for fee in fees
            if fee["kind"] == kind and fee["amount"]
        )
        if rows:
            found.append(Receipt(kind=kind, key=f"{prefix}{paid.reference}", rows=rows))
    return tuple(found)


def taken_back(delivery: Delivery) -> tuple[Receipt, ...] | Adjustment:
    """What a refund does to the receipts: all are cancelled, or the only one is adjusted (NOTES.md#r56).

    Raises Unmappable where a part was given back of a payment with two receipts: nobody says of which.
    """
    paid, told = standing_of(delivery), delivery.event.data
    receipts = receipts_of(delivery)
    if told["amount"] == paid.amount:
        return receipts
    if len(receipts) > 1 and told["total_refunded"] == paid.amount:
        return receipts  # the parts before were a person's: what is left of either receipt is nothing now
    if len(receipts) > 1:
        raise Unmappable(field="/data/amount", rule="refund_not_split", value=str(told["amount"]), table="receipts")
    receipt = receipts[0]
    # What was given back so far is another sum each time: a name for this adjustment that every try finds again.
    key = f"{receipt.key}-g{told['total_refunded']}"
    row = (receipt.rows[0][0], told["amount"])
    return Adjustment(of=receipt.key, receipt=Receipt(kind=receipt.kind, key=key, rows=(row,)))


def standing_of(delivery: Delivery) -> PaymentStanding:
    """The payment that the delivery is about. Raises Unmappable."""
    if delivery.payment is None:
        raise Unmappable(field="/data/payment", rule="no_payment", value=delivery.event.kind, table="receipts")
    return delivery.payment


def facts_of(delivery: Delivery, settings: ReceiptIssuerSettings, now: datetime) -> Facts:
    """What stands on each of its receipts."""
    paid = standing_of(delivery)
    day = paid.paid_at if settings.dated == "paid" and paid.paid_at is not None else now
    return Facts(
        dossier=delivery.event.dossier,
        procedure=paid.asked.get("procedure") or "",
        payer=paid.asked.get("payer") or {},
        day=day,
    )


# -- as XML ------------------------------------------------------------------------------------------------------------


def invoices_xml(receipt: Receipt, facts: Facts, settings: ReceiptIssuerSettings) -> str:
    """`Invoices` with this one receipt (NOTES.md#r22 to #r28)."""
    root = etree.Element("Invoices")
    one = etree.SubElement(root, "Inv")
    _add(one, "key", receipt.key)
    _fill(etree.SubElement(one, "Invoice"), receipt, facts, settings)
    return etree.tostring(root, encoding="unicode")


def adjustment_xml(receipt: Receipt, facts: Facts, settings: ReceiptIssuerSettings) -> str:
    """`AdjustInv`, downwards (NOTES.md#r54)."""
    root = etree.Element("AdjustInv")
    _add(root, "key", receipt.key)
    _fill(root, receipt, facts, settings)
    _add(root, "Type", _DOWN)
    return etree.tostring(root, encoding="unicode")


def _fill(parent: etree._Element, receipt: Receipt, facts: Facts, settings: ReceiptIssuerSettings) -> None:
    amount, payer = str(receipt.amount), facts.payer
    email = plain("Email", payer.get("email"), 1_000)
    for name, text in (
        ("Extra1", facts.dossier),
        ("CusCode", facts.dossier),
        ("ArisingDate", facts.day.astimezone(VIETNAM).strftime("%d/%m/%Y")),
        ("CusName", plain("CusName", payer.get("name"), 200)),
        ("Total", amount),
        ("Amount", amount),
        ("AmountInWords", spoken_amount(receipt.amount)),
        ("VATAmount", "0"),
        ("VATRate", "0"),
        ("ComTaxCode", settings.tax_code),
        ("CusAddress", plain("CusAddress", payer.get("address"), 300)),
        # Half an address of e-mail is another one's.
        ("Email", email if len(email) <= LONGEST_EMAIL else ""),
        ("PaymentMethod", _ONLINE),
        ("PaymentStatus", "1"),
        ("Extra", _shortened("; ".join(name for name, _ in receipt.rows))),
    ):
        _add(parent, name, text)
    products = etree.SubElement(parent, "Products")
    for fee, price in receipt.rows:
        _product(products, fee, str(price), receipt.kind, facts.procedure)


def _product(products: etree._Element, fee: str, price: str, kind: str, procedure: str) -> None:
    row = etree.SubElement(products, "Product")
    for name, text in (
        ("FEEID", "2300"),
        ("Extra1", fee),
        ("Extra2", _EXTRA2[kind]),
        ("Code", procedure),
        ("ProdName", fee),
        ("ProdUnit", "Lần"),
        ("ProdQuantity", "1"),
        ("ProdPrice", price),
        ("VATRate", "0"),
        ("Total", price),
        ("Amount", price),
    ):
        _add(row, name, text)


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def plain(field: str, text: str | None, longest: int) -> str:
    """In NFC and on one line. Raises Unmappable: a receipt is never cut, and says nothing that was not written."""
    told = _BLANKS.sub(" ", unicodedata.normalize("NFC", text or "")).strip()
    if _NO_XML.search(told):
        raise Unmappable(field=field, rule="not_in_xml")
    if len(told) > longest:
        raise Unmappable(field=field, rule="too_long", value=f"{len(told)} > {longest}")
    return told


def _shortened(text: str) -> str:
    """Only what repeats the names of the fees, as the field's own code does it (NOTES.md#r25)."""
    return text if len(text) <= LONGEST_EXTRA else text[:CUT_TO] + _CUT
