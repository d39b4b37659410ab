"""The nouns of signing at a desk: what was asked for, what came, why it is not taken. Light: the doors load them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signing.verdicts import Report


class DeskRefused(Exception):
    """What was handed in is not what was asked for; `code` has words for the official."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        super().__init__(detail or code)


ALARMING: Final = frozenset({"changed", "shows_more", "other_person", "other_authority", "revoked"})
"""Codes of uploads behind which somebody may be trying something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was asked for."""

    given: bytes
    """The document as it was handed out."""
    role: str
    user: str
    """The signer's number."""
    name: str
    """The signer's name, for certificates that have no number."""
    may_show_more: bool = False
    """Whether number and date may come with the signature (NOTES r9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What was handed in, and is good."""

    certificate: bytes
    report: Report
