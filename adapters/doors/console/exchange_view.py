"""Pure. What exactly was said in one call, for its page: head and body of one direction, masked or opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from adapters.doors.console.delivery_view import CallShown, call_shown
from adapters.doors.console.masking import Known, Masker
from adapters.doors.console.shown_bytes import Form, ShownBytes, show_bytes, show_head
from bus.close_reads import Call
from bus.messages import digest_of

Direction = Literal["request", "reply"]
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
FORMS: Final[tuple[Form, ...]] = get_args(Form)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """The page."""

    delivery: int
    dossier: str
    partner: str
    attempt: int
    call: CallShown
    direction: Direction
    form: Form
    head: str
    body: ShownBytes | None
    """None where no answer came, or where the bytes are gone."""
    digest: str
    """SHA-256 of the body's exact bytes; empty where there is none."""
    is_opened: bool
    is_shared: bool
    is_destroyed: bool


def exchange_view(
    call: Call,
    *,
    delivery: int,
    dossier: str,
    partner: str,
    direction: Direction,
    form: Form,
    known: Known,
    is_opened: bool,
) -> ExchangeView:
    """The page of one call in one direction."""
    masker = Masker(known, is_open=is_opened)
    head, body = part_of(call, direction)
    return ExchangeView(
        delivery=delivery,
        dossier=dossier,
        partner=partner,
        attempt=call.attempt,
        call=call_shown(call.facts),
        direction=direction,
        form=form,
        head="" if head is None else show_head(head, masker),
        body=None if body is None else show_bytes(body, masker, form, is_masked=not is_opened),
        digest="" if body is None else digest_of(body).hex(),
        is_opened=is_opened,
        is_shared=call.is_shared,
        is_destroyed=call.is_destroyed,
    )


def part_of(call: Call, direction: Direction) -> tuple[bytes | None, bytes | None]:
    """Head and body of one direction."""
    if direction == "request":
        return call.request_head, call.request_body
    return call.reply_head, call.reply_body


def without_secrets(body: bytes) -> tuple[bytes, bool]:
    """The bytes to be taken away, and whether they are exact: a session that stands in them is hidden even there."""
    for encoding in ("utf-8", "latin-1"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        hidden = Masker(is_open=True).body(text)
        return (body, True) if hidden == text else (hidden.encode(encoding, errors="replace"), False)
    raise AssertionError("latin-1 reads every byte")
