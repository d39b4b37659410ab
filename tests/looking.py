"""An operator who looks: the real console over a real ledger, its pages read as a person reads them (R23)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from adapters.doors.console.words import load as load_words
from bus.ledger import Ledger
from bus.messages import State
from bus.ports import FileStorage, SystemRandomness
from config.demo.console_judge import disagreements, dossier_disagreements
from config.doors import make_app
from config.new_installation import MASTER, SETTINGS, SIGNING
from config.settings_file import load
from config.signing_key import InstallationKey, generate
from config.watching import make_metrics
from config.wiring import Installation, Ports, build, real_ports

TOKEN = "an operator's eyes"
BARE = '[ledger]\nurl = "sqlite:///{ledger}"\nmaster_key_file = "{master}"\nsigning_key_file = "{signing}"\n'


@dataclass
class Looker:
    """Somebody with every right, at the console of this installation."""

    installation: Installation
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        key = InstallationKey.from_file(self.installation.settings.ledger.signing_key_file)
        app = make_app(self.installation, key, make_metrics(self.installation), demo_token=TOKEN)
        self.client = TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {TOKEN}"})

    def get(self, path: str) -> str:
        """A page's HTML."""
        answer = self.client.get(f"/console{path}", follow_redirects=False)
        assert 200 == answer.status_code, f"{path}: {answer.status_code} {answer.text[-2_000:]}"
        return answer.text

    def disagreements(self, *, dossiers: int | None = None, filters: bool = True) -> list[str]:
        """The log, each of its filters by state, the pages of so many dossiers (None: of all) against the ledger."""
        account = self.installation.reads.whole_account()
        found = disagreements(self.get, account, words_of_states(), filters=filters)
        by_dossier: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in account:
            if row["delivery"] is not None:
                by_dossier[row["dossier"]].append(row)
        for number in sorted(by_dossier)[:dossiers]:
            found += dossier_disagreements(self.get, number, by_dossier[number], self.attempts)
        return found + list(self._api(account))

    def _api(self, account: list[Mapping[str, Any]]) -> Iterator[str]:
        """What the API answers otherwise, delivery by delivery."""
        told, after = dict[int, str](), 0
        while True:
            answer = self.client.get("/v1/deliveries", params={"after": after, "limit": 200})
            assert 200 == answer.status_code, answer.text
            rows = answer.json()["items"]
            if not rows:
                break
            told |= {row["id"]: row["state"] for row in rows}
            after = rows[-1]["id"]
        ours = {row["delivery"]: str(row["state"]) for row in account if row["delivery"] is not None}
        yield from (
            f"API: delivery {n} is {told.get(n)}, the ledger has {ours.get(n)}"
            for n in ours.keys() | told.keys()
            if told.get(n) != ours.get(n)
        )

    def attempts(self, delivery: int) -> int:
        """How many the ledger has of one delivery."""
        return len(self.installation.reads.delivery(delivery)["attempts"])


def words_of_states() -> dict[str, str]:
    """The agreed Vietnamese words."""
    words = load_words(strict=True)
    return {state.value: words.text("vi", f"glossary.states.{state}") for state in State}


def looked(installation: Installation, **how: Any) -> list[str]:
    """What the console of this installation shows otherwise than its ledger has it."""
    return Looker(installation).disagreements(**how)


@contextmanager
def installed_over(ledger: Ledger) -> Iterator[Installation]:
    """An installation over a ledger that a world made: the same file, opened as the doors open it."""
    folder = Path(ledger.engine.path).parent
    if not (folder / SETTINGS).exists():
        ledger.master.save(folder / MASTER)
        text = BARE.format(ledger=Path(ledger.engine.path).name, master=MASTER, signing=SIGNING)
        generate(folder / SIGNING)
        os.close(os.open(folder / SETTINGS, os.O_CREAT | os.O_WRONLY, 0o600))
        (folder / SETTINGS).write_text(text)
    usual = real_ports()
    ports = Ports(
        clock=ledger.clock, randomness=SystemRandomness(), storage=FileStorage(), crash_point=usual.crash_point
    )
    opened = build(load(folder / SETTINGS, {}).settings, ports)
    try:
        yield opened
    finally:
        opened.close()


__all__ = ["Looker", "installed_over", "looked", "words_of_states"]
