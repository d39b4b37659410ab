"""Every cause that the code can write into a move or a delivery, read from the source.

A cause is a stable code; its sentence stands in the console's glossary. A list kept by hand would be forgotten with the
next move that somebody adds, so the code itself is asked: who is handed a `cause`, by name or by place.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from tests.house.tree import ROOT, named, parsed

WRITERS = ("adapters", "bus", "config")
SQL_CAUSE = re.compile(r"\bcause = '([a-z_]+)'")
CODE = re.compile(r"[a-z][a-z_]*")
Constants: TypeAlias = Mapping[str, set[str]]


@cache
def causes() -> frozenset[str]:
    """Every cause there can be: of moves, of deliveries, and the rules for which something cannot be shaped."""
    everywhere, places = _constants(), _places()
    found = set[str]()
    for path in _sources():
        tree = parsed(path)
        constants = everywhere | {name: {text} for name, text in _named_in(tree)}
        here = places | dict(_places_in(tree))
        for node in ast.walk(tree):
            found |= set(_handed_over(node, constants, here))
            found |= set(_by_table(node, tree, constants))
    for path in named(".sql", under="bus"):
        found |= set(SQL_CAUSE.findall(path.read_text(encoding="utf-8")))
    return frozenset(found | _breaches())


def _sources() -> list[Path]:
    return [path for room in WRITERS for path in named(".py", under=room)]


def _constants() -> dict[str, set[str]]:
    """Names of module constants that are texts, anywhere: where a file has none of that name, it is one of these."""
    found: dict[str, set[str]] = {}
    for path in _sources():
        for name, text in _named_in(parsed(path)):
            found.setdefault(name, set()).add(text)
    return found


def _named_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield target.id, value.value


def _by_table(node: ast.AST, tree: ast.Module, constants: Constants) -> Iterator[str]:
    """`to, cause = ENDS.get(state, (…, WAITS))`, of a table in the same file whose rows are tuples."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)):
        return
    names = [each.id if isinstance(each, ast.Name) else "" for each in node.targets[0].elts]
    call = node.value
    if "cause" not in names or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    table = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    rows = [*call.args[1:], *(row for each in tree.body for row in _rows(each, table))]
    for row in rows:
        if isinstance(row, ast.Tuple):
            yield from _texts(row.elts[names.index("cause")], constants)


def _rows(node: ast.stmt, table: str) -> list[ast.expr]:
    is_it = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == table
    return node.value.values if is_it and isinstance(node.value, ast.Dict) else []


def _places() -> dict[str, int]:
    """Functions that take a cause by place, and which; `self` not counted."""
    return {name: place for path in _sources() for name, place in _places_in(parsed(path))}


def _places_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args if each.arg not in {"self", "cls"}]
            if "cause" in names:
                yield node.name, names.index("cause")


def _handed_over(node: ast.AST, constants: Constants, places: Mapping[str, int]) -> Iterator[str]:
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from _assigned(targets, node.value, constants)
    if not isinstance(node, ast.Call) or _is_log_call(node):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    wanted = "rule" if name == "Unmappable" else "cause"
    for keyword in node.keywords:
        if keyword.arg == wanted:
            yield from _texts(keyword.value, constants)
    if name in places and len(node.args) > places[name]:
        yield from _texts(node.args[places[name]], constants)


def _assigned(targets: list[ast.expr], value: ast.expr, constants: Constants) -> Iterator[str]:
    """`cause = …`, and `delivery, cause = …`."""
    for target in targets:
        if isinstance(target, ast.Name) and target.id == "cause":
            yield from _texts(value, constants)
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from _assigned_each(target, value, constants)


def _assigned_each(target: ast.Tuple, value: ast.Tuple, constants: Constants) -> Iterator[str]:
    for one, its in zip(target.elts, value.elts, strict=False):
        if isinstance(one, ast.Name) and one.id == "cause":
            yield from _texts(its, constants)


def _is_log_call(node: ast.Call) -> bool:
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    return isinstance(node.func, ast.Attribute) and node.func.attr in levels


def _texts(value: ast.expr, constants: Constants) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, constants)
        yield from _texts(value.orelse, constants)
    elif isinstance(value, ast.Name | ast.Attribute):
        name = value.id if isinstance(value, ast.Name) else value.attr
        if name.isupper():
            yield from (text for text in constants.get(name, ()) if CODE.fullmatch(text))


def _breaches() -> set[str]:
    """Why a message breaks its schema: an adapter that checks one before sending holds it for that."""
    reasons = tomllib.loads((ROOT / "adapters/doors/problems.en.toml").read_text(encoding="utf-8"))["reasons"]
    found = set[str]()
    for path in named(".py", under="contracts"):
        nodes = list(ast.walk(parsed(path)))
        if any(isinstance(node, ast.Name) and node.id == "Breach" for node in nodes):
            found |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return found & reasons.keys()
