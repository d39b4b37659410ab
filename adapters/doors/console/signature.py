"""One signature: its documents with what was found of each, what services told, and what a person may do about it.

Nobody signs here, and nothing is called signed here: a person may have the service asked, type a code that a service
wants, give it up, or have it asked for once more after it ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.documents.errors import DocumentNotNow
from adapters.doors.console.answers import Answer, Bytes, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.dossier import reason_typed
from adapters.doors.console.exchange_view import FORMS, without_secrets
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Known, Masker, known_of
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.reach import name_of
from adapters.doors.console.shown_bytes import Form, show_bytes
from adapters.doors.console.signature_view import (
    DeskView,
    HearingView,
    SignatureView,
    Typed,
    acts_possible,
    signature_view,
)
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.messages import digest_of
from bus.rights import Right, covers
from bus.signature_close import SignatureHearing, SignatureSeen
from bus.signature_looks import SignatureLine
from signing.errors import DocumentRefused

Do = Callable[[Tx, str], Mapping[str, Any]]
"""What is done in the press's transaction, given the reason."""
NOTHING: Final = Typed()
MOST_CODE: Final = 64
AGENT: Final = "wss://127.0.0.1:8987"
"""The agent on the official's own computer (contracts/vgca/NOTES.md r1)."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_TYPES: Final = {"application/pdf": "pdf", "application/xml": "xml", "text/xml": "xml"}


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /signatures/{id}."""
    line = signature_in_reach(console, visit, asked)
    note_seen(console, visit, line, "")
    return Shown("signature.html", _view(console, visit, line, NOTHING))


def signature_in_reach(console: Console, visit: Visit, asked: Asked) -> SignatureLine:
    """The signature that the address names, where this visitor's units cover it. Raises Wrong."""
    text = asked.path["id"]
    number = int(text) if _NUMBER.fullmatch(text) else 0
    try:
        line = console.signature_close.line(number)
    except NotFound:
        raise Wrong("signing.not_found", status=404, number=text[:40]) from None
    if not covers(line.unit, visit.units):
        raise Wrong("signing.not_found", status=404, number=text[:40])
    return line


def note_seen(
    console: Console,
    visit: Visit,
    line: SignatureLine,
    what: str,
    *,
    act: Noted = Noted.SIGNATURE_SEEN,
    reason: str = "",
) -> None:
    """Who saw it is recorded before it is shown."""
    subject = f"signature {line.id} {what}".strip()
    console.audit.note(
        actor=visit.actor, act=act, dossier=line.dossier, subject=subject, reason=reason, address=visit.address
    )


def _view(console: Console, visit: Visit, line: SignatureLine, typed: Typed) -> SignatureView:
    seen, possible = _seen(console, line), acts_possible(line, may_repair=visit.may(Right.REPLAY))
    return signature_view(
        seen,
        now=visit.now,
        procedure=name_of(console.names.procedure, line.procedure),
        unit=name_of(console.names.unit, line.unit),
        keys={name: key_for(console, visit, f"signature_{name}", f"signature {line.id}") for name in possible},
        typed=typed,
    )


def _seen(console: Console, line: SignatureLine) -> SignatureSeen:
    """The signature, with what services, sources and people said of it masked."""
    signature = console.signature_close.signature(line.id)
    masker = Masker(_known_of(line, signature))
    return replace(
        signature,
        hearings=tuple(replace(one, code=masker.words(one.code)) for one in signature.hearings),
        moves=tuple(replace(one, reason=masker.words(one.reason)) for one in signature.moves),
    )


def _known_of(line: SignatureLine, signature: SignatureSeen) -> Known:
    return known_of([] if signature.data is None else [signature.data], {line.name, line.dossier})


# -- what a service told, byte for byte -------------------------------------------------------------------------------


def hearing(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /signatures/{id}/hearings/{n}: masked, whoever looks."""
    line, found, body = _heard(console, visit, asked)
    note_seen(console, visit, line, f"hearing {found.id}", act=Noted.EXCHANGE_SEEN)
    return Shown("signature_hearing.html", _hearing_view(console, line, found, body, asked, is_opened=False))


def opened(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/hearings/{n}: with the personal in it, for a reason; or its bytes as a file."""
    line, found, body = _heard(console, visit, asked)
    if not visit.may(Right.BODIES):
        raise Wrong("exchange.no_bodies", status=403)
    reason, is_file = reason_typed(asked), asked.form.get("as") == "file"
    what = f"hearing {found.id}{' file' if is_file else ''}"
    note_seen(console, visit, line, what, act=Noted.REVEALED, reason=reason)
    if not is_file:
        return Shown("signature_hearing.html", _hearing_view(console, line, found, body, asked, is_opened=True))
    if body is None:
        raise Wrong("exchange.nothing", status=404)
    octets, is_exact = without_secrets(body)
    name = f"hearing-{found.id}{'' if is_exact else '-without-secrets'}.bin"
    return Bytes(octets, "application/octet-stream", name)


def _heard(console: Console, visit: Visit, asked: Asked) -> tuple[SignatureLine, SignatureHearing, bytes | None]:
    line, text = signature_in_reach(console, visit, asked), asked.path["n"]
    try:
        found, body = console.signature_close.hearing(line.id, int(text) if _NUMBER.fullmatch(text) else 0)
    except NotFound:
        raise Wrong("payment.no_hearing", status=404, number=text[:40]) from None
    return line, found, body


def _hearing_view(
    console: Console,
    line: SignatureLine,
    found: SignatureHearing,
    body: bytes | None,
    asked: Asked,
    *,
    is_opened: bool,
) -> HearingView:
    given = asked.form.get("form") or asked.query.get("form")
    form: Form = next((each for each in FORMS if each == given), "raw")
    masker = Masker(_known_of(line, console.signature_close.signature(line.id)), is_open=is_opened)
    return HearingView(
        line=line,
        hearing=found,
        form=form,
        body=None if body is None else show_bytes(body, masker, form, is_masked=not is_opened),
        digest="" if body is None else digest_of(body).hex(),
        is_opened=is_opened,
    )


# -- a signed document ------------------------------------------------------------------------------------------------


def document(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/documents/{n}: a signed document as it stands in the store, for a reason."""
    line, text = signature_in_reach(console, visit, asked), asked.path["n"]
    reason = reason_typed(asked)
    signature = console.signature_close.signature(line.id)
    found = next((one for one in signature.documents if str(one.n) == text and one.signed is not None), None)
    if found is None:
        raise Wrong("signing.no_document", status=404, number=text[:40])
    assert found.signed is not None
    note_seen(console, visit, line, f"document {found.n}", act=Noted.REVEALED, reason=reason)
    content = console.signed_content(found.signed)
    if content is None:
        raise Wrong("signing.document_gone", status=404, number=text[:40])
    kind = _TYPES.get(found.media_type.partition(";")[0], "bin")
    return Bytes(content, "application/octet-stream", f"{re.sub('[^A-Za-z0-9._-]+', '-', line.name)}-{found.n}.{kind}")


# -- at an official's desk --------------------------------------------------------------------------------------------


def desk(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/documents/{n}/desk: hand it out to the token beside this browser, by a fresh ticket."""
    line, text = signature_in_reach(console, visit, asked), asked.path["n"]
    try:
        offer = console.open_desk().open(
            line.id,
            int(text) if _NUMBER.fullmatch(text) else 0,
            account=visit.account,
            reason=reason_of(asked),
            address=visit.address,
        )
    except NotFound:
        raise Wrong("signing.no_document", status=404, number=text[:40]) from None
    except Wrong as wrong:
        return _again(console, visit, line, "desk", asked, wrong)
    except NotAllowedNow as refusal:
        return _again(console, visit, line, "desk", asked, Wrong(f"signing.no_{refusal.code}", status=409))
    except DocumentRefused as refusal:
        return _again(
            console, visit, line, "desk", asked, Wrong("signing.no_document_refused", status=409, code=refusal.code)
        )
    except DocumentNotNow:
        return _again(console, visit, line, "desk", asked, Wrong("signing.no_document_now", status=503))
    return Shown("signature_desk.html", DeskView(line=line, n=int(text), offer=offer, agent=AGENT), connects=AGENT)


# -- what a person may do ---------------------------------------------------------------------------------------------


def ask(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/ask: the service is asked at once what became of it."""
    line = signature_in_reach(console, visit, asked)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        console.ledger.signatures.ask_now(tx, line.id, account=visit.account, reason=reason)
        return {}

    return _act(console, visit, asked, line, "ask", do)


def cancel(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/cancel: nobody is to sign it any more."""
    line = signature_in_reach(console, visit, asked)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        console.ledger.signatures.cancel(tx, line.id, account=visit.account, reason=reason)
        return {}

    return _act(console, visit, asked, line, "cancel", do)


def again(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/again: one that ended is asked for once more, under a fresh request."""
    line = signature_in_reach(console, visit, asked)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        return {"request": console.ledger.signatures.try_again(tx, line.id, account=visit.account, reason=reason)}

    return _act(console, visit, asked, line, "again", do)


def code(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /signatures/{id}/code: a one-time code for the service, taken once and kept nowhere."""
    line, typed = signature_in_reach(console, visit, asked), asked.form.get("code", "").strip()
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{MOST_CODE}}}", typed):
        # What was typed is no more shown than kept.
        return _again(console, visit, line, "code", asked, Wrong("signing.no_bad_code", field="code"))

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        console.ledger.signatures.give_one_time(tx, line.id, account=visit.account, reason=reason, one_time=typed)
        return {}

    return _act(console, visit, asked, line, "code", do)


def _act(console: Console, visit: Visit, asked: Asked, line: SignatureLine, name: str, do: Do) -> Answer:
    try:
        reason = reason_of(asked)

        def job(tx: Tx) -> Mapping[str, Any]:
            result = do(tx, reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                dossier=line.dossier,
                subject=f"signature {line.id} {name}",
                reason=reason,
                address=visit.address,
            )
            return result

        done = press(console, visit, asked, f"signature_{name}", f"signature {line.id}", job)
    except NotFound:
        return _again(console, visit, line, name, asked, Wrong("signing.no_gone", status=409))
    except Wrong as wrong:
        return _again(console, visit, line, name, asked, wrong)
    said = "repairs.said_repeat" if done.is_repeat else f"signing.said_{name}"
    return Gone(url_for("signature", id=line.id), said, {"id": line.id})


def _again(console: Console, visit: Visit, line: SignatureLine, name: str, asked: Asked, wrong: Wrong) -> Shown:
    """The page once more, with the reason that was typed and what is wrong."""
    # What is said of runs and deliveries is not what a signature needs to hear.
    key = wrong.key.replace("repairs.no_", "signing.no_", 1)
    typed = Typed(name=name, reason=asked.form.get("reason", ""), wrong=key, facts=wrong.facts)
    return Shown("signature.html", _view(console, visit, line, typed), wrong.status)


PAGES: Final = (
    Page("GET", "/signatures/{id}", "signature", show, Right.LIST),
    Page("GET", "/signatures/{id}/hearings/{n}", "signature_hearing", hearing, Right.BODIES, is_body=True),
    Page("POST", "/signatures/{id}/hearings/{n}", "signature_hearing_opened", opened, Right.REVEAL, is_body=True),
    Page("POST", "/signatures/{id}/documents/{n}", "signature_document", document, Right.REVEAL, is_body=True),
    Page("POST", "/signatures/{id}/documents/{n}/desk", "signature_desk", desk, Right.REPLAY),
    Page("POST", "/signatures/{id}/ask", "signature_ask", ask, Right.REPLAY),
    Page("POST", "/signatures/{id}/cancel", "signature_cancel", cancel, Right.REPLAY),
    Page("POST", "/signatures/{id}/again", "signature_again", again, Right.REPLAY),
    Page("POST", "/signatures/{id}/code", "signature_code", code, Right.REPLAY),
)
