"""init, migrate: before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, Desk, actor, quiet

ForMocks = Annotated[
    str | None, typer.Option("--for-mocks", metavar="URL", help="Settings that work against `lienthong mocks` there.")
]


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("init")(init)
    root.command("migrate")(migrate)


def init(
    folder: Annotated[Path, typer.Argument(help="Where the settings and keys go.")] = Path("."),
    for_mocks: ForMocks = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Write settings and keys, each for its owner's eyes only. Never overwrites anything."""
    from config import mocked_gateways, mocked_one_stop, mocked_receipts, mocked_signers
    from config.new_installation import AlreadyThere, make

    desk = Desk(as_json=as_json, lang=lang)
    mocked = (mocked_one_stop, mocked_receipts, mocked_gateways, mocked_signers)
    if there := [folder / name for part in mocked for name in part.FILES if (folder / name).exists()]:
        desk.fail(FINDING, "init_already_there", path=there[0])
    try:
        made = make(folder, for_mocks=for_mocks)
    except AlreadyThere as found:
        desk.fail(FINDING, "init_already_there", path=found)
    if for_mocks:
        for part in mocked:
            made += part.join(folder, for_mocks)
    for path in made:
        desk.say("init_made", path=path)
    desk.say("init_next", folder=folder)
    desk.give({"made": [str(path) for path in made]})


def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be done.")] = False,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Bring the ledger to this version's schema, after a backup; import the shipped tables where there are none."""
    from bus import upkeep
    from bus.ports import FileStorage, SystemClock
    from bus.sql import load_migrations
    from config.new_installation import prepare_ledger

    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    settings = desk.load().settings
    path = settings.ledger.path
    if plan:
        steps = upkeep.pending(path, FileStorage()) if path.exists() else load_migrations("sqlite")
        for step in steps:
            desk.say("migrate_would", version=step.version, name=step.name)
        if not steps:
            desk.say("migrate_nothing")
        desk.give({"pending": [{"version": step.version, "name": step.name} for step in steps]})
        return
    migrated, tables = prepare_ledger(settings, FileStorage(), SystemClock(), actor=actor(None))
    for step in migrated.applied:
        desk.say("migrate_did", version=step.version, name=step.name)
    if migrated.backup:
        desk.say("migrate_backup", path=migrated.backup)
    for name in tables:
        desk.say("migrate_table", name=name)
    if not migrated.applied and not tables:
        desk.say("migrate_nothing")
    desk.give(
        {
            "applied": [{"version": step.version, "name": step.name} for step in migrated.applied],
            "backup": migrated.backup,
            "tables": tables,
        }
    )
