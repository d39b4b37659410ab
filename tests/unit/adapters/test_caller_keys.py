"""Callers with key pairs and certificates at the door: the same guarantees as with a shared secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.doors.auth import Caller
from signing.asymmetric import SigningKey, certificate_key, public_key, signing_key
from signing.http import Key
from tests.builders import NOON, SOURCE, event_json
from tests.doors import HQ, DoorWorld, door, signed_headers, wire
from tests.key_pairs import KINDS, certificate_pem, private_pem, public_pem

YEAR = timedelta(days=365)


def caller(*keys: Key, secret: bytes = b"") -> Caller:
    """The usual caller, with these keys."""
    return Caller(name=HQ.name, secret=secret, keys=keys, sources=frozenset({SOURCE}))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    """A door whose caller has a key of each kind, and a certificate of which a day is left."""
    ends_soon = certificate_key(certificate_pem("p256", 7, begins=NOON - YEAR + timedelta(days=1)))
    keys = [public_key(public_pem(kind)) for kind in KINDS]
    with door(tmp_path, callers={HQ.name: caller(*keys, ends_soon, secret=HQ.secret)}) as made:
        yield made


def key(kind: str, which: int = 0) -> SigningKey:
    return signing_key(private_pem(kind, which))


@pytest.mark.parametrize("kind", KINDS)
def test_recorded(at: DoorWorld, kind: str):
    """An event signed with a key pair is recorded; signed anew with the secret it is a repeat: the caller is one."""
    first = at.post(wire(), secret=key(kind))
    again = at.post(wire())

    assert (201, 200) == (first.status_code, again.status_code)
    assert first.content == again.content


@pytest.mark.parametrize("kind", KINDS)
def test_question(at: DoorWorld, kind: str):
    """Questions are signed in the same way."""
    assert 200 == at.get("/v1/sources/me", secret=key(kind)).status_code


@pytest.mark.parametrize("kind", KINDS)
def test_replay_of_signed_bytes(at: DoorWorld, kind: str):
    """The very same signed request again is a replay, whatever key signed it: 401, and nothing more is recorded."""
    headers = signed_headers("POST", "/v1/events", wire(), clock=at.world.clock, secret=key(kind))

    first, again = (at.client.post("/v1/events", content=wire(), headers=headers) for _ in range(2))

    assert (201, 401, "replayed") == (first.status_code, again.status_code, again.json()["code"])
    assert 1 == at.events()


def test_a_nonce_is_one_callers_whatever_the_key(at: DoorWorld):
    """A nonce that was used under the old key is used under the new one too: the name counts, not the key."""
    other = wire(id="H99.09-260703-0123:record-2")

    first = at.post(wire(), nonce="the-nonce")
    again = at.post(other, nonce="the-nonce", secret=key("ed25519"))

    assert (201, "replayed") == (first.status_code, again.json()["code"])


def test_a_strangers_key(at: DoorWorld):
    """A good signature by somebody else's key of the same kind is refused, and the operator finds caller and base."""
    response = at.post(wire(), secret=key("ed25519", 1))

    assert (401, "bad_signature") == (response.status_code, response.json()["code"])
    noted = at.refusal(response)
    assert HQ.name == noted["caller"]
    assert 0 == at.events()


def test_the_message_does_not_choose_the_algorithm(tmp_path: Path):
    """A public key used as a secret opens nothing, although everybody has it."""
    with door(tmp_path, callers={HQ.name: caller(public_key(public_pem("p256")))}) as at:
        response = at.post(wire(), secret=public_pem("p256"))

        assert (401, "bad_signature", 0) == (response.status_code, response.json()["code"], at.events())


def test_a_certificate_ends(at: DoorWorld):
    """Until its certificate's last day a caller is heard; the day after it is not, and nothing is recorded for it."""
    before = at.post(wire(), secret=key("p256", 7))
    at.world.pass_time(86_400 * 2)
    after = at.post(wire(id=f"{event_json()['id']}-2"), secret=key("p256", 7))

    assert (201, 401, "bad_signature") == (before.status_code, after.status_code, after.json()["code"])
    assert 1 == at.events()


def test_a_caller_without_keys_is_nobody(tmp_path: Path):
    """A caller for whom no key was given cannot sign anything."""
    with door(tmp_path, callers={HQ.name: caller()}) as at:
        assert (401, "bad_signature") == ((answer := at.post(wire())).status_code, answer.json()["code"])


def test_keys_do_not_print():
    """What is printed of a caller shows no key of it."""
    assert "secret" not in repr(HQ)
    assert "PublicKey" not in repr(caller(public_key(public_pem("p256"))))
