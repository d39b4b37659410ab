"""The benchmark of the message path measures what it says."""

from __future__ import annotations

import json

from adapters.doors.reading import read_event
from benchmarks import message_path
from benchmarks.message_path_model import RecordedEvent


def test_both_sides_read_the_same_dossier():
    """The peer's model is of the same shape: it gives back the very members that our reader keeps."""
    body = message_path.dossier()

    again = json.loads(RecordedEvent.model_validate_json(body).model_dump_json(exclude_unset=True))

    assert message_path.FIELDS <= message_path.leaves(json.loads(body))
    assert message_path.leaves(json.loads(read_event(body).body)) == message_path.leaves(again)


def test_it_measures():
    """One round gives every figure."""
    told = message_path.measure(rounds=1, calls=2)

    assert {"pydantic", "bare", "door"} <= told["us"].keys()
    assert 0 < told["ratio"]["median"]
