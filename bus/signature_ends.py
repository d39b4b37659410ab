"""How a signature ends without being made: told to its source, its delivery over, and what waited for it ends too."""

from __future__ import annotations

from bus.engines.sqlite import Tx
from bus.lanes import BUS
from bus.moves import MoveWriter
from bus.ports import CrashPoint
from bus.signature_deliveries import stand
from bus.signature_evidence import note
from bus.signature_follow_ups import SignatureNews
from bus.signature_standing import SignatureRow, read_signature
from bus.signatures import SignatureState

BEFORE_DECLINED = "before_declined"


class SignatureEnds:
    """One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, news: SignatureNews, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._news = news
        self._point = crash_point

    def give_up(
        self, tx: Tx, row: SignatureRow, to: SignatureState, code: str, reason: str, at: int, actor: str, said: str = ""
    ) -> None:
        """Nothing more is expected of it by itself; `said`: what stands in its move, where that is more than the code.

        A value that proves it may still come, after its time.
        """
        tx.run("end_signature", to, code, at, row.id)
        if row.one_time is not None:
            tx.run("put_one_time", None, row.id)
            tx.run("destroy_body", row.one_time)
        self.ended(tx, row, to, code, reason, at, actor, said or code)

    def ended(
        self, tx: Tx, row: SignatureRow, to: SignatureState, code: str, reason: str, at: int, actor: str, said: str
    ) -> None:
        """What follows of an end that is written."""
        note(tx, self._moves, row.id, said, at, actor)
        self._point("sign.after_end")
        stand(tx, self._moves, row.delivery, to, at, actor)
        if to is SignatureState.EXPIRED:
            self._news.expired(tx, row, at)
        else:
            self._news.declined(tx, row, code, reason, at)
        for (number,) in tx.all("signatures_after", row.id):
            follower = read_signature(tx, number)
            why = f"signature {row.name}, whose documents it signs further, was not made"
            self.give_up(tx, follower, SignatureState.DECLINED, BEFORE_DECLINED, why, at, BUS)
