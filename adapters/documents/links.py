"""Addresses of documents: signed, and with an end. Whoever has one may fetch that document until then, and no other."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

PLACE: Final = "/documents/{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLinks:
    """Makes and checks them. The key is derived from the master key, so they outlive every restart and restore."""

    secret: bytes = field(repr=False)
    base: str
    """What stands before the route: `https://lienthong.h99.example.invalid`."""

    @classmethod
    def under(cls, index_key: bytes, base: str) -> DocumentLinks:
        """With the key that is derived for this purpose and no other."""
        secret = hmac.new(index_key, b"documents by reference", hashlib.sha256).digest()
        return cls(secret=secret, base=base.rstrip("/"))

    def url(self, document: int, until: datetime) -> str:
        """Where this document can be fetched until then."""
        id, ends = str(document), str(int(until.timestamp()))
        return f"{self.base}{PLACE.format(id=id)}?until={ends}&sign={self._sign(id, ends)}"

    def document(self, id: str, ends: str, sign: str, now: datetime) -> int | None:
        """Which document may be fetched now by this address; None, with no word of why, where none may."""
        is_ours = hmac.compare_digest(self._sign(id, ends).encode(), sign.encode("utf-8", "surrogatepass"))
        # Both are numbers and written in one way: we signed them.
        return int(id) if is_ours and now.timestamp() < int(ends) else None

    def _sign(self, id: str, ends: str) -> str:
        told = "\0".join(("document", id, ends)).encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, told, hashlib.sha256).hexdigest()
