"""What `ledger verify` finds of payments, and what persons do to them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bus.bundle import Bundle
from bus.errors import NotAllowedNow, NotFound
from bus.messages import PUT_BACK
from bus.payments import Effect, TaskKind
from bus.repairs import Repairs
from bus.upkeep import checkpoint
from tests.builders import DOSSIER
from tests.payment_kit import AMOUNT, PayWorld, add_account, counter_event, record_event, take_accounts_away

WHO: dict[str, Any] = {"account": "an", "reason": "the citizen calls"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PayWorld]:
    made = PayWorld(tmp_path)
    made.record(record_event())
    reference = made.open_payment()
    made.pay(reference)
    made.call_back(reference)
    yield made
    made.close()


# -- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "table"),
    [
        ("UPDATE payments SET amount = 1", "payments"),
        ("UPDATE payments SET state = 'open', paid_attempt = NULL", "payments"),
        ("UPDATE payments SET account = '0000000000009'", "payments"),
        ("UPDATE payments SET refunded = 30000", "payments"),
        ("UPDATE payment_attempts SET transaction_id = 'T9'", "payments"),
        ("UPDATE payment_attempts SET state = 'open'", "payments"),
        ("INSERT INTO payment_attempts (payment, n, partner, reference, state, made_at, changed_at) "
         "VALUES (1, 2, 'gate', 'R', 'paid', 0, 0)", "payments"),
        ("UPDATE payment_hearings SET effect = 'repeated'", "payment_hearings"),
        ("UPDATE payment_hearings SET amount = 1", "payment_hearings"),
        ("DELETE FROM payment_hearings", "payment_hearings"),
        ("INSERT INTO payment_hearings SELECT 99, at, partner, reference, attempt, via, verdict, effect, "
         "transaction_id, amount, currency, code, address, key_id, commitment, body FROM payment_hearings",
         "payment_hearings"),
        ("DELETE FROM payments", "payments"),
        ("UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE id = (SELECT body FROM payment_hearings)",
         "hearing bodies"),
        ("UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE id = (SELECT offer FROM payment_attempts)",
         "offer bodies"),
    ],
)  # fmt: skip
def test_p11_an_edited_row_is_found(world: PayWorld, edit: str, table: str) -> None:
    """Whoever changes what was due, paid or told behind the ledger's back is found, in the table where he did it."""
    assert [] == world.damages()

    def behind(tx: Any) -> None:
        tx.connection.execute("PRAGMA defer_foreign_keys = ON")
        tx.connection.execute(edit)

    world.ledger.engine.write(behind)

    assert table in {damage.table for damage in world.damages()}


def test_an_attempt_of_no_payment_is_found(world: PayWorld) -> None:
    """An attempt that was put in for a payment that is not there stands out."""
    world.ledger.engine.write(
        lambda tx: tx.connection.execute(
            "INSERT INTO payment_attempts (payment, n, partner, reference, state, made_at, changed_at) "
            "VALUES (99, 1, 'gate', 'R', 'paid', 0, 0)"
        )
    )

    assert ["1 belong to no payment"] == [damage.detail for damage in world.damages()]


def test_a_sound_ledger(world: PayWorld) -> None:
    """Through everything that happens to payments nothing is found where nobody touched it."""
    world.record(counter_event())
    world.open_payment("P2", expires_at="2026-07-03T08:00:00+07:00", dossier="H99.09-260703-0009")
    world.live_on(3)

    world.judged()


# -- without us ----------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
KEY = Ed25519PrivateKey.generate()


def script(name: str) -> ModuleType:
    """A script of docs/, which knows nothing of ours."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bundle(world: PayWorld, *, is_masked: bool = False) -> dict[str, bytes]:
    checkpoint(world.ledger, KEY.sign, "k1")
    with world.ledger.engine.snapshot() as tx:
        made = Bundle(tx, world.ledger.bodies, DOSSIER, signers=frozenset({"k1"}), is_masked=is_masked)
        return {name: b"".join(chunks) for name, chunks in made.members()}


def findings(members: dict[str, bytes]) -> list[str]:
    check = script("verify_bundle")
    rows = {name[:-7]: [json.loads(line) for line in members[name].splitlines()] for name in members if ".nd" in name}
    return [*check.verify_rows(rows, members, DOSSIER), *check.verify_money(rows, members)]


def test_p11_a_bundle_shows_its_payments(world: PayWorld) -> None:
    """A dossier's bundle holds its payments, what gateways told and where they were paid; a third party checks it."""
    members = bundle(world)

    assert [] == findings(members)
    reference = world.reference()
    assert json.dumps([reference, "callback"]).encode() == members["hearings/1/body"]
    assert f"https://pay.example.invalid/{reference}" in members["offers/1/body"].decode()
    assert [reference] == [each["reference"] for each in json.loads(members["payments.ndjson"])["attempts"]]
    world.judged()


@pytest.mark.parametrize(
    ("member", "old", "new", "found"),
    [
        ("payments.ndjson", b'"amount":30000', b'"amount":10000', "payments.ndjson: payment 1"),
        ("payments.ndjson", b'"n":1', b'"n":2', "payments.ndjson: payment 1"),
        ("hearings.ndjson", b"recorded", b"repeated", "hearings.ndjson: hearing 1"),
        ("hearings/1/body", b"callback", b"callbacc", "hearings/1"),
        ("offers/1/body", b"0002", b"0003", "offers/1"),
    ],
)
def test_a_changed_bundle_is_found(world: PayWorld, member: str, old: bytes, new: bytes, found: str) -> None:
    """Whoever changes what a bundle says of money is found, in the member where he did it."""
    members = bundle(world)
    assert old in members[member]

    said = findings(members | {member: members[member].replace(old, new)})
    assert any(one.startswith(found) for one in said), said


def test_a_hearing_left_out_is_found(world: PayWorld) -> None:
    """A bundle without one of its hearings says so."""
    assert ["payments.ndjson: payment_heard of 1 is missing"] == findings(bundle(world) | {"hearings.ndjson": b""})


def test_a_masked_bundle(world: PayWorld) -> None:
    """Masked, or once erasure took them, the words are left out, and what is there still fits."""
    members = bundle(world, is_masked=True)
    assert [] == findings(members)
    assert not [name for name in members if name.startswith(("hearings/", "offers/", "events/"))]

    world.ledger.engine.write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = NULL"))
    members = bundle(world)
    assert [] == findings(members)
    assert "destroyed" == json.loads(members["hearings.ndjson"])["left_out"]


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        ("UPDATE payments SET amount = 1", "payments id 1"),
        ("UPDATE payment_attempts SET bank = 'x'", "payments id 1"),
        ("UPDATE payment_hearings SET effect = 'x'", "payment_hearings id 1"),
        ("DELETE FROM payment_hearings", "payments: deleted"),
    ],
)
def test_the_independent_verifier(world: PayWorld, edit: str, found: str) -> None:
    """The scripts that need nothing of ours find nothing in a sound ledger, and what was edited in another."""
    check = script("verify_payments")
    assert [] == [*check.verify(world.path), *script("verify_ledger").verify(world.path)]
    world.ledger.engine.write(lambda tx: tx.connection.execute(edit))

    assert found in next(iter(check.verify(world.path)))


# -- a person's -----------------------------------------------------------------------------------------------------


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[PayWorld]:
    made = PayWorld(tmp_path)
    made.open_payment()
    yield made
    made.judged()
    made.close()


def refused(world: PayWorld, verb: str, payment: int = 1, **changes: Any) -> str:
    call = getattr(world.ledger.payments, verb)
    with pytest.raises(NotAllowedNow) as found:
        world.ledger.engine.write(lambda tx: call(tx, payment, **(WHO | changes)))
    return found.value.code


def test_asked_now(open_world: PayWorld) -> None:
    """Who asks has the gateway asked at once, with his name and reason in the timeline."""
    world = open_world
    world.pay(world.reference())
    assert 1 == world.ledger.engine.write(lambda tx: world.ledger.payments.ask_now(tx, 1, **WHO))
    world.pass_time(seconds=1)

    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert [("person:an",)] == world.rows("SELECT actor FROM moves WHERE reason = '1: ask_now: the citizen calls'")
    assert "nothing_to_ask" == refused(world, "ask_now")
    assert "bad_reason" == refused(world, "ask_now", reason=" ")
    with pytest.raises(NotFound):
        world.ledger.engine.write(lambda tx: world.ledger.payments.ask_now(tx, 9, **WHO))


def test_tried_again(open_world: PayWorld) -> None:
    """What failed goes again under a fresh reference, with time to pay it; what is open or paid does not."""
    world = open_world
    first = world.reference()
    assert "under_way" == refused(world, "try_again")
    world.fail(first)
    world.call_back(first)
    world.clock.sleep(48 * 3600)

    second = world.ledger.engine.write(lambda tx: world.ledger.payments.try_again(tx, 1, **WHO))
    world.run()

    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert first != second == world.reference()
    assert 0 == world.ledger.payments.expire_due(world.clock.now())
    world.pay(second)
    assert Effect.RECORDED is world.call_back(second).effect
    assert "paid" == refused(world, "try_again")


def test_tried_again_where_no_address_came(tmp_path: Path) -> None:
    """An attempt whose address was lost is replaced when a person says so; paid after all, it counts."""
    left = ["lost_after"]
    world = PayWorld(tmp_path, fate=lambda delivery: left.pop() if left else "ok")
    first = world.open_payment()
    world.pass_time(minutes=1)
    second = world.ledger.engine.write(lambda tx: world.ledger.payments.try_again(tx, 1, **WHO))
    world.run()

    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert [first, second] == world.gate.sent
    assert ["opened"] == world.news()
    assert "under_way" == refused(world, "try_again")
    world.pay(first)
    world.live_on(2)
    assert [("paid",), ("closed",)] == world.rows("SELECT state FROM payment_attempts ORDER BY n")
    assert [TaskKind.ADDRESS_UNKNOWN, TaskKind.LATE_SUCCESS] == world.tasks()
    world.judged()
    world.close()


def test_tried_again_after_a_no(tmp_path: Path) -> None:
    """A gateway that said no to opening it is asked again when a person says so; one that never took it is not."""
    left = ["refuse"]
    world = PayWorld(tmp_path, fate=lambda delivery: left.pop() if left else "ok")
    world.open_payment()
    world.ledger.engine.write(lambda tx: world.ledger.payments.try_again(tx, 1, **WHO))
    world.run()
    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert ["failed", "opened"] == world.news()
    world.record(counter_event())
    assert "paid" == refused(world, "try_again")
    world.judged()
    world.close()


@pytest.mark.parametrize("has_account", [True, False])
def test_tried_again_once_a_gateway_takes_it(tmp_path: Path, has_account: bool) -> None:
    """Where no gateway takes it there is nobody to try it with; once the table names one, a person sends it there."""
    world = PayWorld(tmp_path, takes=False)
    world.ask_for("P1")
    world.ask_for("P2")
    assert "no_gateway" == refused(world, "try_again")
    world.record(counter_event("P2"))
    assert "paid" == refused(world, "try_again", world.number("P2"))
    if has_account:
        add_account(world)
    world.takes = True
    world.clock.sleep(48 * 3600)
    reference = world.ledger.engine.write(lambda tx: world.ledger.payments.try_again(tx, 1, **WHO))
    world.run()

    assert ("open", "open", "awaiting", "awaiting") == world.payment("P1")
    assert ["failed", "failed", "opened"] == world.news()
    assert [("0000000000000" if has_account else None,)] == world.rows("SELECT account FROM payments WHERE id = 1")
    world.pay(reference)
    assert Effect.RECORDED is world.call_back(reference).effect
    world.run()
    take_accounts_away(world)
    world.judged()
    world.close()


def test_repairs_leave_payments_alone(open_world: PayWorld) -> None:
    """A delivery that opens a payment is moved by the general verbs only while it is held."""
    world = open_world
    repairs, acts = Repairs(world.ledger), list[str]()
    for act in (repairs.replay, repairs.cancel):
        with pytest.raises(NotAllowedNow) as found:
            act(1, actor="person:an", reason="why not")
        acts.append(found.value.code)

    assert ["payment_has_own_verbs"] * 2 == acts


@pytest.mark.parametrize(("verb", "sent"), [("replay", 1), ("cancel", 0)])
def test_a_held_one(tmp_path: Path, verb: str, sent: int) -> None:
    """What could not be shaped is held, and goes on, or ends with its time, by a person's general verbs."""
    left = ["held"]
    world = PayWorld(tmp_path, fate=lambda delivery: left.pop() if left else "ok")
    world.open_payment()
    assert ("created", "created", "held", "no_row") == world.payment()
    getattr(Repairs(world.ledger), verb)(1, actor="person:an", reason="mended")
    world.run()
    world.live_on(26)

    assert "expired" == world.payment()[0]
    assert sent == len(world.gate.sent)
    world.judged()
    world.close()


def test_put_back(open_world: PayWorld) -> None:
    """What a worker claims and does not try says nothing of its payment."""
    world = open_world
    world.ask_for("P2")
    claimed = world.ledger.claim("gate", 1, "w2", world.clock.now())
    world.dispatcher.put_back(claimed)

    assert ("created", "created", "waiting", PUT_BACK) == world.payment("P2")


def test_wrong_amount_is_asked_once_for_each_transaction(open_world: PayWorld) -> None:
    """The task says how much was told, for whoever gives it back."""
    world = open_world
    world.hear(world.reference(), verdict="paid", amount=AMOUNT * 2, transaction="T5")

    sql = "SELECT cause, amount FROM payment_tasks WHERE kind = ?"
    assert [("T5", AMOUNT * 2)] == world.rows(sql, TaskKind.WRONG_AMOUNT)
