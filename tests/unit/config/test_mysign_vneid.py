"""MySign and the VNeID gateway in the settings: what is read, what is refused before anything starts, and where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config import mocked_signers
from config.new_installation import make
from config.partner_signers import maker_of, mysign_settings, vneid_settings
from config.settings import Settings
from config.settings_file import SettingsRefused, load

URL = "http://127.0.0.1:9100"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings as `init --for-mocks` writes them."""
    made = tmp_path_factory.mktemp("settings")
    make(made, for_mocks=URL)
    mocked_signers.join(made, URL)
    return made


def changed(folder: Path, *changes: tuple[str, str]) -> Settings:
    """The settings with these texts of theirs replaced."""
    text = (folder / "lienthong.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "changed.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load(file, {}).settings


def read(folder: Path, *changes: tuple[str, str]) -> None:
    """Both partners' own settings, with all secrets."""
    told = changed(folder, *changes).partner_table()
    mysign_settings("mysign", told["mysign"])
    vneid_settings("vneid_gateway", told["vneid_gateway"])


def test_both_are_read(folder):
    """Keys, addresses and secrets of both stand as the settings say; each door has its places; nothing is shown."""
    (folder / "old.secret").write_text("a secret that is followed by another")
    (folder / "old.secret").chmod(0o600)
    told = changed(
        folder,
        ('their_id = "viettel-mock"', 'their_id = "viettel-mock"\nprevious_secret_files = ["old.secret"]'),
        ('partner_code = "', 'signature_encoding = "base64"\npartner_code = "'),
    ).partner_table()
    ours, theirs = mysign_settings("mysign", told["mysign"]), vneid_settings("vneid_gateway", told["vneid_gateway"])
    places = [set(maker_of(told[name]).hooks(name, told[name]).places) for name in ("mysign", "vneid_gateway")]

    assert (f"{URL}/mysign", "viettel-mock", ["current", "previous-1"], True) == (
        ours.url, ours.their_id, [each.key_id for each in ours.their_secrets], ours.is_called_back,
    )  # fmt: skip
    assert ("base64", ["current"], True) == (
        theirs.signature_encoding, [each.key_id for each in theirs.webhook_secrets], theirs.secret is not None,
    )  # fmt: skip
    methods = {("GET", "token"), ("POST", "token"), ("GET", "result"), ("POST", "result")}
    assert [methods, {("POST", "result")}] == places
    assert {"127.0.0.1:9100"} == {*ours.http.hosts, *theirs.http.hosts}
    assert "mock-" not in repr(ours).replace("h99-mock", "") + repr(theirs)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('their_id = "viettel-mock"', 'their_id = ""', "partners.mysign.their_id"),
        ('their_secret_file = "mysign', 'their_secret_file = "absent', "partners.mysign.their_secret_file"),
        ('client_id = "h99-mock"', 'client_id = ""', "partners.mysign.client_id"),
        ('url = "http://127.0.0.1:9100/mysign"', 'url = "ftp://127.0.0.1/mysign"', "partners.mysign"),
        (
            'url = "http://127.0.0.1:9100/mysign"',
            'url = "https://mysign.example.invalid"',
            "partners.mysign.client_secret_file",
        ),
        ('partner_code = "H99MOCK"', 'partner_code = ""', "partners.vneid_gateway"),
        ('password_file = "vneid', 'password_file = "absent', "partners.vneid_gateway.password_file"),
        (
            'partner_code = "H99MOCK"',
            'partner_code = "H99MOCK"\nstring_to_sign = "{nonce}"',
            "partners.vneid_gateway",
        ),
        (
            'partner_code = "H99MOCK"',
            'partner_code = "H99MOCK"\nsignature_encoding = "rot13"',
            "partners.vneid_gateway.signature_encoding",
        ),
    ],
)
def test_what_is_refused(folder, old, new, key):
    """What is half, absent, empty, too little for an HMAC, or the mocks' own elsewhere is told at its key."""
    with pytest.raises(SettingsRefused, match=re.escape(key)):
        read(folder, (old, new))


@pytest.mark.parametrize("content", ["short", "demo-webhook-secret"])
def test_secrets_that_protect_nothing(folder, content):
    """A secret that can be tried through, or that a published example has, is refused at its key."""
    (folder / "bad.secret").write_text(content)
    (folder / "bad.secret").chmod(0o600)

    with pytest.raises(SettingsRefused, match="webhook_secret_file"):
        read(folder, ('webhook_secret_file = "vneid-mock-webhook', 'webhook_secret_file = "bad'))
