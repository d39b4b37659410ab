"""bench: how fast it is, on the machine at hand. The measuring programs stand in the source tree, not in the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from config.commands.options import Lang
from config.desk import UNREACHABLE, Desk


def add_to(root: typer.Typer) -> None:
    """Put the command under the root."""
    root.command("bench")(bench)


def bench(
    figures: Annotated[list[str] | None, typer.Argument(help="f4 f5 f6 f7 f8 f12 f14; all when none is named.")] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each is taken; figures are medians.")] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smallest sizes: shows that it runs, measures nothing.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="F14 with its whole backlog of 200,000.")] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Write the measured part of docs/benchmarks.md.")] = False,
    lang: Lang = None,
) -> None:
    """Measure how fast it is here, beside what the machine itself can do; figures go to var/benchmarks/."""
    tree = Path(__file__).parents[2]
    if not (tree / "benchmarks" / "__main__.py").exists():
        Desk(lang=lang).fail(UNREACHABLE, "bench_without_tree")
    flags = [flag for flag, is_on in (("--quick", quick), ("--full", full), ("--docs", docs)) if is_on]
    command = [sys.executable, "-m", "benchmarks", *(figures or ()), "--rounds", str(rounds), *flags]
    raise typer.Exit(subprocess.run(command, cwd=tree, check=False).returncode)  # noqa: S603  # our own module
