"""Pure. A signature as MySign's messages. Rules: contracts/mysign/NOTES.md.

What MySign shows on the signer's phone takes ASCII alone, so words lose their marks here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from adapters.channels.http import MASK
from adapters.partners.mysign.settings import MysignSettings
from bus.errors import Unmappable
from bus.messages import canonical_bytes
from bus.signatures import Role, SignatureStanding

LOGIN: Final = "login"
CERTIFICATES: Final = "certificates/info"
SIGN: Final = "signHash"
STATUS: Final = "requests/status"
PATHS: Final[Mapping[str, str]] = {
    LOGIN: "/vtss/service/ras/v1/login",
    CERTIFICATES: "/vtss/service/certificates/info",
    SIGN: "/vtss/service/signHash",
    STATUS: "/vtss/service/requests/status",
}
"""NOTES.md#r1"""
SHA256: Final = "2.16.840.1.101.3.4.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
LONGEST: Final = 72
"""Characters: 96 in Base64, and 100 are too many (NOTES.md#r22)."""
POLLED: Final = 1
CALLED_BACK: Final = 3
"""`async` (NOTES.md#r24)."""
SECRET: Final = "client_secret"  # noqa: S105  # the member's name

_LETTERS: Final = str.maketrans({"đ": "d", "Đ": "D"})
_ODD: Final = re.compile(r"[^A-Za-z0-9_\- ]+")
_BLANKS: Final = re.compile(r" {2,}")
_FORM_NAME: Final = re.compile(r"\.(pdf|xml)$", re.IGNORECASE)
_TAX: Final = re.compile(r"[0-9]{10}(-[0-9]{3})?")


def address(settings: MysignSettings, message: str) -> str:
    """Where a message goes."""
    return settings.url.rstrip("/") + PATHS[message]


def user_id(role: Role, user: str) -> str:
    """NOTES.md#r14."""
    if user.startswith(("CMT_", "MST_")):
        return user
    return f"{'MST' if role == 'agency' or _TAX.fullmatch(user) else 'CMT'}_{user}"


def shown(text: str, *, instead: str) -> str:
    """A text as the phone's app takes it, in Base64 (NOTES.md#r22)."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", text.translate(_LETTERS)) if not unicodedata.combining(letter)
    )
    plain = _BLANKS.sub(" ", _ODD.sub(" ", bare)).strip()[:LONGEST].rstrip()
    return b64encode((plain or instead).encode("ascii")).decode("ascii")


def login(settings: MysignSettings, user: str) -> dict[str, Any]:
    """NOTES.md#r2."""
    return {**_client(settings), "profile_id": settings.profile_id, "user_id": user}


def certificates(settings: MysignSettings, user: str) -> dict[str, Any]:
    """NOTES.md#r10."""
    return {**login(settings, user), "certificates": "chain", "certInfo": True, "authInfo": True}


def sign(settings: MysignSettings, standing: SignatureStanding, credential: str) -> dict[str, Any]:
    """NOTES.md#r20 to #r25. Raises Unmappable."""
    documents = standing.documents
    description = shown(standing.description or f"Ky so {standing.name}", instead="Ky so")
    return {
        **_client(settings),
        "credentialID": credential,
        "numSignatures": len(documents),
        "description": description,
        "documents": [
            {"document_id": each.id, "document_name": shown(_FORM_NAME.sub("", each.name), instead="tai lieu")}
            for each in documents
        ],
        "hash": [b64encode(_digest(each.digest, each.n)).decode("ascii") for each in documents],
        "hashAlgo": SHA256,
        "signAlgo": RSA,
        "async": CALLED_BACK if settings.is_called_back else POLLED,
    }


def status(handle: str) -> dict[str, Any]:
    """NOTES.md#r30."""
    return {"transactionId": handle}


def as_sent(message: Mapping[str, Any]) -> bytes:
    """The body."""
    return canonical_bytes(message)


def as_kept(message: Mapping[str, Any]) -> bytes:
    """The body as the exchange keeps it: our secret is not in it."""
    return canonical_bytes({**message, SECRET: MASK} if SECRET in message else message)


def _client(settings: MysignSettings) -> dict[str, Any]:
    return {"client_id": settings.client_id, SECRET: settings.client_secret}


def _digest(digest: bytes | None, n: int) -> bytes:
    if digest is None:
        raise Unmappable(field=f"/data/documents/{n - 1}", rule="missing", instead="a document that was prepared")
    return digest
