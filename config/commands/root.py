"""All commands under one name, and what their ends mean as exit codes."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from typer import TyperException

from config.commands import (
    checking,
    contracts,
    deliveries,
    demo,
    documents,
    dossier,
    feeding,
    keeping,
    keys,
    ledger,
    partners,
    payments,
    reconcile,
    refusals,
    serving,
    setting_up,
    tables,
    users,
)
from config.desk import USAGE, tell_trouble
from config.trouble import told

HELP = (
    "Liên Thông: carries dossiers between a province's one-stop system and the national systems. "
    "Exit codes: 0 well, 1 a finding, 2 usage, 3 cannot reach or write."
)


def app() -> typer.Typer:
    """The whole command line."""
    root = typer.Typer(
        name="lienthong",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in (demo, serving, setting_up, checking, feeding, keeping, reconcile):
        module.add_to(root)
    for name, group in (
        ("deliveries", deliveries),
        ("dossier", dossier),
        ("documents", documents),
        ("partners", partners),
        ("payments", payments),
        ("refusals", refusals),
        ("tables", tables),
        ("ledger", ledger),
        ("contracts", contracts),
        ("keys", keys),
        ("users", users),
    ):
        root.add_typer(group.group(), name=name)
    return root


def run(argv: Sequence[str]) -> int:
    """Run one command; its exit code."""
    as_json = "--json" in argv
    try:
        code = app()(list(argv), standalone_mode=False, prog_name="lienthong")
    except TyperException as trouble:
        show = getattr(trouble, "show", None)  # a mistake in the words typed shows usage and what was meant
        show() if show else tell_trouble("usage", trouble.format_message(), as_json=as_json)
        return USAGE
    except typer.Abort:
        return 1
    except Exception as trouble:
        return told(trouble, as_json=as_json, lang=_lang(argv))
    return code if isinstance(code, int) else 0


def _lang(argv: Sequence[str]) -> str | None:
    for at, word in enumerate(argv):
        if word.startswith("--lang="):
            return word.partition("=")[2]
        if word == "--lang":
            return argv[at + 1] if at + 1 < len(argv) else None
    return None
