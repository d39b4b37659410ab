"""Pure. Whether two names are one person's: four eyes are no eyes where one person has two spellings.

A source gives a name as its own people wrote it, with an office, a title or an address beside it. Rather another
colleague is asked once too often than one person agrees to what that person asked for.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BESIDE: Final = re.compile(r"[:;,/|@<>()\[\]{}]|\s[-\u2013\u2014]+\s")
"""What stands between a name and what is said of it."""


def is_same_person(asked_by: str, account: str, shown: str) -> bool:
    """Whether who asked is who would agree, by the account or by the name that it is shown with.

    `asked_by`: `person:` and an account, or a source, a colon and the name that it gave. `shown` may be empty.
    """
    asker = _plain(asked_by.partition(":")[2] or asked_by)
    approver = _plain(shown)
    # Of the shown name only what stands first counts alone: two people of one office are not one.
    agreeing = {_words(_plain(account)), _words(approver), _words(re.split(r"[@<(\[{]", approver)[0])} - {""}
    return not agreeing.isdisjoint({_words(asker), *map(_words, _BESIDE.split(asker))})


def _plain(name: str) -> str:
    """Without capitals, marks, widths and signs that nobody sees."""
    bare = unicodedata.normalize("NFKD", name).casefold().replace("đ", "d")
    return "".join(sign for sign in bare if unicodedata.category(sign) not in ("Mn", "Mc", "Me", "Cf"))


def _words(text: str) -> str:
    return " ".join(text.split())
