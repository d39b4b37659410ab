"""The receipt issuer's mock is as strict as its notes: what breaks a rule is refused, and nothing is kept of it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from lxml import etree

from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from adapters.partners.receipt_issuer.wire import facts_of, invoices_xml, receipts_of
from contracts.mock_notes import as_html, rules_of
from contracts.mocking import Request
from contracts.receipt_issuer.choices import SWITCHES
from contracts.receipt_issuer.mock import ACCOUNT, ReceiptIssuer
from tests.receipt_kit import PAID_AT, settings_for, settled, standing

TEMPURI = "http://tempuri.org/"
SETTINGS: ReceiptIssuerSettings = settings_for("http://127.0.0.1:9")


def lawful(n: int = 1) -> str:
    """The XML of a lawful receipt: the second is of lệ phí."""
    delivery = settled()
    return invoices_xml(receipts_of(delivery)[n - 1], facts_of(delivery, SETTINGS, PAID_AT), SETTINGS)


def call(mock, operation: str, *, service: str = "PublishService", action: str | None = None, **values: str):
    """One call as a client makes it by hand."""
    parts = "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in values.items())
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{operation} xmlns="{TEMPURI}">{parts}</{operation}></soap:Body></soap:Envelope>'
    )
    return post(mock, body.encode(), service=service, action=f'"{TEMPURI}{operation}"' if action is None else action)


def post(mock, body: bytes, *, service: str = "PublishService", action: str = f'"{TEMPURI}ImportAndPublishInv"'):
    headers = {"content-type": "text/xml; charset=utf-8", "soapaction": action}
    return mock(Request(path=f"/receipt_issuer/{service}.asmx", headers=headers, body=body))


def publish(mock, xml: str, **changes: str) -> str:
    """The result's text of one publishing."""
    values = {
        "Account": ACCOUNT.account,
        "ACpass": ACCOUNT.ac_pass,
        "xmlInvData": xml,
        "username": ACCOUNT.username,
        "password": ACCOUNT.password,
        "pattern": ACCOUNT.pattern,
        "serial": ACCOUNT.serial,
        "convert": "0",
    }
    return said(call(mock, "ImportAndPublishInv", **(values | changes)))


def said(response) -> str:
    return "".join(etree.fromstring(response.body).itertext()).strip()


def broken(mock) -> list[str]:
    return [row.rule for visit in mock.log.page() for row in visit.broken]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def test_lawful_receipt_gets_a_number():
    """A lawful receipt is issued: pattern, serial, key and number come back, and it can be looked at."""
    mock = ReceiptIssuer()

    assert re.fullmatch(r"OK:01BLP0-001;BI-23T-phi-TT\d{18}_0000001", publish(mock, lawful()))
    assert [] == broken(mock)
    assert 1 == len(mock.effects)


@pytest.mark.parametrize(
    ("old", "new", "rule", "code"),
    [
        ("<Total>20000</Total><Amount>", "<Total>20001</Total><Amount>", "r26", "ERR:3"),
        ("<Amount>20000</Amount><AmountInWords>", "<Amount>20.000</Amount><AmountInWords>", "r26", "ERR:3"),
        ("Hai mươi nghìn đồng", "Hai mươi mốt nghìn đồng", "r27", "ERR:3"),
        ("Hai mươi nghìn đồng", "Hai mươi nghìn", "r27", "ERR:3"),
        ("<Extra2>0</Extra2>", "<Extra2>1</Extra2>", "r28", "ERR:3"),
        ("<VATAmount>0</VATAmount>", "<VATAmount>10</VATAmount>", "r26", "ERR:3"),
        ("<VATAmount>0</VATAmount>", "", "r23", "ERR:3"),
        ("<VATAmount>0</VATAmount>", "<VATAmount>0</VATAmount><VATAmount>0</VATAmount>", "r23", "ERR:3"),
        ("<FEEID>2300</FEEID>", "<FEEID>1</FEEID>", "r26", "ERR:3"),
        ("<PaymentMethod>TTO", "<PaymentMethod>X", "r23", "ERR:3"),
        ("<key>phi-", "<key>thuephi-", "r29", "ERR:3"),
        ("03/07/2026", "2026-07-03", "r23", "ERR:3"),
        ("03/07/2026", "31/02/2026", "r23", "ERR:3"),
        ("<CusName>Nguyễn Văn A", "<CusName>" + "A" * 201, "r25", "ERR:3"),
        ("<Invoices>", "<!DOCTYPE Invoices><Invoices>", "r4", "ERR:3"),
        ("</Inv>", "</Inv><Inv/>", "r22", "ERR:10"),
        ("Invoices>", "Bills>", "r22", "ERR:3"),
    ],
)
def test_unlawful_receipt_is_refused(old, new, rule, code):
    """A receipt with one wrong thing is refused under its rule, and nothing is kept."""
    mock, xml = ReceiptIssuer(), lawful()
    assert old in xml

    assert code == publish(mock, xml.replace(old, new))
    assert [rule] == broken(mock)
    assert 0 == len(mock.effects)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ACpass": "wrong"}, "ERR:1"),
        ({"password": "wrong"}, "ERR:1"),
        ({"Account": "other"}, "ERR:1"),
        ({"username": "nobody"}, "ERR:7"),
        ({"serial": "XX-99T"}, "ERR:20"),
        ({"pattern": ""}, "ERR:20"),
    ],
)
def test_who_may_not_is_refused(changes, code):
    """Wrong accounts, passwords, forms: refused before the receipt is read."""
    mock = ReceiptIssuer()

    assert code == publish(mock, lawful(), **changes)
    assert 0 == len(mock.effects)


def test_key_is_good_once_whatever_the_amount():
    """The same key with another amount is refused, and the books keep the first."""
    mock = ReceiptIssuer()
    publish(mock, lawful())
    other = lawful().replace("20000", "70000").replace("Hai mươi nghìn", "Bảy mươi nghìn")

    assert "ERR:13" == publish(mock, other)
    assert ["20000"] == [effect.entry["amount"] for effect in mock.effects]


@pytest.mark.parametrize(
    "attack",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
        b"<?xml version='1.0' encoding='utf-16'?><x/>",
        b"<a>" * 70_000,
        b"<x/>",
        b"not xml",
        b"",
    ],
)
def test_hostile_envelope_is_a_fault(attack):
    """An envelope that is none is a Fault of the client; nothing is fetched, expanded or kept."""
    mock = ReceiptIssuer()
    response = post(mock, attack)

    assert 500 == response.status
    assert b"soap:Client" in response.body
    assert 0 == len(mock.effects)


def test_action_and_service_must_fit():
    """The SOAPAction, the service and the order of the parameters are checked."""
    mock = ReceiptIssuer()
    good = {"fkey": "phi-x", "userName": ACCOUNT.username, "userPass": ACCOUNT.password}

    assert "ERR:6" == said(call(mock, "getInvViewFkey", service="PortalService", **good))
    assert 500 == call(mock, "getInvViewFkey", service="PublishService", **good).status
    assert 500 == call(mock, "getInvViewFkey", service="PortalService", action='"x"', **good).status
    assert 500 == call(mock, "getInvViewFkey", service="PortalService", **dict(reversed(good.items()))).status
    assert 404 == mock(Request(path="/receipt_issuer/Other.asmx")).status


def test_numbers_can_run_out_and_certificates_end():
    """Switches: no numbers left is ERR:6, an ended certificate ERR:29."""
    mock = ReceiptIssuer()
    mock.switches.turn({"last_number": 1})
    assert publish(mock, lawful()).startswith("OK:")
    assert "ERR:6" == publish(mock, lawful(2))

    mock.switches.turn({"certificate": "ended", "last_number": 9})
    assert "ERR:29" == publish(mock, lawful(2))


def test_reset_empties_the_books():
    """After a reset the same receipt is new again."""
    mock = ReceiptIssuer()
    publish(mock, lawful())
    mock.reset()

    assert publish(mock, lawful()).endswith("_0000001")


def test_page_is_escaped():
    """A payer's name cannot write on the receipt's page."""
    mock = ReceiptIssuer()
    payer = {"name": "<script>alert(1)</script> & Con"}
    delivery = settled(payment=standing(payer=payer))
    publish(mock, invoices_xml(receipts_of(delivery)[0], facts_of(delivery, SETTINGS, PAID_AT), SETTINGS))
    kept = next(iter(mock.books.receipts.values()))

    assert payer["name"] == kept.receipt.payer
    page = call(
        mock,
        "getInvViewFkey",
        service="PortalService",
        fkey=kept.receipt.key,
        userName=ACCOUNT.username,
        userPass=ACCOUNT.password,
    )
    assert "<script>" not in said(page)


def test_notes_and_code_agree():
    """Every rule that the code cites stands in the notes, once; every refusal is played; each has a source."""
    text = ReceiptIssuer.notes.read_text(encoding="utf-8")
    rules = rules_of(ReceiptIssuer.notes)
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ReceiptIssuer.notes.parent.glob("*.py")))
    pairs = re.findall(r'<a id="(r\d+)"></a>\*\*(r\d+)\*\*', text)
    cited = set(re.findall(r'"(r\d+)"', code))

    assert all(anchor == printed for anchor, printed in pairs)
    assert len(pairs) == len(rules)
    assert set() == cited - rules.keys()
    assert [] == [rule for rule, says in rules.items() if "**refused**" in says.lower() and rule not in cited]
    assert [] == [
        rule for rule, says in rules.items() if not re.search(r"\[(OURS|SOAP|C#-A|PROVIDER|CLIENTS|LAW|GUESS)", says)
    ]
    assert all(switch.rule in rules for switch in SWITCHES)
    assert all(f'id="{rule}"' in as_html(ReceiptIssuer.notes) for rule in rules)


def test_letters_apart_are_lengths_too():
    """A name of combined letters is one name, whether the letters came apart or not: the adapter puts them together."""
    apart = unicodedata.normalize("NFD", "Nguyễn Văn Ấy")
    delivery = settled(payment=standing(payer={"name": apart}))
    xml = invoices_xml(receipts_of(delivery)[0], facts_of(delivery, SETTINGS, PAID_AT), SETTINGS)

    assert "Nguyễn Văn Ấy" in xml
