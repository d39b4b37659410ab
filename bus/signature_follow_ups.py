"""What the ledger tells of signatures: events of its own, in the transaction of what they tell.

`signature.made`, `declined` and `expired` go to the one-stop system that takes their source's outcomes. Like a told
outcome, such an event is in the ledger exactly when its cause is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bus.bodies import Bodies
from bus.engines.sqlite import Tx
from bus.follow_ups import fitting, told_to
from bus.messages import SIGNATURE_DECLINED, SIGNATURE_EXPIRED, SIGNATURE_MADE, canonical_bytes
from bus.payment_follow_ups import LONGEST_CODE, iso, ledger_event
from bus.ports import CrashPoint
from bus.prepared import Prepared
from bus.recording import Recorder
from bus.signature_rule import declined_by
from bus.signature_standing import SignatureRow, read_documents
from bus.signatures import FinishOutcome, SignaturePolicy
from bus.times import from_ms

LEVELS: Final = ("B-B", "B-T", "B-LT", "B-LTA")
"""From the least on."""
OF_DOCUMENT: Final = ("code", "url", "url_until", "sha256", "size", "verdict")
"""Told of every document, as null where there is nothing to tell: why it failed, or what is signed."""


class SignatureNews:
    """Tells what became of signatures. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, recorder: Recorder, bodies: Bodies, policy: SignaturePolicy, crash_point: CrashPoint) -> None:
        self._recorder = recorder
        self._bodies = bodies
        self._policy = policy
        self._point = crash_point

    def made(self, tx: Tx, row: SignatureRow, names: Mapping[int, str], outcome: FinishOutcome, at: int) -> None:
        """It is made; `names`: what its documents are called, by their places."""
        until = from_ms(at) + self._policy.url_life
        documents = []
        for one in read_documents(tx, row.id):
            told: dict[str, Any] = {"id": one.name, "name": names[one.n], **dict.fromkeys(OF_DOCUMENT)}
            if one.signed is None or one.code:
                told |= {"state": "failed", "code": one.code or "not_signed"}
            else:
                told |= {
                    "state": "signed",
                    "url": self._policy.document_url(one.signed, until),
                    "url_until": iso(until),
                    "sha256": one.signed_sha256,
                    "size": one.signed_size,
                    "verdict": one.verdict,
                }
            documents.append(told)
        data = {
            "signature": row.name,
            "service": row.service,
            "signer_subject": outcome.signer_subject,
            "serial": outcome.serial,
            "signed_at": iso(outcome.signed_at or row.signed_at or at),
            "level": _reached(row, [one.reached for one in read_documents(tx, row.id) if one.reached]),
            "via": row.via,
            "documents": documents,
        }
        self._tell(tx, row, SIGNATURE_MADE, data, at)

    def declined(self, tx: Tx, row: SignatureRow, code: str, reason: str, at: int) -> None:
        """It will not be made, unless somebody asks for it again."""
        data = {
            "signature": row.name,
            "service": row.service,
            "code": fitting(code)[:LONGEST_CODE],
            "reason": fitting(reason),
            "by": declined_by(code),
        }
        self._tell(tx, row, SIGNATURE_DECLINED, data, at)

    def expired(self, tx: Tx, row: SignatureRow, at: int) -> None:
        """Nobody signed it in time."""
        self._tell(tx, row, SIGNATURE_EXPIRED, {"signature": row.name, "expired_at": iso(row.expires_at)}, at)

    def _tell(self, tx: Tx, row: SignatureRow, kind: str, data: Mapping[str, Any], at: int) -> None:
        partner = self._policy.taker(row.source)
        if partner is None:
            return
        event = ledger_event(kind, _name(tx, row, kind, data, at), row.number, from_ms(at), data, row.traceparent)
        prepared = Prepared(
            event=event,
            sealed=self._bodies.seal_event(event),
            terms=frozenset(),
            routes=(told_to(partner, kind),),
            order="arrival",
        )
        number = self._recorder.record_own(tx, prepared, row.dossier, row.due_at, at)
        tx.run("add_signature_news", number, row.id)
        self._point("sign.after_news")


def _reached(row: SignatureRow, levels: Sequence[str]) -> str:
    """The least of its documents; what was asked for where nobody said."""
    return min(levels, key=LEVELS.index, default=row.level)


def _name(tx: Tx, row: SignatureRow, kind: str, data: Mapping[str, Any], at: int) -> str:
    """For ever its own: a ledger that was restored counts its news again, but they do not say the same."""
    count = tx.one("count_signature_news", row.id)
    assert count is not None
    told = canonical_bytes([row.source, row.name, count[0], at, data])
    return f"{kind}.{hashlib.sha256(told).hexdigest()[:32]}"
