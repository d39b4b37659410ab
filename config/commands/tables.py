"""tables list|import|export|diff: a province's own code tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.commands.options import AsPerson, Config, Json, Lang, Reason
from config.desk import FINDING, USAGE, Desk, actor, shown

if TYPE_CHECKING:
    from adapters.partners.national_portal.tables import Change, Tables
    from config.wiring import Installation

Files = Annotated[list[Path], typer.Argument(help="CSV files; a file's name is the table's.", metavar="FILE…")]
Partner = Annotated[str, typer.Option("--partner", help="Whose tables; `calendar`: days off.")]


def group() -> typer.Typer:
    """`lienthong tables …`."""
    found = typer.Typer(help="Code tables and procedure maps of the province.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("import")(import_)
    found.command("export")(export)
    found.command("diff")(diff_)
    return found


def list_(config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Every table in force: its version, since when, by whom and why."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        rows = here.reads.tables()
    names = ("name", "version", "imported_at", "actor", "reason")
    desk.table(names, [shown(row, *names) for row in rows], empty="tables_none")
    desk.give(rows)


def diff_(
    files: Files,
    partner: Partner = "national_portal",
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """What these files would change, row by row. Exit code 1 when they would."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        changes, _new = compared(desk, here, partner, files)
    _show(desk, changes)
    desk.give({"changes": [_told(change) for change in changes]})
    if changes:
        raise typer.Exit(FINDING)


def import_(
    files: Files,
    reason: Reason,
    partner: Partner = "national_portal",
    no_release: Annotated[bool, typer.Option("--no-release", help="Leave what was held for a missing row.")] = False,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Check the files, show the change, put them into force, and send what was held for a row that is now there."""
    import structlog

    from config.partner_tables import ledger_name

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    who = actor(as_person)
    with desk.installation() as here:
        changes, new = compared(desk, here, partner, files)
        names = [file.stem for file in files]
        texts = [(ledger_name(partner, name), new.texts[name]) for name in names]
        changed = here.repairs.import_tables(texts, actor=who, reason=reason)
        released = 0
        for name in [] if no_release else names:
            released += here.repairs.release_held_by(name, actor=who, reason=reason)
        for name in names:
            if ledger_name(partner, name) in changed:
                log.info("table_imported", table=name, version=new.version, rows=len(new[name].rows), actor=who)
    _show(desk, changes)
    desk.say("tables_imported", tables=", ".join(changed) or "–", released=released)
    desk.give({"imported": changed, "changes": [_told(change) for change in changes], "released": released})


def export(
    names: Annotated[list[str] | None, typer.Argument(help="Tables; none means all.", metavar="[TABLE]…")] = None,
    to: Annotated[Path, typer.Option("--to", help="A folder; existing files are not replaced.")] = Path("."),
    partner: Partner = "national_portal",
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Write the tables in force as CSV files, to edit and import again."""
    from config.partner_tables import in_force

    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        texts = in_force(here.reads, _known(desk, partner)).texts
    unknown = set(names or ()) - texts.keys()
    if unknown:
        desk.fail(USAGE, "no_such_table", names=", ".join(sorted(unknown)), tables=", ".join(sorted(texts)))
    to.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names or sorted(texts):
        path = to / f"{name}.csv"
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(texts[name])
        except FileExistsError:
            desk.fail(FINDING, "init_already_there", path=path)
        desk.say("init_made", path=path)
        written.append(str(path))
    desk.give({"made": written})


def compared(desk: Desk, here: Installation, partner: str, files: list[Path]) -> tuple[list[Change], Tables]:
    """The change that these files are, and the tables as they would be; ends the command at the first mistakes."""
    from adapters.partners.national_portal.tables import Tables, TablesRefused, diff
    from bus.calendar import CalendarRefused, calendar_from_csv
    from config.partner_tables import CALENDAR, in_force, schemas

    old = in_force(here.reads, _known(desk, partner))
    known = schemas(partner)
    texts: dict[str, str] = dict(old.texts)
    for file in files:
        if file.stem not in known:
            desk.fail(USAGE, "no_such_table", names=file.stem, tables=", ".join(sorted(known)))
        try:
            texts[file.stem] = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            desk.fail(FINDING, "table_not_utf8", path=file)
    try:
        new = Tables.from_texts(known, texts)
    except TablesRefused as refused:
        for mistake in refused.mistakes:
            desk.note("table_mistake", **_mistake(mistake))
        desk.fail(FINDING, "tables_refused", count=len(refused.mistakes), first=str(refused.mistakes[0]))
    if partner == CALENDAR:
        try:
            calendar_from_csv(new.texts["holidays"])
        except CalendarRefused as refused:  # half a swap, a weekday that the date does not have
            desk.fail(FINDING, "tables_refused", count=1, first=str(refused))
    return diff(old, new), new


def _mistake(mistake: Any) -> Mapping[str, Any]:
    names = ("table", "line", "column", "rule", "value")
    return {name: getattr(mistake, name) for name in names}


def _known(desk: Desk, partner: str) -> str:
    from config.partner_tables import OTHERS, WITH_TABLES

    if partner not in (*WITH_TABLES, *OTHERS):
        desk.fail(USAGE, "no_such_partner", name=partner, partners=", ".join((*WITH_TABLES, *OTHERS)))
    return partner


def _show(desk: Desk, changes: list[Change]) -> None:
    names = ("table", "row", "change", "old", "new")
    desk.table(names, [_row(change) for change in changes], empty="tables_same")


def _row(change: Change) -> tuple[str, str, str, str, str]:
    """Only the cells that differ."""
    old, new = change.old or {}, change.new or {}
    differing = [name for name in (*old, *(name for name in new if name not in old)) if old.get(name) != new.get(name)]
    cells = [" ".join(f"{name}={side[name]}" for name in differing if side.get(name)) for side in (old, new)]
    return (change.table, " ".join(filter(None, change.key)), change.kind, cells[0], cells[1])


def _told(change: Change) -> dict[str, Any]:
    return {"table": change.table, "key": change.key, "kind": change.kind, "old": change.old, "new": change.new}
