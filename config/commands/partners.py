"""partners list|hold|release: how is partner P, and stopping what is sent to it."""

from __future__ import annotations

from typing import Annotated

import typer

from config.commands.options import AsPerson, Config, Json, Lang, Reason
from config.desk import FINDING, Desk, actor

Name = Annotated[str, typer.Argument(help="The partner's name.", metavar="PARTNER")]


def group() -> typer.Typer:
    """`lienthong partners …`."""
    found = typer.Typer(help="Partners: how they are, and holding back what is sent to them.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("hold")(hold)
    found.command("release")(release)
    return found


def list_(config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Every partner that was met: held or not, its circuit, its last success, and how many deliveries stand where."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        rows = here.reads.partners()
    told = [
        (
            row["name"],
            row["hold_reason"] or "–" if row["is_held"] else "",
            row["circuit"],
            row["last_success_at"],
            ", ".join(f"{state} {count}" for state, count in sorted(row["deliveries"].items()) if count),
        )
        for row in rows
    ]
    desk.table(("partner", "held", "circuit", "last_success_at", "deliveries"), told, empty="partners_none")
    desk.give(rows)


def hold(
    name: Name,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Accept, and send nothing to this partner until it is released."""
    import structlog

    log = structlog.get_logger("desk")
    _set(Desk(config=config, as_json=as_json, lang=lang), name, reason, as_person, is_held=True)
    log.warning("partner_held", partner=name, actor=actor(as_person))


def release(
    name: Name,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Send to it again."""
    import structlog

    log = structlog.get_logger("desk")
    _set(Desk(config=config, as_json=as_json, lang=lang), name, reason, as_person, is_held=False)
    log.info("partner_released", partner=name, actor=actor(as_person))


def _set(desk: Desk, name: str, reason: str, as_person: str | None, *, is_held: bool) -> None:
    with desk.installation() as here:
        if name not in here.partner_names:
            desk.fail(FINDING, "no_such_partner", name=name, partners=", ".join(sorted(here.partner_names)))
        change = here.repairs.hold if is_held else here.repairs.release
        change(name, actor=actor(as_person), reason=reason)
    desk.say("partner_held" if is_held else "partner_released", name=name)
    desk.give({"partner": name, "is_held": is_held})
