"""What a worker minds besides delivering: checkpoints, gaps, old nonces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus import upkeep
from bus.ports import FileStorage, SystemClock
from bus.prepared import Nonce
from config.minding import DoorMinding, Minding
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.wiring import Installation, build
from tests.builders import make_event

SOURCE = "one-stop/h99"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Of a source that counts its events, and that waits no time at all for a missing one."""
    make(tmp_path, for_mocks="http://127.0.0.1:1")
    file = tmp_path / "lienthong.toml"
    text = file.read_text().replace('order = "arrival"', 'order = "sequence"')
    file.write_text(text + "\n[worker]\ngap_alarm_s = 0.001\n")
    settings = load(file, {}).settings
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
    built = build(settings)
    yield built
    built.close()


@pytest.fixture
def key(tmp_path: Path, installation: Installation) -> InstallationKey:
    """The installation's own."""
    return InstallationKey.from_file(tmp_path / "signing.key")


def checkpoints(installation: Installation) -> int:
    return len(installation.ledger.engine.read().all("all_checkpoints"))


def test_p11_signs_when_something_moved(installation: Installation, key: InstallationKey) -> None:
    """A checkpoint over every chain when they moved, none when they did not; each verifies."""
    minding = Minding(installation, key)
    minding.sign()
    minding.sign()
    assert 1 == checkpoints(installation)
    installation.intake.accept(make_event(source=SOURCE, sequence=1))
    minding.sign()

    assert 2 == checkpoints(installation)
    assert [] == list(upkeep.verify(installation.ledger, is_signed=key.is_signed))


def test_without_key_nothing_is_signed(installation: Installation) -> None:
    """No key, no checkpoint, and no trouble."""
    Minding(installation, None).sign()

    assert 0 == checkpoints(installation)


def test_gap_is_told_once(installation: Installation) -> None:
    """A missing number is worth one warning, not one a minute; it names what is missing."""
    installation.intake.accept(make_event(source=SOURCE, sequence=2))
    SystemClock().sleep(0.01)
    minding = Minding(installation, None)
    with capture_logs() as logs:
        minding.warn_of_gaps()
        minding.warn_of_gaps()

    assert [("gap_waiting", SOURCE, 1)] == [(line["event"], line["source"], line["expected"]) for line in logs]


def test_old_nonces_are_forgotten(installation: Installation) -> None:
    """What nobody can use any more is dropped; what is still good is not."""
    now = SystemClock().now()
    old = Nonce(key_id="k", nonce="old", expires_at=now - timedelta(days=3))
    fresh = Nonce(key_id="k", nonce="fresh", expires_at=now + timedelta(minutes=5))
    for n, nonce in enumerate((old, fresh), start=1):
        installation.intake.accept(make_event(source=SOURCE, sequence=n, id=f"e{n}"), nonce=nonce)
    Minding(installation, None).forget_nonces()

    assert installation.ledger.first_seen(old)
    assert not installation.ledger.first_seen(fresh)


def test_starts_and_ends(installation: Installation, key: InstallationKey) -> None:
    """Stopping signs what has happened since the last round."""
    minding = Minding(installation, key)
    minding.start()
    installation.intake.accept(make_event(source=SOURCE, sequence=1))
    minding.stop()

    assert 1 == checkpoints(installation)


def test_doors_mind_their_own(installation: Installation, key: InstallationKey) -> None:
    """Doors without a worker renew what they know of revoked certificates, and leave the ledger to the worker."""
    asked: list[object] = []
    installation.minded.append(asked.append)
    minding = DoorMinding(installation)

    for duty in minding.duties():
        duty()
    minding.start()
    minding.stop()

    assert 1 == len(asked)
    assert 0 == checkpoints(installation)
