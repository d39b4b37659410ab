"""The doors of an installation on a free port, with one more route that checks a signature and does nothing else.

python -m benchmarks.door '{"folder": "…", "core": 0}'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.doors import server
from adapters.doors.auth import Caller, Gate
from adapters.doors.body import BodyReader
from benchmarks.installations import opened
from benchmarks.machine import pin
from config import logging
from config.caller_keys import keys_of_callers
from config.doors import make_app
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation


def main(told: dict[str, Any]) -> None:
    """Serve until a signal; the address is printed."""
    pin(told.get("core"))
    logging.configure(level=told.get("level", "info"))
    with opened(Path(told["folder"])) as installation:
        key = InstallationKey.from_file(installation.settings.ledger.signing_key_file)
        app = make_app(installation, key, make_metrics(installation))
        app.router.add_route("/empty", _empty(installation), methods=["POST"])
        with server.serve(app) as serving:
            print(serving.url, flush=True)
            _until_signal()


def _empty(installation: Installation) -> Any:
    """An answer to a signed POST without content: all that the same server must do for any caller."""
    keys = keys_of_callers(installation.settings)
    callers = {
        name: Caller(name=name, keys=keys[name], sources=frozenset(caller.sources))
        for name, caller in installation.settings.callers.items()
    }
    gate, bodies = Gate(callers, clock=installation.ports.clock), BodyReader()

    async def empty(request: Request) -> Response:
        gate.check(request, await bodies.read(request, 1_000_000))
        return Response(b"", 200)

    return empty


def _until_signal() -> None:
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
