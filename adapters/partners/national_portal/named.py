"""Pure. What one reply to an array says of each record that it names (NOTES.md#r111, #r151, #r152)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.replies import Answer, judge, object_body
from adapters.partners.national_portal.settings import NationalPortalSettings

CONTRADICTORY: Final = "contradictory"
"""Stands for the row where a reply says two things of one record."""


def record_answers(answer: Answer, operation: Operation, settings: NationalPortalSettings) -> dict[str, Answer]:
    """Number → an answer of its own, by the same table and the same settings as a whole reply."""
    items = answer.body.result if isinstance(answer.body.result, list) else []
    named: dict[str, Answer] = {}
    for item in items:
        for number, found in _answers_of(item, operation, settings):
            # A yes under a call that was not accepted proves nothing: that portal may have stored none of them.
            is_empty = found.verdict is Verdict.YES and answer.verdict is not Verdict.YES
            before = named.get(number, found)
            named[number] = doubted(found) if is_empty or before.verdict is not found.verdict else before
    return named


def _answers_of(item: Any, operation: Operation, settings: NationalPortalSettings) -> list[tuple[str, Answer]]:
    """One element: the record that it names and the answer; of names that differ in case only, none is believed."""
    members = [(str(name).casefold(), value) for name, value in item.items()] if isinstance(item, dict) else []
    folded = dict(members)
    if "error_code" not in folded:
        return []
    body = object_body({"error_code": folded["error_code"], "message": folded.get("message")})
    found = judge(operation, 200, body, settings)
    if len(folded) != len(members):
        found = doubted(found)
    return [(value, found) for name, value in members if name == "mahoso" and isinstance(value, str)]


def doubted(answer: Answer) -> Answer:
    """The same answer, believed by nobody."""
    return replace(answer, verdict=Verdict.UNCLEAR, row=CONTRADICTORY)
