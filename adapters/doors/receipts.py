"""The answer to an accepted event: made from stored facts only, so that a repeat gets the same bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from bus.messages import canonical_bytes

ALGORITHM: Final = "ed25519"

_ENCODER: Final = msgspec.json.Encoder()


class Signer(Protocol):
    """Our own identity: an Ed25519 key, whose signatures are the same for the same bytes."""

    @property
    def key_id(self) -> str:
        """The key's name, as a verifier will look for it."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The signature over these bytes."""
        ...


class KeyRing:
    """The key that signs now, and those that did before: a repeat gets the receipt of its first answer (P4)."""

    def __init__(self, present: Signer, retired: Sequence[Signer] = ()) -> None:
        self._present = present
        self._by_name = {key.key_id: key for key in (*retired, present)}

    def of(self, key_id: str | None) -> Signer:
        """The key of this name; today's where that one was not kept: still a good receipt, in other bytes."""
        return self._by_name.get(key_id or "", self._present)


def shown_time(at: datetime) -> str:
    """A time as every answer shows it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def receipt(signer: Signer, *, source: str, id: str, digest: str, accepted_at: str) -> str:
    """`ed25519:<key id>:<base64>`, over the RFC 8785 form of the answer's other four members."""
    signed = signer.sign(signed_bytes(source=source, id=id, digest=digest, accepted_at=accepted_at))
    return f"{ALGORITHM}:{signer.key_id}:{base64.b64encode(signed).decode()}"


def signed_bytes(*, source: str, id: str, digest: str, accepted_at: str) -> bytes:
    """What a receipt covers; whoever verifies one builds these."""
    return canonical_bytes({"accepted_at": accepted_at, "digest": digest, "id": id, "source": source})


def answer(signer: Signer, *, source: str, id: str, digest: bytes, accepted_at: datetime) -> bytes:
    """The body of 201 and 200."""
    at, shown = shown_time(accepted_at), digest.hex()
    told = {"id": id, "source": source, "digest": shown, "accepted_at": at}
    told["receipt"] = receipt(signer, source=source, id=id, digest=shown, accepted_at=at)
    return _ENCODER.encode(told)
