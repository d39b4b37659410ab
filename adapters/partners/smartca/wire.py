"""Pure. A signature as SmartCA's messages. Rules: contracts/smartca/NOTES.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.channels.http import MASK, Request
from adapters.partners.signers.credentials import number_in
from adapters.partners.smartca.settings import SmartCaSettings
from bus.errors import Unmappable
from bus.messages import canonical_bytes
from bus.signatures import SignatureStanding, SignDocument

CERTIFICATES: Final = "get_certificate"
SIGN: Final = "sign"
STATUS: Final = "status"
PATHS: Final = {CERTIFICATES: "/v1/credentials/get_certificate", SIGN: "/v1/signatures/sign"}
"""NOTES.md#r1"""
PASSWORD: Final = "sp_password"  # noqa: S105  # the member's name
LONGEST_NAME: Final = 64
LONGEST_WORDS: Final = 200
"""NOTES.md#r27"""
NAMED: Final = re.compile(r"([1-9][0-9]?)-.*", re.DOTALL)


def certificates(settings: SmartCaSettings, standing: SignatureStanding) -> dict[str, Any]:
    """NOTES.md#r10. All certificates of the signer: which one is used is decided here (#r14)."""
    return {
        "sp_id": settings.sp_id,
        PASSWORD: settings.sp_password,
        "user_id": number_in(standing.user).upper(),
        "transaction_id": standing.request,
    }


def sign(settings: SmartCaSettings, standing: SignatureStanding, serial: str, now: datetime) -> dict[str, Any]:
    """NOTES.md#r20 to #r27. Raises Unmappable."""
    return {
        "sp_id": settings.sp_id,
        PASSWORD: settings.sp_password,
        "user_id": number_in(standing.user).upper(),
        "transaction_id": standing.request,
        "transaction_desc": (standing.description or standing.name)[:LONGEST_WORDS],
        "serial_number": serial,
        "time_stamp": f"{now.astimezone(UTC):%Y%m%d%H%M%S}Z",
        "sign_files": [_file(each) for each in standing.documents],
    }


def doc_id(document: SignDocument) -> str:
    """NOTES.md#r27: the place in the request, and a name that says something on the phone."""
    return f"{document.n}-{document.name or document.id}"[:LONGEST_NAME]


def place_in(told: str) -> int | None:
    """The place that a `doc_id` of ours says; None of another's."""
    found = NAMED.fullmatch(told)
    return int(found[1]) if found else None


def request(settings: SmartCaSettings, operation: str, message: Mapping[str, Any]) -> Request:
    """The call, ready to go out; what is kept of it has no password (NOTES.md#r4)."""
    return _request(operation, settings.url.rstrip("/") + PATHS[operation], message)


def question(settings: SmartCaSettings, standing: SignatureStanding) -> Request:
    """NOTES.md#r30. Of `tran_code` only where it is known: else by ours, which is always known."""
    by_code = settings.status_id == "tran_code" and standing.handle is not None
    name = standing.handle if by_code else standing.request
    return _request(STATUS, f"{settings.url.rstrip('/')}{PATHS[SIGN]}/{name}/status", {})


def _request(operation: str, url: str, message: Mapping[str, Any]) -> Request:
    headers = {"content-type": "application/json", "accept": "application/json"}
    kept = {**message, PASSWORD: MASK} if PASSWORD in message else message
    return Request(
        operation=operation,
        method="POST",
        url=url,
        headers=headers,
        body=canonical_bytes(dict(message)),
        recorded_body=canonical_bytes(dict(kept)),
    )


def _file(document: SignDocument) -> dict[str, str]:
    if document.digest is None:
        field = f"/data/documents/{document.n - 1}"
        raise Unmappable(field=field, rule="missing", instead="a document that was prepared")
    return {
        "data_to_be_signed": document.digest.hex(),
        "doc_id": doc_id(document),
        "file_type": document.form,
        "sign_type": "hash",
    }
