"""What tests of the SOAP signing service share: the mock on a port, and an adapter that signs with the mock's keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.signers.adapter import SigningService
from adapters.partners.soap_signer.adapter import SoapSigner
from adapters.partners.soap_signer.settings import SoapSignerSettings
from bus.ports import CrashPoint, SystemClock, no_crash
from contracts.serve import serve
from contracts.soap_signer.mock import SERVICE
from contracts.soap_signer.mock import SoapSigner as SoapSignerMock
from signing.trust import Pins
from tests.one_stop_kit import identity_of, shared_pki, trust_of
from tests.portal_kit import local_http
from tests.services_kit import Walk

HASTE: dict[str, Any] = {"timeout": timedelta(seconds=2), "connect_timeout": timedelta(seconds=1)}


def settings_for(url: str, **changes: Any) -> SoapSignerSettings:
    """As the mock's caller."""
    pki = shared_pki()
    members: dict[str, Any] = {
        "url": f"{url}/soap_signer/soap",
        "identity": identity_of(pki.caller),
        "trust": trust_of(pki, pins=Pins(subjects=frozenset({f"CN={SERVICE}"}))),
        "http": local_http(**HASTE),
    }
    return SoapSignerSettings(**(members | changes))


class Town:
    """A mock on a port, and the adapter that asks it."""

    def __init__(self, mock: SoapSignerMock, url: str, **changes: Any) -> None:
        self.mock, self.url = mock, url
        self.settings = settings_for(url, **changes)
        self.channel = HttpChannel(self.settings.http)
        self.signer = SoapSigner(self.settings, self.channel, clock=SystemClock())

    def service(self, walk: Walk, crash_point: CrashPoint = no_crash) -> SigningService:
        """Its desk is the walk's."""
        haste = timedelta(seconds=5)
        return SigningService(
            self.signer, desk=walk, name="soap_signer", clock=SystemClock(), timeout=haste, crash_point=crash_point
        )

    def called(self, operation: str) -> int:
        """How often."""
        return sum(visit.operation == operation for visit in self.mock.log.page())

    def effects(self, operation: str) -> int:
        """`ask`: a person was asked; `sign`: a key was used."""
        return sum(effect.operation == operation for effect in self.mock.effects)


@contextmanager
def soap_signer_town(**changes: Any) -> Iterator[Town]:
    """Until the block ends."""
    mock = SoapSignerMock(messages=shared_pki())
    with serve(mock) as url:
        town = Town(mock, url, **changes)
        yield town
        town.channel.close()
