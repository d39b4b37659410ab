"""`docs/promises.md` from `promises.toml` and the tests named after the promises.

A script too: `python -m tests.house.promises` prints the page.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT, every_test, name_of

PAGE = ROOT / "docs" / "promises.md"
HEAD = """# What is promised, and the tests that hold it

<!-- Made by `make docs` from tests/house/promises.toml and the tests' docstrings. Do not edit here. -->

Each promise has tests named after it (`test_p03_…` holds promise 3). What a test proves is its own sentence below;
`make test` runs them all. What is *not* promised stands in [its own page](explanation/not-promised.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One test that holds a promise."""

    promise: int
    rule: str
    file: str
    line: int
    is_soak: bool


def proofs() -> list[Proof]:
    """Every test whose name begins with a promise's number, with the rule that its docstring states."""
    found = []
    for path, test in every_test():
        if match := re.match(r"test_p(\d\d)_", test.name):
            rule = " ".join((ast.get_docstring(test) or test.name).split("\n\n")[0].split())
            found.append(
                Proof(promise=int(match[1]), rule=rule, file=name_of(path), line=test.lineno, is_soak=_is_soak(test))
            )
    return sorted(found, key=lambda proof: (proof.promise, proof.file, proof.line))


def _is_soak(test: ast.FunctionDef) -> bool:
    return any("soak" in ast.unparse(decorator) for decorator in test.decorator_list)


def promises() -> list[dict[str, object]]:
    """The promises in their order."""
    text = (Path(__file__).parent / "promises.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["promise"])


def page() -> str:
    """The whole page."""
    by_number: dict[int, list[Proof]] = {}
    for proof in proofs():
        by_number.setdefault(proof.promise, []).append(proof)
    return HEAD + "".join(_section(promise, by_number.get(int(str(promise["number"])), [])) for promise in promises())


def _section(promise: dict[str, object], held_by: list[Proof]) -> str:
    lines = [f"\n## P{promise['number']}. {promise['title']}\n", f"{promise['text']}\n"]
    if "later" in promise:
        lines.append(f"*Not whole yet.* {promise['later']}\n")
    # No line numbers: they would make the page stale with every edit above a test.
    lines += [f"- {_soak(proof)}{proof.rule} ([{Path(proof.file).name}](../{proof.file}))" for proof in held_by]
    return "\n".join(lines) + ("\n" if held_by else "")


def _soak(proof: Proof) -> str:
    return "*In full, by `make soak`:* " if proof.is_soak else ""


if __name__ == "__main__":
    print(page(), end="")
