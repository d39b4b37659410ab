"""What a CSC service remembers: who may call, what signers have, what they agreed to, what is being signed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.csc.places import No, invalid
from contracts.signing_pki.authorities import Holder
from contracts.signing_transactions import Signers

SHA256: Final = "2.16.840.1.101.3.4.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
RSA_SHA256: Final = "1.2.840.113549.1.1.11"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
OTP: Final = "123456"
PIN: Final = "2580"
"""What signers of the mock type; known to everybody."""


@dataclass(slots=True, kw_only=True)
class Credential:
    """One key of one signer."""

    id: str
    user: str
    holder: Holder
    wrong: int = 0
    """One-time passwords or PINs in a row that were not it."""
    otps_sent: int = 0

    @property
    def algorithms(self) -> list[str]:
        return [RSA, RSA_SHA256] if isinstance(self.holder.key, rsa.RSAPrivateKey) else [ECDSA_SHA256]


@dataclass(slots=True, kw_only=True)
class Grant:
    """What a signer agreed to: a SAD."""

    credential: str
    hashes: frozenset[bytes] | None
    """None: any, as SCAL 1 has it."""
    left: int
    until: datetime
    is_used: bool = False
    """After a signHash it has to be extended."""


class People:
    """Signers' credentials, by ids of the service's own."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers
        self._found: dict[str, Credential] = {}

    def clear(self) -> None:
        self._found.clear()

    def of(self, user: str) -> list[Credential]:
        """A signer's credentials (r20)."""
        return [self._known(f"GX-{user}-{each.serial[:8]}", user, each) for each in self._signers.of(user)]

    def get(self, name: str) -> Credential | None:
        """One that was listed."""
        return self._found.get(name)

    def _known(self, name: str, user: str, holder: Holder) -> Credential:
        return self._found.setdefault(name, Credential(id=name, user=user, holder=holder))


def digests(values: Any, *, rule: str = "r43", where: str = "hash") -> list[bytes]:
    """Hashes as they are told, or No."""
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise invalid(rule, where, "a list of hashes", words="Empty hash array")
    found = []
    for value in values:
        try:
            found.append(base64.b64decode(value, validate=True))
        except (binascii.Error, TypeError, ValueError):
            raise invalid(rule, where, "Base64", words="Invalid Base64 hash string parameter") from None
        if len(found[-1]) != 32:
            raise invalid(rule, where, "32 bytes", str(len(found[-1])), words="Invalid digest value length")
    return found


class Grants:
    """SADs that were given out."""

    def __init__(self) -> None:
        self._all: dict[str, Grant] = {}
        self._made = 0

    def clear(self) -> None:
        self._all.clear()

    def give(self, grant: Grant) -> str:
        self._made += 1
        sad = f"mock-sad-{self._made:04d}"
        self._all[sad] = grant
        return sad

    def spend(self, sad: object, credential: str, hashes: Sequence[bytes], now: datetime) -> None:
        """One signHash of these, or No (r35, r36, r43)."""
        grant = self.of(sad, credential, now)
        if grant.is_used or len(hashes) > grant.left or not _covers(grant, hashes):
            raise invalid("r43", "SAD", "a SAD for these hashes", words="Hash is not authorized by the SAD.")
        grant.left -= len(hashes)
        grant.is_used = True

    def extend(self, sad: object, credential: str, hashes: Sequence[bytes], now: datetime) -> str:
        """A new SAD of the same authorisation (r35)."""
        grant = self.of(sad, credential, now)
        if len(hashes) > grant.left:
            raise invalid("r35", "hash", f"at most {grant.left}", words="Numbers of signatures is too high")
        made = self.give(
            Grant(credential=credential, hashes=frozenset(hashes) or None, left=grant.left, until=grant.until)
        )
        grant.left = 0
        return made

    def of(self, sad: object, credential: str, now: datetime) -> Grant:
        grant = self._all.get(sad) if isinstance(sad, str) else None
        if grant is None or grant.credential != credential:
            raise invalid("r40", "SAD", "a SAD of this credential", words="Invalid parameter SAD")
        if grant.until <= now:
            raise invalid("r36", "SAD", "one within its time", words="SAD expired")
        return grant


def _covers(grant: Grant, hashes: Sequence[bytes]) -> bool:
    return grant.hashes is None or set(hashes) <= grant.hashes


class Tokens:
    """Access tokens, refresh tokens and codes."""

    def __init__(self) -> None:
        self._access: dict[str, tuple[datetime, str]] = {}
        self._refresh: set[str] = set()
        self._codes: dict[str, dict[str, str]] = {}
        self._made = 0

    def clear(self) -> None:
        self._access.clear()
        self._refresh.clear()
        self._codes.clear()

    def access(self, now: datetime, life: float, *, scope: str = "service") -> str:
        return self._new("access", lambda name: self._access.__setitem__(name, (now + timedelta(seconds=life), scope)))

    def refresh(self) -> str:
        return self._new("refresh", self._refresh.add)

    def code(self, about: dict[str, str]) -> str:
        return self._new("code", lambda name: self._codes.__setitem__(name, about))

    def take_code(self, code: str) -> dict[str, str] | None:
        return self._codes.pop(code, None)

    def knows_refresh(self, token: str) -> bool:
        return token in self._refresh

    def revoke(self, token: str) -> None:
        self._access.pop(token, None)
        self._refresh.discard(token)

    def forget_access(self) -> None:
        """Everybody has to come again."""
        self._access.clear()

    def judge(self, header: str, now: datetime) -> str:
        """The scope of a bearer, or No (r4)."""
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else ""
        found = self._access.get(token)
        if found is None:
            raise No(
                "invalid_token",
                "Invalid access token",
                rule="r4",
                where="Authorization",
                expected="a token of ours",
                status=401,
            )
        if found[0] <= now:
            raise No(
                "expired_token",
                "The access token is expired",
                rule="r4",
                where="Authorization",
                expected="one within its time",
                status=401,
            )
        return found[1]

    def _new(self, kind: str, keep: Callable[[str], object]) -> str:
        self._made += 1
        name = f"mock-{kind}-{self._made:04d}"
        keep(name)
        return name
