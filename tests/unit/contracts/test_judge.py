"""The judge of books: lost, doubled, out of order, foreign, and nothing else."""

from __future__ import annotations

import pytest

from contracts.judge import Due, judge


def findings(due, stored):
    """Words such as `A r1`: dossier, then operation's letter and digest; `=` after it for a repeat."""
    rows = [_row(word) for word in stored.split(",") if word]
    found = judge([_due(word) for word in due.split(",") if word], rows, record="r", step="s")
    lost = [f"{item.dossier} {item.operation}{item.digest}" for item in found.lost]
    return {"lost": lost, **{name: _words(getattr(found, name)) for name in ("doubled", "out_of_order", "foreign")}}


def _due(word):
    dossier, effect = word.split()
    return Due(operation=effect[0], dossier=dossier, digest=effect[1])


def _row(word):
    item = _due(word)
    return {
        "operation": item.operation,
        "dossier": item.dossier,
        "digest": item.digest,
        "repeat": word.endswith("="),
    }


def _words(rows):
    return [f"{row['dossier']} {row['operation']}{row['digest']}" for row in rows]


@pytest.mark.parametrize(
    ("due", "stored", "wrong"),
    [
        ("", "", {}),
        ("A r1,A s2,B r1", "B r1,A r1,A s2", {}),
        ("A r1,A s2", "A r1", {"lost": ["A s2"]}),
        ("A r1,A s2", "A r1,A s2,A s2", {"doubled": ["A s2"]}),
        ("A r1,A s2,A s2", "A r1,A s2,A s2", {}),
        ("A r1,A s2,A s3", "A r1,A s3,A s2", {"out_of_order": ["A s2"]}),
        ("A r1,A s2", "A s2,A r1", {"out_of_order": ["A r1", "A s2"]}),
        ("A r1", "A r1,A r1=", {}),
        ("A r1", "A r1,A r1", {"doubled": ["A r1"]}),
        ("A r1,A r2,A r1", "A r1,A r2,A r1", {}),
        ("A r1,A r2,A r1", "A r1,A r1=,A r2,A r1", {}),
        ("A r1,A r1", "A r1,A r1=", {}),
        ("A r1,A r2,A r1", "A r1,A r2", {"lost": ["A r1"]}),
        ("A r1", "A r1,B r9", {"foreign": ["B r9"]}),
    ],
)
def test_judge(due, stored, wrong):
    """What was due against what was stored."""
    clean = {"lost": [], "doubled": [], "out_of_order": [], "foreign": []}

    assert clean | wrong == findings(due, stored)


def test_clean():
    """Books without a finding are clean, those with one are not."""
    item = Due(operation="r", dossier="A", digest="1")

    assert judge([], [], record="r", step="s").is_clean
    assert not judge([item], [], record="r", step="s").is_clean
