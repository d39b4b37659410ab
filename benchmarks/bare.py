"""The sink's limit: the same signed calls over the same channel by the same number of threads, without any ledger.

python -m benchmarks.bare '{"sink": "http://…", "threads": 64, "core": 0, "dossiers": 400, "each": 10}'
"""

from __future__ import annotations

import json
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any

from adapters.channels.http import HttpChannel
from benchmarks.events import number, step_json
from benchmarks.installations import SECRET
from benchmarks.machine import pin
from benchmarks.sink_adapter import SinkAdapter, local_http


def run(told: dict[str, Any]) -> dict[str, Any]:
    """Calls a second; each thread takes a dossier and sends its steps in order."""
    pin(told.get("core"))
    threads = int(told["threads"])
    channel = HttpChannel(local_http(threads))
    adapter = SinkAdapter(told["sink"], SECRET.encode(), channel)
    lanes: SimpleQueue[list[bytes] | None] = SimpleQueue()
    for dossier in range(told["dossiers"]):
        name = number(dossier, "00")
        lanes.put([step_json(name, n, sequence=True) for n in range(1, told["each"] + 1)])
    for _ in range(threads):
        lanes.put(None)

    def fly() -> None:
        while (lane := lanes.get()) is not None:
            for body in lane:
                assert channel.send(adapter.request(body)).status == 200

    flying = [threading.Thread(target=fly) for _ in range(threads)]
    started, used = time.perf_counter(), time.process_time()
    for thread in flying:
        thread.start()
    for thread in flying:
        thread.join()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - used}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
