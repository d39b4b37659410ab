"""S16: what is missing closes the door. Nothing is sent unsigned, nothing unverified is taken, and /readyz says why.

Keys, certificates, ledger and clock go missing before the start and in the middle of a day, at both doors of events.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import etree
from structlog.testing import capture_logs

from adapters.doors.server import serve
from bus.errors import BusError
from config import fitness, signing_key
from config.checks import offline
from config.doors import make_app
from config.settings_file import SettingsRefused, load
from config.signed_client import DoorClosed, Knocking, SignedClient
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build, real_ports
from contracts.one_stop.envelopes import SOAP_11
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import PATH, envelope, furnish, identity, operation
from tests.builders import event_json
from tests.doors import wire

SOON_S = 5.0


class Clock:
    """The machine's clock, until it is set wrong or taken away."""

    def __init__(self) -> None:
        self.shift = timedelta(0)
        self.is_gone = False

    def now(self) -> datetime:
        if self.is_gone:
            raise OSError("no clock")
        return datetime.now(UTC) + self.shift

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Both doors on a port, and a clock that can be taken away."""

    folder: Path
    installation: Installation
    clock: Clock
    url: str
    pki: Pki

    def rest(self) -> int:
        """The status of a signed event."""
        secret = (self.folder / "one-stop.secret").read_bytes().strip()
        how: dict[str, Any] = {"caller": "one-stop", "secret": secret, "clock": Now(), "knocking": Knocking(attempts=1)}
        client = SignedClient(self.url, **how)
        try:
            return client.post_event(wire(event_json(id="rest"))).status
        except DoorClosed:
            return 503
        finally:
            client.close()

    def soap(self) -> httpx2.Response:
        """The answer to a signed message."""
        content = envelope(operation(event_json(id="soap")), SOAP_11)
        raw = wsse.sign(content, identity(self.pki.caller), now=datetime.now(UTC))
        told = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{NAMESPACE}:RecordEvent"'}
        return httpx2.post(self.url + PATH, content=raw, headers=told, timeout=30)

    def events(self) -> int:
        row = self.installation.ledger.engine.read().one("count_events")
        assert row is not None
        return int(row[0])

    def reasons(self, expected: str) -> list[str]:
        """What /readyz says, once it says this; it has five seconds for it."""
        end = time.monotonic() + 60
        while expected not in (told := httpx2.get(f"{self.url}/readyz", timeout=30).json())["reasons"]:
            assert time.monotonic() < end, told
            time.sleep(0.1)
        return list(told["reasons"])

    def is_well(self) -> bool:
        end = time.monotonic() + 60
        while not httpx2.get(f"{self.url}/readyz", timeout=30).json()["ready"]:
            assert time.monotonic() < end
            time.sleep(0.1)
        return True


class Now:
    """The caller's own clock is right."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(datetime.now(UTC))


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str], pki: Pki) -> Iterator[Place]:
    with place(tmp_path, capsys) as made:
        furnish(made, pki)
        yield made


@contextmanager
def opened(here: Place, pki: Pki) -> Iterator[House]:
    settings, clock = load(here.folder / "lienthong.toml", {}).settings, Clock()
    installation = build(settings, replace(real_ports(), clock=clock))
    try:
        key = InstallationKey.from_file(settings.ledger.signing_key_file)
        with serve(make_app(installation, key, make_metrics(installation))) as serving:
            yield House(folder=here.folder, installation=installation, clock=clock, url=serving.url, pki=pki)
    finally:
        installation.close()


@pytest.fixture
def house(here: Place, pki: Pki) -> Iterator[House]:
    with opened(here, pki) as made:
        yield made


NEEDED = [
    ("master.key", "master_key_file"),
    ("signing.key", "signing_key_file"),
    ("one-stop.secret", "callers.one-stop"),
    ("caller.pem", "callers.soap"),
    ("soap.key", "soap"),
    ("soap.pem", "soap"),
    ("ledger.db", "ledger"),
]


def test_missing_at_the_start(here: Place, pki: Pki) -> None:
    """A door without a key, a certificate or its ledger does not open, and the check names the setting."""
    settings = load(here.folder / "lienthong.toml", {}).settings
    for file, setting in NEEDED:
        (here.folder / file).rename(here.folder / "aside")
        with pytest.raises((SettingsRefused, BusError)), opened(here, pki):
            pass
        findings = [each for each in offline(settings) if not each.is_well]

        assert [each for each in findings if setting in f"{each.what} {each.detail}"], (file, findings)
        for left in here.folder.glob(f"{file}*"):
            left.unlink()
        (here.folder / "aside").rename(here.folder / file)
    with opened(here, pki) as house:
        assert 201 == house.rest()


def test_both_doors_are_well_before(house: House) -> None:
    """What the other tests take away is there: both doors take an event, and /readyz has nothing to say."""
    assert (201, 200, True) == (house.rest(), house.soap().status_code, house.is_well())
    assert 2 == house.events()


def test_receipts_key_is_taken_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the key of receipts nobody gets a yes at either door; with it back, both go on."""
    monkeypatch.setattr(signing_key, "SEEN_FOR_S", 0.0)
    key = house.folder / "signing.key"
    octets = key.read_bytes()
    key.unlink()

    assert 503 == house.rest()
    assert 500 == house.soap().status_code
    assert "cannot_sign" in house.reasons("cannot_sign")
    key.write_bytes(octets)
    assert (True, 200, 200) == (house.is_well(), house.rest(), house.soap().status_code)


def test_soap_identity_is_taken_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SOAP door says nothing unsigned and records nothing; the other door is open; with the key back it goes on."""
    monkeypatch.setattr(fitness, "SEEN_FOR_S", 0.0)
    (house.folder / "soap.key").rename(house.folder / "away")
    answers = [house.soap(), httpx2.post(house.url + PATH, content=b"<a>", timeout=30)]

    for answer in answers:
        assert (503, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
        assert ("unavailable", True) == (answer.json()["code"], "retry-after" in answer.headers)
    assert 0 == house.events()
    assert ["key_gone"] == house.reasons("key_gone")
    assert 201 == house.rest()
    (house.folder / "away").rename(house.folder / "soap.key")
    assert (True, 200) == (house.is_well(), house.soap().status_code)


def test_ledger_goes(house: House) -> None:
    """Without its ledger each door says "later", and no yes."""
    house.installation.ledger.close()

    assert 503 == house.rest()
    answer = house.soap()
    assert (500, True) == (answer.status_code, "retry-after" in answer.headers)
    assert "ledger_not_writable" in house.reasons("ledger_not_writable")


def test_clock_goes(house: House) -> None:
    """Nobody can tell whether a signature is of now: nothing is taken, and nothing is signed."""
    house.clock.is_gone = True

    with capture_logs() as logged:  # rendered, the stories of these two would take seconds
        assert house.rest() >= 500
        answer = house.soap()
    assert "uncaught_exception" in [line["event"] for line in logged]
    assert answer.status_code >= 500
    assert b"Signature" not in answer.content
    assert "no_clock" in house.reasons("no_clock")
    house.clock.is_gone = False
    assert (0, True, 201) == (house.events(), house.is_well(), house.rest())


@pytest.mark.parametrize("years", [-60, 60])
def test_clock_is_far_out(house: House, years: int) -> None:
    """With a clock of another time no signature is of now and no certificate of its days."""
    house.clock.shift = timedelta(days=365 * years)

    assert 401 == house.rest()
    answer = etree.fromstring(house.soap().content)
    (code,) = answer.iter(f"{{{NAMESPACE}}}code")
    assert code.text in ("stale_signature", "expired_certificate")
    if years < 0:
        assert "clock_before_this_version" in house.reasons("clock_before_this_version")
    house.clock.shift = timedelta(0)
    assert 0 == house.events()
