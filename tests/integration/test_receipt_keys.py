"""A repeat gets the receipt of its first answer, whatever key signs today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from starlette.testclient import TestClient

from bus.intake import Intake
from bus.ledger import Ledger
from bus.reads import Reads
from config.signing_key import InstallationKey, generate
from tests.builders import NOON, SOURCE, make_event, step_json
from tests.doors import DoorWorld, door_app, wire
from tests.world import MASTER, World


@contextmanager
def house(folder: Path, present: InstallationKey, *retired: InstallationKey) -> Iterator[DoorWorld]:
    """A door over the ledger in this folder, after a start with these keys."""
    world = World(folder)
    world.ledger.close()
    ports = {"clock": world.clock, "randomness": world.randomness, "storage": world.storage}
    world.ledger = Ledger.open(world.path, MASTER, receipt_key=present.key_id, **ports)  # type: ignore[arg-type]
    world.intake, world.reads = Intake(world.ledger, world._routes), Reads(world.ledger)
    app = door_app(world, present, retired=retired)  # type: ignore[arg-type]
    try:
        with TestClient(app, base_url="http://door.example.invalid") as client:
            yield DoorWorld(world=world, app=app, identity=present, client=client)  # type: ignore[arg-type]
    finally:
        world.close()


def test_p04_repeat_after_the_key_changed(tmp_path: Path) -> None:
    """After a restart with a new key, a repeat gets the first answer byte for byte; a new event, the new key."""
    old, new = generate(tmp_path / "old.key"), generate(tmp_path / "new.key")
    first, step, other = wire(), wire(step_json(at=NOON + timedelta(hours=1))), wire(dossier="H99-OTHER")
    with house(tmp_path, old) as at:
        answers = [at.post(first), at.post(step)]
    with house(tmp_path, new, old) as at:
        again = [at.post(first), at.post(step)]
        shown = at.get(f"/v1/events/{answers[0].json()['id']}", f"source={SOURCE}").json()
        fresh = at.post(other)
        repeated = at.post(other)

    assert [201, 201, 200, 200] == [each.status_code for each in (*answers, *again)]
    assert [each.content for each in answers] == [each.content for each in again]
    assert answers[0].json()["receipt"] == shown["receipt"]
    assert "receipt_key" not in shown
    assert fresh.json()["receipt"].startswith(f"ed25519:{new.key_id}:")
    assert fresh.content == repeated.content


def test_p04_repeat_of_a_batch_and_of_a_file(tmp_path: Path) -> None:
    """What came by batch or file has no receipt yet; its first repeat and all later ones get the same."""
    old, new = generate(tmp_path / "old.key"), generate(tmp_path / "new.key")
    event = make_event()
    with house(tmp_path, old) as at:
        at.world.intake.accept_many([event])
        first = at.post(event.body)
    with house(tmp_path, new, old) as at:
        again = at.post(event.body)

    assert (200, first.content) == (again.status_code, again.content)


def test_key_that_was_not_kept(tmp_path: Path) -> None:
    """Without the old key a repeat still gets a good receipt, by the key that is there."""
    old, new = generate(tmp_path / "old.key"), generate(tmp_path / "new.key")
    with house(tmp_path, old) as at:
        at.post(wire())
    with house(tmp_path, new) as at:
        again = at.post(wire())
        keys = at.world.reads.receipt_keys()

    assert again.json()["receipt"].startswith(f"ed25519:{new.key_id}:")
    assert [old.key_id, new.key_id] == keys


def test_events_of_before_have_the_first_key(tmp_path: Path) -> None:
    """An event that was taken in before keys were remembered belongs to the first one that was."""
    old, new = generate(tmp_path / "old.key"), generate(tmp_path / "new.key")
    world = World(tmp_path)
    event = make_event()
    world.accept(event)
    world.close()
    with house(tmp_path, old) as at:
        first = at.post(event.body)
    with house(tmp_path, new, old) as at:
        again = at.post(event.body)

    assert (200, first.content) == (again.status_code, again.content)
