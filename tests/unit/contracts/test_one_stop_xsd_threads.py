"""The one-stop contract's schema and threads: libxml2 makes its built-in types once, and not for two at a time."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from contracts.one_stop import xsd


def test_one_schema_is_made_at_a_time(monkeypatch):
    """Threads that need it at the same moment make theirs one after the other: two at once break libxml2 for good."""
    gate, inside, most, made = threading.Barrier(4), threading.Semaphore(0), [0], []

    def make(_: object) -> object:
        inside.release()
        most[0] = max(most[0], inside._value)
        gate_of_others.wait(0.05)
        inside.acquire()
        return object()

    gate_of_others = threading.Event()
    monkeypatch.setattr(xsd, "_local", threading.local())
    monkeypatch.setattr(xsd, "etree", SimpleNamespace(parse=lambda file: file, XMLSchema=make))

    def need() -> None:
        gate.wait()
        made.append(xsd.schema())

    threads = [threading.Thread(target=need) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (1, 4) == (most[0], len(set(map(id, made))))
