"""Pure. What exactly a gateway told, for its page: the bytes as received, masked or opened."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.doors.console.masking import Known, Masker
from adapters.doors.console.shown_bytes import Form, ShownBytes, show_bytes
from bus.messages import digest_of
from bus.payment_close import Hearing, HearingBytes
from bus.payment_looks import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingView:
    """The page."""

    line: Line
    hearing: Hearing
    form: Form
    body: ShownBytes | None
    """None where retention or erasure took the bytes."""
    digest: str
    is_opened: bool


def hearing_view(line: Line, found: HearingBytes, *, form: Form, known: Known, is_opened: bool) -> HearingView:
    """The page of one thing that a gateway told."""
    masker, body = Masker(known, is_open=is_opened), found.body
    return HearingView(
        line=line,
        hearing=found.hearing,
        form=form,
        body=None if body is None else show_bytes(body, masker, form, is_masked=not is_opened),
        digest="" if body is None else digest_of(body).hex(),
        is_opened=is_opened,
    )
