"""Whose dossiers these are: the newest record's applicant, of so many dossiers, and nothing that was destroyed."""

from __future__ import annotations

from pathlib import Path

from bus import close_reads
from bus.close_reads import CloseReads
from tests.builders import NOON, make_event, make_step
from tests.world import World


def person(name: str) -> dict[str, str]:
    return {"kind": "citizen", "name": name}


def test_the_newest_record_names_the_applicant(tmp_path: Path, monkeypatch) -> None:
    """A dossier's last record tells; steps tell nothing, and a dossier without a record or unknown is left out."""
    world = World(tmp_path)
    world.accept(
        make_event(dossier="H99-1", id="a", at=NOON, applicant=person("Nguyễn Thử Một")),
        make_event(dossier="H99-1", id="b", at=NOON, applicant=person("Nguyễn Thử Hai")),
        make_step(dossier="H99-1", id="c", at=NOON),
        make_event(dossier="H99-2", id="d", at=NOON, applicant=person("Trần Thử Ba")),
        make_step(dossier="H99-3", id="e", at=NOON),
        make_event(dossier="H99-5", id="f", at=NOON, applicant=None),
    )
    reads = CloseReads(world.ledger)
    asked = ["H99-1", "H99-2", "H99-3", "H99-4", "H99-5"]

    assert {"H99-1": "Nguyễn Thử Hai", "H99-2": "Trần Thử Ba"} == reads.applicants(asked)
    assert {} == reads.applicants([])
    monkeypatch.setattr(close_reads, "MOST_APPLICANTS", 1)
    assert ["H99-1"] == list(reads.applicants(asked))
    world.close()
