"""Documents of a whole installation: behind its doors, in its backups, and forgotten only when nobody names them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bus.documents import DocumentRole
from bus.ports import FileStorage, SystemClock
from config import mocked_signers, signing_checks
from config.documents import beside, documents_of, fetcher_of
from config.minding import FORGET_EVERY, Minding
from config.new_installation import make, prepare_ledger
from config.settings_file import SettingsRefused, load
from config.wiring import Installation, build
from tests.acceptance.desk import Place, opened, place
from tests.builders import DOSSIER, make_event

CONTENT = b"%PDF-1.7 a result"
DOORS = "https://doors.h99.example.invalid"


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a public address."""
    with place(tmp_path, capsys) as made:
        settings(made, f'public_url = "{DOORS}"')
        yield made


def settings(here: Place, line: str) -> None:
    """One more line of `[documents]`, the last table."""
    file = here.folder / "lienthong.toml"
    text = file.read_text()
    file.write_text(text + ("" if "[documents]" in text else "\n[documents]\n") + line + "\n")


def keep(installation: Installation, content: bytes = CONTENT) -> int:
    """A document of a dossier that is known."""
    installation.ledger.record(make_event(), ())
    return documents_of(installation).keep(DOSSIER, content, media_type="application/pdf", role=DocumentRole.SIGNED)


def test_behind_the_doors_of_an_installation(here):
    """A signed address of one process opens at the doors of another; a desk's place is there too, and opens nothing."""
    with here.open() as installation:
        url = documents_of(installation).url(keep(installation), installation.ports.clock.now() + timedelta(days=1))
    with opened(here.folder) as (_, doors):
        got = httpx2.get(url.replace(DOORS, doors))
        nothing = httpx2.get(f"{doors}/documents/desk/{'A' * 43}")

    assert (200, CONTENT) == (got.status_code, got.content)
    assert (404, "not_found") == (nothing.status_code, nothing.json()["code"])


def test_a_backup_has_the_documents(here, tmp_path):
    """What the copied ledger names lies beside it, once for all backups; a restore brings back what the store lacks."""
    copy = tmp_path / "copies" / "one.db"
    copy.parent.mkdir()
    with here.open() as installation:
        number = keep(installation)
        store = documents_of(installation).store.root
    first = here.ask("backup", str(copy))
    second = here.ask("backup", str(copy.with_name("two.db")))
    shutil.rmtree(store)
    restored = here.ask("restore", str(copy), "--yes")

    assert (1, 0, 1) == (first["documents"], second["documents"], restored["documents"])
    assert 1 == len([path for path in beside(copy).rglob("*") if path.is_file()])
    with here.open() as installation:
        assert CONTENT == documents_of(installation).content(number)


def test_a_backup_without_a_document_says_so(here, tmp_path):
    """A document that the ledger names and nobody has: exit code 1, and which cure."""
    with here.open() as installation:
        keep(installation)
        shutil.rmtree(documents_of(installation).store.root)
    told = here.type("backup", str(tmp_path / "b.db"))

    assert (1, True) == (told.code, "1 documents that the ledger names" in told.err)


def test_documents_that_cannot_be_copied(here, tmp_path):
    """A backup whose folder takes no documents ends with 3, and names the trouble."""
    with here.open() as installation:
        keep(installation)
    beside(tmp_path / "b.db").write_bytes(b"a file is in the way")

    assert 3 == here.type("backup", str(tmp_path / "b.db")).code


def test_once_a_day_the_unnamed_go(here, monkeypatch):
    """A worker throws away what nobody names once a day; what is named, or young, stays."""
    with here.open() as installation:
        number, room = keep(installation), documents_of(installation)
        stray = room.store.put(DOSSIER, b"%PDF-1.7 whose row was never written")
        minding = Minding(installation, None)
        for path in room.store.root.glob("*/*"):
            os.utime(path, (1, 1))
        minding.forget_documents()
        assert room.store.has(DOSSIER, stray)
        monkeypatch.setattr(minding, "_forgot_at", minding._forgot_at - FORGET_EVERY)
        with capture_logs() as logs:
            minding.forget_documents()

        assert [1] == [each["count"] for each in logs if each["event"] == "documents_forgotten"]
        assert (False, CONTENT) == (room.store.has(DOSSIER, stray), room.content(number))
        assert minding.forget_documents in minding.duties()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('private_networks = ["10.0.0.300/8"]', "documents.private_networks"),
        ('ca_file = "nobody.pem"', "documents.ca_file"),
    ],
)
def test_settings_that_cannot_be_used(here, line, key):
    """A mistake names its key before anything is fetched."""
    settings(here, line)
    with here.open() as installation, pytest.raises(SettingsRefused) as refused:
        fetcher_of(installation)

    assert key == refused.value.key


@pytest.mark.parametrize(
    "line",
    [
        'clamav = "/run/clamd.ctl"',
        'clamav = "tcp://127.0.0.1:3310"',
        'hosts = ["https://files.h99.example.invalid"]',
        "most_bytes = 0",
        "folders = 1",
    ],
)
def test_settings_that_stop_the_start(here, line):
    """A value that is none is refused as the file is read."""
    settings(here, line)
    with pytest.raises(SettingsRefused):
        load(here.folder / "lienthong.toml", {})


def test_the_folder_is_taken_from_the_settings_file(here):
    """Wherever a command is typed, the store is the one beside the settings."""
    assert str(here.folder / "documents") == load(here.folder / "lienthong.toml", {}).settings.documents.folder


def test_doors_do_not_load_what_signs():
    """Doors that only hand documents out and in start without the library that reads PDFs: it costs a second."""
    modules = "config.doors, config.desk_signing, config.documents, config.console"
    code = f"import sys, {modules}; print('pyhanko' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False\n" == done.stdout


def test_check_misses_the_hosts(tmp_path):
    """An installation that signs and names no host of documents would fetch none: `check` says so."""
    make(tmp_path / "h99", for_mocks="http://127.0.0.1:9")
    mocked_signers.join(tmp_path / "h99", "http://127.0.0.1:9")
    file = tmp_path / "h99" / "lienthong.toml"
    told = load(file, {}).settings
    prepare_ledger(told, FileStorage(), SystemClock(), actor="person:test")
    installation = build(replace(told, documents=replace(told.documents, hosts=())))
    try:
        assert "documents.hosts is empty" in signing_checks.documents(installation)
    finally:
        installation.close()
    named = build(told)
    try:
        assert "" == signing_checks.documents(named)
    finally:
        named.close()
