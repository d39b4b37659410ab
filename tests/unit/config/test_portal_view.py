"""The judge's own reading of an event agrees with the adapter's, over a whole day; and it notices when one does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.reading import read_event
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables, schemas_of
from adapters.partners.national_portal.wire import record_of, step_of
from bus.errors import NotOurs, Unmappable
from bus.messages import Event
from config.demo.day import Day, day
from config.demo.portal_view import compact_time, differences, expected
from config.demo.wire import LOCAL_STEPS
from tests.builders import NOON, event_json, make_event, make_standing

TABLES = Path("config/tables")
SETTINGS = NationalPortalSettings(adapter_url="http://127.0.0.1:1", madonvi="000.00.00.H99")
STATUSES = {local: status for status, local in LOCAL_STEPS.items()}
HELD = {"unmapped_procedure", "unmapped_step", "long_note", "long_officer", "corrected"}


@pytest.fixture(scope="module")
def tables() -> Tables:
    schemas = schemas_of((TABLES / "tables.toml").read_text("utf-8"), "national_portal")
    texts = {name: (TABLES / "national_portal" / f"{name}.csv").read_text("utf-8") for name in schemas}
    return Tables.from_texts(schemas, texts)


@pytest.fixture(scope="module")
def whole() -> Day:
    return day(3, dossiers=600, steps=2_400)


def shaped(told: Day, tables: Tables) -> Iterator[tuple[Event, str | None, dict[str, Any] | Exception]]:
    """Each new event with its trouble, and what the adapter makes of it."""
    procedures: dict[str, tuple[str, str]] = {}
    read = [(read_event(feed.line), feed.dirt) for feed in told.events if feed.expectation == "recorded"]
    for event, _ in read:
        if event.kind == "dossier.recorded":
            procedures[event.dossier] = (event.data["procedure"], event.data["received_at"])
    for event, dirt in read:
        try:
            yield event, dirt, _shape(event, procedures.get(event.dossier), tables)
        except (Unmappable, NotOurs) as trouble:
            yield event, dirt, trouble


def _shape(event: Event, known: tuple[str, str] | None, tables: Tables) -> dict[str, Any]:
    if event.kind == "dossier.recorded":
        return record_of(event, tables, SETTINGS)
    procedure, received = known or (None, None)
    received_at = datetime.fromisoformat(received) if received else None
    return step_of(event, make_standing(procedure=procedure, received_at=received_at), tables, SETTINGS)


def test_view_agrees_with_the_adapter(whole: Day, tables: Tables) -> None:
    """Written apart, both readings of a day's events come to the same fields."""
    wrong = []
    for event, _, made in shaped(whole, tables):
        if isinstance(made, dict):
            wrong += differences(expected(json.loads(event.body), STATUSES), made)

    assert [] == wrong


def test_only_planted_troubles_cannot_be_sent(whole: Day, tables: Tables) -> None:
    """With the shipped tables every event can be shaped, save those that are planted to be held or not ours."""
    found = {(dirt, type(made)) for _, dirt, made in shaped(whole, tables) if isinstance(made, Exception)}

    assert {(dirt, Unmappable) for dirt in HELD} | {("not_ours", NotOurs)} == found


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"ChuHoSo": "Khác"}, ["ChuHoSo"]),
        ({"TaiLieuNop": []}, ["TaiLieuNop"]),
        ({"TaiLieuNop": [{"TenTepDinhKem": "Đơn đề nghị.pdf"}]}, ["TaiLieuNop/0/DuongDanTaiTepTin"]),
        ({"TaiLieuNop": "x"}, ["TaiLieuNop"]),
        ({"NgayTra": None}, []),
        ({"TenTTHC": "gì cũng được"}, []),
    ],
)
def test_differences_name_the_place(changed: dict[str, Any], place: list[str]) -> None:
    """A difference is named by its path; null is as good as empty; members that nobody asked for are not looked at."""
    wanted = expected(event_json())

    assert place == differences(wanted, wanted | changed)


def test_not_an_object_differs_as_a_whole() -> None:
    """Where an object should stand and something else does, the place itself is named."""
    assert ["a"] == differences({"a": {"b": "c"}}, {"a": "c"})


def test_times_are_vietnamese_wall_time() -> None:
    """Any zone comes out as local time without one; nothing comes out as an empty string."""
    assert "20260703120000" == compact_time("2026-07-03T05:00:00Z") == compact_time(NOON.isoformat())
    assert "" == compact_time(None)


def test_event_of_the_builders_is_viewed() -> None:
    """The view takes the very form that the ledger keeps."""
    assert expected(event_json()) == expected(json.loads(make_event().body))
