"""The maps of columns that the settings name, ready to read rows with."""

from __future__ import annotations

from adapters.doors.cells import Column, tidy, zone_of
from adapters.doors.column_map import ColumnMap
from adapters.doors.member_shape import reads
from config.file_settings import ColumnSettings, FileSettings
from config.settings import Settings
from config.settings_file import SettingsRefused


def map_named(settings: Settings, name: str) -> ColumnMap:
    """The map of this name. Raises SettingsRefused, naming what is wrong with it or which maps there are."""
    if name not in settings.files:
        known = ", ".join(sorted(settings.files)) or "–"
        raise SettingsRefused(f"files.{name}", f"there is no such map; there are: {known}")
    told = made(settings.files[name])
    sources = settings.orders()
    if told.constants["/source"] not in sources:
        raise SettingsRefused(f"files.{name}.source", f"is no caller's source; there are: {', '.join(sorted(sources))}")
    for place, cure in told.mistakes():
        raise SettingsRefused(f"files.{name}.{place}", cure)
    return told


def made(told: FileSettings) -> ColumnMap:
    """The map that these settings describe."""
    return ColumnMap(
        kind=told.kind,
        columns=tuple(_column(name, column, told) for name, column in told.columns.items()),
        constants={"/source": told.source, **told.constants},
        id_from=told.id_from,
        encoding=told.encoding,
        separator=told.separator,
        header_row=told.header_row,
        sheet=told.sheet,
    )


def _column(name: str, column: str | ColumnSettings, told: FileSettings) -> Column:
    rich = ColumnSettings(to=column) if isinstance(column, str) else column
    return Column(
        name=tidy(name),
        pointers=rich.pointers,
        reads=reads(told.kind, rich.pointers[0]) or "text",
        zone=zone_of(told.zone),
        values={tidy(shown): said for shown, said in rich.values.items()},
        formats=rich.date_formats or told.date_formats,
        clock=rich.clock,
        serial=rich.serial,
        thousands=told.thousands,
        is_optional=rich.optional,
    )
