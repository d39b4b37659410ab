"""Bodies are sealed, bound to their place, and found again by keyed hashes only."""

from __future__ import annotations

import base64
import hashlib
import random
import unicodedata
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from bus import seal
from bus.errors import LedgerDamaged, LedgerUnsafe
from bus.ports import SystemRandomness
from bus.seal import MasterKey, Sealer, SearchTerms, folded_identity, folded_phone, folded_words

BODY = '{"applicant":{"name":"Nguyễn Thị Ví Dụ","phone":"0900000001"}}'.encode()


class Dice:
    """Chance that can be foretold."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def between(self, low: float, high: float) -> float:
        return low


class Scripted(Dice):
    """Chance that first says what it is told."""

    def __init__(self, *tokens: bytes) -> None:
        super().__init__()
        self._tokens = list(tokens)

    def token(self, size: int) -> bytes:
        return self._tokens.pop(0) if self._tokens and len(self._tokens[0]) == size else super().token(size)


@pytest.fixture
def master() -> MasterKey:
    return MasterKey.generate(Dice())


@pytest.fixture
def sealer(master: MasterKey) -> Sealer:
    made = Sealer(master, Dice(2))
    made.new_data_key()
    return made


def test_key_goes_to_file_and_back(tmp_path: Path, master: MasterKey):
    """What `save` writes, only the owner may read, and `from_file` gives the same key again."""
    path = tmp_path / "master.key"

    master.save(path)

    assert 0o600 == path.stat().st_mode & 0o777
    assert master.id == MasterKey.from_file(path).id


def test_key_file_is_never_replaced(tmp_path: Path, master: MasterKey):
    """A second `init` cannot overwrite the only key to a ledger."""
    path = tmp_path / "master.key"
    master.save(path)

    with pytest.raises(FileExistsError):
        MasterKey.generate(Dice(9)).save(path)

    assert master.id == MasterKey.from_file(path).id


@pytest.mark.parametrize("encode", [lambda k: k.hex().encode(), lambda k: k.hex().upper().encode(), base64.b64encode])
def test_key_file_is_hex_or_base64(tmp_path: Path, encode):
    """Both spellings are one key; blanks and line ends around it do not matter."""
    secret = Dice(3).token(32)
    path = tmp_path / "master.key"
    path.write_bytes(b"  " + encode(secret) + b"\r\n")
    path.chmod(0o600)

    assert MasterKey(secret).id == MasterKey.from_file(path).id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_shared_key_file_is_refused(tmp_path: Path, master: MasterKey, mode: int):
    """A key that the group or others can touch is refused, and the cure is said."""
    path = tmp_path / "master.key"
    master.save(path)
    path.chmod(mode)

    with pytest.raises(LedgerUnsafe, match="chmod 600"):
        MasterKey.from_file(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "0 bytes"),
        (b"zz" * 32, "neither"),
        (b"not a key at all!", "neither"),
        (b"\xff\xfe" * 32, "neither"),
        (base64.b64encode(b"x" * 31), "31 bytes"),
        (b"00" * 32, "placeholder"),
        (b"0123456789abcdef" * 4, "placeholder"),
    ],
)
def test_text_that_is_no_key_is_refused(tmp_path: Path, text: bytes, says: str):
    """Too short, too long, of another alphabet, or typed by hand: the start is refused."""
    path = tmp_path / "master.key"
    path.write_bytes(text)
    path.chmod(0o600)

    with pytest.raises(LedgerUnsafe, match=says):
        MasterKey.from_file(path)


def test_missing_key_file_names_the_cure(tmp_path: Path):
    """The message says which setting to mend."""
    with pytest.raises(LedgerUnsafe, match="master_key_file"):
        MasterKey.from_file(tmp_path / "nowhere")


def test_repr_shows_only_the_id(master: MasterKey, tmp_path: Path):
    """No derived key and no secret is in the repr, and the id is none of them."""
    master.save(tmp_path / "k")
    secret = (tmp_path / "k").read_text().strip()

    assert f"MasterKey({master.id})" == repr(master)
    assert master.id not in secret
    assert not any(key.hex().startswith(master.id) for key in (master.wrap_key, master.index_key, master.head_key))
    assert 3 == len({master.wrap_key, master.index_key, master.head_key})


def test_derived_keys_stay_the_same():
    """A ledger made by this version opens with every later one."""
    master = MasterKey(bytes(range(32)))

    assert "727c2985e59861f0" == master.id
    assert ["4803897a", "26d2230f", "8399e9ee"] == [
        key[:4].hex() for key in (master.wrap_key, master.index_key, master.head_key)
    ]


@given(body=st.binary(max_size=3000), context=st.sampled_from([b"event", b"request", b"reply", b""]))
def test_sealed_body_opens(body: bytes, context: bytes):
    """What was sealed comes back, byte for byte."""
    sealer = Sealer(MasterKey.generate(Dice()), SystemRandomness())
    sealer.new_data_key()

    sealed = sealer.seal(body, context)

    assert body == sealer.open(sealed.key_id, sealed.blob, context, sealed.commitment)
    assert 32 == len(sealed.commitment)


def test_body_is_not_readable(sealer: Sealer):
    """Nothing of the body stands in what is kept."""
    sealed = sealer.seal(BODY, b"event")

    assert b"0900000001" not in sealed.blob
    assert b"applicant" not in sealed.blob


def test_commitment_hides_the_body(sealer: Sealer):
    """The same body is committed to differently each time, and not by its plain digest: a guess cannot be confirmed."""
    first, second = sealer.seal(BODY, b"event"), sealer.seal(BODY, b"event")

    assert first.commitment != second.commitment
    assert first.blob != second.blob
    assert hashlib.sha256(BODY).digest() not in {first.commitment, second.commitment}


def test_every_changed_byte_is_noticed(sealer: Sealer):
    """No single flipped bit of a sealed body opens."""
    sealed = sealer.seal(b"body", b"event")

    for at in range(len(sealed.blob)):
        changed = bytearray(sealed.blob)
        changed[at] ^= 1
        with pytest.raises(LedgerDamaged):
            sealer.open(sealed.key_id, bytes(changed), b"event")


@pytest.mark.parametrize("length", [0, 1, 12, 20])
def test_cut_body_is_noticed(sealer: Sealer, length: int):
    """A body that was cut short is damaged, whatever is left of it."""
    sealed = sealer.seal(BODY, b"event")

    with pytest.raises(LedgerDamaged):
        sealer.open(sealed.key_id, sealed.blob[:length], b"event")


def test_body_opens_only_as_what_it_was(sealer: Sealer):
    """A reply cannot be passed off as a request."""
    sealed = sealer.seal(BODY, b"reply")

    with pytest.raises(LedgerDamaged):
        sealer.open(sealed.key_id, sealed.blob, b"request")


def test_exchanged_bodies_are_noticed(sealer: Sealer):
    """Two bodies of one kind under one key differ by what their rows committed to."""
    first, second = sealer.seal(b"first", b"event"), sealer.seal(b"second", b"event")

    with pytest.raises(LedgerDamaged, match="committed"):
        sealer.open(first.key_id, second.blob, b"event", first.commitment)


def test_wrapped_key_serves_after_a_restart(master: MasterKey):
    """A fresh sealer with the same master key and the ledger's row opens the old bodies and seals on."""
    before = Sealer(master, Dice(4))
    key = before.new_data_key()
    sealed = before.seal(BODY, b"event")
    after = Sealer(master, Dice(5))
    assert after.needs_key

    after.open_data_key(key.id, key.wrapped)

    assert BODY == after.open(sealed.key_id, sealed.blob, b"event")
    assert key.id == after.seal(BODY, b"event").key_id
    assert not after.needs_key


def test_old_key_opens_but_does_not_seal(master: MasterKey, sealer: Sealer):
    """A key that is read for an old body does not become the current one."""
    old = Sealer(master, Dice(6)).new_data_key()

    sealer.open_data_key(old.id, old.wrapped, current=False)

    assert sealer.knows(old.id)
    assert old.id != sealer.seal(BODY, b"event").key_id


def test_another_master_key_is_refused(sealer: Sealer):
    """The wrong master key is found at the start, with the cure, and not at the first body."""
    key = sealer.new_data_key()
    stranger = Sealer(MasterKey.generate(Dice(7)), Dice(8))

    with pytest.raises(LedgerUnsafe, match="master_key_file"):
        stranger.open_data_key(key.id, key.wrapped)


@pytest.mark.parametrize("wrapped", [b"", b"short", bytes(60)])
def test_damaged_wrapped_key_is_refused(sealer: Sealer, wrapped: bytes):
    """A wrapped key that was cut or changed is told like a wrong master key."""
    with pytest.raises(LedgerUnsafe):
        sealer.open_data_key(5, wrapped)


def test_wrapped_key_is_bound_to_its_id(sealer: Sealer):
    """Rows of data keys cannot be exchanged."""
    key = sealer.new_data_key()

    with pytest.raises(LedgerUnsafe):
        sealer.open_data_key(key.id + 1, key.wrapped)


def test_body_of_a_destroyed_key_stays_shut(master: MasterKey, sealer: Sealer):
    """Without its data key a body cannot be opened, and the message says which key is missing."""
    sealed = sealer.seal(BODY, b"event")
    later = Sealer(master, Dice(9))

    with pytest.raises(LedgerDamaged, match=str(sealed.key_id)):
        later.open(sealed.key_id, sealed.blob, b"event")
    assert not later.knows(sealed.key_id)


def test_key_is_replaced_after_its_bound(master: MasterKey, sealer: Sealer, monkeypatch: pytest.MonkeyPatch):
    """Long before random nonces could repeat, the sealer asks for a new key."""
    monkeypatch.setattr(seal, "SEALS_A_KEY", 2)
    sealer.seal(BODY, b"event")
    assert not sealer.needs_key

    sealer.seal(BODY, b"event")

    assert sealer.needs_key
    key = sealer.new_data_key()
    assert not sealer.needs_key
    restarted = Sealer(master, Dice(1))
    restarted.open_data_key(key.id, key.wrapped, seals_before=2)
    assert restarted.needs_key


def test_key_ids_are_positive_and_free(master: MasterKey):
    """Nought and an id in use are drawn again."""
    sealer = Sealer(master, Scripted(bytes(4), b"\0\0\0\x0a"))
    assert 5 == sealer.new_data_key().id
    sealer._randomness = Scripted(b"\0\0\0\x0b", b"\0\0\0\x0e")

    assert 7 == sealer.new_data_key().id


def test_layout_of_a_sealed_body_is_fixed(master: MasterKey):
    """form ‖ nonce ‖ AES-256-GCM(salt ‖ body), bound to form, key id and context: a second reader can be written."""
    sealer = Sealer(master, Dice(3))
    key = sealer.new_data_key()
    secret = AESGCM(master.wrap_key).decrypt(
        key.wrapped[:12], key.wrapped[12:], b"lienthong data key" + key.id.to_bytes(8)
    )

    sealed = sealer.seal(BODY, b"event")

    bound = b"\x01" + key.id.to_bytes(8) + b"event"
    salted = AESGCM(secret).decrypt(sealed.blob[1:13], sealed.blob[13:], bound)
    assert BODY == salted[16:]
    assert sealed.commitment == hashlib.sha256(salted).digest()
    assert len(sealed.blob) == 1 + 12 + 16 + len(BODY) + 16


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("099000000001", "099000000001"),
        (" 099 000 000 001 ", "099000000001"),
        ("099.000-000_001", "099000000001"),
        ("b1234567", "B1234567"),
        ("０９９０００００００01", "099000000001"),
        ("--", "--"),
    ],
)
def test_identity_is_folded(typed: str, folded: str):
    """Blanks, dots, wide digits and letter case do not hide an identity number."""
    assert folded == folded_identity(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "0900000001",
        "+84900000001",
        "84900000001",
        "0084 900 000 001",
        "+84 (0) 900.000.001",
        "900000001",
        "0900-000-001",
    ],
)
def test_spellings_of_one_phone_meet(typed: str):
    """With +84, 84, 0084, 0 or a lost nought: one number."""
    assert "900000001" == folded_phone(typed)


@pytest.mark.parametrize(("typed", "folded"), [("0848000001", "848000001"), ("848000001", "848000001"), ("n/a", "n/a")])
def test_phone_that_begins_with_84_keeps_it(typed: str, folded: str):
    """084… is a number of its own, not the country's prefix; what has no digits meets only itself."""
    assert folded == folded_phone(typed)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("text", ["Nguyễn Thị Đỗ", "NGUYỄN  THỊ ĐỖ", "nguyen thi do", "Nguyễn-Thị (Đỗ)"])
def test_names_meet_however_they_are_written(form: str, text: str):
    """Accents, their encoding, đ, case and punctuation do not matter."""
    assert {"nguyen", "thi", "do"} == folded_words(unicodedata.normalize(form, text))


def test_terms_tell_kinds_and_keys_apart(master: MasterKey):
    """A term is 16 bytes, the same for equal values, and another for another kind of value or another ledger."""
    terms, others = SearchTerms(master), SearchTerms(MasterKey.generate(Dice(9)))

    assert 16 == len(terms.identity_term("099000000001"))
    assert terms.identity_term("099 000000001") == terms.identity_term("099000000001")
    assert terms.identity_term("900000001") != terms.phone_term("900000001")
    assert terms.phone_term("+84900000001") == terms.phone_term("0900000001")
    assert terms.phone_term("0900000001") != others.phone_term("0900000001")


def test_a_search_for_some_words_finds_the_whole_name(master: MasterKey):
    """The terms of a few words are among the terms of the name; an empty name has none."""
    terms = Sealer(master, Dice()).terms

    assert terms.name_terms("vi du") < terms.name_terms("Nguyễn Thị Ví Dụ")
    assert set() == terms.name_terms(" - ")
