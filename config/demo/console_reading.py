"""What a person reads on the console's pages: deliveries with their states and words, and the way to the next page.

Pure: HTML in, rows out. It knows of a page what a person sees of it (a link to a delivery, a state's mark and word in
the same row) and nothing of how it was made, so that it can be used to judge the pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

DELIVERY: Final = re.compile(r"/console/deliveries/(\d+)(?:[?#].*)?")
ATTEMPT: Final = re.compile(r"attempt-\d+")
STATE: Final = re.compile(r"\bs-([a-z_]+)\b")
VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr", "col", "source", "area", "base"})


@dataclass(slots=True, kw_only=True)
class Row:
    """A table's row or a list's item, as it is read."""

    deliveries: list[int] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    """Mark and word of each state shown in it."""
    links: list[str] = field(default_factory=list)
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Read:
    """One page."""

    rows: list[Row] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    """All states on the page, in order."""
    links: list[str] = field(default_factory=list)
    next: str | None = None
    attempts: int = 0
    """On a delivery's page: how many are told of."""
    title: str = ""
    text: str = ""


class _Reader(HTMLParser):
    ROWS: Final = frozenset({"tr", "li", "article"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self._open: list[Row] = []
        self._tags: list[str] = []
        self._state: tuple[str, int, list[str]] | None = None
        """Mark, how deep it began, words so far."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._tags.append(tag)
        if tag in self.ROWS:
            self._open.append(Row())
        if ATTEMPT.fullmatch(told.get("id", "")):
            self.read.attempts += 1
        if tag == "a" and "href" in told:
            self._link(told)
        if tag == "span" and "state" in told.get("class", "").split() and (mark := STATE.search(told["class"])):
            self._state = (mark[1], len(self._tags), [])

    def _link(self, told: dict[str, str]) -> None:
        href = told["href"]
        self.read.links.append(href)
        if told.get("rel") == "next":
            self.read.next = href
        if self._open:
            self._open[-1].links.append(href)
            if found := DELIVERY.fullmatch(href):
                self._open[-1].deliveries.append(int(found[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or tag not in self._tags:
            return
        while self._tags:
            if self._state is not None and len(self._tags) == self._state[1]:
                self._end_state()
            closed = self._tags.pop()
            if closed in self.ROWS and self._open:
                self.read.rows.append(self._open.pop())
            if closed == tag:
                return

    def _end_state(self) -> None:
        assert self._state is not None
        told = (self._state[0], " ".join("".join(self._state[2]).split()))
        self._state = None
        self.read.states.append(told)
        if self._open:
            self._open[-1].states.append(told)

    def handle_data(self, data: str) -> None:
        if "script" in self._tags or "style" in self._tags:
            return
        if self._tags and self._tags[-1] == "title":
            self.read.title += data
        self.read.text += data
        for row in self._open:
            row.text += data
        if self._state is not None:
            self._state[2].append(data)


def read_page(html: str) -> Read:
    """The page as a person reads it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.read
