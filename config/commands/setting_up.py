"""init, migrate, keys: before anything runs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Literal

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
    from config.new_installation import AlreadyThere, make

    desk = Desk(as_json=as_json, lang=lang)
    try:
        made = make(folder, for_mocks=for_mocks)
    except AlreadyThere as found:
        desk.fail(FINDING, "init_already_there", path=found)
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


# -- keys --------------------------------------------------------------------------------------------------------------


def group() -> typer.Typer:
    """`lienthong keys …`."""
    keys = typer.Typer(help="The keys and secrets that the settings name.", no_args_is_help=True)
    keys.command("list")(keys_list)
    keys.command("generate")(keys_generate)
    return keys


def keys_list(config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Every key and secret: where it is, whether it can be used. Never what it is."""
    from config.checks import keys_of

    desk = Desk(config=config, as_json=as_json, lang=lang)
    rows = keys_of(desk.load().settings)
    desk.table(
        ("name", "file", "key_id", "trouble"),
        [(row["name"], row["file"], row["key_id"], row["trouble"]) for row in rows],
        empty="keys_none",
    )
    desk.give(rows)
    if any(row["trouble"] for row in rows):
        raise typer.Exit(FINDING)


def keys_generate(
    kind: Annotated[Literal["secret", "signing", "master"], typer.Argument(help="What for.")],
    file: Annotated[Path, typer.Argument(help="A new file; an existing one is never replaced.")],
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """A new key in a new file that only you may read."""
    from bus.ports import SystemRandomness
    from bus.seal import MasterKey
    from config.signing_key import generate, write_new

    desk = Desk(as_json=as_json, lang=lang)
    try:
        if kind == "secret":
            write_new(file, secrets.token_urlsafe(32).encode() + b"\n")
        elif kind == "signing":
            generate(file)
        else:
            MasterKey.generate(SystemRandomness()).save(file)
    except FileExistsError:
        desk.fail(FINDING, "init_already_there", path=file)
    desk.say("init_made", path=file)
    desk.give({"made": str(file)})
