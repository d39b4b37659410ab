"""The REST message path beside one pydantic round trip of the same dossier (bar F8).

Two figures, because a bare program and a door are not the same work:

    bare    validate, encode, key digest, and sign the body (RFC 9421, HMAC): what the row's evidence measured
    door    check signature, digest and times; refuse duplicate members; NFC, times, names; canonical bytes and digest;
            the Event with its data: all that stands between a socket and the ledger

Pydantic's side: `model_validate_json` and `model_dump_json` of a strict model of the same shape. All in one process, in
turn, in processor time, so that the machine's moods meet all alike.

    python -m benchmarks.message_path
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

import msgspec

from adapters.doors import event_shape
from adapters.doors.reading import read_event
from benchmarks.message_path_model import RecordedEvent
from signing.http import sign_request, verify_request

ROUNDS: Final = 9
CALLS: Final = 400
FIELDS: Final = 64
GOAL: Final = 0.6

_NOW: Final = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
_EXPIRES: Final = _NOW + timedelta(seconds=300)
_SECRET: Final = b"benchmark-secret-of-32-bytes-long"
_TARGET: Final = ("POST", "/v1/events", "")


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, Any]:
    """Microseconds of each side and step, and ratios round by round: median, minimum, maximum."""
    body = dossier()
    sides = {"pydantic": _pydantic(body), "bare": _bare(body), "door": _door(body), **_steps(body)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            times[name].append(_microseconds(call, calls))
    peer = times["pydantic"]
    return {
        "fields": leaves(json.loads(body)),
        "bytes": len(body),
        "rounds": rounds,
        "goal": GOAL,
        "ratio": _spread([ours / theirs for ours, theirs in zip(times["bare"], peer, strict=True)]),
        "ratio_door": _spread([ours / theirs for ours, theirs in zip(times["door"], peer, strict=True)]),
        "us": {name: _spread(each) for name, each in times.items()},
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


def _sign(body: bytes) -> dict[str, str]:
    return sign_request(
        *_TARGET,
        "application/json",
        body,
        key_id="demo-one-stop",
        secret=_SECRET,
        created=_NOW,
        expires=_EXPIRES,
        nonce="n-0001",
    )


def _bare(body: bytes) -> Callable[[], object]:
    decode = msgspec.json.Decoder(event_shape.RecordedEvent).decode
    encode = msgspec.json.Encoder().encode

    def call() -> object:
        ours = encode(decode(body))
        return hashlib.sha256(ours).digest(), _sign(ours)

    return call


def _door(body: bytes) -> Callable[[], object]:
    verify = _verify(body)

    def call() -> object:
        verify()
        return read_event(body)

    return call


def _verify(body: bytes) -> Callable[[], object]:
    common = [(b"host", b"bus.example.invalid"), (b"accept", b"*/*"), (b"content-length", str(len(body)).encode())]
    headers = [*common, *((name.encode(), value.encode()) for name, value in _sign(body).items())]
    keys = {"demo-one-stop": _SECRET}
    return lambda: verify_request(*_TARGET, headers, body, keys=keys, now=_NOW)


def _steps(body: bytes) -> dict[str, Callable[[], object]]:
    """The parts of the two figures, each on its own."""
    decoder, encoder = msgspec.json.Decoder(event_shape.RecordedEvent), msgspec.json.Encoder()
    shape = decoder.decode(body)
    return {
        "step: validate": lambda: decoder.decode(body),
        "step: encode": lambda: encoder.encode(shape),
        "step: digest": lambda: hashlib.sha256(body).digest(),
        "step: sign": lambda: _sign(body),
        "step: verify": _verify(body),
        "step: read": lambda: read_event(body),
    }


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
