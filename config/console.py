"""The operators' console of one installation, hung below `/console` of its doors."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

from starlette.routing import Router

from adapters.channels.addresses import networks_of
from adapters.doors.console import static, words
from adapters.doors.console.door import ConsoleDoor, Threads, mount
from adapters.doors.console.frame import Console, ConsoleFacts
from adapters.doors.console.gate import Gate, Manners
from adapters.doors.console.render import Renderer
from adapters.doors.console.sealing import Sealing
from bus.audit import Audit
from bus.first_run import FirstRun
from bus.people import People
from bus.sessions import SessionRules
from config.console_settings import ConsoleSettings
from config.settings_file import SettingsRefused
from config.wiring import Installation


def add_console(
    router: Router, installation: Installation, *, demo_token: str | None = None, strict: bool = False
) -> ConsoleDoor:
    """All its routes. `strict`: a missing word is an error. Raises SettingsRefused."""
    settings, ports = installation.settings.console, installation.ports
    console = make_console(installation, is_demo=demo_token is not None, strict=strict)
    files = static.load()
    door = ConsoleDoor(
        console=console,
        gate=Gate(console.people, console.sealing, ports.clock, manners_of(settings, demo_token)),
        renderer=Renderer(console.words, console.facts, files),
        files=files,
        threads=Threads(settings.threads),
    )
    mount(router, door)
    return door


def make_console(installation: Installation, *, is_demo: bool = False, strict: bool = False) -> Console:
    """What its pages are given."""
    settings, ports, ledger = installation.settings.console, installation.ports, installation.ledger
    audit = Audit(ledger)
    rules = SessionRules(
        idle=timedelta(minutes=settings.idle_minutes), longest=timedelta(minutes=settings.session_minutes)
    )
    people = People(ledger, audit, randomness=ports.randomness, rules=rules)
    return Console(
        ledger=ledger,
        reads=installation.reads,
        repairs=installation.repairs,
        people=people,
        audit=audit,
        first_run=FirstRun(ledger, people, randomness=ports.randomness),
        partners=tuple(installation.settings.partner_table()),
        clock=ports.clock,
        randomness=ports.randomness,
        words=words.load(strict=strict),
        sealing=Sealing(ledger.master.index_key, ports.randomness),
        facts=facts_of(settings, is_demo=is_demo),
    )


def facts_of(settings: ConsoleSettings, *, is_demo: bool) -> ConsoleFacts:
    """What of the settings a page may know."""
    return ConsoleFacts(
        installation=settings.installation,
        support=settings.support,
        four_eyes_above=settings.four_eyes_above,
        query_limit=timedelta(seconds=settings.query_limit_s),
        public_url=settings.public_url,
        is_demo=is_demo,
        version=version("lienthong"),
    )


def manners_of(settings: ConsoleSettings, demo_token: str | None) -> Manners:
    """How it is reached. Raises SettingsRefused."""
    try:
        proxies = networks_of(settings.proxy_networks)
    except ValueError as trouble:
        raise SettingsRefused("console.proxy_networks", str(trouble)) from None
    return Manners(public_url=settings.public_url, demo_token=demo_token, proxies=proxies)
