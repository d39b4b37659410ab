"""A form's key and a form's reason: what every repair has in common, whoever's page it stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.doors.console.answers import Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.visit import Visit
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, PressRefused, PressTooOld
from bus.presses import Form, Pressed
from bus.reasons import LONGEST, fault_in, tidy

if TYPE_CHECKING:
    from adapters.doors.console.frame import Console


def key_for(console: Console, visit: Visit, act: str, target: str) -> str:
    """A fresh key for a form that is rendered now."""
    return console.presses.key(_form(visit, act, target))


def reason_of(asked: Asked) -> str:
    """The reason that was typed. Raises Wrong."""
    reason = tidy(" ".join(asked.form.get("reason", "").split()))
    fault = fault_in(reason)
    if fault is not None:
        raise Wrong(f"repairs.reason_{fault}", field="reason", most=LONGEST)
    return reason


def press(
    console: Console, visit: Visit, asked: Asked, act: str, target: str, do: Callable[[Tx], Mapping[str, Any]]
) -> Pressed:
    """Do what the form asks for, once; a second press is given the first one's result. Raises Wrong.

    `do` runs in the transaction that keeps the key, the audit row belongs there too.
    """
    try:
        return console.presses.press(asked.form.get("press", ""), _form(visit, act, target), do)
    except PressTooOld:
        raise Wrong("repairs.press_old", status=409) from None
    except PressRefused:
        raise Wrong("repairs.press_foreign", status=409) from None
    except NotAllowedNow as refusal:
        raise Wrong(f"repairs.no_{refusal.code}", status=409) from None


def earlier(console: Console, visit: Visit, asked: Asked, act: str, target: str) -> Pressed | None:
    """What this very form's first press came to: asked first where that changed what the form is about."""
    try:
        return console.presses.earlier(asked.form.get("press", ""), _form(visit, act, target))
    except PressRefused:
        return None  # the press itself will say so


def _form(visit: Visit, act: str, target: str) -> Form:
    return Form(account=visit.account, act=act, target=target)
