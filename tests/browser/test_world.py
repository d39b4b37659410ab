"""The world that the console is shown: it has everything in it, made by the bus itself."""

from __future__ import annotations

from bus.messages import State
from bus.payment_close import PaymentClose
from bus.signature_close import SignatureClose
from config.demo_settings import PORTAL
from tests.console_world import (
    EXPECTED_STATES,
    HOSTILE_DOSSIER,
    IN_DOUBT_DOSSIERS,
    LONG_DOSSIER,
    NUL_DOSSIER,
    REFUSED_DOSSIER,
    ConsoleWorld,
)


def test_every_state_is_there(console_world: ConsoleWorld) -> None:
    """Each state that lasts is some delivery's, so that no page is tested on what is never shown."""
    found = {name for counts in console_world.installation.reads.tallies().values() for name, n in counts.items() if n}

    assert set() == EXPECTED_STATES - {State(name) for name in found}


def test_troubles_are_where_they_are_said_to_be(console_world: ConsoleWorld) -> None:
    """The dossiers that other tests name stand as their names say."""
    reads = console_world.installation.reads

    def states(dossier: str) -> set[str]:
        moves = [move for move in reads.dossier(dossier)["timeline"] if move["partner"] == PORTAL]
        return set({move["delivery"]: move["to_state"] for move in moves}.values())

    assert {"delivered"} == states(HOSTILE_DOSSIER) == states(NUL_DOSSIER)
    assert {"refused", "waiting"} == states(REFUSED_DOSSIER) == states(LONG_DOSSIER)
    assert [{"in_doubt", "delivered"}] * 3 == [states(dossier) for dossier in IN_DOUBT_DOSSIERS]


def test_partners_stand_as_told(console_world: ConsoleWorld) -> None:
    """The portal, the wards' system and the gateways are well; nobody answers at the province's."""
    is_open = {row["name"]: row["circuit"] for row in console_world.installation.reads.partners()}

    assert {"one_stop-province": "open"} == {name: circuit for name, circuit in is_open.items() if circuit != "closed"}
    assert {PORTAL, "one_stop", "payment_platform", "keypay", "vnpay"} < set(is_open)


def test_signatures_stand_as_told(console_world: ConsoleWorld) -> None:
    """A signature stands in each state that lasts: made and verified, waiting for a phone, a code or a desk, ended."""
    close = SignatureClose(console_world.installation.ledger)
    states = {name: close.line(number).state for name, number in console_world.signatures.items()}

    wanted = {"sealed": "waiting_user", "waiting": "waiting_user", "hostile": "waiting_user"}
    ended = {name: name for name in ("made", "declined", "failed", "expired", "blocked", "at_desk")}
    assert wanted | ended == states
    assert ["passed"] == [one.verdict for one in close.signature(console_world.signatures["made"]).documents]


def test_payments_stand_as_told(console_world: ConsoleWorld) -> None:
    """A payment stands in each state that lasts, with receipts, refunds and what a person has to decide."""
    close = PaymentClose(console_world.installation.ledger)
    states = {name: close.line(number).state for name, number in console_world.payments.items()}

    assert ("expired", "open", "open", "paid", "failed", "pending") == tuple(
        states[name] for name in ("expired", "open_keypay", "open_vnpay", "paid", "failed", "pending")
    )
    assert ("paid_at_counter", "partly_refunded", "refund_pending") == tuple(
        states[name] for name in ("counter", "refunded", "offline")
    )
    assert {"wrong_amount", "double_payment", "offline_refund"} <= {task.kind for task in close.open_tasks(None)[0]}


def test_doors_refused_some(console_world: ConsoleWorld) -> None:
    """Refusals of several kinds stand under their references."""
    assert 10 <= len(console_world.installation.reads.refusals(limit=100))
