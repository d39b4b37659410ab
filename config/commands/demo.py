"""demo: a day of dossiers against mocks on this machine, judged event by event."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.commands.options import Json, Lang
from config.desk import FINDING, Desk

Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65_535, help="The doors' port; else 8400 or a free one.")
]
MocksPort = Annotated[
    int | None, typer.Option("--mocks-port", min=0, max=65_535, help="The mocks' port; else 9100 or a free one.")
]


def add_to(root: typer.Typer) -> None:
    """Put the command under the root."""
    root.command("demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when the day is settled; 0 only if all agrees.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Another day, told again by the same number.")] = 1,
    events: Annotated[Path | None, typer.Option("--events", metavar="FILE", help="Feed these events (NDJSON).")] = None,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", help="Everything goes here; else a new one.")] = None,
    port: Port = None,
    mocks_port: MocksPort = None,
    dossiers: Annotated[int, typer.Option("--dossiers", hidden=True, min=40)] = 2_000,
    steps: Annotated[int, typer.Option("--steps", hidden=True, min=40)] = 8_000,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Bus, doors and mocks on loopback; feeds a day of dossiers while the mock misbehaves; proves what came of it."""
    from config.demo_run import Wish, run

    wish = Wish(
        is_once=once,
        seed=seed,
        events=events,
        state_dir=state_dir,
        port=port,
        mocks_port=mocks_port,
        dossiers=dossiers,
        steps=steps,
    )
    if not run(Desk(as_json=as_json, lang=lang), wish):
        raise typer.Exit(FINDING)
