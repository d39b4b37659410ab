"""What callers of the room may catch.

SigningError
├── KeyTrouble               our own key or secret cannot be used
│   ├── KeyUnreadable        not there, not a key, or of another kind
│   ├── KeyExposed           others may read the file
│   └── SecretTooShort       a shared secret that could be guessed
└── NotVerified              a refusal: what came is not proven to be from whom it says
    ├── SignatureMissing     nothing was signed
    ├── SignatureBroken      what was signed is not what came, or not in the agreed profile
    │   └── VerifierFailed   our verifier met what it does not know: a refusal, and an alarm
    ├── SignatureStale       expired, or from the future
    └── KeyUnknown           signed under a name that nobody gave out
"""

from __future__ import annotations


class SigningError(Exception):
    """Something about a signature or a key went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").strip()


class KeyTrouble(SigningError):
    """A key or secret of this installation cannot be used; see which, and replace it."""


class KeyUnreadable(KeyTrouble):
    """The key file is missing or holds no key of the kind needed; generate one with `lienthong keys generate`."""


class KeyExposed(KeyTrouble):
    """Others may read the key file; take their rights away (chmod 600) and consider the key known."""


class SecretTooShort(KeyTrouble):
    """The shared secret is shorter than 16 bytes and could be guessed; agree on one of 32 random bytes."""


class NotVerified(SigningError):
    """What came is not proven to be from whom it says: refuse it.

    Carries what a telephone question needs, and no secret: the key's name as claimed, and the signature base as built
    here. The two sides compare their bases line by line; the first line that differs is the answer.
    """

    def __init__(self, message: str = "", *, key_id: str | None = None, base: bytes | None = None) -> None:
        self.key_id = key_id
        self.base = base
        super().__init__(message)


class SignatureMissing(NotVerified):
    """The request lacks its signature headers; sign it (RFC 9421, label sig1) and send it again."""


class SignatureBroken(NotVerified):
    """The signature does not fit the request; compare secret, covered components and the signature base."""


class VerifierFailed(SignatureBroken):
    """The verifier met something that it does not know; the request is refused, and somebody should look at the log."""


class SignatureStale(NotVerified):
    """The signature has expired or comes from the future; check both clocks, sign anew and send again."""


class KeyUnknown(NotVerified):
    """Nobody was given this key's name; check `keyid`, or add the caller to the settings."""
