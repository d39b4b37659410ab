"""Console against ledger, delivery by delivery (R23): pages are asked for and read as a person reads them.

shown otherwise   the log, a filter or a dossier's page shows another state than the ledger has, or another word for it
not shown         a delivery of the ledger that no page shows; worst of all an open one
made up           a page shows what the ledger does not have
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from bus.messages import OPEN_STATES, State
from config.demo.console_reading import Read, read_page

Get = Callable[[str], str]
"""A path below `/console` in, the page's HTML out."""
PREFIX: Final = "/console"
MOST_PAGES: Final = 2_000
"""A day has a tenth of it: a pager that never ends is a finding too."""


class EndlessPages(Exception):
    """The pager leads on and on."""


def pages(get: Get, path: str) -> Iterator[Read]:
    """A list from its first page to its last."""
    for _ in range(MOST_PAGES):
        read = read_page(get(path))
        yield read
        if read.next is None:
            return
        path = read.next.removeprefix(PREFIX)
    raise EndlessPages(path)


def shown_in(reads: Iterable[Read]) -> dict[int, tuple[str, str]]:
    """Delivery → mark and word of its state, as the rows of a list show it."""
    found: dict[int, tuple[str, str]] = {}
    for read in reads:
        for row in read.rows:
            if row.deliveries and row.states:
                found[row.deliveries[0]] = row.states[0]
    return found


def disagreements(
    get: Get, account: Iterable[Mapping[str, Any]], words: Mapping[str, str], *, filters: bool = True
) -> list[str]:
    """What console and ledger do not agree in; `words` are the agreed words of the states.

    With `filters` the lists of each state are read too, those of states in which nothing is as well.
    """
    states = {int(row["delivery"]): str(row["state"]) for row in account if row["delivery"] is not None}
    found = list(_differences("log", states, shown_in(pages(get, "/log")), words))
    for state in State if filters else ():
        wanted = {number: name for number, name in states.items() if name == state}
        found += _differences(f"log?state={state}", wanted, shown_in(pages(get, f"/log?state={state}")), words)
    return found


def open_ones_shown(get: Get, account: Iterable[Mapping[str, Any]], words: Mapping[str, str]) -> list[str]:
    """The same for what is open alone: bounded by what waits, however long the history is."""
    states = {int(row["delivery"]): str(row["state"]) for row in account if row["state"] in OPEN_STATES}
    return list(_differences("log?state=open", states, shown_in(pages(get, "/log?state=open")), words))


def dossier_disagreements(
    get: Get, dossier: str, rows: Iterable[Mapping[str, Any]], attempts_of: Callable[[int], int]
) -> list[str]:
    """Each delivery of a dossier has its line on the dossier's page, and its own page shows state and attempts."""
    page = read_page(get(f"/dossiers/{quote(dossier, safe='')}"))
    linked = {number for row in page.rows for number in row.deliveries}
    found = []
    for row in rows:
        number, state = int(row["delivery"]), str(row["state"])
        if number not in linked:
            found.append(f"{dossier}: delivery {number} has no line on the dossier's page")
        own = read_page(get(f"/deliveries/{number}"))
        if not own.states or own.states[0][0] != state:
            found.append(f"delivery {number}: its page shows {own.states[:1]}, the ledger has {state}")
        if own.attempts != (attempts := attempts_of(number)):
            found.append(f"delivery {number}: its page shows {own.attempts} attempts, the ledger has {attempts}")
    return found


def _differences(
    where: str, wanted: Mapping[int, str], shown: Mapping[int, tuple[str, str]], words: Mapping[str, str]
) -> Iterator[str]:
    for number, state in wanted.items():
        told = shown.get(number)
        if told is None:
            yield f"{where}: delivery {number} ({state}) is not shown"
        elif told != (state, words[state]):
            yield f"{where}: delivery {number} is shown as {told}, the ledger has {state}"
    for number in shown.keys() - wanted.keys():
        yield f"{where}: delivery {number} is shown, the ledger does not have it there"
