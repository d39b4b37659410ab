"""What tests of MySign and of the VNeID gateway share: standings, a desk, and each adapter with its mock on a port."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.calls import RawCall
from adapters.partners.gateways.secrets import Secret
from adapters.partners.mysign.adapter import mysign
from adapters.partners.mysign.settings import MysignSettings
from adapters.partners.signers.adapter import SigningService
from adapters.partners.vneid_gateway.adapter import vneid_gateway
from adapters.partners.vneid_gateway.settings import VneidSettings
from bus.messages import SIGNATURE_REQUESTED, Attempt, Delivery
from bus.ports import SystemRandomness
from bus.signatures import SignatureStanding, SignatureState, SignatureTold, SignDocument
from contracts.mock_faults import FaultOrder
from contracts.mysign.mock import MySign
from contracts.mysign.places import Account as MysignAccount
from contracts.serve import serve
from contracts.signing_mock import ApproveOrder, SigningMock
from contracts.vneid_gateway.mock import VneidGateway
from contracts.vneid_gateway.places import Account as VneidAccount
from signing.raw_values import judge
from tests.builders import DOSSIER, event_json, from_json, make_delivery
from tests.gateway_kit import PATIENT, Still
from tests.portal_kit import local_http
from tests.signing_kit import NOW

CONTRACTS = Path(__file__).parents[1] / "contracts"
PERSON = "099000000001"
REQUEST = "KY" + "0" * 27 + "001"
MYSIGN, VNEID = MysignAccount(), VneidAccount()
ISSUED = Secret(key_id="issued", value=MYSIGN.their_secret.encode())
WEBHOOK = Secret(key_id="webhook", value=VNEID.webhook_secret.encode())


def vectors(partner: str) -> dict[str, dict[str, str]]:
    """The contract's test vectors by name."""
    rows = json.loads((CONTRACTS / partner / "samples" / "vectors.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in rows}


def sample(partner: str, name: str) -> bytes:
    """One message as the contract shows it."""
    return (CONTRACTS / partner / "samples" / name).read_bytes().rstrip(b"\n")


def make_sign(**overrides: Any) -> SignatureStanding:
    """A signature of two documents that nobody was asked for yet."""
    members: dict[str, Any] = {
        "signature": 1,
        "name": "KQ1",
        "n": 1,
        "request": REQUEST,
        "made_at": NOW,
        "role": "citizen",
        "user": PERSON,
        "signer_name": "Nguyễn Thị Thử",
        "level": "B-B",
        "expires_at": NOW + timedelta(minutes=5),
        "state": SignatureState.CREATED,
        "description": "Ký hồ sơ H99.09-260703-0123: đợt 1",
        "documents": tuple(_document(n) for n in (1, 2)),
    }
    return SignatureStanding(**(members | overrides))


def _document(n: int) -> SignDocument:
    return SignDocument(n=n, id=f"DOC-{n}", name=f"Giấy phép số {n}.pdf", form="pdf")


def prepared(standing: SignatureStanding, certificate: bytes, chain: Sequence[bytes] = ()) -> SignatureStanding:
    """The same with digests, as the ledger has it once its documents are frozen."""
    documents = tuple(
        replace(each, digest=hashlib.sha256(f"{standing.name} {each.n}".encode()).digest())
        for each in standing.documents
    )
    return replace(
        standing,
        state=SignatureState.PREPARED,
        certificate=standing.certificate or certificate,
        chain=tuple(chain),
        documents=documents,
    )


def signing_delivery(standing: SignatureStanding | None = None, **overrides: Any) -> Delivery:
    """A signature on its way to its service."""
    standing = standing or make_sign()
    data = {"signature": standing.name, "signer": {"role": standing.role, "user": standing.user}}
    wire = event_json(SIGNATURE_REQUESTED, dossier=DOSSIER, id=standing.name, envelope={"data": data})
    return make_delivery(from_json(wire), signature=standing, batch_kind=SIGNATURE_REQUESTED, **overrides)


def raw_call(path: str, body: bytes, *, method: str = "POST", at: datetime = NOW, **headers: str) -> RawCall:
    """A call as the door hands it on."""
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return RawCall(
        method=method, path=path, query="", headers=told, body=body, address="127.0.0.1", at=at.astimezone(UTC)
    )


class Desk:
    """Freezes documents in memory, once."""

    def __init__(self) -> None:
        self.prepared: list[SignatureStanding] = []

    def prepare(self, delivery: Delivery, certificate: bytes, chain: Sequence[bytes]) -> SignatureStanding:
        assert delivery.signature is not None
        found = prepared(delivery.signature, certificate, chain)
        self.prepared.append(found)
        return found


@dataclass
class Signing:
    """A service's mock on a real port, and the adapter that calls it."""

    mock: SigningMock
    service: SigningService
    url: str
    clock: Still
    desk: Desk = field(default_factory=Desk)

    def deliver(self, standing: SignatureStanding | None = None, **overrides: Any) -> Attempt:
        return self.service.deliver([signing_delivery(standing, **overrides)])[0]

    def waiting(self, standing: SignatureStanding | None = None) -> SignatureStanding:
        """Asked for, and its answer taken: as the ledger has it then."""
        attempt = self.deliver(standing)
        state = SignatureState.WAITING_USER
        return replace(self.desk.prepared[-1], state=state, handle=attempt.facts["handle"])

    def ask(self, standing: SignatureStanding) -> Attempt:
        return self.service.ask(signing_delivery(standing))

    def approve(self, **wanted: Any) -> None:
        """A person decides, and nobody is told."""
        with self.mock.lock:
            self.mock.approve(ApproveOrder(**({"callbacks": 0} | wanted)))

    def arm(self, fault: str, **more: Any) -> None:
        self.mock.faults.arm(FaultOrder(fault=fault, **({"count": 1} | more)))

    def turn(self, **switches: Any) -> None:
        self.mock.switches.turn(switches)

    def count(self, operation: str) -> int:
        return len([effect for effect in self.mock.effects if effect.operation == operation])

    def operations(self) -> list[str]:
        return [visit.operation for visit in self.mock.log.page()]

    def broken(self) -> list[str]:
        return [broken.rule for visit in self.mock.log.page() for broken in visit.broken]


def proved(told: SignatureTold, standing: SignatureStanding) -> list[int]:
    """Documents whose values verify, by the very function that the ledger uses."""
    from bus.signature_rule import judge_values

    return sorted(judge_values(told, standing.documents, standing.certificate, judge).proved)


def mysign_settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> MysignSettings:
    """A client of the mock."""
    members: dict[str, Any] = {
        "url": f"{url}/mysign",
        "client_id": MYSIGN.client_id,
        "client_secret": MYSIGN.secret,
        "their_id": MYSIGN.their_id,
        "their_secrets": (ISSUED,),
        "http": local_http(timeout=PATIENT, connect_timeout=PATIENT),
    }
    return MysignSettings(**(members | overrides))


def vneid_settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> VneidSettings:
    """A signing partner of the mock."""
    members: dict[str, Any] = {
        "url": f"{url}/vneid_gateway",
        "username": VNEID.username,
        "password": VNEID.password,
        "originator_code": VNEID.originator_code,
        "partner_code": VNEID.partner_code,
        "secret": Secret(key_id="vneid", value=VNEID.secret.encode()),
        "webhook_secrets": (WEBHOOK,),
        "http": local_http(timeout=PATIENT, connect_timeout=PATIENT),
    }
    return VneidSettings(**(members | overrides))


@contextmanager
def mysign_world(**overrides: Any) -> Iterator[Signing]:
    """MySign on a fixed day."""
    clock, desk = Still(NOW), Desk()
    mock = MySign(clock=clock.now)
    with serve(mock) as url:
        settings = mysign_settings(url, **overrides)
        channel = HttpChannel(settings.http)
        service = mysign(settings, channel, desk=desk, clock=clock)
        yield Signing(mock=mock, service=service, url=url, clock=clock, desk=desk)
        channel.close()


@contextmanager
def vneid_world(**overrides: Any) -> Iterator[Signing]:
    """The gateway on a fixed day."""
    clock, desk = Still(NOW), Desk()
    mock = VneidGateway(clock=clock.now)
    with serve(mock) as url:
        settings = vneid_settings(url, **overrides)
        channel = HttpChannel(settings.http)
        service = vneid_gateway(settings, channel, desk=desk, clock=clock, randomness=SystemRandomness())
        yield Signing(mock=mock, service=service, url=url, clock=clock, desk=desk)
        channel.close()
