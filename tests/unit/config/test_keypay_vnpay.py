"""KeyPay and VNPAY in the settings: what is read, what is refused before anything starts, and at which key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.ports import FileStorage, SystemClock
from config import mocked_gateways
from config.new_installation import make, prepare_ledger
from config.partner_gateways import gateways, keypay_settings, maker_of, vnpay_settings
from config.payment_settings import KeypayKeys, VnpayKeys
from config.settings_file import SettingsRefused, load
from config.wiring import Installation, build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings as `init --for-mocks` writes them, with a ledger."""
    made = tmp_path_factory.mktemp("settings")
    make(made, for_mocks="http://127.0.0.1:9100")
    mocked_gateways.join(made, "http://127.0.0.1:9100")
    prepare_ledger(load(made / "lienthong.toml", {}).settings, FileStorage(), SystemClock(), actor="person:test")
    return made


def built(folder: Path, *changes: tuple[str, str]) -> Installation:
    """The installation with these texts of its settings replaced."""
    text = (folder / "lienthong.toml").read_text()
    text = text.replace('client_id = "DEMO_CLIENT"', 'client_id = "DEMO_CLIENT"\nflow = "pay"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "changed.toml"
    file.write_text(text)
    file.chmod(0o600)
    return build(load(file, {}).settings)


def test_both_are_read(folder):
    """Keys, addresses, commands and the way back of both stand as the settings say; each door has its place."""
    here = built(
        folder,
        ('flow = "pay"', 'flow = "pay_later"\ncommands = {refund = "HOAN"}'),
        ('pay_hosts = ["127.0.0.1"]\nallow', 'pay_hosts = ["127.0.0.1"]\nvietqr = {bank_bin = "999999"}\nallow'),
    )
    try:
        found = gateways(here)
        doors = {name: set(maker_of(each).gateway(here, name, each).places) for name, each in found.items()}
        keypay, vnpay = found["keypay"], found["vnpay"]
        assert isinstance(keypay, KeypayKeys)
        assert isinstance(vnpay, VnpayKeys)
        ours, theirs = keypay_settings(here, "keypay", keypay), vnpay_settings(here, "vnpay", vnpay)
    finally:
        here.close()

    assert ({("POST", "result")}, {("GET", "ipn")}) == (doors["keypay"], doors["vnpay"])
    assert ("PAY", "HOAN", "pay_later", "999999", True) == (
        ours.commands["create"], ours.commands["refund"], ours.flow, ours.vietqr.bank_bin, ours.confirm_callbacks,
    )  # fmt: skip
    assert (b"mock-keypay-key-one-0123456789", ["key-2"]) == (ours.key_1.value, [each.key_id for each in ours.keys_2])
    assert ours.return_to("T1").startswith("http://127.0.0.1:8400/callbacks/keypay/return/")
    assert ours.return_to("T1").rpartition("/")[2] != theirs.return_to("T1").rpartition("/")[2]
    assert "mock-" not in repr(ours) + repr(theirs)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('public_url = "http://127.0.0.1:8400"', 'public_url = ""', "payments.public_url"),
        ('their_secret_file = "keypay', 'their_secret_file = "absent', "partners.keypay.their_secret_file"),
        ('api_url = "http://', 'api_url = "ftp://', "partners.vnpay.api_url"),
        ('pay_url = "http://', 'pay_url = "http://user:word@', "partners.vnpay.pay_url"),
        ('tmn_code = "DEMOTMN1"', 'tmn_code = "SHORT"', "partners.vnpay.tmn_code"),
        ('pay_hosts = ["127.0.0.1"]\nallow', "pay_hosts = []\nallow", "partners.keypay.pay_hosts"),
        ('client_id = "DEMO_CLIENT"', 'client_id = "A|B"', "partners.keypay.client_id"),
        (
            'client_id = "DEMO_CLIENT"',
            'client_id = "A"\nvietqr = {bank_bin = "99999"}',
            "partners.keypay.vietqr.bank_bin",
        ),
    ],
)
def test_refused_before_anything_starts(folder, old, new, key):
    """What would sign for nobody, call nowhere or send a citizen anywhere stops the start, at its key."""
    with pytest.raises(SettingsRefused, match=key.replace(".", r"\.")):
        _speak(built(folder, (old, new)))


def _speak(here: Installation) -> None:
    try:
        here.partners()
    finally:
        here.close()


@pytest.mark.parametrize("secret", [b"DEMOVNPAYSECRET", b"too-short", b"mock-vnpay-secret-of-lien-thong"])
def test_secret_that_everybody_has(folder, secret):
    """A published secret, a short one, or the mock's own for a gateway that is no mock, signs nothing."""
    file = folder / "vnpay-other.secret"
    file.write_bytes(secret)
    file.chmod(0o600)
    changes = [('secret_file = "vnpay-mock.secret"', 'secret_file = "vnpay-other.secret"')]
    if secret.startswith(b"mock-"):
        changes.append(("http://127.0.0.1:9100/vnpay/", "https://vnpay.example.invalid/"))

    with pytest.raises(SettingsRefused, match=r"partners\.vnpay\.secret_file"):
        _speak(built(folder, *changes))
