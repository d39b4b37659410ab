"""The evidence for one dossier: what goes into it, what is left out and why, and what signs it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bus.audit import Act, Audit
from bus.bundle import Bundle
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.messages import Attempt, Decision, State
from bus.ports import FileStorage, SystemRandomness
from bus.seal import MasterKey
from bus.upkeep import checkpoint, migrate
from tests.builders import DOSSIER, NOON, make_attempt, make_event, make_exchange, make_step
from tests.integration.test_verify_ledger import PARTNER, RECORD, STEP, Ticking, open_ledger

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_bundle.py"
OTHER = "H99.09-260703-0999"
DONE = Decision(state=State.DELIVERED, due_at=None, cause="delivered", blocks=False)
KEY = Ed25519PrivateKey.generate()
SIGNERS = frozenset({"k1"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    path = tmp_path / "ledger.db"
    migrate(path, FileStorage(), Ticking())
    opened = open_ledger(path, MasterKey.generate(SystemRandomness()))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def independent() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def deliver(ledger: Ledger, attempts: Sequence[Attempt] | None = None) -> None:
    """Carry what is due; with `attempts`, what came of each."""
    claimed = ledger.claim(PARTNER, 50, "worker-1", ledger.clock.now())
    tried = attempts or [make_attempt() for _ in claimed]
    works = [(delivery, attempt, DONE) for delivery, attempt in zip(claimed, tried, strict=True)]
    ledger.settle_many(works, worker="worker-1", started_at=ledger.clock.now())


def bundle(ledger: Ledger, number: str = DOSSIER, *, is_masked: bool = False) -> dict[str, bytes]:
    with ledger.engine.snapshot() as tx:
        made = Bundle(tx, ledger.bodies, number, signers=SIGNERS, is_masked=is_masked)
        assert SIGNERS == made.signers
        return {name: b"".join(chunks) for name, chunks in made.members()}


def rows(members: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in members[f"{name}.ndjson"].splitlines()]


def findings(independent: ModuleType, members: dict[str, bytes], number: str = DOSSIER) -> list[str]:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    tables = {name[:-7]: rows(members, name[:-7]) for name in members if name.endswith(".ndjson")}
    files = members | {"keys/k1.pem": pem}
    return [*independent.verify_chain(tables, files), *independent.verify_rows(tables, files, number)]


def test_p11_a_dossier_among_others_verifies(ledger: Ledger, independent: ModuleType) -> None:
    """Its own rows whole, the rows between them and the next checkpoint as digests, and nothing after it."""
    for n in range(40):
        dossier = DOSSIER if n == 3 else f"H99.09-260703-1{n:03}"
        ledger.record(make_event(dossier=dossier), [RECORD])
        ledger.record(make_step(dossier=dossier, at=NOON + timedelta(hours=1)), [STEP])
    deliver(ledger)
    checkpoint(ledger, KEY.sign, "k1")
    deliver(ledger)
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)
    ours = {(row["partition"], row["n"]) for row in rows(members, "moves")}
    shown = {(row["partition"], row["n"]) for row in rows(members, "links")}

    assert [] == findings(independent, members)
    assert 2 == len(rows(members, "checkpoints"))
    assert shown
    assert not ours & shown
    assert {"partition", "n", "content"} == {name for row in rows(members, "links") for name in row}


def test_event_that_goes_nowhere_is_in_it(ledger: Ledger, independent: ModuleType) -> None:
    """Its move stands in the installation's chain, without a delivery."""
    ledger.record(make_event(), [])
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)

    assert [] == findings(independent, members)
    assert [16] == [row["partition"] for row in rows(members, "moves")]
    assert make_event().body == members["events/1/body.json"]


def test_who_looked_is_not_in_it(ledger: Ledger, independent: ModuleType) -> None:
    """Notes of who looked stand in the same chain; of them the bundle has digests, and verifies."""
    audit = Audit(ledger)
    for events in ([make_event()], [make_step(at=NOON + timedelta(hours=1))]):
        audit.note(actor="person:an", act=Act.DOSSIER_SEEN, dossier=DOSSIER, reason="as letter 77 asks")
        ledger.record(events[0], [])
        audit.note(actor="person:an", act=Act.REVEALED, dossier=DOSSIER, reason="as letter 77 asks")
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)

    assert [] == findings(independent, members)
    assert 2 == len(rows(members, "moves"))
    assert not any(b"person:an" in content or b"letter 77" in content for content in members.values())


def test_lost_reply_has_no_reply(ledger: Ledger, independent: ModuleType) -> None:
    """What never came is left out, and its place in the commitment says so; bytes of any length keep theirs."""
    ledger.record(make_event(), [RECORD])
    lost = make_exchange(request_head=b"h" * 300, request_body=b"b" * 70_000, reply_body=None)
    deliver(ledger, [make_attempt(exchanges=(lost,))])
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)

    assert [] == findings(independent, members)
    assert "exchanges/1/request-body" in members
    assert "exchanges/1/reply-body" not in members


def test_call_shared_with_another_dossier_is_left_out(ledger: Ledger, independent: ModuleType) -> None:
    """A batch carries other people's dossiers: its bytes do not go into this one's bundle, its digest does."""
    ledger.record(make_event(), [RECORD])
    ledger.record(make_event(dossier=OTHER), [RECORD])
    together = make_attempt()
    deliver(ledger, [together, together])
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)

    assert [] == findings(independent, members)
    assert ["shared"] == [row["left_out"] for row in rows(members, "exchanges")]
    assert not any(name.startswith("exchanges/") for name in members)


def test_masked(ledger: Ledger, independent: ModuleType) -> None:
    """No bytes at all, and the rest verifies."""
    ledger.record(make_event(), [RECORD])
    deliver(ledger)
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger, is_masked=True)

    assert [] == findings(independent, members)
    assert not any("/" in name for name in members)


def test_move_after_the_last_checkpoint(ledger: Ledger) -> None:
    """What nobody has signed yet proves nothing, nor does a checkpoint whose key the reader will not have."""
    ledger.record(make_event(), [RECORD])
    checkpoint(ledger, KEY.sign, "lost")
    with pytest.raises(NotAllowedNow):
        bundle(ledger)
    checkpoint(ledger, KEY.sign, "k1")
    checkpoint(ledger, KEY.sign, "k1")

    assert 1 == len(rows(bundle(ledger), "checkpoints"))
    with pytest.raises(NotFound):
        bundle(ledger, OTHER)


def test_row_beyond_the_links_is_not_covered(ledger: Ledger, independent: ModuleType) -> None:
    """A checkpoint over the next row says nothing about this one unless the next one is shown."""
    for n in range(17):
        ledger.record(make_event(dossier=DOSSIER if n == 0 else f"H99.09-260703-1{n:03}"), [RECORD])
    checkpoint(ledger, KEY.sign, "k1")
    members = bundle(ledger)
    assert 1 == len(rows(members, "links"))

    (found,) = findings(independent, members | {"links.ndjson": b""})
    assert found.startswith("links.ndjson: no way from row 1 ")
