"""From the door to the portal and back to who sent it: outcomes by SOAP and REST, filed dossiers, their numbers."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.dispatch import Dispatcher
from bus.messages import Delivered
from bus.ports import FileStorage, SystemClock
from config.cli import main
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from contracts.mock_faults import FaultOrder
from contracts.national_portal.mock import Portal
from contracts.one_stop.mock import OneStop
from contracts.serve import serve
from tests.acceptance.desk import SHORT, Place
from tests.acceptance.test_run import running
from tests.builders import event_json, step_json
from tests.one_stop_kit import ACCOUNT, SUBJECT, delivery, event, shared_pki

TOWN, WARDS = "one-stop/h99", "one-stop/h99-wards"
TOLD = ("delivered", "refused", "held", "superseded", "cancelled", "not_ours")
TABLES = """
[partners.one_stop]
url = "{url}/one_stop/soap"
soap_version = "1.2"
allow_http = true
private_networks = ["127.0.0.0/8"]
signing_key_file = "ours.key"
signing_certificate_file = "ours.pem"
trust_roots_file = "roots.pem"
pinned_subjects = ["{subject}"]
revocation = "none"
takes_outcomes_of = ["one-stop/h99"]
takes_filed = true
{short}
[partners.one_stop-wards]
url = "{url}/one_stop/rest"
protocol = "rest"
allow_http = true
private_networks = ["127.0.0.0/8"]
keyid = "lienthong"
secret_file = "ours.secret"
their_keyid = "{their_keyid}"
their_secret_file = "theirs.secret"
takes_outcomes_of = ["one-stop/h99-wards"]
takes_outcomes = ["held", "refused"]
{short}
"""


def private(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


class House(Place):
    """An installation between a portal and two one-stop systems, which are one mock at two addresses."""

    one_stop: OneStop

    def kept(self) -> list[tuple[str, dict[str, Any]]]:
        """What stands in the one-stop system's books: operation and message."""
        books = self.one_stop.effects
        return [(row.operation, json.loads(books.body(row.n) or b"")) for row in books.page()]

    def told(self) -> list[dict[str, Any]]:
        """Outcomes in the one-stop system's books."""
        return [value for operation, value in self.kept() if operation == "ReceiveOutcome"]

    def carry(self, *partners: str) -> None:
        """Deliver in this thread until nothing is due for these partners."""
        with self.open() as here:
            work = here.partners()
            clock, chance = here.ports.clock, here.ports.randomness
            dispatcher = Dispatcher(here.ledger, work, name="w", clock=clock, randomness=chance)
            end = time.monotonic() + 60
            while any(here.ledger.next_due(name) is not None for name in partners):
                assert time.monotonic() < end
                if not dispatcher.run_once():
                    clock.sleep(0.05)


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    pki, portal = shared_pki(), Portal()
    one_stop = OneStop(pki=pki)
    with serve([portal, one_stop]) as url:
        folder = tmp_path / "installation"
        make(folder, for_mocks=url)
        private(folder / "ours.key", pki.caller.key_pem)
        (folder / "ours.pem").write_bytes(pki.caller.certificate_pem)
        (folder / "roots.pem").write_bytes(pki.authority_pem)
        private(folder / "ours.secret", ACCOUNT.secrets["lienthong"])
        private(folder / "theirs.secret", ACCOUNT.answer_secret)
        file = folder / "lienthong.toml"
        text = file.read_text().replace('sources = ["one-stop/h99"]', f'sources = ["{TOWN}", "{WARDS}"]')
        text = text.replace("port = 8400", "port = 0").partition("\n[partners.one_stop")[0]
        tables = TABLES.format(url=url, subject=SUBJECT, their_keyid=ACCOUNT.answer_key_id, short=SHORT)
        private(file, (text + SHORT + tables).encode())
        prepare_ledger(load(file, {}).settings, FileStorage(), SystemClock(), actor="person:test")
        made = House(folder=folder, portal=portal, mocks=url, capsys=capsys)
        made.one_stop = one_stop
        yield made


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def lines(source: str, first: int) -> list[dict[str, Any]]:
    """A record that is taken, its step, one that the portal refuses, and one that has no row in our tables."""
    number = "H99.09-260703-{:04d}".format
    told: list[dict[str, Any]] = [
        event_json(source=source, dossier=number(first), id=f"r{first}"),
        step_json(source=source, dossier=number(first), id=f"s{first}"),
        event_json(source=source, dossier=number(first + 1), id=f"r{first + 1}"),
        event_json(source=source, dossier=number(first + 2), id=f"r{first + 2}", procedure="9.999999"),
    ]
    return told


def test_outcomes_reach_who_sent_the_events(house: House) -> None:
    """What is handed in at the door over HTTP comes to the portal's books, and each outcome to its own one-stop system:
    over SOAP and over REST, signed both ways, once, with all that `check` and the console know of it."""
    told = [*lines(TOWN, 1), *lines(WARDS, 11)]
    for refused in ("H99.09-260703-0002", "H99.09-260703-0012"):
        house.portal.faults.arm(FaultOrder(fault="refuse_record", dossier=refused, count=9))
    house.one_stop.faults.arm(FaultOrder(fault="lose_reply_after_effect", count=2))
    file = house.write("in.ndjson", [json.dumps(line, ensure_ascii=False).encode() for line in told])

    with running(house, "run") as (process, url):
        house.ask("submit", str(file), "--to", url, "--caller", "one-stop")
        until(lambda: len(house.told()) == 6)
        until(lambda: not house.ask("deliveries", "list", "--state", "in_doubt"))
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(60)

    came = {(row["source"], row["event"]): (row["state"], row["partner"]) for row in house.told()}
    assert {
        (TOWN, "r1"): ("delivered", "national_portal"),
        (TOWN, "s1"): ("delivered", "national_portal"),
        (TOWN, "r2"): ("refused", "national_portal"),
        (TOWN, "r3"): ("held", "national_portal"),
        (WARDS, "r12"): ("refused", "national_portal"),
        (WARDS, "r13"): ("held", "national_portal"),
    } == came
    assert 6 == len(house.told()), "told once each, though two answers were lost"
    assert {"soap": 4, "rest": 2} == Counter(visit.path.split("/")[2] for visit in _taken(house.one_stop))
    assert [] == [broken for visit in house.one_stop.log.page() for broken in visit.broken]


def _taken(mock: OneStop) -> list[Any]:
    return [visit for visit in mock.log.page() if visit.effects]


def test_filed_dossier_gets_its_number_and_amendments_carry_it(house: House) -> None:
    """A dossier filed on the portal reaches the one-stop system once; the number it is given there comes back for good,
    and what the applicant does afterwards goes there under that number."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    filed = event("dossier.filed", filed_at=now)
    with house.open() as here:
        here.intake.accept(filed)
        here.intake.accept(event("dossier.amended", number=None, at=now))
    house.one_stop.faults.arm(FaultOrder(fault="lose_reply_after_effect"))
    house.carry("one_stop")

    rows = house.kept()
    assert ["ReceiveDossier", "ReceiveAmendment"] == [operation for operation, _ in rows]
    assert rows[1][1]["number"] == house.one_stop.books.known(filed.id).answer["number"]  # type: ignore[union-attr]
    assert {"delivered"} == {row["state"] for row in house.ask("deliveries", "list")}


def test_what_they_cannot_take_is_held(house: House) -> None:
    """A filed dossier that breaks the contract is held with the field named, and blocks its own dossier only."""
    with house.open() as here:
        here.intake.accept(event("dossier.filed", id="bad", national_number="G17.99-260702-000999", note="x\x01y"))
        here.intake.accept(event("dossier.filed"))
    house.carry("one_stop")

    shown = {row["dossier"]: row for row in house.ask("deliveries", "list")}
    held = house.ask("deliveries", "show", str(shown["G17.99-260702-000999"]["id"]))
    assert ["delivered", "held"] == sorted(row["state"] for row in shown.values())
    assert "/note: bad_character" in json.dumps(held)


def test_check_is_well(house: House) -> None:
    """`check` has no finding, and `check --online` finds both addresses; keys are listed with their ends."""
    assert house.ask("check", "--online")["is_well"]
    rows = {row["name"]: row for row in house.ask("keys", "list")}
    assert rows["partners.one_stop.signing_certificate_file"]["days_left"] > 300


@pytest.mark.parametrize("is_there", [True, False])
def test_init_for_mocks(tmp_path: Path, capsys: pytest.CaptureFixture[str], is_there: bool) -> None:
    """`init --for-mocks` writes a one-stop system that works against the mock, over REST; where the mock is there to
    hand out its keys, over SOAP as well."""
    one_stop = OneStop(pki=shared_pki())
    with serve([Portal(), one_stop]) as url:
        # A mock without its keys, or no mock at all, leaves what needs none.
        asked = url if is_there else f"{url}/elsewhere"
        assert 0 == main(["init", str(tmp_path / "h99"), "--for-mocks", asked])
        place = House(folder=tmp_path / "h99", portal=Portal(), mocks=url, capsys=capsys)
        assert 0 == place.type("migrate").code
        assert place.ask("check")["is_well"]
        names = ["national_portal", "one_stop", "one_stop-soap"]
        with place.open() as here:
            made = [name for name in here.settings.partner_table() if name in names or name.startswith("one_stop")]
            assert names[: 3 if is_there else 2] == made
            if is_there:
                for name in names[1:]:
                    found = delivery("delivery.settled", changes={"id": f"outcome.{name}"})
                    assert isinstance(here.partners()[name].adapter.deliver([found])[0].outcome, Delivered)
    assert 1 == main(["init", str(tmp_path / "h99"), "--for-mocks", asked])
