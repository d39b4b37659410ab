"""What a person's acts have in common: done under a name, logged, and told with what became of the delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from config.desk import Desk, actor

if TYPE_CHECKING:
    from bus.messages import State
    from bus.repairs import Repairs


def act_on(
    desk: Desk, number: int, action: str, as_person: str | None, change: Callable[[Repairs, str], State]
) -> None:
    """Change one delivery, and say how it stands now. `change` gets the repairs and who acts."""
    with desk.installation() as here:
        state = change(here.repairs, actor(as_person))
    note(action, as_person, 1)
    tell(desk, number, state.value)


def note(action: str, as_person: str | None, count: int) -> None:
    """In the log: who did what, to how many."""
    import structlog

    log = structlog.get_logger("desk")
    log.info("person_acted", actor=actor(as_person), action=action, count=count)


def tell(desk: Desk, number: int, state: str) -> None:
    """How a delivery stands now."""
    desk.say("delivery_now", id=number, state=state)
    desk.give({"id": number, "state": state})
