"""What a file of a day looks like: data, for no gateway's real layout is known (contracts/payment_platform/NOTES.md).

A layout names its columns, marks, codes and checks; a province that is handed the real one writes it into its settings
and changes no code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from bus.payments import Verdict

Column: TypeAlias = Literal[
    "mark", "n", "reference", "transaction", "bank", "at", "amount", "currency", "state", "note", "source", "payment"
]
HeadColumn: TypeAlias = Literal["mark", "version", "merchant", "day", "kind", "rows", "total"]
TailColumn: TypeAlias = Literal["mark", "rows", "hash"]
Hash: TypeAlias = Literal["sha256", "sha1", "md5", "none"]
COMPACT: Final = "%Y%m%d%H%M%S"
"""`yyyyMMddHHmmss`, 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of file."""

    name: str
    columns: tuple[str, ...]
    """Of each row, in their order. Where `has_names`, what the first line calls them is `titles`."""
    separator: str = "|"
    quote: str = ""
    """What a value that holds the separator is put between; empty: no value holds it."""
    head: tuple[str, ...] = ()
    """The first line, where it is about the whole file."""
    tail: tuple[str, ...] = ()
    """The last line, where it is about the whole file; a file without one may be cut off at a line's end unseen."""
    head_mark: str = "H"
    row_mark: str = "D"
    tail_mark: str = "T"
    version: str = "1"
    has_names: bool = False
    """Whether the first line names the columns."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Column → its name in that line, where it is not ours; columns may stand in any order, with others between."""
    encoding: str = "utf-8"
    may_begin_with_mark: bool = False
    """Whether a byte-order mark may stand at its beginning."""
    line_end: Literal["\r\n", "\n", ""] = "\r\n"
    """Of every line, the last one too; empty: either, and none after the last."""
    date_form: str = COMPACT
    """Of a row's time, in the day of Vietnam."""
    day_form: str = "%Y%m%d"
    """Of the head's day and the file name's."""
    hash: Hash = "none"
    """Over all bytes before the last line, line ends included, in hexadecimal."""
    codes: Mapping[str, Verdict] = field(default_factory=dict)
    """What a row's state says."""
    kind: str = ""
    """Of the file, as head and name tell it."""
    currency: str = "VND"
    """Where no column tells it."""
    amount_factor: int = 1
    """How many units of a row's amount are one đồng: 100 where it is told in hundredths."""
    total_of: Literal["all", "paid"] = "all"
    """Which rows' amounts the head's total is the sum of."""
    name_form: str = ""
    """`{merchant}_{day}_{kind}_{n}.txt`: what a name of this form says must agree with the head; any other is taken."""
    max_line: int = 4_096
    """Bytes of one line."""

    def __post_init__(self) -> None:
        wanted = {"reference", "amount", "state"} if "reference" in self.columns else {"payment", "amount", "state"}
        missing = wanted - set(self.columns)
        if missing:
            raise ValueError(f"layout {self.name} names no column for {', '.join(sorted(missing))}")
        if len(self.separator) != 1 or self.separator in "\r\n":
            raise ValueError(f"layout {self.name}: separator must be one character")
        if b"a|1".decode(self.encoding, "replace") != "a|1":
            raise ValueError(f"layout {self.name}: encoding must write plain letters as ASCII does")
        if not self.codes:
            raise ValueError(f"layout {self.name} says of no state what it means")
        if self.hash != "none" and "hash" not in self.tail:
            raise ValueError(f"layout {self.name}: a hash needs a last line that carries it")
        if self.amount_factor < 1:
            raise ValueError(f"layout {self.name}: amount_factor must be 1 or more")

    def pattern_of_name(self) -> re.Pattern[str] | None:
        """What a file name of this kind says; None where names say nothing."""
        if not self.name_form:
            return None
        parts = {
            "merchant": r"(?P<merchant>[A-Za-z0-9.-]+)",
            "day": r"(?P<day>[0-9./-]{6,10})",
            "kind": r"(?P<kind>[A-Za-z0-9]+)",
            "n": r"(?P<n>[0-9]{1,4})",
        }
        text = re.escape(self.name_form)
        for name, pattern in parts.items():
            text = text.replace(re.escape(f"{{{name}}}"), pattern)
        return re.compile(text)


PLATFORM: Final = Layout(
    name="platform",
    columns=("mark", "n", "reference", "transaction", "bank", "at", "amount", "currency", "state", "note"),
    head=("mark", "version", "merchant", "day", "kind", "rows", "total"),
    tail=("mark", "rows", "hash"),
    hash="sha256",
    codes={"1": Verdict.PAID, "3": Verdict.PENDING, "4": Verdict.FAILED},
    kind="DS",
    name_form="{merchant}_{day}_{kind}_{n}.txt",
)
"""This project's own layout, until the real one is known (contracts/payment_platform/NOTES.md)."""

LIST: Final = Layout(
    name="csv",
    columns=("reference", "transaction", "bank", "at", "amount", "state"),
    separator=",",
    quote='"',
    has_names=True,
    may_begin_with_mark=True,
    line_end="",
    date_form="%d/%m/%Y %H:%M:%S",
    codes={"paid": Verdict.PAID, "pending": Verdict.PENDING, "failed": Verdict.FAILED, "00": Verdict.PAID},
)
"""A table with a line of names, as merchants' pages of gateways export it; a guess, made to be changed by settings."""

EXPORT: Final = Layout(
    name="one_stop",
    columns=("source", "payment", "amount", "state"),
    separator=",",
    quote='"',
    has_names=True,
    may_begin_with_mark=True,
    line_end="",
    codes={"paid": Verdict.PAID, "unpaid": Verdict.PENDING, "refunded": Verdict.PAID},
)
"""A one-stop system's own list of a day's payments."""

LAYOUTS: Final = {each.name: each for each in (PLATFORM, LIST, EXPORT)}
