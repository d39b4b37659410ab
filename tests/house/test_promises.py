"""Promises and proofs belong together: none without the other, and the page says what is so."""

from __future__ import annotations

from tests.house import promises


def test_every_promise_has_a_proof():
    """A promise without a test says openly that it is not kept yet."""
    held = {proof.promise for proof in promises.proofs()}
    open_ones = {promise["number"] for promise in promises.promises() if "later" in promise}

    assert {promise["number"] for promise in promises.promises()} == held | open_ones


def test_every_proof_has_a_promise():
    """No test is named after a promise that nobody made."""
    made = {promise["number"] for promise in promises.promises()}

    assert set() == {proof.promise for proof in promises.proofs()} - made


def test_page_is_fresh():
    """`docs/promises.md` is what `make docs` makes of the tests as they are."""
    assert promises.page() == promises.PAGE.read_text(encoding="utf-8"), "run make docs"
