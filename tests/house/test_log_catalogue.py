"""The code logs what `config/log_events.toml` lists, exactly, and the catalogue lists nothing that is never logged."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from config.logging import OWN_EVENTS, SECRET_NAME, load_catalogue

ROOT = Path(__file__).parents[2]
ROOMS = ("bus", "contracts", "signing", "adapters", "config")
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
ALLOWED_ANYWHERE = {"exc_info"}
PERSONAL = {
    "name",
    "phone",
    "email",
    "identity",
    "address",
    "applicant",
    "officer",
    "body",
    "content",
    "note",
    "reason",
}
CATALOGUE = load_catalogue()


class Call(NamedTuple):
    """One log call in the code."""

    where: str
    event: str | None
    level: str
    fields: frozenset[str | None]


def is_logger(node: ast.expr) -> bool:
    """`log`, `self._log`, `log.bind(…)`: anything whose last name is log."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "bind" and is_logger(node.func.value)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.strip("_") in {"log", "logger"} or name.endswith("_log")


def calls_in(tree: ast.AST, file: str) -> Iterator[Call]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        if not is_logger(node.func.value):
            continue
        first = node.args[0] if node.args else None
        event = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        level = "error" if node.func.attr == "exception" else node.func.attr
        yield Call(f"{file}:{node.lineno}", event, level, frozenset(keyword.arg for keyword in node.keywords))


def all_calls() -> list[Call]:
    return [
        call
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if path != ROOT / "config" / "logging.py"
        for call in calls_in(ast.parse(path.read_text()), str(path.relative_to(ROOT)))
    ]


def trouble_with(call: Call) -> str | None:
    entry = CATALOGUE.entries.get(call.event or "")
    if entry is None:
        return f"{call.where}: {call.event or 'an event name that is not a plain string'} is not in the catalogue"
    if None in call.fields:
        return f"{call.where}: {call.event} hides its fields behind **"
    own, listed = call.fields - CATALOGUE.common - ALLOWED_ANYWHERE, entry.fields - CATALOGUE.common
    if own != listed:
        return f"{call.where}: {call.event} logs {sorted(own)}, the catalogue lists {sorted(listed)}"
    if call.level != entry.level:
        return f"{call.where}: {call.event} is logged as {call.level}, the catalogue says {entry.level}"
    return None


def test_every_call_fits_the_catalogue():
    """Name, level and fields of each log call are exactly those of its row; common fields may be bound instead."""
    assert [] == [trouble for call in all_calls() if (trouble := trouble_with(call))]


def test_every_row_is_logged_somewhere():
    """A row that no code logs would promise operators a line that never comes."""
    used = {call.event for call in all_calls()} | OWN_EVENTS

    assert [] == sorted(CATALOGUE.entries.keys() - used)


def test_no_row_lists_a_secret_or_a_person():
    """No field of the catalogue is named like a secret, a person's data or free words."""
    names = {field for entry in CATALOGUE.entries.values() for field in entry.fields} | CATALOGUE.common

    assert set() == names & PERSONAL
    assert [] == [name for name in sorted(names) if SECRET_NAME.search(name)]


def test_rows_have_nothing_else():
    """Level, fields and words in two languages; nobody reads anything more."""
    table = tomllib.loads((ROOT / "config" / "log_events.toml").read_text())

    assert {"common", "events"} == table.keys()
    assert {("en", "fields", "level", "vi")} == {tuple(sorted(row)) for row in table["events"].values()}


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("log.info('session_opened', partner=p)", None),
        ("log.info('session_opened')", None),
        ("self._log.bind(partner=p).warning('lease_lost', delivery=1)", None),
        ("logger.error('ledger_unavailable', cause='x', exc_info=True)", None),
        ("log.exception('delivery_failed_here')", None),
        ("log.info('never_heard_of')", "never_heard_of is not in the catalogue"),
        ("log.info(name)", "not a plain string"),
        ("log.info('session_opened', **facts)", "hides its fields"),
        ("log.info('ledger_recovered')", "lists ['down_s']"),
        ("log.info('session_opened', age=1)", "logs ['age']"),
        ("log.debug('session_opened')", "is logged as debug"),
    ],
)
def test_the_check_itself(code: str, complaint: str | None):
    """The check sees through `bind` and attributes, and says what is wrong with a call."""
    (call,) = calls_in(ast.parse(code), "somewhere.py")
    found = trouble_with(call)

    assert (complaint is None) == (found is None)
    assert found is None or complaint in found


def test_other_calls_are_not_log_calls():
    """`math.log`, a warning filter or a page's `info` are left alone."""
    assert [] == list(calls_in(ast.parse("warnings.warning('x'); page.info('y'); math.log(2); log('z')"), "x.py"))
