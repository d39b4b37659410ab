"""The commands of `lienthong` as the program itself knows them: names, arguments, options and their help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    if each.param_type_name == "argument":
        shown = each.metavar or each.name.upper()
        shown = shown if each.required else f"[{shown.strip('[]')}]"
        return Parameter(is_option=False, shown=shown, names=frozenset({each.name}), help=each.help or "")
    takes = "" if each.is_flag else f" {each.metavar or _kind(each)}"
    shown = " / ".join([*each.opts, *each.secondary_opts]) + takes
    names = frozenset([*each.opts, *each.secondary_opts])
    return Parameter(is_option=True, shown=shown, names=names, help=_help(each))


def _help(each: Any) -> str:
    default = each.default
    says_default = not each.is_flag and default not in (None, (), []) and not callable(default) and each.show_default
    shown = getattr(default, "value", default)
    return " ".join(filter(None, [each.help, f"(default: {shown})" if says_default else ""]))


def _kind(each: Any) -> str:
    choices = getattr(each.type, "choices", None)
    if choices:
        return "|".join(str(getattr(one, "value", one)) for one in choices)
    return {"integer": "N", "float": "N", "integer range": "N"}.get(each.type.name, each.type.name.upper())
