"""What the tests of the repairs' pages share: who is there, what went wrong, and forms as a browser would send them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from tests.builders import make_event
from tests.console_door import CHEAP, PASSWORD, Bench, bench
from tests.repair_kit import Fates, number_of
from tests.world import World

REASON = "Đã xem ở phía đối tác"


@contextmanager
def repair_bench(tmp_path: Path, fates: Fates) -> Iterator[Bench]:
    """A signed-in operator; beside her a supervisor, who may approve, and one who is limited to a unit."""
    world = World(tmp_path, fate=fates, orders={"numbered/h99": "sequence"})
    with bench(tmp_path, world=world) as made:
        kept = CHEAP.kept(PASSWORD)
        for name, role, units in (("duc", "supervisor", None), ("giang", "operator", ("H99.12",))):
            made.console.people.add(
                name, shown=name, password=kept, roles=(role,), units=units, actor="person:root", reason="for the tests"
            )
        made.sign_in("an")
        yield made


def refused(made: Bench, fates: Fates, count: int = 1, **more: str) -> list[int]:
    """Refused records of so many dossiers; the partner would take them now."""
    events = [make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}", **more) for n in range(count)]
    fates.by_id = {event.id: "refuse" for event in events}
    made.world.accept(*events)
    made.world.settle_down(hours=1)
    fates.by_id = {}
    return [number_of(made.world, event) for event in events]


def fields(page: str, part: str) -> dict[str, str]:
    """The hidden fields of the form that follows a mark of the page, and a reason."""
    form = page.split(part, 1)[1].split("</form>", 1)[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in hidden} | {"reason": REASON}


def words(page: str) -> str:
    """What a person reads on it."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page.split("<main", 1)[1])).split())
