"""The reply table, cell by cell: transport × HTTP × body × business code × words → verdict."""

from __future__ import annotations

import itertools
import unicodedata
from datetime import timedelta

import pytest

from adapters.channels.retry_after import retry_after
from adapters.partners.national_portal.codes import REPLIES, WRITES, Operation, Shape, Verdict
from adapters.partners.national_portal.replies import (
    Body,
    code_of,
    find_row,
    open_body,
    read,
    table,
)
from adapters.partners.national_portal.settings import SessionError
from bus.messages import Exchange
from tests.portal_kit import facade_settings, make_settings, replied, said
from tests.xroad_kit import answer_to, asked, fault, heard, xroad_settings

HTML = replied(raw=b"\n<!doctype html><title>B\xe1\xba\xa3o tr\xc3\xac</title>", kind="text/html")
ASKED = asked()
SAMPLES: dict[str, list[tuple[Operation, Exchange]]] = {
    "fault_own_server": [
        (Operation.CREATE, heard(fault(code), ASKED, status=status))
        for code in ("Client.MissingHeaderField", "Server.ClientProxy.UnknownMember", "client.invalid_protocol_version")
        for status in (200, 500)
    ],
    "fault_their_server": [
        (Operation.STEP, heard(fault(code), ASKED))
        for code in ("Server.ServerProxy.AccessDenied", "soap:Server.ServerProxy.UnknownService")
    ],
    "fault": [
        (Operation.STEP, heard(fault(code), ASKED))
        for code in ("Server", "soap:Client", "Server.ServerProxy.ServiceFailed.HttpError", "Client.AccessDenied")
    ],
    "session_ended": [
        (Operation.CREATE, said(-1, "Phiên làm việc không hợp lệ")),
        (Operation.STEP, said("5", "PHIÊN LÀM VIỆC ĐÃ HẾT HẠN")),
        (Operation.LOOKUP, replied({"error_code": 401, "message": "Session expired"}, status=401)),
    ],
    "exists": [
        (Operation.CREATE, said(code, "Hồ sơ H99.01-260101-0001 đã tồn tại")) for code in (0, "0", "3", -3, "-3")
    ],
    "yes": [(operation, said(code, "")) for operation in Operation for code in (0, "0", "00")],
    "missing": [
        (Operation.UPDATE, said(-1, "Hồ sơ H99.01-260101-0001 không tồn tại")),
        (Operation.LOOKUP, said("-1", "Không tìm thấy hồ sơ")),
    ],
    "refused": [
        (Operation.CREATE, said(-1, "MaTTHC không tồn tại")),
        (Operation.CREATE, said(4, "đã tồn tại")),
        (Operation.UPDATE, said("-3", "Hồ sơ đã tồn tại")),
        (Operation.STEP, said("E9")),
        (Operation.CREATE, said(-1, "Phiên bản biểu mẫu không hợp lệ")),
        (Operation.LOOKUP, said(1)),
        (Operation.LOGIN, said(1, "Sai mật khẩu")),
    ],
    "no_code": [
        (Operation.CREATE, replied(body))
        for body in ({}, {"error_code": None}, {"error_code": False}, {"error_code": 0.0}, {"error_code": " "})
    ],
    "empty": [(Operation.CREATE, replied(raw=raw)) for raw in (b"", b" \r\n")],
    "html": [(Operation.CREATE, HTML), (Operation.STEP, replied(raw=b"<html/>"))],
    "broken": [
        (Operation.CREATE, replied(raw=raw))
        for raw in (b'{"error_code": 0, "mess', b"\xff\xfe", b"[" * 100_000, b"00", b'{"error_code": 00}')
    ],
    "other_type": [
        (Operation.CREATE, replied({"error_code": 0}, kind=kind)) for kind in ("text/plain", "", "image/png")
    ],
    "other_json": [(Operation.CREATE, replied(body)) for body in ([], "ok", 0, None, [{"error_code": 0}])],
    "other_answer": [
        (Operation.CREATE, heard(answer_to(asked()), ASKED)),
        (Operation.CREATE, heard(answer_to(ASKED, name="TraCuuHoSoResponse"), ASKED)),
    ],
    "http_401": [(Operation.CREATE, replied(raw=b"no", status=401))],
    "http_403": [(Operation.CREATE, replied({"error_code": 0}, status=403))],
    "http_404": [(Operation.CREATE, replied(raw=b"", status=404))],
    "http_405": [(Operation.CREATE, replied(raw=b"", status=405))],
    "http_429": [(Operation.STEP, replied({"error_code": 0}, status=429))],
    "http_503_later": [(Operation.STEP, replied(raw=b"", status=503, head={"retry-after": "3"}))],
    "http_413": [(Operation.STEP, replied(raw=b"", status=status)) for status in (413, 414, 415)],
    "http_400_refused": [(Operation.CREATE, replied({"error_code": -1}, status=400))],
    "http_422_refused": [(Operation.CREATE, replied({"error_code": -1}, status=422))],
    "http_other": [
        (Operation.CREATE, replied({"error_code": 0}, status=status))
        for status in (204, 202, 302, 400, 500, 502, 503, 504)
    ],
}


def test_every_row_has_a_sample():
    """The table and its samples are kept the same."""
    assert [row.id for row in REPLIES] == list(SAMPLES)


CELLS = [(row, n, *sample) for row, samples in SAMPLES.items() for n, sample in enumerate(samples)]


@pytest.mark.parametrize(
    ("row", "operation", "reply"), [(r, o, e) for r, _, o, e in CELLS], ids=[f"{r}-{n}" for r, n, *_ in CELLS]
)
def test_sample_meets_its_row(row, operation, reply):
    """Each sample is decided by the row that it stands for."""
    settings = xroad_settings() if b"text/xml" in reply.reply_head else make_settings()

    assert row == read(reply, operation, settings).row


STATUSES = (100, 200, 201, 204, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 599)
CODES = ("0", "3", "-3", "-1", "1", "E9", None)
TEXTS = ("", "thành công", "đã tồn tại", "phiên đã hết hạn", "hồ sơ không tồn tại")
GRID = list(itertools.product(Operation, STATUSES, Shape, CODES, TEXTS, (False, True)))


def test_no_cell_is_without_a_verdict():
    """Whatever comes, exactly one row decides; nothing falls through."""
    for operation, status, shape, code, text, later in GRID:
        assert find_row(operation, status, Body(shape=shape, code=code, text=text), later) in REPLIES


def test_p06_yes_needs_a_readable_zero():
    """In the whole grid a yes comes only from HTTP 200 or 201, a readable object, and a zero."""
    for operation, status, shape, code, text, later in GRID:
        row = find_row(operation, status, Body(shape=shape, code=code, text=text), later)
        if row.verdict is Verdict.YES:
            assert (True, Shape.OBJECT, "0") == (status in (200, 201), shape, code)


def test_p05_only_a_definite_no_may_be_sent_again():
    """In the whole grid "not taken" comes only from what the contract defines so: 401, 403, 404, 405, 429, 503 with a
    time, or a session error that names a code other than zero."""
    for operation, status, shape, code, text, later in GRID:
        row = find_row(operation, status, Body(shape=shape, code=code, text=text), later)
        if row.verdict in (Verdict.DOWN, Verdict.LATER):
            assert status in (401, 403, 404, 405, 429) or (status == 503 and later)
        if row.verdict is Verdict.SESSION:
            assert code not in ("0", None)


def test_exists_is_an_answer_to_a_create_only():
    """ "Already exists" turns a create into an update, and nothing else."""
    for operation, status, shape, code, text, later in GRID:
        row = find_row(operation, status, Body(shape=shape, code=code, text=text), later)
        assert row.verdict is not Verdict.EXISTS or operation is Operation.CREATE


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "0"),
        ("0", "0"),
        ("00", "0"),
        (" 0 ", "0"),
        ("-0", "0"),
        (-3, "-3"),
        ("-03", "-3"),
        ("+3", "3"),
        ("E9", "E9"),
        ("", None),
        (None, None),
        (True, None),
        (False, None),
        (0.0, None),
        ([], None),
        ("٠", "٠"),
        ("9" * 400, "9" * 40),
    ],
)
def test_code_in_one_spelling(value, code):
    """0, "0" and "00" are one; what is not a number or a text is no code at all (r154)."""
    assert code == code_of(value)


def test_text_is_compared_without_case_or_composition():
    """A portal that writes decomposed letters or capitals means the same."""
    decomposed = unicodedata.normalize("NFD", "HỒ SƠ ĐÃ TỒN TẠI")

    assert Verdict.EXISTS is read(said(3, decomposed), Operation.CREATE, make_settings()).verdict


@pytest.mark.parametrize("operation", sorted(WRITES))
@pytest.mark.parametrize(
    ("message", "verdict"), [("Đồng bộ hồ sơ Thành Công", Verdict.YES), ("", Verdict.UNCLEAR), ("ok", Verdict.UNCLEAR)]
)
def test_write_success_may_want_the_words(operation, message, verdict):
    """With `code_and_text` a write's yes must also say "thành công"."""
    settings = make_settings(write_success="code_and_text")

    assert verdict is read(said(0, message), operation, settings).verdict
    assert Verdict.YES is read(said(0, ""), Operation.LOOKUP, settings).verdict


@pytest.mark.parametrize(
    ("error", "reply", "is_session"),
    [
        (SessionError(code="902"), said("902", "?"), True),
        (SessionError(text="Mã truy cập"), said(-1, "MÃ TRUY CẬP cũ"), True),
        (SessionError(code="902", text="cũ"), said(902, "khác"), False),
        (SessionError(text="thành công"), said(0, "Thành công"), False),
    ],
)
def test_session_errors_of_the_settings(error, reply, is_session):
    """An installation may name its own session errors; a zero is never one."""
    found = read(reply, Operation.UPDATE, make_settings(session_errors=(error,))).verdict

    assert is_session == (found is Verdict.SESSION)


@pytest.mark.parametrize("members", [{}, {"code": "0"}, {"code": "00", "text": "x"}])
def test_session_error_must_say_something(members):
    """A setting that fits everything, or a yes, is refused."""
    with pytest.raises(ValueError, match="session_errors"):
        SessionError(**members)


# -- façade -----------------------------------------------------------------------------------------------------------


def wrapped(inner: str, outer: object = 0) -> Exchange:
    return said(outer, inner)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (wrapped('{"error_code": "00", "message": "Thành công"}'), Verdict.YES),
        (wrapped('{"error_code": -3, "message": "đã tồn tại"}'), Verdict.EXISTS),
        (wrapped('{"error_code": -3, "message": "đã tồn tại"}', -3), Verdict.EXISTS),
        (wrapped('{"error_code": -1, "message": "MaTTHC"}'), Verdict.REFUSED),
        (wrapped('{"error_code": 0, "message": "Thành công"}', -1), Verdict.UNCLEAR),
        (wrapped('{"error_code": 0, "mess'), Verdict.UNCLEAR),
        (wrapped('[{"error_code": 0}]'), Verdict.UNCLEAR),
        (wrapped('{"message": "x"}'), Verdict.UNCLEAR),
        (replied('{"error_code": 0, "message": "Thành công"}'), Verdict.YES),
        (said(0, "Thành công"), Verdict.YES),
        (said(-1, "không"), Verdict.REFUSED),
    ],
)
def test_facade_reply_is_unwrapped(reply, verdict):
    """The inner reply decides; two codes that contradict each other, or a cut one, decide nothing (r153)."""
    assert verdict is read(reply, Operation.CREATE, facade_settings()).verdict


@pytest.mark.parametrize(
    "raw",
    [
        b'{"error_code": "-1", "message": "x", "error_code": "0"}',
        b'{"error_code": 0, "error_code": 0}',
        b'{"error_code": 0, "error\\u005fcode": -1}',
        b'{"error_code": 0, "result": [{"MaHoSo": "a", "error_code": -1, "error_code": 0}]}',
    ],
)
def test_member_twice_is_no_answer(raw):
    """Two readers may read two answers in one object with a member twice, so it is broken, at any depth (r150)."""
    facade = wrapped(raw.decode())

    assert (Verdict.UNCLEAR, "broken") == _told(read(replied(raw=raw), Operation.STEP, make_settings()))
    assert (Verdict.UNCLEAR, "broken") == _told(read(facade, Operation.STEP, facade_settings()))


def _told(answer):
    return answer.verdict, answer.row


def test_only_a_facade_wraps():
    """Behind the adapter a message that looks like JSON is a message."""
    assert Verdict.YES is read(wrapped('{"error_code": -1}'), Operation.CREATE, make_settings()).verdict


def test_result_of_the_inner_reply():
    """A look-up through a façade shows the inner result."""
    reply = wrapped('{"error_code": 0, "message": "", "result": [{"MAHOSO": "x"}]}')

    assert [{"MAHOSO": "x"}] == open_body(reply, facade_settings()).result


def test_reply_types_are_a_setting():
    """A façade that labels its JSON as text is read where the settings say so."""
    settings = facade_settings(reply_types=("text/plain",))

    assert Verdict.YES is read(replied({"error_code": 0}, kind="text/plain"), Operation.CREATE, settings).verdict


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", 7),
        ("0", 0),
        ("999999999999", 86_400),
        ("Fri, 03 Jul 2026 05:00:10 GMT", 10),
        ("Fri, 03 Jul 2026 05:00:10 -0000", 10),
        ("Fri, 03 Jul 2020 05:00:10 GMT", 0),
        ("Fri, 03 Jul 2099 05:00:10 GMT", 86_400),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(value, wait):
    """Seconds or a date; a time in the past is at once, a mistake of years is a day."""
    found = retry_after(replied(raw=b"", status=429, head={"retry-after": value}))

    assert wait == (None if found is None else round(found / timedelta(seconds=1)))


def test_retry_after_counts_only_with_its_status():
    """On any other answer the header says nothing to us."""
    assert retry_after(replied({}, head={"retry-after": "7"})) is None


def test_long_message_is_shortened_in_the_reason_only():
    """A reason is for reading; the exchange keeps the whole reply."""
    answer = read(said(-1, "x" * 5000), Operation.CREATE, make_settings())

    assert len(answer.reason) < 350


def test_p12_reasons_repeat_no_numbers_of_people():
    """What the portal says of a person's papers is masked in the reason, which lies unsealed."""
    answer = read(said(-1, "CCCD 099000000001 không hợp lệ"), Operation.CREATE, make_settings())

    assert "099000000001" not in answer.reason


@pytest.mark.parametrize(
    "value", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +9999999999999"]
)
def test_absurd_retry_after_is_none(value):
    """A date that overflows is no date: the reply keeps its verdict, and its delivery is not parked for it."""
    assert retry_after(replied(raw=b"", status=503, head={"retry-after": value})) is None


def test_absurd_code_is_shortened():
    """A code of thousands of digits does not fill the ledger's reasons."""
    assert len(code_of(int("9" * 4000)) or "") <= 40


def test_table_for_the_documents():
    """The table can be shown to people who know the portal and do not read Python."""
    rows = table()

    assert len(REPLIES) == len(rows)
    assert {"id": "http_429", "http": "429", "body": "any", "verdict": "later"} in [
        {name: row[name] for name in ("id", "http", "body", "verdict")} for row in rows
    ]
    assert all(row["source"] for row in rows)
