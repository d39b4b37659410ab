"""What tests of the one-stop system's adapter share: keys, settings for each protocol, and events for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from adapters.channels.http import HttpChannel
from adapters.partners.one_stop.adapter import OneStop as Adapter
from adapters.partners.one_stop.settings import OneStopSettings, RestKeys, SoapKeys
from bus.messages import Delivery, Event
from bus.ports import Clock, SystemClock
from contracts.one_stop.gate import Account
from contracts.one_stop.mock import OneStop
from contracts.one_stop.pki import ONE_STOP, Leaf, Pki
from contracts.serve import serve
from signing.keys import KeyInMemory, X509Identity
from signing.trust import Pins, Trust
from tests.builders import from_json, make_delivery
from tests.portal_kit import local_http

SAMPLES = Path(__file__).parents[1] / "contracts" / "one_stop" / "samples"
WAYS = ("soap-1.1", "soap-1.2", "rest")
SUBJECT = f"CN={ONE_STOP}"
ACCOUNT = Account()
HASTE = {"timeout": timedelta(seconds=2), "connect_timeout": timedelta(seconds=1)}
"""Long enough for two signatures on a busy machine: who waits for less would see doubts that nobody made."""
TOO_SLOW = 2.5
"""Seconds that are longer."""
OPERATIONS = {
    "delivery.settled": "ReceiveOutcome",
    "dossier.filed": "ReceiveDossier",
    "dossier.amended": "ReceiveAmendment",
    "payment.opened": "ReceivePaymentResult",
    "payment.settled": "ReceivePaymentResult",
    "payment.failed": "ReceivePaymentResult",
    "payment.expired": "ReceivePaymentResult",
    "payment.refunded": "ReceivePaymentResult",
    "signature.made": "ReceiveSignatureResult",
    "signature.declined": "ReceiveSignatureResult",
    "signature.expired": "ReceiveSignatureResult",
}
_FILES = {
    "delivery.settled": "outcome.delivered.json",
    "dossier.filed": "filed.json",
    "dossier.amended": "amendment.supplement.json",
    **{
        kind: f"{kind.replace('.', '_result.')}.json"
        for kind in OPERATIONS
        if kind.startswith(("payment.", "signature."))
    },
}


@cache
def shared_pki() -> Pki:
    """Keys cost time: one set for all tests that only use them."""
    return Pki(datetime.now(UTC))


def message(kind: str, /, **changes: Any) -> dict[str, Any]:
    """The sample message of this kind, changed."""
    found: dict[str, Any] = json.loads((SAMPLES / _FILES[kind]).read_text(encoding="utf-8"))
    return found | changes


def event(kind: str, /, **changes: Any) -> Event:
    """The event that this message travels as: its id is the event's, the rest is the data."""
    subject, _, what = kind.partition(".")
    if subject in ("payment", "signature"):
        value = message(kind)
        data = {subject: value[subject], **value[what], **changes}
        value["id"] = data.pop("id", value["id"])
    else:
        value = message(kind, **changes)
        data = {name: item for name, item in value.items() if name != "id"}
    return from_json(
        {
            "specversion": "1.0",
            "id": value["id"],
            "source": "national_portal" if kind.startswith("dossier.") else "lienthong",
            "type": f"vn.lienthong.{kind}.v1",
            "subject": value.get("dossier") or value["national_number"],
            "time": value.get("at") or value["filed_at"],
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def delivery(kind: str = "delivery.settled", /, *, changes: dict[str, Any] | None = None, **members: Any) -> Delivery:
    """A delivery of such an event."""
    return make_delivery(event(kind, **(changes or {})), **({"partner": "one_stop"} | members))


def identity_of(leaf: Leaf) -> X509Identity:
    """A signing identity of ours."""
    return X509Identity("lienthong", KeyInMemory(leaf.key), leaf.certificate)


def trust_of(pki: Pki, **changes: Any) -> Trust:
    """The one-stop system by its authority and its pinned subject."""
    members: dict[str, Any] = {
        "roots": [pki.authority.public_bytes(Encoding.DER)],
        "pins": Pins(subjects=frozenset({SUBJECT})),
        "revocation": "none",
    }
    return Trust(**(members | changes))


def keys_for(way: str, pki: Pki) -> SoapKeys | RestKeys:
    """What both sides agreed on."""
    if way != "rest":
        return SoapKeys(identity=identity_of(pki.caller), trust=trust_of(pki))
    return RestKeys(
        key_id="lienthong",
        secret=ACCOUNT.secrets["lienthong"],
        their_key_id=ACCOUNT.answer_key_id,
        their_key=ACCOUNT.answer_secret,
    )


def settings_for(way: str, url: str, pki: Pki, **changes: Any) -> OneStopSettings:
    """Settings of one way: a protocol and its version."""
    members: dict[str, Any] = {
        "url": f"{url}/one_stop/rest" if way == "rest" else f"{url}/one_stop/soap",
        "keys": keys_for(way, pki),
        "soap_version": "1.1" if way == "rest" else way.removeprefix("soap-"),
        "http": local_http(**HASTE),
    }
    return OneStopSettings(**(members | changes))


@contextmanager
def one_stop_with(way: str, *, clock: Clock | None = None, **changes: Any) -> Iterator[tuple[OneStop, Adapter]]:
    """A mock on a port, and an adapter that is set up for it."""
    pki = shared_pki()
    mock = OneStop(pki=pki)
    with serve(mock) as url:
        settings = settings_for(way, url, pki, **changes)
        channel = HttpChannel(settings.http)
        yield mock, Adapter(settings, channel, clock=clock or SystemClock())
        channel.close()
