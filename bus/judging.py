"""What a person's move would come to, told without making it: the dry run, and the first half of the move itself.

Only reads. Whether one is overtaken depends on what is newer than it in its lane; so of several that are judged at
once, those of one lane are moved from the oldest on (`selections.py`), and none changes the verdict on the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, assert_never

from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.messages import State
from bus.refund_rules import REFUND_WAITS

Act: TypeAlias = Literal["replay", "release", "cancel", "resolve"]
Resolution: TypeAlias = Literal["arrived", "send_again", "go_on"]
How: TypeAlias = Resolution | Literal[""]
"""Of `resolve`: as it was found at the partner."""
REPLAYABLE: Final = frozenset({State.HELD, State.REFUSED, State.CANCELLED, State.NOT_OURS, State.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where a delivery will stand, and because of what."""

    state: State
    cause: str
    blocks: bool = True
    is_asked: bool = False
    """Whether the partner is asked about it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A delivery with all that decides whether a person's move is legal."""

    delivery: int
    state: State
    rule: str
    event: int
    place: int | None
    lane: int
    partner: str
    step_place: int | None
    is_unanswered: bool
    cause: str
    tries: int

    @property
    def is_step(self) -> bool:
        """Sent twice it would stand at the partner twice."""
        return self.rule == "every_step"


def target(tx: Tx, delivery: int) -> Target:
    """The delivery, unless a worker has it at this moment. Raises NotFound, NotAllowedNow."""
    row = tx.one("repair_target", delivery)
    if row is None:
        raise NotFound(f"no delivery {delivery}")
    if row[6] is not None and row[7] == delivery:
        raise NotAllowedNow(
            f"delivery {delivery} is on its way at this moment; try again when it has settled", code="on_its_way"
        )
    return _target(delivery, row)


def _target(delivery: int, row: Row) -> Target:
    return Target(
        delivery=delivery,
        state=State(row[0]),
        rule=row[1],
        event=row[2],
        place=row[3],
        lane=row[4],
        partner=row[5],
        step_place=row[9],
        is_unanswered=bool(row[13]),
        cause=row[12],
        tries=row[11],
    )


def judge(tx: Tx, of: Target, act: Act, how: How = "") -> Verdict:
    """What this act makes of it. Raises NotAllowedNow."""
    if of.is_step and tx.one("is_refund_delivery", of.delivery) is not None:
        return _of_refund(of, act)
    if of.is_step and tx.one("is_payment_delivery", of.delivery) is not None:
        return _of_payment(of, act)
    if of.is_step and tx.one("signature_of_delivery", of.delivery) is not None:
        return _of_signature(of, act)
    match act:
        case "replay":
            return _replayed(tx, of)
        case "release":
            return _released(tx, of)
        case "cancel":
            return _cancelled(of)
        case "resolve":
            return _resolved(tx, of, how)
        case _:
            assert_never(act)


def _of_refund(of: Target, act: Act) -> Verdict:
    """A refund has verbs of its own (`refunds.py`): here it would go without its second person, or twice."""
    if act not in ("replay", "release") or of.state is not State.HELD or of.cause in REFUND_WAITS:
        raise NotAllowedNow(
            f"delivery {of.delivery} carries a refund: approve, reject, resolve or record the refund itself",
            code="refund_has_own_verbs",
        )
    if of.tries:  # it left once: whatever came of that, the gateway is asked before it goes again
        return Verdict(state=State.IN_DOUBT, cause="replayed", is_asked=True)
    return Verdict(state=State.WAITING, cause="replayed")


def _of_payment(of: Target, act: Act) -> Verdict:
    """A payment has verbs of its own (`payment_hands.py`): here one reference would be opened twice, or a payment stand
    as paid that nobody paid."""
    if act == "resolve" or of.state is not State.HELD:
        raise NotAllowedNow(
            f"delivery {of.delivery} opens a payment: ask its gateway, or try the payment again",
            code="payment_has_own_verbs",
        )
    return _of_held(of, act)


def _of_signature(of: Target, act: Act) -> Verdict:
    """A signature has verbs of its own (`signature_hands.py`): here a person would be asked to sign twice."""
    if act == "resolve" or of.state is not State.HELD:
        raise NotAllowedNow(
            f"delivery {of.delivery} carries a signature: ask its service, or try the signature again",
            code="signature_has_own_verbs",
        )
    return _of_held(of, act)


def _of_held(of: Target, act: Act) -> Verdict:
    """Our own trouble kept it: whatever was tried is asked about, and never just sent."""
    if act == "cancel":
        return _cancelled(of)
    if of.tries:
        return Verdict(state=State.IN_DOUBT, cause="replayed", is_asked=True)
    return Verdict(state=State.WAITING, cause="replayed")


def _released(tx: Tx, of: Target) -> Verdict:
    if of.state is not State.HELD:
        raise NotAllowedNow(f"delivery {of.delivery} is {of.state}: only a held one is released", code="not_held")
    return _replayed(tx, of)


def _replayed(tx: Tx, of: Target) -> Verdict:
    if of.state not in REPLAYABLE:
        raise NotAllowedNow(
            f"delivery {of.delivery} is {of.state}: only {', '.join(sorted(REPLAYABLE))} can be replayed",
            code="not_replayable",
        )
    if of.state is State.DELIVERED and of.is_step:
        raise NotAllowedNow(
            f"delivery {of.delivery} is a step the partner has: sent again it would stand there twice",
            code="would_double",
        )
    if is_overtaken(tx, of):
        return Verdict(state=State.SUPERSEDED, cause="replay_overtaken", blocks=False)
    if of.is_step and of.is_unanswered:
        # Given up while it was in doubt: it may have arrived, so it is asked about, or shown, before it goes.
        return Verdict(state=State.IN_DOUBT, cause="replayed", is_asked=True)
    return Verdict(state=State.WAITING, cause="replayed")


def _cancelled(of: Target) -> Verdict:
    if not of.state.is_open or of.state is State.SENDING:
        raise NotAllowedNow(
            f"delivery {of.delivery} is {of.state}: only an open one that is not on its way is cancelled",
            code="not_open",
        )
    return Verdict(state=State.CANCELLED, cause="cancelled", blocks=False)


def _resolved(tx: Tx, of: Target, how: How) -> Verdict:
    if of.state is not State.IN_DOUBT:
        raise NotAllowedNow(f"delivery {of.delivery} is {of.state}: only one in doubt is resolved", code="not_in_doubt")
    if how == "arrived":
        return Verdict(state=State.DELIVERED, cause="resolved_arrived", blocks=False)
    if how != "send_again":
        return Verdict(state=State.CANCELLED, cause="resolved_go_on", blocks=False)
    if not is_overtaken(tx, of):
        return Verdict(state=State.WAITING, cause="resolved_send_again")
    if of.is_step:
        raise NotAllowedNow(
            f"delivery {of.delivery}: a later step was sent; sent now it would set the portal back",
            code="would_set_back",
        )
    return Verdict(state=State.SUPERSEDED, cause="resolved_overtaken", blocks=False)


def is_overtaken(tx: Tx, of: Target) -> bool:
    """Whether sending it would put something older after something newer. Raises NotAllowedNow behind a gap."""
    if of.place is None:
        raise NotAllowedNow(f"delivery {of.delivery} waits behind a gap: skip the gap first", code="behind_gap")
    if not of.is_step:
        # One that waits counts too: it may stand before its time in the line, so that it goes before early steps.
        return bool(tx.one("newer_record_sent", of.event, of.lane) or tx.one("newer_record_waiting", of.event, of.lane))
    if of.step_place is not None and of.place < of.step_place:
        return True
    return bool(tx.one("later_was_sent", of.lane, of.rule, of.delivery, of.place, of.place, of.event))
