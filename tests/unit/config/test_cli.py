"""The command line's own promises: exit codes, one JSON document, both languages, and a worker that starts at once."""

from __future__ import annotations

import ast
import json
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bus import errors
from bus.ports import FileStorage, SystemClock
from config import words
from config.cli import main
from config.commands.root import app
from config.desk import Desk, Stop, actor
from config.new_installation import make, prepare_ledger
from config.settings_file import SettingsRefused, load
from config.trouble import told
from config.worker_process import understands

ROOT = Path(__file__).parents[3]
SPOKEN = sorted({*(ROOT / "config").glob("*.py"), *(ROOT / "config" / "commands").glob("*.py")})


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests are found."""
    monkeypatch.chdir(tmp_path)


def catalogue(language: str) -> dict[str, str]:
    return tomllib.loads((ROOT / "config" / f"messages.{language}.toml").read_text(encoding="utf-8"))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def keys_in_code() -> Iterator[str]:
    """Message keys that the code names: the first words of say, note, fail; `empty=`; the troubles."""
    for file in SPOKEN:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                arguments = node.args[1:2] if node.func.attr == "fail" else node.args[:1]
                if node.func.attr in ("say", "note", "fail"):
                    yield from (text for argument in arguments for text in texts_in(argument))
                for keyword in node.keywords:
                    if keyword.arg == "empty":
                        yield from texts_in(keyword.value)
                if node.func.attr == "table" and node.args:
                    yield from (f"column_{text}" for text in texts_in(node.args[0]))


def texts_in(node: ast.AST) -> Iterator[str]:
    """Texts in an expression, one of two included; pieces of built ones are no keys."""
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts_in(child)


# -- words ------------------------------------------------------------------------------------------------------------


def test_both_languages_say_the_same() -> None:
    """The same keys with the same facts in Vietnamese and English; nothing left untranslated."""
    vi, en = catalogue("vi"), catalogue("en")
    layout = {key for key in en if not re.search(r"[^\W\d_]{3,}", re.sub(r"\{[^}]*\}", "", en[key]))}

    assert set(vi) == set(en)
    assert {key: places(text) for key, text in en.items()} == {key: places(text) for key, text in vi.items()}
    assert [] == [key for key in en if vi[key] == en[key] and key not in layout]


def test_every_sentence_of_the_code_is_in_the_catalogue() -> None:
    """No command can end in a missing sentence."""
    assert set() == {key for key in keys_in_code() if "{" not in key} - set(catalogue("en"))


def test_nothing_is_told_in_the_words_of_the_program() -> None:
    """An operator reads a dash for what is not known and a word for yes and no, never None, True or False."""
    facts = {"partner": "national_portal", "shown_status": None, "ready_at": None}

    assert "đã có ở đó: có, đang hiện –, lần tới –" in words.say("dossier_partner", "vi", exists_there=True, **facts)
    assert "there: no, shows –, next –" in words.say("dossier_partner", "en", exists_there=False, **facts)


def test_every_sentence_of_the_catalogue_is_said() -> None:
    """What nobody says any more is not kept."""
    code = "".join(file.read_text(encoding="utf-8") for file in SPOKEN)
    unsaid = [
        key for key in catalogue("en") if f'"{key}"' not in code and not key.startswith(("column_", "demo_resolved_"))
    ]

    assert [] == unsaid


@pytest.mark.parametrize(
    ("given", "variable", "language"),
    [(None, None, "vi"), ("en", None, "en"), (None, "en", "en"), ("vi", "en", "vi"), ("fr", None, "vi")],
)
def test_language(given: str | None, variable: str | None, language: str) -> None:
    """As asked for, else by the variable, else Vietnamese."""
    assert language == words.choose(given, {"LIENTHONG_LANG": variable} if variable else {})


# -- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (SettingsRefused("web.port", "must be a number"), 2),
        (errors.NotFound("no dossier 1"), 1),
        (errors.NotAllowedNow("delivery 1 is waiting"), 1),
        (errors.SchemaBehind("run migrate"), 3),
        (errors.LedgerUnsafe("another key"), 2),
        (errors.LedgerDamaged("row 3"), 1),
        (errors.LedgerUnavailable("disk full"), 3),
        (PermissionError(13, "not allowed"), 3),
        (Stop(1), 1),
    ],
)
def test_trouble_has_its_exit_code(trouble: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 well, 1 a finding, 2 usage, 3 cannot reach or write; said once, on the error stream."""
    assert code == told(trouble, as_json=False, lang="en")
    assert "" == capsys.readouterr().out


def test_a_bug_is_not_an_answer() -> None:
    """What nobody expected is raised, with its traceback."""
    with pytest.raises(ZeroDivisionError):
        told(ZeroDivisionError(), as_json=False)


def test_trouble_for_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, trouble too is one document on standard output."""
    assert 2 == main(["deliveries", "list", "--json"])
    shown = capsys.readouterr()

    assert "settings_refused" == json.loads(shown.out)["error"]
    assert "" == shown.err


def test_missing_settings_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator reads what to do: `lienthong init`."""
    assert 2 == main(["check"])
    assert 2 == main(["check", "--lang", "en"])
    vi, en = capsys.readouterr().err.splitlines()

    assert vi.startswith("Cấu hình")
    assert en.startswith("Setting")
    assert "lienthong init" in vi


@pytest.mark.parametrize("argv", [["nothing"], ["deliveries", "show"], ["deliveries", "show", "x"], ["check", "--no"]])
def test_wrong_words_are_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not exist, a missing or wrong argument, an unknown option: 2, and how it is used."""
    assert 2 == main(argv)
    assert "Usage: lienthong" in capsys.readouterr().err


def commands(group: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield before
    for sub in group.registered_groups:
        assert sub.typer_instance is not None
        assert sub.name is not None
        yield from commands(sub.typer_instance, (*before, sub.name))
    for command in group.registered_commands:
        assert command.name is not None
        yield (*before, command.name)


@pytest.mark.parametrize("command", sorted(commands(app())), ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """--help works everywhere, and says what the command is for."""
    assert 0 == main([*command, "--help"])
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("command", sorted(c for c in commands(app()) if len(c) > 0), ids=" ".join)
def test_every_answer_can_be_read_by_a_machine(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that ends by itself has --json; those that serve log JSON anyway."""
    main([*command, "--help"])
    is_group_or_serves = command[-1] in {
        *(
            "run",
            "web",
            "worker",
            "deliveries",
            "documents",
            "dossier",
            "partners",
            "payments",
            "refusals",
            "tables",
            "ledger",
            "contracts",
            "keys",
            "users",
        )
    }
    assert is_group_or_serves or "--json" in capsys.readouterr().out


# -- a person ---------------------------------------------------------------------------------------------------------


def test_actor_is_a_person() -> None:
    """By name as asked for, else by the variable, else the login name; never nobody."""
    assert "person:Lan" == actor("Lan", {"LIENTHONG_AS_PERSON": "Mai"})
    assert "person:Mai" == actor(None, {"LIENTHONG_AS_PERSON": "Mai"})
    assert re.fullmatch(r"person:.+", actor(None, {}))


def test_empty_table_says_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list is a sentence, not nothing."""
    Desk(lang="en").table(("id",), [], empty="deliveries_none")

    assert "No such deliveries.\n" == capsys.readouterr().out


# -- the worker's start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "is_plain"),
    [
        ([], True),
        (["--config", "a.toml"], True),
        (["--config=a.toml", "--name", "w1", "--with-parent", "7"], True),
        (["--help"], False),
        (["--config"], False),
        (["--with-parent"], False),
        (["a.toml"], False),
    ],
)
def test_plain_options_take_the_short_way(argv: list[str], is_plain: bool) -> None:
    """What the short way does not understand goes to the full parser, which explains it."""
    assert is_plain == understands(argv)


def test_worker_loads_nothing_it_does_not_need(tmp_path: Path) -> None:
    """Neither the doors' framework, nor SOAP, templates, schemas, metrics or the command parser."""
    make(tmp_path, for_mocks="http://127.0.0.1:1")
    settings = load(tmp_path / "lienthong.toml", {}).settings
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
    code = """
import sys
from config.cli import main
from config import worker_process
def put_together(installation, key, name, **_):
    import config.minding
    installation.worker(name)
worker_process.deliver = put_together
assert main(["worker", "--config", "lienthong.toml"]) == 0
from adapters.channels.pyreqwest_transport import PyreqwestTransport
print(*sorted({name.partition(".")[0] for name, module in sys.modules.items() if module is not None}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = set(done.stdout.split())

    assert 0 == done.returncode, done.stderr
    assert "bus" in loaded
    assert set() == loaded & {
        *("fastapi", "starlette", "uvicorn", "zeep", "lxml", "jinja2", "pydantic", "jsonschema", "prometheus_client"),
        *("typer", "rich", "httpx", "httpx2"),
    }
