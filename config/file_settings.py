"""`[files.NAME]`: what the columns of a vendor's CSV or XLSX say. How a cell is read: `adapters/doors/cells.py`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

Pointer = Annotated[str, Meta(min_length=2, max_length=200, pattern=r"^/[a-z0-9_/]+$")]
Header = Annotated[str, Meta(min_length=1, max_length=200)]
FileKind = Literal[
    "dossier.recorded",
    "dossier.progressed",
    "payment.requested",
    "payment.refund_requested",
    "payment.paid_at_counter",
    "signature.requested",
]

DATE_FORMATS: Final = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "iso")


class ColumnSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One column that needs more said than the member it fills."""

    to: Pointer | tuple[Pointer, ...]
    """The member that its cells fill, as a JSON pointer into the event; or several."""
    values: dict[str, str | int | bool] = {}
    """What stands in a cell → what the event says. Any other text is refused."""
    date_formats: tuple[str, ...] = ()
    """Instead of the file's."""
    clock: Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")] = ""
    """The time of day of dates without one, `17:00`. Empty: such a date is refused."""
    serial: Literal[0, 1900, 1904] = 0
    """The calendar of Excel's in which a plain number is a day. 0: such a number is refused."""
    optional: bool = False
    """Whether a file may lack this column."""

    @property
    def pointers(self) -> tuple[str, ...]:
        """The members, one or several."""
        return (self.to,) if isinstance(self.to, str) else self.to


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of file: `submit FILE --map NAME`."""

    kind: FileKind
    """What each row is."""
    source: Annotated[str, Meta(min_length=1, max_length=64)]
    """The source that speaks in it; one of a caller's."""
    columns: Annotated[dict[Header, Pointer | ColumnSettings], Meta(min_length=1)]
    """Header of a column → the member that it fills."""
    constants: dict[Pointer, str | int | bool | list[Any]] = {}
    """Member → its value where no cell says otherwise."""
    id_from: tuple[Pointer, ...] = ()
    """Where no column is `/id`: the members that tell two events apart."""
    encoding: Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1258"] = "utf-8"
    """Of a CSV file without a byte-order mark."""
    separator: Literal[",", ";", "\t", "|"] = ","
    header_row: Annotated[int, Meta(ge=1, le=1000)] = 1
    """The row that names the columns, as a spreadsheet counts; what stands above it is not read."""
    sheet: str = ""
    """Of a workbook; empty: the only one that can be seen."""
    date_formats: Annotated[tuple[str, ...], Meta(min_length=1)] = DATE_FORMATS
    """Forms of a time as Python's strptime knows them, and "iso"."""
    zone: Annotated[str, Meta(pattern=r"^[+-]([01][0-9]|2[0-3]):[0-5][0-9]$")] = "+07:00"
    """Of times that name none."""
    thousands: Literal["", ".", ",", " "] = ""
    """What groups the digits of whole numbers."""

    def __post_init__(self) -> None:
        for form in (*self.date_formats, *(each for column in self._rich() for each in column.date_formats)):
            if form != "iso" and not re.search("%[Yy]", form):
                raise ValueError(f'date_formats: {form} is neither "iso" nor a form with a year, such as %d/%m/%Y')

    def _rich(self) -> list[ColumnSettings]:
        return [column for column in self.columns.values() if isinstance(column, ColumnSettings)]
