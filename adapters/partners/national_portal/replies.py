"""Pure. The portal's answer, bytes in and a verdict out, by the table `codes.REPLIES` and nothing else."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from adapters.channels.http import header
from adapters.channels.retry_after import retry_after
from adapters.partners.national_portal.codes import (
    REPLIES,
    SUCCESS_WORDS,
    VERSION_WORD,
    WRITES,
    Operation,
    Row,
    Shape,
    Verdict,
)
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.messages import Exchange
from bus.privacy import mask_text

NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
EXISTS_CODES: Final = frozenset({"0", "3", "-3"})
LONGEST_TEXT: Final = 300
"""The exchange keeps the whole reply; a reason is for reading."""
SESSION_ROW: Final = next(row for row in REPLIES if row.verdict is Verdict.SESSION)
BY_OPERATION: Final = {
    operation: tuple(row for row in REPLIES if operation in row.operations) for operation in Operation
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What stands in a reply, before anybody judges it."""

    shape: Shape
    code: str | None = None
    """`error_code` in one spelling; None when there is none that can be read."""
    text: str = ""
    result: Any = None
    session: str = ""
    fault: str = ""
    """The code of a security server's own Fault, in one spelling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the table says of one reply."""

    verdict: Verdict
    row: str
    """The id of the row that decided."""
    code: str
    text: str
    body: Body
    retry_after: timedelta | None = None

    @property
    def reason(self) -> str:
        """For the ledger and the console: the row, then the portal's own words."""
        return f"{self.row}: {self.text}" if self.text else self.row


def read(exchange: Exchange, operation: Operation, settings: NationalPortalSettings) -> Answer:
    """The verdict on a whole reply (an exchange without trouble)."""
    return judge(operation, exchange.status or 0, open_body(exchange, settings), settings, retry_after(exchange))


def judge(
    operation: Operation, status: int, body: Body, settings: NationalPortalSettings, wait: timedelta | None = None
) -> Answer:
    """The verdict by the table and by what the settings change in it; for a whole reply and for one record of it."""
    row = (
        SESSION_ROW if _ends_session(operation, body, settings) else find_row(operation, status, body, wait is not None)
    )
    verdict, name = Verdict(settings.reply_overrides.get(row.id, row.verdict)), row.id
    if verdict is Verdict.YES and _lacks_words(operation, body, settings):
        verdict, name = Verdict.UNCLEAR, "yes_without_words"
    code = body.code if body.code is not None and status in (200, 201, 400, 422) else f"http_{status}"
    return Answer(verdict=verdict, row=name, code=code, text=_told(body.text), body=body, retry_after=wait)


def find_row(operation: Operation, status: int, body: Body, has_retry_after: bool) -> Row:
    """The first row that fits. The last one fits every status that HTTP has."""
    text: str | None = None
    for row in BY_OPERATION[operation]:
        if not (row.http[0] <= status <= row.http[1] and _code_fits(row.code, body.code)):
            continue
        if row.shape is not None and row.shape is not body.shape:
            continue
        if row.retry_after is not None and row.retry_after is not has_retry_after:
            continue
        if row.faults is not None and body.fault not in row.faults:
            continue
        if row.texts:
            text = fold(body.text).replace(VERSION_WORD, "") if text is None else text
            if not all(any(word in text for word in words.split("|")) for words in row.texts):
                continue
        return row
    return REPLIES[-1]


def open_body(exchange: Exchange, settings: NationalPortalSettings) -> Body:
    """The reply's shape and, where it is an object, what stands in it."""
    if settings.variant == "xroad":
        # Loaded only here: a worker that speaks JSON need not load an XML library.
        from adapters.partners.national_portal import xroad_answers

        return xroad_answers.open_body(exchange, settings)
    raw = exchange.reply_body or b""
    if not raw.strip():
        return Body(shape=Shape.EMPTY)
    kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
    looks_like_html = raw.lstrip()[:1] == b"<"
    if looks_like_html or "html" in kind:
        return Body(shape=Shape.HTML)
    if kind not in settings.reply_types:
        return Body(shape=Shape.OTHER_TYPE)
    value = _decode(raw)
    if value is BROKEN:
        return Body(shape=Shape.BROKEN)
    if settings.variant == "facade":
        value = _decode(value.encode()) if isinstance(value, str) else value
        return _unwrapped(value)
    return object_body(value)


def code_of(value: object) -> str | None:
    """`error_code` in one spelling: 0, "0" and "00" are one (r36); what is no number and no text is none (r154)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return str(value)[:40]
    text = value.strip()
    return str(int(text)) if NUMBER.fullmatch(text) else (text[:40] or None)


def fold(text: str) -> str:
    """Text as it is compared: composed, without case."""
    return unicodedata.normalize("NFC", text).casefold()


BROKEN: Final = object()


class _Twice(ValueError):
    """A member stands twice in one object, so that two readers may read two answers."""


def _decode(raw: bytes) -> Any:
    """The value, or BROKEN: not JSON, or a member twice (r150). Of two codes in one object neither is the answer."""
    try:
        json.loads(raw, object_pairs_hook=_once)
        return msgspec.json.decode(raw)  # only now, so that a hostile answer is held in memory once
    except (ValueError, RecursionError):
        return BROKEN


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Twice


def object_body(value: Any) -> Body:
    """What stands in a decoded reply, or in the part of it that speaks of one record."""
    if not isinstance(value, dict):
        return Body(shape=Shape.BROKEN if value is BROKEN else Shape.OTHER_JSON)
    message, session = value.get("message"), value.get("session")
    return Body(
        shape=Shape.OBJECT,
        code=code_of(value.get("error_code")),
        text=message if isinstance(message, str) else "",
        result=value.get("result"),
        session=session if isinstance(session, str) else "",
    )


def _unwrapped(value: Any) -> Body:
    """r134, r135, r153: the façade's own code says whether it reached the portal; the inner one decides."""
    outer = object_body(value)
    if outer.shape is not Shape.OBJECT or outer.text.lstrip()[:1] not in ("{", "["):
        return outer
    inner = object_body(_decode(outer.text.encode()))
    if inner.shape is not Shape.OBJECT or outer.code == "0":
        return inner
    # Two codes that contradict each other say nothing.
    code = None if inner.code == "0" else outer.code
    return Body(shape=Shape.OBJECT, code=code, text=inner.text, result=inner.result)


def _code_fits(wanted: str, code: str | None) -> bool:
    match wanted:
        case "any":
            return True
        case "zero":
            return code == "0"
        case "not_zero":
            return code is not None and code != "0"
        case "exists":
            return code in EXISTS_CODES
        case _:
            return code is None


def _ends_session(operation: Operation, body: Body, settings: NationalPortalSettings) -> bool:
    """Whether the settings know this reply as a session error. A yes never is one."""
    if not settings.session_errors or operation not in SESSION_ROW.operations or body.code in (None, "0"):
        return False
    text = fold(body.text)
    return any(error.code in ("", body.code) and fold(error.text) in text for error in settings.session_errors)


def _lacks_words(operation: Operation, body: Body, settings: NationalPortalSettings) -> bool:
    """r37: for one client a zero alone is not enough; without the words we do not know."""
    wants = settings.write_success == "code_and_text" and operation in WRITES
    return wants and SUCCESS_WORDS not in fold(body.text)


def _told(text: str) -> str:
    """The portal's words as reasons keep them, unsealed: without the numbers of people that it likes to repeat."""
    return mask_text(text[:LONGEST_TEXT]) if text else ""


def table() -> list[Mapping[str, str]]:
    """The reply table as rows of words, for the documents."""
    return [
        {
            "id": row.id,
            "operations": "any" if row.operations == frozenset(Operation) else " ".join(sorted(row.operations)),
            "http": str(row.http[0]) if row.http[0] == row.http[1] else f"{row.http[0]}–{row.http[1]}",
            "body": row.shape or "any",
            "error_code": row.code,
            "message": " and ".join(row.texts),
            "retry_after": {None: "", True: "present", False: "absent"}[row.retry_after],
            "verdict": row.verdict,
            "source": row.source,
        }
        for row in REPLIES
    ]
