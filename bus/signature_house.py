"""Where a ledger's signatures are put together, and hung into its recording, its claims and its settlements."""

from __future__ import annotations

from dataclasses import replace

from bus.claiming import Claimed
from bus.engines.sqlite import Tx
from bus.messages import SIGNATURE_REQUESTED
from bus.moves import MoveWriter
from bus.paid_records import PaidRecords
from bus.payment_house import Parts
from bus.ports import Clock, CrashPoint
from bus.prepared import RECORD_KIND
from bus.signature_book import SignatureBook
from bus.signature_ends import SignatureEnds
from bus.signature_entry import SignatureEntry
from bus.signature_finishing import SignatureFinishing
from bus.signature_follow_ups import SignatureNews
from bus.signature_hands import SignatureHands
from bus.signature_hearing import SignatureHearer
from bus.signature_settling import SignatureSettling
from bus.signature_standing import claim_of
from bus.signatures import SignaturePolicy
from bus.signed_results import SignedResults


def open_signatures(
    of: Parts, records: PaidRecords, policy: SignaturePolicy, *, clock: Clock, crash_point: CrashPoint
) -> SignatureBook:
    """The book of signatures of a ledger; from now on its events, claims and attempts do what they mean for them."""
    news = SignatureNews(of.recorder, of.bodies, policy, crash_point)
    ends = SignatureEnds(of.moves, news, crash_point)
    entry = SignatureEntry(of.recorder, of.moves, of.bodies, policy, ends, crash_point)
    hearer = SignatureHearer(of.moves, of.bodies, policy, ends, crash_point)
    results = SignedResults(of.bodies, policy)
    records.results = results
    hands = SignatureHands(of.moves, of.bodies, entry, ends, policy, clock, crash_point)
    finishing = SignatureFinishing(
        of.engine,
        of.moves,
        of.bodies,
        of.recorder,
        entry,
        ends,
        news,
        records.show_results,
        policy,
        clock=clock,
        crash_point=crash_point,
    )
    of.recorder.signatures = entry
    of.claimer.signed = Signings(results, of.moves).of
    of.settler.signing = SignatureSettling(of.moves, hearer, ends, policy, crash_point)
    return SignatureBook(
        of.engine,
        of.moves,
        of.bodies,
        of.settler,
        hearer,
        ends,
        finishing,
        hands,
        policy,
        of.manners,
        clock=clock,
        crash_point=crash_point,
    )


class Signings:
    """Adds to a claim what is known of signatures. It keeps nothing between transactions."""

    def __init__(self, results: SignedResults, moves: MoveWriter) -> None:
        self._results = results
        self._moves = moves

    def of(self, tx: Tx, claimed: Claimed, at: int) -> Claimed:
        """The claim with its signature, or, of a record, with what was signed."""
        delivery, event, kind = claimed.row[0], claimed.row[9], claimed.row[12]
        if kind == RECORD_KIND:
            return replace(claimed, results=self._results.beside(tx, event))
        row = tx.one("signature_of_delivery", delivery) if kind == SIGNATURE_REQUESTED else None
        return claimed if row is None else replace(claimed, signature=claim_of(tx, row[0], self._moves, at))
