"""Pure. What an answer of the issuer comes to, by the table `codes.REPLIES` alone; and what its texts say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Final

from adapters.partners.receipt_issuer.codes import REPLIES, Row, Shape, Verdict
from bus.messages import InDoubt, Outcome, Refused, Unreachable
from bus.privacy import mask_text

LONGEST_TEXT: Final = 200
_ERR: Final = re.compile(r"ERR:\s*(-?[0-9]{1,4})\b")
_TAGS: Final = re.compile(r"<[^<>]*>")
_AMOUNTS: Final = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:[.,\u00a0 ][0-9]{3})+(?![0-9])|(?<![0-9.,])[0-9]+(?![0-9])")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_ADJUSTED: Final = re.compile(r"OK:.{0,120};.{0,60};\s*(?P<number>[0-9]{1,10})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an answer is."""

    shape: Shape
    code: str = ""
    text: str = ""
    """Of the result, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the table says of one answer."""

    verdict: Verdict
    row: str
    body: Body
    retry_after: timedelta | None = None
    trouble: Outcome | None = None
    """What came instead of an answer."""

    @property
    def reason(self) -> str:
        """For the ledger and the console: never a page, which holds a citizen's name."""
        told = "" if self.body.shape is Shape.PAGE else mask_text(self.body.text[:LONGEST_TEXT])
        return ": ".join(part for part in (self.row, told) if part)


def body_of(text: str) -> Body:
    """A result's text: a yes, a no with its code, or a page."""
    said = text.strip()
    if not said:
        return Body(shape=Shape.EMPTY)
    if said.startswith("OK:"):
        return Body(shape=Shape.OK, text=said)
    if said.startswith("ERR"):
        found = _ERR.match(said)
        return Body(shape=Shape.ERR, code=f"ERR:{found[1]}" if found else "ERR", text=said)
    return Body(shape=Shape.PAGE, text=text)


def unanswered(trouble: Outcome) -> Answer:
    """No whole answer came."""
    return Answer(verdict=Verdict.UNCLEAR, row="no_answer", body=Body(shape=Shape.EMPTY), trouble=trouble)


def judge(operation: str, status: int, body: Body, wait: timedelta | None = None) -> Answer:
    """The verdict by the table: the first row that fits, and the last one fits every answer."""
    row = next((row for row in REPLIES if _fits(row, operation, status, body)), REPLIES[-1])
    return Answer(verdict=row.verdict, row=row.id, body=body, retry_after=wait)


def _fits(row: Row, operation: str, status: int, body: Body) -> bool:
    return (
        operation in row.operations
        and row.http[0] <= status <= row.http[1]
        and row.shape in (None, body.shape)
        and (not row.codes or body.code in row.codes)
    )


def trouble_of(answer: Answer) -> Outcome:
    """What follows from an answer that is no yes."""
    if answer.trouble is not None:
        return answer.trouble
    match answer.verdict:
        case Verdict.REFUSED:
            return Refused(code=answer.body.code or answer.row, reason=answer.reason)
        case Verdict.DOWN:
            return Unreachable(reason=answer.reason, retry_after=answer.retry_after)
        case Verdict.UNCLEAR:
            return InDoubt(reason=answer.reason)
        case _:
            return Unreachable(reason=answer.reason, retry_after=answer.retry_after, is_down=False)


# -- what texts say ----------------------------------------------------------------------------------------------------


def published_number(text: str, key: str) -> str | None:
    """Of `OK:<pattern>;<serial>-<key>_<number>`; none when it speaks of another key (NOTES.md#r30)."""
    # From its end: a serial may hold the hyphen that stands before the key.
    told, _, number = text.strip().rpartition("_")
    return number if told.endswith(f"-{key}") and _NUMBER.fullmatch(number) else None


def adjusted_number(text: str) -> str | None:
    """Of `OK:<pattern>;<serial>;<number>` (NOTES.md#r55)."""
    found = _ADJUSTED.fullmatch(text.strip())
    return found["number"] if found else None


def page_number(page: str, pattern: str) -> str:
    """As a receipt's page shows it; empty where it cannot be read (NOTES.md#r43)."""
    found = re.search(pattern, page)
    return (found[1] or "") if found else ""


def names_amount(page: str, amount: int) -> bool:
    """Whether a page says this amount somewhere, with separators or without."""
    said = unescape(_TAGS.sub(" ", page))
    return any(re.sub(r"\D", "", each) == str(amount) for each in _AMOUNTS.findall(said))


def table() -> list[Mapping[str, str]]:
    """The answer table as rows of words, for the documents."""
    return [
        {
            "id": row.id,
            "operations": "any"
            if len(row.operations) == 5
            else ", ".join(f"`{each}`" for each in sorted(row.operations)),
            "http": str(row.http[0]) if row.http[0] == row.http[1] else f"{row.http[0]}–{row.http[1]}",
            "answer": row.shape or "any",
            "code": ", ".join(f"`{each}`" for each in sorted(row.codes)) or "any",
            "verdict": row.verdict,
            "source": row.source,
        }
        for row in REPLIES
    ]
