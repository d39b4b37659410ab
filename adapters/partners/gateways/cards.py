"""Pure. Card data is never kept: what a gateway sent is kept as it came, unless members of a card's came along."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final
from urllib.parse import unquote_plus

CARD: Final = frozenset(
    {"token", "sothe", "thangthe", "namthe", "tenchuthe", "cardno", "cardnumber", "cardtoken", "cardholder",
     "pan", "cvv", "cvv2", "cvc", "cardexpiry", "expirymonth", "expiryyear"}
)  # fmt: skip
"""Names of members in letters and digits alone: the platform's (payment_platform/NOTES.md#r45) and what others say."""
_BLANK: Final = "\ufeff \t\r\n"
_FORM: Final = re.compile(rb"[!-~]*=[!-~]*")
_HALF: Final = re.compile(r'("([^"]{1,100})"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)')
"""A member in what breaks off, or is no JSON."""


def without_cards(told: bytes) -> bytes:
    """`told` itself where no card's data is in it; else what is left, which cannot be hashed again."""
    found: list[str] = []
    try:
        left = _cleaned(json.loads(told, object_pairs_hook=_Pairs), found)
        return json.dumps(left, ensure_ascii=False).encode("utf-8", "replace") if found else told
    except (ValueError, RecursionError):
        return _unread(told)


class _Pairs(list[tuple[str, Any]]):
    """An object's members; a name that comes twice stands here twice."""


def _cleaned(value: Any, found: list[str]) -> Any:
    if isinstance(value, _Pairs):
        found += [name for name, _ in value if _is_card(name)]
        return {name: _cleaned(each, found) for name, each in value if not _is_card(name)}
    if isinstance(value, list):
        return [_cleaned(each, found) for each in value]
    if isinstance(value, str) and value.lstrip(_BLANK)[:1] in ("{", "[", '"'):  # an answer wrapped as a text
        whole = value.encode("utf-8", "replace")
        clean = without_cards(whole)
        if clean != whole:
            found.append("")
            return clean.decode("utf-8", "replace")
    return value


def _unread(told: bytes) -> bytes:
    """A form, or half an object: each value under a card's name is taken out where it stands."""
    text = told.decode("utf-8", "surrogateescape")
    if text.lstrip(_BLANK)[:1] in ("{", "[", '"'):
        kept = _HALF.sub(lambda m: f'{m[1]}""' if _is_card(m[2]) else m[0], text)
    elif _FORM.fullmatch(told):
        kept = "&".join(part for part in text.split("&") if not _is_card(unquote_plus(part.partition("=")[0])))
    else:
        return told
    return kept.encode("utf-8", "surrogateescape")


def _is_card(name: str) -> bool:
    plain = "".join(each for each in unicodedata.normalize("NFKD", name).casefold() if each.isalnum())
    return plain.removeprefix("vnp") in CARD
