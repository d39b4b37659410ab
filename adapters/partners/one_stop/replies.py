"""Pure. What a one-stop system's answer comes to, by the table `codes.REPLIES` and nothing else.

`soap.py` and `rest.py` open an answer and say what it is and who says it; here nobody looks at bytes any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from adapters.partners.one_stop.codes import (
    BUSY,
    OF_THE_WAY,
    REPLIES,
    Contract,
    Proof,
    Protocol,
    Row,
    Shape,
    Side,
    Verdict,
)
from bus.privacy import mask_text

LONGEST_TEXT: Final = 300
"""The exchange keeps the whole answer; a reason is for reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an answer is, and who says so."""

    shape: Shape
    proof: Proof = Proof.NONE
    code: str = ""
    """Of a problem."""
    side: Side = ""
    """Whose fault it is, as a Fault's code or the HTTP status says."""
    text: str = ""
    """Their words, or why they are not believed."""
    number: str | None = None
    accepted_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the table says of one answer."""

    verdict: Verdict
    row: str
    """The id of the row that decided."""
    status: int
    body: Body
    retry_after: timedelta | None = None

    @property
    def reason(self) -> str:
        """For the ledger and the console: the row, then their code and words."""
        named = f"{self.row} {self.status}" if self.row == "http_other" else self.row
        return ": ".join(part for part in (named, self.body.code, self.body.text) if part)


def judge(protocol: Protocol, status: int, body: Body, wait: timedelta | None = None) -> Answer:
    """The verdict by the table."""
    row = find_row(protocol, status, body)
    return Answer(verdict=row.verdict, row=row.id, status=status, body=body, retry_after=wait)


def find_row(protocol: Protocol, status: int, body: Body) -> Row:
    """The first row that fits. The last one fits every answer."""
    return next((row for row in REPLIES if _fits(row, protocol, status, body)), REPLIES[-1])


def _fits(row: Row, protocol: Protocol, status: int, body: Body) -> bool:
    return (
        row.protocol in ("any", protocol)
        and row.http[0] <= status <= row.http[1]
        and row.shape in (None, body.shape)
        and row.proof in (None, body.proof)
        and row.side in ("", body.side)
        and _code_fits(row.code, body.code)
    )


def _code_fits(wanted: str, code: str) -> bool:
    match wanted:
        case "busy":
            return code == BUSY
        case "way":
            return code in OF_THE_WAY
        case _:
            return True


OTHER: Final = Body(shape=Shape.OTHER, proof=Proof.GOOD)
"""Signed, and no answer of this contract."""


def acknowledged(said: Mapping[str, Any], contract: Contract, message_id: str) -> Body:
    """A proven acknowledgement: of this very message, and with the number where one must be (NOTES.md#r44, #r46)."""
    if said["id"] != message_id:
        return OTHER
    lacks = contract.shape == "filed" and said["number"] is None
    return Body(
        shape=Shape.UNNUMBERED if lacks else Shape.ACKNOWLEDGED,
        proof=Proof.GOOD,
        number=said["number"],
        accepted_at=said["accepted_at"],
    )


def told(problem: Mapping[str, Any]) -> str:
    """A problem's words as reasons keep them, unsealed: without the numbers of people."""
    parts = (problem["title"], problem.get("detail"), f"({problem['reference']})")
    return mask_text(" ".join(part for part in parts if part)[:LONGEST_TEXT])


def table() -> list[Mapping[str, str]]:
    """The answer table as rows of words, for the documents."""
    return [
        {
            "id": row.id,
            "protocol": row.protocol,
            "http": str(row.http[0]) if row.http[0] == row.http[1] else f"{row.http[0]}–{row.http[1]}",
            "answer": row.shape or "any",
            "signature": row.proof or "any",
            "code": {"any": "any", "busy": f"`{BUSY}`", "way": "of the way"}[row.code],
            "side": row.side or "any",
            "verdict": row.verdict,
            "source": row.source,
        }
        for row in REPLIES
    ]
