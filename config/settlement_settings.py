"""Settings of the daily settlement: `[payments.settlement]`, what its files look like and where they lie."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Verdicts = dict[Annotated[str, Meta(min_length=1, max_length=40)], Literal["paid", "pending", "failed"]]
States = dict[Annotated[str, Meta(min_length=1, max_length=40)], Literal["paid", "unpaid"]]
LineEnd = Literal["crlf", "lf", "any"]


class SettlementFileSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One gateway's file: `[payments.settlement.files.NAME]`. What is left empty is as in its layout."""

    layout: Literal["platform", "csv"] = "platform"
    """`platform`: head, rows and tail parted by `|`; `csv`: a table with a line of names."""
    day_folder: str = ""
    """Where the files of a day lie, for `reconcile --day` without `--file`."""
    columns: tuple[str, ...] = ()
    """Of a row, in their order: mark, n, reference, transaction, bank, at, amount, currency, state, note."""
    titles: dict[str, str] = {}
    """csv: what a column is called in the line of names, where that is not ours."""
    separator: Annotated[str, Meta(max_length=1)] = ""
    quote: Annotated[str, Meta(max_length=1)] = ""
    """csv: what a value that holds the separator stands between."""
    encoding: str = ""
    """`utf-8`, `windows-1258` …"""
    line_end: Literal["", "crlf", "lf", "any"] = ""
    date_form: str = ""
    """Of a row's time, as Python's strptime knows it, or `iso`; in the day of Vietnam where it names no zone."""
    day_form: str = ""
    """Of the head's day and the file name's."""
    hash: Literal["", "sha256", "sha1", "md5", "none"] = ""
    """Of the last line, over all bytes before it."""
    codes: Verdicts = {}
    """What a row's state says."""
    kind: str = ""
    """Of the file, as head and name tell it."""
    currency: Annotated[str, Meta(max_length=3)] = ""
    """Where no column tells it."""
    amount_factor: Annotated[int, Meta(ge=1, le=1000)] = 1
    """How many units of an amount are one đồng: 100 where it is told in hundredths."""
    total_of: Literal["all", "paid"] = "all"
    """Which rows' amounts the head's total is the sum of."""
    name_form: str = ""
    """`{merchant}_{day}_{kind}_{n}.txt`: what a name of this form says must agree with the head."""


class OneStopExportSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The one-stop system's own list of a day's payments: a table with a line of names."""

    source: str = ""
    """Who speaks, where no column tells it."""
    titles: dict[str, str] = {}
    """What a column is called in the line of names: source, payment, amount, state."""
    separator: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    codes: States = {}
    """What a payment's state says; empty: paid, unpaid, refunded."""


class SettlementSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The daily settlement."""

    four_eyes_above: Annotated[int, Meta(ge=0)] = 0
    """At the console: a repair of more differences than this needs a second person. 0: every one does."""
    one_stop: OneStopExportSettings = OneStopExportSettings()
    files: dict[str, SettlementFileSettings] = {}
    """By gateway; one without a table here has the layout of its kind."""
