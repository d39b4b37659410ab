"""A warm parent: it has loaded the program once, and forks a real process for every line that it is told.

A proof that kills hundreds of processes must not wait seconds for each to load; what a cold start takes is measured by
the benchmarks. Nothing runs in this process itself: it holds no connection, no thread and no lock.

    {"words": ["web", "--config", …], "log": "…", "hook": ["poison", "kill", "H99…"], "uid": 65534}   →   pid
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from typing import Any

LOADED = (
    "adapters.channels.pyreqwest_transport",
    "adapters.doors.api",
    "adapters.partners.national_portal.adapter",
    "config.cli",
    "config.commands.root",
    "config.partner_tables",
    "config.serving",
    "config.worker_process",
)


def main() -> None:
    """Fork for each line until there are no more."""
    # The worker leaves rich out where nobody has loaded it; loaded here, it would draw tracebacks nobody reads.
    for name in LOADED:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    print("warm", flush=True)
    for line in sys.stdin:
        print(_born(json.loads(line)), flush=True)


def _born(told: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with open(told["log"], "ab", buffering=0) as log, open(os.devnull, "r+b", buffering=0) as nothing:
            for stream, to in ((0, nothing), (1, log), (2, log)):
                os.dup2(to.fileno(), stream)
        if told.get("uid"):
            os.setgroups([])
            os.setgid(told["uid"])
            os.setuid(told["uid"])
        if told.get("hook"):
            from tests.acceptance.proofs import poison

            poison.put_into(*told["hook"])
        from config.cli import main as run

        status = run(told["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
