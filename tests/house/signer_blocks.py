"""The signing services' made parts of the documents: their messages, and what each of their codes comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    from tests.house.blocks import table

    return table(head, rows)


def _messages(rows: Iterable[Any]) -> str:
    return _table(
        ["message", "class", "after an unclear outcome", "rules"],
        [[", ".join(f"`{m}`" for m in c.message.split(", ")), c.repeat, c.unclear, c.source] for c in rows],
    )


def _named(code: str) -> str:
    return "any other" if code == "*" else f"`{code}`"


def _any(code: str) -> str:
    return "any" if code == "*" else f"`{code}`"


def _ends(code: str) -> str:
    return f"`{code}`" if code else ""


def mysign_messages() -> str:
    """MySign's messages."""
    from adapters.partners.mysign.codes import CONTRACTS

    return _messages(CONTRACTS)


def mysign_statuses() -> str:
    """What a transaction's status says."""
    from adapters.partners.mysign.codes import STATUS

    rows = [[_named(r.status), r.says, r.verdict, _ends(r.code), r.alarm, r.source] for r in STATUS]
    return _table(["`status`", "it says", "verdict", "ends as", "alarm", "rules"], rows)


def mysign_errors() -> str:
    """What an error in place of an answer comes to."""
    from adapters.partners.mysign.codes import ERRORS, HTTP

    rows = [[_named(r.error), r.says, r.said, _ends(r.code), r.alarm, r.source] for r in ERRORS]
    bare = [[f"HTTP {status}", "", said, "", "", "r5"] for status, said in HTTP.items()]
    late = [["HTTP 500 and more", "", "unclear", "", "", "r7"]]
    return _table(["error", "it says", "comes to", "ends as", "alarm", "rules"], [*rows, *bare, *late])


def smartca_messages() -> str:
    """SmartCA's messages."""
    from adapters.partners.smartca.codes import CONTRACTS

    return _messages(CONTRACTS)


def smartca_answers() -> str:
    """What `status_code` and HTTP say of a call."""
    from adapters.partners.smartca.codes import ANSWERS, HTTP

    rows = [[_any(r.status_code), _any(r.message), r.said, _ends(r.code), r.alarm, r.source] for r in ANSWERS]
    bare = [[f"HTTP {status}, no envelope", "", said, "", "", "r2"] for status, said in HTTP.items()]
    late = [["HTTP 500 and more", "", "unclear", "", "", "r2"]]
    return _table(["`status_code`", "message", "comes to", "ends as", "alarm", "rules"], [*rows, *bare, *late])


def smartca_statuses() -> str:
    """What a message says of a transaction."""
    from adapters.partners.smartca.codes import NOT_THERE, STATUS

    rows = [[_named(r.message), r.verdict, _ends(r.code), r.alarm, r.source] for r in STATUS]
    gone = [
        [f"`{name}`, with another `status_code` than 200", "not_there", "", "", "r34"] for name in sorted(NOT_THERE)
    ]
    return _table(["message", "verdict", "ends as", "alarm", "rules"], [*rows, *gone])


def vneid_messages() -> str:
    """The gateway's messages."""
    from adapters.partners.vneid_gateway.codes import CONTRACTS

    return _messages(CONTRACTS)


def vneid_codes() -> str:
    """What a status code comes to."""
    from adapters.partners.vneid_gateway.codes import BARE, CODES

    rows = [[_named(r.status), r.says, r.said, _ends(r.code), r.alarm, r.source] for r in CODES]
    bare = [[f"HTTP {status}, no code", "", said, "", "", "r3"] for status, said in BARE.items()]
    return _table(["code", "it says", "comes to", "ends as", "alarm", "rules"], [*rows, *bare])


def vneid_statuses() -> str:
    """What polling or a call back says of a signing."""
    from adapters.partners.vneid_gateway.codes import SIGNING

    rows = [
        [_named(r.status), "any" if r.error == "*" else f"`{r.error}`", r.says, r.verdict, _ends(r.code), r.source]
        for r in SIGNING
    ]
    return _table(["`statusCode`, `status`", "`errorCode`", "it says", "verdict", "ends as", "rules"], rows)


def vneid_calls() -> str:
    """Kinds of its call backs."""
    from adapters.partners.vneid_gateway.codes import ACKNOWLEDGED, RESULT

    rows = [[f"`{RESULT}`", "heard: values prove themselves, all else makes us ask", "r42, r45"]]
    rows += [[f"`{kind}`", f"acknowledged, counted as `{name}`", "r42, r44"] for kind, name in ACKNOWLEDGED.items()]
    return _table(
        ["`type`", "what follows", "rules"], [*rows, ["any other", "acknowledged, counted as `other`", "r44"]]
    )


def csc_messages() -> str:
    """CSC's methods."""
    from adapters.partners.csc.codes import CONTRACTS

    return _messages(CONTRACTS)


def csc_errors() -> str:
    """What an error of CSC comes to."""
    from adapters.partners.csc.codes import ERRORS, HTTP

    rows = [
        [
            _named(r.error),
            f"begins with `{r.words}`" if r.words else "any",
            r.says,
            r.said,
            _ends(r.code),
            "yes" if r.is_alarm else "",
            r.source,
        ]
        for r in ERRORS
    ]
    bare = [[f"HTTP {status}, no `error`", "", "", said, "", "", "r5"] for status, said in HTTP.items()]
    late = [["HTTP 500 and more, but 501 and 503", "any", "", "unclear", "", "", "r5"]]
    head = ["`error`", "`error_description`", "it says", "comes to", "ends as", "alarm", "rules"]
    return _table(head, [*rows, *bare, *late])


def soap_signer_messages() -> str:
    """The SOAP service's operations."""
    from adapters.partners.soap_signer.codes import CONTRACTS

    return _messages(CONTRACTS)


def soap_signer_states() -> str:
    """What a status says."""
    from adapters.partners.soap_signer.codes import STATES

    rows = [[_named(r.status), r.verdict, _ends(r.code), r.source] for r in STATES]
    return _table(["`Status`", "verdict", "ends as", "rules"], rows)


def soap_signer_problems() -> str:
    """What a signed problem comes to."""
    from adapters.partners.soap_signer.codes import HTTP, PROBLEMS

    rows = [[_named(r.problem), r.said, _ends(r.code), "yes" if r.is_alarm else "", r.source] for r in PROBLEMS]
    bare = [[f"HTTP {status}, not signed", said, "", "", "r69"] for status, said in HTTP.items()]
    rest = [["not signed, or not as it should be", "unclear", "", "yes", "r69"]]
    return _table(["`Code`", "comes to", "ends as", "alarm", "rules"], [*rows, *bare, *rest])


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "smartca-messages": smartca_messages,
    "smartca-answers": smartca_answers,
    "smartca-statuses": smartca_statuses,
    "mysign-messages": mysign_messages,
    "mysign-statuses": mysign_statuses,
    "mysign-errors": mysign_errors,
    "vneid-messages": vneid_messages,
    "vneid-codes": vneid_codes,
    "vneid-statuses": vneid_statuses,
    "vneid-calls": vneid_calls,
    "csc-messages": csc_messages,
    "csc-errors": csc_errors,
    "soap-signer-messages": soap_signer_messages,
    "soap-signer-states": soap_signer_states,
    "soap-signer-problems": soap_signer_problems,
}
