"""Compares a day's file with the ledger and the one-stop system, and keeps where they differ.

The file's rows are laid beside the ledger (`SqliteEngine.bench`), not into it; SQLite joins both sides in the order of
the file, and only differences are written, page by page. The same files again are known by their digests and change
nothing. Who begins a run anew after a crash, or while another process is at it, takes it over: the other one's next
page is refused, so that what stands in the ledger was found by one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from bus.engines.sqlite import Bench, Row, Tx
from bus.errors import NotAllowedNow, NotFound, StaleFence
from bus.ledger import Ledger
from bus.moves import Move
from bus.ports import CrashPoint, no_crash
from bus.settlement import (
    Book,
    ClassCount,
    DayFile,
    Difference,
    DifferenceClass,
    ExportFile,
    Finding,
    Run,
    Side,
    classes_of,
    difference_of,
    run_of,
    span_of,
)
from bus.times import to_ms

PAGE: Final = 500
"""Differences of one transaction: those who wait at the doors meanwhile wait for milliseconds."""
KEPT_FINDINGS: Final = 1_000
"""Of a file's findings the first ones: a file of the wrong encoding has a million, and the first says it."""
LARGEST_PAGE: Final = 500
ANY: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What comparing came to."""

    run: Run
    is_known: bool
    """These very files were compared before: nothing was done now."""


@dataclass(slots=True)
class _Writing:
    """A run under its fence."""

    run: int
    fence: int


class Settlements:
    """The settlement of one ledger. Threads and processes may have one each."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        takers: Mapping[str, str] | None = None,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`takers`: source → the partner that is told of its payments."""
        self._ledger = ledger
        self._takers = dict(takers or {})
        self._point = crash_point

    # -- comparing ----------------------------------------------------------------------------------------------

    def compare(
        self, book: Book, day: date, file: DayFile, *, one_stop: ExportFile | None = None, actor: str
    ) -> Compared:
        """Compare a day. Raises NotAllowedNow when another process began anew meanwhile, LedgerUnavailable."""
        known = self._find(self._ledger.engine.read(), book, day, file, one_stop)
        if known is not None and known[1] in ("done", "replaced"):
            return Compared(run=self.get(known[0]), is_known=True)
        writing = self._ledger.engine.write(lambda tx: self._begin(tx, book, day, file, one_stop, actor))
        self._point("compare.begun")
        try:
            with self._ledger.engine.bench() as bench:
                self._compared(bench, writing, book, day, file, one_stop, actor)
        except StaleFence:
            raise NotAllowedNow(f"another process began run {writing.run} anew", code="taken_over") from None
        return Compared(run=self.get(writing.run), is_known=False)

    def _find(self, tx: Tx, book: Book, day: date, file: DayFile, one_stop: ExportFile | None) -> Row | None:
        other = b"" if one_stop is None else one_stop.digest
        return tx.one("find_settlement", book.partner, book.merchant, day.isoformat(), file.name, file.digest, other)

    def _begin(self, tx: Tx, book: Book, day: date, file: DayFile, one_stop: ExportFile | None, actor: str) -> _Writing:
        now, known = self._now(), self._find(tx, book, day, file, one_stop)
        if known is None:
            files = (file.name, file.digest, *(("", b"") if one_stop is None else (one_stop.name, one_stop.digest)))
            run = tx.insert("add_settlement", book.partner, book.merchant, day.isoformat(), *files, actor, now)
        else:
            run = known[0]
            tx.run("begin_settlement_again", actor, now, run)
            for name in ("forget_differences", "forget_findings", "forget_across"):
                tx.run(name, run)
        return _Writing(run=run, fence=self._fence(tx, run))

    def _compared(
        self,
        bench: Bench,
        writing: _Writing,
        book: Book,
        day: date,
        file: DayFile,
        one_stop: ExportFile | None,
        actor: str,
    ) -> None:
        with bench.together():
            read = lay(bench, file, one_stop, self._takers)
        self._point("compare.read")
        if read.faults:
            self._under(writing, lambda tx: self._refuse(tx, writing.run, read, actor))
            return
        with bench.together():
            search(bench, book, day, with_export=one_stop is not None)
        # What was found stands in tables of our own: no writer's log grows while it is written.
        self._point("compare.found")
        for page in paged(bench.each("all_found")):
            self._under(writing, lambda tx, rows=page: tx.many("add_difference", [(writing.run, *r) for r in rows]))  # type: ignore[misc]
            self._point("compare.page")
        for page in paged(bench.each("all_across")):
            self._under(writing, lambda tx, rows=page: self._note_across(tx, writing.run, day, rows))  # type: ignore[misc]
        sums = bench.one("count_theirs")
        assert sums is not None
        self._under(writing, lambda tx: self._end(tx, writing.run, book, day, file, sums, actor))
        self._point("compare.ended")

    def _under(self, writing: _Writing, work: Callable[[Tx], object]) -> None:
        """One transaction of the run, unless somebody else has it. Raises StaleFence."""

        def job(tx: Tx) -> bool:
            if self._fence(tx, writing.run) != writing.fence:
                return False
            work(tx)
            return True

        if not self._ledger.engine.write(job):
            raise StaleFence

    def _fence(self, tx: Tx, run: int) -> int:
        row = tx.one("settlement_fence", run)
        assert row is not None
        return int(row[0])

    def _refuse(self, tx: Tx, run: int, read: Laid, actor: str) -> None:
        tx.many("add_finding", [(run, f.side, f.line, f.rule, f.field, f.detail) for f in read.findings])
        tx.run("refuse_settlement", read.rows, read.faults, self._now(), run)
        first = read.findings[0]
        self._note(tx, "settlement_refused", f"run {run}: {first.rule}, line {first.line}", actor)

    def _note_across(self, tx: Tx, run: int, day: date, rows: Sequence[Row]) -> None:
        """An attempt that another day's run missed is here: that one has nothing left to do."""
        now = self._now()
        for (attempt,) in rows:
            tx.run("add_across", attempt, run)
            tx.run("find_late_row", now, f"in the file of {day.isoformat()}, run {run}", attempt)

    def _end(self, tx: Tx, run: int, book: Book, day: date, file: DayFile, sums: Row, actor: str) -> None:
        now = self._now()
        whose = (book.partner, book.merchant, day.isoformat())
        earlier = tx.one("earlier_settlement", *whose, run)
        rows, total, differing_rows, differing = sums
        replaces, is_changed = (None, False) if earlier is None else (earlier[0], earlier[1] != file.digest)
        tx.run("end_settlement", replaces, int(is_changed), rows, total, rows - differing_rows, differing, now, run)
        if earlier is not None:
            tx.run("replace_settlements", *whose, run)
            tx.run("close_replaced", now, f"replaced by run {run}", *whose)
            tx.run("end_replaced_repairs", now, *whose)
        said = f"run {run}: {' '.join(filter(None, whose))}, {rows} rows, {differing} differences"
        self._note(tx, "settlement_replaced" if is_changed else "settlement_compared", said, actor)

    def _note(self, tx: Tx, cause: str, reason: str, actor: str) -> None:
        move = Move(lane=None, at=self._now(), delivery=None, cause=cause, reason=reason, actor=actor)
        self._ledger.moves.add(tx, move)

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, number: int, *, tx: Tx | None = None) -> Run:
        """A run. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("get_settlement", number)
        if row is None:
            raise NotFound(f"no settlement run {number}")
        return run_of(row)

    def newest(self, *, before: int = ANY, limit: int = 50) -> list[Run]:
        """The newest runs."""
        return [run_of(row) for row in self._ledger.engine.read().all("newest_settlements", before, limit)]

    def counts(self, run: int) -> list[ClassCount]:
        """How many differences of each class, in the classes' order."""
        rows = self._ledger.engine.read().all("settlement_classes", run)
        found = {
            row[0]: ClassCount(kind=DifferenceClass(row[0]), count=row[1], open=row[2], gap=row[3]) for row in rows
        }
        return [found[kind] for kind in classes_of(found)]

    def findings(self, run: int, *, limit: int = KEPT_FINDINGS) -> list[Finding]:
        """What is wrong with its files."""
        rows = self._ledger.engine.read().all("settlement_findings_page", run, limit)
        return [Finding(side=row[0], line=row[1], rule=row[2], field=row[3], detail=row[4]) for row in rows]

    def differences(
        self,
        run: int,
        *,
        kind: DifferenceClass | None = None,
        is_open: bool = False,
        after: int = 0,
        limit: int = LARGEST_PAGE,
    ) -> list[Difference]:
        """A page of a run's differences, from the one after this number on."""
        named = (run, after, ANY, kind or "", int(is_open), min(limit, LARGEST_PAGE))
        return [difference_of(row) for row in self._ledger.engine.read().all("settlement_page", *named)]


# -- beside the ledger ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What was read of the files."""

    rows: int
    findings: tuple[Finding, ...]
    faults: int


def lay(bench: Bench, file: DayFile, one_stop: ExportFile | None, takers: Mapping[str, str]) -> Laid:
    """Read the files into tables beside the ledger."""
    for name in ("make_theirs", "make_export", "make_takers", "make_found", "make_across"):
        bench.run(name)
    bench.many("add_taker", takers.items())
    rows = 0
    for batch in file.batches():
        bench.many("add_theirs", batch)
        rows += len(batch)
    if one_stop is not None:
        for given in one_stop.batches():
            bench.many("add_export", given)
    bench.run("order_theirs")
    bench.run("order_export")
    found = [*file.findings, *_doubled(bench, "theirs_doubled", "platform")]
    faults = file.faults + len(found) - len(file.findings)
    if one_stop is not None:
        twice = _doubled(bench, "export_doubled", "one_stop")
        found += [*one_stop.findings, *twice]
        faults += one_stop.faults + len(twice)
    return Laid(rows=rows, findings=tuple(found[:KEPT_FINDINGS]), faults=faults)


def _doubled(bench: Bench, query: str, side: Side) -> list[Finding]:
    """Rows that stand in a file twice: which of them would count is nobody's to guess."""
    rows = bench.all(query, KEPT_FINDINGS)
    return [Finding(side=side, line=row[0], rule="duplicated", field="reference", detail=row[1]) for row in rows]


def search(bench: Bench, book: Book, day: date, *, with_export: bool) -> None:
    """Find where the sides differ, all questions over the ledger as it is at one moment."""
    whose, first, end = int(not book.is_rest), *span_of(day)
    bench.run("make_scope")
    bench.many("add_scope", [(unit,) for unit in sorted(book.units)])
    bench.run("find_theirs", book.partner)
    bench.run("find_across", book.partner, first, end)
    bench.run("order_found")
    bench.run("find_missing", book.partner, first, end, whose)
    bench.run("find_untold", book.partner, first, end, whose)
    if with_export:
        bench.run("find_export", book.partner, whose)
        bench.run("find_unlisted", book.partner, first, end, whose)


def paged(rows: Iterable[Row], size: int = PAGE) -> Iterable[Sequence[Row]]:
    """Rows, some at a time."""
    left = iter(rows)
    while page := list(islice(left, size)):
        yield page
