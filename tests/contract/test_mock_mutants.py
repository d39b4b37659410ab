"""Tests of the tests: a mock whose books de-duplicate, reorder or lose is noticed by the judge."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.judge import Due, Findings, judge
from contracts.national_portal.books import STEP, SYNC, TELL, Books
from contracts.national_portal.reading import canonical, digest
from tests.contract.national_portal_calls import NATIONAL, NUMBER, Caller, a_record, a_status, a_step


class Forgetful(Books):
    """A mutant: a step that it has already is not stored again."""

    def append(self, step: Any, **more: Any) -> None:
        if digest(canonical(dict(step))) not in {row.digest for row in self._effects}:
            super().append(step, **more)


class Shuffling(Books):
    """A mutant: every other step waits for the next one to go first."""

    held: tuple[Any, dict[str, Any]] | None = None

    def append(self, step: Any, **more: Any) -> None:
        if self.held is None:
            self.held = (step, more)
            return
        super().append(step, **more)
        super().append(self.held[0], **self.held[1])
        self.held = None


class Flatterer(Books):
    """A mutant: says yes and stores no step."""

    def append(self, step: Any, **more: Any) -> None:
        pass


class Eager(Books):
    """A mutant: stores every step twice."""

    def append(self, step: Any, **more: Any) -> None:
        super().append(step, **more)
        super().append(step, **more)


def books_check(books: type[Books]) -> Findings:
    """Send one dossier's day, in which one step lawfully happens twice, and hold the books against what was due."""
    caller = Caller()
    caller.portal.books = books(caller.portal.effects)
    day = [a_record(), a_step(), a_step(TrangThai="4"), a_step(TrangThai="5"), a_step(TrangThai="4"), a_step()]
    for sent in day:
        said = caller.sync(sent) if "MaTTHC" in sent else caller.progress(sent)
        assert 0 == said["error_code"]
    due = [
        Due(operation=SYNC if "MaTTHC" in sent else STEP, dossier=NUMBER, digest=digest(canonical(sent)))
        for sent in day
    ]
    return judge(due, caller.effects(), record=SYNC, step=STEP)


class Folding(Books):
    """A mutant: a status of a dossier born here that repeats the last one is not stored again."""

    def tell(self, status: Any, **more: Any) -> None:
        if self._born[status["MaHoSo"]].status != status["TrangThai"]:
            super().tell(status, **more)


class Stammering(Books):
    """A mutant: stores every status of such a dossier twice."""

    def tell(self, status: Any, **more: Any) -> None:
        super().tell(status, **more)
        super().tell(status, **more)


class Mixing(Books):
    """A mutant: files a status under the province's number in place of the national one."""

    def tell(self, status: Any, **more: Any) -> None:
        self._born[status["MaHoSoDonVi"]] = self._born[status["MaHoSo"]]
        super().tell(status | {"MaHoSo": status["MaHoSoDonVi"]}, **more)


def born_check(books: type[Books]) -> Findings:
    """Tell the life of a dossier that was filed on the portal, and hold the books against what was due."""
    caller = Caller()
    caller.portal.books = books(caller.portal.effects)
    caller.portal.books.file({"MaHoSo": NATIONAL})
    words = [("2", "Tiếp nhận"), ("2", "Thẩm định"), ("5", "Bổ sung"), ("2", "Thẩm định"), ("2", "Xong")]
    day = [a_status(TrangThai=code, NoiDung=said) for code, said in words]
    for sent in day:
        assert 0 == caller.ask(TELL, type="2", data=sent)["error_code"]
    due = [Due(operation=TELL, dossier=NATIONAL, digest=digest(canonical(sent))) for sent in day]
    return judge(due, caller.effects(), record=SYNC, step=STEP)


def test_honest_books_are_clean():
    """The mock as it is passes its own check."""
    assert books_check(Books).is_clean
    assert born_check(Books).is_clean


@pytest.mark.parametrize(
    ("mutant", "finding"),
    [(Forgetful, "lost"), (Shuffling, "out_of_order"), (Flatterer, "lost"), (Eager, "doubled")],
)
def test_mutant_is_noticed(mutant, finding):
    """Books that de-duplicate, reorder, say yes without storing, or store twice are found out."""
    assert getattr(books_check(mutant), finding)


@pytest.mark.parametrize(
    ("mutant", "finding"), [(Folding, "lost"), (Stammering, "doubled"), (Mixing, "foreign"), (Mixing, "lost")]
)
def test_mutant_of_a_born_dossier_is_noticed(mutant, finding):
    """Books that fold statuses, store them twice, or put them under another number are found out."""
    assert getattr(born_check(mutant), finding)
