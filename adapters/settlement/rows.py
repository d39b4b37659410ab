"""Rows of a settlement file: each matched as a whole, and told field by field only where that fails."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from adapters.partners.gateways.stamps import YEARS
from adapters.settlement.layouts import COMPACT, Layout
from adapters.settlement.lines import Faults
from bus.payments import LOCAL, Verdict
from bus.settlement import TOLERANCE, span_of
from bus.times import ms, to_ms

LARGEST_AMOUNT: Final = 1_000_000_000_000
"""Đồng, as in the ledger."""
TIMES: Final = r"[0-9]{14}"
ANY_TIME: Final = r"[0-9A-Za-z:/.+-][0-9A-Za-z:/ .+-]{7,39}"

RULES: Final = {
    "mark": "mark",
    "n": "sequence",
    "reference": "reference",
    "transaction": "transaction",
    "bank": "text",
    "at": "time",
    "amount": "amount",
    "currency": "currency",
    "state": "state",
    "note": "text",
    "source": "source",
    "payment": "reference",
}
"""Column → the rule that its value breaks."""


TAKEN: Final = ("n", "reference", "transaction", "bank", "at", "amount", "currency", "state", "source", "payment")
"""What of a line is read on."""


class Cells:
    """Takes a line apart by its layout, given where each column stands."""

    def __init__(self, layout: Layout, order: Sequence[str]) -> None:
        """`order`: the columns as they stand in a line; an empty name is a column that nobody reads."""
        self.layout = layout
        self.order = tuple(order)
        self._fields = {name: re.compile(self._pattern(name)) for name in layout.columns}
        separator, other = re.escape(layout.separator), f"[^{re.escape(layout.separator + layout.quote)}\x00-\x1f]*"
        parts = [f"(?P<{name}>{self._fields[name].pattern})" if name else other for name in self.order]
        # What no column tells is there as an empty group, so that every line is taken apart the same way.
        absent = "".join(f"(?P<{name}>)" for name in TAKEN if name not in self.order)
        self._match = re.compile(separator.join(parts) + absent).fullmatch

    def take(self, line: str, number: int, faults: Faults) -> tuple[str, ...] | None:
        """A line's values in the order of `TAKEN`, empty where no column tells one; None where it is told as wrong."""
        found = self._match(line)
        if found is not None:
            return found.group(*TAKEN)
        said = self._told(line, number, faults)
        return None if said is None else tuple(said.get(name, "") for name in TAKEN)

    def _pattern(self, name: str) -> str:
        layout = self.layout
        apart = re.escape(layout.separator + layout.quote)
        taken = layout.separator + layout.quote
        visible = "".join(re.escape(chr(code)) for code in range(33, 127) if chr(code) not in taken)
        return {
            "mark": re.escape(layout.row_mark),
            "n": r"[0-9]{1,9}",
            "reference": r"[A-Za-z0-9._~-]{1,255}",
            "transaction": f"[{visible}]{{0,255}}",
            "bank": f"[^{apart}\x00-\x1f\x7f]{{0,100}}",
            "at": TIMES if layout.date_form == COMPACT else ANY_TIME,
            "amount": r"0|[1-9][0-9]{0,15}",
            "currency": r"[A-Z]{3}",
            "state": "|".join(re.escape(code) for code in sorted(layout.codes, key=len, reverse=True)),
            "note": f"[^{apart}\x00-\x1f\x7f]{{0,1000}}",
            "source": r"[A-Za-z0-9._~/:-]{1,64}",
            "payment": r"[A-Za-z0-9._~-]{1,64}",
        }[name]

    def _told(self, line: str, number: int, faults: Faults) -> dict[str, str] | None:
        """The values of a line that does not match as it stands: quoted ones, or what is wrong with which."""
        cells = self._split(line)
        if len(cells) != len(self.order):
            faults.add(number, "columns", detail=f"{len(cells)} ≠ {len(self.order)}")
            return None
        values = {name: cell for name, cell in zip(self.order, cells, strict=True) if name}
        wrong = [name for name, value in values.items() if not self._is_well(name, value)]
        for name in wrong:
            faults.add(number, RULES[name], name, values[name])
        return None if wrong else values

    def _is_well(self, name: str, value: str) -> bool:
        if name in ("bank", "note") and self.layout.quote:  # what is quoted may hold the separator
            return all(sign >= " " and sign != "\x7f" for sign in value)
        return self._fields[name].fullmatch(value) is not None

    def _split(self, line: str) -> list[str]:
        if not self.layout.quote:
            return line.split(self.layout.separator)
        return next(csv.reader([line], delimiter=self.layout.separator, quotechar=self.layout.quote), [])


def order_of_names(layout: Layout, line: str) -> tuple[list[str], list[str]]:
    """Where each column stands by a line of names; and the columns that it does not name."""
    told = next(csv.reader([line], delimiter=layout.separator, quotechar=layout.quote or None), [])
    known = {layout.titles.get(name, name): name for name in layout.columns}
    order = [known.get(name.strip(), "") for name in told]
    twice = {name for name in order if name and order.count(name) > 1}
    return order, [name for name in layout.columns if name not in order or name in twice]


class Times:
    """Reads times of a layout; a million times of three days cost three calendars."""

    def __init__(self, form: str, day: date) -> None:
        self._form = form
        first, end = span_of(day)
        self._first, self._end = first - ms(TOLERANCE), end + ms(TOLERANCE)
        self._days: dict[str, int | None] = {}
        self.read: Callable[[str], int | None] = self._compact if form == COMPACT else self._other

    def _compact(self, text: str) -> int | None:
        named = text[:8]
        start = self._days.get(named, -1)
        if start == -1:
            start = self._days[named] = self._read(named, "%Y%m%d")
        hours, minutes, seconds = int(text[8:10]), int(text[10:12]), int(text[12:14])
        if start is None or hours > 23 or minutes > 59 or seconds > 59:
            return None
        return start + ((hours * 60 + minutes) * 60 + seconds) * 1000

    def _other(self, text: str) -> int | None:
        return self._read(text, self._form)

    @staticmethod
    def _read(text: str, form: str) -> int | None:
        try:
            moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            return None
        if moment.year not in YEARS:
            return None
        return to_ms(moment.replace(tzinfo=LOCAL) if moment.tzinfo is None else moment)

    def is_near(self, at: int) -> bool:
        """Whether it lies in the file's day, or one day around it."""
        return self._first <= at < self._end


def amount_of(text: str, layout: Layout) -> int | None:
    """Whole đồng; None where it is none, or too much."""
    amount, rest = divmod(int(text), layout.amount_factor)
    return None if rest or amount > LARGEST_AMOUNT else amount


def day_of(text: str, form: str) -> date | None:
    """A day as a head or a name tells it."""
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day of Vietnam, not a moment
    except ValueError:
        return None


def local_day(at: datetime) -> date:
    """The day of a moment, in Vietnam."""
    return at.astimezone(LOCAL).date()


def yesterday(now: datetime) -> date:
    """The last whole day."""
    return local_day(now) - timedelta(days=1)


def verdicts(layout: Layout) -> Mapping[str, str]:
    """State → what it says, as it is laid beside the ledger."""
    return {code: Verdict(verdict).value for code, verdict in layout.codes.items()}
