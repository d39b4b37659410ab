"""One payment: its life, each attempt, what gateways told of it byte for byte, and its receipts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from adapters.doors.console.answers import Answer, Bytes, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.dossier import reason_typed
from adapters.doors.console.exchange_view import FORMS, without_secrets
from adapters.doors.console.frame import Console
from adapters.doors.console.hearing_view import HearingView, hearing_view
from adapters.doors.console.masking import Known, Masker, known_of
from adapters.doors.console.page import Page
from adapters.doors.console.payment_view import payment_view
from adapters.doors.console.reach import name_of
from adapters.doors.console.shown_bytes import Form
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.errors import NotFound
from bus.payment_close import HearingBytes, Payment, Refund
from bus.payment_looks import Line
from bus.payment_tasks import Task
from bus.privacy import mask_name
from bus.rights import Right, covers

_TYPES: Final = {"application/pdf": "pdf", "text/html": "html", "application/xml": "xml", "text/xml": "xml"}


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/{id}."""
    line = payment_in_reach(console, visit, asked)
    note_seen(console, visit, line, "")
    payment = seen(console, line)
    view = payment_view(
        payment,
        now=visit.now,
        procedure=name_of(console.names.procedure, line.procedure),
        unit=name_of(console.names.unit, line.unit),
        # Who has the page or the code to pay by sees the payment: it is for those who see bytes.
        codes=_codes(payment, console.words.say(visit.language, "payment.qr")) if visit.may(Right.BODIES) else {},
    )
    return Shown("payment.html", view)


def seen(console: Console, line: Line) -> Payment:
    """The payment, with what partners, sources and people said of it masked: a no, or a reason, may repeat a name."""
    payment = console.payment_close.payment(line.id)
    masker = Masker(_known_of(line, payment))
    return replace(
        payment,
        attempts=tuple(replace(one, code=masker.words(one.code)) for one in payment.attempts),
        hearings=tuple(replace(one, code=masker.words(one.code)) for one in payment.hearings),
        tasks=tuple(words_masked(one, masker) for one in payment.tasks),
        refunds=tuple(replace(asker_masked(one), reason=masker.words(one.reason)) for one in payment.refunds),
        moves=tuple(replace(one, reason=masker.words(one.reason)) for one in payment.moves),
    )


def asker_masked(refund: Refund) -> Refund:
    """A refund with the name that its source gave masked; accounts of ours are shown."""
    source, colon, name = refund.requested_by.partition(": ")
    return replace(refund, requested_by=f"{source}: {mask_name(name)}") if colon else refund


def words_masked(task: Task, masker: Masker) -> Task:
    """A task without the names that its words may repeat."""
    reason = None if task.close_reason is None else masker.words(task.close_reason)
    return replace(task, detail=masker.words(task.detail), close_reason=reason)


def masker_of(console: Console, payment: int) -> Masker:
    """For words about a payment."""
    return Masker(_known_of(console.payment_close.line(payment), console.payment_close.payment(payment)))


def _codes(payment: Payment, title: str) -> dict[int, str]:
    """The pictures of what can be paid by a bank's app."""
    from adapters.partners.gateways.vietqr import picture  # segno: loaded by the first code that is shown

    return {
        one.id: picture(one.offer.qr, title=title) for one in payment.attempts if one.offer is not None and one.offer.qr
    }


def payment_in_reach(console: Console, visit: Visit, asked: Asked) -> Line:
    """The payment that the address names, where this visitor's units cover it. Raises Wrong."""
    text = asked.path["id"]
    number = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
    try:
        line = console.payment_close.line(number)
    except NotFound:
        raise Wrong("payment.not_found", status=404, number=text[:40]) from None
    if not covers(line.unit, visit.units):
        raise Wrong("payment.not_found", status=404, number=text[:40])
    return line


def note_seen(
    console: Console, visit: Visit, line: Line, what: str, *, act: Act = Act.PAYMENT_SEEN, reason: str = ""
) -> None:
    """Who saw it is recorded before it is shown."""
    console.audit.note(
        actor=visit.actor,
        act=act,
        dossier=line.dossier,
        subject=f"payment {line.id} {what}".strip(),
        reason=reason,
        address=visit.address,
    )


# -- what a gateway told, byte for byte -------------------------------------------------------------------------------


def hearing(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/{id}/hearings/{n}: masked, whoever looks."""
    line, found = _heard(console, visit, asked)
    note_seen(console, visit, line, f"hearing {found.hearing.id}", act=Act.EXCHANGE_SEEN)
    return Shown("hearing.html", _view(console, line, found, asked, is_opened=False))


def opened(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/hearings/{n}: with the personal in it, for a reason; or its bytes as a file."""
    line, found = _heard(console, visit, asked)
    if not visit.may(Right.BODIES):
        raise Wrong("exchange.no_bodies", status=403)
    reason, is_file = reason_typed(asked), asked.form.get("as") == "file"
    what = f"hearing {found.hearing.id}{' file' if is_file else ''}"
    note_seen(console, visit, line, what, act=Act.REVEALED, reason=reason)
    if not is_file:
        return Shown("hearing.html", _view(console, line, found, asked, is_opened=True))
    if found.body is None:
        raise Wrong("exchange.nothing", status=404)
    octets, is_exact = without_secrets(found.body)
    name = f"hearing-{found.hearing.id}{'' if is_exact else '-without-secrets'}.bin"
    return Bytes(octets, "application/octet-stream", name)


def _heard(console: Console, visit: Visit, asked: Asked) -> tuple[Line, HearingBytes]:
    line, text = payment_in_reach(console, visit, asked), asked.path["n"]
    try:
        return line, console.payment_close.hearing(line.id, int(text) if re.fullmatch("[0-9]{1,18}", text) else 0)
    except NotFound:
        raise Wrong("payment.no_hearing", status=404, number=text[:40]) from None


def _view(console: Console, line: Line, found: HearingBytes, asked: Asked, *, is_opened: bool) -> HearingView:
    given = asked.form.get("form") or asked.query.get("form")
    form: Form = next((each for each in FORMS if each == given), "raw")
    return hearing_view(
        line, found, form=form, known=_known_of(line, console.payment_close.payment(line.id)), is_opened=is_opened
    )


def _known_of(line: Line, payment: Payment) -> Known:
    """The payer's own values, to be hidden wherever they turn up."""
    return known_of([] if payment.data is None else [payment.data], {line.name, line.dossier})


# -- receipts ---------------------------------------------------------------------------------------------------------


def receipt(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/receipts/{n}: the document as it was issued, for a reason; it names the payer."""
    line, text = payment_in_reach(console, visit, asked), asked.path["n"]
    reason, number = reason_typed(asked), int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
    try:
        media_type, named, body = console.payment_close.receipt(line.id, number)
    except NotFound:
        raise Wrong("payment.no_receipt", status=404, number=text[:40]) from None
    note_seen(console, visit, line, f"receipt {number}", act=Act.REVEALED, reason=reason)
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", named)[:60]
    return Bytes(body, "application/octet-stream", f"receipt-{safe}.{_TYPES.get(media_type.partition(';')[0], 'bin')}")


PAGES: Final = (
    Page("GET", "/payments/{id}", "payment", show, Right.LIST),
    Page("GET", "/payments/{id}/hearings/{n}", "hearing", hearing, Right.BODIES, is_body=True),
    Page("POST", "/payments/{id}/hearings/{n}", "hearing_opened", opened, Right.REVEAL, is_body=True),
    Page("POST", "/payments/{id}/receipts/{n}", "payment_receipt", receipt, Right.REVEAL, is_body=True),
)
