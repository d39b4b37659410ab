"""`lienthong`: what to type. Exit codes: 0 well, 1 a finding, 2 usage, 3 cannot reach or write."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows ASCII only still gets the answer: letters it lacks come as codes.
            stream.reconfigure(errors="backslashreplace")
    if words[:1] == ["worker"]:
        # A worker that crashed must deliver again within a second: it does not wait for a parser that only people need.
        from config import worker_process

        if worker_process.understands(words[1:]):
            return worker_process.main(words[1:])
    from config.commands.root import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
