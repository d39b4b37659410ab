"""CSC and the SOAP signing service in the settings: what is read, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import mocked_signers
from config.mocked_signers import SOAP_KEY, SOAP_ROOTS
from config.new_installation import make
from config.partner_signers import csc_settings, maker_of, soap_signer_settings
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from contracts.csc.oauth import Client
from contracts.soap_signer.mock import SERVICE
from tests.one_stop_kit import shared_pki

URL = "http://127.0.0.1:9"  # nobody is there, whatever else runs on this machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings as `init --for-mocks` writes them, and the SOAP mock's table with its keys."""
    made = tmp_path_factory.mktemp("settings")
    make(made, for_mocks=URL)
    mocked_signers.join(made, URL)
    pki = shared_pki()
    for name, content in ((SOAP_KEY, pki.caller.certificate_pem + pki.caller.key_pem), (SOAP_ROOTS, pki.authority_pem)):
        (made / name).write_bytes(content)
        (made / name).chmod(0o600)
    with (made / "lienthong.toml").open("a") as file:
        file.write(mocked_signers.soap_table(URL))
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
    """Both services' own settings, with all secrets."""
    table = changed(folder, *changes).partner_table()
    csc_settings("csc", table["csc"])
    soap_signer_settings("soap_signer", table["soap_signer"])


def test_both_are_read(folder):
    """Addresses, keys and secrets stand as the settings say; neither calls us back; no secret is shown."""
    told = changed(folder, (f'url = "{URL}/csc/v1"', f'url = "{URL}/csc/v2"')).partner_table()
    csc, soap = csc_settings("csc", told["csc"]), soap_signer_settings("soap_signer", told["soap_signer"])

    assert ("v2", Client().id, 3) == (csc.version, csc.client_id, csc.otp_tries)
    assert f"{URL}/soap_signer/soap" == soap.url
    assert {"127.0.0.1:9"} == {*csc.http.hosts, *soap.http.hosts}
    assert Client().secret not in repr(csc)
    assert [None, None] == [maker_of(told[name]).hooks for name in ("csc", "soap_signer")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f'url = "{URL}/csc/v1"', f'url = "{URL}/csc"', "csc/v1 or /csc/v2"),
        (f'url = "{URL}/csc/v1"', f'pin_file = "nowhere.secret"\nurl = "{URL}/csc/v1"', "nowhere.secret"),
        (f'pinned_subjects = ["CN={SERVICE}"]', "", "whose answers are believed"),
        (f'{SERVICE}"]\nrevocation = "none"', f'{SERVICE}"]\nrevocation = "require"', "crl_urls"),
        (f'url = "{URL}/soap_signer/soap"', f'url = "{URL}/soap_signer/soap?x=1"', "no query"),
        (f'signing_key_file = "{SOAP_KEY}"', 'signing_key_file = "nowhere.key"', "nowhere.key"),
        (f'trust_roots_file = "{SOAP_ROOTS}"', 'trust_roots_file = "nowhere.pem"', "nowhere.pem"),
    ],
)
def test_what_is_refused(folder, old, new, said):
    """Each with what is wrong, before anything is sent."""
    with pytest.raises(SettingsRefused, match=said):
        read(folder, (old, new))
