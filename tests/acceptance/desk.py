"""An installation against the mock on a real port, and commands typed at it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.doors import server
from bus.dispatch import Dispatcher
from bus.ports import CrashPoint, FileStorage, SystemClock, no_crash
from config.cli import main
from config.doors import make_app
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build, real_ports
from contracts.national_portal.mock import Portal
from contracts.serve import serve

SHORT = (
    "timeout_s = 1\nconnect_timeout_s = 0.5\nin_flight_s = 0.2\nlease_s = 3\nretry_s = [0.05]\nprobe_every_s = 0.1\n"
)
SOURCES = '["one-stop/h99", "one-stop/h99-communes", "one-stop/h99-wards", "one-stop/h99-old"]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """Its JSON document."""
        return json.loads(self.out)


@dataclass(slots=True, kw_only=True)
class Place:
    """A folder with settings, keys and ledger, beside a mock."""

    folder: Path
    portal: Portal
    mocks: str
    capsys: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Answer:
        """Type a command of this installation."""
        self.capsys.readouterr()
        code = main([*words, "--config", str(self.folder / "lienthong.toml"), "--lang", "en"])
        shown = self.capsys.readouterr()
        return Answer(code=code, out=shown.out, err=shown.err)

    def ask(self, *words: str) -> Any:
        """The JSON answer of a command that ends well."""
        answer = self.type(*words, "--json")
        assert 0 == answer.code, answer.out + answer.err
        return answer.told

    @contextmanager
    def open(self) -> Iterator[Installation]:
        """The installation's pieces."""
        built = build(load(self.folder / "lienthong.toml", {}).settings)
        try:
            yield built
        finally:
            built.close()

    def deliver(self, rounds: int = 60) -> None:
        """Carry everything that can be carried, in this thread."""
        with self.open() as here:
            dispatcher = Dispatcher(
                here.ledger, here.partners(), name="w", clock=here.ports.clock, randomness=here.ports.randomness
            )
            for _ in range(rounds):
                if here.ledger.next_due("national_portal") is None:
                    return
                if not dispatcher.run_once():
                    here.ports.clock.sleep(0.05)
        raise AssertionError("it does not settle")

    def write(self, name: str, lines: Sequence[bytes]) -> Path:
        """A file of lines."""
        path = self.folder / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def set(self, pattern: str, text: str) -> None:
        """Change the settings file."""
        file = self.folder / "lienthong.toml"
        file.write_text(re.sub(pattern, text, file.read_text(), count=1))


@contextmanager
def place(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """A migrated installation whose portal is the mock."""
    portal = Portal()
    with serve(portal) as url:
        made = folder / "installation"
        make(made, for_mocks=url)
        file = made / "lienthong.toml"
        file.write_text(re.sub(r"sources = .*", f"sources = {SOURCES}", file.read_text()) + SHORT)
        prepare_ledger(load(file, {}).settings, FileStorage(), SystemClock(), actor="person:test")
        yield Place(folder=made, portal=portal, mocks=url, capsys=capsys)


@contextmanager
def opened(folder: Path, crash_point: CrashPoint = no_crash) -> Iterator[tuple[Installation, str]]:
    """The doors of the installation in a folder."""
    settings = load(folder / "lienthong.toml", {}).settings
    installation = build(settings, replace(real_ports(), crash_point=crash_point))
    key = InstallationKey.from_file(settings.ledger.signing_key_file)
    try:
        with server.serve(make_app(installation, key, make_metrics(installation))) as serving:
            yield installation, serving.url
    finally:
        installation.close()
