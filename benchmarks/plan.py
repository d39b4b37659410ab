"""How large a benchmark runs: as recorded, in a smoke test's size, or whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes, by what is wanted: figures worth keeping, or proof that it runs."""

    rounds: int = 5
    quick: bool = False
    """The smallest size that walks every line; its figures mean nothing."""
    full: bool = False
    """The whole backlog of F14: minutes more."""

    def size(self, usual: int, quick: int) -> int:
        """One of two sizes."""
        return quick if self.quick else usual
