"""The demo's signatures, played: results are asked for at the door, approved in the mocks' phones, and looked at.

It does what persons do: a leader, a citizen and an agency at their signing services, an officer who has a service
asked, and a clerk who fetches what was signed and has it verified, here and by another program. The bus does the rest.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from adapters.channels.http import HttpSettings, open_fastest
from bus.engines.sqlite import Tx
from bus.signature_close import SignatureClose, SignatureSeen
from bus.signature_looks import SignatureLooks, WantedSignatures
from config.demo.approving import (
    MADE,
    RESULT,
    SERVICES,
    SIGNERS,
    Looked,
    Paper,
    Signed,
    a_paper_for_you,
    judge_signed,
    papers,
)
from config.demo.books import Effect
from config.demo.result_pdf import building_permit, result_pdf
from config.demo_files import FileServer
from config.demo_mocks import Control
from config.demo_people import FIRST
from config.demo_settings import PORTAL
from config.demo_stage import Stage
from contracts.csc.books import OTP

LOOK_S: Final = 0.2
LONGEST_S: Final = 45.0
"""For one signature to come where it should; then the verdict says that it did not."""
PDFSIG: Final = "pdfsig"
GOOD: Final = "Signature is Valid."
Post = Callable[[Mapping[str, Any]], None]
"""Hands one event to the door, as the departments' system does."""


class Signatory:
    """Plays all signatures of the day."""

    def __init__(self, stage: Stage, seed: int, post: Post, stop: threading.Event) -> None:
        self._stage = stage
        self._seed = seed
        self._post = post
        self._stop = stop
        self._ledger = stage.installation.ledger
        self._looks = SignatureLooks(self._ledger)
        self._close = SignatureClose(self._ledger)
        self._files = FileServer()
        self._controls = {name: Control(stage.mocks, name) for name in SERVICES}
        self.asked: list[Paper] = []

    def close(self) -> None:
        """Let go of files and connections."""
        self._files.close()
        for control in self._controls.values():
            control.close()

    def play(self) -> None:
        """All of them."""
        self._introduce()
        for paper in papers(self._seed):
            if not self._stop.is_set():
                self._play(paper)

    def open_for_you(self) -> str | None:
        """One more, left open: the address of the page in the signer's phone; None when it did not come in time."""
        paper = a_paper_for_you(self._seed)
        self._ask(paper)
        waits = self._until(paper, "waiting_user")
        if waits is None or waits.handle is None:
            return None
        return f"{self._stage.mocks}/{paper.case.signer.service}/approve/{waits.handle}"

    def _introduce(self) -> None:
        """Who signs where, with which certificates."""
        for signer in SIGNERS:
            order = {"user": signer.user, "kinds": list(signer.kinds)}
            self._controls[signer.service].post("signers", order)

    def _play(self, paper: Paper) -> None:
        control = self._controls[paper.case.signer.service]
        for fault in paper.case.faults:
            control.post("faults", {"fault": fault, "count": 1, "operation": "sign"})
        self._ask(paper)
        if paper.case.order:
            waits = self._until(paper, "waiting_user", "unknown")
            if waits is None:
                return
            waits = self._until(paper, "waiting_user") or waits
            control.post("approve", {"request": waits.request, "handle": waits.handle or "", **paper.case.order})
            if paper.case.asks:
                self._ledger.engine.write(partial(self._have_asked, waits.line.id))
        if paper.case.types_code and (waits := self._until(paper, "waiting_user")) is not None:
            self._ledger.engine.write(partial(self._type_code, waits.line.id))
        self._until(paper, paper.case.ends)

    def _type_code(self, signature: int, tx: Tx) -> None:
        self._ledger.signatures.give_one_time(
            tx, signature, account=FIRST, reason="the clerk who keeps the seal", one_time=OTP
        )

    def _ask(self, paper: Paper) -> None:
        self.asked.append(paper)
        if paper.record is not None:
            self._post(paper.record)
            self._wait_for_record(paper.number)
        url, sha256 = "", ""
        if not paper.case.seals:
            draft = result_pdf(building_permit(paper.number, paper.owner, signer=paper.case.signer.name))
            url, sha256 = self._files.put(f"{paper.number}.pdf", draft)
        self._post(paper.request(url, sha256))

    def _wait_for_record(self, number: str) -> None:
        """Until the portal has the draft: what it must show afterwards is then the signed result alone."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until and not self._stop.is_set():
            partners = self._stage.installation.reads.dossier(number)["partners"]
            if any(lane["partner"] == PORTAL and lane["exists_there"] for lane in partners):
                return
            self._stop.wait(LOOK_S)

    def _have_asked(self, signature: int, tx: Tx) -> None:
        self._ledger.signatures.ask_now(tx, signature, account=FIRST, reason="the signer says that it is done")

    def _until(self, paper: Paper, *states: str) -> SignatureSeen | None:
        """The signature, once it stands there; None when it does not in time."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until and not self._stop.is_set():
            seen = self._seen(paper)
            if seen is not None and seen.line.state.value in states:
                return seen
            self._stop.wait(LOOK_S)
        return None

    def _seen(self, paper: Paper) -> SignatureSeen | None:
        found = self._looks.signatures(WantedSignatures(text=paper.name), None, limit=1).lines
        return self._close.signature(found[0].id) if found else None

    # -- judged -------------------------------------------------------------------------------------------------------

    def judged(self, heard: list[Effect]) -> Signed:
        """What became of them, by the services' own books and by the documents themselves."""
        known = {paper.name: seen for paper in self.asked if (seen := self._seen(paper)) is not None}
        transactions = [each for control in self._controls.values() for each in control.get("transactions")]
        calls = sum(len(control.get("callbacks")) for control in self._controls.values())
        return judge_signed(
            self.asked,
            {name: (seen.request, seen.handle or "") for name, seen in known.items()},
            {name: seen.line.state.value for name, seen in known.items()},
            transactions,
            calls,
            heard,
            self._looked(heard),
        )

    def _looked(self, heard: list[Effect]) -> dict[str, Looked]:
        """Every document that the one-stop system was told of, fetched as it would."""
        wanted = {paper.name for paper in self.asked if paper.case.told == MADE}
        found: dict[str, Looked] = {}
        for effect in heard:
            body = effect.body or {}
            if effect.operation == RESULT and "made" in body and body["signature"] in wanted:
                found[str(body["signature"])] = self._look(body["made"]["documents"][0])
        return found

    def _look(self, told: Mapping[str, Any]) -> Looked:
        transport = open_fastest(HttpSettings(allow_http=True, max_reply_bytes=50_000_000))
        try:
            reply = transport.perform("GET", str(told["url"]), {}, b"")
        finally:
            transport.close()
        is_there = reply.status == 200 and hashlib.sha256(reply.body).hexdigest() == told["sha256"]
        verdict = self._verdict(reply.body) if is_there else ""
        return Looked(is_there=is_there, verdict=verdict, independent=pdfsig(reply.body) if is_there else "")

    def _verdict(self, document: bytes) -> str:
        """As `lienthong documents verify` says."""
        from adapters.documents.evidence import judged  # a second of imports, which only this needs
        from config.signing_trust import chains_of, evidence_of

        here = self._stage.installation
        told, now = here.settings.signing, here.ports.clock.now()
        return judged(document, chains_of(told), now, evidence_of(here, told)).report.verdict.value


def pdfsig(document: bytes) -> str:
    """What poppler's tool says of every signature in it, itself checking the bytes; empty where it is not installed.

    Whom to trust it does not know: that is asked of us.
    """
    program = shutil.which(PDFSIG)
    if program is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.pdf"
        path.write_bytes(document)
        command = [program, "-nocert", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    said = [line for line in done.stdout.splitlines() if "Signature Validation:" in line]
    return "passed" if said and all(line.endswith(GOOD) for line in said) else "failed"
