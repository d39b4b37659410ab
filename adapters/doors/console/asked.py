"""What a browser asked: path, query and form, bounded and readable text before any page sees them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from adapters.doors.console.answers import Wrong

MOST_FIELDS: Final = 100
"""Fields of one form or query: the largest form here has about twenty."""
LONGEST_VALUE: Final = 2_000
"""Characters of one value in an address: longer ones do not survive proxies and mail programs."""
LARGEST_FORM: Final = 1_000_000
"""Bytes of a form: a corrected record with all its fields fits many times."""
LONGEST_QUERY: Final = 32_000
"""Bytes of a whole query."""

_COMMANDS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What is no text; tab and line ends are, in a form's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request's own words."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    """The last value of each name."""
    form: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """All values of each name, of query and form."""
    is_htmx: bool = False
    last_event_id: str = ""
    """Where a live page's stream broke off."""
    agent: str = ""
    """What the browser calls itself; shown in the list of sessions."""

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of this name: boxes that were ticked, filters that were chosen."""
        if name in self.lists:
            return self.lists[name]
        return tuple(one[name] for one in (self.query, self.form) if name in one)


def pairs_of(octets: bytes, *, longest: int | None = None) -> list[tuple[str, str]]:
    """The fields of an urlencoded query or form. Raises Wrong."""
    try:
        # Semicolons do not part fields, and what is no UTF-8 is refused, not replaced: nobody searches for marks of it.
        found = parse_qsl(
            octets.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, separator="&"
        )
    except UnicodeDecodeError:
        raise Wrong("common.wrong_text", status=400) from None
    except ValueError:
        raise Wrong("common.wrong_fields", status=400, most=MOST_FIELDS) from None
    return [(clean(name, longest=200), clean(value, longest=longest, field=name)) for name, value in found]


def clean(text: str, *, longest: int | None, field: str | None = None) -> str:
    """The text, composed, line ends as one character. Raises Wrong where it is no text or too long."""
    if longest is not None and len(text) > longest:
        raise Wrong("common.wrong_length", field=field, status=400, most=longest, n=len(text))
    if _COMMANDS.search(text):
        raise Wrong("common.wrong_text", field=field, status=400)
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def lists_of(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """All values by name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found
