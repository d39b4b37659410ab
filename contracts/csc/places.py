"""What a request to a CSC service is: its version, its method and what it says. Judges only what it must."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from contracts.csc.choices import METHODS_2
from contracts.mock_log import Broken
from contracts.mocking import Call, Request

BASE: Final = "/csc/"
VERSIONS: Final = ("v1", "v2")
OAUTH: Final = "oauth2/"
FORM: Final = "application/x-www-form-urlencoded"
WRITES: Final = frozenset({"signatures/signHash", "signatures/signDoc"})


class No(Exception):
    """A refusal: what the caller is told, and the rule for whoever reads the log."""

    def __init__(
        self, error: str, words: str, *, rule: str, where: str, expected: str, found: str = "", status: int = 400
    ) -> None:
        super().__init__(f"{error}: {words}")
        self.error, self.words, self.status = error, words, status
        self.broken = Broken(rule=rule, field=where, expected=expected, found=found[:100], message=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of which version."""

    version: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    trouble: No | None = None


def recognise(request: Request) -> Call:
    """Which method is this, and about what of ours (`clientData`)?"""
    rest = request.path.removeprefix(BASE)
    version, _, method = rest.partition("/")
    if version in VERSIONS:
        version, method = version, method
    elif rest.startswith(OAUTH):
        version, method = "oauth2", rest
    if not request.path.startswith(BASE) or method not in METHODS_2:
        return Call(request=request, operation="?", place="nowhere", payload=Asked())
    place = "browser" if method == "oauth2/authorize" else "oauth2" if method.startswith(OAUTH) else "api"
    try:
        values, trouble = _values(request, place), None
    except No as no:
        values, trouble = {}, no
    about = tuple(
        each for name in ("clientData", "responseID", "credentialID") if isinstance(each := values.get(name), str)
    )
    return Call(
        request=request,
        operation=method,
        place=place,
        payload=Asked(version=version, values=values, trouble=trouble),
        dossiers=about,
        is_write=method in WRITES,
    )


def _values(request: Request, place: str) -> dict[str, Any]:
    if place == "browser":
        return dict(request.query)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST":
        raise invalid("r1", "method", "POST", request.method)
    if place == "oauth2":
        if kind != FORM:
            raise invalid("r6", "Content-Type", FORM, kind)
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind != "application/json":
        raise invalid("r1", "Content-Type", "application/json", kind)
    try:
        found = json.loads(request.body)
    except ValueError:
        raise invalid("r1", "body", "a JSON object") from None
    if not isinstance(found, dict):
        raise invalid("r1", "body", "a JSON object", type(found).__name__)
    return found


def invalid(rule: str, where: str, expected: str, found: str = "", *, words: str = "") -> No:
    """`invalid_request`, the error of most rules."""
    return No(
        "invalid_request", words or f"Invalid parameter {where}", rule=rule, where=where, expected=expected, found=found
    )
