"""contracts list|export: what we and each partner promised each other, as files."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from config.commands.options import Json, Lang
from config.desk import FINDING, Desk

PROMISES = (".md", ".json", ".wsdl", ".xsd", ".yaml", ".txt")


def group() -> typer.Typer:
    """`lienthong contracts …`."""
    found = typer.Typer(help="The contracts, as files.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("export")(export)
    return found


def list_(as_json: Json = False, lang: Lang = None) -> None:
    """Every contract and its files."""
    desk = Desk(as_json=as_json, lang=lang)
    with as_file(files("contracts")) as root:
        found = {folder.name: _files_of(folder) for folder in _folders(root)}
    desk.table(("contract", "files"), [(name, ", ".join(told)) for name, told in found.items()], empty="contracts_none")
    desk.give(found)


def export(
    to: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Copy notes, schemas and samples into a folder."""
    desk = Desk(as_json=as_json, lang=lang)
    if to.exists():
        desk.fail(FINDING, "init_already_there", path=to)
    made = []
    with as_file(files("contracts")) as root:
        for folder in _folders(root):
            for name in _files_of(folder):
                target = to / folder.name / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, target)
                made.append(str(target))
    desk.say("contracts_exported", count=len(made), path=to)
    desk.give({"made": made})


def _folders(root: Path) -> list[Path]:
    return [folder for folder in sorted(root.iterdir()) if folder.is_dir() and _files_of(folder)]


def _files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in PROMISES)
