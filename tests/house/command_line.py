"""The commands of `lienthong` as the program itself knows them: names, arguments, options and their help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument or option."""

    is_option: bool
    shown: str
    names: frozenset[str]
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command that can be typed."""

    words: tuple[str, ...]
    help: str
    parameters: tuple[Parameter, ...]

    @property
    def options(self) -> frozenset[str]:
        """Every name of an option that it takes."""
        return frozenset({"--help", "-h"}).union(*(each.names for each in self.parameters if each.is_option))


def commands() -> dict[tuple[str, ...], Command]:
    """Every command by its words, in the order of the help."""
    from config.commands.root import app

    return {command.words: command for command in _below(typer.main.get_command(app()), ())}


def _below(node: Any, words: tuple[str, ...]) -> Iterator[Command]:
    children = getattr(node, "commands", None)
    if children is None:
        yield _command(node, words)
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _below(child, (*words, name))


def _command(node: Any, words: tuple[str, ...]) -> Command:
    parameters = [_parameter(each) for each in node.params if not getattr(each, "hidden", False)]
    help_text = " ".join((node.help or "").split())
    return Command(
        words=words, help=help_text, parameters=tuple(each for each in parameters if "--help" not in each.names)
    )


def _parameter(each: Any) -> Parameter:
    names = frozenset([*each.opts, *each.secondary_opts])
    if each.param_type_name == "argument":
        shown = each.metavar or each.name.upper()
        shown = shown if each.required or shown.startswith("[") else f"[{shown}]"
        return Parameter(is_option=False, shown=shown, names=names, help=each.help or "")
    takes = "" if each.is_flag else f" {each.metavar or _kind(each)}"
    shown = " / ".join([*each.opts, *each.secondary_opts]) + takes
    return Parameter(is_option=True, shown=shown, names=names, help=_help(each))


def _help(each: Any) -> str:
    default = each.default
    if each.is_flag or not each.show_default or default in (None, "", (), []) or callable(default):
        return each.help or ""
    return f"{each.help or ''} (default: {default})".strip()


def _kind(each: Any) -> str:
    """What an option takes: the words of a closed list, else the name of its type."""
    annotation = each.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return "|".join(str(word) for word in get_args(annotation))
    return {int: "N", float: "N", Path: "FILE"}.get(annotation, "TEXT")
