"""How far exports have come: for the page of whoever takes them, in this process, and forgotten with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

KEPT: Final = 10
"""Exports of one account that are still told of."""
ACCOUNTS: Final = 500

Ending = Literal["running", "whole", "cut", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One export, as far as it has come."""

    n: int
    name: str
    form: str
    began_at: datetime
    rows: int = 0
    ending: Ending = "running"


class Exporting:
    """Exports that run or have run. Threads share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._of: OrderedDict[str, OrderedDict[int, Progress]] = OrderedDict()

    def begin(self, account: str, name: str, form: str, at: datetime) -> int:
        """One more; its number."""
        with self._lock:
            self._last += 1
            mine = self._of.setdefault(account, OrderedDict())
            self._of.move_to_end(account)
            mine[self._last] = Progress(n=self._last, name=name, form=form, began_at=at)
            while len(mine) > KEPT:
                mine.popitem(last=False)
            while len(self._of) > ACCOUNTS:
                self._of.popitem(last=False)
            return self._last

    def tell(self, account: str, n: int, rows: int, ending: Ending = "running") -> None:
        """How many rows it has written; one that is not told of any more is left."""
        with self._lock:
            mine = self._of.get(account, OrderedDict())
            if n in mine:
                mine[n] = replace(mine[n], rows=rows, ending=ending)

    def of(self, account: str) -> tuple[Progress, ...]:
        """This account's, the newest first."""
        with self._lock:
            return tuple(reversed(self._of.get(account, OrderedDict()).values()))
