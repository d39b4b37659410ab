"""What the documents show can be done: blocks parse, commands exist, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from config.settings import Settings
from config.settings_file import gather_one_stops
from contracts.check import breaches
from tests.house.command_line import Command, commands
from tests.house.tree import ROOT, name_of, named

FENCE = re.compile(r"^```([\w-]*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)")
LANGUAGES = {"console", "bash", "toml", "json", "text", "csv", "http", "python", "ini", "sql", "mermaid"}
GENERIC = {
    "curl",
    "sed",
    ".",
    "git",
    "systemctl",
    "chmod",
    "cp",
    "mkdir",
    "install",
    "journalctl",
    "cat",
    "sudo",
    "podman",
    "export",
    "cd",
    "jq",
    "openssl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of code in a document."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def documents() -> list[Path]:
    """Every page people read: beside the project's folder, in docs, and the notes of tables and contracts."""
    return named(".md")


@cache
def blocks(*languages: str) -> tuple[Block, ...]:
    """Every block of these languages."""
    found = []
    for page in documents():
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page=page, line=line, language=match[1], text=match[2]))
    return tuple(block for block in found if not languages or block.language in languages)


def typed_lines() -> Iterator[tuple[Block, list[str]]]:
    """Each command line a document asks to type, as words; comments, output and continued lines taken care of."""
    for block in blocks("console", "bash"):
        text = block.text.replace("\\\n", " ")
        for line in text.splitlines():
            if block.language == "console" and not line.startswith("$ "):
                continue
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and "<<" not in line:
                yield block, words


def test_every_block_has_a_language():
    """A block says what it is, so that it can be tested for it."""
    assert [] == [f"{block}: {block.language!r}" for block in blocks() if block.language not in LANGUAGES]


def test_json_blocks():
    """A JSON block is JSON; one that shows an event keeps the contract."""
    for block in blocks("json"):
        shown = json.loads(block.text)
        if isinstance(shown, dict) and "specversion" in shown:
            assert () == breaches(shown), str(block)


def test_toml_blocks():
    """A TOML block is TOML; one that shows settings shows settings that load."""
    for block in blocks("toml"):
        tree = tomllib.loads(block.text)
        if tree.keys() & {"ledger", "web", "console", "callers", "partners", "worker", "log", "files"}:
            _load_settings(tree)


def _load_settings(tree: dict[str, Any]) -> None:
    # A block shows only what it is about; what the portal must have besides is added here.
    if portal := tree.get("partners", {}).get("national_portal"):
        tree["partners"]["national_portal"] = {"madonvi": "000.00.00.H99", "adapter_url": "https://a.invalid"} | portal
    gather_one_stops(tree)
    msgspec.convert(tree, Settings, strict=True)


def test_typed_programs_are_known():
    """A document asks for nothing but our commands, make, and programs that every administrator has."""
    strange = {f"{block}: {words[0]}" for block, words in typed_lines() if not _is_known(words[0])}

    assert set() == strange


def _is_known(program: str) -> bool:
    return (
        program in GENERIC
        or program == "make"
        or program.rpartition("/")[2] in {"lienthong", "pytest", "python3", "python"}
    )


def test_make_targets_exist():
    """Every `make …` that is shown is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {word for _, words in typed_lines() if words[0] == "make" for word in words[1:] if "=" not in word}

    assert set() == asked - targets


def test_commands_exist():
    """Every `lienthong …` that is shown is a command, with options that it takes."""
    wrong = []
    for block, words in typed_lines():
        if words[0].rpartition("/")[2] == "lienthong":
            wrong += [f"{block}: {trouble}" for trouble in _troubles(words[1:])]

    assert [] == wrong


def _troubles(words: list[str]) -> list[str]:
    if words[:1] == ["--help"]:
        return []
    command = _named(words)
    if command is None:
        return [f"no command {' '.join(words[:2])}"]
    options = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    return [f"{' '.join(command.words)} takes no {option}" for option in sorted(options - command.options)]


def _named(words: list[str]) -> Command | None:
    known = commands()
    return known.get(tuple(words[:2])) or known.get(tuple(words[:1]))


def test_links_lead_somewhere():
    """Every link inside the project leads to a file that is there, and to a heading that is there."""
    broken = []
    for page in documents():
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if "://" not in target and not target.startswith("mailto:"):
                broken += [f"{name_of(page)}: {target}"] if _is_broken(page, target) else []

    assert [] == broken


def _is_broken(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return True
    return bool(anchor) and path.suffix == ".md" and anchor not in _anchors(path)


@cache
def _anchors(path: Path) -> frozenset[str]:
    """A heading's anchor as code hosts make it; and anchors that a page sets itself."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return frozenset(made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text)))


def test_no_picture_is_lost():
    """Every picture in the documents is shown on some page."""
    shown = {Path(target).name for page in documents() for target in LINK.findall(page.read_text(encoding="utf-8"))}

    assert set() == {path.name for path in named(".svg", ".png", under="docs")} - shown


def test_files_in_the_walk_exist():
    """The README's walk of one event names files that are there."""
    for readme in ("README.md", "README.vi.md"):
        text = (ROOT / readme).read_text(encoding="utf-8")
        paths = re.findall(r"`((?:adapters|bus|config|contracts|signing|tests|docs)/[\w./-]+)`", text)

        assert paths
        assert [] == [path for path in paths if not (ROOT / path).exists()]
