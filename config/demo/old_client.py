"""A one-stop system of the old kind, for the demo: it speaks to the façade as it would to the national adapter.

It logs in, tells records and steps in the portal's words, asks nothing, and sends again what got no answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from adapters.channels.http import HttpSettings, NotSent, Reply, ReplyLost, Transport, open_fastest
from adapters.partners.national_portal import wire
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables
from bus.messages import Event, Standing

BASE: Final = "/VXPAdapter/RestService/forward/mapi"
HEADERS: Final = {
    "accept": "application/json",
    "content-type": "application/json",
    "charset": "utf-8",
    "dstcode": "VN:GOV:000.00.00.G22:vpcpdvcprovider",
}
PATIENCE: Final = 5
"""How often one message is sent."""
NOBODY: Final = Standing(
    exists=None, procedure=None, unit=None, national_number=None, received_at=None, shown_status=None
)


class NoAnswer(Exception):
    """The façade did not answer, however often it was told."""


class OldClient:
    """One account; for one thread."""

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        madonvi: str,
        tables: Tables,
        open_transport: Callable[[HttpSettings], Transport] = open_fastest,
    ) -> None:
        self._url = url.rstrip("/") + BASE
        self._login = {"username": username, "password": password}
        self._madonvi = madonvi
        self._tables = tables
        self._shape = NationalPortalSettings(fees_sent="paid")
        self._session = ""
        self._known: set[str] = set()
        self.sent_again = 0
        """Records and steps in the calls that were sent more than once."""
        self._transport = open_transport(HttpSettings(timeout=timedelta(seconds=30), allow_http=True))

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def record(self, event: Event) -> dict[str, Any]:
        """Tell one record; the façade's envelope. Raises CannotSend for what the old words do not have, NoAnswer."""
        return self.sync(self.record_of(event))

    def steps(self, events: Sequence[Event]) -> dict[str, Any]:
        """Tell some steps in one call. Raises CannotSend, NoAnswer."""
        return self.progress([self.step_of(event) for event in events])

    def record_of(self, event: Event) -> dict[str, Any]:
        """A record in the portal's words. Raises CannotSend."""
        return wire.record_of(event, self._tables, self._shape)

    def step_of(self, event: Event) -> dict[str, Any]:
        """A step in the portal's words. Raises CannotSend."""
        return wire.step_of(event, NOBODY, self._tables, self._shape)

    def sync(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """One record, as a create the first time and as an update from then on. Raises NoAnswer."""
        dossier = told["MaHoSo"]
        updating = "True" if dossier in self._known else "False"
        self._known.add(dossier)
        return self._call("DongBoHoSoMC", [told], isUpdating=updating)

    def progress(self, told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Some steps. Raises NoAnswer."""
        return self._call("CapNhatTienDoHoSoMC", told)

    def _call(self, service: str, data: Sequence[Any], **more: str) -> dict[str, Any]:
        if not self._session:
            self._session = str(self._post("login", self._login)["session"])
        body = {"session": self._session, "madonvi": self._madonvi, "service": service, **more, "data": data}
        return self._post("integration", body, count=len(data))

    def _post(self, endpoint: str, body: object, count: int = 0) -> dict[str, Any]:
        raw = json.dumps(body, ensure_ascii=False).encode()
        for turn in range(PATIENCE):
            self.sent_again += count if turn else 0
            reply = self._send(f"{self._url}/{endpoint}", raw)
            if reply is not None and reply.status == 200:
                told: dict[str, Any] = json.loads(reply.body)
                return told
        raise NoAnswer(endpoint)

    def _send(self, url: str, raw: bytes) -> Reply | None:
        try:
            return self._transport.perform("POST", url, HEADERS, raw)
        except (NotSent, ReplyLost):
            return None


class Impatient:
    """A transport that now and then hangs up before the answer, as callers with short time-outs do."""

    def __init__(self, inner: Transport, *, every: int) -> None:
        self._inner = inner
        self._every = every
        self._calls = 0

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The request goes out whole; of some the answer is not heard. Raises NotSent, ReplyLost."""
        reply = self._inner.perform(method, url, headers, body)
        self._calls += url.endswith("/integration")
        if self._calls == self._every:
            self._calls = 0
            raise ReplyLost("the caller did not wait for it")
        return reply

    def close(self) -> None:
        """Let go of the connection."""
        self._inner.close()
