"""Which delivery is which effect, in one dossier. The partner keeps no ids of ours, so contents and order must tell.

The alignment found is the one that leaves the fewest deliveries without an effect, and then the fewest effects without
a delivery, while both sides keep their order; what is left is then paired out of order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.demo.books import Effect, Entry, fits

Run = tuple[Effect, ...]
"""Effects that changed the books once: the first, and replacements by an equal record after it."""

_MUST: Final = 1_000_000
_COVERED: Final = 1_000
_MAY: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One dossier's records, or its steps, on both sides."""

    in_order: tuple[tuple[Entry, Run], ...]
    overtaken: tuple[tuple[Entry, Run], ...]
    """Paired, but after something that stands later in the dossier's order."""
    late: tuple[tuple[Entry, Run], ...]
    """Paired, and known to the ledger as sent late: exempt from order."""
    missing: tuple[Entry, ...]
    """Entries that must be there and are not."""
    extra: tuple[Run, ...]
    """Effects that no entry accounts for."""

    @property
    def pairs(self) -> tuple[tuple[Entry, Run], ...]:
        return (*self.in_order, *self.overtaken, *self.late)


def runs_of(effects: Sequence[Effect]) -> list[Run]:
    """Effects with the unchanged replacements drawn together."""
    runs: list[Run] = []
    for effect in effects:
        if effect.repeat and runs and runs[-1][0].digest == effect.digest:
            runs[-1] = (*runs[-1], effect)
        else:
            runs.append((effect,))
    return runs


def pair(entries: Sequence[Entry], effects: Sequence[Effect], *, are_records: bool) -> Pairing:
    """Pair one to one; neighbouring records of equal contents may share one run, for the second changed nothing."""
    possible = sorted((entry for entry in entries if entry.may_be_there), key=lambda entry: entry.key)
    on_time = [entry for entry in possible if not entry.is_late]
    runs = runs_of(effects)
    matches = _align(on_time, runs, may_share=are_records)
    used, done = {run for _, run in matches}, {entry for entry, _ in matches}
    left = [n for n in range(len(runs)) if n not in used]
    strays = [(n, entry) for n, entry in enumerate(on_time) if n not in done]
    overtaken = _pair_left([entry for _, entry in strays], runs, left)
    late = _pair_left([entry for entry in possible if entry.is_late], runs, left)
    found = {id(entry) for entry, _ in (*overtaken, *late)} | {id(on_time[n]) for n in done}
    return Pairing(
        in_order=tuple((on_time[n], runs[run]) for n, run in matches),
        overtaken=tuple(overtaken),
        late=tuple(late),
        missing=tuple(entry for entry in possible if entry.must_be_there and id(entry) not in found),
        extra=tuple(runs[n] for n in left),
    )


def _pair_left(entries: Sequence[Entry], runs: Sequence[Run], left: list[int]) -> list[tuple[Entry, Run]]:
    """Pair what can be paired in any order, those that must be there first; takes the runs used off `left`."""
    pairs = []
    for entry in sorted(entries, key=lambda entry: (not entry.must_be_there, entry.key)):
        found = next((n for n in left if fits(entry, runs[n][0])), None)
        if found is not None:
            left.remove(found)
            pairs.append((entry, runs[found]))
    return pairs


def _align(entries: Sequence[Entry], runs: Sequence[Run], *, may_share: bool) -> list[tuple[int, int]]:
    """The best pairs that keep both orders, as positions. Usually the first look says it all."""
    if len(entries) == len(runs) and all(fits(e, run[0]) for e, run in zip(entries, runs, strict=True)):
        return [(n, n) for n in range(len(runs))]
    fit = [[fits(entry, run[0]) for run in runs] for entry in entries]
    scores = _scores(entries, fit, len(runs), may_share=may_share)
    return _walk(entries, fit, scores, may_share=may_share)


Scores = list[list[tuple[int, int]]]
"""`scores[i][j]`: the best that entries from `i` and runs from `j` can reach, while run `j` is unused, and used."""


def _scores(entries: Sequence[Entry], fit: list[list[bool]], runs: int, *, may_share: bool) -> Scores:
    best: Scores = [[(0, 0)] * (runs + 1) for _ in range(len(entries) + 1)]
    for i in range(len(entries) - 1, -1, -1):
        for j in range(runs - 1, -1, -1):
            fresh, used = (
                max(
                    best[i + 1][j][is_used],
                    best[i][j + 1][0],
                    _gain(entries[i], is_used) + _after(best, i, j, may_share) if fit[i][j] else 0,
                )
                for is_used in (0, 1)
            )
            best[i][j] = (fresh, used)
    return best


def _walk(entries: Sequence[Entry], fit: list[list[bool]], best: Scores, *, may_share: bool) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    i = j = is_used = 0
    while i < len(entries) and j < len(best[0]) - 1:
        here = best[i][j][is_used]
        if fit[i][j] and here == _gain(entries[i], is_used) + _after(best, i, j, may_share):
            pairs.append((i, j))
            i, j, is_used = (i + 1, j, 1) if may_share else (i + 1, j + 1, 0)
        elif here == best[i + 1][j][is_used]:
            i += 1
        else:
            j, is_used = j + 1, 0
    return pairs


def _gain(entry: Entry, is_used: int) -> int:
    return (_MUST if entry.must_be_there else _MAY) + (0 if is_used else _COVERED)


def _after(best: Scores, i: int, j: int, may_share: bool) -> int:
    return best[i + 1][j][1] if may_share else best[i + 1][j + 1][0]
