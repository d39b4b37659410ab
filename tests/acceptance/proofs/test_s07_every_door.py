"""S4 and S7 at every door of a whole installation: whatever comes, no trouble of ours and no silently changed value.

The REST door has its own, beside its document (tests/unit/adapters/test_api_hostile.py). Here: every route that the
application has, the façade with hostile records, the SOAP door with bodies that were made up and then rightly signed.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree
from starlette.routing import Route
from starlette.testclient import TestClient

from adapters.partners.national_portal import wire
from bus.messages import Event
from bus.ports import FileStorage, SystemClock
from config.doors import make_app
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build
from contracts.national_portal.mock import Portal
from contracts.one_stop.envelopes import SOAP_11, SOAP_12
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import NAMESPACE
from contracts.serve import serve
from signing import wsse
from tests.acceptance.portal_town import a_notice
from tests.acceptance.soap_kit import PATH, envelope, furnish, identity, operation
from tests.acceptance.test_facade import KEY, PASSWORD, UNIT, record, step
from tests.builders import event_json, step_json
from tests.portal_kit import h99_tables, make_settings
from tests.unit.adapters.test_api_hostile import JUNK, VALUES, put, spots

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
FACADE = f"""
[facade]
enabled = true
catalogue_fresh_s = 0
[facade.accounts.old]
username = "{UNIT}"
password_file = "old.password"
key_file = "old.key"
source = "old/h99"
madonvi = "{UNIT}"
rate = 0
"""
PORTAL_DOOR = """
[portal_door]
enabled = true
unit = "000.00.09.H99"
files_url = "https://door.example.invalid"
key_file = "old.key"
rate = 0
"""
FORWARD = "/VXPAdapter/RestService/forward/mapi/"


@dataclass(slots=True, kw_only=True)
class House:
    """All the doors of one installation, asked without sockets."""

    app: FastAPI
    client: TestClient
    installation: Installation
    pki: Pki
    taken: list[Event] = field(default_factory=list)
    """What the façade has taken in, newest last."""

    def routes(self) -> list[tuple[str, str]]:
        found = [each for each in self.app.router.routes if isinstance(each, Route)]
        return sorted((method, each.path) for each in found for method in each.methods or ())

    def facade(self, path: str, body: Any) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, content=raw, headers={"apikey": KEY, "content-type": "application/json"})

    def soap(self, content: Any, soap: str = SOAP_11, action: str = "RecordEvent") -> etree._Element:
        """The answer's content to a rightly signed message."""
        raw = wsse.sign(envelope(content, soap), identity(self.pki.caller), now=datetime.now(UTC))
        kinds = {
            SOAP_11: {"content-type": "text/xml", "soapaction": f'"{NAMESPACE}:{action}"'},
            SOAP_12: {"content-type": f'application/soap+xml; action="{NAMESPACE}:{action}"'},
        }
        return etree.fromstring(self.client.post(PATH, content=raw, headers=kinds[soap]).content)


class Here:
    """What `furnish` needs of a place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def set(self, pattern: str, text: str) -> None:
        file = self.folder / "lienthong.toml"
        file.write_text(file.read_text().replace("\n[partners", f"{text.removesuffix('[partners')}[partners", 1))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("doors") / "installation"
    with ExitStack() as stack:
        make(folder, for_mocks=stack.enter_context(serve(Portal())))
        pki = Pki(datetime.now(UTC))
        here: Any = Here(folder)
        furnish(here, pki)
        for name, text in (("old.password", PASSWORD), ("old.key", KEY)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        here.set("", FACADE + PORTAL_DOOR)
        told = load(folder / "lienthong.toml", {}).settings
        prepare_ledger(told, FileStorage(), SystemClock(), actor="person:test")
        installation = build(told)
        stack.callback(installation.close)
        made = House(app=FastAPI(), client=TestClient(FastAPI()), installation=installation, pki=pki)
        accept = installation.intake.accept_unnamed

        def watched(messages: Any) -> Any:
            made.taken += [each.event for each in messages]
            return accept(messages)

        stack.enter_context(pytest.MonkeyPatch.context()).setattr(installation.intake, "accept_unnamed", watched)
        key = InstallationKey.from_file(told.ledger.signing_key_file)
        made.app = make_app(installation, key, make_metrics(installation))
        made.client = stack.enter_context(TestClient(made.app, base_url="http://door.example.invalid"))
        yield made


def require_no_trouble_of_ours(response: httpx2.Response) -> None:
    """A 500 is right of a SOAP 1.1 Fault only, and then for a fault of the caller's."""
    if response.status_code < 500:
        return
    assert b"Fault>" in response.content, response.content[:300]
    (code,) = etree.fromstring(response.content).iter(f"{{{NAMESPACE}}}code")
    assert code.text != "unavailable"


# -- every route -------------------------------------------------------------------------------------------------------


@settings(BOUNDED, max_examples=5)
@given(body=JUNK | VALUES.map(lambda value: json.dumps(value).encode()), query=st.text(max_size=20))
@example(body=b"[" * 100_000, query="")
@example(body=b'{"session":"x","madonvi":"y","service":"z"}', query="isUpdating=True&MaDinhDanhDV=x")
def test_s7_every_route(house: House, body: bytes, query: str) -> None:
    """Any bytes at any route of the application, by any of its methods, are answered, and by no trouble of ours."""
    for method, path in house.routes():
        at = path.replace("{service}", "ThemHoSo").replace("{number:path}", "H99").replace("{id}", "1")
        if method == "POST" or path != "/readyz":
            sent = None if method in ("GET", "HEAD") else body
            headers = {"apikey": KEY, "content-type": "application/json"}
            require_no_trouble_of_ours(
                house.client.request(method, at, content=sent, params={"q": query}, headers=headers)
            )


def test_s7_the_routes_are_all_there(house: House) -> None:
    """The fuzzing above meets every kind of door: REST, façade, the portal's, SOAP, health."""
    paths = {path for _, path in house.routes()}

    assert {"/v1/events", f"{FORWARD}login", "/facade/{service}", PATH, "/readyz", "/nhanhsdvcqg"} <= paths


# -- the façade --------------------------------------------------------------------------------------------------------


@settings(BOUNDED, max_examples=100)
@given(data=st.data())
def test_s4_hostile_record(house: House, data: st.DataObject) -> None:
    """Any value at any place of a record or a step is refused by name, or goes up exactly as it was sent."""
    is_step = data.draw(st.booleans())
    good = step(content="Bước") if is_step else record()
    place = data.draw(st.sampled_from([each for each in spots(good) if each]))
    bad = put(good, place, data.draw(VALUES))
    house.taken.clear()
    response = house.facade("/facade/CapNhatTienDoHoSoMC" if is_step else "/facade/ThemHoSo", [bad])
    told = json.loads(response.json()["message"])

    assert 200 == response.status_code
    assert told["error_code"] in (0, -1)
    assert ("Mã tra cứu" in told["message"]) is (told["error_code"] == -1)
    for event in house.taken:
        assert differing(bad, _sent_up(event, is_step=is_step)) == []


def _sent_up(event: Event, *, is_step: bool) -> dict[str, Any]:
    from bus.errors import CannotSend
    from tests.builders import make_standing

    try:
        if is_step:
            return wire.step_of(event, make_standing(procedure=None), h99_tables(), make_settings())
        return wire.record_of(event, h99_tables(), make_settings())
    except CannotSend:
        return {}  # held for the operator, and so not sent otherwise than it came either


CATALOGUE_NAMES = frozenset({"TenTTHC", "MaLinhVuc", "TenLinhVuc"})
"""They follow from `MaTTHC` (contracts/facade/NOTES.md#r27)."""


def differing(told: Any, sent: Any, place: str = "") -> list[str]:
    """Places where something that was said goes up otherwise; our own comparison, not the door's."""
    if sent == {} or told in (None, "", [], {}):
        return []
    if isinstance(told, dict) and isinstance(sent, dict):
        names = [name for name in told if name not in CATALOGUE_NAMES]
        return [spot for name in names for spot in differing(told[name], sent.get(name), f"{place}.{name}")]
    if isinstance(told, list) and isinstance(sent, list):
        if len(told) != len(sent):
            return [place]
        pairs = enumerate(zip(told, sent, strict=True))
        return [spot for n, (one, other) in pairs for spot in differing(one, other, f"{place}[{n}]")]
    return [] if _plain(told) == _plain(sent) else [place]


def _plain(value: Any) -> str:
    text = unicodedata.normalize("NFC", str(value)).strip().lower()
    return {"true": "1", "false": "0"}.get(text, text)


MEMBERS = ["session", "madonvi", "service", "data", "isUpdating", "mahoso", "maTTHC"]


@BOUNDED
@given(
    told=st.dictionaries(
        st.sampled_from(["session", "madonvi", "service", "data", "isUpdating", "mahoso", "maTTHC"]), VALUES
    )
)
def test_s4_hostile_envelope(house: House, told: dict[str, Any]) -> None:
    """Any envelope at the data paths, with a session that is good or not, is answered in the portal's envelope."""
    login = house.client.post(f"{FORWARD}login", json={"username": UNIT, "password": PASSWORD}).json()
    for session in ({}, {"session": login["session"], "madonvi": UNIT}):
        answer = house.facade(f"{FORWARD}integration", {"service": "DongBoHoSoMC", **told, **session})
        assert answer.status_code < 500
        assert {"error_code", "message"} <= answer.json().keys()


# -- the portal's door -------------------------------------------------------------------------------------------------


@BOUNDED
@given(data=st.data())
def test_s4_hostile_notice(house: House, data: st.DataObject) -> None:
    """Any value at any place of a dossier that the portal files is answered in its envelope, never by our trouble."""
    good = a_notice()
    place = data.draw(st.sampled_from([each for each in spots(good) if each]))
    name = data.draw(st.sampled_from(["addtthcKhuyenMai", "nhanhsdvcqg"]))
    answer = house.facade(f"/{name}", put(good, place, data.draw(VALUES)))

    assert 200 == answer.status_code
    assert {"error_code", "message"} <= answer.json().keys()


# -- SOAP --------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["RecordEvent", "RecordEvents", "GetDossier", "event", "events", "number", "data", "id", "x"])
TEXTS = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=30)


def element(name: str, text: str, children: list[Any], namespace: str) -> Any:
    made = etree.Element(f"{{{namespace}}}{name}", nsmap={"n": namespace})
    made.text = text
    made.extend(children)
    return made


TREES = st.recursive(
    st.builds(element, NAMES, TEXTS, st.just([]), st.sampled_from([NAMESPACE, "urn:other"])),
    lambda inner: st.builds(
        element, NAMES, st.just(""), st.lists(inner, max_size=3), st.sampled_from([NAMESPACE, "urn:other"])
    ),
    max_leaves=8,
)


def require_fault_or_yes(answer: etree._Element) -> str:
    """`yes`, or the Fault's code, which is no trouble of ours."""
    codes = [each.text or "" for each in answer.iter(f"{{{NAMESPACE}}}code")]
    assert "unavailable" not in codes
    return codes[0] if any(str(each.tag).endswith("}Fault") for each in answer.iter("{*}Fault")) else "yes"


@BOUNDED
@given(content=TREES, soap=st.sampled_from([SOAP_11, SOAP_12]))
def test_s7_signed_nonsense(house: House, content: Any, soap: str) -> None:
    """Any elements in a rightly signed Body are refused by a Fault of the caller's, or are a message of ours."""
    name = str(etree.QName(content).localname)
    said = require_fault_or_yes(house.soap(content, soap, name))

    assert said in ("invalid", "unknown_operation", "not_found", "wrong_action")


@BOUNDED
@given(data=st.data())
def test_s7_signed_message_with_one_wrong_place(house: House, data: st.DataObject) -> None:
    """A text changed, an element doubled, dropped or moved in a good message: a Fault that names a place, or a yes."""
    content = operation(data.draw(st.sampled_from([event_json(id="s7"), step_json(id="s7-step")])))
    places = [each for each in content.iter() if each is not content]
    place = data.draw(st.sampled_from(places))
    parent = place.getparent()
    assert parent is not None
    match data.draw(st.sampled_from(["text", "twice", "gone", "first"])):
        case "text":
            place.text = data.draw(TEXTS)
        case "twice":
            parent.append(deepcopy(place))
        case "gone":
            parent.remove(place)
        case _:
            parent.insert(0, place)

    assert require_fault_or_yes(house.soap(content)) in ("yes", "invalid", "contradicted", "forbidden_source")
