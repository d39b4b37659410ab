"""The payment gateways' made parts of the documents: their messages, and what each of their codes comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    from tests.house.blocks import table

    return table(head, rows)


def _code(value: object) -> str:
    return "any" if value in ("*", "", ()) else f"`{value}`"


def _messages(rows: Iterable[Any]) -> str:
    return _table(
        ["message", "for", "class", "after an unclear outcome", "rules"],
        [[f"`{c.message}`", f"`{c.kind}`" if c.kind else "a question", c.repeat, c.unclear, c.source] for c in rows],
    )


def platform_messages() -> str:
    """The Payment Platform's messages."""
    from adapters.partners.payment_platform.replies import contracts

    names = ("nature", "unclear", "source")
    rows = [[f"`{row['operation']}`", f"`{row['kind']}`", *(row[name] for name in names)] for row in contracts()]
    return _table(["message", "for", "class", "after an unclear outcome", "rules"], rows)


def platform_openings() -> str:
    """What each answer to an opening comes to."""
    from adapters.partners.payment_platform.codes import OPENINGS

    return _platform(OPENINGS)


def platform_states() -> str:
    """What each answer to a question comes to."""
    from adapters.partners.payment_platform.codes import STATES

    return _platform(STATES)


def _platform(rows: tuple[Any, ...]) -> str:
    from adapters.partners.payment_platform.replies import table

    names = ("http", "body", "says", "retry_after", "verdict", "source")
    head = ["row", "HTTP", "body", "it says", "Retry-After", "verdict", "rules"]
    return _table(head, [[f"`{row['id']}`", *(row[name] for name in names)] for row in table(rows)])


def keypay_messages() -> str:
    """KeyPay's messages."""
    from adapters.partners.keypay.codes import CONTRACTS

    return _messages(CONTRACTS)


def keypay_create() -> str:
    """What each answer to a create comes to."""
    from adapters.partners.keypay.codes import CREATE

    rows = [
        [f"`{r.id}`", _span(r.http), r.shape or "any", "any" if r.code == "*" else f"`{r.code}`", r.verdict, r.source]
        for r in CREATE
    ]
    return _table(["row", "HTTP", "answer", "class", "verdict", "rules"], rows)


def _span(http: tuple[int, int]) -> str:
    return str(http[0]) if http[0] == http[1] else f"{http[0]}–{http[1]}"


def keypay_states() -> str:
    """What a status says, in a call back and in the answer to a question."""
    from adapters.partners.keypay.codes import CALLBACK, DETAIL

    rows = [
        [where, f"`{row.flow}`", "any other" if row.status == "*" else f"`{row.status}`", row.verdict, row.source]
        for where, table in (("call back", CALLBACK), ("detail", DETAIL))
        for row in table
    ]
    return _table(["in", "flow", "`status`", "verdict", "rules"], rows)


def keypay_refunds() -> str:
    """What the answer to a refund comes to."""
    from adapters.partners.keypay.codes import REFUND

    rows = [[f"`{r.id}`", _code(r.error), _code(r.status), r.verdict, r.source] for r in REFUND]
    return _table(["row", "`error`", "`status`", "verdict", "rules"], rows)


def vnpay_messages() -> str:
    """VNPAY's messages."""
    from adapters.partners.vnpay.codes import CONTRACTS

    return _messages(CONTRACTS)


def vnpay_payments() -> str:
    """What both codes of a notification come to."""
    from adapters.partners.vnpay.codes import PAYMENT

    named: Mapping[str, str] = {"*": "any", "no": "any known but `00`, `07`"}
    rows = [
        [f"`{r.id}`", _code(r.status), named.get(r.response, f"`{r.response}`"), r.verdict, r.source] for r in PAYMENT
    ]
    return _table(["row", "TransactionStatus", "ResponseCode", "verdict", "rules"], rows)


def vnpay_questions() -> str:
    """What the ResponseCode of a question says of it."""
    from adapters.partners.vnpay.codes import QUESTIONS

    rows = [[f"`{code}`", verdict, source] for code, (verdict, source) in QUESTIONS.items()]
    return _table(["ResponseCode", "the question", "rules"], [*rows, ["any other", "unclear", "r33"]])


def vnpay_refunds() -> str:
    """What the answer to a refund comes to."""
    from adapters.partners.vnpay.codes import REFUND

    rows = [[f"`{r.id}`", _many(r.response), _many(r.status), r.verdict, r.source] for r in REFUND]
    return _table(["row", "ResponseCode", "TransactionStatus", "verdict", "rules"], rows)


def _many(codes: Sequence[str]) -> str:
    return ", ".join(f"`{each}`" for each in codes) or "any"


def vnpay_answers() -> str:
    """What VNPAY is told."""
    from adapters.partners.vnpay.codes import RSP

    return _table(
        ["what came of it", "RspCode", "Message"], [[what, f"`{c}`", words] for what, (c, words) in RSP.items()]
    )


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "platform-messages": platform_messages,
    "platform-openings": platform_openings,
    "platform-states": platform_states,
    "keypay-messages": keypay_messages,
    "keypay-create": keypay_create,
    "keypay-states": keypay_states,
    "keypay-refunds": keypay_refunds,
    "vnpay-messages": vnpay_messages,
    "vnpay-payments": vnpay_payments,
    "vnpay-questions": vnpay_questions,
    "vnpay-refunds": vnpay_refunds,
    "vnpay-answers": vnpay_answers,
}
