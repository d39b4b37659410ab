"""payments list|show|query|refund: what was paid, and the two things about it that a person may begin at a terminal.

What ends them stands elsewhere: a refund is approved at the console, by another person who has signed in there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.commands.acting import note
from config.commands.options import LARGEST, AsPerson, Config, Json, Lang, Reason
from config.desk import FINDING, USAGE, Desk, actor

if TYPE_CHECKING:
    from bus.payment_looks import Line
    from config.wiring import Installation

Name = Annotated[
    str, typer.Argument(help="Its number, its source's own number, a reference or a transaction.", metavar="PAYMENT")
]
HIDDEN = frozenset({"data"})
"""Of a payment's answer: what its source asked for names the payer."""


def group() -> typer.Typer:
    """`lienthong payments …`."""
    found = typer.Typer(help="Payments: look, ask the gateway, ask for a refund.", no_args_is_help=True)
    found.command("list")(list_)
    found.command("show")(show)
    found.command("query")(query)
    found.command("refund")(refund)
    return found


def list_(
    state: Annotated[list[str] | None, typer.Option("--state", help="Only these; may be given again.")] = None,
    gateway: Annotated[str | None, typer.Option("--gateway", help="The partner that takes the payment.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="A unit's code; those below it too.")] = None,
    in_review: Annotated[bool, typer.Option("--in-review", help="Only what somebody has to decide about.")] = False,
    find: Annotated[
        str, typer.Option("--find", help="A dossier, a payment, a reference, a transaction; or its beginning.")
    ] = "",
    before: Annotated[int | None, typer.Option("--before", help="The last id of the page before.", max=LARGEST)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200)] = 100,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """A page of payments, the newest first; exit code 1 where some of it needs a decision."""
    from bus.payment_looks import LONGEST_SEARCH, PaymentLooks, Wanted
    from bus.payments import PaymentState

    desk = Desk(config=config, as_json=as_json, lang=lang)
    strange = next((one for one in state or () if one not in list(PaymentState)), None)
    if strange is not None:
        desk.fail(USAGE, "payments_no_state", state=strange, states=", ".join(PaymentState))
    if len(find) > LONGEST_SEARCH:
        desk.fail(USAGE, "payments_find_long", most=LONGEST_SEARCH)
    wanted = Wanted(
        states=tuple(PaymentState(one) for one in state or ()),
        gateway=gateway,
        unit=unit,
        is_in_review=in_review,
        text=find.strip(),
    )
    with desk.installation() as here:
        found = PaymentLooks(here.ledger).payments(wanted, None, before=before, limit=limit)
    rows = [_plain(line) for line in found.lines]
    names = ("id", "created_at", "payment", "dossier", "state", "amount", "refunded", "gateway", "tasks")
    cells = [[row["name"] if name == "payment" else row[name] for name in names] for row in rows]
    desk.table(names, cells, empty="payments_none")
    if found.before is not None:
        desk.say("more_before", before=found.before)
    desk.give({"payments": rows, "before": found.before})
    if any(line.tasks for line in found.lines):
        raise typer.Exit(FINDING)


def show(name: Name, config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """One payment: its attempts, everything that gateways told, tasks, refunds, receipts; nothing of its payer."""
    from bus.payment_close import PaymentClose

    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        payment = PaymentClose(here.ledger).payment(_one(desk, here, name).id)
    view = _plain(payment)
    desk.say("payment_head", **view["line"])
    for key, rows in (
        ("payment_attempt", view["attempts"]),
        ("payment_hearing", view["hearings"]),
        ("payment_task", view["tasks"]),
        ("payment_refund", view["refunds"]),
        ("payment_receipt", view["receipts"]),
        ("payment_told", view["informed"]),
    ):
        for row in rows:
            desk.say(key, **{member: "–" if value is None else value for member, value in row.items()})
    desk.give(view)


def query(
    name: Name,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Have the gateway asked at once what became of it; a running worker asks, and the ledger hears the answer."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        line, book = _one(desk, here, name), here.ledger.payments
        count = here.ledger.engine.write(
            lambda tx: book.ask_now(tx, line.id, account=_account(as_person), reason=reason)
        )
    note("payment_query", as_person, count)
    desk.say("payment_asked", id=line.id, count=count)
    desk.give({"id": line.id, "attempts": count})


def refund(
    name: Name,
    amount: Annotated[int, typer.Argument(help="Whole đồng.", metavar="AMOUNT", min=1, max=10**12)],
    reason: Reason,
    offline: Annotated[
        bool, typer.Option("--offline", help="By accounting's transfer, whatever the gateway offers.")
    ] = False,
    task: Annotated[int | None, typer.Option("--task", help="Of the money that this task found.", max=LARGEST)] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Ask for a refund. Another person approves it at the console: no command does."""
    from bus.refunds import Refunds

    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        line, refunds = _one(desk, here, name), Refunds(here.ledger)
        made = here.ledger.engine.write(
            lambda tx: refunds.request(
                tx, line.id, amount=amount, reason=reason, account=_account(as_person), task=task, is_offline=offline
            )
        )
    note("payment_refund", as_person, 1)
    facts = {"id": made.id, "payment": line.id, "name": made.name, "amount": made.amount, "state": str(made.state)}
    desk.say("refund_asked", **facts)
    if made.state == "requested":
        desk.say("refund_waits")
    desk.give(facts)


def _account(as_person: str | None) -> str:
    return actor(as_person).removeprefix("person:")


def _one(desk: Desk, here: Installation, name: str) -> Line:
    """The payment that this names; ends the command where there is none, or more than one."""
    from bus.payment_looks import PaymentLooks

    found = PaymentLooks(here.ledger).named(name.strip(), None)
    if not found:
        desk.fail(FINDING, "payment_unknown", name=name)
    if len(found) > 1:
        desk.fail(FINDING, "payment_several", name=name, ids=", ".join(str(line.id) for line in found))
    return found[0]


def _plain(one: Any) -> dict[str, Any]:
    """A noun as JSON takes it: times with their zone, amounts as whole numbers."""
    import msgspec

    made: dict[str, Any] = msgspec.to_builtins(one)
    return {member: value for member, value in made.items() if member not in HIDDEN}
