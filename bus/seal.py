"""Sealing and opening bodies, and the keyed hashes that find a dossier without opening one.

Three layers of keys, so that the master key never touches a body and a body can be destroyed for ever by forgetting
the data key that sealed it:

    master key (a file)  ──HKDF──▶  wrap key    wraps the data keys that stand in the ledger
                                    index key   keyed hashes for search
                                    head key    authenticates the head of each chain of moves (`bus/evidence.py`)
    data key (wrapped in the ledger)  ──AES-256-GCM──▶  bodies

A sealed body is `form ‖ nonce ‖ ciphertext ‖ tag`; what is encrypted is `salt ‖ body`. The commitment, SHA-256 over the
same salt and body, goes into the chain: without the salt, which is destroyed together with the body, nobody can
confirm a guess ("was it this identity number?"), and the chain still verifies.

Bodies are not compressed: deflating 1 kB costs more than ten times what sealing it does, and a compressed length
tells something about the content.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bus.errors import LedgerDamaged, LedgerUnsafe
from bus.ports import Randomness

KEY_SIZE: Final = 32
NONCE_SIZE: Final = 12
SALT_SIZE: Final = 16
TERM_SIZE: Final = 16

FORM: Final = b"\x01"
"""The first byte of every sealed body; another number will mean another layout."""

SEALS_A_KEY: Final = 2**30
"""Random 96-bit nonces may repeat after about 2**32 seals under one key; a quarter of that leaves room."""

WORDS_KEPT: Final = 4_096
"""Words of names whose terms are kept: a few hundred make up nearly all Vietnamese names."""

_LATIN_MARKS: Final = re.compile("[\u0300-\u034e\u0350-\u036f]+")
"""What accents fall apart into. U+034F, which stands among them, is no mark that combines."""
_BLANKS: Final = re.compile(r"[\W_]")
_NO_DIGITS: Final = re.compile(r"\D")
_WORDS: Final = re.compile(r"[^\W_]+")

FEWEST_DISTINCT_BYTES: Final = 12
"""A random key of 32 bytes has about thirty different ones; fewer than this is a placeholder that somebody typed."""


class MasterKey:
    """The one secret of the ledger. Everything else is derived from it or wrapped under it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_SIZE:
            raise LedgerUnsafe(
                f"The master key has {len(secret)} bytes, not {KEY_SIZE}; make one with `lienthong init`."
            )
        self._secret = secret
        self.id: Final = _derived(secret, b"id")[:8].hex()
        """Names the key without telling anything about it."""
        self.wrap_key: Final = _derived(secret, b"wrap")
        self.index_key: Final = _derived(secret, b"index")
        self.head_key: Final = _derived(secret, b"head")

    @classmethod
    def generate(cls, randomness: Randomness) -> MasterKey:
        """A new key; `save` it before anything is sealed under it."""
        return cls(randomness.token(KEY_SIZE))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> MasterKey:
        """The key in a file that only its owner may read, as 64 hex digits or base64."""
        try:
            with Path(path).open("rb") as file:
                _refuse_shared(os.fstat(file.fileno()), path)
                text = file.read(1024)
        except OSError as trouble:
            raise LedgerUnsafe(
                f"The master key file {path} cannot be read ({trouble.strerror}); set [ledger] master_key_file, "
                "or make one with `lienthong init`."
            ) from trouble
        return cls(_key_from_text(text, path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as hex to a new file that only its owner may read; an existing file is never replaced."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._secret.hex().encode() + b"\n")
            file.flush()
            os.fsync(handle)

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A key for bodies as it stands in the ledger: wrapped."""

    id: int
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A body as it is kept, and what the chain says of it."""

    key_id: int
    blob: bytes
    commitment: bytes
    """SHA-256 over a random salt and the body: 32 bytes."""


class Sealer:
    """Seals bodies under the current data key, and opens them under any key it was shown.

    Safe in many threads: opening only reads, and a lost count of seals is far from the bound.
    """

    def __init__(self, master: MasterKey, randomness: Randomness) -> None:
        self.terms: Final = SearchTerms(master)
        self._master = master
        self._wrap = AESGCM(master.wrap_key)
        self._randomness = randomness
        self._ciphers: dict[int, AESGCM] = {}
        self._current: tuple[int, AESGCM] | None = None
        self._seals = 0

    @property
    def needs_key(self) -> bool:
        """Whether `new_data_key` must be called, and its row stored, before the next seal."""
        return self._current is None or self._seals >= SEALS_A_KEY

    def new_data_key(self) -> DataKey:
        """A fresh data key, from now on the current one. Store it before the first body sealed under it."""
        key_id = self._free_id()
        secret, nonce = self._randomness.token(KEY_SIZE), self._randomness.token(NONCE_SIZE)
        self._make_current(key_id, AESGCM(secret), seals_before=0)
        return DataKey(id=key_id, wrapped=nonce + self._wrap.encrypt(nonce, secret, _wrap_context(key_id)))

    def open_data_key(self, key_id: int, wrapped: bytes, *, current: bool = True, seals_before: int = 0) -> None:
        """Unwrap a key from the ledger; the last one opened as `current` seals from now on."""
        try:
            secret = self._wrap.decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], _wrap_context(key_id))
        except (InvalidTag, ValueError) as trouble:
            raise LedgerUnsafe(
                f"Master key {self._master.id} does not open data key {key_id}; set [ledger] master_key_file to the "
                "key this ledger was made with, or restore the ledger from a backup."
            ) from trouble
        cipher = self._ciphers[key_id] = AESGCM(secret)
        if current:
            self._make_current(key_id, cipher, seals_before)

    def knows(self, key_id: int) -> bool:
        """Whether bodies under this data key can be opened; another process may have made a newer one."""
        return key_id in self._ciphers

    def seal(self, body: bytes, context: bytes) -> Sealed:
        """Seal a body; `context` says what kind of thing it is, and the same must be given to open it."""
        assert self._current is not None, "call new_data_key or open_data_key first"
        key_id, cipher = self._current
        chance = self._randomness.token(NONCE_SIZE + SALT_SIZE)
        nonce, salted = chance[:NONCE_SIZE], chance[NONCE_SIZE:] + body
        self._seals += 1
        return Sealed(
            key_id=key_id,
            blob=FORM + nonce + cipher.encrypt(nonce, salted, _body_context(key_id, context)),
            commitment=hashlib.sha256(salted).digest(),
        )

    def open(self, key_id: int, blob: bytes, context: bytes, commitment: bytes | None = None) -> bytes:
        """The body that was sealed. With its `commitment`, two bodies that were exchanged are noticed too."""
        return self.open_salted(key_id, blob, context, commitment)[1]

    def open_salted(
        self, key_id: int, blob: bytes, context: bytes, commitment: bytes | None = None
    ) -> tuple[bytes, bytes]:
        """The salt beside the body: with both, and only with both, anybody can check the commitment."""
        salted = self._decrypted(key_id, blob, context)
        if commitment is not None and not hmac.compare_digest(commitment, hashlib.sha256(salted).digest()):
            raise LedgerDamaged("A sealed body is not the one its row committed to; find the row with `ledger verify`.")
        return salted[:SALT_SIZE], salted[SALT_SIZE:]

    def _decrypted(self, key_id: int, blob: bytes, context: bytes) -> bytes:
        if (cipher := self._ciphers.get(key_id)) is None:
            raise LedgerDamaged(f"Data key {key_id} is not in the ledger; what it sealed cannot be opened.")
        form, nonce, rest = blob[:1], blob[1 : 1 + NONCE_SIZE], blob[1 + NONCE_SIZE :]
        try:
            if form != FORM:
                raise InvalidTag
            return cipher.decrypt(nonce, rest, _body_context(key_id, context))
        except (InvalidTag, ValueError) as trouble:
            raise LedgerDamaged("A sealed body was changed, or is not of this kind; see `ledger verify`.") from trouble

    def _make_current(self, key_id: int, cipher: AESGCM, seals_before: int) -> None:
        self._ciphers[key_id] = cipher
        self._current = (key_id, cipher)
        self._seals = seals_before

    def _free_id(self) -> int:
        """A small positive number that no known key has; random, so that two processes rarely choose the same."""
        while True:
            key_id = int.from_bytes(self._randomness.token(4)) >> 1
            if key_id and key_id not in self._ciphers:
                return key_id


class SearchTerms:
    """Keyed hashes of what an operator may search for: equal values meet, and the index alone tells no value.

    It does tell how often a value occurs; that is why whole numbers and single words are hashed, never their parts.
    """

    def __init__(self, master: MasterKey) -> None:
        self._keyed = hmac.new(master.index_key, digestmod="sha256")
        """Copied for each term: the key is set up once, which is most of what an HMAC of one word costs."""
        self._word = lru_cache(maxsize=WORDS_KEPT)(partial(self._term, b"name"))

    def identity_term(self, number: str) -> bytes:
        """Of an identity, passport or tax number; blanks, dots and letter case do not matter."""
        return self._term(b"identity", folded_identity(number))

    def phone_term(self, number: str) -> bytes:
        """Of a telephone number; `+84`, `84`, `0` and a lost leading nought are one number."""
        return self._term(b"phone", folded_phone(number))

    def name_terms(self, name: str) -> set[bytes]:
        """One for each word of a name, without accents; a search for several words wants all of theirs."""
        return {self._word(word) for word in folded_words(name)}

    def _term(self, kind: bytes, folded: str) -> bytes:
        term = self._keyed.copy()
        term.update(kind + b":" + folded.encode())
        return term.digest()[:TERM_SIZE]


def folded_identity(number: str) -> str:
    """Letters and digits only, upper case; a value without any stays as it is, so that it meets only itself."""
    if number.isascii() and number.isalnum():
        return number.upper()
    return _BLANKS.sub("", unicodedata.normalize("NFKC", number)).upper() or number


def folded_phone(number: str) -> str:
    """The number within the country, without any prefix."""
    digits = _NO_DIGITS.sub("", unicodedata.normalize("NFKC", number)).removeprefix("00")
    # With the country's prefix there are nine digits or more after it; a shorter one begins with 84 by itself (084…).
    within = digits[2:] if digits.startswith("84") and len(digits) >= 11 else digits
    return within.lstrip("0") or number


def folded_words(text: str) -> set[str]:
    """The words of a text without accents and case: NFC and NFD meet, and đ meets d, as people type it in a search."""
    parts = _LATIN_MARKS.sub("", unicodedata.normalize("NFD", text.casefold())).replace("đ", "d")
    # What is left is nearly always plain letters; another script's own marks are looked for one by one.
    bare = parts if parts.isascii() else "".join(c for c in parts if not unicodedata.combining(c))
    return set(_WORDS.findall(bare))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=b"lienthong/1/" + purpose).derive(secret)


def _wrap_context(key_id: int) -> bytes:
    return b"lienthong data key" + key_id.to_bytes(8)


def _body_context(key_id: int, context: bytes) -> bytes:
    return FORM + key_id.to_bytes(8) + context


def _refuse_shared(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise LedgerUnsafe(f"The master key file {path} can be read by others; run `chmod 600 {path}`.")


def _key_from_text(text: bytes, path: str | os.PathLike[str]) -> bytes:
    bare = b"".join(text.split())
    try:
        secret = (
            bytes.fromhex(bare.decode("ascii")) if len(bare) == 2 * KEY_SIZE else base64.b64decode(bare, validate=True)
        )
    except (ValueError, binascii.Error) as trouble:
        raise LedgerUnsafe(
            f"The master key file {path} holds neither 64 hex digits nor base64 of 32 bytes."
        ) from trouble
    if len(secret) == KEY_SIZE and len(set(secret)) < FEWEST_DISTINCT_BYTES:
        raise LedgerUnsafe(f"The master key in {path} is a placeholder, not chance; make one with `lienthong init`.")
    return secret
