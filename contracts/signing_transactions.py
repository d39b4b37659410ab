"""What every mock of a signing service keeps: transactions, with what the signer and a test did to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from contracts.signing_pki.authorities import Holder, SigningPki

State = Literal["open", "approved", "declined", "expired", "failed"]
Result = Literal["approve", "decline", "expire", "fail"]
Wrong = Literal["", "digest", "certificate", "certificate_cms", "revoked", "cms", "partial", "reordered"]
COMES_TO: dict[Result, State] = {
    "approve": "approved", "decline": "declined", "expire": "expired", "fail": "failed",
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Document:
    """One digest that somebody is asked to sign."""

    id: str
    """As the caller named it; its place where the protocol has no names."""
    name: str
    digest: bytes
    value: bytes | None = None
    """As it will be returned."""
    signs: int = 0
    """How often the key was used for it."""


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One question to one person."""

    request: str
    """The caller's own id of it, where the protocol has one."""
    handle: str
    """The service's."""
    user: str
    holder: Holder
    documents: list[Document]
    made_at: datetime
    until: datetime
    description: str = ""
    state: State = "open"
    code: str = ""
    """Why it failed."""
    wrong: Wrong = ""
    prompts: int = 1
    """How often a phone showed it."""
    asked: int = 0
    """How often its state was asked for."""
    ended_at: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """What only this service keeps."""

    def values(self) -> list[Document]:
        """Signed documents, in the order and number in which they are returned."""
        signed = [each for each in self.documents if each.value is not None]
        if self.wrong == "partial":
            signed = signed[:-1]
        return signed[::-1] if self.wrong == "reordered" else signed

    def shown(self) -> dict[str, Any]:
        """For the control route."""
        return {
            "request": self.request,
            "handle": self.handle,
            "state": self.state,
            "user": self.user,
            "prompts": self.prompts,
            "asked": self.asked,
            "description": self.description,
            "until": self.until,
            "serial": self.holder.serial,
            "documents": [{"id": each.id, "name": each.name, "signs": each.signs} for each in self.documents],
        }


class Transactions:
    """By the service's id, and by the caller's."""

    def __init__(self) -> None:
        self._by_handle: dict[str, Transaction] = {}
        self._by_request: dict[str, Transaction] = {}

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._by_handle.values())

    def __len__(self) -> int:
        return len(self._by_handle)

    def add(self, transaction: Transaction) -> None:
        self._by_handle[transaction.handle] = transaction
        if transaction.request:
            self._by_request[transaction.request] = transaction

    def get(self, name: str) -> Transaction | None:
        """By either id."""
        return self._by_handle.get(name) or self._by_request.get(name)

    def newest(self) -> Transaction | None:
        return next(reversed(self._by_handle.values()), None)

    def clear(self) -> None:
        self._by_handle.clear()
        self._by_request.clear()


# -- who can sign there ------------------------------------------------------------------------------------------------

KINDS = ("person", "official", "agency", "expired", "not_yet", "revoked", "weak", "sha1", "stranger")
"""What can be the matter with a certificate."""
NONE, TWO = "none", "two"
SPECIAL = {"10": NONE, "11": "expired", "12": TWO, "13": "revoked", "14": "weak", "15": "stranger", "16": "sha1"}
"""Last digits of `0990000000NN`: users with whom something is the matter, for trying by hand."""
NAMES = ("Nguyễn Thị Thử", "Trần Văn Mẫu", "Lê Thị Ví Dụ", "Phạm Văn Nháp", "Hoàng Thị Giả Định")


class Signers:
    """Certificates by user, made when somebody first asks for them."""

    def __init__(self, pki: SigningPki) -> None:
        self._pki = pki
        self._known: dict[str, list[Holder]] = {}

    def of(self, user: str) -> list[Holder]:
        """All certificates of this user; none for one who has none."""
        number = _number(user)
        if number not in self._known:
            self.give(number, _kinds(number))
        return self._known[number]

    def give(self, user: str, kinds: Sequence[str]) -> list[Holder]:
        """Certificates of these kinds, in place of those that the user has. Raises ValueError."""
        number = _number(user)
        if unknown := set(kinds) - set(KINDS):
            raise ValueError(f"kinds: no such kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        self._known[number] = [self._made(kind, number) for kind in kinds]
        return self._known[number]

    def put(self, user: str, *holders: Holder) -> None:
        """These very ones."""
        self._known[_number(user)] = list(holders)

    def clear(self) -> None:
        self._known.clear()

    def _made(self, kind: str, number: str) -> Holder:
        last = int(number[-3:]) if number[-3:].isdigit() else 1
        name = NAMES[(last - 1) % len(NAMES)] if kind != "agency" else "UBND XÃ MẪU"
        if kind == "stranger":
            return self._pki.stranger(uid=f"CCCD:{number}")
        make: Any = getattr(self._pki, kind)
        made = make(number=number, name=name)
        assert isinstance(made, Holder)
        return made


def _kinds(number: str) -> tuple[str, ...]:
    """Twelve digits are a person's number, ten or thirteen an agency's; of other users nobody knows anything."""
    if not number.startswith("099"):
        return ()
    if len(number) in (10, 13):
        return ("agency",)
    special = SPECIAL.get(number[-2:], "") if number.startswith("0990000000") else ""
    if special == NONE or len(number) != 12:
        return ()
    return ("person", "person") if special == TWO else (special or "person",)


def _number(user: str) -> str:
    """Without the word that some services write in front of it: `CMT_099…`, `MST:099…`."""
    return user.rpartition("_")[2].rpartition(":")[2].strip()
