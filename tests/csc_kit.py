"""What tests of CSC share: the mock on a port, and an adapter in the frame of signing services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.csc.adapter import Csc
from adapters.partners.csc.settings import CscSettings
from adapters.partners.signers.adapter import SigningService
from bus.ports import CrashPoint, SystemClock, no_crash
from contracts.csc.mock import CLIENT
from contracts.csc.mock import Csc as CscMock
from contracts.serve import serve
from tests.portal_kit import local_http
from tests.services_kit import Walk

HASTE: dict[str, Any] = {"timeout": timedelta(seconds=2), "connect_timeout": timedelta(seconds=1)}


def settings_for(url: str, version: str = "v1", **changes: Any) -> CscSettings:
    """The mock's own client."""
    members: dict[str, Any] = {
        "url": f"{url}/csc/{version}",
        "client_id": CLIENT.id,
        "client_secret": CLIENT.secret,
        "redirect_uri": CLIENT.redirect_uri,
        "http": local_http(**HASTE),
        "signing_timeout": timedelta(seconds=2),
    }
    return CscSettings(**(members | changes))


class Town:
    """A mock on a port, one signature, and the adapter that asks for it."""

    def __init__(self, mock: CscMock, url: str, version: str, crash_point: CrashPoint, **changes: Any) -> None:
        self.mock, self.url = mock, url
        self.settings = settings_for(url, version, **changes)
        self._channels = [HttpChannel(self.settings.http)]
        self._channels.append(HttpChannel(replace(self.settings.http, timeout=self.settings.signing_timeout)))
        self.csc = Csc(self.settings, *self._channels, clock=SystemClock(), crash_point=crash_point)

    def service(self, walk: Walk, crash_point: CrashPoint = no_crash) -> SigningService:
        """Its desk is the walk's."""
        return SigningService(
            self.csc, desk=walk, name="csc", clock=SystemClock(), timeout=timedelta(seconds=5), crash_point=crash_point
        )

    def turn(self, **switches: Any) -> None:
        """The mock's switches."""
        self.mock.switches.turn(switches)

    def called(self, operation: str) -> int:
        """How often."""
        return sum(visit.operation == operation for visit in self.mock.log.page())

    @property
    def signs(self) -> int:
        """Uses of a key."""
        return sum(effect.operation == "sign" for effect in self.mock.effects)

    def close(self) -> None:
        for channel in self._channels:
            channel.close()


@contextmanager
def csc_town(version: str = "v1", *, crash_point: CrashPoint = no_crash, **changes: Any) -> Iterator[Town]:
    """Until the block ends."""
    mock = CscMock()
    with serve(mock) as url:
        town = Town(mock, url, version, crash_point, **changes)
        yield town
        town.close()
