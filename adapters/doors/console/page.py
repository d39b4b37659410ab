"""One page of the console: its address, its name, who may see it. The list of all of them is `pages.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from adapters.doors.console.answers import Answer
from adapters.doors.console.asked import Asked
from adapters.doors.console.visit import Visit
from bus.rights import Right

if TYPE_CHECKING:
    from adapters.doors.console.frame import Console

Method = Literal["GET", "POST"]
Endpoint: TypeAlias = "Callable[[Console, Visit, Asked], Answer]"


@dataclass(frozen=True, slots=True)
class Page:
    """A route. Rights matrix, navigation, reference page and tests are made from it."""

    method: Method
    path: str
    """Below `/console`."""
    name: str
    endpoint: Endpoint
    right: Right | None
    """None: everybody who has signed in."""
    is_body: bool = False
    """Whether it shows bodies or personal data; who saw it is recorded."""
    is_open: bool = False
    """Before sign-in: `visit` is a stranger's."""
    is_heavy: bool = False
    """Works out a password's hash, in threads of its own, few: guessing passwords must not take the pages'."""
