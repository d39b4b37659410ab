"""A warm parent: it has loaded the program once, and forks a real process for every line that it is told.

A proof that kills hundreds of processes must not wait seconds for each to load; what a cold start takes is measured by
the benchmarks. Nothing runs in this process itself: it holds no connection, no thread and no lock.

    {"words": ["web", "--config", …], "log": "…", "hook": ["poison", "kill", "H99…"], "bound_by_modes": true}   →   pid
"""

from __future__ import annotations

import ctypes
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
PR_SET_PDEATHSIG = 1


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
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody outlives a proof that was killed itself
        with open(told["log"], "ab", buffering=0) as log, open(os.devnull, "r+b", buffering=0) as nothing:
            for stream, to in ((0, nothing), (1, log), (2, log)):
                os.dup2(to.fileno(), stream)
        if told.get("bound_by_modes") and os.geteuid() == 0:
            give_up_override()
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


def give_up_override() -> None:
    """From now on `chmod` binds this process, root's or not: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH are gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for n in range(3):
        sets[n] &= ~0b110
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main()
