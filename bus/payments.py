"""Pure. The nouns of payments, and what follows from what a gateway told.

    payment   what is due: one for each number that a source gave it
    attempt   one try at a gateway, under one reference
    hearing   one thing that a gateway told, whatever way it came
    task      something that a person must decide

Money has three ways to us: the gateway calls back, we ask it, or its settlement file says so. They come in any order,
more than once and at once, so one rule judges them all: success is sticky, the first one counts, and what does not fit
is a task for a person and never a guess. Amounts are whole đồng (`int`) with their currency beside them.

Imports nothing of ours: the bus's nouns (`messages.py`) carry some of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

VND: Final = "VND"
LOCAL: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh, which has no summer time: the day in a reference is the citizen's."""
QUESTIONS: Final = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 30)) + tuple(
    timedelta(hours=hours) for hours in range(1, 73)
)
"""When an open attempt is asked about, counted from its opening: soon, while a citizen waits; then hourly to 72 h, the
window in which a late success was seen in the field."""
WINDOW: Final = timedelta(hours=24)
"""How long a payment may be paid when its source names no time."""
LONGEST_WINDOW: Final = timedelta(days=30)
"""Of what a source names."""

Via: TypeAlias = Literal["answer", "callback", "query", "settlement", "person"]
"""How it came: with a call's answer, by the gateway's own call, asked for, in a settlement file, by a person."""
Receipts: TypeAlias = Literal["gateway", "issuer", "none"]
Ending: TypeAlias = Literal["paid", "payment_failed", "payment_expired", "paid_at_counter"]
"""Why nothing more is expected of an attempt's delivery; the cause of its last move."""


class Verdict(StrEnum):
    """What a gateway says of an attempt."""

    PAID = "paid"
    FAILED = "failed"
    PENDING = "pending"
    NOT_THERE = "not_there"
    UNCLEAR = "unclear"


class Effect(StrEnum):
    """What a hearing came to here."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    LATE = "late_success"
    """A success after the payment was given up, or one of which only the settlement told."""
    UNKNOWN_REFERENCE = "unknown_reference"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    CONTRADICTED = "contradicted"
    """It speaks against a success: the success stays."""
    DOUBLE = "double"
    """A second transaction on one reference, or a second attempt of one payment that was paid."""
    NOTHING = "nothing"
    """It says nothing new."""


class PaymentState(StrEnum):
    """Where a payment stands."""

    CREATED = "created"
    UNKNOWN = "unknown"
    """Whether the gateway opened it is not known."""
    OPEN = "open"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_OPENED = "not_opened"
    PAID_AT_COUNTER = "paid_at_counter"
    REFUND_PENDING = "refund_pending"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid in time."""
        return self in OPEN_PAYMENTS

    @property
    def is_paid(self) -> bool:
        """Whether an attempt of it was paid, whatever was paid back since."""
        return self in PAID_PAYMENTS


OPEN_PAYMENTS: Final = frozenset({PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.OPEN, PaymentState.PENDING})
PAID_PAYMENTS: Final = frozenset(
    {PaymentState.PAID, PaymentState.REFUND_PENDING, PaymentState.PARTLY_REFUNDED, PaymentState.REFUNDED}
)


class AttemptState(StrEnum):
    """Where one try at a gateway stands."""

    CREATED = "created"
    UNKNOWN = "unknown"
    OPEN = "open"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_OPENED = "not_opened"
    """The gateway said no to opening it."""
    CLOSED = "closed"
    """Nobody is to pay it any more: a fresh attempt took its place, or the payment was made otherwise."""

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid in time."""
        return self in OPEN_ATTEMPTS


OPEN_ATTEMPTS: Final = frozenset({AttemptState.CREATED, AttemptState.UNKNOWN, AttemptState.OPEN, AttemptState.PENDING})


class TaskKind(StrEnum):
    """Why a person is asked."""

    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    DOUBLE_PAYMENT = "double_payment"
    LATE_SUCCESS = "late_success"
    """An attempt was paid after another had taken its place: that one must not be paid too."""
    PAID_TWICE = "paid_twice"
    """At the counter and online."""
    CONTRADICTION = "contradiction"
    UNKNOWN_REFERENCE = "unknown_reference"
    MISSING_THERE = "missing_there"
    NO_GATEWAY = "no_gateway"
    BENEFICIARY_MISSING = "beneficiary_missing"
    REFUND_TOO_MUCH = "refund_too_much"
    OFFLINE_REFUND = "offline_refund"
    REFUND_UNCLEAR = "refund_unclear"
    RECEIPT_MISSING = "receipt_missing"
    ADDRESS_UNKNOWN = "address_unknown"
    """Open at its gateway, whose answer was lost: nobody knows where the citizen can pay."""
    ONE_STOP_DIFFERS = "one_stop_differs"
    """Its own file of a day says otherwise than our books."""


# -- what is told and what came of it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a gateway says of one attempt, its checksum already found good."""

    partner: str
    reference: str
    verdict: Verdict
    via: Via
    transaction: str | None = None
    amount: int | None = None
    currency: str | None = None
    bank: str | None = None
    paid_at: datetime | None = None
    code: str = ""
    reason: str = ""
    evidence: bytes = b""
    """As received: kept sealed."""
    address: str = ""
    """Of the caller."""
    key_id: str | None = None
    """Which of our secrets matched."""
    paid_time_told: str | None = None
    """The time in the gateway's own letters, for those who want it back in later questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a hearing came to, for whoever answers the gateway."""

    effect: Effect
    payment: int | None
    attempt: int | None
    state: AttemptState | None
    tasks: tuple[TaskKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary:
    """The account that a fee is paid to."""

    account: str
    bank: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStanding:
    """One refund, on its way to the gateway of the attempt that was paid."""

    refund: int
    name: str
    amount: int
    key: str
    """Durable and unique, at most 32 characters: whoever asks again names the same refund."""
    made_at: datetime
    partner_reference: str | None = None
    refunded_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStanding:
    """What a gateway's adapter needs to know beside the event."""

    payment: int
    name: str
    attempt: int
    n: int
    reference: str
    made_at: datetime
    """Written with the attempt, for ever the same: gateways want it back in questions."""
    amount: int
    currency: str
    expires_at: datetime
    beneficiary: Beneficiary | None = None
    transaction: str | None = None
    paid_at: datetime | None = None
    paid_time_told: str | None = None
    refund: RefundStanding | None = None
    receipts: Mapping[str, str] = field(default_factory=dict)
    """Kind of receipt → its number, where that is known."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The data of the event that asked for it: payer, fees, procedure. A receipt cannot be made without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """What is known of an attempt, by its reference."""

    payment: int
    attempt: int
    n: int
    partner: str
    reference: str
    dossier: str
    name: str
    """The source's own number of the payment."""
    amount: int
    currency: str
    state: AttemptState
    payment_state: PaymentState
    made_at: datetime
    expires_at: datetime
    transaction: str | None = None
    paid_at: datetime | None = None
    unit: str | None = None
    """For whom it was opened: an agency may be a merchant of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayChoice:
    """Who takes a payment, and who writes its receipts."""

    partner: str
    receipts: Receipts = "none"
    issuer: str | None = None


GatewayFor: TypeAlias = Callable[[str | None, str | None, Sequence[str], datetime, str | None], GatewayChoice | None]
"""Of a unit, a procedure, the kinds of fees, a time and the source's wish."""


def no_gateway(
    unit: str | None, procedure: str | None, kinds: Sequence[str], at: datetime, wish: str | None
) -> GatewayChoice | None:
    """Of an installation that takes no payments."""
    return None


def nobody(source: str) -> str | None:
    """Where nobody is told what became of payments."""
    return None


def reference_of(partner: str, payment: int, at: datetime, attempt: int) -> str:
    """Twenty letters and digits: unique for ever, whatever the partner, and short enough for all of them."""
    return f"TT{at.astimezone(LOCAL):%y%m%d}{payment:010d}{attempt:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    """How an installation takes payments. Made of the settings and tables."""

    gateway_for: GatewayFor = no_gateway
    taker: Callable[[str], str | None] = nobody
    """Which partner is told of a source's payments."""
    portal: str | None = None
    """The partner that is shown paid fees."""
    portal_gateways: frozenset[str] = frozenset({"payment_platform"})
    """The national portal's: what is paid there was paid through the portal, all else through the province."""
    window: timedelta = WINDOW
    refund_approval_above: int = 0
    """Đồng: a refund of more wants a second person."""
    reference: Callable[[str, int, datetime, int], str] = reference_of


NO_PAYMENTS: Final = PaymentPolicy()


# -- the rule -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An attempt and its payment as they stand when something is told."""

    attempt: AttemptState
    payment: PaymentState
    amount: int
    currency: str
    transaction: str | None = None
    """Of the success that was recorded on this attempt."""
    is_newest: bool = True
    """Whether no later attempt took its place."""
    is_elsewhere: bool = False
    """Whether the told transaction is that of another attempt already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows from one hearing."""

    effect: Effect
    attempt: AttemptState
    payment: PaymentState
    tasks: tuple[TaskKind, ...] = ()
    ends: Ending | None = None
    """Set when the payment was settled or given up by this: told to its source, and its delivery is over."""
    is_late: bool = False
    is_learned: bool = False
    """Whether what was told of the success (transaction, bank, time) is kept with the attempt."""


def hear(known: Known, told: Told) -> Step:
    """What follows from what was told of an attempt."""
    misfit = _misfit(known, told) if told.verdict in _SPEAKS_OF_MONEY else None
    return misfit or _RULES[told.verdict](known, told)


def _stays(known: Known, effect: Effect, *tasks: TaskKind, is_learned: bool = False) -> Step:
    return Step(effect=effect, attempt=known.attempt, payment=known.payment, tasks=tasks, is_learned=is_learned)


def _misfit(known: Known, told: Told) -> Step | None:
    """What speaks of other money than is due is about something else, whatever it says: it changes nothing."""
    if told.currency not in (None, known.currency):
        return _stays(known, Effect.WRONG_CURRENCY, TaskKind.WRONG_CURRENCY)
    # A success must name its amount; of what did not come to money, some protocols tell none.
    if told.amount != known.amount and (told.verdict is Verdict.PAID or told.amount is not None):
        return _stays(known, Effect.WRONG_AMOUNT, TaskKind.WRONG_AMOUNT)
    return None


def _paid(known: Known, told: Told) -> Step:
    if known.attempt is AttemptState.PAID:
        return _paid_again(known, told)
    if known.is_elsewhere:
        # One transaction pays one attempt: a gateway that names it for two is wrong about one of them.
        return _stays(known, Effect.CONTRADICTED, TaskKind.CONTRADICTION)
    if known.payment.is_paid:
        return _too_much(known, Effect.DOUBLE, TaskKind.DOUBLE_PAYMENT)
    if known.payment is PaymentState.PAID_AT_COUNTER:
        return _too_much(known, Effect.LATE, TaskKind.PAID_TWICE)
    is_late = told.via == "settlement" or not (known.payment.is_open and known.attempt.is_open)
    return Step(
        effect=Effect.LATE if is_late else Effect.RECORDED,
        attempt=AttemptState.PAID,
        payment=PaymentState.PAID,
        tasks=() if known.is_newest else (TaskKind.LATE_SUCCESS,),
        ends="paid",
        is_late=is_late,
        is_learned=True,
    )


def _paid_again(known: Known, told: Told) -> Step:
    if told.transaction in (None, known.transaction):
        return _stays(known, Effect.REPEATED)
    if known.is_elsewhere:
        return _stays(known, Effect.CONTRADICTED, TaskKind.CONTRADICTION)
    if known.transaction is None:
        return _stays(known, Effect.REPEATED, is_learned=True)  # the first word of it named no transaction
    return _stays(known, Effect.DOUBLE, TaskKind.DOUBLE_PAYMENT)


def _too_much(known: Known, effect: Effect, task: TaskKind) -> Step:
    """Money came a second time: the attempt was paid, and nothing changes for the payment until a person decides."""
    return Step(
        effect=effect, attempt=AttemptState.PAID, payment=known.payment, tasks=(task,), is_late=True, is_learned=True
    )


def _failed(known: Known, told: Told) -> Step:
    if known.attempt is AttemptState.PAID:
        return _stays(known, Effect.CONTRADICTED, TaskKind.CONTRADICTION)
    if known.attempt in (AttemptState.FAILED, AttemptState.NOT_OPENED):
        return _stays(known, Effect.REPEATED)
    if not known.attempt.is_open:
        return _stays(known, Effect.NOTHING)
    is_over = known.payment.is_open and known.is_newest
    return Step(
        effect=Effect.RECORDED,
        attempt=AttemptState.FAILED,
        payment=PaymentState.FAILED if is_over else known.payment,
        ends="payment_failed" if is_over else None,
    )


def _pending(known: Known, told: Told) -> Step:
    if known.attempt is AttemptState.PENDING:
        return _stays(known, Effect.REPEATED)
    if not known.attempt.is_open:
        return _stays(known, Effect.NOTHING)
    is_its = known.payment.is_open and known.is_newest
    return Step(
        effect=Effect.RECORDED,
        attempt=AttemptState.PENDING,
        payment=PaymentState.PENDING if is_its else known.payment,
    )


def _not_there(known: Known, told: Told) -> Step:
    if known.attempt is AttemptState.PAID:
        return _stays(known, Effect.CONTRADICTED, TaskKind.MISSING_THERE)
    # An open page that nobody has paid at is not a payment yet: some gateways say then that they know nothing.
    return _stays(known, Effect.NOTHING)


def _unclear(known: Known, told: Told) -> Step:
    return _stays(known, Effect.NOTHING)


_SPEAKS_OF_MONEY: Final = frozenset({Verdict.PAID, Verdict.FAILED, Verdict.PENDING})
_RULES: Final[Mapping[Verdict, Callable[[Known, Told], Step]]] = {
    Verdict.PAID: _paid,
    Verdict.FAILED: _failed,
    Verdict.PENDING: _pending,
    Verdict.NOT_THERE: _not_there,
    Verdict.UNCLEAR: _unclear,
}


def next_question(opened_at: datetime, asked: int, now: datetime) -> datetime | None:
    """When an attempt is asked about next; None when its 72 hours are over.

    `asked`: how often it was. A house that stood still for hours asks once, and not for each question it missed.
    """
    return next((opened_at + wait for wait in QUESTIONS[asked:] if opened_at + wait > now), None)


# -- paid fees in a record ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidFee:
    """A fee that was paid through us, as a dossier's records show it."""

    kind: str
    code: str
    name: str
    amount: int
    currency: str = VND
    state: Literal["paid", "refunded"] = "paid"
    through: Literal["portal", "province"] = "province"


_LATER: Final = {"paid": ("unpaid",), "refunded": ("unpaid", "paid")}
"""What of its source's word each of ours comes after."""


def with_payments(data: Mapping[str, Any], paid: Sequence[PaidFee]) -> dict[str, Any]:
    """A record's data with what was paid through us: its fees' states, and where they were paid.

    A fee is known by kind, code and amount, each one once. Whatever its source says that is later than ours stays.
    """
    if not paid:
        return dict(data)
    fees = [dict(fee) for fee in data.get("fees") or ()]
    open_fees = list(fees)
    for one in paid:
        found = next((fee for fee in open_fees if _is_of(fee, one)), None)
        if found is not None:
            open_fees.remove(found)
            found["state"] = one.state if found["state"] in _LATER[one.state] else found["state"]
        elif not any((fee["kind"], fee["code"]) == (one.kind, one.code) for fee in fees):
            fees.append(_fee(one))
    return {**data, "fees": fees, **_way(data, fees, paid)}


def _way(data: Mapping[str, Any], fees: Sequence[Mapping[str, Any]], paid: Sequence[PaidFee]) -> dict[str, str]:
    """Where it was paid. What was shown of money that is all paid back is taken back; else its source's word stands."""
    ways = {one.through for one in paid if one.state == "paid"}
    if ways:
        return {"paid_online": "portal" if "portal" in ways else "province"}
    was_paid = data.get("paid_online") not in (None, "none")
    return {"paid_online": "none"} if was_paid and not any(fee["state"] == "paid" for fee in fees) else {}


def _is_of(fee: Mapping[str, Any], one: PaidFee) -> bool:
    return (fee["kind"], fee["code"], fee["amount"], fee["currency"]) == (one.kind, one.code, one.amount, one.currency)


def _fee(one: PaidFee) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "kind": one.kind,
        "amount": one.amount,
        "currency": one.currency,
        "state": one.state,
    }
