"""Pure. A partner's bytes with the personal in them masked, as far as they can be read; what cannot be is hidden.

A partner names its fields as it likes, so no list of personal ones would be complete. It is the other way round: a
value is shown where it is plainly a code, a number or a time, where it stands in the event as public, or where it is
the partner's own answer; every other value is `***`. Values that the dossier's events hold as personal are hidden
wherever they turn up, and secrets are hidden even from those who may see everything.

The form stays: what is masked here can still be read as JSON or XML, line by line as it was sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from unicodedata import normalize

from bus.privacy import HIDDEN, PERSONAL, PUBLIC, mask_free, mask_text

ANSWERS: Final = frozenset(
    {"error_code", "code", "message", "msg", "title", "detail", "reason", "faultcode", "faultstring", "faultactor"}
)
"""Members in which a partner says what it made of the call: the operator's first question. Numbers are masked."""
SECRETS: Final = re.compile(
    r"(?i)password|passwd|secret|token|session|cookie|authorization|api[_-]?key|mat_?khau|binarysecuritytoken"
)
"""Members whose values are never shown to anybody."""
_CODE: Final = re.compile(r"(?=[^0-9]{0,100}[0-9])[A-Za-z0-9_.:/+=#-]{1,100}")
"""ASCII in one piece, with a digit in it: codes, numbers of dossiers, times. Names of people have letters only."""
_TOLD: Final = frozenset({"reason", "trouble", "code"})
"""Members of the ledger's rows that hold what somebody said."""
_SAFE_WORDS: Final = frozenset({"", "true", "false", "null", "True", "False", "none"})
SHORTEST_KNOWN: Final = 3
"""Characters: a personal value shorter than that would black out half of any text."""
DEEPEST: Final = 3
"""JSON within JSON within JSON: façades wrap so often, and a hostile answer not more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the dossier's events say of the values that may turn up in an exchange."""

    personal: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()


NOTHING_KNOWN: Final = Known()


def known_of(contents: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> Known:
    """From the `data` of events their personal values and their public ones; `names`: what else is public."""
    personal: set[str] = set()
    public = set(names)
    for data in contents:
        for place, value in _leaves(data, ""):
            if place in PUBLIC:
                public.add(value)
            elif len(value) >= SHORTEST_KNOWN:
                personal.add(value)
    return Known(personal=frozenset(personal), public=frozenset(public - personal))


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, f"{place}/{name}")
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _leaves(member, f"{place}/*")
    elif isinstance(value, str) and value.strip():
        yield place, value.strip()


LONGEST_SPELT: Final = 100
"""Characters of a value that is looked for however it is spelt: names and addresses, not whole letters."""
_MARKS: Final = "[\u0300-\u036f]*"
_BLANKS: Final = r"[\s\u00a0]+"


def spelt(value: str) -> str:
    """A pattern that finds a value, however capitals and accents are: a partner prints names as it likes.

    One of several words is found without its accents, with accents apart from their letters, with other blanks. A
    single word is found with its accents: without them it would be half of any sentence.
    """
    words = normalize("NFC", value).split()
    if len(words) < 2 or len(value) > LONGEST_SPELT:
        return f"(?i:{re.escape(value)})"
    return _BLANKS.join("".join(_letter(char) for char in word) for word in words)


@cache
def _letter(char: str) -> str:
    base = _base(char)
    return f"[{_variants()[base]}]{_MARKS}" if base in _variants() else f"(?i:{re.escape(char)})"


@cache
def _variants() -> Mapping[str, str]:
    """Every letter of Latin scripts by the plain one under its marks."""
    found = {base: base + base.upper() for base in "abcdefghijklmnopqrstuvwxyz"}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        if (base := _base(chr(code))) in found:
            found[base] += chr(code)
    return found


def _base(char: str) -> str:
    return "d" if char in "đĐ" else normalize("NFD", char)[0].lower()


class Masker:
    """Masks texts of one dossier. With `is_open` only secrets are hidden."""

    def __init__(self, known: Known = NOTHING_KNOWN, *, is_open: bool = False) -> None:
        self._known = known
        self._is_open = is_open
        words = [spelt(value) for value in sorted(known.personal, key=len, reverse=True)]
        self._personal = re.compile("|".join(words)) if words and not is_open else None

    def head(self, head: str) -> str:
        """Header lines: what carries a secret is hidden, what looks personal is masked."""
        return "\n".join(self._header(line) for line in head.replace("\r\n", "\n").split("\n"))

    def _header(self, line: str) -> str:
        name, colon, _value = line.partition(":")
        if colon and SECRETS.search(name):
            return f"{name}: {HIDDEN}"
        return _secretless(line) if self._is_open else mask_text(line)

    def body(self, text: str) -> str:
        """JSON or XML masked by its values, anything else as text."""
        stripped = text.lstrip("\ufeff \t\r\n")
        if stripped[:1] in ("{", "["):
            return self._json(text, 0)
        if stripped[:1] == "<":
            return self._xml(text)
        return self._text(text)

    def told(self, view: Any) -> Any:
        """Rows of the ledger with what partners and people said in them masked: a partner's no may repeat a name."""
        if isinstance(view, list):
            return [self.told(each) for each in view]
        if not isinstance(view, dict):
            return view
        return {
            name: self._text(normalize("NFC", value)) if name in _TOLD and isinstance(value, str) else self.told(value)
            for name, value in view.items()
        }

    def words(self, text: str) -> str:
        """One text that somebody said, as `told` masks those of rows."""
        return self._text(normalize("NFC", text))

    # -- values -------------------------------------------------------------------------------------------------

    def value(self, name: str, text: str, depth: int = 0) -> str:
        """One value under its member's name, masked as its kind wants it."""
        if SECRETS.search(name):
            return mask_free(text)
        if depth < DEEPEST and text.lstrip()[:1] in ("{", "[") and _is_json(text):
            return self._json(text, depth + 1)
        if self._is_open:
            return _secretless(text)
        if self._personal is not None and self._personal.fullmatch(text.strip()):
            return HIDDEN
        if text in _SAFE_WORDS or text.strip() in self._known.public:
            return text
        if name.lower() in ANSWERS:
            return self._text(text)
        return mask_text(text) if _CODE.fullmatch(text) else HIDDEN

    def _text(self, text: str) -> str:
        if self._is_open:
            return _secretless(text)
        if self._personal is not None:
            text = self._personal.sub(HIDDEN, text)
        return mask_text(text)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def _json(self, text: str, depth: int) -> str:
        """Token by token, so that blanks and order stay; a broken document is masked as far as it has tokens."""
        names: list[str] = [""]
        done: list[str] = []
        at = 0
        for found in _JSON.finditer(text):
            done.append(self._between(text[at : found.start()]))
            done.append(self._token(found, names, depth))
            at = found.end()
        done.append(self._between(text[at:]))
        return "".join(done)

    def _between(self, text: str) -> str:
        return text if not text.strip() else HIDDEN

    def _token(self, found: re.Match[str], names: list[str], depth: int) -> str:
        token = found.group()
        if found["mark"]:
            _step(token, names)
            return token
        if found["name"]:
            names[-1] = _unquoted(found["name"])
            # A hostile member name may hold what a value may not; a long one is no name.
            shown = names[-1] if self._is_open else mask_text(names[-1][:200])
            if shown == names[-1]:
                return token
            return json.dumps(shown, ensure_ascii=False) + token[len(found["name"]) :]
        if found["text"]:
            value = _unquoted(token)
            shown = self.value(names[-1], value, depth)
            # What is not changed stays as it was written, escapes and all: the raw form is what was sent.
            return token if shown == value else json.dumps(shown, ensure_ascii=False)
        return self._bare(names[-1], token)

    def _bare(self, name: str, token: str) -> str:
        if SECRETS.search(name) or not _BARE.fullmatch(token):
            return json.dumps(HIDDEN)
        return token if self._is_open or mask_text(token) == token else json.dumps(mask_text(token))

    # -- XML ----------------------------------------------------------------------------------------------------

    def _xml(self, text: str) -> str:
        names: list[str] = []
        return _XML.sub(lambda found: self._piece(found, names), text)

    def _piece(self, found: re.Match[str], names: list[str]) -> str:
        piece = found.group()
        if found["close"]:
            del names[-1:]
            return piece
        if found["open"]:
            if not piece.endswith("/>"):
                names.append(_local(found["open"]))
            return _ATTRIBUTE.sub(self._attribute, piece)
        if found["other"]:
            return piece if piece.startswith("<?") else self._text(piece)
        return self._words(names[-1] if names else "", piece)

    def _words(self, name: str, piece: str) -> str:
        words = piece.strip()
        if not words:
            return piece
        if name in _SIGNATURE_PARTS:
            return piece
        return piece.replace(words, self.value(name, words))

    def _attribute(self, found: re.Match[str]) -> str:
        name, mark, value = found["name"], found["mark"], found["value"]
        if name.startswith("xmlns") or _local(name) in _PLAIN_ATTRIBUTES:
            return found.group()
        return f"{name}={mark}{self.value(_local(name), value)}{mark}"


# What is never closed (a body cut off, or a hostile one) reaches to the end, so that each is looked at once.
_JSON: Final = re.compile(
    r"""(?x) (?P<name> "(?:[^"\\]|\\.)*+" ) \s* :
    | (?P<text> "(?:[^"\\]|\\.)*+ (?:"|\\?\Z) )
    | (?P<mark> [{}\[\],] )
    | (?P<bare> [^\s"{}\[\],:]+ )""",
    re.DOTALL,
)
_BARE: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?|true|false|null")
_XML: Final = re.compile(
    r"""(?x) (?P<other> <!--.*?(?:-->|\Z) | <!\[CDATA\[.*?(?:\]\]>|\Z) | <[?!][^<>]*> )
    | </(?P<close>[^\s<>]+)[^<>]*>
    | <(?P<open>[^\s<>/?!]+)[^<>]*>
    | [^<]+ | <""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"(?P<name>[\w:.-]+)\s*=\s*(?P<mark>[\"'])(?P<value>[^\"']*)(?P=mark)")
_PLAIN_ATTRIBUTES: Final = frozenset(
    {"Algorithm", "Id", "URI", "ID", "EncodingType", "ValueType", "PrefixList", "mustUnderstand", "type", "nil",
     "version", "encoding", "schemaLocation", "objectType", "lang"}
)  # fmt: skip
_SIGNATURE_PARTS: Final = frozenset(
    {"DigestValue", "SignatureValue", "Created", "Expires", "MessageID", "X509Certificate"}
)


def _step(mark: str, names: list[str]) -> None:
    """A member's name holds for what stands in its array; an object's members have their own."""
    if mark in "{[":
        names.append(names[-1])
    elif mark in "}]" and len(names) > 1:
        names.pop()


def _unquoted(token: str) -> str:
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token[1:-1]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _local(name: str) -> str:
    return name.rpartition(":")[2]


_WRITTEN: Final = re.compile(
    r"""(?ix)(["']?[\w-]{0,40}(?:password|secret|token|session|passwd|pwd|cookie|authorization|api[_-]?key)["']?\s{0,4}[:=]
    \s{0,4}["']?(?:bearer|basic)?\s{0,4})[^\s"'&,;<>}]+"""
)


def _secretless(text: str) -> str:
    return _WRITTEN.sub(lambda found: found.group(1) + HIDDEN, text)


__all__ = ["ANSWERS", "NOTHING_KNOWN", "PERSONAL", "Known", "Masker", "known_of"]
