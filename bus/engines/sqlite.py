"""The ledger on SQLite: WAL, `synchronous=FULL`, and one writer thread that commits in groups.

A *job* is a function of an open transaction. Jobs that wait together share one commit, and their callers are answered
only after it. When one of them fails, the group is rolled back and each job runs in a transaction of its own, so that
a bad job fails alone: jobs must be functions of the database, safe to run again.
Processes meet at SQLite's own lock (`BEGIN IMMEDIATE`).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from bus.errors import LedgerBusy, LedgerDamaged, LedgerUnavailable, LedgerUnsafe, ReadTooLong
from bus.ports import CrashPoint, Storage, no_crash
from bus.sql import Migration, load_queries

T = TypeVar("T")
Row = tuple[Any, ...]
Answer: TypeAlias = tuple[Any, Any, BaseException | None]
"""A job's token, its result, and why it failed if it did."""

MINIMUM_VERSION: Final = (3, 37, 0)
"""RETURNING and partial-index plans that the ledger counts on; `check` refuses older."""
BUSY_MS: Final = 5_000
"""How long a writer waits for another process; past it the caller hears 503 and tries again."""
SHORTEST_S: Final = 0.2
"""What a hurried writer waits at least: a writer that was stuck for long may be free again."""
OPEN_ANEW: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""Troubles that stay with the connection: one opened while the file could only be read can never write again."""
STEPS: Final = 20_000
"""Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond."""
BENCH: Final = (
    "temp_store = FILE",
    "main.cache_size = -163840",
    "temp.cache_size = -131072",
    "temp.journal_mode = OFF",
)
"""For much that is only read and much that is only for now: the index of a million references fits into memory, 160 and
128 MB at most, and there is nothing to roll back to."""
MAX_GROUP: Final = 256
"""Jobs in one commit: more would make the first caller wait for the last one's work."""


class Tx:
    """An open transaction: runs queries by name, and collects what is written once at its end."""

    def __init__(self, connection: sqlite3.Connection, queries: dict[str, str]) -> None:
        self._connection = connection
        self._queries = queries
        self.memory: dict[str, Any] = {}
        """What the ledger's modules remember until the transaction ends (chain heads, tallies)."""
        self.at_end: list[Callable[[Tx], None]] = []
        """Called once, in order, before the commit."""
        self.unwritten: Callable[[Tx], None] | None = None
        """Writes rows that are still held back, so that many go in one statement. Every other statement calls it
        first: no question misses them, whoever asks."""

    @property
    def connection(self) -> sqlite3.Connection:
        """For the engine alone."""
        return self._connection

    def write_out(self) -> None:
        """Write what is held back."""
        if (write := self.unwritten) is not None:
            self.unwritten = None
            write(self)

    def glance(self, name: str, *values: Any) -> Row | None:
        """The first row, without what is held back: for who holds it back, and knows it."""
        row: Row | None = self._connection.execute(self._queries[name], values).fetchone()
        return row

    def run(self, name: str, *values: Any) -> int:
        """Run a query that writes; how many rows it changed."""
        self.write_out()
        return self._connection.execute(self._queries[name], values).rowcount

    def insert(self, name: str, *values: Any) -> int:
        """Run an INSERT; the new row's id."""
        self.write_out()
        rowid = self._connection.execute(self._queries[name], values).lastrowid
        assert rowid is not None
        return rowid

    def many(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one writing query for many rows."""
        self.write_out()
        self._connection.executemany(self._queries[name], rows)

    def one(self, name: str, *values: Any) -> Row | None:
        """The first row, or None."""
        self.write_out()
        row: Row | None = self._connection.execute(self._queries[name], values).fetchone()
        return row

    def all(self, name: str, *values: Any) -> list[Row]:
        """Every row."""
        self.write_out()
        return self._connection.execute(self._queries[name], values).fetchall()

    def each(self, name: str, *values: Any) -> Iterator[Row]:
        """Row by row, for what does not fit in memory."""
        self.write_out()
        return iter(self._connection.execute(self._queries[name], values))

    def finish(self) -> None:
        """Write what was collected; the engine calls it before each commit."""
        for step in self.at_end:
            step(self)
        self.write_out()


class ReadTx(Tx):
    """Questions outside a transaction: the database's trouble comes as LedgerUnavailable."""

    def one(self, name: str, *values: Any) -> Row | None:
        try:
            return super().one(name, *values)
        except sqlite3.OperationalError as failure:
            raise _unreadable(failure) from failure

    def all(self, name: str, *values: Any) -> list[Row]:
        try:
            return super().all(name, *values)
        except sqlite3.OperationalError as failure:
            raise _unreadable(failure) from failure


class Bench(Tx):
    """The ledger, only to be read, beside tables of one's own that are gone when the block ends."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done within sees the ledger as it is at its first question, and is kept at its end."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _unreadable(failure: sqlite3.OperationalError) -> LedgerUnavailable:
    if getattr(failure, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
        return ReadTooLong()
    return LedgerUnavailable(f"the ledger cannot be read: {failure}")


class _Stop:
    """Tells the writer to end."""


class Teller(Protocol):
    """Hears what became of its jobs, once for each commit: many answers cost one message to another thread's loop."""

    def __call__(self, answers: list[Answer]) -> None:
        """Called in the writer's thread, which it must not hold up."""
        ...


class _Job:
    """Work that somebody waits for, with nobody told yet."""

    __slots__ = ("failure", "result", "work")

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.failure: BaseException | None = None

    def tell(self, told: dict[Teller, list[Answer]]) -> None:
        """Tell who waits; who hears of several at once is noted in `told`."""


class _Promised(_Job):
    """For who holds a future; he may have gone, and what he asked for is done all the same."""

    __slots__ = ("future",)

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        super().__init__(work)
        self.future: Future[Any] = Future()

    def tell(self, told: dict[Teller, list[Answer]]) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        if self.failure is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.failure)


class _Awaited(_Job):
    """For a thread that does nothing else meanwhile: a bare lock wakes it for a tenth of what a future costs."""

    __slots__ = ("_done",)

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        super().__init__(work)
        self._done = threading.Lock()
        self._done.acquire()

    def wait(self) -> Any:
        self._done.acquire()
        return self._outcome()

    def _outcome(self) -> Any:
        if self.failure is not None:
            raise self.failure
        return self.result

    def tell(self, told: dict[Teller, list[Answer]]) -> None:
        self._done.release()


class _Hurried(_Awaited):
    """The same for who waits only so long: what has not begun by then is never done."""

    __slots__ = ("_is_begun", "_turn", "_wanted")

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        super().__init__(self._unless_given_up)
        self._wanted = work
        self._turn = threading.Lock()
        self._is_begun = False

    def _unless_given_up(self, tx: Tx) -> Any:
        # A job may run again, after its group: it has its turn already.
        self._is_begun = self._is_begun or self._turn.acquire(blocking=False)
        return self._wanted(tx) if self._is_begun else None

    def wait_for(self, limit_s: float) -> Any:
        """Raises LedgerBusy: nothing was done, nor will be."""
        if not self._done.acquire(timeout=limit_s):
            if self._turn.acquire(blocking=False):
                raise LedgerBusy("somebody else is writing to the ledger")
            self._done.acquire()
        return self._outcome()


class _Told(_Job):
    """For a teller, under a token that says to it whose job it was."""

    __slots__ = ("_teller", "_token")

    def __init__(self, work: Callable[[Tx], Any], teller: Teller, token: Any) -> None:
        super().__init__(work)
        self._teller = teller
        self._token = token

    def tell(self, told: dict[Teller, list[Answer]]) -> None:
        told.setdefault(self._teller, []).append((self._token, self.result, self.failure))


class SqliteEngine:
    """One ledger file, one writer thread, and reading connections for each thread."""

    name: Final = "sqlite"

    def __init__(self, path: str | Path, storage: Storage, *, crash_point: CrashPoint = no_crash) -> None:
        """Open `path`, or make it. Raises LedgerUnsafe when SQLite would not keep P1, else LedgerUnavailable."""
        self.path = str(path)
        self._storage = storage
        self._crash_point = crash_point
        self._queries = load_queries(self.name)
        self._jobs: SimpleQueue[_Job | _Stop] = SimpleQueue()
        self._readers = threading.local()
        self._all_readers: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._lock = threading.Lock()
        self._closed = False
        self._trouble: str | None = None
        self._stuck_since: float | None = None
        """Since when the writer has asked in vain for its turn."""
        self._writer: sqlite3.Connection | None = None
        try:
            self._writer = self._open_writer()
        except sqlite3.Error as failure:
            raise LedgerUnavailable(f"the ledger {self.path} cannot be opened: {failure}") from failure
        self._thread = threading.Thread(target=self._write_for_ever, name="ledger-writer", daemon=True)
        self._thread.start()

    # -- writing ------------------------------------------------------------------------------------------------

    def later(self, work: Callable[[Tx], T]) -> Future[T]:
        """Queue a job; its future is done after the commit that holds it."""
        job = _Promised(work)
        self._put(job)
        return job.future

    def tell(self, work: Callable[[Tx], Any], teller: Teller, token: Any) -> None:
        """Queue a job; `teller` hears of it, under this token, after the commit that holds it."""
        self._put(_Told(work, teller, token))

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run a job and wait for its commit; within `patience` no longer than that for its turn."""
        limit_s: float | None = getattr(self._readers, "write_limit_s", None)
        if limit_s is not None:
            return self._write_soon(work, limit_s)
        job = _Awaited(work)
        self._put(job)
        result: T = job.wait()
        return result

    def _write_soon(self, work: Callable[[Tx], T], limit_s: float) -> T:
        """Counted from when the writer got stuck, not from each question: so those who ask in a row, thread by thread,
        do not all wait for the same lock."""
        stuck_since = self._stuck_since
        spent_s = 0.0 if stuck_since is None else time.monotonic() - stuck_since
        job = _Hurried(work)
        self._put(job)
        result: T = job.wait_for(max(SHORTEST_S, limit_s - spent_s))
        return result

    def _put(self, job: _Job) -> None:
        if self._closed:
            job.failure = LedgerUnavailable("the ledger is closed")
            _tell_all([job])
        else:
            self._jobs.put(job)

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, or None when it did not."""
        return self._trouble

    def _write_for_ever(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            if group:
                self._commit_group(group)
            # Keep no reference while waiting: a job's result may be large.
            del group

    def _next_group(self) -> tuple[list[_Job], bool]:
        first = self._jobs.get()
        if isinstance(first, _Stop):
            return [], True
        group = [first]
        while len(group) < MAX_GROUP and not self._jobs.empty():
            item = self._jobs.get()
            if isinstance(item, _Stop):
                return group, True
            group.append(item)
        return group, False

    def _commit_group(self, group: list[_Job]) -> None:
        try:
            results = self._in_transaction([job.work for job in group])
        except Exception as failure:
            if len(group) > 1 and not isinstance(failure, LedgerUnavailable):
                for job in group:
                    self._commit_group([job])
                return
            for job in group:
                job.failure = failure
        else:
            for job, result in zip(group, results, strict=True):
                job.result = result
        _tell_all(group)

    def _in_transaction(self, works: list[Callable[[Tx], Any]]) -> list[Any]:
        point = self._crash_point
        try:
            connection = self._writer or self._reopen()
            point("writer.before_begin")
            self._stuck_since = self._stuck_since or time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            self._stuck_since = None
            point("writer.after_begin")
            tx = Tx(connection, self._queries)
            results = [work(tx) for work in works]
            tx.finish()
            point("writer.before_commit")
            connection.execute("COMMIT")
            point("writer.after_commit")
        except sqlite3.Error as failure:
            self._roll_back()
            if isinstance(failure, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
                raise
            if getattr(failure, "sqlite_errorcode", 0) & 0xFF in OPEN_ANEW:
                self._let_go()
            self._trouble = str(failure)
            is_busy = getattr(failure, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            raise (LedgerBusy if is_busy else LedgerUnavailable)(
                f"the ledger cannot be written: {failure}"
            ) from failure
        except BaseException:
            self._roll_back()
            raise
        self._trouble = None
        return results

    def _roll_back(self) -> None:
        """Leave no transaction open. A connection that cannot even do that is dropped and opened anew."""
        connection = self._writer
        try:
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
        except Exception:
            self._writer = None
            connection.close()  # type: ignore[union-attr]

    def _let_go(self) -> None:
        """Close the writing connection; the next job opens it anew."""
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.close()

    def _reopen(self) -> sqlite3.Connection:
        self._writer = self._open_writer()
        return self._writer

    def _open_writer(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < MINIMUM_VERSION:
            raise LedgerUnsafe(f"SQLite {sqlite3.sqlite_version} is too old; install 3.37 or later")
        connection = self._storage.connect(self.path)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        connection.execute("PRAGMA foreign_keys = OFF")  # the ledger never deletes what is referred to
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        # A checkpoint copies pages under the writer's feet: fewer, larger ones cost less per event.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if mode != "wal" or level < 2:
            connection.close()
            raise LedgerUnsafe(f"journal_mode={mode}, synchronous={level}: 2xx would not mean durable (P1)")
        return connection

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self) -> ReadTx:
        """Queries on this thread's reading connection; it cannot write. Raises LedgerUnavailable."""
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            try:
                connection = self._storage.connect(self.path)
                connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                connection.execute("PRAGMA query_only = ON")
            except sqlite3.Error as failure:
                raise LedgerUnavailable(f"the ledger {self.path} cannot be read: {failure}") from failure
            self._readers.connection = connection
            with self._lock:
                self._let_go_of_the_dead()
                self._all_readers.append((threading.current_thread(), connection))
        return ReadTx(connection, self._queries)

    @contextmanager
    def patience(self, limit: timedelta, *, writes: timedelta | None = None) -> Iterator[None]:
        """What this thread asks within the block is given up after so long. Raises ReadTooLong where it is asked, and
        LedgerBusy where it writes and has waited for its turn as long as `writes`.

        Looked at between a question's steps, so that what is quickly answered is answered however late it is asked.
        """
        end = time.monotonic() + limit.total_seconds()
        connection = self.read().connection
        connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        self._readers.write_limit_s = None if writes is None else writes.total_seconds()
        try:
            yield
        finally:
            self._readers.write_limit_s = None
            connection.set_progress_handler(None, STEPS)

    def _let_go_of_the_dead(self) -> None:
        """A web server's threads come and go; what they read with must not stay open for ever."""
        living = [pair for pair in self._all_readers if pair[0].is_alive()]
        for pair in self._all_readers:
            if pair not in living:
                pair[1].close()
        self._all_readers = living

    @contextmanager
    def snapshot(self) -> Iterator[Tx]:
        """Queries that all see the ledger as it is now, on a connection of their own."""
        connection = self._storage.connect(self.path)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield Tx(connection, self._queries)
        finally:
            connection.close()

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """Where more rows are laid beside the ledger than memory should hold. Raises LedgerUnavailable.

        They stand in a file of SQLite's own in the folder for temporary files, which nobody else sees: a day of a
        million payments takes no turn from who writes, and leaves nothing behind in the ledger.
        """
        try:
            connection = self._storage.connect(self.path, read_only=True)
            try:
                for setting in BENCH:
                    connection.execute(f"PRAGMA {setting}")
                yield Bench(connection, self._queries)
            finally:
                connection.close()
        except sqlite3.Error as failure:
            raise LedgerUnavailable(f"rows cannot be compared with the ledger {self.path}: {failure}") from failure

    @contextmanager
    def opened(self, path: str | Path) -> Iterator[Tx]:
        """Queries to another file, which is only read. Raises LedgerDamaged where it cannot be."""
        try:
            connection = self._storage.connect(str(path), read_only=True)
            try:
                yield Tx(connection, self._queries)
            finally:
                connection.close()
        except sqlite3.Error as failure:
            raise LedgerDamaged(f"{path} cannot be read as a ledger: {failure}") from failure

    def migrate(self, step: Migration, at: int, digest: str) -> None:
        """Apply one migration in one transaction, before anybody else writes. Raises LedgerUnavailable."""
        connection = self._writer or self._reopen()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements(step.sql):
                connection.execute(statement)
            connection.execute(self._queries["note_migration"], (step.version, step.name, at, digest))
            connection.execute("COMMIT")
        except sqlite3.Error as failure:
            self._roll_back()
            raise LedgerUnavailable(f"migration {step.version:04d} {step.name} failed: {failure}") from failure

    def backup_to(self, target: str | Path) -> None:
        """Copy the ledger, while it is in use, into a new file. Raises LedgerUnavailable."""
        try:
            self._copy_to(str(target))
        except sqlite3.Error as failure:
            raise LedgerUnavailable(f"the ledger cannot be copied to {target}: {failure}") from failure

    def _copy_to(self, target: str) -> None:
        copy = self._storage.connect(target)
        source = self._storage.connect(self.path)
        try:
            # In one step, as one reader among others, whom no writer waits for. Copied in parts it would begin anew
            # after each commit of anybody else, and in a busy house it would never end.
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
            source.close()

    def close(self) -> None:
        """Finish what is queued, then close every connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._jobs.put(_Stop())
        self._thread.join()
        for _thread, connection in self._all_readers:
            connection.close()
        if self._writer is not None:
            self._writer.close()


def _tell_all(jobs: list[_Job]) -> None:
    told: dict[Teller, list[Answer]] = {}
    for job in jobs:
        job.tell(told)
    for teller, answers in told.items():
        teller(answers)


def statements(sql: str) -> Iterator[str]:
    """A script's statements, one by one; a trigger's own semicolons do not part it."""
    part = ""
    for line in sql.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""
