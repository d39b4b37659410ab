"""R21: back up, go on, lose the disk, restore, and the sources send everything again: no effect is doubled."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.acceptance.proofs.story import Wire, agree, damage, judged, lives, resolve_by_books
from tests.acceptance.proofs.town import Process, Source, Town, town


def test_p02_restore_after_a_lost_disk(home: Path) -> None:
    """What the backup does not know is named, asked about or shown; nothing goes out twice, all is there in the end."""
    story = lives(30, 8, seed=4)
    told = [wire for turn in zip(*story, strict=True) for wire in turn]
    before, after = told[: len(told) // 2], told[len(told) // 2 :]
    with town(home / "town") as here:
        door, _worker = here.start("web"), here.worker()
        _deliver(here, door, before)
        # A third part was accepted and not yet sent when the backup was made.
        here.command("partners", "hold", "national_portal", "--reason", "so that something is open")
        _tell(here, door, after[:40])
        made = here.command("backup", str(home / "copy.db"))
        assert made["bytes"] > 0
        here.command("partners", "release", "national_portal", "--reason", "it goes on")
        _deliver(here, door, after[40:])
        there = len(here.portal.effects)
        here.stop()
        for path in here.settings.ledger.path.parent.glob("ledger.db*"):
            path.unlink()

        listed = here.command("restore", str(home / "copy.db"), "--yes")
        assert len(before) + 40 == listed["events"]
        assert listed["last_accepted_at"]
        assert 0 < listed["in_doubt"] <= 40
        assert ["national_portal"] == listed["held"]

        door, _worker = here.start("web"), here.worker()
        client = here.client(door.url())
        answers = client.post_lines(b"".join(json.dumps(wire).encode() + b"\n" for wire in told))
        results = [answer["result"] for answer in answers]
        assert {"recorded", "repeated"} == set(results)
        assert len(after) - 40 == results.count("recorded")
        time.sleep(1.0)
        assert there == len(here.portal.effects), "nothing goes out before the sources have told everything again"
        here.command("partners", "release", "national_portal", "--reason", "the sources have sent again")
        with here.opened() as opened:
            here.settle(opened)
            judged(opened.reads, here.portal, told).must_be_clean("restored", ledger_forgot=True)
            while resolve_by_books(opened, here.portal, told):
                here.settle(opened)
            last = judged(opened.reads, here.portal, told).must_be_clean("resolved", ledger_forgot=True)
            new = [row for row in list(here.portal.effects)[there:] if not row.repeat]
            assert [] == [row for row in new if row.operation == "CapNhatTienDoHoSoMC"], "no step went out again"
            assert {"delivered", "superseded"} >= set(last.states), last.states
            assert [] == agree(client, opened.reads, here.portal, told)
            assert [] == damage(opened)
        client.close()


def _tell(here: Town, door: Process, wires: list[Wire]) -> None:
    source = Source(here, lambda: [door])
    for wire in wires:
        source.tell(wire)
    source.close()


def _deliver(here: Town, door: Process, wires: list[Wire]) -> None:
    _tell(here, door, wires)
    with here.opened() as opened:
        here.settle(opened)
        assert {"delivered", "superseded"} >= set(opened.reads.tallies()["national_portal"]) - {"waiting", "sending"}
