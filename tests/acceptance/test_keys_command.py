"""`lienthong keys …`: made, put in another's place, taken out of use; nothing lost, nothing written over (S11, S16)."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.doors.health import Readiness
from bus.errors import LedgerUnavailable
from config import signing_key
from config.signing_key import InstallationKey, is_signed_here, retired_keys
from signing.keys import from_pem
from tests.acceptance.desk import Place, place
from tests.message_pki import NOW, made, pem_of

SUBJECT = "CN=one-stop,O=H99,C=VN"


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a mock."""
    with place(tmp_path, capsys) as made:
        yield made


def identity_file(folder: Path, *, days: tuple[float, float] = (-1, 300)) -> Path:
    """A certificate with its key that holds so many days from now."""
    off = (datetime.now(UTC) - NOW) / timedelta(days=1)
    holder = made("mine", days=(days[0] + off, days[1] + off))
    file = folder / f"identity{len(list(folder.iterdir()))}.pem"
    file.write_bytes(holder.pem + pem_of(holder.key))
    file.chmod(0o600)
    return file


def with_identity(here: Place, **wanted) -> Path:
    """The settings, with an identity at the national portal."""
    file = identity_file(here.folder, **wanted)
    here.set(r"\[partners\.national_portal\]", f'[partners.national_portal]\nidentity_file = "{file.name}"')
    return file


def row_of(here: Place, name: str) -> dict:
    return next(row for row in here.type("keys", "list", "--json").told if row["name"] == name)


def test_identity_with_a_request(here: Place, tmp_path: Path) -> None:
    """A key of mode 0600 and the request for its certificate, which names whom it was asked for."""
    told = here_make(here, "generate", "identity", str(tmp_path / "k.pem"), "--subject", SUBJECT)

    request = x509.load_pem_x509_csr((tmp_path / "k.pem.csr").read_bytes())
    assert [str(tmp_path / "k.pem"), str(tmp_path / "k.pem.csr")] == told["files"]
    assert (SUBJECT, True) == (request.subject.rfc4514_string(), request.is_signature_valid)
    assert 0o600 == stat.S_IMODE((tmp_path / "k.pem").stat().st_mode)


def test_identity_that_vouches_for_itself(here: Place, tmp_path: Path) -> None:
    """To try things out: a self-signed P-256 certificate that fits its key."""
    file = tmp_path / "k.pem"
    here_make(here, "generate", "identity", str(file), "--subject", SUBJECT, "--ecdsa", "--self-signed", "30")

    identity = from_pem(file, tmp_path / "k.pem.crt", name="k")

    certificate = x509.load_der_x509_certificate(identity.certificate_der)
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert 29 == (identity.not_after - datetime.now(UTC)).days


def here_make(here: Place, *words: str) -> dict:
    """A `keys` command that knows no settings, and its JSON answer."""
    from config.cli import main

    here.capsys.readouterr()
    code = main(["keys", *words, "--json"])
    out = here.capsys.readouterr().out
    assert 0 == code, out
    return json.loads(out)


@pytest.mark.parametrize("taken", ["k.pem", "k.pem.csr"])
def test_nothing_is_written_over(here: Place, tmp_path: Path, taken: str) -> None:
    """Neither a key nor a request that is there already is replaced, and no half of a pair is left."""
    from config.cli import main

    (tmp_path / taken).write_text("mine")

    assert 1 == main(["keys", "generate", "identity", str(tmp_path / "k.pem"), "--subject", SUBJECT])
    assert [taken] == [path.name for path in tmp_path.glob("k.pem*")]
    assert "mine" == (tmp_path / taken).read_text()


@pytest.mark.parametrize("subject", ["", "nobody"])
def test_identity_needs_a_name(here: Place, tmp_path: Path, subject: str) -> None:
    """A request without a name in it is refused before a key is made."""
    from config.cli import main

    assert 2 == main(["keys", "generate", "identity", str(tmp_path / "k.pem"), "--subject", subject])
    assert not (tmp_path / "k.pem").exists()


def test_list_shows_days_left(here: Place) -> None:
    """An identity is listed with its end and the days until then; a key without an end has none."""
    with_identity(here, days=(-1, 20.5))

    assert 20 == row_of(here, "partners.national_portal.identity_file")["days_left"]
    assert row_of(here, "ledger.signing_key_file")["ends_at"] is None


def test_receipts_key_is_rotated_without_loss(here: Place) -> None:
    """After a rotation what was signed before still verifies, by a key that is kept beside the new one."""
    with here.open() as installation:
        ledger = installation.settings.ledger
    old = InstallationKey.from_file(ledger.signing_key_file)
    signature = old.sign(b"receipt")

    told = here.ask("keys", "rotate", "ledger.signing_key_file")

    new = InstallationKey.from_file(ledger.signing_key_file)
    assert old.key_id != new.key_id == told["key_id"]
    assert [old.key_id] == [key.key_id for key in retired_keys(ledger)]
    assert is_signed_here(ledger)(b"receipt", signature)
    assert is_signed_here(ledger)(b"receipt", new.sign(b"receipt"))
    assert 0 == here.type("keys", "list").code
    assert 0 == here.type("check").code


def test_a_running_process_goes_on_while_the_key_is_rotated(here: Place) -> None:
    """Until its next start a process signs with the key that it has: rotation stops nobody."""
    with here.open() as installation:
        key = InstallationKey.from_file(installation.settings.ledger.signing_key_file)
        here.ask("keys", "rotate", "ledger.signing_key_file")

        assert [] == Readiness(installation.ledger, key, fresh_s=0.0)()


def test_a_given_receipts_key(here: Place, tmp_path: Path) -> None:
    """A key made elsewhere is taken where it is one; else nothing is changed."""
    mine = signing_key.generate(tmp_path / "new.key")
    before = row_of(here, "ledger.signing_key_file")["key_id"]
    (tmp_path / "bad.key").write_text("none")
    (tmp_path / "bad.key").chmod(0o600)

    assert 2 == here.type("keys", "rotate", "ledger.signing_key_file", "--new", str(tmp_path / "bad.key")).code
    assert before == row_of(here, "ledger.signing_key_file")["key_id"]
    told = here.ask("keys", "rotate", "ledger.signing_key_file", "--new", str(tmp_path / "new.key"))
    assert mine.key_id == told["key_id"]


def test_identity_is_rotated_with_overlap(here: Place) -> None:
    """A successor takes the place, the old one is kept; both ends are announced."""
    present = with_identity(here, days=(-300, 5))
    before, new = present.read_bytes(), identity_file(here.folder)

    told = here.ask("keys", "rotate", "partners.national_portal.identity_file", "--new", str(new))

    assert new.read_bytes() == present.read_bytes()
    assert before == Path(told["kept"]).read_bytes()
    assert told["old_ends_at"] < told["ends_at"]
    assert 299 == row_of(here, "partners.national_portal.identity_file")["days_left"]


def test_overlap_is_said(here: Place) -> None:
    """A person reads until when the partner must know both certificates."""
    with_identity(here)
    new = identity_file(here.folder)

    answer = here.type("keys", "rotate", "partners.national_portal.identity_file", "--new", str(new))

    assert "the partner must know both" in answer.out


def test_a_bad_successor_changes_nothing(here: Place, tmp_path: Path) -> None:
    """One that is not of these days, no pair, or none at all: the present key stays where it is."""
    present = with_identity(here)
    before = present.read_bytes()
    future, other = identity_file(here.folder, days=(1, 300)), made("other")
    mixed = tmp_path / "mixed.pem"
    mixed.write_bytes(other.pem + pem_of(made("mine").key))
    mixed.chmod(0o600)
    rotate = ("keys", "rotate", "partners.national_portal.identity_file")

    assert [1, 1, 2] == [
        here.type(*rotate, *words).code for words in (("--new", str(future)), ("--new", str(mixed)), ())
    ]
    assert before == present.read_bytes()


def test_only_keys_that_sign_are_rotated(here: Place) -> None:
    """Another setting, or none, is refused with the list of those that there are."""
    answer = here.type("keys", "rotate", "ledger.master_key_file")

    assert 2 == answer.code
    assert "ledger.signing_key_file" in answer.err


def test_revoked_identity_holds_its_partner(here: Place) -> None:
    """Out of use at once for every process: the partner is held by a move with actor and reason, the file is gone."""
    present = with_identity(here)

    told = here.ask(
        "keys", "revoke", "partners.national_portal.identity_file", "--reason", "laptop lost", "--as-person", "an"
    )

    with here.open() as installation:
        (partner,) = [row for row in installation.reads.partners() if row["name"] == "national_portal"]
    assert (True, "laptop lost") == (bool(partner["is_held"]), partner["hold_reason"])
    assert not present.exists()
    assert Path(told["file"]).exists()


def test_revoked_receipts_key_signs_no_more(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running process is not ready as soon as it looks, and signs nothing; the ledger says who did it and why."""
    with here.open() as installation:
        key = InstallationKey.from_file(installation.settings.ledger.signing_key_file)
        ready = Readiness(installation.ledger, key, fresh_s=0.0)
        assert [] == ready()
        here.ask("keys", "revoke", "ledger.signing_key_file", "--reason", "copied", "--as-person", "an")
        key._seen_at -= signing_key.SEEN_FOR_S

        assert ["cannot_sign"] == ready()
        with pytest.raises(LedgerUnavailable, match="signs no more"):
            key.sign(b"receipt")
        told = sqlite3.connect(installation.settings.ledger.path)
        rows = told.execute("SELECT cause, reason, actor FROM moves WHERE cause = 'key_revoked'").fetchall()
        told.close()
    assert [("key_revoked", "ledger.signing_key_file: copied", "person:an")] == rows
    assert 1 == here.type("check").code
