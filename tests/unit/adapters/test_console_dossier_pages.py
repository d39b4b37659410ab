"""The templates of dossier, delivery, exchange, sheet, refusal and exports, with views that a day seldom makes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.doors.console import static, words
from adapters.doors.console.delivery_view import delivery_view
from adapters.doors.console.dossier_view import dossier_view
from adapters.doors.console.exchange_view import exchange_view, without_secrets
from adapters.doors.console.export_progress import Progress
from adapters.doors.console.exports import MOST_ROWS, ExportsView
from adapters.doors.console.frame import ConsoleFacts
from adapters.doors.console.journey_view import journey_view
from adapters.doors.console.masking import NOTHING_KNOWN
from adapters.doors.console.refused_view import Told, refusal_page, refused_view
from adapters.doors.console.render import Renderer
from bus.calendar import Left
from bus.close_reads import Call
from tests.builders import NOON
from tests.visits import visit

AT = NOON.isoformat(timespec="milliseconds")
LANGUAGES = ("vi", "en")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(words.load(strict=True), ConsoleFacts(installation="H99", version="0"), static.load())


def page(renderer: Renderer, template: str, view: Any, language: str, **more: Any) -> str:
    return renderer.page(template, view, visit(language=language, **more))


def call(**more: Any) -> Call:
    facts = {
        "id": 3,
        "operation": "DongBoHoSoMC",
        "method": "POST",
        "url": "http://127.0.0.1/x",
        "status": 200,
        "sent_at": AT,
        "took_us": 1_500,
        "trouble": None,
        "key_id": "k1",
        "algorithm": None,
    }
    told: dict[str, Any] = {
        "facts": facts | more.pop("facts", {}),
        "attempt": 1,
        "is_shared": False,
        "request_head": b"host: x\r\n",
        "request_body": b'{"a": 1}',
        "reply_head": b"",
        "reply_body": b"",
        "is_destroyed": False,
    }
    return Call(**(told | more))


CALLS = {
    "empty answer": (call(), "reply"),
    "no answer": (call(reply_body=None, facts={"status": None, "trouble": "timeout"}), "reply"),
    "destroyed": (call(request_head=None, request_body=None, reply_body=None, is_destroyed=True), "request"),
    "shared": (call(is_shared=True), "request"),
    "no text": (call(request_body=b"\xff\xfe\x00"), "request"),
    "a megabyte": (call(reply_body=b"<html>" + b"x" * 1_000_000), "reply"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_opened", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_call_of_any_kind_has_a_page(renderer: Renderer, name: str, is_opened: bool, language: str) -> None:
    """Empty, unanswered, destroyed, shared, cut, and no text at all: each says what it is."""
    one, direction = CALLS[name]
    view = exchange_view(
        one,
        delivery=7,
        dossier="H99.09-1",
        partner="one_stop-province",
        direction=direction,  # type: ignore[arg-type]
        form="formatted",
        known=NOTHING_KNOWN,
        is_opened=is_opened,
    )

    html = page(renderer, "exchange.html", view, language)

    assert "<h1>" in html
    assert ("/console/deliveries/7/exchanges/3" in html.replace("exchanges/3?", "")) == (
        not is_opened and view.body is not None
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("row", ["refused: x", "nobody_knows_this_row: y", ""])
def test_delivery_of_any_kind_has_a_page(renderer: Renderer, row: str, language: str) -> None:
    """With a row of the reply table that has words, with one that has none, and with nothing tried yet."""
    attempt = {
        "id": 2, "n": 1, "worker": "w1", "started_at": AT, "outcome": "Unreachable", "code": "-1", "reason": row,
        "exchanges": [call().facts, call(facts={"status": None, "trouble": "x", "algorithm": "rsa-sha256"}).facts],
    }  # fmt: skip
    rows: dict[str, Any] = {
        "id": 7, "dossier": "H99.09-1", "partner": "books", "kind": "payment.requested", "status": "THU_LY",
        "source": "one-stop/h99", "event": "e1", "state": "waiting", "cause": "unreachable", "reason": row,
        "due_at": AT,
        "tries": 1, "accepted_at": AT, "changed_at": AT, "rule": "every_step", "mapping": "d1", "next": 5,
        "attempts": [attempt] if row else [], "moves": [],
    }  # fmt: skip

    html = page(renderer, "delivery.html", delivery_view(rows), language)

    assert ("/console/deliveries/7?before=5" in html, "nobody_knows_this_row" in html) == (True, "nobody" in row)


@pytest.mark.parametrize("language", LANGUAGES)
def test_dossier_of_which_nothing_is_known_has_a_page(renderer: Renderer, language: str) -> None:
    """Before its first event a dossier has a page that says so, for the office and for the citizen."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("origin", "national_number", "procedure", "unit", "received_at", "due_at", "status")
    )
    rows = nothing | {"number": "H99.09-1", "source": "s/1", "first_seen_at": AT, "partners": [], "events": [],
                      "timeline": []}  # fmt: skip

    assert "H99.09-1" in page(renderer, "dossier.html", dossier_view(rows, {}, now=NOON, at=NOON), language)
    for is_for_citizen in (False, True):
        sheet = journey_view(rows, {}, now=NOON, made_by="An", is_for_citizen=is_for_citizen)
        assert "H99.09-1" in page(renderer, "journey.html", sheet, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "left",
    [
        Left(is_over=True, working=None, days=2),
        Left(is_over=False, working=None, days=1),
        Left(is_over=False, working=None, days=None, unknown_year=2031),
    ],
)
@pytest.mark.parametrize(
    "state",
    [
        "waiting",
        "sending",
        "awaiting",
        "in_doubt",
        "held",
        "refused",
        "delivered",
        "superseded",
        "cancelled",
        "not_ours",
    ],
)
def test_dossier_in_any_state_has_a_page(renderer: Renderer, state: str, left: Left, language: str) -> None:
    """Each state has its shape in the picture, its word beside it, and its sentence in the list."""
    event = {
        "number": 1, "source": "s/1", "id": "e1", "kind": "dossier.recorded", "sequence": 4, "occurred_at": AT,
        "accepted_at": AT, "digest": "0" * 64, "is_adopted": True, "place": None,
    }  # fmt: skip
    move = {
        "id": 1, "at": AT, "delivery": 1, "from_state": None, "to_state": state, "cause": "accepted",
        "reason": "vì <b>", "actor": "person:lan", "partner": "one_stop-province", "event": "e1",
        "kind": "dossier.recorded", "source": "s/1",
        "status": "THU_LY",
    }  # fmt: skip
    lanes = [
        {"partner": "national_portal", "exists_there": exists, "shown_status": None, "is_on_its_way": True}
        for exists in (True, False, None)
    ]
    rows = {
        "number": "H99.09-1", "source": "s/1", "origin": "portal", "national_number": "G1", "procedure": "1.1",
        "unit": "H99", "received_at": AT, "due_at": AT, "status": "processing", "first_seen_at": AT, "partners": lanes,
        "events": [event], "timeline": [move], "next": 9, "has_older_events": True,
    }  # fmt: skip

    view = dossier_view(rows, {1: None}, now=NOON + timedelta(seconds=5), left=left)
    html = page(renderer, "dossier.html", view, language)

    assert f'class="tl-mark tl-{state}"' in html
    assert "vì &lt;b&gt;" in html
    assert words.load(strict=True).say(language, f"glossary.states.{state}") in html  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_refusals_of_any_kind_have_a_page(renderer: Renderer, language: str) -> None:
    """With digests, a base and the verifier's words, and with nothing but a code that no catalogue has."""
    row: dict[str, Any] = {
        "reference": "LT-7F3K-2", "at": AT, "route": "POST /soap", "caller": None, "code": "odd", "status": 401,
        "rules": [], "digests": [], "why": None, "base": None,
    }  # fmt: skip
    whole = row | {
        "caller": "c1",
        "rules": [{"field": "/a", "rule": "enum", "line": 3}, {"rule": "x"}],
        "digests": [{"part": "Body", "sent": "a", "ours": o, "length": 4} for o in ("a", "b")],
        "why": "no",
        "base": "<a>",
    }
    for one in (row, whole):
        html = page(renderer, "refusal.html", refusal_page(one, [Told(language="vi", title="x", detail="")]), language)
        assert "LT-7F3K-2" in html
    blank = dict.fromkeys(("since", "until", "caller", "code", "reference"), "")
    assert "LT-7F3K-2" in page(renderer, "refused.html", refused_view([row, whole], 5, blank, ["odd"]), language)
    assert "LT-7F3K-2" in page(renderer, "refused.html", refused_view([], None, blank, []), language)  # as an example


@pytest.mark.parametrize("language", LANGUAGES)
def test_exports_of_any_ending_have_a_line(renderer: Renderer, language: str) -> None:
    """Under way, done, ended at the limit, stopped; the page asks again by itself only while one is under way."""
    endings: list[Any] = ["running", "whole", "cut", "stopped"]
    lines = tuple(
        Progress(n=n, name="audit", form="xlsx", began_at=NOON, rows=n, ending=ending)
        for n, ending in enumerate(endings)
    )
    views = [
        ExportsView(running=told, exports=("users",), forms=("csv",), most=MOST_ROWS) for told in (lines, lines[1:])
    ]

    pages = [page(renderer, "exports.html", view, language) for view in views]

    assert [True, False] == ["load delay:2s" in html for html in pages]


@pytest.mark.parametrize(
    ("body", "taken", "is_exact"),
    [
        (b'{"a": 1}', b'{"a": 1}', True),
        (b'{"session": "s1"}', b'{"session": "***"}', False),
        (b"\xffpassword=s1", b"\xffpassword=***", False),
        (b"\xff\xfe", b"\xff\xfe", True),
    ],
)
def test_file_holds_no_secret(body: bytes, taken: bytes, is_exact: bool) -> None:
    """What is taken away is exact unless a secret stood in it, in text or in what is none."""
    assert (taken, is_exact) == without_secrets(body)
