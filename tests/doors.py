"""A door for tests: the real application over a real ledger in a folder, and callers that really sign."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from adapters.doors.api import Caller, create_app
from adapters.doors.health import Readiness
from adapters.doors.metrics import Metrics, Stats
from adapters.doors.problems import STATUS
from bus.ports import Clock
from signing.asymmetric import SigningKey
from signing.http import sign_request
from signing.keys import Identity, generate
from tests.builders import SOURCE, event_json
from tests.world import PARTNER, World

HQ = Caller(name="h99-one-stop", secret=b"a shared secret of 32 bytes .....", sources=frozenset({SOURCE}))
OTHER_SOURCE = "other/h99"
OTHER = Caller(name="other-system", secret=b"another shared secret of 32 bytes", sources=frozenset({OTHER_SOURCE}))
JSON = "application/json"
NDJSON = "application/x-ndjson"
TOKEN = "a-token-of-the-demo"

_nonces = itertools.count(1)


def signed_headers(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    clock: Clock,
    query: str = "",
    content_type: str | None = JSON,
    caller: Caller = HQ,
    nonce: str | None = None,
    key: str | None = None,
    age: timedelta = timedelta(0),
    secret: bytes | SigningKey | None = None,
) -> dict[str, str]:
    """Headers as a caller sends them; `age` makes the signature older."""
    created = clock.now() - age
    return sign_request(
        method,
        path,
        query,
        None if method == "GET" else content_type,
        body,
        key_id=caller.name,
        secret=secret or caller.secret,
        created=created,
        expires=created + timedelta(seconds=120),
        nonce=nonce or f"nonce-{next(_nonces)}",
        idempotency_key=key,
    )


def wire(event: Mapping[str, Any] | None = None, **overrides: Any) -> bytes:
    """The bytes of an event."""
    return json.dumps(event or event_json(**overrides), ensure_ascii=False).encode()


@dataclass
class DoorWorld:
    """A world with a door in it."""

    world: World
    app: FastAPI
    identity: Identity
    client: httpx2.Client
    woken: list[int] = field(default_factory=list)

    def post(self, body: bytes, path: str = "/v1/events", **how: Any) -> httpx2.Response:
        """A signed POST."""
        more = how.pop("headers", {})
        headers = signed_headers("POST", path, body, clock=self.world.clock, **how)
        return self.client.post(path, content=body, headers=headers | more)

    def get(self, path: str, query: str = "", **how: Any) -> httpx2.Response:
        """A signed question."""
        headers = signed_headers("GET", path, clock=self.world.clock, query=query, **how)
        return self.client.get(f"{path}?{query}" if query else path, headers=headers)

    def events(self) -> int:
        """How many events the ledger has."""
        row = self.world.ledger.engine.read().one("count_events")
        assert row is not None
        return int(row[0])

    def refusal(self, response: httpx2.Response) -> dict[str, Any]:
        """What the operator finds under the reference that the caller was told."""
        self.world.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by
        return self.world.reads.refusal(response.json()["reference"])


def door_app(world: World, identity: Identity, **overrides: Any) -> FastAPI:
    """The application over this world."""
    metrics = Metrics(
        CollectorRegistry(),
        sources=[SOURCE, OTHER_SOURCE],
        kinds=["dossier.recorded", "dossier.progressed"],
        partners=[PARTNER],
        codes=STATUS,
        stats=Stats,
    )
    parts: dict[str, Any] = {
        "intake": world.intake,
        "ledger": world.ledger,
        "reads": world.reads,
        "repairs": world.repairs,
        "callers": {HQ.name: HQ, OTHER.name: OTHER},
        "identity": identity,
        "clock": world.clock,
        "randomness": world.randomness,
        "metrics": metrics,
        "ready": Readiness(world.ledger, identity, fresh_s=0.0, free_bytes=lambda: 2**40),
    }
    return create_app(**(parts | overrides))


@contextmanager
def door(folder: Path, *, world: World | None = None, **overrides: Any) -> Iterator[DoorWorld]:
    """A door without a port: requests go to the application directly."""
    made = world or World(folder)
    identity = generate(folder / "signing.key", name="h99")
    woken: list[int] = []
    app = door_app(made, identity, on_accepted=lambda: woken.append(1), **overrides)
    try:
        with TestClient(app, base_url="http://door.example.invalid") as client:
            yield DoorWorld(world=made, app=app, identity=identity, client=client, woken=woken)
    finally:
        made.close()
