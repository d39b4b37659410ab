"""Habits that every test keeps, so that reading down the docstrings is reading the specification."""

from __future__ import annotations

import ast
import re

from tests.house.tree import ROOT, every_test, files, name_of


def test_every_test_states_its_rule():
    """A test's docstring says which rule it proves."""
    silent = [f"{name_of(path)}: {test.name}" for path, test in every_test() if not ast.get_docstring(test)]

    assert [] == silent


def test_no_package_below_tests():
    """No `__init__.py` under tests: `tests/unit/bus` would then *be* the package `bus`, and hide the real one."""
    assert [] == [
        name_of(path) for path in files() if path.name == "__init__.py" and path.is_relative_to(ROOT / "tests")
    ]


def test_no_test_proves_nothing():
    """No test contents itself with a bare truth."""
    hollow = [
        f"{name_of(path)}:{node.lineno}"
        for path, test in every_test()
        for node in ast.walk(test)
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant)
    ]

    assert [] == hollow


def test_every_skip_has_a_reason():
    """A test that is skipped says why: the next person must know what to install."""
    silent = [
        f"{name_of(path)}:{node.lineno}"
        for path in files()
        if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and re.search(r"\b(skip|skipif|xfail|importorskip)$", ast.unparse(node.func))
        and _is_silent(node)
    ]

    assert [] == silent


def _is_silent(call: ast.Call) -> bool:
    named = {keyword.arg for keyword in call.keywords}
    return "reason" not in named and not (call.args and ast.unparse(call.func) == "pytest.skip")
