"""ledger verify|checkpoint|bundle|export: whether every row is as it was written, and showing it to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from config.commands.options import AsPerson, Config, Json, Lang, own_words
from config.desk import FINDING, USAGE, Desk, actor
from config.moments import moment

MOST_SHOWN = 100
"""One broken row breaks others after it; the first ones say where to look."""


def group() -> typer.Typer:
    """`lienthong ledger …`."""
    found = typer.Typer(help="The ledger's evidence.", no_args_is_help=True)
    found.command("verify")(verify)
    found.command("checkpoint")(checkpoint)
    found.command("bundle")(bundle)
    found.command("export")(export)
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


def bundle(
    dossier: Annotated[str, typer.Argument(help="The dossier's number.", metavar="DOSSIER")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A ZIP; must not be there yet.")],
    masked: Annotated[bool, typer.Option("--masked", help="Leave all bytes out; their digests stay.")] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why personal data is handed out; recorded.", callback=own_words),
    ] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Everything about one dossier in one file that a third party verifies offline, with docs/verify_bundle.py.

    It holds personal data and asks for --reason, unless --masked. A checkpoint is signed first.
    """
    from config.bundling import write_bundle
    from config.commands.acting import note
    from config.revealing import record

    desk = Desk(config=config, as_json=as_json, lang=lang)
    if not masked and not reason:
        desk.fail(USAGE, "bodies_need_reason")
    if out.exists():
        desk.fail(FINDING, "init_already_there", path=out)
    with desk.installation() as here:
        here.reads.dossier(dossier)  # one that nobody knows is said to be so before anything is recorded
        if not masked:
            record(here, f"bundle of dossier {dossier}", actor=actor(as_person), reason=reason or "")
        made = write_bundle(here, dossier, out, is_masked=masked)
    note("bundle", as_person, 1)
    desk.say("bundle_made", path=out, count=len(made))
    desk.give({"made": str(out), "members": len(made), "is_masked": masked})


def export(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="From then on.", show_default=False)],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Before then.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="NDJSON; must not be there yet.")],
    partner: Annotated[str | None, typer.Option("--partner", help="Only deliveries to this one.")] = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Deliveries accepted and moves made in a time, for reports: no bodies, no personal data, no reasons."""
    import json

    from bus.export import export as rows_of
    from config.bundling import new_file

    desk = Desk(config=config, as_json=as_json, lang=lang)
    span = (moment(desk, "--since", since), moment(desk, "--until", until))
    if out.exists():
        desk.fail(FINDING, "init_already_there", path=out)
    count = 0
    with desk.installation() as here, new_file(out) as file:
        for row in rows_of(here.ledger, *span, partner):
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            count += 1
    desk.say("export_made", path=out, count=count)
    desk.give({"made": str(out), "rows": count})
