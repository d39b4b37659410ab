"""What a person may do about a payment: ask, try again, pay back, agree, and say what was found. Each once, each told.

Money is never moved by a page alone: a refund is asked for by one person and agreed to by another, and what a gateway
does not answer for is recorded with its document. Whether a gateway was paid is said by a person only with evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.payment import note_seen, payment_in_reach, seen
from adapters.doors.console.payment_repair_view import RepairView, Typed, repair_view
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotFound
from bus.payment_finding import say_found
from bus.payment_looks import Line
from bus.rights import Right

Do = Callable[[Tx, str], Mapping[str, Any]]
"""What is done in the press's transaction, given the reason."""
NOTHING: Final = Typed()
MOST_DIGITS: Final = 13
LONGEST_DOCUMENT: Final = 100


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/{id}/repair."""
    line = payment_in_reach(console, visit, asked)
    note_seen(console, visit, line, "repair")
    return Shown("payment_repair.html", _view(console, visit, line, NOTHING))


def ask(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/ask: the gateway is asked at once what became of it."""
    line = payment_in_reach(console, visit, asked)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        return {"n": console.ledger.payments.ask_now(tx, line.id, account=visit.account, reason=reason)}

    return _act(console, visit, asked, line, "ask", do)


def attempt(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/attempt: a fresh attempt, under a reference of its own."""
    line = payment_in_reach(console, visit, asked)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        return {"reference": console.ledger.payments.try_again(tx, line.id, account=visit.account, reason=reason)}

    return _act(console, visit, asked, line, "attempt", do)


def judge(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/judge: a person says that an attempt was paid, or was not, and on what evidence."""
    line = payment_in_reach(console, visit, asked)
    try:
        verdict = asked.form.get("verdict", "")
        if verdict not in ("paid", "failed"):
            raise Wrong("payments.no_verdict", field="verdict")
        number = _digits(asked, "attempt_id", "payments.no_attempt")
        transaction = _line_typed(asked, "transaction", "payments.bad_transaction")
    except Wrong as wrong:
        return _again(console, visit, line, "judge", asked, wrong)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        told = say_found(
            tx,
            console.ledger,
            line.id,
            number,
            is_paid=verdict == "paid",
            transaction=transaction or None,
            account=visit.account,
            reason=reason,
        )
        return {"effect": str(told)}

    return _act(console, visit, asked, line, "judge", do)


# -- refunds ----------------------------------------------------------------------------------------------------------


def refund(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/refund: ask for one."""
    line = payment_in_reach(console, visit, asked)
    try:
        amount = _amount(asked)
        task = _digits(asked, "task", "payments.no_task") if asked.form.get("task") else None
    except Wrong as wrong:
        return _again(console, visit, line, "refund", asked, wrong)

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        is_offline = asked.form.get("offline") == "1"
        made = console.refunds.request(
            tx, line.id, amount=amount, reason=reason, account=visit.account, task=task, is_offline=is_offline
        )
        return {"refund": made.id, "state": str(made.state)}

    return _act(console, visit, asked, line, "refund", do)


def approve(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/refunds/{n}/approve: another person's yes."""
    return _on_refund(
        console,
        visit,
        asked,
        "approve",
        lambda tx, number, reason: console.refunds.approve(tx, number, account=visit.account, reason=reason),
    )


def reject(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/refunds/{n}/reject."""
    return _on_refund(
        console,
        visit,
        asked,
        "reject",
        lambda tx, number, reason: console.refunds.reject(tx, number, account=visit.account, reason=reason),
    )


def offline(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/refunds/{n}/offline: accounting paid it back, by this document."""
    document = asked.form.get("document", "").strip()
    return _on_refund(
        console,
        visit,
        asked,
        "offline",
        lambda tx, number, reason: console.refunds.record_offline(
            tx, number, document=document, account=visit.account, reason=reason
        ),
        wrong=None if 0 < len(document) <= LONGEST_DOCUMENT else "payments.no_bad_document",
    )


def resolve(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/{id}/refunds/{n}/resolve: as a person found it at the gateway or in the bank's books."""
    how = asked.form.get("how", "")
    return _on_refund(
        console,
        visit,
        asked,
        "resolve",
        lambda tx, number, reason: console.refunds.resolve(
            tx, number, "refunded" if how == "refunded" else "rejected", account=visit.account, reason=reason
        ),
        wrong=None if how in ("refunded", "rejected") else "payments.no_verdict",
    )


def _on_refund(
    console: Console,
    visit: Visit,
    asked: Asked,
    act: str,
    verb: Callable[[Tx, int, str], Any],
    wrong: str | None = None,
) -> Answer:
    line, text = payment_in_reach(console, visit, asked), asked.path["n"]
    number = int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
    # Another payment's refund is none of this one's: its units were not looked at.
    if number not in {one.id for one in console.payment_close.payment(line.id).refunds}:
        raise Wrong("payments.no_refund", status=404, number=text[:40])
    if wrong is not None:
        return _again(console, visit, line, f"{act}-{number}", asked, Wrong(wrong))

    def do(tx: Tx, reason: str) -> Mapping[str, Any]:
        return {"state": str(verb(tx, number, reason).state)}

    return _act(console, visit, asked, line, f"{act}-{number}", do)


# -- what all of them share -------------------------------------------------------------------------------------------


def _act(console: Console, visit: Visit, asked: Asked, line: Line, name: str, do: Do) -> Answer:
    act = name.partition("-")[0]
    try:
        reason = reason_of(asked)

        def job(tx: Tx) -> Mapping[str, Any]:
            result = do(tx, reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.APPROVED if act in ("approve", "reject") else Noted.REPAIRED,
                dossier=line.dossier,
                subject=f"payment {line.id} {name}",
                reason=reason,
                address=visit.address,
            )
            return result

        done = press(console, visit, asked, f"payment_{name}", f"payment {line.id}", job)
    except NotFound:
        return _again(console, visit, line, name, asked, Wrong("payments.no_gone", status=409))
    except Wrong as wrong:
        return _again(console, visit, line, name, asked, wrong)
    said = "repairs.said_repeat" if done.is_repeat else f"payments.said_{act}"
    return Gone(url_for("payment", id=line.id), said, {"id": line.id})


def _again(console: Console, visit: Visit, line: Line, name: str, asked: Asked, wrong: Wrong) -> Shown:
    """The page once more, with what was typed and what is wrong with it."""
    # What is said of runs and deliveries is not what money needs to hear.
    key = wrong.key.replace("repairs.no_", "payments.no_", 1)
    typed = Typed(name=name, values=dict(asked.form), wrong=key, facts=wrong.facts)
    return Shown("payment_repair.html", _view(console, visit, line, typed), wrong.status)


def _view(console: Console, visit: Visit, line: Line, typed: Typed) -> RepairView:
    payment = seen(console, line)

    def key(name: str) -> str:
        return key_for(console, visit, f"payment_{name}", f"payment {line.id}")

    def left(task: int | None) -> int:
        return console.refunds.left(line.id, task=task)

    return repair_view(payment, visit, key=key, left=left, threshold=console.refund_approval_above, typed=typed)


def _amount(asked: Asked) -> int:
    """Đồng as people type them: 30000, 30.000 or 30 000; never a fraction. Raises Wrong."""
    text = asked.form.get("amount", "").strip()
    if re.fullmatch(r"[0-9]{1,3}([. ][0-9]{3})+", text):
        text = re.sub(r"[. ]", "", text)
    if not re.fullmatch(rf"[1-9][0-9]{{0,{MOST_DIGITS - 1}}}", text):
        raise Wrong("payments.no_bad_amount", field="amount")
    return int(text)


def _digits(asked: Asked, name: str, wrong: str) -> int:
    text = asked.form.get(name, "")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Wrong(wrong, field=name)
    return int(text)


def _line_typed(asked: Asked, name: str, wrong: str) -> str:
    text = asked.form.get(name, "").strip()
    if len(text) > 100 or not re.fullmatch(r"[A-Za-z0-9._/-]*", text):
        raise Wrong(wrong, field=name)
    return text


PAGES: Final = (
    Page("GET", "/payments/{id}/repair", "payment_repair", show, Right.LIST),
    Page("POST", "/payments/{id}/ask", "payment_ask", ask, Right.REPLAY),
    Page("POST", "/payments/{id}/attempt", "payment_attempt", attempt, Right.REPLAY),
    Page("POST", "/payments/{id}/judge", "payment_judge", judge, Right.APPROVE),
    Page("POST", "/payments/{id}/refund", "payment_refund", refund, Right.REPLAY),
    Page("POST", "/payments/{id}/refunds/{n}/approve", "refund_approve", approve, Right.APPROVE),
    Page("POST", "/payments/{id}/refunds/{n}/reject", "refund_reject", reject, Right.APPROVE),
    Page("POST", "/payments/{id}/refunds/{n}/offline", "refund_offline", offline, Right.REPLAY),
    Page("POST", "/payments/{id}/refunds/{n}/resolve", "refund_resolve", resolve, Right.REPLAY),
)
