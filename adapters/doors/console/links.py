"""Addresses of pages, by name: no template and no page puts one together by hand."""

from __future__ import annotations

import re
from functools import cache
from typing import Final
from urllib.parse import quote, urlencode

PREFIX: Final = "/console"
_PLACE: Final = re.compile(r"\{([a-z_]+)(?::([a-z]+))?\}")
Fact = str | int | None | tuple[str, ...] | list[str]


def url_for(name: str, /, **facts: Fact) -> str:
    """The page's address; facts that have no place in its path stand in the query, None stands nowhere."""
    pattern = _patterns()[name]
    left = dict(facts)

    def filled(place: re.Match[str]) -> str:
        value = str(left.pop(place[1]))
        return quote(value, safe="/" if place[2] == "path" else "")

    path = _PLACE.sub(filled, pattern)
    query = urlencode({key: value for key, value in left.items() if value is not None and value != ""}, doseq=True)
    return PREFIX + path + (f"?{query}" if query else "")


def is_page(name: str) -> bool:
    """Whether there is a page of this name."""
    return name in _patterns()


@cache
def _patterns() -> dict[str, str]:
    # Here and not above: every page imports this module, and the list imports every page.
    from adapters.doors.console.pages import PAGES

    return {"static": "/static/{file:path}", "start": "/"} | {page.name: page.path for page in PAGES}


def is_ours(address: str) -> bool:
    """Whether this is an address of a page of ours, so that nobody is sent elsewhere after sign-in."""
    return (
        (address == PREFIX or address.startswith((f"{PREFIX}/", f"{PREFIX}?")))
        and not any(ord(mark) < 33 or ord(mark) > 126 or mark == "\\" for mark in address)
        and "/../" not in f"{address.partition('?')[0]}/"
        and len(address) <= 4_000
    )
