"""What is said of a message that breaks the promise: which member, which rule, in whose words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from adapters.doors import words


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One broken rule at one place."""

    field: str
    """JSON pointer; empty for the whole message."""
    rule: str
    """One of the problem codes."""
    detail: str
    """A sentence in English; `say` gives other languages. Never a value that was sent."""
    reason: str = ""
    """A finer code than the rule: which sentence of the catalogue."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the sentence needs to know."""

    def say(self, language: str) -> str:
        """The detail in this language."""
        return words.reason(self.reason, language, self.facts) if self.reason else self.detail


class Malformed(Exception):
    """The message breaks the promise; mend what `errors` names and send it again. Nothing was recorded."""

    def __init__(self, code: str, errors: Iterable[FieldError] = ()) -> None:
        self.code = code
        self.errors = tuple(errors)
        super().__init__(code)


def field_error(*, field: str, rule: str, reason: str, facts: Mapping[str, str] | None = None) -> FieldError:
    """A field error whose detail is taken from the catalogue."""
    told = dict(facts or {})
    return FieldError(
        field=field, rule=rule, reason=reason, facts=told, detail=words.reason(reason, words.ENGLISH, told)
    )
