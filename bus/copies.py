"""A copy of the ledger, made while it is in use, and checked before anybody counts on it.

Checked is what can go wrong between two disks: every page and index, the schema's version, and the chains. Each must
end where its head says, at a move of the ledger that was copied, and no earlier than when the copying began.
"""

from __future__ import annotations

import os
from pathlib import Path

from bus.engines.sqlite import Row, SqliteEngine, Tx
from bus.errors import LedgerDamaged, LedgerUnavailable
from bus.ledger import schema_version


def copy_of(engine: SqliteEngine, target: str | Path) -> Path:
    """Copy the ledger to `target`; a bad copy is deleted. Raises LedgerDamaged, LedgerUnavailable."""
    whole, partial = Path(target), Path(f"{target}.partial")
    partial.unlink(missing_ok=True)
    try:
        new_private(partial)
        with engine.snapshot() as source:
            begun = source.all("all_chain_heads")
        engine.backup_to(partial)
        with engine.opened(partial) as copy:
            require_whole(copy)
            _require_same(engine, copy, begun)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(whole)
    except OSError as failure:
        raise LedgerUnavailable(f"the ledger cannot be copied to {target}: {failure.strerror}") from failure
    finally:
        partial.unlink(missing_ok=True)
    return whole


def new_private(path: Path) -> None:
    """An empty file that only its owner may read, before the first byte of a ledger is in it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def require_whole(tx: Tx) -> None:
    """Every page can be read, every index fits, every chain ends where its head says. Raises LedgerDamaged."""
    found = tx.all("integrity_check")
    if found != [("ok",)]:
        raise LedgerDamaged(f"the file is not whole: {found[0][0]}")
    for partition, n, digest, _mac in tx.all("all_chain_heads"):
        if tx.one("last_move", partition) != (n, digest):
            raise LedgerDamaged(f"chain {partition} does not end where its head says")


def _require_same(engine: SqliteEngine, copy: Tx, begun: list[Row]) -> None:
    """The copy is of this ledger, as it was while the copying went on; the ledger may have gone on since."""
    heads = {row[0]: row[1:3] for row in copy.all("all_chain_heads")}
    with engine.snapshot() as source:
        if schema_version(copy) != schema_version(source):
            raise LedgerDamaged("the copy has another schema than the ledger")
        if any(heads.get(partition, (0,))[0] < n for partition, n, _digest, _mac in begun):
            raise LedgerDamaged("the copy's chains end before the copying began")
        if any(source.one("find_move", partition, n) != (digest,) for partition, (n, digest) in heads.items()):
            raise LedgerDamaged("the copy's chains do not end at moves of the ledger")
