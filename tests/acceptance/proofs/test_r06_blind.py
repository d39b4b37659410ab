"""R6: a step whose reply was lost, at a partner that cannot be asked: shown at once, never resent, one act ends it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from contracts.mock_faults import FaultOrder
from contracts.national_portal.books import STEP
from tests.acceptance.proofs.portal_world import Witness
from tests.acceptance.proofs.story import Wire, agree, judged, number
from tests.acceptance.proofs.town import Source, Town, town, wait_for
from tests.builders import NOON, event_json, step_json

VISIBLE_S = 5.0


def story(dossiers: int) -> list[Wire]:
    """A record and two steps of each dossier."""
    told = []
    for n in range(dossiers):
        told.append(event_json(dossier=number(n), id=f"e{n}-0", note=f"e{n}-0"))
        told += [
            step_json(dossier=number(n), id=f"e{n}-{k}", content=f"e{n}-{k}", at=NOON.replace(minute=k)) for k in (1, 2)
        ]
    return told


def test_p05_blind_step_in_doubt(home: Path) -> None:
    """Visible within 5 s of the loss, 0 automatic resends, one command settles it, and the move keeps who and why."""
    portal, told = Witness(keep=10_000), story(4)
    with town(home / "town", portal=portal) as here:
        portal.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=STEP, dossier=number(0)))
        portal.faults.arm(FaultOrder(fault="lose_request", operation=STEP, dossier=number(1)))
        door, _worker = here.start("web"), here.worker()
        source = Source(here, lambda: [door])
        for wire in told:
            source.tell(wire)
        wait_for(lambda: 2 == _lost(portal), 30, "both replies to be lost")
        with here.opened() as opened:
            assert wait_for(lambda: 2 == len(_in_doubt(here, door.url())), VISIBLE_S, "both to be shown") <= VISIBLE_S
            here.settle(opened)
            # Longer than every time that the settings name: asked about, circuit, lease, and the longest wait.
            time.sleep(3.5)
            assert {"e0-1": 1, "e1-1": 1} == {mark: _sent(portal, mark) for mark in ("e0-1", "e1-1")}
            assert [] == [call for call in portal.calls if call.marks in (("e0-2",), ("e1-2",))]
            judged(opened.reads, portal, told).must_be_clean("in doubt")

            arrived, gone = (
                opened.reads.event(told[0]["source"], id)["deliveries"][0]["id"] for id in ("e0-1", "e1-1")
            )
            here.command("deliveries", "resolve", str(arrived), "--as", "arrived", "--reason", "the portal shows it")
            here.command("deliveries", "resolve", str(gone), "--as", "send-again", "--reason", "the portal lacks it")
            here.settle(opened)
            last = judged(opened.reads, portal, told).must_be_clean("resolved")
            assert {"delivered": len(told)} == dict(last.states)
            assert {"e0-1": 1, "e1-1": 2} == {mark: _sent(portal, mark) for mark in ("e0-1", "e1-1")}
            moves = opened.reads.delivery(arrived)["moves"]
            kept = [(move["actor"], move["cause"], move["reason"]) for move in moves]
            assert ("person:an", "resolved_arrived", "the portal shows it") in kept
            client = here.client(door.url())
            assert [] == agree(client, opened.reads, portal, told)
            client.close()
        source.close()


def _lost(portal: Witness) -> int:
    return sum(call.fault is not None for call in list(portal.calls))


def _sent(portal: Witness, mark: str) -> int:
    return sum(mark in call.marks for call in portal.calls)


def _in_doubt(here: Town, url: str) -> list[object]:
    client = here.client(url)
    try:
        page = json.loads(client.get("/v1/deliveries", "state=in_doubt").body)
    finally:
        client.close()
    return list(page["deliveries"] if "deliveries" in page else page["items"])
