"""The REST message path beside one pydantic round trip of the same dossier (bar F8).

Ours: check the request's signature (RFC 9421, HMAC), its digest, the promise, bring texts to NFC, make the canonical
bytes and their digest. Pydantic's: `model_validate_json` and `model_dump_json` of a strict model of the same shape,
without signature, digest or duplicate members. Both in one process, in turn, so that the machine's moods meet both.

    python -m benchmarks.message_path
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

from adapters.doors.reading import read_event
from benchmarks.message_path_model import RecordedEvent
from signing.http import sign_request, verify_request

ROUNDS: Final = 9
CALLS: Final = 400
FIELDS: Final = 64
GOAL: Final = 0.6

_NOW: Final = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
_SECRET: Final = b"benchmark-secret-of-32-bytes-long"
_TARGET: Final = ("POST", "/v1/events", "")


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, Any]:
    """Microseconds for each side, and their ratio round by round: median, minimum, maximum."""
    body = dossier()
    ours, pydantic = _ours(body), _pydantic(body)
    pairs = [(_microseconds(ours, calls), _microseconds(pydantic, calls)) for _ in range(rounds)]
    return {
        "fields": leaves(json.loads(body)),
        "bytes": len(body),
        "rounds": rounds,
        "ours_us": _spread([pair[0] for pair in pairs]),
        "pydantic_us": _spread([pair[1] for pair in pairs]),
        "ratio": _spread([pair[0] / pair[1] for pair in pairs]),
        "goal": GOAL,
    }


def dossier() -> bytes:
    """The fullest sample without its supplement round: sixty-four fields as they come from a one-stop system."""
    sample = files("contracts.intake").joinpath("samples/dossier.recorded.full.json").read_text(encoding="utf-8")
    event = json.loads(sample)
    event["data"]["supplements"] = []
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def leaves(value: object) -> int:
    """How many values a message has, not counting what holds them."""
    if isinstance(value, dict):
        return sum(leaves(item) for item in value.values())
    if isinstance(value, list):
        return sum(leaves(item) for item in value)
    return 1


def _ours(body: bytes) -> Callable[[], object]:
    signed = sign_request(
        *_TARGET,
        "application/json",
        body,
        key_id="demo-one-stop",
        secret=_SECRET,
        created=_NOW,
        expires=_NOW + timedelta(seconds=300),
        nonce="n-0001",
    )
    common = [(b"host", b"bus.example.invalid"), (b"accept", b"*/*"), (b"content-length", str(len(body)).encode())]
    headers = [*common, *((name.encode(), value.encode()) for name, value in signed.items())]
    keys = {"demo-one-stop": _SECRET}

    def call() -> object:
        verify_request(*_TARGET, headers, body, keys=keys, now=_NOW)
        return read_event(body)

    return call


def _pydantic(body: bytes) -> Callable[[], object]:
    return lambda: RecordedEvent.model_validate_json(body).model_dump_json(exclude_unset=True)


def _microseconds(call: Callable[[], object], calls: int) -> float:
    start = time.process_time()  # not the wall: another process on the machine is no part of either side
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls * 1e6


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
