"""Reads a day's settlement file: a million rows in bounded memory, and nothing dropped without a word.

What does not fit is told by line and rule, and then nothing of the file is applied: who cut it, added to it or sent
another's is not guessed. The file may come bare or in its JSON envelope (`envelope.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Final, TypeVar

from adapters.settlement.envelope import EnvelopeRefused, Opened
from adapters.settlement.layouts import Layout
from adapters.settlement.lines import Faults, Lines
from adapters.settlement.rows import RULES, Cells, Times, amount_of, day_of, order_of_names, verdicts
from bus.payments import Verdict
from bus.settlement import ExportRow, Finding, Side, TheirRow

BATCH: Final = 5_000
T = TypeVar("T")


class _File:
    """What both kinds of files have: a name, a digest, findings, and lines between a head and a tail."""

    def __init__(self, opened: Opened, layout: Layout, *, side: Side) -> None:
        self._opened = opened
        self._layout = layout
        self._faults = Faults(side)
        self.name = opened.name
        self.digest = opened.digest
        self._rows = 0
        self._total = 0
        self._is_ended = False

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with it; complete once its rows were read."""
        return tuple(self._faults.kept)

    @property
    def faults(self) -> int:
        """How many findings there were."""
        return self._faults.count

    def _batches(self, read: Callable[[Lines], Iterator[T]]) -> Iterator[Sequence[T]]:
        try:
            with self._opened.open() as source:
                rows = read(Lines(source, self._layout, self._faults))
                while batch := list(islice(rows, BATCH)):
                    yield batch
        except EnvelopeRefused as refused:
            self._faults.add(0, "envelope", "NoiDung", str(refused))

    def _lines(self, lines: Lines) -> Iterator[tuple[Cells, str]]:
        """Its rows' lines, each with how it is taken apart; head, names and tail are judged on the way."""
        layout, faults = self._layout, self._faults
        cells: Cells | None = None if layout.has_names else Cells(layout, layout.columns)
        tail = f"{layout.tail_mark}{layout.separator}" if layout.tail else None
        for text in lines:
            if self._is_ended:
                faults.add(lines.number, "after_end")
                return
            if text is None:
                self._rows += 1  # no text, and told so; it was a row nevertheless
            elif lines.number == 1 and layout.head:
                self._head(text)
            elif not text and layout.has_names:
                continue  # tables end with an empty line, or do not
            elif cells is None:
                cells = self._named(text)
                if cells is None:
                    return
            elif tail is not None and text.startswith(tail):
                self._tail(text, lines)
            else:
                yield cells, text
        self._end(lines)

    def _named(self, text: str) -> Cells | None:
        order, missing = order_of_names(self._layout, text)
        for name in missing:
            self._faults.add(1, "no_column", name, self._layout.titles.get(name, name))
        return None if missing else Cells(self._layout, order)

    def _head(self, text: str) -> None:
        """Overridden where there is one."""

    def _tail(self, text: str, lines: Lines) -> None:
        """Overridden where there is one."""

    def _end(self, lines: Lines) -> None:
        if lines.number == 0:
            self._faults.add(0, "empty")
        elif self._layout.tail and not self._is_ended:
            self._faults.add(lines.number, "cut_off")


class PlatformFile(_File):
    """A gateway's file of a day."""

    def __init__(self, opened: Opened, layout: Layout, *, day: date, merchant: str = "") -> None:
        """`day`: whose rows are expected; `merchant`: us, as the gateway calls us, where that is known."""
        super().__init__(opened, layout, side="platform")
        self._day = day
        self._merchant = merchant
        self._told: dict[str, int] = {}
        """What the head says of rows and total."""
        self._judge_names()

    def _judge_names(self) -> None:
        """What the file's name and its envelope say."""
        pattern = self._layout.pattern_of_name()
        found = None if pattern is None else pattern.fullmatch(self.name)
        if found is not None:
            self._judge(0, "file_name", found.groupdict())
        for rule, field, detail in self._opened.findings:
            self._faults.add(0, rule, field, detail)
        if self._opened.day and day_of(self._opened.day, self._layout.day_form) != self._day:
            self._faults.add(0, "other_day", "NgayDoiSoat", self._opened.day)

    def _judge(self, line: int, where: str, said: dict[str, str]) -> None:
        if self._merchant and said.get("merchant", self._merchant) != self._merchant:
            self._faults.add(line, "other_merchant", where, said["merchant"])
        if "day" in said and day_of(said["day"], self._layout.day_form) != self._day:
            self._faults.add(line, "other_day", where, said["day"])
        if self._layout.kind and said.get("kind", self._layout.kind) != self._layout.kind:
            self._faults.add(line, "other_kind", where, said["kind"])

    def batches(self) -> Iterator[Sequence[TheirRow]]:
        """Its good rows, some at a time."""
        yield from self._batches(self._read)
        self._judge_sums()

    def _read(self, lines: Lines) -> Iterator[TheirRow]:
        layout, faults = self._layout, self._faults
        read, near, codes = (times := Times(layout.date_form, self._day)).read, times.is_near, verdicts(layout)
        counts_all, currency = layout.total_of == "all", layout.currency
        for cells, text in self._lines(lines):
            self._rows += 1
            number = lines.number
            said = cells.take(text, number, faults)
            if said is None:
                continue
            n, reference, transaction, bank, time, due, unit, state, *_ = said
            at, amount, verdict = read(time) if time else 0, amount_of(due, layout), codes[state]
            if at is None:
                faults.add(number, "time", "at", time)
                continue
            if amount is None:
                faults.add(number, "amount", "amount", due)
                continue
            if counts_all or verdict == Verdict.PAID:
                self._total += amount
            if time and not near(at):
                faults.add(number, "other_day", "at", time)
            elif n and int(n) != self._rows:
                faults.add(number, RULES["n"], "n", n)
            else:
                yield (number, reference, transaction, bank, at, time, amount, unit or currency, verdict)

    def _head(self, text: str) -> None:
        names, cells = self._layout.head, text.split(self._layout.separator)
        if len(cells) != len(names) or cells[0] != self._layout.head_mark:
            self._faults.add(1, "head", detail=text)
            return
        said = dict(zip(names, cells, strict=True))
        if said.get("version", self._layout.version) != self._layout.version:
            self._faults.add(1, "version", "head", said["version"])
        self._judge(1, "head", said)
        for name in ("rows", "total"):
            if name in said:
                self._told[name] = _whole(said[name])

    def _tail(self, text: str, lines: Lines) -> None:
        self._is_ended = True
        names, cells = self._layout.tail, text.split(self._layout.separator)
        if len(cells) != len(names):
            self._faults.add(lines.number, "tail", detail=text)
            return
        said = dict(zip(names, cells, strict=True))
        if "rows" in said and _whole(said["rows"]) != self._rows:
            self._faults.add(lines.number, "row_count", "tail", f"{said['rows']} ≠ {self._rows}")
        if self._layout.hash != "none" and not hmac.compare_digest(said["hash"].lower(), lines.digest_before()):
            self._faults.add(lines.number, "hash", "tail", said["hash"])

    def _judge_sums(self) -> None:
        """What the head told of all rows, now that all were read."""
        for name, rule, found in (("rows", "row_count", self._rows), ("total", "total", self._total)):
            if name in self._told and self._told[name] != found:
                self._faults.add(1, rule, "head", f"{self._told[name]} ≠ {found}")


class OneStopFile(_File):
    """The one-stop system's own list of a day's payments."""

    def __init__(self, opened: Opened, layout: Layout, *, source: str = "") -> None:
        """`source`: who speaks, where no column tells it."""
        super().__init__(opened, layout, side="one_stop")
        self._source = source

    def batches(self) -> Iterator[Sequence[ExportRow]]:
        """Its good rows, some at a time."""
        yield from self._batches(self._read)

    def _read(self, lines: Lines) -> Iterator[ExportRow]:
        codes = verdicts(self._layout)
        for cells, text in self._lines(lines):
            self._rows += 1
            said = cells.take(text, lines.number, self._faults)
            if said is None:
                continue
            *_, due, _unit, state, source, payment = said
            amount = amount_of(due, self._layout)
            if amount is None:
                self._faults.add(lines.number, "amount", "amount", due)
                continue
            is_paid = int(codes[state] == Verdict.PAID)
            yield (lines.number, source or self._source, payment, amount, is_paid)


def _whole(text: str) -> int:
    """A count as it is told; -1, which nothing equals, where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
