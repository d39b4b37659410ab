"""What a CSC service remembers: who may call, what signers have, what they agreed to, what is being signed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from contracts.csc.places import No, invalid
from contracts.signing_pki.authorities import Holder, SigningPki

SHA256: Final = "2.16.840.1.101.3.4.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
RSA_SHA256: Final = "1.2.840.113549.1.1.11"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
OTP: Final = "123456"
PIN: Final = "2580"
"""What signers of the mock type; known to everybody."""
USER: Final = "099000000002"
AGENCY: Final = "0990000001"

State = Literal["waiting", "approved", "declined", "expired"]


@dataclass(slots=True, kw_only=True)
class Credential:
    """One key of one signer."""

    id: str
    user: str
    holder: Holder
    is_enabled: bool = True
    wrong: int = 0
    """One-time passwords or PINs in a row that were not it."""
    otps_sent: int = 0

    @property
    def is_rsa(self) -> bool:
        return hasattr(self.holder.key, "decryption_key") or hasattr(self.holder.key, "decrypt")

    @property
    def algorithms(self) -> list[str]:
        return [RSA, RSA_SHA256] if self.is_rsa else [ECDSA_SHA256]


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


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One signing, at once or (mode A) when the signer agrees."""

    request: str
    handle: str
    credential: Credential
    hashes: list[bytes]
    until: datetime
    state: State = "waiting"
    signs: int = 0
    prompts: int = 0
    effect: Callable[[], None] = field(default=lambda: None)
    wrong: str = ""

    def shown(self) -> dict[str, Any]:
        """As the control route shows it."""
        return {
            "request": self.request,
            "handle": self.handle,
            "state": self.state,
            "user": self.credential.user,
            "prompts": self.prompts,
            "documents": [{"id": str(n), "signs": self.signs} for n, _ in enumerate(self.hashes, 1)],
        }


class People:
    """Signers and their keys, made when they are first asked for: a key costs a tenth of a second."""

    def __init__(self, pki: SigningPki) -> None:
        self._pki = pki
        self._found: dict[str, Credential] = {}
        self._kind = ""

    def clear(self) -> None:
        self._found.clear()

    def of(self, user: str, kind: str) -> list[Credential]:
        """A signer's credentials, of the kind that the switch says (r27)."""
        if kind == "none" or not user:
            return []
        if kind != self._kind:
            self._found, self._kind = {}, kind
        names = [f"GX-{user}-1", *([f"GX-{user}-2"] if kind == "two" else [])]
        return [self._found.get(name) or self._new(name, user, kind) for name in names]

    def get(self, name: str) -> Credential | None:
        return self._found.get(name)

    def add(self, credential: Credential) -> None:
        """One that a test made."""
        self._found[credential.id] = credential

    def _new(self, name: str, user: str, kind: str) -> Credential:
        days = {"expired": (-400.0, -1.0), "not_yet": (1.0, 365.0)}.get(kind, (-30.0, 335.0))
        make = self._pki.agency if len(user) == len(AGENCY) else self._pki.official
        holder = make(user, days=days)
        if kind == "revoked":
            self._pki.duty.revoke(holder)
        made = Credential(id=name, user=user, holder=holder, is_enabled=kind != "disabled")
        self._found[name] = made
        return made


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
