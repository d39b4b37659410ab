"""What keeps a document from being taken, told apart by one question: will trying again help?

signing.errors.DocumentRefused   no: the document itself is not to be signed; its code is told to the source
DocumentNotNow                   yes: a host is away, the scanner is dead, the disk is full; nothing was sent or lost
"""

from __future__ import annotations


class DocumentNotNow(Exception):
    """The document cannot be taken at this moment; it is tried again, and nothing was lost."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        """`host_unreachable`, `host_busy`, `scanner_unreachable`, `scanner_limit`, `scanner_unclear`, `store_full`,
        `store_trouble`."""
        self.reason = f"{code}: {detail}" if detail else code
        super().__init__(self.reason)
