"""What a third party needs to check one dossier without us: its rows, their bytes, and the way to a signed checkpoint.

A move's hash stands on the digest of its content (`bus/evidence.py`), so the moves of other dossiers that lie between
ours and the next checkpoint are shown as those digests alone. `docs/verify_bundle.py` checks the whole with nothing of
ours. Reads only, from one snapshot; bodies are opened one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, TypeAlias

import msgspec

from bus.bodies import EVENT, EXCHANGE, HEARING, OFFER, REPORT, Bodies
from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.evidence import MoveRow, row_digest
from bus.signature_evidence import rows_of

Member: TypeAlias = tuple[str, Iterable[bytes]]
"""A name and the bytes under it."""

MASKED: Final = "masked"
DESTROYED: Final = "destroyed"
SHARED: Final = "shared"
"""Why bytes are left out: the bundle is masked; retention or erasure took them; the call carried other dossiers too."""

_EVENT: Final = (
    "id", "source", "event_id", "kind", "dossier", "sequence", "occurred_at", "accepted_at", "digest", "commitment",
)  # fmt: skip
_DELIVERY: Final = (
    "id", "event", "partner", "rule", "status", "mapping", "state", "cause", "reason", "tries", "accepted_at",
    "changed_at",
)  # fmt: skip
_ATTEMPT: Final = ("id", "delivery", "n", "worker", "started_at", "outcome", "code", "reason")
_EXCHANGE: Final = (
    "id", "operation", "method", "url", "status", "sent_at", "took_us", "trouble", "key_id", "algorithm", "commitment",
)  # fmt: skip
_PAYMENT: Final = (
    "id", "source", "name", "dossier", "event", "amount", "currency", "unit", "procedure", "kinds", "fees", "number",
    "gateway", "receipts", "issuer", "account", "account_bank", "account_name", "state", "expires_at", "paid_attempt",
    "paid_at", "refunded", "created_at",
)  # fmt: skip
_PAYMENT_ATTEMPT: Final = (
    "id", "payment", "n", "partner", "reference", "delivery", "state", "made_at", "opened_at", "open_until",
    "offer_commitment", "transaction_id", "amount", "bank", "paid_at", "paid_time", "code",
)  # fmt: skip
_HEARING: Final = (
    "id", "at", "partner", "reference", "attempt", "via", "verdict", "effect", "transaction_id", "amount", "currency",
    "code", "address", "key_id", "commitment",
)  # fmt: skip
_SIGNATURE: Final = (
    "id", "source", "name", "dossier", "event", "after", "service", "role", "level", "unit", "procedure", "state",
    "delivery", "n", "request", "handle", "certificate", "chain", "code", "via", "expires_at", "opened_at", "signed_at",
    "made_at", "created_at",
)  # fmt: skip
_SIGN_DOCUMENT: Final = (
    "signature", "n", "name", "form", "is_result", "continues", "given", "prepared", "plan", "digest", "value",
    "signed", "verdict", "report_commitment", "reached", "code",
)  # fmt: skip
_SIGN_TRY: Final = ("signature", "n", "service", "request", "handle", "state", "code", "ended_at")
_SIGN_HEARING: Final = (
    "id", "at", "partner", "signature", "via", "verdict", "effect", "code", "address", "commitment",
)  # fmt: skip
_PARTS: Final = ("request-head", "request-body", "reply-head", "reply-body")


class Bundle:
    """One dossier's evidence, as members of an archive."""

    def __init__(self, tx: Tx, bodies: Bodies, number: str, *, signers: frozenset[str], is_masked: bool) -> None:
        """`signers`: ids of the keys whose checkpoints count.

        Raises NotFound, and NotAllowedNow while a move of the dossier is under no checkpoint of theirs.
        """
        row = tx.one("read_dossier", number)
        if row is None:
            raise NotFound(f"no dossier {number}")
        self._tx = tx
        self._bodies = bodies
        self._dossier: int = row[0]
        self._is_masked = is_masked
        self._moves = [MoveRow._make(move) for move in tx.all("bundle_moves", self._dossier)]
        self._ends, self._marks = _covering(tx, self._moves, signers)
        self.signers: Final = frozenset(mark["key"] for mark in self._marks)
        """Whose public keys the reader needs."""

    def members(self) -> Iterator[Member]:
        """Name by name; the bytes of one member are to be taken before the next is asked for."""
        events = self._tx.all("bundle_events", self._dossier)
        attempts = self._tx.all("bundle_attempts", self._dossier)
        exchanges = [*self._exchanges(attempts)]
        yield "events.ndjson", _lines(self._line(_EVENT, row, row[11]) for row in events)
        yield (
            "deliveries.ndjson",
            _lines(_named(_DELIVERY, row) for row in self._tx.all("bundle_deliveries", self._dossier)),
        )
        yield "attempts.ndjson", _lines(_named(_ATTEMPT, row) | {"exchanges": json.loads(row[8])} for row in attempts)
        yield "exchanges.ndjson", _lines(self._line(_EXCHANGE, row, row[12], is_shared) for row, is_shared in exchanges)
        yield "moves.ndjson", _lines(_named(MoveRow._fields, move) for move in self._moves)
        yield "links.ndjson", self._links()
        yield "checkpoints.ndjson", _lines(self._marks)
        payments, told = self._tx.all("bundle_payments", self._dossier), self._told()
        yield "payments.ndjson", _lines(self._payment(row) for row in payments)
        yield "hearings.ndjson", _lines(self._line(_HEARING, row, row[16]) for kind, row in told if kind == HEARING)
        yield from self._signed()
        for row in events:
            if self._why_not(row[11]) is None:
                yield from self._event(row)
        for kind, row in told:
            if self._why_not(row[16]) is None:
                yield from self._word(kind, row)
        for row, is_shared in exchanges:
            if self._why_not(row[12], is_shared) is None:
                yield from self._exchange(row)

    # -- rows ---------------------------------------------------------------------------------------------------

    def _exchanges(self, attempts: Sequence[Row]) -> Iterator[tuple[Row, bool]]:
        """Each call once, and whether it spoke of other dossiers too."""
        calls = {number: attempt[0] for attempt in attempts for number in json.loads(attempt[8])}
        for number, attempt in calls.items():
            row = self._tx.one("bundle_exchange", number)
            assert row is not None
            yield row, self._tx.one("is_shared", attempt, self._dossier, number) is not None

    def _line(self, names: Sequence[str], row: Row, is_gone: int, is_shared: bool = False) -> dict[str, Any]:
        return _named(names, row) | {"left_out": self._why_not(is_gone, is_shared)}

    def _why_not(self, is_gone: int, is_shared: bool = False) -> str | None:
        if self._is_masked:
            return MASKED
        if is_gone:
            return DESTROYED
        return SHARED if is_shared else None

    def _payment(self, row: Row) -> dict[str, Any]:
        attempts = self._tx.all("attempts_stand", row[0])
        return _named(_PAYMENT, row) | {"attempts": [_named(_PAYMENT_ATTEMPT, each) for each in attempts]}

    def _told(self) -> list[tuple[bytes, Row]]:
        """What gateways told of the dossier's payments, and where they could be paid; both as rows of one shape."""
        hearings = [(HEARING, row) for row in self._tx.all("bundle_hearings", self._dossier)]
        return hearings + [(OFFER, row) for row in self._tx.all("bundle_offers", self._dossier)]

    def _signed(self) -> Iterator[Member]:
        """The dossier's signatures, what services told of them, and how its signed documents were verified."""
        numbers = [row[0] for row in self._tx.all("bundle_signatures", self._dossier)]
        told = self._tx.all("bundle_signature_hearings", self._dossier)
        yield "signatures.ndjson", _lines(map(self._signature, numbers))
        yield "signature_hearings.ndjson", _lines(self._line(_SIGN_HEARING, row, row[11]) for row in told)
        for row in told:
            if self._why_not(row[11]) is None:
                yield from self._salted(f"signature_hearings/{row[0]}", row[10], HEARING, row[9])
        for row in self._tx.all("bundle_reports", self._dossier):
            if self._why_not(row[4]) is None:
                yield from self._salted(f"reports/{row[0]}-{row[1]}", row[3], REPORT, row[2])

    def _signature(self, number: int) -> dict[str, Any]:
        row, documents, tries = rows_of(self._tx, number)
        return _named(_SIGNATURE, row) | {
            "documents": [_named(_SIGN_DOCUMENT, each) for each in documents],
            "tries": [_named(_SIGN_TRY, each) for each in tries],
        }

    # -- bytes --------------------------------------------------------------------------------------------------

    def _event(self, row: Row) -> Iterator[Member]:
        salt, body = self._opened(row[10], EVENT, row[9])
        yield f"events/{row[0]}/salt", [salt]
        yield f"events/{row[0]}/body.json", [body]

    def _exchange(self, row: Row) -> Iterator[Member]:
        salt, packed = self._opened(row[11], EXCHANGE, row[10])
        yield f"exchanges/{row[0]}/salt", [salt]
        for name, part in zip(_PARTS, msgspec.msgpack.decode(packed), strict=True):
            if part is not None:
                yield f"exchanges/{row[0]}/{name}", [part]

    def _word(self, kind: bytes, row: Row) -> Iterator[Member]:
        yield from self._salted(f"{kind.decode()}s/{row[0]}", row[15], kind, row[14])

    def _salted(self, folder: str, body: int, context: bytes, commitment: bytes) -> Iterator[Member]:
        salt, opened = self._opened(body, context, commitment)
        yield f"{folder}/salt", [salt]
        yield f"{folder}/body", [opened]

    def _opened(self, body: int, context: bytes, commitment: bytes) -> tuple[bytes, bytes]:
        row = self._tx.one("read_body", body)
        assert row is not None
        return self._bodies.open_salted(row[0], row[1], context, commitment)

    # -- the way to a checkpoint --------------------------------------------------------------------------------

    def _links(self) -> Iterator[bytes]:
        """The digests of what stands between our moves and the first checkpoint after each."""
        own = {(move.partition, move.n) for move in self._moves}
        reached: dict[int, int] = {}
        for move in self._moves:
            end = self._ends[move.partition, move.n]
            if end > max(move.n, reached.get(move.partition, 0)):
                reached[move.partition] = end
                yield from self._links_after(move, end, own)

    def _links_after(self, move: MoveRow, end: int, own: set[tuple[int, int]]) -> Iterator[bytes]:
        rows = map(MoveRow._make, self._tx.each("moves_after", move.id, move.partition))
        between = takewhile(lambda row: row.n <= end, rows)
        return _lines(
            {"partition": row.partition, "n": row.n, "content": row_digest(row[1:12]).hex()}
            for row in between
            if (row.partition, row.n) not in own
        )


def _covering(
    tx: Tx, moves: Sequence[MoveRow], signers: frozenset[str]
) -> tuple[dict[tuple[int, int], int], list[dict[str, Any]]]:
    """For each move the row of its chain that the first checkpoint after it fixes; and those checkpoints."""
    waiting: dict[int, list[int]] = {}
    for move in reversed(moves):
        waiting.setdefault(move.partition, []).append(move.n)
    ends: dict[tuple[int, int], int] = {}
    marks: list[dict[str, Any]] = []
    for at, statement, key, signature in tx.each("all_checkpoints"):
        heads = json.loads(statement)["heads"] if key in signers else []
        found = {(p, n): end for p, end, _ in heads for n in _up_to(waiting.get(p, []), end)}
        if found:
            ends |= found
            marks.append({"at": at, "statement": statement.decode(), "key": key, "signature": signature.hex()})
    if any(waiting.values()):
        raise NotAllowedNow("a move of this dossier is under no signed checkpoint yet; run the command again")
    return ends, marks


def _up_to(waiting: list[int], end: int) -> Iterator[int]:
    """Takes from the list, smallest first, what is not beyond the end."""
    while waiting and waiting[-1] <= end:
        yield waiting.pop()


def _named(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {name: value.hex() if type(value) is bytes else value for name, value in zip(names, row, strict=False)}


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
