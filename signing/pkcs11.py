"""Keys in a hardware token (PKCS#11): the token signs, and the key never leaves it.

python-pkcs11 (the extra `hsm`) is loaded at the first use: an installation without a token needs none of it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from signing.errors import CertificateMismatch, TokenTrouble
from signing.keys import X509Identity, certificates_in

PROBE: Final = b"lienthong: is this the certificate's key?"


class TokenKey:
    """A private key in a token. One session, opened at the first signature and again after the token was away."""

    def __init__(self, *, module: str, token: str, key: str, pin: str, public_key: PublicKeyTypes) -> None:
        self._module, self._token, self._label, self._pin = module, token, key, pin
        self._public_key = public_key
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] | None = None

    def __repr__(self) -> str:
        return f"TokenKey({self._label!r})"

    def public_key(self) -> PublicKeyTypes:
        """Of its certificate; `from_token` has proved that they belong together."""
        return self._public_key

    def sign(self, message: bytes, algorithm: str) -> bytes:
        """By the token. Raises TokenTrouble."""
        # A session is one conversation: threads that interleave their calls would get each other's signatures.
        with self._lock:
            try:
                return self._sign(message, algorithm)
            except TokenTrouble:
                # Pulled and put back, or another process: a new session, once.
                self._opened = None
                return self._sign(message, algorithm)

    def _sign(self, message: bytes, algorithm: str) -> bytes:
        try:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), self._open()
            return _SIGN[algorithm](self._opened[1], message)
        except ImportError:
            raise TokenTrouble("python-pkcs11 is not installed: pip install 'lienthong[hsm]'") from None
        except RuntimeError as trouble:
            # Its errors' names are the standard's; their texts may have what was handed in.
            raise TokenTrouble(f"{self._token}: {type(trouble).__name__}") from None

    def _open(self) -> Any:
        import pkcs11

        library = pkcs11.lib(self._module)
        token = library.get_token(token_label=self._token)
        try:
            session = token.open(user_pin=self._pin)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            # Another key of the same token: the token lets a process in once, with all of its sessions.
            session = token.open()
        return session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self._label)


def _rsa_sha256(key: Any, message: bytes) -> bytes:
    import pkcs11

    return bytes(key.sign(message, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS))


def _rsa_sha512(key: Any, message: bytes) -> bytes:
    import pkcs11

    return bytes(key.sign(message, mechanism=pkcs11.Mechanism.SHA512_RSA_PKCS))


def _rsa_pss_sha512(key: Any, message: bytes) -> bytes:
    import pkcs11

    salt = (pkcs11.Mechanism.SHA512, pkcs11.MGF.SHA512, 64)
    return bytes(key.sign(message, mechanism=pkcs11.Mechanism.SHA512_RSA_PKCS_PSS, mechanism_param=salt))


def _ecdsa_p256_sha256(key: Any, message: bytes) -> bytes:
    import pkcs11

    # Hashed here: not every token has the mechanism that does both.
    return bytes(key.sign(hashlib.sha256(message).digest(), mechanism=pkcs11.Mechanism.ECDSA))


_SIGN: Final[Mapping[str, Callable[[Any, bytes], bytes]]] = {
    "rsa-sha256": _rsa_sha256,
    "rsa-sha512": _rsa_sha512,
    "rsa-pss-sha512": _rsa_pss_sha512,
    "ecdsa-p256-sha256": _ecdsa_p256_sha256,
}


def from_token(
    *, module: str, token: str, key: str, pin: str, certificate_file: Path, name: str, is_demo: bool = False
) -> X509Identity:
    """The key of this label in this token, with its certificate from a file. Raises KeyTrouble."""
    first, *above = certificates_in(certificate_file)
    held = TokenKey(module=module, token=token, key=key, pin=pin, public_key=first.public_key())
    identity = X509Identity(name, held, first, above, is_demo=is_demo)
    _prove(identity, first.public_key())
    return identity


def _prove(identity: X509Identity, public: PublicKeyTypes) -> None:
    """A token does not show its key; that it is the certificate's is seen from a signature."""
    signature = identity.sign(PROBE, identity.algorithms[0])
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, PROBE, padding.PKCS1v15(), SHA256())
        else:
            assert isinstance(public, ec.EllipticCurvePublicKey)
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            public.verify(encode_dss_signature(r, s), PROBE, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise CertificateMismatch(f"{identity.name}: the token's key is not the certificate's") from None
