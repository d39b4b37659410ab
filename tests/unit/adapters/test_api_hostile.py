"""S4 and S7 at the door: whatever JSON a signed caller sends, no 5xx, and no value is silently changed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bus.messages import canonical_bytes
from tests.builders import event_json, step_json
from tests.doors import NDJSON, TOKEN, DoorWorld, door, wire

BOUNDED = settings(
    max_examples=120,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "\x00", "\u202e", "a" * 5000, "0" * 400, "<script>", "'; DROP TABLE events", "﷽"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
JUNK = st.binary(max_size=200) | st.sampled_from(
    [b"", b"null", b"[]", b"{}", b'"x"', b"1e999", b"NaN", b"-0", b"\xef\xbb\xbf{}", b"{" * 4000, b'{"a":' * 4000]
)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path) as made:
        yield made


def spots(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value."""
    yield place
    if isinstance(value, dict):
        for name in value:
            yield from spots(value[name], (*place, name))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from spots(item, (*place, n))


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """The value with something else at a place."""
    if not place:
        return new
    changed = put(value[place[0]], place[1:], new)
    if isinstance(value, dict):
        return value | {place[0]: changed}
    return [*value[: place[0]], changed, *value[place[0] + 1 :]]


@schemathesis.serializer("application/x-ndjson")
def as_ndjson(ctx: Any, value: Any) -> bytes:
    """A batch is a text; schemathesis knows no such media type."""
    return str(value).encode("utf-8", "surrogatepass")


@BOUNDED
@given(data=st.data())
def test_s4_hostile_member(at: DoorWorld, data: st.DataObject):
    """Any value at any place of an event is refused with a 4xx, or kept exactly as it was sent."""
    good = data.draw(st.sampled_from([event_json(id="s4"), step_json(id="s4")]))
    bad = put(good, data.draw(st.sampled_from(list(spots(good)))), data.draw(VALUES))
    response = at.post(json.dumps(bad).encode())

    assert response.status_code < 500
    if response.status_code in (200, 201):
        kept = at.world.reads.event_content(bad["source"], bad["id"])
        assert (
            canonical_bytes(dict(kept.data))
            == unicodedata.normalize("NFC", canonical_bytes(bad["data"]).decode()).encode()
        )


@BOUNDED
@given(body=JUNK | VALUES.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/v1/events", "application/json"), ("/v1/events/batch", NDJSON), ("/v1/deliveries/1/replay", "application/json")],
)
def test_s4_junk(at: DoorWorld, path: str, kind: str, body: bytes):
    """Any bytes on any POST are refused with a problem; a batch answers each line with one."""
    response = at.post(body, path, content_type=kind)

    assert response.status_code < 500
    assert response.status_code == 200 or response.json()["reference"]


@settings(BOUNDED, max_examples=40)
@given(tail=st.text(max_size=30), query=st.text(max_size=30))
def test_s7_any_address(at: DoorWorld, tail: str, query: str):
    """Any address is answered with less than 500."""
    for start in ("/", "/v1/events/", "/v1/dossiers/", "/v1/deliveries/"):
        path = start + quote(tail, safe="")
        assert at.get(path, quote(query, safe="=&")).status_code < 500


def test_s7_schemathesis(tmp_path: Path):
    """A bounded run of schemathesis over the document: no 5xx, and every answer is as documented."""
    with door(tmp_path, demo_token=TOKEN) as at:
        at.client.headers["authorization"] = f"Bearer {TOKEN}"
        at.client.post("/v1/events", content=wire(), headers={"content-type": "application/json"})
        schema = schemathesis.openapi.from_dict(at.client.get("/openapi.json").json())
        for operation in schema.get_all_operations():
            _drive(at, operation.ok())


def _drive(at: DoorWorld, operation: Any) -> None:
    @settings(BOUNDED, max_examples=12, phases=[Phase.generate])
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://door.example.invalid")
        response = at.client.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            headers=dict(sent["headers"]),
            json=sent.get("json"),
            content=sent.get("data"),
        )
        assert response.status_code < 500
        assert str(response.status_code) in operation.definition.raw["responses"]

    one()
