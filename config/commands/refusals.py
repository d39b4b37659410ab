"""refusals list|show: what was refused at the doors, by the reference that the caller was told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bus.refusals import marking_key
from config.commands.options import Config, Json, Lang
from config.comparing import Found, compare, visible
from config.desk import FINDING, USAGE, Desk, shown
from config.moments import moment

HINTS: Final = {
    "nfc": "compared_hint_nfc",
    "line_ends": "compared_hint_line_ends",
    "spaces": "compared_hint_spaces",
    "order": "compared_hint_order",
}
"""What makes the two one (`config/comparing.py`) → the sentence that says so."""


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
    theirs: Annotated[
        Path | None,
        typer.Option(
            "--theirs",
            metavar="FILE",
            help="What the caller signed, as bytes: its signature base, its canonical SignedInfo or Body, or "
            "the body that it digested. Shows the first byte that differs.",
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """One refusal: who, when, which route, which fields and rules; where a signature was the trouble, its base as it
    was built here and every digest, to compare with the caller's. Nothing personal. Exit code 1 when the reference is
    unknown, or when the caller's bytes are others.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    sent = None if theirs is None else theirs.read_bytes()
    with desk.installation() as here:
        row = here.reads.refusal(reference)
        key = marking_key(here.ledger.master)
    found = None if sent is None else compare(row, sent, key)
    if sent is not None and found is None:
        desk.fail(USAGE, "refusal_nothing_to_compare", parts=", ".join(each["part"] for each in row["digests"]) or "-")
    _tell(desk, row)
    if found is None:
        desk.give(row)
        return
    _tell_difference(desk, found)
    desk.give(row | {"difference": found.as_dict()})
    if not found.is_same:
        raise typer.Exit(FINDING)


def _tell(desk: Desk, row: dict[str, Any]) -> None:
    desk.say("refusal_head", **row)
    if row["why"] and row["caller"]:
        desk.say("refusal_claimed", caller=row["caller"])
    if row["why"]:
        desk.say("refusal_why", text=row["why"])
    for rule in row["rules"]:
        is_of_batch = "line" in rule
        desk.say("refusal_rule_line" if is_of_batch else "refusal_rule", **rule)
    for each in row["digests"]:
        if each["ours"]:
            is_same = each["sent"] == each["ours"]
            desk.say("refusal_digest_same" if is_same else "refusal_digest_other", **each)
    if row["base"] is not None:
        desk.say("refusal_base")
        for line in row["base"].split("\n"):
            desk.say("refusal_base_line", text=line)


def _tell_difference(desk: Desk, found: Found) -> None:
    if found.is_same:
        desk.say("compared_same", part=found.part)
        return
    key = "compared_block" if found.until else "compared_byte"
    desk.say(key, part=found.part, offset=found.offset, until=found.until, line=found.line, column=found.column)
    if found.ours:
        desk.say("compared_here", hexadecimal=found.ours.hex(" "), text=visible(found.ours))
    desk.say("compared_theirs", hexadecimal=found.theirs.hex(" "), text=visible(found.theirs))
    if found.hint:
        desk.say(HINTS[found.hint])
