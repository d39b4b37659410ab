"""ledger verify|checkpoint: whether every row is as it was written."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, Desk

MOST_SHOWN = 100
"""One broken row breaks others after it; the first ones say where to look."""


def group() -> typer.Typer:
    """`lienthong ledger …`."""
    found = typer.Typer(help="The ledger's evidence.", no_args_is_help=True)
    found.command("verify")(verify)
    found.command("checkpoint")(checkpoint)
    return found


def verify(
    bodies: Annotated[bool, typer.Option("--bodies", help="Open every body too, and hold it against its row.")] = False,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Check every chain, checkpoint, event, attempt and state. Exit code 1 names the first row that does not fit."""
    import time

    import structlog

    from bus import upkeep
    from config.signing_key import is_signed_here

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    started = time.perf_counter()
    with desk.installation() as here:
        is_signed = is_signed_here(here.settings.ledger)
        damages: list[dict[str, Any]] = []
        for damage in upkeep.verify(here.ledger, is_signed=is_signed, bodies=bodies):
            damages.append({"table": damage.table, "row": damage.row, "detail": damage.detail})
            if len(damages) >= MOST_SHOWN:
                break
        rows = sum(row[1] for row in here.ledger.engine.read().all("all_chain_heads"))
    took = time.perf_counter() - started
    log.info("ledger_verified", rows=rows, findings=len(damages), took_ms=round(took * 1000))
    for row in damages:
        desk.say("damage_line", **row)
    desk.say(
        "ledger_damaged_count" if damages else "ledger_whole", count=len(damages), rows=rows, seconds=f"{took:.1f}"
    )
    desk.give({"is_whole": not damages, "moves": rows, "damages": damages, "seconds": round(took, 3)})
    if damages:
        raise typer.Exit(FINDING)


def checkpoint(config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Sign a statement over every chain's head now; a worker does so each minute."""
    from bus import upkeep
    from config.signing_key import InstallationKey

    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        key = InstallationKey.from_file(here.settings.ledger.signing_key_file)
        made = upkeep.checkpoint(here.ledger, key.sign, key.key_id)
    desk.say("checkpoint_made", key=key.key_id)
    desk.give({"statement": made.statement.decode(), "signature": made.signature.hex(), "key": key.key_id})
