"""Reading our own tree: which files are the project's, and what Python files import."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("adapters", "bus", "config", "contracts", "signing")
NOT_OURS = {".git", ".venv", "__pycache__", "dist", "build", "htmlcov", "var"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that would be in a commit; in a tree without git, every file that is not a tool's leaving."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        found = [ROOT / name for name in listed.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _is_leaving(path)]
    return tuple(sorted(path for path in found if path.is_file()))


def _is_leaving(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part in NOT_OURS or part.endswith(("_cache", ".egg-info")) or part == ".hypothesis" for part in parts)


def named(*suffixes: str, under: str = "") -> list[Path]:
    """Our files with one of these suffixes, below one folder."""
    top = ROOT / under
    return [path for path in files() if path.suffix in suffixes and path.is_relative_to(top)]


def name_of(path: Path) -> str:
    """How a person names the file: from the project's folder on."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Each import of a file, wherever it stands: its line and the first part of the module's name."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." if node.level else (node.module or "").split(".")[0]


def every_test() -> Iterator[tuple[Path, ast.FunctionDef]]:
    """Every test function there is, in classes too."""
    for path in named(".py", under="tests"):
        if not path.name.startswith(("test_", "conformance")):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path, node
