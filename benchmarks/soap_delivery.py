"""F3, SOAP from the ledger to the settled delivery: signed, sent, the signed answer verified.

Filed dossiers wait in the ledger; the product's worker hands them to `benchmarks/soap_sink.py`, which checks every
signature and signs every answer. Once one worker process pinned to one core, the endpoint on the other; once two worker
processes, one on each core, so that the endpoint's work is in the figure too. Beside it, in the same rounds: how many
RSA-2048 signatures one core makes, which no way of signing each message can pass.

    python -m benchmarks f3
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.doors.portal_reading import filed_event
from benchmarks import processes
from benchmarks.installations import fill, folder, fresh, opened
from benchmarks.machine import pin
from benchmarks.plan import Plan
from benchmarks.spread import spread
from bus.messages import Event
from config.new_installation import SETTINGS
from contracts.one_stop.pki import ONE_STOP, Pki

GOALS: Final = {"one_core": 0.60, "both_cores": 0.85}
THREADS: Final = 16
SIGNED_BYTES: Final = 900
_PARTNER: Final = f"""
[partners.one_stop]
mode = "live"
protocol = "soap"
url = "{{url}}/one_stop/soap"
allow_http = true
private_networks = ["127.0.0.0/8"]
signing_key_file = "caller.key"
signing_certificate_file = "caller.pem"
trust_roots_file = "authority.pem"
pinned_subjects = ["CN={ONE_STOP}"]
revocation = "none"
takes_filed = true
threads = {THREADS}
"""


def measure(plan: Plan) -> dict[str, Any]:
    """Dossiers a second on one core and on both, and what that is of one core's signatures a second."""
    dossiers = plan.size(600, 12)
    pki = Pki(datetime.now(UTC) - timedelta(minutes=1))
    rounds = [_round(pki, dossiers, plan) for _ in range(plan.rounds)]
    limits = [each["limit"] for each in rounds]
    return {
        "dossiers": dossiers,
        "rounds": plan.rounds,
        "threads": THREADS,
        "goals": GOALS,
        "ratios": {name: spread([each[name] / each["limit"] for each in rounds]) for name in GOALS},
        "figures": {name: spread([each[name] for each in rounds], 1) for name in (*GOALS, "cpu_us")}
        | {"limit": spread(limits, 1)},
        "books": {name: sum(each["books"][name] for each in rounds) for name in ("unsigned", "repeats")},
    }


def _round(pki: Pki, dossiers: int, plan: Plan) -> dict[str, Any]:
    seconds = plan.size(10, 1) / 10
    with folder() as place:
        certificates(place, pki)
        with endpoint(place) as sink:
            before = processes.run("benchmarks.soap_delivery", {"seconds": seconds, "core": 0})["rate"]
            one, cpu, books = _on_one_core(place, sink, dossiers)
            both = _on_both(place, sink, dossiers)
            after = processes.run("benchmarks.soap_delivery", {"seconds": seconds, "core": 0})["rate"]
    return {"limit": (before + after) / 2, "one_core": one, "both_cores": both, "cpu_us": cpu, "books": books}


def _on_one_core(place: Path, sink: processes.RunningSink, dossiers: int) -> tuple[float, float, dict[str, Any]]:
    """Settled dossiers a second, the worker's processor microseconds for each, and the endpoint's books."""
    home = waiting(place / "one", place, sink, dossiers)
    done = processes.run("benchmarks.drain", {"folder": str(home), "expect": dossiers, "core": 0})
    assert done["states"].get("delivered") == dossiers, (done["states"], done["reasons"])
    return dossiers / done["seconds"], done["cpu_seconds"] * 1e6 / dossiers, sink.books()


def _on_both(place: Path, sink: processes.RunningSink, dossiers: int) -> float:
    """Dossiers a second that reach the endpoint, by its own clock, from two workers on one ledger."""
    home = waiting(place / "both", place, sink, dossiers)
    told = {"folder": str(home), "expect": dossiers + 1}
    workers = [processes.start("benchmarks.drain", told | {"core": core}) for core in (0, 1)]
    try:
        until = time.monotonic() + processes.PATIENCE_S
        while (books := sink.books())["taken"] < dossiers and time.monotonic() < until:
            if any(worker.poll() is not None for worker in workers):
                raise RuntimeError(f"a worker ended before its time: {books}")
            time.sleep(0.05)
    finally:
        for worker in workers:
            processes.end(worker)
    assert books["taken"] == dossiers, books
    return float((dossiers - 1) / (books["last_at"] - books["first_at"]))


def waiting(home: Path, place: Path, sink: processes.RunningSink, dossiers: int) -> Path:
    """A fresh ledger in which filed dossiers wait for the one-stop system."""
    sink.reset()
    home.mkdir()
    fresh(home)
    for name in ("caller.key", "caller.pem", "authority.pem"):
        (home / name).write_bytes((place / name).read_bytes())
        (home / name).chmod(0o600)
    text = (home / SETTINGS).read_text(encoding="utf-8")
    (home / SETTINGS).write_text(text + _PARTNER.format(url=sink.url), encoding="utf-8")
    with opened(home) as installation:
        fill(installation, filed(dossiers))
    return home


def filed(dossiers: int) -> Iterator[Event]:
    """As the portal files them: the contract's sample, each under numbers of its own."""
    sample = files("contracts.one_stop").joinpath("samples/filed.json").read_text(encoding="utf-8")
    message: dict[str, Any] = json.loads(sample)
    del message["id"]
    for n in range(dossiers):
        number = f"G17.99-260702-{n:06d}"
        data = message | {"national_number": number}
        yield filed_event("national_portal", f"h99.filed.{n}", number, message["filed_at"], data)


def certificates(place: Path, pki: Pki) -> None:
    """What both sides need, as files."""
    for name, leaf in (("caller", pki.caller), ("one-stop", pki.one_stop)):
        (place / f"{name}.key").touch(0o600)
        (place / f"{name}.key").write_bytes(leaf.key_pem)
        (place / f"{name}.pem").write_bytes(leaf.certificate_pem)
    (place / "authority.pem").write_bytes(pki.authority_pem)


@contextmanager
def endpoint(place: Path) -> Iterator[processes.RunningSink]:
    """The answering process, on the other core."""
    names = {"certificate": "caller.pem", "key": "one-stop.key", "their": "one-stop.pem"}
    with processes.sink(
        "benchmarks.soap_sink", core=1, **{key: str(place / name) for key, name in names.items()}
    ) as it:
        yield it


def signatures_a_second(told: dict[str, Any]) -> dict[str, float]:
    """How many RSA-2048 signatures of a SignedInfo's length this core makes, by the wall's clock as all rates here."""
    pin(told.get("core"))
    key, octets = rsa.generate_private_key(65537, 2048), bytes(SIGNED_BYTES)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < told["seconds"]:
        key.sign(octets, padding.PKCS1v15(), SHA256())
        done += 1
    return {"rate": done / (time.perf_counter() - start)}


if __name__ == "__main__":
    print(json.dumps(signatures_a_second(json.loads(sys.argv[1]))))
