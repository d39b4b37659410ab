"""Whether `xmlInvData` is a lawful receipt: its members, lengths, sums and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from contracts.one_stop.envelopes import Trouble, parse
from contracts.receipt_issuer.places import trouble
from contracts.receipt_issuer.spoken import number_of

MOST_INVOICES: Final = 1
REQUIRED: Final = (
    "Extra1", "CusCode", "ArisingDate", "CusName", "Total", "Amount", "AmountInWords", "VATAmount", "VATRate",
    "ComTaxCode", "CusAddress", "Email", "PaymentMethod", "PaymentStatus", "Extra", "Products",
)  # fmt: skip
OPTIONAL: Final = ("CusTaxCode",)
PRODUCT: Final = (
    "FEEID", "Extra1", "Extra2", "Code", "ProdName", "ProdUnit", "ProdQuantity", "ProdPrice", "VATRate", "Total",
    "Amount",
)  # fmt: skip
LONGEST: Final = {
    "key": 100,
    "CusCode": 50,
    "CusName": 200,
    "CusAddress": 300,
    "CusTaxCode": 50,
    "Email": 50,
    "ProdName": 200,
    "ProdUnit": 50,
    "AmountInWords": 255,
    "Extra": 500,
    "Extra1": 500,
}
MOST_TEXT: Final = 4_000
FIXED: Final = {"VATAmount": "0", "VATRate": "0", "FEEID": "2300", "PaymentStatus": "1"}
WORDS_FOR: Final = {"phi-": "0", "lephi-": "1"}
KEY: Final = re.compile(r"(phi-|lephi-)[A-Za-z0-9._~-]{1,90}")
AMOUNT: Final = re.compile(r"[1-9][0-9]{0,14}")
DOWN: Final = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt that breaks no rule."""

    key: str
    dossier: str
    payer: str
    amount: int
    words: str
    dated: str
    products: tuple[tuple[str, int], ...]


def read_receipt(xml: str) -> Receipt:
    """The one receipt of an `Invoices`. Raises Trouble."""
    root = _root(xml, "Invoices")
    invoices = list(root.iterchildren(etree.Element))
    if len(invoices) > MOST_INVOICES:
        raise trouble("r22", "Invoices", f"at most {MOST_INVOICES}", str(len(invoices)), code="ERR:10")
    if len(invoices) != 1 or [each.tag for each in invoices[0]] != ["key", "Invoice"]:
        raise _no("r22", "Inv", "key and Invoice")
    return _receipt(invoices[0][0].text or "", invoices[0][1], REQUIRED)


def read_adjustment(xml: str) -> tuple[Receipt, str]:
    """An `AdjustInv` and its type. Raises Trouble."""
    root = _root(xml, "AdjustInv")
    key, kind = root.find("key"), root.findtext("Type") or ""
    if key is None or kind not in ("2", "3", "4"):
        raise _no("r54", "Type", "key, and a Type of 2, 3 or 4", kind)
    for each in ("key", "Type"):
        root.remove(root.findall(each)[0])
    return _receipt(key.text or "", root, REQUIRED), kind


def _root(xml: str, name: str) -> etree._Element:
    try:
        root = parse(xml.encode())
    except (Trouble, UnicodeEncodeError) as wrong:
        raise _no("r4", "xmlInvData", "one XML document", str(wrong)) from None
    if root.tag != name:
        raise _no("r22", "xmlInvData", name, str(root.tag))
    return root


def _receipt(key: str, invoice: etree._Element, required: tuple[str, ...]) -> Receipt:
    _members(invoice, required, OPTIONAL, "r23")
    _lengths(invoice)
    kind = KEY.fullmatch(key)
    if kind is None or len(key) > LONGEST["key"]:
        raise _no("r29", "key", "phi- or lephi- and the payment's code", key)
    products = _products(invoice.find("Products"), WORDS_FOR[kind[1]])
    amount = _amount(invoice, "Amount")
    if _amount(invoice, "Total") != amount or sum(each for _, each in products) != amount:
        raise _no("r26", "Total", "the sum of the products")
    words = invoice.findtext("AmountInWords") or ""
    if not words.endswith(" đồng") or number_of(words.removesuffix(" đồng")) != amount:
        raise _no("r27", "AmountInWords", f"the words of {amount}, and đồng", words)
    _date(invoice.findtext("ArisingDate") or "")
    if invoice.findtext("PaymentMethod") not in ("TM", "CK", "TTO"):
        raise _no("r23", "PaymentMethod", "TM, CK or TTO", invoice.findtext("PaymentMethod") or "")
    return Receipt(
        key=key,
        dossier=invoice.findtext("Extra1") or "",
        payer=invoice.findtext("CusName") or "",
        amount=amount,
        words=words,
        dated=invoice.findtext("ArisingDate") or "",
        products=products,
    )


def _products(parent: etree._Element | None, kind: str) -> tuple[tuple[str, int], ...]:
    rows = [] if parent is None else list(parent.iterchildren(etree.Element))
    if not rows:
        raise _no("r24", "Products", "at least one Product")
    return tuple(_product(row, kind) for row in rows)


def _product(row: etree._Element, kind: str) -> tuple[str, int]:
    _members(row, PRODUCT, (), "r24")
    _lengths(row)
    if row.findtext("Extra2") != kind:
        raise _no("r28", "Extra2", f"{kind}, as the key says", row.findtext("Extra2") or "")
    amount = _amount(row, "Amount")
    quantity = _amount(row, "ProdQuantity")
    if quantity * _amount(row, "ProdPrice") != amount or _amount(row, "Total") != amount:
        raise _no("r26", "Amount", "quantity times price")
    if not row.findtext("ProdName") or not row.findtext("Code"):
        raise _no("r24", "ProdName", "a name and the procedure's code")
    return row.findtext("ProdName") or "", amount


def _members(element: etree._Element, required: tuple[str, ...], optional: tuple[str, ...], rule: str) -> None:
    there = [str(each.tag) for each in element.iterchildren(etree.Element)]
    missing = [name for name in required if name not in there]
    strange = [name for name in there if name not in (*required, *optional)]
    if missing or strange or len(set(there)) != len(there):
        raise _no(rule, str(element.tag), "each member once", ", ".join(missing + strange) or "one stands twice")


def _lengths(element: etree._Element) -> None:
    for each in element.iterchildren(etree.Element):
        name, text = str(each.tag), each.text or ""
        if len(text) > LONGEST.get(name, MOST_TEXT):
            raise _no("r25", name, f"at most {LONGEST.get(name, MOST_TEXT)} characters", str(len(text)))
        if name in FIXED and text != FIXED[name]:
            raise _no("r23" if name == "PaymentStatus" else "r26", name, FIXED[name], text)


def _amount(element: etree._Element, name: str) -> int:
    text = element.findtext(name) or ""
    if not AMOUNT.fullmatch(text):
        raise _no("r26", name, "whole đồng in digits", text)
    return int(text)


def _date(text: str) -> None:
    try:
        told = datetime.strptime(text, "%d/%m/%Y")  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise _no("r23", "ArisingDate", "dd/MM/yyyy", text) from None
    if told.strftime("%d/%m/%Y") != text:
        raise _no("r23", "ArisingDate", "dd/MM/yyyy", text)


def _no(rule: str, where: str, expected: str, found: str = "") -> Trouble:
    return trouble(rule, where, expected, found, code="ERR:3")
