"""reconcile: a gateway's file of a day beside the ledger and the one-stop system; what differs, and its repair."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.commands.options import AsPerson, Config, Json, Lang, own_words
from config.desk import FINDING, USAGE, Desk, actor

if TYPE_CHECKING:
    from bus.settlement import Plan, Run
    from bus.settlement_book import Compared, Settlements
    from config.wiring import Installation

MOST_SHOWN = 20
"""Differences and findings that are told one by one; `--json` gives more, the console all."""
MOST_GIVEN = 1_000


def add_to(root: typer.Typer) -> None:
    """Put the command under the root."""
    root.command("reconcile")(reconcile)


def reconcile(
    partner: Annotated[str, typer.Option("--partner", help="The gateway whose file it is.")] = "payment_platform",
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Its file of the day; without it, from the settings' day_folder."),
    ] = None,
    one_stop: Annotated[
        Path | None, typer.Option("--one-stop", metavar="FILE", help="The one-stop system's own list of that day.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Which day; else as the file says, or yesterday.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what differs; asks for --reason.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --repair: say what it would do, and stop.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--class", metavar="CLASS", help="Repair only these classes; several times.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why it is repaired; kept for ever.", callback=own_words)
    ] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Compare a day of payments. Exit code 1 when the file is wrong, or something differs and is not repaired.

    The same files again change nothing. Nothing is applied without --repair.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    wanted = _classes(desk, only)
    if repair and not dry_run and not reason:
        desk.fail(USAGE, "reconcile_needs_reason")
    with desk.installation() as here:
        from config.settling_days import settlements_of

        settlements = settlements_of(here)
        compared = _compare(desk, here, settlements, partner, file, one_stop, _day(desk, day), actor(as_person))
        answer = _told(desk, settlements, compared)
        if repair and compared.run.state == "done":
            answer["repair"] = _repair(desk, here, compared.run, wanted, dry_run, actor(as_person), reason or "")
        left = sum(one.open for one in settlements.counts(compared.run.id))
    desk.give(answer | {"open": left})
    if compared.run.state != "done" or left:
        raise typer.Exit(FINDING)


def _day(desk: Desk, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        desk.fail(USAGE, "reconcile_no_date", day=text)


def _classes(desk: Desk, names: list[str] | None) -> tuple[Any, ...]:
    from bus.settlement import CLASSES, classes_of

    try:
        return classes_of(names or CLASSES)
    except ValueError:
        desk.fail(USAGE, "reconcile_no_class", classes=", ".join(CLASSES))


def _compare(
    desk: Desk,
    here: Installation,
    settlements: Settlements,
    partner: str,
    file: Path | None,
    one_stop: Path | None,
    day: date | None,
    who: str,
) -> Compared:
    from adapters.settlement.envelope import EnvelopeRefused
    from adapters.settlement.rows import yesterday
    from bus.errors import NotAllowedNow
    from config.settling_days import GATEWAYS, NoDay, file_in_folder, one_stop_file, platform_file

    if partner not in GATEWAYS:
        desk.fail(USAGE, "no_such_partner", name=partner, partners=", ".join(GATEWAYS))
    of = day or (yesterday(here.ports.clock.now()) if file is None else None)
    try:
        path = file or file_in_folder(here, partner, of or date.min)
        if path is None:
            desk.fail(FINDING, "reconcile_no_file", partner=partner, day=of)
        given, book, of = platform_file(here, partner, path, of)
        other = None if one_stop is None else one_stop_file(here, one_stop)
        return settlements.compare(book, of, given, one_stop=other, actor=who)
    except NoDay:
        desk.fail(USAGE, "reconcile_needs_day")
    except OSError as trouble:
        desk.fail(USAGE, "reconcile_unreadable", detail=trouble)
    except EnvelopeRefused as trouble:
        desk.fail(FINDING, "reconcile_envelope", detail=trouble)
    except NotAllowedNow as trouble:
        desk.fail(FINDING, "reconcile_taken_over", detail=trouble)


def _told(desk: Desk, settlements: Settlements, compared: Compared) -> dict[str, Any]:
    run = compared.run
    facts = {"run": run.id, "partner": run.partner, "day": run.day, "file": run.file, "rows": run.rows}
    if compared.is_known:
        desk.say("reconcile_known", **facts)
    if run.state == "refused":
        return facts | {"state": run.state} | _findings(desk, settlements, run)
    desk.say("reconcile_done", **facts, matched=run.matched, total=run.total, differing=run.differing)
    if run.is_changed:
        desk.say("reconcile_changed", run=run.id, replaces=run.replaces)
    counts = settlements.counts(run.id)
    rows = [(one.kind.value, one.count, one.open, one.gap) for one in counts]
    desk.table(("class", "count", "open", "gap"), rows, empty="reconcile_well")
    first = settlements.differences(run.id, limit=MOST_GIVEN if desk.as_json else MOST_SHOWN)
    names = ("class", "line", "reference", "payment", "ours", "theirs", "one_stop", "outcome")
    if first:
        cells = [(d.kind.value, d.line, d.reference, d.name, d.ours, d.theirs, d.one_stop, d.outcome) for d in first]
        desk.table(names, cells, empty="reconcile_well")
    if run.differing > len(first):
        desk.say("reconcile_more", shown=len(first), count=run.differing)
    return facts | {
        "state": run.state,
        "is_known": compared.is_known,
        "is_changed": run.is_changed,
        "replaces": run.replaces,
        "matched": run.matched,
        "total": run.total,
        "differing": run.differing,
        "classes": {one.kind.value: {"count": one.count, "open": one.open, "gap": one.gap} for one in counts},
        "differences": [dict(zip(names, row, strict=True)) for row in cells] if first else [],
    }


def _findings(desk: Desk, settlements: Settlements, run: Run) -> dict[str, Any]:
    found = settlements.findings(run.id)
    names = ("side", "line", "rule", "field", "detail")
    desk.say("reconcile_refused", run=run.id, file=run.file, count=run.findings)
    if found:
        cells = [tuple(getattr(one, name) for name in names) for one in found[:MOST_SHOWN]]
        desk.table(names, cells, empty="reconcile_well")
    if run.findings > MOST_SHOWN:
        desk.say("reconcile_more", shown=MOST_SHOWN, count=run.findings)
    return {"findings": [{name: getattr(one, name) for name in names} for one in found]}


def _repair(
    desk: Desk, here: Installation, run: Run, wanted: tuple[Any, ...], is_dry: bool, who: str, reason: str
) -> dict[str, Any]:
    from bus.errors import NotAllowedNow
    from config.commands.acting import note
    from config.settling_days import settlement_repairs_of

    repairs = settlement_repairs_of(here)
    try:
        plan = repairs.plan(run.id, wanted)
    except NotAllowedNow:
        desk.say("reconcile_nothing_open")
        return {"would": {}, "looked_at": 0}
    would = {kind.value: {"act": remedy.value, "count": count} for kind, (remedy, count) in plan.would.items()}
    rows = [(kind, each["act"], each["count"]) for kind, each in would.items()]
    desk.table(("class", "repair", "count"), rows, empty="reconcile_nothing_open")
    if is_dry:
        desk.say("reconcile_dry", count=len(plan.ids))
        return {"would": would, "digest": plan.digest, "looked_at": 0}
    made = here.ledger.engine.write(lambda tx: _asked(repairs, tx, run, plan, who, reason))
    looked_at = repairs.carry(made.id)
    note("reconcile", who.removeprefix("person:"), looked_at)
    desk.say("reconcile_repaired", count=looked_at, actor=who)
    return {"would": would, "digest": plan.digest, "repair": made.id, "looked_at": looked_at}


def _asked(repairs: Any, tx: Any, run: Run, plan: Plan, who: str, reason: str) -> Any:
    """At a terminal nobody is asked twice: who acts there has the ledger's files."""
    told = {"digest": plan.digest, "actor": who, "reason": reason, "four_eyes_above": len(plan.ids)}
    return repairs.ask(tx, run.id, plan.classes, **told)
