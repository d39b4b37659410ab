"""Keys of the console, all made of one: what forms prove, what addresses say once, what a login page carries along.

Nothing of it is kept on the server, and every process of the doors reads what another one wrote.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bus.ports import Randomness

_NONCE: Final = 12


class Unsealable(ValueError):
    """This was not sealed here, or too long ago."""


class Sealing:
    """Proofs and seals under one key."""

    def __init__(self, key: bytes, randomness: Randomness) -> None:
        """`key` is the ledger's index key: who has it has the ledger."""
        self._key = key
        self._randomness = randomness
        self._box = AESGCM(self._derived(b"console seal"))

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.new(self._key, purpose, hashlib.sha256).digest()

    def proof(self, purpose: str, text: str) -> str:
        """Short text that only we can make of this one, for this purpose."""
        made = hmac.new(self._derived(f"console {purpose}".encode()), text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made[:18]).decode()

    def is_proof(self, purpose: str, text: str, proof: str) -> bool:
        """Whether it is that text's."""
        return hmac.compare_digest(self.proof(purpose, text).encode(), proof.encode())

    def sealed(self, purpose: str, content: Any, now: datetime) -> str:
        """JSON that only we can read."""
        nonce = self._randomness.token(_NONCE)
        text = json.dumps([now.timestamp(), content], ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(nonce + self._box.encrypt(nonce, text, purpose.encode())).decode()

    def opened(self, purpose: str, sealed: str, now: datetime, life: timedelta) -> Any:
        """What was sealed for this purpose. Raises Unsealable."""
        try:
            octets = base64.urlsafe_b64decode(sealed.encode("ascii"))
            at, content = json.loads(self._box.decrypt(octets[:_NONCE], octets[_NONCE:], purpose.encode()))
        except (InvalidTag, ValueError, binascii.Error) as trouble:
            raise Unsealable("not sealed here") from trouble
        if not 0 <= now.timestamp() - at <= life.total_seconds():
            raise Unsealable("sealed too long ago")
        return content

    def fresh(self) -> str:
        """Unguessable text."""
        return base64.urlsafe_b64encode(self._randomness.token(24)).decode()
