"""S11 and S16 for signing: what is missing keeps a signature from being called one, and somebody is told why.

Roots, the store of documents, stamps, authorities and the clock go missing before the worker begins and in the middle
of a signature; each comes back, and then the document is made of the one value that the person gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from config.checks import offline
from config.key_life import ENDED, ENDS_SOON, certificate_files, notes
from config.mocked_signers import ROOTS, STAMP_ROOTS
from tests.message_pki import DAY, NOW, made
from tests.signing_town import SigningTown, signing_town

NUMBERS = count(1)
LATER = timedelta(minutes=31)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.fixture(scope="module")
def town(folder: Path) -> Iterator[SigningTown]:
    with signing_town(folder, is_told=True) as there:
        yield there


@pytest.fixture(autouse=True)
def well(town: SigningTown) -> None:
    """Nothing misbehaves yet."""
    for mock in (town.smartca, town.stamps, town.authorities):
        mock.switches.turn({name: value for name, value in RIGHT.items() if name in mock.switches.shown()})


RIGHT = {"answer": "granted", "ocsp": "right", "crl": "right"}


def asked(town: SigningTown) -> str:
    name = f"S{(number := next(NUMBERS))}"
    town.ask_for(name, dossier=f"H99.09-260703-{number:04d}", service="smartca", level="B-LT")
    return name


def approved(town: SigningTown) -> str:
    """Signed by its person, and not yet put together."""
    name = asked(town)
    town.carry()
    town.approve()
    assert "signed_raw" == town.state(name), town.trouble(name)
    return name


def is_not_called_signed(town: SigningTown, name: str) -> bool:
    """Neither here nor to its source."""
    return town.state(name) != "made" and [] == town.news(name)


def comes_right(town: SigningTown, name: str, prompts: int) -> None:
    """Made at last, of the one value: nobody was asked again."""
    town.clock.pass_time(seconds=LATER.total_seconds())
    town.finish()
    assert ("made", ["signature.made"]) == (town.state(name), town.news(name)), town.trouble(name)
    assert prompts == town.prompts()


def taken_away(path: Path) -> Callable[[], None]:
    """A file or a folder is gone, and something else stands in a folder's place; how it comes back."""
    kept, is_folder = path.with_name(f"{path.name}.away"), path.is_dir()
    path.rename(kept)
    if is_folder:
        path.write_text("no folder")

    def back() -> None:
        path.unlink(missing_ok=True)
        kept.rename(path)

    return back


@pytest.mark.parametrize("file", [ROOTS, STAMP_ROOTS])
def test_p15_roots_are_missing(town: SigningTown, folder: Path, file: str) -> None:
    """Without the roots nothing is called signed, `check` names the setting and /readyz has a note; with them it is."""
    name, prompts = approved(town), town.prompts()
    back = taken_away(folder / file)
    try:
        town.finish()
        wrong = [answer.what for answer in offline(town.here.settings) if not answer.is_well]
        told = httpx2.get(f"{town.url}/readyz", timeout=30).json()
        assert is_not_called_signed(town, name)
    finally:
        back()

    assert [what for what in wrong if what.startswith("signing.")], wrong
    assert "certificate_unreadable" in str(told), told
    comes_right(town, name, prompts)


def test_p15_store_of_documents_is_away(town: SigningTown, folder: Path) -> None:
    """Nobody is asked to sign what could not be kept, and nothing is called signed that cannot be read; it comes back,
    and both signatures are made."""
    waiting, before = approved(town), town.prompts()
    back = taken_away(folder / town.here.settings.documents.folder)
    try:
        new = asked(town)
        town.carry()
        town.finish()
        assert is_not_called_signed(town, waiting)
        assert is_not_called_signed(town, new)
        assert before == town.prompts()
    finally:
        back()
    for _ in range(5):
        town.clock.pass_time(seconds=61)
        town.carry()
    assert "waiting_user" == town.state(new), town.trouble(new)
    town.approve()

    comes_right(town, waiting, before + 1)
    assert "made" == town.state(new), town.trouble(new)


@pytest.mark.parametrize(
    ("who", "says", "state"),
    [("stamps", {"answer": "down"}, "time_stamp_pending"), ("authorities", {"ocsp": "down", "crl": "down"}, None)],
)
def test_p15_nobody_stamps_or_vouches(town: SigningTown, who: str, says: dict[str, str], state: str | None) -> None:
    """Without a stamp it waits for one; without an authority's word of its own day it is not called good."""
    town.clock.pass_time(hours=30)  # no list is young enough any more
    name, prompts = approved(town), town.prompts()
    getattr(town, who).switches.turn(says)
    town.finish()

    assert is_not_called_signed(town, name)
    assert (state or "indeterminate") == town.state(name)
    getattr(town, who).switches.turn({key: RIGHT[key] for key in says})
    comes_right(town, name, prompts)


def test_stale_list_is_no_word(town: SigningTown) -> None:
    """A list of yesterday vouches for nobody today (fails closed)."""
    town.clock.pass_time(hours=30)
    name, prompts = approved(town), town.prompts()
    town.authorities.switches.turn({"ocsp": "down", "crl": "stale"})
    town.finish()

    assert is_not_called_signed(town, name)
    town.authorities.switches.turn({"ocsp": "right", "crl": "right"})
    comes_right(town, name, prompts)


def test_clock_is_gone(town: SigningTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the time nothing is stamped, verified or called signed."""
    name, prompts = approved(town), town.prompts()

    def no_clock() -> None:
        raise OSError("no clock")

    with monkeypatch.context() as away:
        away.setattr(town.clock, "now", no_clock)
        with pytest.raises(OSError, match="no clock"):
            town.finish()
    assert is_not_called_signed(town, name)
    comes_right(town, name, prompts)


@pytest.mark.parametrize(("days", "code"), [(10, ENDS_SOON), (-1, ENDED)])
def test_life_of_roots_is_minded(town: SigningTown, folder: Path, days: int, code: str) -> None:
    """Roots of signers and of stamps are among the certificates whose end is told in time, beside readiness too."""
    settings, now = town.here.settings, town.here.ports.clock.now()
    kept = (folder / ROOTS).read_bytes()
    watched = {file.setting for file in certificate_files(settings)}
    root = made("Root", ca=True, uses=("key_cert_sign",), days=(-3_000, days + (now - NOW) / DAY))
    try:
        (folder / ROOTS).write_bytes(root.certificate.public_bytes(Encoding.PEM))
        found = notes(settings, now)
    finally:
        (folder / ROOTS).write_bytes(kept)

    assert {"signing.roots_file", "signing.stamp_roots_file"} <= watched
    assert code in found
