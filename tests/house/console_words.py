"""Which words the console's code asks for, read from its modules and templates; and what templates say themselves."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import jinja2
from jinja2 import nodes

from bus.messages import AMENDED, FILED, PAYMENT_KINDS, PAYMENT_NEWS, SETTLED, SIGNATURE_KINDS, SIGNATURE_NEWS
from bus.prepared import RECORD_KIND
from tests.house.tree import named, parsed

PAGES = "adapters/doors/console"
STARTED = re.compile(r"[a-z_]+\.[a-z0-9_.]*")
KEY = re.compile(r"[a-z_]+\.[a-z0-9_]+(\.[a-z0-9_]+)*")
SAID_ALIKE = frozenset({"HTTP", "CSV", "XLSX", "JSON", "ms", "English", "Tiếng Việt", "LT-7F3K-2"})
"""Names and signs that are the same in every language, and each language's own name of itself."""
KINDS = frozenset(
    {RECORD_KIND, "dossier.progressed", FILED, AMENDED, SETTLED}
    | PAYMENT_KINDS
    | PAYMENT_NEWS
    | SIGNATURE_KINDS
    | SIGNATURE_NEWS
)
"""Kinds of events are written like keys."""
_environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A key that some file asks for, whole; or the beginning of one that is put together at run time."""

    key: str
    where: str
    is_start: bool = False
    given: frozenset[str] | None = None
    """The facts that are handed over with it; None: not known before it runs."""


@cache
def templates() -> tuple[Path, ...]:
    """Every template of the console."""
    return tuple(named(".html", ".xml", ".txt", under=f"{PAGES}/templates"))


@cache
def parsed_template(path: Path) -> nodes.Template:
    """A template's syntax tree."""
    return _environment.parse(path.read_text(encoding="utf-8"))


def asked_in_templates() -> Iterator[Asked]:
    """What `t(…)` is called with in templates."""
    for path in templates():
        for call in parsed_template(path).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args:
                given = None if call.dyn_kwargs is not None else frozenset(pair.key for pair in call.kwargs)
                for asked in _keys(call.args[0], f"{path.name}:{call.lineno}"):
                    yield replace(asked, given=given)


def _keys(node: nodes.Node, where: str) -> Iterator[Asked]:
    """The keys that an expression of a template can come to; a variable alone is answered for where it is made."""
    match node:
        case nodes.Const(value=str(text)):
            yield Asked(text, where)
        case nodes.Concat(nodes=[nodes.Const(value=str(text)), *_]) | nodes.Add(left=nodes.Const(value=str(text))):
            yield Asked(text, where, is_start=True)
        case nodes.Add(left=nodes.Add() as left):
            yield from _keys(left, where)
        case nodes.CondExpr():
            yield from _keys(node.expr1, where)
            if node.expr2 is not None:
                yield from _keys(node.expr2, where)
        case _:
            return


def texts_in_templates() -> Iterator[str]:
    """Every text constant inside an expression of a template: a key may be handed to a macro, which says it."""
    for path in templates():
        for constant in parsed_template(path).find_all(nodes.Const):
            if isinstance(constant.value, str):
                yield constant.value


def texts_in_modules() -> Iterator[tuple[str, str]]:
    """Every text constant in the console's modules and their wiring, and where; a format's beginning counts too."""
    paths = [*named(".py", under=PAGES), *(p for p in named(".py", under="config") if "console" in p.name)]
    for path in paths:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value, f"{path.name}:{node.lineno}"


def said_in_modules() -> Iterator[Asked]:
    """Keys whose catalogue is known where a module says a text of that shape."""
    for text, where in texts_in_modules():
        if text.endswith((".py", ".html", ".toml")) or text in KINDS:
            continue
        if KEY.fullmatch(text) and not text.endswith("_"):
            yield Asked(text, where)
        elif STARTED.fullmatch(text):
            yield Asked(text, where, is_start=True)


def hard_wired(path: Path) -> Iterator[str]:
    """Letters that stand in a template as they are where people read: between tags, in attributes that are read."""
    text = path.read_text(encoding="utf-8")
    for hidden in (r"\{#.*?#\}", r"<!--.*?-->", r"<(script|style|code|kbd)\b.*?</\1>"):
        text = re.sub(hidden, "", text, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
    for attribute in re.finditer(r"\b(?:title|alt|aria-label|placeholder|aria-description)=\"([^\"]*)\"", text):
        yield from _worded(attribute[1])
    for between in re.split(r"<[^>]*>", text):
        yield from _worded(between)


def _worded(text: str) -> Iterator[str]:
    plain = re.sub(r"&[a-z]+;|&#\d+;", "", text).strip()
    if any(word not in SAID_ALIKE for word in re.findall(r"[\w-]*[^\W\d_]{2}[\w-]*(?: Việt)?", plain)):
        yield plain[:60]


def placeholders(text: str) -> list[str]:
    """The names in braces, sorted."""
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})
