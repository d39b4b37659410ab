"""dossier show|resync|skip-gap: where is dossier N, and setting it right."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.commands.acting import note, tell
from config.commands.options import AsPerson, Config, Json, Lang, Reason
from config.desk import Desk, actor, shown
from config.moments import moment

Number = Annotated[str, typer.Argument(help="The dossier's number.", metavar="NUMBER")]


def group() -> typer.Typer:
    """`lienthong dossier …`."""
    found = typer.Typer(help="One dossier: its timeline, and setting it right.", no_args_is_help=True)
    found.command("show")(show)
    found.command("resync")(resync)
    found.command("skip-gap")(skip_gap)
    return found


def show(
    number: Number,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="As it stood then.")] = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """What is known of it, at each partner, and everything that happened, in order."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        view = here.reads.dossier(number) if at is None else here.reads.dossier_at(number, moment(desk, "--at", at))
    _show(desk, view)
    desk.give(view)


def _show(desk: Desk, view: dict[str, Any]) -> None:
    desk.say("dossier_head", **view)
    for partner in view["partners"]:
        desk.say("dossier_partner", **partner)
    names = ("at", "event", "kind", "partner", "delivery", "from_state", "to_state", "cause", "reason", "actor")
    desk.table(names, [shown(move, *names) for move in view["timeline"]], empty="dossier_no_moves")


def resync(
    number: Number,
    reason: Reason,
    partner: Annotated[str, typer.Option("--partner")] = "national_portal",
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Send the dossier's present truth, its newest record, once more."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        delivery = here.repairs.resync(number, partner, actor=actor(as_person), reason=reason)
        state = here.reads.delivery(delivery)["state"]
    note("resync", as_person, 1)
    tell(desk, delivery, state)


def skip_gap(
    number: Number,
    reason: Reason,
    source: Annotated[str, typer.Option("--source", help="Whose numbers are missing.", show_default=False)],
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Give up a numbered source's missing events, and go on with those that are here."""
    import structlog

    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        missing = here.reads.gaps(before=here.ports.clock.now(), limit=500)
        expected = next(
            (gap["missing"] for gap in missing if (gap["source"], gap["dossier"]) == (source, number)), None
        )
        skipped = here.repairs.skip_gap(source, number, actor=actor(as_person), reason=reason)
    log = structlog.get_logger("desk")
    if skipped:
        log.warning("gap_skipped", source=source, dossier=number, expected=expected, actor=actor(as_person))
    desk.say("gap_skipped" if skipped else "gap_none", count=skipped, number=number)
    desk.give({"skipped": skipped})
