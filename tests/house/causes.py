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

from tests.house.tree import ROOT, named, parsed

WRITERS = ("adapters", "bus", "config")
SQL_CAUSE = re.compile(r"\bcause = '([a-z_]+)'")
CODE = re.compile(r"[a-z][a-z_]*")


@cache
def causes() -> frozenset[str]:
    """Every cause there can be: of moves, of deliveries, and the rules for which something cannot be shaped."""
    constants, places = _constants(), _places()
    found = set[str]()
    for path in _sources():
        for node in ast.walk(parsed(path)):
            found |= set(_handed_over(node, constants, places))
    for path in named(".sql", under="bus"):
        found |= set(SQL_CAUSE.findall(path.read_text(encoding="utf-8")))
    return frozenset(found | _breaches())


def _sources() -> list[Path]:
    return [path for room in WRITERS for path in named(".py", under=room)]


def _constants() -> Mapping[str, str]:
    """Names of module constants that are texts; a name stands for one text in the whole house, or is left alone."""
    found: dict[str, str] = {}
    for path in _sources():
        for node in parsed(path).body:
            target = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[target.id] = value.value
    return found


def _places() -> Mapping[str, int]:
    """Functions that take a cause by place, and which; `self` not counted."""
    found: dict[str, int] = {}
    for path in _sources():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                names = [each.arg for each in node.args.args if each.arg not in {"self", "cls"}]
                if "cause" in names:
                    found[node.name] = names.index("cause")
    return found


def _handed_over(node: ast.AST, constants: Mapping[str, str], places: Mapping[str, int]) -> Iterator[str]:
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


def _assigned(targets: list[ast.expr], value: ast.expr, constants: Mapping[str, str]) -> Iterator[str]:
    """`cause = …`, and `delivery, cause = …`."""
    for target in targets:
        if isinstance(target, ast.Name) and target.id == "cause":
            yield from _texts(value, constants)
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from _assigned_each(target, value, constants)


def _assigned_each(target: ast.Tuple, value: ast.Tuple, constants: Mapping[str, str]) -> Iterator[str]:
    for one, its in zip(target.elts, value.elts, strict=False):
        if isinstance(one, ast.Name) and one.id == "cause":
            yield from _texts(its, constants)


def _is_log_call(node: ast.Call) -> bool:
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    return isinstance(node.func, ast.Attribute) and node.func.attr in levels


def _texts(value: ast.expr, constants: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, constants)
        yield from _texts(value.orelse, constants)
    elif isinstance(value, ast.Name | ast.Attribute):
        name = value.id if isinstance(value, ast.Name) else value.attr
        if name.isupper() and CODE.fullmatch(constants.get(name, "")):
            yield constants[name]


def _breaches() -> set[str]:
    """Why a message breaks its schema: an adapter that checks one before sending holds it for that."""
    reasons = tomllib.loads((ROOT / "adapters/doors/problems.en.toml").read_text(encoding="utf-8"))["reasons"]
    found = set[str]()
    for path in named(".py", under="contracts"):
        nodes = list(ast.walk(parsed(path)))
        if any(isinstance(node, ast.Name) and node.id == "Breach" for node in nodes):
            found |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return found & reasons.keys()
