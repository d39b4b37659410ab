"""refusals list|show: what was refused at the doors, by the reference that the caller was told."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.commands.options import Config, Json, Lang
from config.desk import Desk, shown
from config.moments import moment


def group() -> typer.Typer:
    """`lienthong refusals …`."""
    found = typer.Typer(help="What was refused at the doors.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("show")(show)
    return found


def list_(
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was refused then or later.")
    ] = None,
    caller: Annotated[str | None, typer.Option("--caller", metavar="NAME", help="Only this caller's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 100,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """The newest refusals first. Only the newest ten thousand are kept."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    start = None if since is None else moment(desk, "--since", since)
    with desk.installation() as here:
        rows = here.reads.refusals(since=start, caller=caller, limit=limit)
    names = ("reference", "at", "caller", "route", "status", "code")
    desk.table((*names, "rule"), [[*shown(row, *names), _first(row)] for row in rows], empty="refusals_none")
    desk.give(rows)


def _first(row: dict[str, Any]) -> str | None:
    """Field and rule of the first trouble; `show` has them all."""
    rule = next(iter(row["rules"]), None)
    return None if rule is None else f"{rule['field']} {rule['rule']}".strip()


def show(
    reference: Annotated[str, typer.Argument(help="What the caller was told, such as LT-7F3K-2.", metavar="REFERENCE")],
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """One refusal: who, when, which route, which fields and rules; where a signature was the trouble, its base as it
    was built here, to compare with the caller's. Nothing personal. Exit code 1 when the reference is unknown.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        row = here.reads.refusal(reference)
    desk.say("refusal_head", **row)
    for rule in row["rules"]:
        is_of_batch = "line" in rule
        desk.say("refusal_rule_line" if is_of_batch else "refusal_rule", **rule)
    if row["base"] is not None:
        desk.say("refusal_base")
        for line in row["base"].split("\n"):
            desk.say("refusal_base_line", text=line)
    desk.give(row)
