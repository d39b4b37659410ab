"""The console in an installation: its settings, what it costs processes that have none, and its first code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from starlette.routing import Router
from structlog.testing import capture_logs

from adapters.doors.metrics import Metrics, Stats
from bus.errors import LedgerUnavailable
from config import serving
from config.console import add_console, make_console, manners_of
from config.console_settings import ConsoleSettings
from config.settings_file import SettingsRefused
from tests.console_door import add_people, bench, installation_of
from tests.world import World


@pytest.mark.parametrize("module", ["config.worker_process", "config.minding", "config.wiring", "config.doors"])
def test_worker_never_loads_the_console(module: str) -> None:
    """What a worker loads has neither the console nor its templates in it; doors load it when they are built."""
    asked = (
        f"import sys, {module}; found = [name for name in sys.modules if name.startswith('adapters.doors.console')"
        " or name in ('jinja2', 'argon2', 'xlsxwriter')]; print(found)"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert "[]" == said.stdout.strip()


@pytest.mark.parametrize(
    "told",
    [
        {"public_url": "lienthong.example.invalid"},
        {"public_url": "https://user:pw@x.example.invalid"},
        {"idle_minutes": 60.0, "session_minutes": 30.0},
        {"threads": 0},
        {"live": -1},
        {"no_such_key": 1},
    ],
    ids=str,
)
def test_settings_that_cannot_be(told: dict[str, object]) -> None:
    """What the console cannot do is refused with the key's name, before anything starts."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, ConsoleSettings)


def test_networks_of_proxies() -> None:
    """A network that is none is refused under its key."""
    with pytest.raises(SettingsRefused, match="proxy_networks"):
        manners_of(ConsoleSettings(proxy_networks=("10.0.0.300/8",)), None)


def test_console_hangs_below_its_prefix(tmp_path: Path) -> None:
    """One line puts every page below /console, and nothing anywhere else."""
    world = World(tmp_path)
    router = Router()
    add_console(router, installation_of(world, ConsoleSettings()))
    world.close()

    assert {"/console"} == {route.path for route in router.routes}


def test_what_is_counted_reaches_the_metrics(tmp_path: Path) -> None:
    """Sign-ins and reports of browsers are counted where Prometheus reads."""
    world, registry = World(tmp_path), CollectorRegistry()
    metrics = Metrics(registry, sources=(), kinds=(), partners=(), codes=(), stats=Stats)
    console = make_console(installation_of(world, ConsoleSettings()), metrics=metrics)
    console.count_sign_in("denied")
    console.count_csp_report()
    page = metrics.page()[0].decode()
    world.close()

    assert 'lienthong_console_sign_ins_total{result="denied"} 1.0' in page
    assert "lienthong_console_csp_reports_total 1.0" in page


def test_first_run_is_told_by_place(tmp_path: Path) -> None:
    """While nobody has an account the log says where the code is, never what it is; afterwards it says nothing."""
    with bench(tmp_path, people=False) as here, capture_logs() as lines:
        installation = installation_of(here.world, ConsoleSettings())
        serving.tell_first_run(installation)
        code = here.console.first_run.path.read_text().strip()
        add_people(here.console)
        serving.tell_first_run(installation)

    assert [str(here.console.first_run.path)] == [line["path"] for line in lines if line["event"] == "first_run_ready"]
    assert code not in str(lines)


def test_first_run_without_a_console(tmp_path: Path) -> None:
    """Where there is no console there is no code."""
    with bench(tmp_path, people=False) as here:
        serving.tell_first_run(installation_of(here.world, ConsoleSettings(enabled=False)))

        assert not here.console.first_run.path.exists()


def test_doors_open_without_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that cannot be written at the start keeps the code from being made, and not the doors from opening."""

    def refuse(self: object) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr("bus.first_run.FirstRun.prepare", refuse)
    with bench(tmp_path, people=False) as here, capture_logs() as lines:
        serving.tell_first_run(installation_of(here.world, ConsoleSettings()))

    assert ["ledger_unavailable"] == [line["event"] for line in lines]
