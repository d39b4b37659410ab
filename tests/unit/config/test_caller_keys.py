"""Keys of callers in the settings: read, named, refused, and shown before they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.caller_keys import keys_of_callers, own_key, to_sign
from config.checks import keys_of, offline
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from signing.asymmetric import PublicKey
from tests.key_pairs import KINDS, certificate_pem, private_pem, public_pem
from tests.unit.signing import published

TODAY = datetime.now(UTC)
YEAR = timedelta(days=365)
SECRET = b"a secret of thirty-two bytes ..."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with keys of every kind."""
    write(tmp_path, "old.secret", SECRET + b"\n")
    write(tmp_path, "new.secret", SECRET[::-1])
    write(tmp_path, "short.secret", b"short")
    write(tmp_path, "demo.pem", published.pem("demo"))
    write(tmp_path, "p384.pem", public_pem("p384"))
    write(tmp_path, "good.crt", certificate_pem("rsa", begins=TODAY - timedelta(days=1)))
    write(tmp_path, "ends.crt", certificate_pem("p256", begins=TODAY - YEAR + timedelta(days=3)))
    write(tmp_path, "ended.crt", certificate_pem("p256", begins=TODAY - 2 * YEAR))
    for kind in KINDS:
        write(tmp_path, f"{kind}.pem", public_pem(kind), 0o644)
        write(tmp_path, f"{kind}.key", private_pem(kind))
    return tmp_path


def write(folder: Path, name: str, content: bytes, mode: int = 0o600) -> None:
    (folder / name).write_bytes(content)
    (folder / name).chmod(mode)


def settings(home: Path, *lines: str) -> Settings:
    """Of a caller with these lines."""
    text = "\n".join(["[callers.one-stop]", 'sources = ["one-stop/h99"]', *lines])
    write(home, "lienthong.toml", text.encode())
    return load(home / "lienthong.toml", {}).settings


def keys(home: Path, *lines: str) -> list[str]:
    """What the caller's keys sign with."""
    found = keys_of_callers(settings(home, *lines))["one-stop"]
    return [key.algorithm if isinstance(key, PublicKey) else "hmac-sha256" for key in found]


@pytest.mark.parametrize(("kind", "algorithm"), KINDS.items())
def test_a_public_key_decides_the_algorithm(home: Path, kind: str, algorithm: str):
    """A caller's public key is read from its file, by the settings' folder; its kind is its algorithm."""
    assert [algorithm] == keys(home, f'public_key_file = "{kind}.pem"')


def test_a_secret_and_a_certificate(home: Path):
    """A secret stands without its line end, a certificate for its key."""
    assert (SECRET,) == keys_of_callers(settings(home, 'secret_file = "old.secret"'))["one-stop"]
    assert ["rsa-pss-sha512"] == keys(home, 'certificate = "good.crt"')


def test_a_change_of_keys(home: Path):
    """While a caller changes its key it has several, of any kinds, the first one first."""
    also = 'also = [{secret_file = "new.secret"}, {public_key_file = "ed25519.pem"}, {certificate = "good.crt"}]'

    found = keys(home, 'secret_file = "old.secret"', also)

    assert ["hmac-sha256", "hmac-sha256", "ed25519", "rsa-pss-sha512"] == found


@pytest.mark.parametrize(
    ("line", "where", "cure"),
    [
        ('secret_file = "short.secret"', "callers.one-stop.secret_file", "use 16 or more"),
        ('public_key_file = "none.pem"', "callers.one-stop.public_key_file", "No such file"),
        ('public_key_file = "ed25519.key"', "callers.one-stop.public_key_file", "not a PEM public key"),
        ('public_key_file = "p384.pem"', "callers.one-stop.public_key_file", "Ed25519, P-256 or RSA"),
        ('public_key_file = "good.crt"', "callers.one-stop.public_key_file", "not a PEM public key"),
        ('certificate = "rsa.pem"', "callers.one-stop.certificate", "not one PEM certificate"),
        ('certificate = "demo.pem"', "callers.one-stop.certificate", "the key of the demo"),
        (
            'secret_file = "old.secret"\nalso = [{public_key_file = "p384.pem"}]',
            "callers.one-stop.also[0].public_key_file",
            "Ed25519",
        ),
    ],
)
def test_a_key_that_cannot_be_used_stops_the_start(home: Path, line: str, where: str, cure: str):
    """What cannot be used is refused by its setting, with the reason; `check` and `keys list` say the same."""
    told = settings(home, line)

    with pytest.raises(SettingsRefused, match=cure) as refusal:
        keys_of_callers(told)

    assert where == refusal.value.key
    assert cure in next(answer.detail for answer in offline(told) if answer.what == where)


def test_the_demo_key_is_good_for_a_demo(home: Path):
    """In a demo, and only there, the demo's key is a key."""
    assert keys_of_callers(settings(home, 'certificate = "demo.pem"'), is_demo=True)


@pytest.mark.parametrize(("name", "is_well"), [("good.crt", True), ("ends.crt", False), ("ended.crt", False)])
def test_a_certificate_is_missed_before_it_ends(home: Path, name: str, is_well: bool):
    """`check` and `keys list` say when a caller's certificate ends, while there is time for the next one."""
    told = settings(home, f'certificate = "{name}"')
    (answer,) = [each for each in offline(told) if each.what == "callers.one-stop.certificate"]
    (row,) = [each for each in keys_of(told) if each["name"] == "callers.one-stop.certificate"]

    assert is_well is answer.is_well is (row["trouble"] == "")
    assert is_well or "ends on" in answer.detail


def test_keys_are_listed_without_their_secrets(home: Path):
    """`keys list` names each key's file, a public key by its fingerprint; all may read that, none a secret."""
    told = settings(home, 'secret_file = "old.secret"', 'also = [{public_key_file = "p256.pem"}]')

    own, other = [row for row in keys_of(told) if row["name"].startswith("callers.")]

    assert ("callers.one-stop.secret_file", "Secret(***)", "") == (own["name"], own["key_id"], own["trouble"])
    assert ("callers.one-stop.also[0].public_key_file", "") == (other["name"], other["trouble"])
    assert 16 == len(other["key_id"])
    (home / "p256.pem").unlink()
    assert "No such file" in next(row["trouble"] for row in keys_of(told) if row["name"] == other["name"])


def test_what_a_caller_here_signs_with(home: Path):
    """`submit --to` signs with the secret of the settings, or with a private key that it is given."""
    assert SECRET == to_sign(settings(home, 'secret_file = "old.secret"'), "one-stop")
    with pytest.raises(SettingsRefused, match="--key-file"):
        to_sign(settings(home, 'public_key_file = "p256.pem"'), "one-stop")

    assert set(KINDS.values()) == {own_key(home / f"{kind}.key").algorithm for kind in KINDS}


def test_a_private_key_is_private(home: Path):
    """A private key that others may read, or that is none, is refused."""
    (home / "p256.key").chmod(0o644)

    with pytest.raises(SettingsRefused, match="others may read it"):
        own_key(home / "p256.key")
    with pytest.raises(SettingsRefused, match="not a PEM private key"):
        own_key(home / "old.secret")
