"""The platform's tables of answers, cell by cell: transport × HTTP × code → what follows."""

from __future__ import annotations

import json

import pytest

from adapters.partners.gateways.reading import Opening
from adapters.partners.payment_platform import replies
from adapters.partners.payment_platform.codes import OPENINGS, STATES
from bus.payments import Verdict
from contracts.payment_platform.mock import MERCHANT
from tests.gateway_kit import REFERENCE
from tests.platform_kit import PAY_URL, answered, platform_settings, sample

JSON = b"content-type: application/json\r\n"
YES = {"MaLoi": "00", "MoTaLoi": "Thanh cong", "MaThamChieu": REFERENCE, "UrlThanhToan": PAY_URL}
NO = {"MaLoi": "07", "MoTaLoi": "Sai thong tin"}
PAID = {
    "MaLoi": "00", "LoaiBanTin": "QUERY", "MaDoiTac": MERCHANT, "MaThamChieu": REFERENCE, "SoTien": "75000",
    "MaTienTe": "VND", "MaGiaoDich": "GD1", "MaNganHang": "VCB", "ThoiGianGD": "20260703143212",
    "ThongTinGiaoDich": "x", "TrangThaiGD": "1", "MaXacThuc": "",
}  # fmt: skip


def wrapped(inner, code="0"):
    return {"error_code": code, "message": json.dumps(inner) if isinstance(inner, dict) else inner}


OPENING_CELLS = [
    # yes, in every form that it comes in
    (200, JSON, YES, "opened"),
    (200, JSON, wrapped(YES), "opened"),
    (200, JSON, {"error_code": "0", "message": YES}, "opened"),
    (200, JSON, wrapped(YES, "00"), "opened"),
    (200, JSON, {**YES, "MaThamChieu": None}, "opened"),
    (200, b"content-type: text/json; charset=utf-8\r\n", YES, "opened"),
    # a yes that must not be used
    (200, JSON, {**YES, "UrlThanhToan": ""}, "no_address"),
    (200, JSON, {**YES, "UrlThanhToan": None}, "no_address"),
    (200, JSON, {**YES, "UrlThanhToan": "https://khac.example.invalid/p"}, "bad_address"),
    (200, JSON, {**YES, "UrlThanhToan": "javascript:alert(1)"}, "bad_address"),
    (200, JSON, {**YES, "UrlThanhToan": "//thanhtoan.example.invalid/p"}, "bad_address"),
    (200, JSON, {**YES, "UrlThanhToan": "https://thanhtoan.example.invalid@khac.example.invalid/"}, "bad_address"),
    # neither yes nor no
    (200, JSON, {**YES, "MaThamChieu": "TT000000000000000000"}, "other_order"),
    (200, JSON, wrapped(YES, "99"), "contradicted"),
    (200, JSON, wrapped("", "99"), "no_code"),
    (200, JSON, wrapped("Timeout", "0"), "no_code"),
    (200, JSON, {"status": "ok"}, "no_code"),
    (200, JSON, {**YES, "MaLoi": True}, "no_code"),
    (200, JSON, b"", "empty"),
    (200, JSON, b"<html>", "html"),
    (200, b"content-type: text/html\r\n", YES, "html"),
    (200, JSON, b'{"MaLoi":"00","UrlThanh', "broken"),
    (200, JSON, b'{"MaLoi":"00","MaLoi":"99"}', "broken"),
    (200, JSON, b"[]", "other_json"),
    (200, b"content-type: text/plain\r\n", YES, "other_type"),
    # no
    (200, JSON, NO, "refused"),
    (200, JSON, wrapped(NO), "refused"),
    (200, JSON, wrapped(NO, "99"), "refused"),
    (400, JSON, NO, "http_400_refused"),
    (422, JSON, NO, "http_422_refused"),
    (413, JSON, b"", "http_413_415"),
    # who stands in front
    (401, JSON, b"", "http_401"),
    (403, JSON, b"<html>", "http_403_405"),
    (404, JSON, b"<html>", "http_403_405"),
    (429, JSON, b"", "http_429"),
    (503, JSON + b"retry-after: 30\r\n", b"", "http_503"),
    (503, JSON, b"", "http_other"),
    (400, JSON, YES, "http_other"),
    (500, JSON, NO, "http_other"),
    (502, JSON, b"<html>", "http_other"),
    (504, JSON, YES, "http_other"),
    (302, JSON, b"", "http_other"),
]


@pytest.mark.parametrize(("status", "head", "body", "row"), OPENING_CELLS)
def test_opening(status, head, body, row):
    """The first row that fits an answer to an opening decides."""
    answer = replies.opened(answered(body, status=status, head=head), REFERENCE, platform_settings())

    assert row == answer.row
    assert next(each.verdict for each in OPENINGS if each.id == row) is answer.verdict


def test_every_row_of_openings_is_met():
    """No row of the table stands there untried."""
    assert {row.id for row in OPENINGS} == {row for *_, row in OPENING_CELLS}


def test_only_an_open_attempt_has_an_address():
    """What is shown to a citizen comes from a yes that may be shown, and from nothing else."""
    settings = platform_settings()
    shown = {row: replies.opened(answered(body, status=status, head=head), REFERENCE, settings)
             for status, head, body, row in OPENING_CELLS}  # fmt: skip

    assert {"opened"} == {row for row, answer in shown.items() if answer.verdict is Opening.OPENED}


@pytest.mark.parametrize("url", [PAY_URL, PAY_URL.replace("https", "http")])
def test_plain_http_only_where_it_is_allowed(url):
    """An address without TLS is shown only where the installation allows it: on one machine."""
    from dataclasses import replace

    settings = platform_settings()
    strict = replace(settings, http=replace(settings.http, allow_http=False))

    assert settings.may_show(url)
    assert url.startswith("https") is strict.may_show(url)


STATE_CELLS = [
    (200, PAID, {}, "paid"),
    (200, wrapped(PAID), {}, "paid"),
    (200, {**PAID, "SoTien": 75000}, {}, "paid"),
    (200, {**PAID, "TrangThaiGD": "3"}, {}, "pending"),
    (200, {**PAID, "TrangThaiGD": "4", "SoTien": "0"}, {}, "failed"),
    (200, {**PAID, "TrangThaiGD": "2"}, {}, "other_state"),
    (200, {**PAID, "TrangThaiGD": ""}, {}, "other_state"),
    (200, {**PAID, "TrangThaiGD": "00"}, {}, "other_state"),
    (200, {"MaLoi": "25"}, {}, "not_there"),
    (200, {"MaLoi": "25"}, {"not_there_codes": frozenset()}, "no_answer"),
    (200, {"MaLoi": "99", "TrangThaiGD": "1"}, {}, "no_answer"),
    (200, {"TrangThaiGD": "1"}, {}, "no_answer"),
    (200, {**PAID, "MaThamChieu": "TT000000000000000000"}, {}, "other_order"),
    (200, {**PAID, "MaDoiTac": "KHAC"}, {}, "other_order"),
    (200, wrapped(PAID, "99"), {}, "other_order"),
    (200, {**PAID, "SoTien": "75000.0"}, {}, "no_amount"),
    (200, {**PAID, "SoTien": "-75000"}, {}, "no_amount"),
    (200, {**PAID, "SoTien": 0}, {}, "no_amount"),
    (200, PAID, {"query_checksum": "confirm"}, "bad_checksum"),
    (200, b"<html>", {}, "other_answer"),
    (200, b"[]", {}, "other_answer"),
    (500, PAID, {}, "other_answer"),
    (404, {"MaLoi": "25"}, {}, "other_answer"),
]


@pytest.mark.parametrize(("status", "body", "settings", "row"), STATE_CELLS)
def test_question(status, body, settings, row):
    """The first row that fits an answer to a question decides; money is told of a success alone."""
    told = replies.told_of(
        answered(body, status=status), REFERENCE, MERCHANT, platform_settings(**settings), "payment_platform"
    )

    assert row == told.reason.partition(":")[0]
    assert next(each.verdict for each in STATES if each.id == row) is told.verdict
    assert (75_000, "VND", "GD1") == (told.amount, told.currency, told.transaction) or told.verdict is not Verdict.PAID
    assert told.verdict is Verdict.PAID or told.amount is None


def test_every_row_of_states_is_met():
    """No row of the table stands there untried."""
    assert {row.id for row in STATES} == {row for *_, row in STATE_CELLS}


def test_sample_of_an_answer():
    """The contract's sample is read as paid."""
    answer = sample("query.answer.json")
    told = replies.told_of(answered(answer), answer["MaThamChieu"], "TINHDEMO", platform_settings(), "payment_platform")

    assert (Verdict.PAID, 30_000, "GD260115000123") == (told.verdict, told.amount, told.transaction)
    assert "20260115143212" == told.paid_time_told
