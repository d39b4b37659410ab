"""What waits for its signature: the same for a PDF and for an XML document. Importing it brings nothing along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Stamp = Callable[[bytes], bytes]
"""A SHA-256 in, a time-stamp token over it out (RFC 3161)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    """Frozen: what waits for its signature."""

    document: bytes
    plan: bytes
    digest: bytes
    """SHA-256 of the signed attributes, or of the canonical SignedInfo: what is sent to be signed."""
