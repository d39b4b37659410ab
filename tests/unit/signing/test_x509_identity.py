"""Keys with a certificate: read from each kind of file, matched, bounded, and never shown."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, load_der_public_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from signing import keys
from signing.errors import CertificateMismatch, DemoKeyRefused, KeyExposed, KeyTooWeak, KeyUnreadable
from tests.message_pki import NOW, made, pem_of, pki, rsa_key

MESSAGE = b"ho so H99.24-260115-0007"
# Published and self-signed, of an invented person: known to everybody, and so good for nothing.
DEMO_CERTIFICATE = (
    "MIIDQjCCAiqgAwIBAgIMVAEQAAAAAAAAAAABMA0GCSqGSIb3DQEBCwUAME4xCzAJBgNVBAYTAlZOMRwwGgYDVQQDDBNOR1VZRU4gVkFOIEEgKERF"
    "TU8pMSEwHwYKCZImiZPyLGQBAQwRQ0NDRDowMDEwOTkwMDAwMDEwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjBOMQswCQYDVQQGEwJW"
    "TjEcMBoGA1UEAwwTTkdVWUVOIFZBTiBBIChERU1PKTEhMB8GCgmSJomT8ixkAQEMEUNDQ0Q6MDAxMDk5MDAwMDAxMIIBIjANBgkqhkiG9w0BAQEF"
    "AAOCAQ8AMIIBCgKCAQEAmfY1qiFcdJnLy8ApuuwskPOemYdLTZhfcDknD1aQyh7wblGlf5wJy5AlNani/QXeV6eO4mZzt74OAAh/nzaw9/xUB74C"
    "UBrZo93SZUfUV8Fs3h3By4jFjXfrWWxX3Qjp/Z3KzPv7yd+ytfflTcJm+RQIITNUi2NQOV68HlGRhVqeIje0XHo3/sCkLQD5+ys/nDzmV0+s25A/"
    "Y17W9+UeFjgdQfAoAJUE9emDAV3500NLGFQRFH43PxYDWDhQGFS5qIld/NggYGn3jbqr6gMW5bqglY3EVPc9rBL6F+jTUvT3ELaGy4PnBkklNiQl"
    "QzstYkd3GTYTErVby6AOYdNrTQIDAQABoyAwHjAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIGwDANBgkqhkiG9w0BAQsFAAOCAQEAlI8xYsp3"
    "8+zaxF4hjqsiSVCdIGFkjrbMO+Nz4oWdfb1c4CsEXCX5fLGrjxmBZLMISV2woai1xZlxj/Y1PEgck8pN6jwYmBS48GrpYapaICmdmDjMTIMBM0H+"
    "XKc6mhI4rNSvrFO14qC7C6Fv1MpRCiSLIkntRARK2vDKhkQ5A+npRDuUU8ws58jhkQGNUFcB6PzsAXiiuXtXlpMk8wUXt4gLFAValFDB7LNEIRXm"
    "KBnMJaXqBOfLeKySphLyrYQzVa70bm4QZDbZ0RQytANp+EKk1Rq8Yq3BVSVHxWVYyDbRykPAdOAAmPdiYObjAUYk3FkVbMJjUDkeDJw3qoy6ig=="
)


def written(path, content: bytes, mode: int = 0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def pem_files(folder, holder, *above):
    key = written(folder / "key.pem", pem_of(holder.key))
    return key, written(folder / "chain.pem", b"".join(each.pem for each in (holder, *above)), 0o644)


def test_from_pem_with_its_chain(tmp_path):
    """Key, certificate and the chain above it are read from PEM files; dates and key id are the certificate's."""
    found = pki()

    identity = keys.from_pem(*pem_files(tmp_path, found.leaf, found.authority), name="one-stop")

    assert (found.leaf.der, (found.authority.der,)) == (identity.certificate_der, identity.chain_der)
    assert (NOW - timedelta(days=30), NOW + timedelta(days=335)) == (identity.not_before, identity.not_after)
    assert found.leaf.subject == identity.subject
    assert 32 == len(identity.key_id)


@pytest.mark.parametrize("password", [None, b"secret"])
def test_from_pkcs12(tmp_path, password):
    """The same comes from a PKCS#12 container, with and without a password."""
    found = pki()
    how = BestAvailableEncryption(password) if password else NoEncryption()
    above = [found.authority.certificate]
    packed = serialize_key_and_certificates(b"x", found.leaf.key, found.leaf.certificate, above, how)

    identity = keys.from_pkcs12(written(tmp_path / "id.p12", packed), name="p12", password=password)

    assert (found.leaf.der, (found.authority.der,)) == (identity.certificate_der, identity.chain_der)


def test_pkcs12_that_is_none_or_half(tmp_path):
    """A container with another password, without a key, or that is none, says so."""
    found = pki()
    packed = serialize_key_and_certificates(None, found.leaf.key, found.leaf.certificate, None, NoEncryption())
    certificates = serialize_key_and_certificates(None, None, found.leaf.certificate, None, NoEncryption())

    for content in (b"none", certificates, packed[:-9]):
        with pytest.raises(KeyUnreadable):
            keys.from_pkcs12(written(tmp_path / "id.p12", content), name="p12", password=None)


@pytest.mark.parametrize(
    ("algorithm", "pad", "hash_"),
    [
        ("rsa-sha256", padding.PKCS1v15(), SHA256()),
        ("rsa-sha512", padding.PKCS1v15(), SHA512()),
        ("rsa-pss-sha512", padding.PSS(padding.MGF1(SHA512()), 64), SHA512()),
    ],
)
def test_rsa_signs(tmp_path, algorithm, pad, hash_):
    """An RSA key signs by each of its algorithms."""
    leaf = pki().leaf
    identity = keys.from_pem(*pem_files(tmp_path, leaf), name="rsa")

    leaf.key.public_key().verify(identity.sign(MESSAGE, algorithm), MESSAGE, pad, hash_)

    assert algorithm in identity.algorithms


def test_ecdsa_signs(tmp_path):
    """A P-256 key's signature is r and s, 32 bytes each."""
    leaf = made("ec")
    identity = keys.from_pem(*pem_files(tmp_path, leaf), name="ec")

    signature = identity.sign(MESSAGE, "ecdsa-p256-sha256")

    assert 64 == len(signature)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    leaf.key.public_key().verify(encode_dss_signature(r, s), MESSAGE, ec.ECDSA(SHA256()))


def test_key_decides_the_algorithm(tmp_path):
    """A key signs with the algorithms of its kind only; SHA-1 is none of them."""
    identity = keys.from_pem(*pem_files(tmp_path, pki().leaf), name="rsa")

    for algorithm in ("ecdsa-p256-sha256", "rsa-sha1", "none"):
        with pytest.raises(KeyTooWeak):
            identity.sign(MESSAGE, algorithm)


def test_repr_shows_the_name_only(tmp_path):
    """What is printed of an identity is its name."""
    assert "X509Identity('rsa')" == repr(keys.from_pem(*pem_files(tmp_path, pki().leaf), name="rsa"))


def test_key_and_certificate_must_match(tmp_path):
    """A certificate of another key is refused when it is read, not when the partner complains."""
    mine, other = made("mine"), made("other")

    with pytest.raises(CertificateMismatch):
        keys.from_pem(written(tmp_path / "k", pem_of(mine.key)), written(tmp_path / "c", other.pem), name="x")


@pytest.mark.parametrize(
    "key", [lambda: rsa_key(1024), lambda: ec.generate_private_key(ec.SECP384R1()), Ed25519PrivateKey.generate]
)
def test_other_kinds_are_refused(tmp_path, key):
    """A short RSA key, another curve, another kind: none of them signs messages."""
    made_of = key()
    signer = made("above", ca=True)

    with pytest.raises(KeyTooWeak):
        keys.from_pem(*pem_files(tmp_path, made("weak", key=made_of, issuer=signer)), name="weak")


def test_others_may_not_read_the_key(tmp_path):
    """A key file, or a container, that others may read is refused."""
    key, certificate = pem_files(tmp_path, pki().leaf)
    key.chmod(0o640)

    with pytest.raises(KeyExposed):
        keys.from_pem(key, certificate, name="x")
    with pytest.raises(KeyExposed):
        keys.from_pkcs12(key, name="x", password=None)


def test_unreadable_files(tmp_path):
    """A file that is missing, or holds something else, is named."""
    key, certificate = pem_files(tmp_path, pki().leaf)

    with pytest.raises(KeyUnreadable, match=r"chain\.pem"):
        keys.from_pem(certificate_as_key(tmp_path, certificate), certificate, name="x")
    with pytest.raises(KeyUnreadable, match=r"key\.pem"):
        keys.from_pem(key, key, name="x")
    with pytest.raises(KeyUnreadable, match="none"):
        keys.from_pem(key, tmp_path / "none", name="x")


def certificate_as_key(folder, certificate):
    certificate.chmod(0o600)
    return certificate


def demo_certificate() -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(DEMO_CERTIFICATE))


def test_demo_certificate_is_refused():
    """The published demo certificate, and any other over its key, is refused outside the demo."""
    demo = demo_certificate()
    renewed = made("renewed", issuer=made("above", ca=True), key=_PublicOnly(demo.public_key()))

    for certificate in (demo, renewed.certificate):
        with pytest.raises(DemoKeyRefused):
            keys.X509Identity("demo", _PublicOnly(demo.public_key()), certificate)

    assert demo.public_key() == load_der_public_key(keys.spki_of(demo.public_key()))
    assert "demo" == keys.X509Identity("demo", _PublicOnly(demo.public_key()), demo, is_demo=True).name


class _PublicOnly:
    """Stands where a private key would; the demo's own is not in this repository."""

    def __init__(self, public):
        self._public = public

    def public_key(self):
        return self._public
