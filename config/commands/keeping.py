"""backup, restore, bench."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from config.commands.options import AsPerson, Config, Json, Lang
from config.desk import FINDING, Desk, actor, quiet

HELD: Final = "restored from a backup: release when the sources have sent again what came after it"


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("backup")(backup)
    root.command("restore")(restore)
    root.command("bench", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench)


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Copy the ledger while it is in use, and beside it the documents. The master key is not in it: keep that apart."""
    import structlog

    from bus import upkeep
    from config.documents import back_up, beside, missing_of

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    if file.exists():
        desk.fail(FINDING, "init_already_there", path=file)
    started = time.perf_counter()
    with desk.installation() as here:
        made = upkeep.backup(here.ledger, file)
        documents, missing = back_up(here, made), len(missing_of(here))
    took, size = time.perf_counter() - started, made.stat().st_size
    log.info("backup_made", bytes=size, took_ms=round(took * 1000))
    desk.say("backup_made", path=made, size=size)
    if documents:
        desk.say("backup_documents", count=documents, path=beside(made))
    if missing:
        desk.fail(FINDING, "backup_documents_missing", count=missing)
    desk.give({"made": str(made), "bytes": size, "documents": documents})


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    yes: Annotated[bool, typer.Option("--yes", help="Every process of this installation is stopped.")] = False,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Lay a backup where the ledger was; what was there is kept beside it.

    What the backup shows as open may have gone out since: it is asked about, never sent blindly. Every partner is
    held: let the sources send again what they sent after the backup, then say `partners release`.
    """
    import structlog
    from msgspec.structs import replace

    from bus import upkeep
    from config.documents import bring_back
    from config.settings import SQLITE
    from config.wiring import build

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    settings = desk.load().settings
    if not yes:
        desk.fail(2, "restore_needs_yes", path=settings.ledger.path)
    # Made ready under another name: killed in the middle, there is no ledger that would send it all once more.
    fresh = upkeep.lay_beside(file, settings.ledger.path)
    try:
        here = build(replace(settings, ledger=replace(settings.ledger, url=f"{SQLITE}{fresh}")))
        try:
            done = upkeep.doubt_everything_open(here.ledger)
            # An older record of the backup, sent before its source has told the newer one again, would set the portal
            # back.
            for partner in sorted(here.partner_names):
                here.repairs.hold(partner, actor=actor(as_person), reason=HELD)
        finally:
            here.close()
        documents = bring_back(settings.documents, file)
        upkeep.put_in_place(fresh, settings.ledger.path)
    except BaseException:
        upkeep.discard(fresh)
        raise
    last = done.last_accepted_at.isoformat() if done.last_accepted_at else None
    log.warning("ledger_restored", moves=done.events, last_at=last)
    desk.say("restore_done", last=last or "–", events=done.events, in_doubt=done.in_doubt, actor=actor(as_person))
    told = {"last_accepted_at": last, "events": done.events, "in_doubt": done.in_doubt, "documents": documents}
    desk.give(told | {"held": sorted(here.partner_names)})


def bench(context: typer.Context, as_json: Json = False, lang: Lang = None) -> None:
    """Measure this machine: runs `benchmarks/`, which is in the source tree and not in the package."""
    import subprocess
    import sys

    desk = Desk(as_json=as_json, lang=lang)
    root = Path(__file__).parents[2]
    if not (root / "benchmarks" / "__main__.py").is_file():
        desk.fail(FINDING, "bench_needs_source")
    command = [sys.executable, "-m", "benchmarks", *context.args, *(["--json"] if as_json else [])]
    done = subprocess.run(command, cwd=root, check=False)  # noqa: S603  # our own program with the operator's words
    raise typer.Exit(min(done.returncode, FINDING))
