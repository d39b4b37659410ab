"""Pure. The hash chains of moves, their heads, and the signed checkpoints over them.

Every change of state is a row in `moves`, chained to the row before it in its partition: sixteen partitions for lanes,
so that the chain never serialises the workers, and one for moves of the whole installation.

    hash(n) = SHA-256( hash(n-1) ‖ SHA-256( [partition, n, at, …, binds] as JSON ) )      hash(0) = 32 zero bytes

The content goes in as a digest, so that a bundle for one dossier can show the way from its rows to a signed checkpoint
without showing the rows of other dossiers that stand between (`bus/bundle.py`).

Who changes a row breaks its hash. Who recomputes one hash breaks the next row's. Who recomputes all of them cannot make
the head's MAC without the master key; and whoever has the master key cannot sign a checkpoint. `docs/verify_ledger.py`
checks the same with nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

LANE_PARTITIONS: Final = 16
INSTALLATION: Final = LANE_PARTITIONS
"""The partition of moves that concern no lane: tables, rights, partners held, migrations."""
GENESIS: Final = bytes(32)
"""What stands before the first row of a partition."""
CHECKPOINT: Final = "lienthong checkpoint 1"

Field: TypeAlias = str | int | bytes | Sequence[str] | None
What: TypeAlias = Literal["edited", "deleted", "swapped", "inserted", "cut", "head", "checkpoint"]

_json: Final = msgspec.json.Encoder()
_sorted_json: Final = msgspec.json.Encoder(order="sorted")


class MoveRow(NamedTuple):
    """One row of `moves`, columns in the table's order; a tuple, because a million of them are verified in one go."""

    id: int
    partition: int
    n: int
    at: int
    delivery: int | None
    event: int | None
    from_state: str | None
    to_state: str | None
    cause: str
    reason: str
    actor: str
    binds: bytes | None
    prev: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last row of a partition, as the ledger remembers it apart from the rows."""

    partition: int
    n: int
    hash: bytes
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A statement over all heads at one time, and its signature."""

    statement: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row that is not as it was written, and what was done to it."""

    what: What
    partition: int
    n: int
    detail: str
    id: int | None = None

    def __str__(self) -> str:
        row = f" (id {self.id})" if self.id is not None else ""
        return f"partition {self.partition}, row {self.n}{row}: {self.what}: {self.detail}"


def partition_of(lane: int) -> int:
    """Where the moves of a lane are chained."""
    return lane % LANE_PARTITIONS


def canonical_array(fields: Sequence[Field]) -> bytes:
    """The fields as a JSON array without blanks, bytes as hex: what `json.dumps` of the standard library makes too."""
    return _json.encode([f.hex() if type(f) is bytes else f for f in fields])


def chain(prev_hash: bytes, fields: Sequence[Field]) -> bytes:
    """The hash of a row that follows the row with `prev_hash`."""
    return hashlib.sha256(prev_hash + row_digest(fields)).digest()


def row_digest(fields: Sequence[Field]) -> bytes:
    """Of a move's content, for its chain; of a table's row, named by its first field, for the move that wrote it."""
    return hashlib.sha256(canonical_array(fields)).digest()


def move_hash(row: MoveRow) -> bytes:
    """The hash that this row must have, given its own `prev`."""
    return chain(row.prev, row[1:12])


def head_mac(key: bytes, partition: int, n: int, hash: bytes) -> bytes:
    """Authenticates a head, so that a chain cut or written anew cannot be given another one without the master key."""
    return hmac.digest(key, canonical_array([partition, n, hash]), "sha256")


def checkpoint_statement(heads: Iterable[Head], at_ms: int, previous: bytes | None) -> bytes:
    """What a checkpoint signs: every head, the time, and the SHA-256 of the statement before."""
    return _sorted_json.encode(
        {
            "at": at_ms,
            "heads": [[head.partition, head.n, head.hash.hex()] for head in sorted(heads, key=lambda h: h.partition)],
            "previous": hashlib.sha256(previous).hexdigest() if previous is not None else None,
            "what": CHECKPOINT,
        }
    )


def make_checkpoint(
    heads: Iterable[Head], at_ms: int, previous: bytes | None, sign: Callable[[bytes], bytes]
) -> Checkpoint:
    """Sign a statement over the heads; `previous` is the statement before this one."""
    statement = checkpoint_statement(heads, at_ms, previous)
    return Checkpoint(statement=statement, signature=sign(statement))


def verify_checkpoints(
    checkpoints: Iterable[Checkpoint], is_signed: Callable[[bytes, bytes], bool]
) -> Iterator[Finding]:
    """Check signatures and order of the checkpoints, oldest first; `is_signed(statement, signature)` knows the key."""
    previous: str | None = None
    for n, checkpoint in enumerate(checkpoints, start=1):
        if not is_signed(checkpoint.statement, checkpoint.signature):
            yield _checkpoint_finding(n, "its signature does not fit its statement")
        elif msgspec.json.decode(checkpoint.statement)["previous"] != previous:
            yield _checkpoint_finding(n, "it does not follow the checkpoint before it")
        previous = hashlib.sha256(checkpoint.statement).hexdigest()


def checkpoint_anchors(checkpoints: Iterable[Checkpoint]) -> dict[tuple[int, int], bytes]:
    """The hashes that checkpoints fix, by partition and n: what `verify_chain` holds the rows against."""
    return {
        (partition, n): bytes.fromhex(hash)
        for checkpoint in checkpoints
        for partition, n, hash in msgspec.json.decode(checkpoint.statement)["heads"]
    }


def verify_chain(
    rows: Iterable[MoveRow],
    heads: Iterable[Head] | None = None,
    *,
    head_key: bytes | None = None,
    anchors: Mapping[tuple[int, int], bytes] | None = None,
) -> Iterator[Finding]:
    """Every place where the rows, ordered by partition and n, are not as they were written. Streams; keeps no rows.

    After a finding it goes on from the row as it stands, so that one changed row is one finding. Without `heads` a cut
    end cannot be noticed, and without `head_key` nor `anchors` a chain that was written anew from some row on cannot.
    """
    walks: dict[int, _Walk] = {}
    for row in rows:
        walk = walks.get(row.partition)
        if walk is None:
            walk = walks[row.partition] = _Walk(row.partition)
        if (finding := walk.step(row)) is not None:
            yield finding
        if anchors and anchors.get((row.partition, row.n), row.hash) != row.hash:
            yield _finding("checkpoint", row, "a signed checkpoint names another hash; the chain was written anew")
    if heads is not None:
        yield from _head_findings(walks, heads, head_key)
    yield from _anchor_findings(walks, anchors or {})


class _Walk:
    """Where the walk through one partition stands."""

    __slots__ = ("before", "hash", "id", "n", "partition")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.n = 0
        self.id: int | None = None
        self.hash = GENESIS
        self.before: bytes | None = None
        """The hash of the last row but one."""

    def step(self, row: MoveRow) -> Finding | None:
        is_next = row.n == self.n + 1 and (self.id is None or row.id > self.id)
        is_well = is_next and row.prev == self.hash and move_hash(row) == row.hash
        finding = None if is_well else self._judge(row)
        self.before, self.hash, self.n, self.id = self.hash, row.hash, row.n, row.id
        return finding

    def _judge(self, row: MoveRow) -> Finding:
        """What happened to a row that does not fit; the row named is the one to look at first."""
        if row.n > self.n + 1:
            return Finding(
                what="deleted",
                partition=row.partition,
                n=self.n + 1,
                detail=f"rows {self.n + 1} to {row.n - 1} are missing" if row.n > self.n + 2 else "the row is missing",
            )
        if row.n <= self.n:
            return _finding("inserted", row, "this number is taken; a row was put in")
        is_whole = move_hash(row) == row.hash
        if row.prev == self.hash:
            what: What = "swapped" if is_whole else "edited"
            return _finding(what, row, "its id is out of order" if is_whole else "its content does not fit its hash")
        if self.id is not None and row.prev == self.before:
            return self._last("inserted", "the row after it follows the row before it")
        if self.id is not None and is_whole:
            return self._last("edited", "the row after it remembers another hash")
        return _finding(
            "swapped", row, "it stood elsewhere: rows were exchanged, or one taken out and the rest renumbered"
        )

    def _last(self, what: What, detail: str) -> Finding:
        """The row before this one is the bad one."""
        return Finding(what=what, partition=self.partition, n=self.n, id=self.id, detail=detail)


def _head_findings(walks: Mapping[int, _Walk], heads: Iterable[Head], key: bytes | None) -> Iterator[Finding]:
    known = {head.partition: head for head in heads}
    for partition in sorted(walks.keys() | known.keys()):
        walk, head = walks.get(partition) or _Walk(partition), known.get(partition)
        if head is None:
            yield Finding(what="head", partition=partition, n=walk.n, detail="the head of the partition is missing")
        elif key is not None and not hmac.compare_digest(head.mac, head_mac(key, partition, head.n, head.hash)):
            yield Finding(
                what="head", partition=partition, n=head.n, detail="the head was not made with the master key"
            )
        elif walk.n < head.n:
            yield Finding(
                what="cut", partition=partition, n=walk.n + 1, detail=f"the end is missing, up to row {head.n}"
            )
        elif walk.n > head.n:
            yield Finding(what="inserted", partition=partition, n=head.n + 1, detail="rows were put after the head")
        elif walk.hash != head.hash:
            yield Finding(
                what="edited", partition=partition, n=head.n, id=walk.id, detail="the head remembers another hash"
            )


def _anchor_findings(walks: Mapping[int, _Walk], anchors: Mapping[tuple[int, int], bytes]) -> Iterator[Finding]:
    for partition, n in sorted(anchors):
        last = walks[partition].n if partition in walks else 0
        if last < n:
            detail = f"a signed checkpoint reaches to row {n}"
            yield Finding(what="cut", partition=partition, n=last + 1, detail=detail)


def _finding(what: What, row: MoveRow, detail: str) -> Finding:
    return Finding(what=what, partition=row.partition, n=row.n, id=row.id, detail=detail)


def _checkpoint_finding(n: int, detail: str) -> Finding:
    return Finding(what="checkpoint", partition=INSTALLATION, n=n, detail=f"checkpoint {n}: {detail}")
