"""What a question's address says: known parameters only, each once, each checked."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from adapters.doors.malformed import FieldError, Malformed
from bus.messages import State
from bus.reads import MAX_PAGE

LARGEST: Final = 2**63 - 1
"""SQLite's; a larger number names nothing."""
USUAL_PAGE: Final = 100
LONGEST: Final = 200


class Parameters:
    """The query string of one request. Every method raises Malformed."""

    def __init__(self, request: Request, *known: str) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                # The name is the stranger's own text: the refusal does not repeat it.
                raise _bad("", "unknown_field", "unknown_field")
            if name in self._values:
                raise _bad(name, "duplicate_member", "duplicate_member")
            if len(value) > LONGEST:
                raise _bad(name, "out_of_range", "too_long", limit=str(LONGEST))
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """A text, or None."""
        return self._values.get(name)

    def number(self, name: str, *, default: int, low: int = 0, high: int = LARGEST) -> int:
        """A whole number within limits."""
        given = self._values.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit()):
            raise _bad(name, "wrong_type", "bad_parameter")
        if len(given) > 19 or not low <= int(given) <= high:
            raise _bad(name, "out_of_range", "bad_parameter")
        return int(given)

    def page(self) -> tuple[int, int]:
        """`after` and `limit`."""
        return self.number("after", default=0), self.number("limit", default=USUAL_PAGE, low=1, high=MAX_PAGE)

    def state(self, name: str) -> State | None:
        """A delivery's state."""
        given = self._values.get(name)
        if given is None:
            return None
        try:
            return State(given)
        except ValueError:
            raise _bad(name, "enum", "enum", allowed=", ".join(State)) from None


def _bad(name: str, rule: str, reason: str, **facts: str) -> Malformed:
    field = f"?{name}" if name else "?"
    return Malformed(rule, [FieldError(field=field, rule=rule, detail="", reason=reason, facts=facts)])
