"""The samples of the issuer's contract: its mock answers so, and the adapter reads each answer as it is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from adapters.channels.http import head_bytes
from adapters.partners.receipt_issuer.codes import Shape, Verdict
from adapters.partners.receipt_issuer.replies import (
    Body,
    adjusted_number,
    body_of,
    judge,
    names_amount,
    page_number,
    published_number,
)
from adapters.partners.receipt_issuer.settings import VIEW_NUMBER
from adapters.partners.receipt_issuer.speaking import Services
from contracts.mocking import Request
from contracts.receipt_issuer.mock import ReceiptIssuer
from contracts.receipt_issuer.places import ADJUST, CANCEL, PUBLISH, SERVICES, UNMARK, VIEW
from tests.builders import make_exchange
from tests.receipt_kit import settings_for

SAMPLES = Path(ReceiptIssuer.notes).with_name("samples")
NAMES = {"publish": PUBLISH, "view": VIEW, "unmark": UNMARK, "cancel": CANCEL, "adjust": ADJUST}
STORIES = (
    ("view.missing", "publish.accepted", "publish.repeated", "view.accepted", "cancel.refused", "unmark.accepted",
     "unmark.repeated", "cancel.accepted", "cancel.repeated"),
    ("adjust.missing", "publish.accepted", "adjust.accepted", "adjust.repeated"),
)  # fmt: skip
MEANT = {
    "publish.accepted": Verdict.YES,
    "publish.repeated": Verdict.THERE,
    "publish.closed": Verdict.DOWN,
    "publish.fault": Verdict.UNCLEAR,
    "view.accepted": Verdict.YES,
    "view.missing": Verdict.NOT_THERE,
    "unmark.accepted": Verdict.YES,
    "unmark.repeated": Verdict.YES,
    "cancel.accepted": Verdict.YES,
    "cancel.repeated": Verdict.YES,
    "cancel.refused": Verdict.REFUSED,
    "adjust.accepted": Verdict.YES,
    "adjust.repeated": Verdict.THERE,
    "adjust.missing": Verdict.NOT_THERE,
}
SERVICES_OF = Services(settings_for("http://127.0.0.1:9"))


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.xml").read_bytes().removesuffix(b"\n")


def service_of(operation: str) -> str:
    return next(service for service, operations in SERVICES.items() if operation in operations)


def read(operation: str, body: bytes | None, *, status: int = 200, kind: str = "text/xml; charset=utf-8"):
    """What the adapter makes of an answer."""
    head = head_bytes({"content-type": kind})
    return SERVICES_OF.read(operation, make_exchange(status=status, reply_head=head, reply_body=body))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story[0])
def test_mock_answers_as_the_samples_say(story):
    """Each request of a story gets the sample's answer, byte for byte."""
    mock = ReceiptIssuer()
    for step in story:
        name = step.partition(".")[0]
        operation = NAMES[name]
        headers = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"http://tempuri.org/{operation}"'}
        path = f"/receipt_issuer/{service_of(operation)}"

        assert sample(step) == mock(Request(path=path, headers=headers, body=sample(f"{name}.request"))).body, step


@pytest.mark.parametrize(("name", "verdict"), MEANT.items())
def test_answers_are_read_as_they_are_meant(name, verdict):
    """The answer table decides each sample as its name says."""
    status = 500 if name.endswith("fault") else 200

    assert verdict == read(NAMES[name.partition(".")[0]], sample(name), status=status).verdict


def test_every_sample_is_in_use():
    """No sample is left that nobody reads."""
    told = {f"{name}.xml" for name in MEANT} | {f"{name}.request.xml" for name in NAMES}

    assert told | {"invoices.xml", "adjustment.xml"} == {path.name for path in SAMPLES.iterdir()}


@pytest.mark.parametrize(("request_name", "shown"), [("publish", "invoices"), ("adjust", "adjustment")])
def test_what_is_inside_is_shown_apart(request_name, shown):
    """The XML that travels as a text is the one that the readable sample shows."""
    inside = etree.fromstring(sample(f"{request_name}.request")).findtext(".//{*}xmlInvData") or ""
    readable = etree.fromstring(sample(shown), etree.XMLParser(remove_blank_text=True))

    assert etree.tostring(readable, encoding="unicode") == inside


HOSTILE = (
    (b"", Shape.EMPTY),
    (b"  \n", Shape.EMPTY),
    (b"<html><body>OK:1;2-phi-1_1</body></html>", Shape.HTML),
    (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "OK:">]><a>&x;</a>', Shape.BROKEN),
    (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', Shape.BROKEN),
    (b"<a>" * 80 + b"</a>" * 80, Shape.BROKEN),
    (b"<?xml-stylesheet href='x'?><a/>", Shape.BROKEN),
    (b"OK:01BLP0-001;BI-23T-phi-1_0000001", Shape.BROKEN),
    (b"<a/>", Shape.BROKEN),
)


@pytest.mark.parametrize(("body", "shape"), HOSTILE)
def test_s03_hostile_answer_is_no_yes(body, shape):
    """A DTD, an entity, depth, a page, a bare text, another document: never a yes, and nothing is fetched."""
    answer = read(PUBLISH, body)

    assert (shape, Verdict.UNCLEAR) == (answer.body.shape, answer.verdict)


def test_s03_answer_to_something_else_is_no_yes():
    """Another operation's answer, or one whose result is no text, is in doubt; so is a yes with an error's status."""
    other = sample("cancel.accepted")
    nothing = sample("publish.accepted").replace(b"ImportAndPublishInvResult", b"OtherResult")

    assert Verdict.UNCLEAR == read(PUBLISH, other).verdict
    assert Verdict.UNCLEAR == read(PUBLISH, nothing).verdict
    assert Verdict.UNCLEAR == read(PUBLISH, sample("publish.accepted"), status=500).verdict
    assert Verdict.UNCLEAR == read(PUBLISH, sample("publish.accepted"), kind="application/json").verdict
    assert Verdict.UNCLEAR == read(PUBLISH, b"<a>" + b"x" * 3_000_000 + b"</a>").verdict


@pytest.mark.parametrize(
    ("text", "shape", "code"),
    [
        ("OK:", Shape.OK, ""),
        (" ERR:13 trùng fkey ", Shape.ERR, "ERR:13"),
        ("ERR:-1", Shape.ERR, "ERR:-1"),
        ("ERR", Shape.ERR, "ERR"),
        ("ERROR: no such thing", Shape.ERR, "ERR"),
        ("<!doctype html><p>1</p>", Shape.PAGE, ""),
        ("", Shape.EMPTY, ""),
    ],
)
def test_result_texts(text, shape, code):
    """A result is a yes, a no with its code, or a page; "ERROR" is a no whose code nobody knows."""
    body = body_of(text)

    assert (shape, code) == (body.shape, body.code)


def test_unknown_no_is_refused_and_an_unknown_view_is_unclear():
    """A code that nobody knows: of a write it is a no, of the look-up it says nothing, so nothing is issued on it."""
    nobody = Body(shape=Shape.ERR, code="ERR:99", text="ERR:99")

    assert Verdict.REFUSED == judge(PUBLISH, 200, nobody).verdict
    assert Verdict.UNCLEAR == judge(VIEW, 200, nobody).verdict


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("OK:01BLP0-001;BI-23T-phi-1_0000001", "0000001"),
        ("OK:01BLP0-001;BI-23T-phi-2_0000001", None),
        ("OK:01BLP0-001;BI-23T-phi-1_", None),
        ("OK:01BLP0-001;BI-23T-phi-1_12a", None),
        ("OK:", None),
    ],
)
def test_number_of_a_yes(text, number):
    """A yes must be for our key, and end in a number."""
    assert number == published_number(text, "phi-1")


def test_number_of_an_adjustment():
    """An adjustment's yes has its number last."""
    assert ("0000002", None) == (adjusted_number("OK:01BLP0-001;BI-23T;0000002"), adjusted_number("OK:"))


@pytest.mark.parametrize(
    ("page", "amount", "is_said"),
    [
        ("<td>30.000</td>", 30_000, True),
        ("<td>30,000 đ</td>", 30_000, True),
        ("<td>30 000</td>", 30_000, True),
        ("<td>30&nbsp;000</td>", 30_000, True),
        ("<td>30000</td>", 30_000, True),
        ("<td>130.000</td>", 30_000, False),
        ("<td>30.000.000</td>", 30_000, False),
        ("<td a='30000'>3</td>", 30_000, False),
        ("", 30_000, False),
    ],
)
def test_amount_on_a_page(page, amount, is_said):
    """An amount is named whole, with separators or without; a longer number, or an attribute, does not name it."""
    assert is_said == names_amount(page, amount)


def test_pages_of_any_size_are_read_at_once():
    """A page made to keep a reader busy is read in the time of its length."""
    heavy = "Số" + " " * 200_000 + "Số:" * 100_000 + "<" * 400_000 + "Số<" * 100_000 + "1.111" * 100_000

    assert "" == page_number(heavy, VIEW_NUMBER)
    assert not names_amount(heavy, 7)


def test_number_on_a_page():
    """The number stands behind the word, whatever tags are between; pattern and serial are none."""
    assert "0000012" == page_number("<p>Mẫu số: 01BLP0-001</p><p>Số: <b>0000012</b></p>", VIEW_NUMBER)
    assert "12" == page_number("<td>Số</td> <td>(No.)</td>:&<td>Số (No.): <i>12</i>", VIEW_NUMBER)
    assert "" == page_number("<p>Địa chỉ: Số 1 đường Thử Nghiệm</p><p>Số tiền: 30.000</p>", VIEW_NUMBER)
