"""Receipts through the real ledger: one for each payment and kind, whatever is lost, told twice or crashes."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.receipt_issuer.adapter import receipt_issuer
from bus.dispatch import PartnerWork
from bus.messages import Attempt, Delivered
from bus.payments import GatewayChoice, Receipts
from bus.ports import CrashPoint, no_crash
from bus.receipts import RECEIPT
from bus.receipts import Receipts as Book
from bus.retry import Patience
from bus.times import to_ms
from bus.upkeep import verify
from contracts.mock_faults import FaultOrder
from contracts.receipt_issuer.mock import ReceiptIssuer
from contracts.receipt_issuer.places import ADJUST, CANCEL, PUBLISH, VIEW
from contracts.serve import serve
from tests.proofs.kit import DIED, in_child
from tests.receipt_kit import FEES, settings_for, settled, standing
from tests.till_kit import TILL, TillWorld

ISSUER = "receipt_issuer"
TOTAL = 50_000
LOST: tuple[dict[str, Any], ...] = (
    {"fault": "lose_reply_after_effect"},
    {"fault": "lose_request"},
    {"fault": "reset", "after_effect": True},
    {"fault": "half_body"},
    {"fault": "html_200", "after_effect": True},
    {"fault": "http_500", "after_effect": True},
    {"fault": "wrong_content_type"},
    {"fault": "soap_fault"},
)


class Town(TillWorld):
    """A world whose gateway's payments are receipted by the issuer's mock, on a real port."""

    def __init__(
        self,
        folder: Path,
        mock: ReceiptIssuer,
        url: str,
        *,
        by: Receipts = "issuer",
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self.mock = mock
        self._url = url
        self._by = by
        super().__init__(folder, crash_point=crash_point)

    def open(self) -> None:
        issuer = ISSUER if self._by == "issuer" else "till-receipts"
        choice = GatewayChoice(partner=TILL, receipts=self._by, issuer=issuer)
        self.policy = replace(self.policy, gateway_for=lambda unit, procedure, kinds, at, wish: choice)
        super().open()
        settings = settings_for(self._url)
        self.channel = HttpChannel(settings.http)
        adapter = receipt_issuer(settings, self.channel, clock=self.clock, crash_point=self._crash_point)
        self.partners[issuer] = PartnerWork(adapter=adapter, patience=Patience(in_flight=self.manners.in_flight))

    def close(self) -> None:
        self.channel.close()
        super().close()

    def settle_down(self) -> None:
        """Work until nothing is due for a while."""
        for _ in range(12):
            while self.run():
                pass
            self.clock.sleep(45)

    def receipts(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT kind, number, state, amount FROM payment_receipts ORDER BY id")

    def news(self, kind: str = "payment.settled") -> list[str]:
        sql = "SELECT d.state FROM deliveries d JOIN events e ON e.id = d.event WHERE e.kind = ? AND d.partner = ?"
        return [row[0] for row in self.rows(sql, kind, ISSUER)]

    def receipted(self, payment: int) -> bool:
        return self.rows("SELECT receipted_at FROM payments WHERE id = ?", payment)[0][0] is not None

    def issued(self) -> Counter[str]:
        return Counter(e.entry["key"] for e in self.mock.effects if e.operation in (PUBLISH, ADJUST))


Make = Callable[..., Town]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        mock = ReceiptIssuer()
        url = stack.enter_context(serve(mock))
        folders = itertools.count()
        towns: list[Town] = []

        def town(**more: Any) -> Town:
            folder = tmp_path / str(next(folders))
            folder.mkdir()
            towns.append(Town(folder, mock, url, **more))
            return towns[-1]

        yield town
        for each in towns:
            assert [] == list(verify(each.ledger))
            each.close()


def paid(town: Town, **data: Any) -> int:
    return town.paid("P1", TOTAL, fees=list(FEES), **data)


# -- the walk ----------------------------------------------------------------------------------------------------------


def test_receipts_that_nobody_writes(tmp_path: Path) -> None:
    """Receipts that the table promises, and that no partner here writes, are asked of a person once it is paid."""
    world = TillWorld(tmp_path)
    for name, by, issuer in (("P0", "gateway", "till-receipts"), ("P1", "none", None), ("P2", "issuer", None)):
        choice = GatewayChoice(partner=TILL, receipts=by, issuer=issuer)  # type: ignore[arg-type]
        world.policy = replace(world.policy, gateway_for=lambda unit, procedure, kinds, at, wish, of=choice: of)
        world.close()
        world.open()
        payment = world.paid(name)
        world.pay(world.reference(payment))

    assert [(payment, TOTAL * 2)] == world.rows(
        "SELECT payment, amount FROM payment_tasks WHERE kind = 'receipt_missing'"
    )
    assert [] == list(verify(world.ledger))
    world.close()


def test_paid_payment_is_receipted(make: Make) -> None:
    """A payment that was paid gets a receipt of each kind, its pages sealed, and is known to be receipted."""
    town = make()
    payment = paid(town)
    before = town.receipted(payment)
    town.run(2)

    assert not before
    assert [("fee", "0000001", "issued", 20_000), ("charge", "0000002", "issued", 30_000)] == town.receipts()
    assert ["delivered"] == town.news()
    assert town.receipted(payment)
    sql = "SELECT b.data_key, b.sealed FROM payment_receipts r JOIN bodies b ON b.id = r.body ORDER BY r.id"
    pages = [town.ledger.bodies.open(key, sealed, RECEIPT).decode() for key, sealed in town.rows(sql)]
    assert all("Nguyễn Thị Ví Dụ" in page for page in pages)


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: str(lost["fault"]))
def test_p02_one_receipt_whatever_is_lost(make: Make, lost: dict[str, Any]) -> None:
    """Each kind of lost answer, at the publish and at the page: one receipt of each kind, and the payment untouched."""
    town = make()
    payment = paid(town)
    for operation in (PUBLISH, VIEW):
        town.mock.faults.arm(FaultOrder(operation=operation, count=1, **lost))
    town.settle_down()

    assert {1} == set(town.issued().values())
    assert [("fee", "issued"), ("charge", "issued")] == [(row[0], row[2]) for row in town.receipts()]
    assert ["delivered"] == town.news()
    assert (True, ("paid", 0)) == (town.receipted(payment), town.payment(payment))


LINES = (
    *(f"{operation}.{when}" for operation in (PUBLISH, VIEW) for when in ("before", "after")),
    "read.after",
    "settle.before",
    "settle.after_attempt",
    "settle.after_move",
    "settle.after",
)


@pytest.mark.parametrize("line", LINES)
def test_p02_crash_at_every_step_of_a_receipt(make: Make, line: str) -> None:
    """A process that ends at any step of a receipt: the next worker ends with one receipt a kind, and asks first."""
    armed: list[str] = []

    def crash(name: str) -> None:
        if name in armed:
            os._exit(DIED)

    town = make(crash_point=crash)
    paid(town)
    town.ledger.close()

    def life() -> None:
        town.open()
        armed.append(line)
        town.run(2)

    assert DIED == in_child(life)
    town.open()
    town.settle_down()

    assert {1} == set(town.issued().values())
    assert [("fee", "issued"), ("charge", "issued")] == [(row[0], row[2]) for row in town.receipts()]
    assert ["delivered"] == town.news()


# -- refunds -----------------------------------------------------------------------------------------------------------


def test_whole_refund_cancels_the_receipts(make: Make) -> None:
    """What was paid back whole has its receipts cancelled, each once, with a lost answer on the way."""
    town = make()
    payment = paid(town)
    town.run(2)
    town.mock.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=CANCEL, count=1))
    town.approve(town.ask_refund(payment, TOTAL).id)
    town.settle_down()

    assert [("fee", "0000001", "cancelled"), ("charge", "0000002", "cancelled")] == [row[:3] for row in town.receipts()]
    assert 2 == sum(effect.operation == CANCEL for effect in town.mock.effects)
    assert ["delivered"] == town.news("payment.refunded")


def test_parts_adjust_the_only_receipt(make: Make) -> None:
    """Parts of a payment with one receipt adjust it, each by a receipt of its own."""
    town = make()
    payment = town.paid("P1", 30_000, fees=list(FEES[1:]))
    town.run(2)
    for amount in (10_000, 20_000):
        town.approve(town.ask_refund(payment, amount).id)
        town.settle_down()

    assert [
        ("charge", "0000001", "adjusted", 30_000),
        ("charge", "0000002", "issued", 10_000),
        ("charge", "0000003", "issued", 20_000),
    ] == town.receipts()
    assert 0 == town.mock.books.left(next(iter(town.mock.books.receipts)))


def test_money_beyond_the_payment_leaves_its_receipts(make: Make) -> None:
    """A second transaction that is given back was never receipted: the payment's own receipts stand."""
    town = make()
    payment = paid(town)
    town.run(2)
    town.pay(town.reference(payment), TOTAL, transaction="T-2")
    (task,) = town.rows("SELECT id FROM payment_tasks WHERE kind = 'double_payment'")[0]
    refund = town.ask_refund(payment, TOTAL, task=task)
    town.approve(refund.id)
    town.write(lambda tx: town.refunds.record_offline(tx, refund.id, document="UNC-1", account="binh", reason="paid"))
    town.settle_down()

    assert ("paid", 0) == town.payment(payment)
    assert {"issued"} == {row[2] for row in town.receipts()}
    assert 0 == sum(effect.operation == CANCEL for effect in town.mock.effects)


def test_part_of_two_receipts_waits_for_a_person(make: Make) -> None:
    """With two receipts nobody says whose part it was: the delivery is held, the receipts stand, the refund is done."""
    town = make()
    payment = paid(town)
    town.run(2)
    town.approve(town.ask_refund(payment, 10_000).id)
    town.settle_down()

    assert ["held"] == town.news("payment.refunded")
    assert {"issued"} == {row[2] for row in town.receipts()}
    assert ("partly_refunded", 10_000) == town.payment(payment)


# -- what is told twice, and what does not fit -----------------------------------------------------------------------


def tell(town: Town, payment: int, *facts: dict[str, Any], **others: Any) -> None:
    """An attempt that learned this of receipts."""
    delivery = settled(payment=standing(payment=payment, attempt=1))
    attempt = Attempt(outcome=Delivered(), facts={"receipts": facts, **others})
    book, at = Book(town.ledger.moves, town.ledger.bodies), to_ms(town.clock.now())
    town.write(lambda tx: book.settled(tx, delivery, attempt, at, "w1"))


def fact(
    kind: str = "fee", key: str = "phi-1", number: str = "7", state: str = "issued", **more: Any
) -> dict[str, Any]:
    return {"kind": kind, "key": key, "number": number, "state": state, **more}


def test_what_came_first_stays(make: Make) -> None:
    """A number that came late is added; a second number, document or key for the same kind changes nothing."""
    town = make()
    payment = paid(town)
    tell(town, payment, fact(number=""))
    tell(town, payment, fact(number="8", body=b"<p>8</p>", media_type="text/html"))
    bound = town.rows("SELECT count(*) FROM moves WHERE cause GLOB 'receipt_*'")
    tell(town, payment, fact(number="9", body=b"<p>9</p>"), fact(key="phi-2", number="2"), fact(key="phi-1"))

    assert [("fee", "8", "issued", None)] == town.receipts()
    assert bound == town.rows("SELECT count(*) FROM moves WHERE cause GLOB 'receipt_*'") == [(2,)]
    assert not town.receipted(payment)


def test_cancelled_stays_cancelled(make: Make) -> None:
    """A receipt that was cancelled is not issued again by an answer that comes late."""
    town = make()
    payment = paid(town)
    tell(town, payment, fact())
    tell(town, payment, fact(state="cancelled"))
    tell(town, payment, fact(body=b"late"))

    assert [("fee", "7", "cancelled", None)] == town.receipts()


def test_key_of_another_payment_is_not_taken(make: Make) -> None:
    """A key stands for one payment; told of another, it changes neither."""
    town = make()
    first = town.requested("P1", TOTAL, fees=list(FEES))
    tell(town, first, fact())
    second = town.requested("P2", 30_000, fees=list(FEES[1:]), dossier="H99.09-260703-0124")
    tell(town, second, fact(number="9"), fact("charge", "lephi-9", "3", state="adjusted", adjusts="lephi-8"))

    assert [("fee", "7", "issued", None)] == town.receipts()


def test_the_gateways_own_document_is_the_whole_receipt(make: Make) -> None:
    """Where the gateway writes the receipt there is one, of no kind, and the payment is receipted with it."""
    town = make(by="gateway")
    payment = paid(town)
    tell(town, payment, fact("whole", "TT1", "", body=b"%PDF-1.7", media_type="application/pdf"))

    assert [("whole", "", "issued", None)] == town.receipts()
    assert town.receipted(payment)


def test_missing_receipt_is_a_task_once(make: Make) -> None:
    """A document that never came asks one person once, and the payment stays paid."""
    town = make(by="gateway")
    payment = paid(town)
    tell(town, payment, receipt_missing=True)
    tell(town, payment, receipt_missing=True)

    assert 1 == town.tasks().count("receipt_missing")
    assert ("paid", 0) == town.payment(payment)


def test_what_is_of_no_payment_is_nothing(make: Make) -> None:
    """A delivery without a payment teaches nothing of receipts."""
    town = make()
    book = Book(town.ledger.moves, town.ledger.bodies)
    attempt = Attempt(outcome=Delivered(), facts={"receipts": (fact(),)})
    town.write(lambda tx: book.settled(tx, replace(settled(), payment=None), attempt, 0, "w1"))

    assert [] == town.receipts()


def test_changed_receipt_is_found(make: Make) -> None:
    """A receipt's row that was changed behind the ledger's back is found by `verify`."""
    town = make()
    paid(town)
    town.run(2)
    town.write(lambda tx: tx.connection.execute("UPDATE payment_receipts SET number = '9' WHERE kind = 'fee'"))
    found = list(verify(town.ledger))
    town.write(lambda tx: tx.connection.execute("UPDATE payment_receipts SET number = '0000001' WHERE kind = 'fee'"))

    assert 1 == len(found)
    assert "receipt" in str(found[0])


def test_payer_that_was_destroyed_is_held(make: Make) -> None:
    """Where the body of what was asked for is destroyed, no receipt is made of guesses: a person looks."""
    town = make()
    payment = paid(town)
    sql = "SELECT e.body FROM payments p JOIN events e ON e.id = p.event WHERE p.id = ?"
    body = town.rows(sql, payment)[0][0]
    kept = town.rows("SELECT sealed FROM bodies WHERE id = ?", body)[0][0]
    town.write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = NULL WHERE id = ?", (body,)))
    town.run(2)
    town.write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = ? WHERE id = ?", (kept, body)))

    assert ["held"] == town.news()
    assert [] == town.receipts()
