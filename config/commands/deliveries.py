"""deliveries list|show|replay|cancel|resolve: what waits for a person, and what a person does about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from config.commands.acting import act_on, note
from config.commands.options import LARGEST, AsPerson, Config, Json, Lang, Reason, own_words
from config.desk import USAGE, Desk, actor, shown
from config.moments import moment

Number = Annotated[int, typer.Argument(help="The delivery's id.", metavar="ID", max=LARGEST)]
How = Literal["arrived", "send-again", "go-on"]
RESOLUTIONS: dict[str, Any] = {"arrived": "arrived", "send-again": "send_again", "go-on": "go_on"}


def group() -> typer.Typer:
    """`lienthong deliveries …`."""
    found = typer.Typer(help="Deliveries: look, and act with a reason.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("show")(show)
    found.command("replay")(replay)
    found.command("cancel")(cancel)
    found.command("resolve")(resolve)
    return found


def list_(
    state: Annotated[str | None, typer.Option("--state", help="Only these: held, refused, in_doubt, waiting …")] = None,
    partner: Annotated[str | None, typer.Option("--partner")] = None,
    after: Annotated[int, typer.Option("--after", help="The last id of the page before.", max=LARGEST)] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 100,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """A page of deliveries, by id."""
    from bus.messages import State

    desk = Desk(config=config, as_json=as_json, lang=lang)
    if state is not None and state not in list(State):
        desk.fail(USAGE, "no_such_state", state=state, states=", ".join(State))
    with desk.installation() as here:
        rows = here.reads.deliveries(state=State(state) if state else None, partner=partner, after=after, limit=limit)
    names = ("id", "partner", "dossier", "kind", "state", "cause", "tries", "changed_at", "reason")
    desk.table(names, [shown(row, *names) for row in rows], empty="deliveries_none")
    if len(rows) == limit:
        desk.say("more_after", after=rows[-1]["id"])
    desk.give(rows)


def show(
    number: Number,
    bodies: Annotated[bool, typer.Option("--bodies", help="The exact bytes too; asks for --reason.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why personal data is looked at; recorded.", callback=own_words)
    ] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """One delivery: its attempts and its moves."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    if bodies and not reason:
        desk.fail(USAGE, "bodies_need_reason")
    with desk.installation() as here:
        if bodies:
            from config.revealing import record

            record(here, f"delivery {number}", actor=actor(as_person), reason=reason or "")
        view = here.reads.delivery(number, with_bodies=bodies)
    _show(desk, view)
    desk.give(view)


def _show(desk: Desk, view: dict[str, Any]) -> None:
    desk.say("delivery_head", **view)
    for attempt in view["attempts"]:
        desk.say("attempt_line", **attempt)
        for exchange in attempt["exchanges"]:
            desk.say("exchange_line", **exchange)
            for name in ("request_head", "request_body", "reply_head", "reply_body"):
                # Line by line: what was sent could else begin a line that looks like one of the ledger's moves.
                for line in (exchange.get(name) or "").splitlines():
                    desk.say("exchange_part", name=name, text=line)
    for move in view["moves"]:
        desk.say("move_line", **move | {"from_state": move["from_state"] or "–"})


def replay(
    number: Number,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Send it again; one that is older than what the partner has becomes superseded and does not go out."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    act_on(desk, number, "replay", as_person, lambda repairs, who: repairs.replay(number, actor=who, reason=reason))


def cancel(
    number: Number,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Give it up; what waits behind it goes on."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    act_on(desk, number, "cancel", as_person, lambda repairs, who: repairs.cancel(number, actor=who, reason=reason))


def resolve(
    number: Annotated[int | None, typer.Argument(help="One delivery in doubt.", metavar="[ID]", max=LARGEST)] = None,
    how: Annotated[How | None, typer.Option("--as", help="What you found at the partner.", show_default=False)] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="How you know; kept for ever.", callback=own_words)
    ] = None,
    partner: Annotated[str | None, typer.Option("--partner", help="All of one outage, instead of one.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only steps with this status.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and its digest; change nothing.")] = False,
    digest: Annotated[str | None, typer.Option("--digest", help="Of the plan that you saw.")] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Settle what is in doubt: it arrived; it did not, send it again; or go on without it.

    One delivery by its ID, or all of an outage: first --dry-run, then the same with --digest.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    if (number is None) == (partner is None):
        desk.fail(USAGE, "resolve_one_or_all")
    if partner is not None:
        if digest is None and not dry_run:
            desk.fail(USAGE, "resolve_needs_digest")
        times = (moment(desk, "--since", since), moment(desk, "--until", until))
        _resolve_all(desk, partner, times, status, how, reason, digest if not dry_run else None, as_person)
        return
    assert number is not None
    if how is None or not reason:
        desk.fail(USAGE, "resolve_needs_how")
    found = RESOLUTIONS[how]
    act_on(
        desk,
        number,
        "resolve",
        as_person,
        lambda repairs, who: repairs.resolve(number, found, actor=who, reason=reason),
    )


def _resolve_all(
    desk: Desk,
    partner: str,
    times: tuple[datetime, datetime],
    status: str | None,
    how: How | None,
    reason: str | None,
    digest: str | None,
    as_person: str | None,
) -> None:
    with desk.installation() as here:
        plan = here.repairs.plan(partner, since=times[0], until=times[1], status=status)
        rows = [{"id": d.delivery, "dossier": d.dossier, "status": d.status, "cause": d.cause} for d in plan.doubts]
        answer = {"digest": plan.digest, "deliveries": rows, "resolved": 0}
        if digest is None:
            desk.table(("id", "dossier", "status", "cause"), [list(row.values()) for row in rows], empty="plan_empty")
            desk.say("plan_digest", count=len(rows), digest=plan.digest)
            desk.give(answer)
            return
        if digest != plan.digest:
            desk.fail(1, "plan_changed", digest=plan.digest)
        if how is None or not reason:
            desk.fail(USAGE, "resolve_needs_how")
        count = here.repairs.resolve_all(plan, RESOLUTIONS[how], actor=actor(as_person), reason=reason)
    note("resolve", as_person, count)
    desk.say("plan_done", count=count)
    desk.give(answer | {"resolved": count})
