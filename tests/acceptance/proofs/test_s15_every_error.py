"""S15: every way to be refused is an answer with a stable code of the catalogue, in Vietnamese, without our inside.

The REST door is made to say every code that it has; the source is read for codes that nobody provoked. The façade's
words and the Faults of the SOAP door (tests/acceptance/test_soap_faults.py) are held against their tables as well.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.doors import words
from adapters.doors.facade_answers import RULES, TROUBLES, refused
from adapters.doors.problems import STATUS, is_reference
from adapters.doors.soap_codes import FAULTS, fault_code
from adapters.partners.national_portal.told import Trouble
from tests.builders import event_json
from tests.doors import HQ, NDJSON, OTHER, DoorWorld, door, signed_headers, wire
from tests.house.tree import ROOT

INSIDE = re.compile(rb"Traceback|site-packages|\.py\b|Error\(|Exception|sqlite|/tmp/|/home/|0x[0-9a-f]{6,}")
MEMBERS = ["type", "code", "title", "status", "detail", "reference", "errors"]
LOOKS: dict[str, Callable[[DoorWorld], httpx2.Response]] = {
    "malformed_json": lambda at: at.post(b"{"),
    "duplicate_member": lambda at: at.post(b'{"id":"a","id":"b"}'),
    "too_deep": lambda at: at.post(b'{"data":' * 60 + b"1" + b"}" * 60),
    "not_utf8": lambda at: at.post(wire().replace(b"H99", b"\xff", 1)),
    "too_large": lambda at: at.post(wire(event_json() | {"subject": "x" * 1_100_000})),
    "media_type": lambda at: at.post(wire(), content_type="text/plain"),
    "unknown_field": lambda at: at.post(wire(event_json() | {"more": 1})),
    "missing_field": lambda at: at.post(b"{}"),
    "wrong_type": lambda at: at.post(wire(event_json() | {"subject": 5})),
    "out_of_range": lambda at: at.post(wire(event_json() | {"time": "2999-07-03T09:15:00+07:00"})),
    "enum": lambda at: at.post(wire(event_json(status="no such status"))),
    "not_nfc": lambda at: at.post(wire(event_json() | {"subject": unicodedata.normalize("NFD", "H99.09-260703-Đế")})),
    "key_mismatch": lambda at: at.post(wire(), key="another", headers={"idempotency-key": "another"}),
    "contradicted": lambda at: [at.post(wire(id="a")), at.post(wire(id="a", status="completed"))][1],
    "unsigned": lambda at: at.client.post("/v1/events", content=wire()),
    "bad_signature": lambda at: at.post(wire(), secret=b"not the secret of this caller...."),
    "stale_signature": lambda at: at.post(wire(), age=timedelta(days=1)),
    "replayed": lambda at: [at.post(wire(), nonce="one-nonce"), at.post(wire(), nonce="one-nonce")][1],
    "forbidden_source": lambda at: at.post(wire(), caller=OTHER),
    "not_found": lambda at: at.get("/v1/dossiers/H99.09-260703-9999"),
    "rate_limited": lambda at: [at.get("/v1/sources/me", caller=SLOW), at.get("/v1/sources/me", caller=SLOW)][1],
    "unavailable": lambda at: [at.world.ledger.close(), at.post(wire())][1],
}
SLOW = replace(HQ, name="slow", rate=0.001)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path, callers={HQ.name: HQ, OTHER.name: OTHER, SLOW.name: SLOW}) as made:
        yield made


def require_problem(response: httpx2.Response, language: str = "vi") -> dict[str, Any]:
    """RFC 9457 with our members, in this language, from the catalogue, and nothing of our inside."""
    told: dict[str, Any] = response.json()
    assert "application/problem+json" == response.headers["content-type"]
    assert (MEMBERS, response.status_code) == (list(told), told["status"])
    assert f"urn:lienthong:problem:{told['code']}" == told["type"]
    assert (words.title(told["code"], language), words.detail(told["code"], language)) == (
        told["title"],
        told["detail"],
    )
    assert is_reference(told["reference"])
    assert language == response.headers["content-language"]
    assert not INSIDE.search(response.content)
    return told


def test_a_case_for_every_code():
    """What is provoked below is all that the catalogue has, and the catalogue has it in both languages."""
    assert set(STATUS) == set(LOOKS)
    for language in words.LANGUAGES:
        assert set(STATUS) == set(words.catalogue(language)["problems"])
        assert set(FAULTS) == set(words.catalogue(language)["faults"])


def test_every_code_is_said(at: DoorWorld):
    """Each code comes out of the door with its status, in Vietnamese, under a reference; the ledger goes last."""
    assert "unavailable" == list(LOOKS)[-1]
    for code, look in LOOKS.items():
        told = require_problem(look(at))

        assert (code, STATUS[code]) == (told["code"], told["status"])
        assert all(error["rule"] and error["detail"] for error in told["errors"])


AROUND = [
    ("GET", "/", 404),
    ("GET", "/v1/events/", 404),
    ("PUT", "/v1/events", 405),
    ("DELETE", "/v1/deliveries/1/replay", 405),
    ("POST", "/livez", 405),
    ("GET", "/v1/%00", 404),
    ("GET", "/../../etc/passwd", 404),
]


def test_around_the_routes(at: DoorWorld):
    """What is no route, or none for this method, is a problem too; in English for whoever asks for it."""
    for method, path, status in AROUND:
        response = at.client.request(method, path, headers={"accept-language": "en"})

        assert ("not_found", status) == (require_problem(response, "en")["code"], response.status_code)


def test_our_own_failure(at: DoorWorld, monkeypatch: pytest.MonkeyPatch):
    """A bug of ours is a 500 with a reference and without its story, which is in the log."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside of ours")

    for attribute in [name for name in dir(at.world.intake) if name.startswith("accept")]:
        monkeypatch.setattr(at.world.intake, attribute, broken)
    with capture_logs() as logged:
        response = at.post(wire())

    assert (500, "unavailable") == (response.status_code, require_problem(response)["code"])
    assert b"secret inside" not in response.content
    assert "uncaught_exception" in [line["event"] for line in logged]


def test_lines_of_a_batch(at: DoorWorld):
    """Each refused line of a batch carries a whole problem."""
    lines = [wire(id="good"), b"{", wire(event_json(id="b") | {"more": 1}), wire(event_json(id="c") | {"subject": 5})]
    answer = at.post(b"\n".join(lines), "/v1/events/batch", content_type=NDJSON)
    told = [json.loads(line) for line in answer.content.splitlines()]

    assert ["recorded", "refused", "refused", "refused"] == [each["result"] for each in told]
    for each in told[1:]:
        assert each["problem"]["code"] in STATUS
        assert words.title(each["problem"]["code"], "vi") == each["problem"]["title"]
    assert not INSIDE.search(answer.content)


# -- by the source -----------------------------------------------------------------------------------------------------


def literals(called: str, *places: int | str) -> set[str]:
    """The texts that stand at these places of every call of this name in the doors and their partner's readers."""
    found: set[str] = set()
    files = [*(ROOT / "adapters" / "doors").glob("*.py"), *(ROOT / "adapters/partners/national_portal").glob("*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == called:
                found |= {value for place in places for value in _texts(_argument(node, place))}
    return found


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _argument(call: ast.Call, place: int | str) -> ast.expr | None:
    if isinstance(place, int):
        return call.args[place] if len(call.args) > place else None
    return next((each.value for each in call.keywords if each.arg == place), None)


def _texts(value: ast.expr | None) -> set[str]:
    match value:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return _texts(one) | _texts(other)
        case _:
            return set()


def test_every_code_of_the_source_is_in_a_catalogue():
    """Whatever a door raises by name is a code of the REST door, or a Fault's, or one that has a Fault."""
    raised = literals("TurnedAway", 0, "code") | literals("Malformed", 0, "code")

    assert len(raised) > 10
    assert set() == {code for code in raised if code not in STATUS and fault_code(code) not in FAULTS}
    assert set() == {code for code in raised if code not in {*STATUS, *FAULTS}} - {"invalid"}


def test_every_rule_of_the_facade_has_words():
    """A rule that the façade names is a code (it becomes one) with words in Vietnamese, and is told with its member."""
    rules = literals("Trouble", "rule")

    assert len(rules) > 5
    assert set() == rules - STATUS.keys()
    assert set() == rules - RULES.keys()
    for rule in RULES:
        told = refused(rule, [Trouble(field="data[0].MaHoSo", rule=rule)], "LT-1111-1")
        assert (-1, True) == (told.code, told.message.startswith(f"data[0].MaHoSo: {RULES[rule]}"))


@pytest.mark.parametrize("code", sorted({*STATUS, *TROUBLES}))
def test_the_facade_has_words_for_every_code(code: str):
    """Without any member to name there are words all the same, and the reference."""
    told = refused(code, [], "LT-1111-1")

    assert told.message.endswith("Mã tra cứu: LT-1111-1")
    assert unicodedata.is_normalized("NFC", told.message)
    assert not told.message.isascii()


def test_signed_question_is_needed_for_nothing_but_health(at: DoorWorld):
    """Every route but health and the document says `unsigned` to a stranger."""
    for path in ("/v1/events/a", "/v1/dossiers/a", "/v1/deliveries", "/v1/outcomes", "/v1/sources/me"):
        assert "unsigned" == require_problem(at.client.get(path))["code"]
    headers = signed_headers("GET", "/v1/outcomes", clock=at.world.clock)
    assert 200 == at.client.get("/v1/outcomes", headers=headers).status_code
