"""The console's questions about payments, against a plain reading of every row: nothing twice, nothing missed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import payment_looks
from bus.errors import NotAllowedNow, NotFound
from bus.payment_close import PaymentClose
from bus.payment_finding import say_found
from bus.payment_looks import Found, PaymentLooks, Wanted
from bus.payments import Effect, PaymentState, TaskKind
from bus.rights import covers
from bus.times import to_ms
from tests.payment_scene import Scene, scene
from tests.world import World

START = datetime(2026, 7, 1, tzinfo=UTC)
UNITS = (None, "H99.11", "H99.11.16", "H99.110", "000.00.09.H99")
GATEWAYS = ("payment_platform", "vnpay", None)
STATES = tuple(PaymentState)


@dataclass(frozen=True)
class Row:
    """A payment as it was written by hand."""

    id: int
    name: str
    dossier: str
    unit: str | None
    gateway: str | None
    state: PaymentState
    amount: int
    refunded: int
    created_at: datetime
    is_in_review: bool
    reference: str
    transaction: str | None

    def fits(self, wanted: Wanted, units: tuple[str, ...] | None) -> bool:
        """What the queries decide, said once more."""
        return (
            (not wanted.states or self.state in wanted.states)
            and wanted.gateway in (None, self.gateway)
            and (wanted.unit is None or covers(self.unit, (wanted.unit,)))
            and (wanted.since is None or self.created_at >= wanted.since)
            and (wanted.until is None or self.created_at < wanted.until)
            and (not wanted.is_in_review or self.is_in_review)
            and (not wanted.text or self.is_called(wanted.text))
            and covers(self.unit, units)
        )

    def is_called(self, text: str) -> bool:
        spelt = {text, text.upper()}
        if {self.name, self.transaction, self.reference, self.dossier} & spelt:
            return True
        return len(text) >= 3 and any(each.startswith(one) for each in (self.reference, self.dossier) for one in spelt)


def _row(n: int) -> Row:
    state = STATES[n * 7 % len(STATES)]
    return Row(
        id=n,
        name=f"P{n}",
        dossier=f"H99.{n % 40:04d}",
        unit=UNITS[n % len(UNITS)],
        gateway=GATEWAYS[n % len(GATEWAYS)],
        state=state,
        amount=1_000 * n + n % 3,
        refunded=100 if state is PaymentState.PARTLY_REFUNDED else 0,
        created_at=START + timedelta(minutes=n),
        is_in_review=n % 11 == 0,
        reference=f"TT{n:06d}",
        transaction=f"GD{n}" if state.is_paid else None,
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Row], PaymentLooks]]:
    folder = tmp_path_factory.mktemp("rows")
    made = [_row(n) for n in range(1, 301)]
    world = World(folder)
    world.close()
    with closing(sqlite3.connect(world.path)) as to, to:
        for n in range(40):
            to.execute(
                "INSERT INTO dossiers (id, number, source, first_seen_at) VALUES (?, ?, 's', 0)",
                (n + 1, f"H99.{n:04d}"),
            )
        for row in made:
            _write(to, row)
    world = World(folder)
    yield made, PaymentLooks(world.ledger)
    world.close()


def _write(to: sqlite3.Connection, row: Row) -> None:
    at = to_ms(row.created_at)
    to.execute(
        "INSERT INTO payments (id, source, name, dossier, event, amount, currency, unit, gateway, state, expires_at,"
        " refunded, created_at, changed_at) VALUES (?, 's', ?, ?, 0, ?, 'VND', ?, ?, ?, ?, ?, ?, ?)",
        (row.id, row.name, row.id % 40 + 1, row.amount, row.unit, row.gateway, row.state, at, row.refunded, at, at),
    )
    if row.gateway is not None:
        to.execute(
            "INSERT INTO payment_attempts (payment, n, partner, reference, state, made_at, transaction_id, changed_at)"
            " VALUES (?, 1, ?, ?, 'open', ?, ?, ?)",
            (row.id, row.gateway, row.reference, at, row.transaction, at),
        )
    if row.is_in_review:
        to.execute("INSERT INTO payment_tasks (at, kind, payment) VALUES (?, 'wrong_amount', ?)", (at, row.id))


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.none() | st.sampled_from(values)


TIMES = st.none() | st.integers(-10, 320).map(lambda minutes: START + timedelta(minutes=minutes))
WANTED = st.builds(
    Wanted,
    states=st.lists(st.sampled_from(STATES), max_size=3, unique=True).map(tuple),
    gateway=maybe("payment_platform", "vnpay", "nobody"),
    unit=maybe("H99.11", "H99.11.16", "H99", "H98"),
    since=TIMES,
    until=TIMES,
    is_in_review=st.booleans() | st.just(False),
    text=st.sampled_from(("", "", "", "P7", "p8", "TT0001", "tt000012", "GD4", "H99.000", "h9", "none")),
)
LIMITS = st.none() | st.lists(st.sampled_from(("H99.11", "000.00.09.H99", "H98")), max_size=2).map(tuple)
BUDGETS = st.fixed_dictionaries(
    {
        "LOOKED": st.integers(5, 400),
        "LOOKED_EACH": st.sampled_from((7, 4_000)),
        "LOOKED_IDS": st.integers(10, 60),
        "CHUNK": st.integers(1, 60),
        "FEW_UNITS": st.sampled_from((0, 50)),
    }
)


@settings(max_examples=60, deadline=None)
@given(wanted=WANTED, units=LIMITS, limit=st.integers(1, 60), budgets=BUDGETS)
def test_pages_are_the_payments_that_fit(rows, wanted, units, limit, budgets):
    """Page by page, whatever the filter, the units and the bounds: each payment that fits, once, the newest first."""
    made, looks = rows
    if wanted.is_in_review and not wanted.text:
        budgets = budgets | {"LOOKED_EACH": 4_000}  # of tasks, one look takes them all
    fitting = [row for row in made if row.fits(wanted, units) and (row.gateway or not _by_attempt(row, wanted.text))]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in budgets.items():
            patch.setattr(payment_looks, name, value)
        pages: list[Found] = [looks.payments(wanted, units, limit=limit)]
        while pages[-1].before is not None:
            pages.append(looks.payments(wanted, units, before=pages[-1].before, limit=limit))
    found = [line.id for page in pages for line in page.lines]

    if not (wanted.is_in_review and wanted.text and budgets["LOOKED_EACH"] == 7):
        assert [row.id for row in reversed(fitting)] == found


def _by_attempt(row: Row, text: str) -> bool:
    """Whether only an attempt is called so: a payment without a gateway has none."""
    return (
        bool(text)
        and not {text, text.upper()} & {row.name, row.dossier}
        and not row.dossier.startswith((text, text.upper()) if len(text) >= 3 else ("\0",))
    )


@settings(max_examples=25, deadline=None)
@given(wanted=WANTED, units=LIMITS)
def test_sums_are_exact(rows, wanted, units):
    """Count, amount and refunds of a filter are those of its payments, to the đồng."""
    made, looks = rows
    fitting = [row for row in made if row.fits(wanted, units) and (row.gateway or not _by_attempt(row, wanted.text))]
    sums = looks.sums(wanted, units)

    assert (len(fitting), sum(row.amount for row in fitting)) == (sums.count, sums.amount)
    assert sum(row.refunded for row in fitting) == sums.refunded
    assert sum(row.amount for row in fitting if row.state.is_paid) == sums.paid
    assert sums.looked_back_to is None


def test_sums_say_how_far_back_they_go(rows, monkeypatch):
    """Where there are more payments than one page may add up, the sum says from when on it is."""
    made, looks = rows
    monkeypatch.setattr(payment_looks, "LOOKED_SUMS", 10)
    sums = looks.sums(Wanted(), None)

    assert sum(row.amount for row in made[-10:]) == sums.amount
    assert made[-10].created_at == sums.looked_back_to


def test_limits_choose_from_their_own(rows):
    """Units, gateways and the count of what is in review are those that this visitor may see."""
    made, looks = rows

    assert ["H99.11", "H99.11.16"] == looks.units(("H99.11",))
    assert ["payment_platform", "vnpay"] == looks.gateways()
    assert sum(row.is_in_review and covers(row.unit, ("H99.11",)) for row in made) == looks.in_review(("H99.11",)).n
    assert [] == looks.units(())
    assert () == looks.payments(Wanted(), ()).lines


def test_one_is_named_exactly(rows):
    """The command finds a payment by its number, its own name, a reference or a transaction, whole; never by a part."""
    made, looks = rows
    paid = next(row for row in made if row.transaction and row.gateway)

    for text in (str(paid.id), paid.name, paid.reference, paid.transaction):
        assert [paid.id] == [line.id for line in looks.named(text, None)], text
    assert [] == looks.named("TT0000", None) == looks.named("999999", None) == looks.named("nobody", None)


def test_empty_ledger_has_no_payments(tmp_path):
    """A ledger without payments answers every question with nothing."""
    world = World(tmp_path)
    looks = PaymentLooks(world.ledger)

    assert (Found(lines=(), before=None), 0) == (looks.payments(Wanted(), None), looks.sums(Wanted(), None).count)
    world.close()


# -- one of them, as the ledger's own verbs made it --------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = scene(tmp_path_factory.mktemp("scene"))
    yield made
    made.world.close()


def test_payment_is_told_whole(made):
    """One payment shows its attempts, all that was told, its tasks, deliveries, moves, and what to pay by."""
    close = PaymentClose(made.world.ledger)
    of = close.line(made.payments["double"])
    sibling = made.ask_for("sibling", dossier=of.dossier)
    payment = close.payment(of.id)

    assert ["double_payment"] == [task.kind for task in payment.tasks]
    assert [("paid", "double"), ("paid", "recorded")] == [(one.verdict, one.effect) for one in payment.hearings]
    assert not payment.has_more_hearings
    assert payment.attempts[0].offer is not None
    assert payment.attempts[0].offer.qr.startswith("000201")
    assert "Nguyễn Thị Ví Dụ" == payment.data["payer"]["name"]
    assert ["payment.settled", "payment.opened"] == [one.kind for one in payment.informed if one.partner == "one_stop"]
    assert not {one.delivery for one in payment.informed} & {one.delivery for one in close.payment(sibling).informed}
    assert {one.delivery for one in payment.informed} == {one.delivery for one in payment.moves}
    assert "0000000000000" == payment.beneficiary.account


def test_bytes_of_a_hearing_are_as_received(made):
    """What a gateway told is given byte for byte, and only as a hearing of that payment."""
    close, payment = PaymentClose(made.world.ledger), made.payments["paid"]
    hearing = close.payment(payment).hearings[-1]

    assert close.hearing(payment, hearing.id).body.startswith(b'{"LoaiBanTin":"CONFIRM","MaLoi":"00"')
    with pytest.raises(NotFound):
        close.hearing(made.payments["double"], hearing.id)
    receipt = close.payment(payment).receipts[0]

    assert ("application/pdf", receipt.number, b"%PDF-1.7 bien lai") == close.receipt(payment, receipt.id)
    with pytest.raises(NotFound):
        close.receipt(made.payments["double"], receipt.id)
    with pytest.raises(NotFound):
        close.line(999)


def test_tasks_and_refunds_page_by_page(made):
    """Open tasks come the oldest first, refunds by state; pages join without a gap; units limit both."""
    close = PaymentClose(made.world.ledger)
    whole, none_left = close.open_tasks(None)
    first, after = close.open_tasks(None, limit=2)
    rest, _end = close.open_tasks(None, after=after or 0)
    requested, _more = close.refunds(None, "requested")
    every, more = close.every_refund(None, limit=4)
    older, _none = close.every_refund(None, before=more or 0)

    assert whole == first + rest
    assert none_left is None
    assert [TaskKind.WRONG_AMOUNT] == [task.kind for task in close.open_tasks(None, kind=TaskKind.WRONG_AMOUNT)[0]]
    assert all(task.payment is not None for task in close.open_tasks(("000.00.09.H99",))[0])
    assert [] == close.open_tasks(("H98",))[0] == close.refunds(("H98",), "requested")[0]
    assert ["P-012-refund_requested"] == [one.payment_name for one in requested]
    assert sorted((one.id for one in every + older), reverse=True) == [one.id for one in every + older]
    assert len(whole) == close.count_tasks(None).n
    assert whole[0] == close.task(whole[0].id)
    assert [] == close.closed_tasks(None)[0]
    assert (close.refunds(None, "refunded", limit=1)[1], close.open_tasks(None, limit=1)[1]) != (None, None)
    with pytest.raises(NotFound):
        close.task(999)


def test_citizen_is_told_the_ledgers_state(made):
    """Who comes back learns the payment's state by the reference at that gateway, and nothing by another one."""
    close = PaymentClose(made.world.ledger)
    reference = made.world.reference(made.payments["wrong_amount"])
    told = close.returned("till", reference)

    assert ("open", True, reference) == (told.state, told.is_in_review, told.reference)
    assert close.returned("vnpay", reference) is None


# -- said in the gateway's place ---------------------------------------------------------------------------------------


def test_person_says_what_the_gateway_did_not(made):
    """With evidence a person may say that an attempt was paid: it is settled as if the gateway had said so."""
    ledger, payment = made.world.ledger, made.ask_for("found")
    attempt = PaymentClose(ledger).payment(payment).attempts[0].id

    def say(number: int, is_paid: bool = True) -> Effect:
        return made.world.write(
            lambda tx: say_found(
                tx, ledger, payment, number, is_paid=is_paid, account="an", reason="sao kê 03/07", transaction="GD-S"
            )
        )

    assert Effect.RECORDED is say(attempt)
    assert "paid" == made.world.payment(payment)[0]
    assert (
        b"sao k\xc3\xaa 03/07"
        == PaymentClose(ledger).hearing(payment, PaymentClose(ledger).payment(payment).hearings[0].id).body
    )
    with pytest.raises(NotAllowedNow):
        say(attempt, is_paid=False)
    with pytest.raises(NotFound):
        say(attempt - 1)


def test_person_says_that_it_was_not_paid(made):
    """That it was not paid ends the attempt and the payment; said twice it changes nothing."""
    ledger, payment = made.world.ledger, made.ask_for("found_not")
    attempt = PaymentClose(ledger).payment(payment).attempts[0].id

    def say() -> Effect:
        return made.world.write(
            lambda tx: say_found(tx, ledger, payment, attempt, is_paid=False, account="an", reason="cổng trả lời")
        )

    assert Effect.RECORDED is say()
    assert "failed" == made.world.payment(payment)[0]
    with pytest.raises(NotAllowedNow):
        say()
