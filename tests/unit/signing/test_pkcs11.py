"""Keys in a token, with SoftHSM2 as the token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from signing import pkcs11
from signing.errors import CertificateMismatch, TokenTrouble
from tests.message_pki import made, pem_of, pki, rsa_key

MESSAGE, PIN, TOKEN = b"ho so", "1234", "lienthong-test"
PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)

softhsm = pytest.mark.needs("softhsm2-util")


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A token with an RSA key and a P-256 key; its folder is named before the library is first loaded."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    util("--init-token", "--free", "--label", TOKEN, "--so-pin", "12345678", "--pin", PIN)
    holders = {"rsa": pki().leaf, "ec": made("ec")}
    for number, (label, holder) in enumerate(holders.items(), start=1):
        (folder / f"{label}.pem").write_bytes(pem_of(holder.key))
        (folder / f"{label}.crt").write_bytes(holder.pem)
        util(
            "--import", folder / f"{label}.pem", "--token", TOKEN, "--pin", PIN, "--label", label, "--id", f"0{number}"
        )
    yield folder
    del os.environ["SOFTHSM2_CONF"]


def util(*words) -> None:
    subprocess.run(["softhsm2-util", *map(str, words)], check=True, capture_output=True)


def module() -> str:
    return next(place for place in PLACES if Path(place).exists())


def identity(folder, label, **other):
    how = {"module": module(), "token": TOKEN, "key": label, "pin": PIN, "certificate_file": folder / f"{label}.crt"}
    return pkcs11.from_token(**(how | {"name": label} | other))


@softhsm
def test_rsa_in_a_token(token):
    """A token's RSA key signs by each algorithm, and the certificate beside it proves it."""
    found, public = identity(token, "rsa"), rsa_key().public_key()

    public.verify(found.sign(MESSAGE, "rsa-sha256"), MESSAGE, padding.PKCS1v15(), SHA256())
    public.verify(found.sign(MESSAGE, "rsa-sha512"), MESSAGE, padding.PKCS1v15(), SHA512())
    pss = padding.PSS(padding.MGF1(SHA512()), 64)
    public.verify(found.sign(MESSAGE, "rsa-pss-sha512"), MESSAGE, pss, SHA512())

    assert isinstance(public, rsa.RSAPublicKey)
    assert pki().leaf.der == found.certificate_der


@softhsm
def test_ecdsa_in_a_token(token):
    """A token's P-256 key gives r and s, as a key in memory does; two keys of one token serve one process."""
    found, other = identity(token, "ec"), identity(token, "rsa")

    signature = found.sign(MESSAGE, "ecdsa-p256-sha256")

    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public = found._key.public_key()
    public.verify(encode_dss_signature(r, s), MESSAGE, ec.ECDSA(SHA256()))
    assert 256 == len(other.sign(MESSAGE, "rsa-sha256"))
    assert "TokenKey('ec')" == repr(found._key)


@softhsm
@pytest.mark.parametrize("label", ["rsa", "ec"])
def test_token_and_certificate_must_match(token, tmp_path, label):
    """A certificate of another key is found out by a signature, before anything is sent."""
    other = made("other", key=rsa_key(2048, 1) if label == "rsa" else None)
    (tmp_path / "other.crt").write_bytes(other.pem)

    with pytest.raises(CertificateMismatch):
        identity(token, label, certificate_file=tmp_path / "other.crt")


@softhsm
@pytest.mark.parametrize("wrong", [{"key": "none"}, {"token": "none"}, {"module": "/none/at/all.so"}])
def test_what_is_not_there(token, wrong):
    """A token, a key or a library that is not there is trouble with our key, and says nothing secret."""
    with pytest.raises(TokenTrouble) as caught:
        identity(token, "rsa", **wrong)

    assert PIN not in str(caught.value)


@softhsm
def test_token_that_was_away(token):
    """After its session is gone, the next signature opens another."""
    found = identity(token, "rsa")
    found._key._opened[1].session.close()

    assert 256 == len(found.sign(MESSAGE, "rsa-sha256"))


def test_without_the_extra(monkeypatch, tmp_path):
    """Where python-pkcs11 is not installed, the trouble says which extra is missing."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    (tmp_path / "rsa.crt").write_bytes(pki().leaf.pem)

    with pytest.raises(TokenTrouble, match="hsm"):
        pkcs11.from_token(
            module="none.so", token=TOKEN, key="rsa", pin=PIN, certificate_file=tmp_path / "rsa.crt", name="rsa"
        )
