"""A demo's judgement: what the doors said, what the ledger says, and what the mocks' own lists say, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bus.follow_ups import LEDGER_SOURCE
from config.demo.account import Matched, entries_of, known_of, matched, states_of
from config.demo.approving import NOTHING_SIGNED, Signed, signed_record
from config.demo.books import Effect, Entry
from config.demo.born import NOBODY, Filed, as_steps, as_told, judge_filed
from config.demo.day import Day, unmet
from config.demo.judge import Came, Verdict, judge
from config.demo.lives import OLD, ONE_STOP
from config.demo.paying import NOTHING, Paid, paid_record
from config.demo.portal_view import expected, expected_status
from config.demo.told import Owed, Told, judge_told, owed_of
from config.demo.wire import LOCAL_STEPS
from config.demo_feeder import Feeder
from config.demo_looking import console_disagreements
from config.demo_mocks import Control
from config.demo_settings import PORTAL, TELLS
from config.demo_stage import Stage

LOCAL_STATUSES: Final = {local: status for status, local in LOCAL_STEPS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Both sides at one moment."""

    account: list[Mapping[str, Any]]
    """The ledger's own, row by row."""
    said: Matched
    """What each source said of its events, by the ledger's names of them."""
    entries: list[Entry]
    effects: list[Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the books came to."""

    verdict: Verdict
    told: Told
    filed: Filed
    paid: Paid
    signed: Signed
    unmet: tuple[str, ...]
    console: tuple[str, ...]
    """What the console shows otherwise than the ledger has it."""


class Judging:
    """Judges one play."""

    def __init__(self, here: Stage, day: Day | None, feeder: Feeder, portal: Control, one_stop: Control) -> None:
        self._here = here
        self._reads = here.installation.reads
        self._day = day
        self._feeder = feeder
        self._portal = portal
        self._one_stop = one_stop

    def books(self) -> Books:
        """As they are now."""
        account, effects = self._reads.whole_account(), as_steps(self._portal.effects())
        said = matched(account, self._feeder.taken, unnamed={OLD: self._feeder.told} if self._day else {})
        return Books(account=account, said=said, entries=self._entries(account, said), effects=effects)

    def _entries(self, account: list[Mapping[str, Any]], said: Matched) -> list[Entry]:
        dossiers = {(row["source"], row["id"]): row["dossier"] for row in account}

        def wanted(source: str, event_id: str) -> Mapping[str, Any]:
            wire = said.wires.get((source, event_id))
            if source == LEDGER_SOURCE:
                return self._wanted_of_own(said, dossiers[source, event_id])
            if wire is not None and (national := self._feeder.born.get(wire["subject"])):
                return expected_status(wire, national)
            return {} if wire is None else self._without_ours(wire["subject"], expected(wire, LOCAL_STATUSES))

        return as_told(entries_of(account, PORTAL, wanted), self._feeder.born)

    def _without_ours(self, dossier: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """A source's record that went after the result was signed has it, one that went before has not: both are right.
        That it is shown in the end is asked of the ledger's own record."""
        papers = () if self._feeder.signatory is None else self._feeder.signatory.asked
        names = {name for paper in papers if paper.number == dossier for name in signed_record(paper)}
        return {name: value for name, value in wanted.items() if name not in names}

    def _wanted_of_own(self, said: Matched, dossier: str) -> Mapping[str, Any]:
        """What the ledger's own record of a dossier must show: its source's, with the fee or the result."""
        wire = said.wires.get((ONE_STOP, f"{dossier}:record-1"))
        asked = [] if self._feeder.cashier is None else self._feeder.cashier.asked
        bill = next((bill for bill in asked if bill.number == dossier), None)
        papers = [] if self._feeder.signatory is None else self._feeder.signatory.asked
        paper = next((paper for paper in papers if paper.number == dossier), None)
        if wire is None or (bill is None and paper is None):
            return {}
        own = paid_record(bill) if bill is not None else signed_record(paper) if paper is not None else {}
        return expected(wire, LOCAL_STATUSES) | own

    def judged(self, books: Books) -> Judged:
        """The verdict on all of it."""
        said, heard = books.said, self._one_stop.effects()
        told, filed = judge_told(self._owed(), heard), self._filed(books.effects, heard)
        known = known_of(books.account) | self._feeder.born.keys()
        verdict = judge(books.entries, books.effects, self._came(), known=known)
        paid = NOTHING if self._feeder.cashier is None else self._feeder.cashier.judged(heard)
        signed = NOTHING_SIGNED if self._feeder.signatory is None else self._feeder.signatory.judged(heard)
        verdict = replace(
            verdict,
            lost=verdict.lost + said.lost + told.lost + filed.lost + paid.lost + signed.lost,
            doubled=verdict.doubled + said.doubled + told.doubled + filed.doubled + paid.doubled + signed.doubled,
            out_of_order=verdict.out_of_order + said.out_of_order + told.out_of_order + paid.out_of_order,
            unexpected=verdict.unexpected + told.unexpected + paid.unexpected + signed.unexpected,
            altered=verdict.altered + told.altered,
        )
        return Judged(
            verdict=verdict,
            told=told,
            filed=filed,
            paid=paid,
            signed=signed,
            unmet=(*self._unmet(books, filed), *paid.unmet, *signed.unmet),
            console=console_disagreements(self._here, books.account),
        )

    def _unmet(self, books: Books, filed: Filed) -> Iterator[str]:
        """What went otherwise than it was planted."""
        yield from self._feeder.surprises
        if self._feeder.fed < self._feeder.total:
            yield f"only {self._feeder.fed} of {self._feeder.total} events were fed"
        yield from filed.unmet
        if self._day is not None:
            yield from unmet(self._day, states_of(books.entries, books.said.wires))

    def _filed(self, effects: list[Effect], heard: list[Effect]) -> Filed:
        if self._day is None:
            return NOBODY
        return judge_filed(self._portal.get("filed")["rows"], self._feeder.born, effects, heard)

    def _owed(self) -> dict[int, Owed]:
        """What the one-stop systems are to hear, by the ledger's own list of moves."""
        owed: dict[int, Owed] = {}
        for sources, states in (TELLS[partner] for partner in self._here.partners if partner in TELLS):
            for source in sources:
                owed |= owed_of(self._outcomes(source), source, states)
        return owed

    def _outcomes(self, source: str) -> Iterator[Mapping[str, Any]]:
        after = 0
        while rows := self._reads.outcomes(source, after=after, limit=1_000):
            yield from rows
            after = rows[-1]["n"]

    def _came(self) -> Came:
        count = self._feeder.count
        return Came(
            recorded=count("recorded"),
            repeated=count("repeated"),
            contradicted=count("contradicted"),
            refused=count("refused") + count("replayed"),
        )
