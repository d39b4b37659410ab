"""Where the console's pages are, in the world of the tests: an address for each, and for some of them several.

A page whose address has a place for a number needs an example here; a page without one fails its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from adapters.doors.console.links import PREFIX, url_for
from adapters.doors.console.page import Page
from adapters.doors.console.pages import PAGES
from bus.messages import State
from bus.payment_close import PaymentClose
from bus.signature_close import SignatureClose
from tests.console_world import (
    HOSTILE_DOSSIER,
    IN_DOUBT_DOSSIERS,
    LONG_DOSSIER,
    MAIN_DOSSIER,
    MISSING_ROW,
    NUL_DOSSIER,
    REFUSED_DOSSIER,
    ConsoleWorld,
)

Examples = Callable[[ConsoleWorld], Sequence[Mapping[str, Any]]]
FORMS: Final = ("csv", "xlsx", "jsonl")
READABLE: Final = tuple(page for page in PAGES if page.method == "GET" and not page.path.startswith("/sso/"))
"""Without a provider of sign-ins in the settings its pages are not there."""


def places(page: Page, world: ConsoleWorld) -> list[str]:
    """Addresses below `/console` at which this page can be looked at; the first is the usual one."""
    if "{" not in page.path and page.name not in EXAMPLES:
        return [page.path]
    return [url_for(page.name, **facts).removeprefix(PREFIX) for facts in EXAMPLES[page.name](world)]


def place(page: Page, world: ConsoleWorld) -> str:
    """The usual one."""
    return places(page, world)[0]


def delivery_of(world: ConsoleWorld, dossier: str, *, last: bool = True) -> int:
    """A delivery of this dossier to the portal."""
    moves = world.installation.reads.dossier(dossier)["timeline"]
    found = [move["delivery"] for move in moves if move["delivery"] and move["partner"] == "national_portal"]
    return int(found[-1 if last else 0])


def first_in(world: ConsoleWorld, state: State) -> int:
    """The oldest delivery in this state."""
    return int(world.deliveries(state)[0]["id"])


def call_of(world: ConsoleWorld, dossier: str) -> dict[str, int]:
    """The first call of this dossier's first delivery to the portal."""
    delivery = delivery_of(world, dossier, last=False)
    attempts = world.installation.reads.delivery(delivery)["attempts"]
    return {"id": delivery, "n": next(call["id"] for attempt in attempts for call in attempt["exchanges"])}


def reference(world: ConsoleWorld) -> str:
    """Of something that was refused at a door."""
    return str(world.installation.reads.refusals(limit=1)[0]["reference"])


def hearing_of(world: ConsoleWorld, name: str) -> dict[str, int]:
    """The newest thing that was told of this payment."""
    payment = world.payments[name]
    return {"id": payment, "n": PaymentClose(world.installation.ledger).payment(payment).hearings[0].id}


def told_of(world: ConsoleWorld, name: str) -> dict[str, int]:
    """The newest thing that was told of this signature."""
    signature = world.signatures[name]
    return {"id": signature, "n": SignatureClose(world.installation.ledger).signature(signature).hearings[0].id}


def first_task(world: ConsoleWorld) -> int:
    """The oldest task about money."""
    return PaymentClose(world.installation.ledger).open_tasks(None)[0][0].id


EXAMPLES: Final[Mapping[str, Examples]] = {
    "dossier": lambda world: [{"number": number} for number in (IN_DOUBT_DOSSIERS[0], HOSTILE_DOSSIER, LONG_DOSSIER)],
    "journey": lambda world: [{"number": IN_DOUBT_DOSSIERS[0]}, {"number": HOSTILE_DOSSIER, "for": "citizen"}],
    "delivery": lambda world: [
        {"id": delivery_of(world, IN_DOUBT_DOSSIERS[0])},
        *({"id": delivery_of(world, dossier, last=False)} for dossier in (REFUSED_DOSSIER, LONG_DOSSIER)),
        {"id": first_in(world, State.HELD)},
    ],
    "exchange": lambda world: [
        {**call_of(world, dossier), "part": part, "form": form}
        for dossier in (REFUSED_DOSSIER, LONG_DOSSIER, NUL_DOSSIER)
        for part in ("request", "reply")
        for form in ("formatted", "raw")
    ],
    "partner": lambda world: [{"name": name} for name in ("one_stop-province", "national_portal", "one_stop")],
    "refusal": lambda world: [{"reference": reference(world)}],
    "repair": lambda world: [{"id": first_in(world, state)} for state in (State.HELD, State.IN_DOUBT, State.REFUSED)],
    "repair_dossier": lambda world: [{"number": IN_DOUBT_DOSSIERS[0]}],
    "correct": lambda world: [{"id": first_in(world, state)} for state in (State.HELD, State.REFUSED)],
    "mapping_row": lambda world: [{"partner": "national_portal", "table": "procedures", "row": MISSING_ROW}],
    "selection": lambda world: [{"id": 2}, {"id": 1}],
    "run": lambda world: [{"id": 2}, {"id": 1}],
    "export_lateness": lambda world: [{"form": form} for form in FORMS],
    "export_deliveries": lambda world: [{"form": form} for form in FORMS],
    "export_timeline": lambda world: [{"form": form, "number": HOSTILE_DOSSIER} for form in FORMS],
    "export_refusals": lambda world: [{"form": form} for form in FORMS],
    "export_audit": lambda world: [{"form": form} for form in FORMS],
    "export_users": lambda world: [{"form": form} for form in FORMS],
    "export_payments": lambda world: [{"form": form} for form in FORMS],
    "payments": lambda world: [{}, {"state": "group-taken"}, {"review": "1"}],
    "payment": lambda world: [{"id": world.payments[name]} for name in ("double", "paid", "hostile", "open_keypay")],
    "payment_repair": lambda world: [{"id": world.payments[name]} for name in ("refund_asked", "double", "hostile")],
    "hearing": lambda world: [{**hearing_of(world, name), "form": "raw"} for name in ("hostile", "paid")],
    "payment_tasks": lambda world: [{}, {"state": "closed"}],
    "payment_task": lambda world: [{"id": first_task(world)}],
    "settlement_run": lambda world: [{"id": 2}, {"id": 2, "class": "orphan", "open": "1"}, {"id": 1}],
    "export_settlement": lambda world: [{"form": form, "run": 2} for form in FORMS],
    "refunds": lambda world: [{}, {"state": "all"}],
    "signatures": lambda world: [{}, {"state": "group-waiting"}, {"q": MAIN_DOSSIER}],
    "signature": lambda world: [
        {"id": world.signatures[name]} for name in ("made", "sealed", "failed", "waiting", "hostile", "at_desk")
    ],
    "signature_hearing": lambda world: [{**told_of(world, "failed"), "form": "raw"}],
    "user": lambda world: [{"name": "operator"}],
}
