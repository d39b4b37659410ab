"""The demo's day through the real ledger, to a portal that loses replies: the judge agrees, troubles end as planted.

The portal here is a double with books in the portal's own form; the demo itself speaks to the mock on a real port.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.reading import Malformed, read_event
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables, schemas_of
from adapters.partners.national_portal.wire import record_of, step_of
from bus.messages import (
    Acceptance,
    Attempt,
    Contradicted,
    Delivered,
    Delivery,
    InDoubt,
    Recorded,
    Repeated,
    State,
    Unreachable,
    canonical_bytes,
    digest_of,
)
from config.demo.account import entries_of, known_of, states_of
from config.demo.books import Effect, Entry
from config.demo.day import SOURCES, Day, Feed, day, unmet
from config.demo.judge import Came, Verdict, doubts, judge
from config.demo.portal_view import RECORD, STEP, expected
from config.demo.wire import LOCAL_STEPS
from tests.world import PARTNER, World

TABLES = Path("config/tables")
STATUSES = {local: status for status, local in LOCAL_STEPS.items()}
ANSWERS = {Recorded: "recorded", Repeated: "repeated", Contradicted: "contradicted"}


class Portal:
    """Keeps what it takes in the portal's form; loses one reply in twenty-five, before or after."""

    def __init__(self, tables: Tables, seed: int) -> None:
        self._tables = tables
        self._settings = NationalPortalSettings(adapter_url="http://127.0.0.1:1", madonvi="000.00.00.H99")
        self._rng = random.Random(seed)
        self._records: dict[str, str] = {}
        self.effects: list[Effect] = []
        self.lost = 0

    def check(self, delivery: Delivery) -> None:
        self._shape(delivery)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        event = delivery.event
        if event.kind == "dossier.progressed":
            return Attempt(outcome=InDoubt(reason="blind", then="hold", is_down=False))
        goes_again = Unreachable(reason="goes again", is_down=False)
        return Attempt(outcome=goes_again, facts={"exists": event.dossier in self._records})

    def _deliver(self, delivery: Delivery) -> Attempt:
        body = self._shape(delivery)
        is_record = delivery.event.kind == "dossier.recorded"
        chance = self._rng.random()
        if chance > 0.02:
            self._store(delivery.event.dossier, body, is_record=is_record)
        if chance < 0.04:
            self.lost += 1
            return Attempt(outcome=InDoubt(reason="reply lost", then="ask" if is_record else "hold", is_down=False))
        return Attempt(outcome=Delivered(), facts={"exists": True})

    def _shape(self, delivery: Delivery) -> dict[str, Any]:
        if delivery.event.kind == "dossier.recorded":
            return record_of(delivery.event, self._tables, self._settings)
        return step_of(delivery.event, delivery.standing, self._tables, self._settings)

    def _store(self, dossier: str, body: dict[str, Any], *, is_record: bool) -> None:
        digest = digest_of(canonical_bytes(body)).hex()
        repeat = is_record and self._records.get(dossier) == digest
        if is_record:
            self._records[dossier] = digest
        number, operation = len(self.effects) + 1, RECORD if is_record else STEP
        self.effects.append(
            Effect(n=number, operation=operation, dossier=dossier, digest=digest, repeat=repeat, body=body)
        )


class Demo:
    """What the demo's command does, without ports and processes."""

    def __init__(self, told: Day, folder: Path) -> None:
        schemas = schemas_of((TABLES / "tables.toml").read_text("utf-8"), "national_portal")
        texts = {name: (TABLES / "national_portal" / f"{name}.csv").read_text("utf-8") for name in schemas}
        self.portal = Portal(Tables.from_texts(schemas, texts), told.seed)
        self.world = World(folder, orders=SOURCES)
        self.world.adapter = self.portal
        self.world.close()
        self.world.open()
        self.told = told
        self.answers: Counter[str] = Counter()
        self.surprises: list[str] = []

    def feed(self) -> None:
        for n, feed in enumerate(self.told.events):
            answer = self._answer(feed)
            self.answers[answer] += 1
            if answer != feed.expectation:
                self.surprises.append(f"{feed.wire['id']}: {answer}, not {feed.expectation}")
            if n % 40 == 0:
                self.world.run()
        self.world.settle_down()

    def settle_doubts(self) -> int:
        """Look each step in doubt up at the portal, and settle it as it is found."""
        entries, settled = self.entries(), 0
        found = doubts(entries, self.portal.effects)
        for entry in (e for e in entries if e.state == State.IN_DOUBT):
            how = "arrived" if found[(entry.source, entry.id)] else "send_again"
            self.world.repairs.resolve(entry.delivery, how, actor="demo", reason="looked up at the portal")
            settled += 1
        self.world.settle_down()
        return settled

    def entries(self) -> list[Entry]:
        return entries_of(self.world.reads.whole_account(), PARTNER, self._wanted)

    def verdict(self) -> Verdict:
        came = Came(**self.answers)
        return judge(self.entries(), self.portal.effects, came, known=known_of(self.world.reads.whole_account()))

    def _wanted(self, source: str, event_id: str) -> dict[str, Any]:
        return expected(json.loads(self.world.reads.event_content(source, event_id).body), STATUSES)

    def _answer(self, feed: Feed) -> str:
        try:
            acceptance: Acceptance = self.world.intake.accept(read_event(feed.line))
        except Malformed:
            return "refused"
        return ANSWERS[type(acceptance)]


@pytest.fixture(scope="module", params=[1, 2])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(day(request.param, dossiers=120, steps=480), tmp_path_factory.mktemp("day"))
    made.feed()
    while made.settle_doubts():
        pass
    yield made
    made.world.close()


def test_door_answers_as_planted(demo: Demo) -> None:
    """New, repeated, contradicted, refused: each line of the day gets the answer that the day expects."""
    assert [] == demo.surprises
    assert demo.told.expected == demo.answers


def test_p02_ledger_and_portal_agree(demo: Demo) -> None:
    """Replies were lost, and nothing is lost, doubled, out of order, unexpected or altered."""
    verdict = demo.verdict()

    assert demo.portal.lost > 0
    assert () == verdict.findings
    assert verdict.agrees


def test_every_trouble_ends_as_it_should(demo: Demo) -> None:
    """Held is held, recalls are delivered, older records are superseded, gaps wait: all as planted."""
    assert [] == unmet(demo.told, states_of(demo.entries()))


def test_states_sum_to_deliveries(demo: Demo) -> None:
    """The last line's states sum to its deliveries, one for each new event."""
    line = demo.verdict().line(1.0)
    states = ("delivered", "superseded", "held", "blocked", "refused", "in_doubt", "cancelled", "not_ours")

    assert line["events"] == line["deliveries"] == sum(line[name] for name in states)
    assert min(line["held"], line["blocked"], line["not_ours"], line["superseded"]) > 0
    assert (0, 0, 0) == (line["lost"], line["doubled"], line["out_of_order"])


@pytest.mark.parametrize("at", [0, 57, -1])
def test_removed_effect_is_noticed(demo: Demo, at: int) -> None:
    """Take any one effect out of the books, and the verdict is no agreement."""
    effects = [one for one in demo.portal.effects if not one.repeat]
    effects.pop(at)

    assert not judge(demo.entries(), effects, Came(recorded=1)).agrees
