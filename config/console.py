"""The operators' console of one installation, hung below `/console` of its doors."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from importlib.metadata import version

from starlette.routing import Router

from adapters.channels.addresses import networks_of
from adapters.doors.console import static, words
from adapters.doors.console.charts import Charts
from adapters.doors.console.door import ConsoleDoor, mount
from adapters.doors.console.export_progress import Exporting
from adapters.doors.console.frame import Console, ConsoleFacts, uncounted, unnoticed
from adapters.doors.console.gate import Gate, Manners
from adapters.doors.console.live import Feed
from adapters.doors.console.passwords import Passwords
from adapters.doors.console.render import Renderer
from adapters.doors.console.sealing import Sealing
from adapters.doors.console.threads import Threads
from adapters.doors.console.visit import Visit
from adapters.doors.metrics import Metrics
from bus.audit import Audit
from bus.beneficiaries import Beneficiaries
from bus.close_reads import CloseReads
from bus.corrections import Corrections
from bus.dues import Dues
from bus.errors import NotFound
from bus.first_run import FirstRun
from bus.looks import Looks
from bus.outages import Circuits
from bus.pace import Pace
from bus.partner_looks import PartnerLooks
from bus.payment_close import PaymentClose
from bus.payment_looks import PaymentLooks
from bus.payment_tasks import PaymentTasks
from bus.people import People
from bus.presses import Presses
from bus.refunds import Refunds
from bus.rights import Right
from bus.sessions import SessionRules
from bus.signature_close import SignatureClose
from bus.signature_looks import SignatureLooks
from bus.unmapped import Unmapped
from config.console_keys import key_facts
from config.console_names import TableNames
from config.console_settings import ConsoleSettings
from config.console_tables import ConsoleTables
from config.desk_signing import desk_opening
from config.documents import documents_of
from config.noticing import incidents_of, late_books
from config.office_calendar import FreshCalendar
from config.running import runs_of, selections_of
from config.settings_file import SettingsRefused
from config.settling_days import settlement_room
from config.signing import known_services
from config.signing_on import sso_of
from config.wiring import Installation


def add_console(
    router: Router,
    installation: Installation,
    *,
    demo_token: str | None = None,
    strict: bool = False,
    metrics: Metrics | None = None,
) -> ConsoleDoor:
    """All its routes. `strict`: a missing word is an error. Raises SettingsRefused."""
    settings, ports = installation.settings.console, installation.ports
    console = make_console(installation, is_demo=demo_token is not None, strict=strict, metrics=metrics)
    gate = Gate(console.people, console.sealing, ports.clock, manners_of(settings, demo_token))
    door = ConsoleDoor(console, gate, threads=Threads(settings.threads), most_live=settings.live)
    mount(router, door)
    return door


def make_console(
    installation: Installation,
    *,
    is_demo: bool = False,
    strict: bool = False,
    passwords: Passwords | None = None,
    metrics: Metrics | None = None,
) -> Console:
    """What its pages are given. Tests hand in passwords that cost less to hash."""
    settings, ports, ledger = installation.settings.console, installation.ports, installation.ledger
    audit, said, facts = Audit(ledger), words.load(strict=strict), facts_of(settings, is_demo=is_demo)
    people, looks = people_of(installation, audit), Looks(ledger.engine, ledger.master)
    pace = Pace(ledger.engine)
    calendar = FreshCalendar(installation.reads, installation.settings).now
    return Console(
        ledger=ledger,
        reads=installation.reads,
        close=CloseReads(ledger),
        exporting=Exporting(),
        looks=looks,
        dues=Dues(ledger.engine),
        pace=pace,
        charts=Charts(pace),
        feed=Feed(looks, is_still=partial(is_still, people), render=Renderer(said, facts, static.load()).page),
        names=TableNames(installation.reads, calendar),
        repairs=installation.repairs,
        circuits=Circuits(ledger),
        partner_looks=PartnerLooks(ledger, Pace(ledger.engine)),
        incidents=incidents_of(installation),
        late=late_books(installation),
        keys=key_facts(installation),
        calendar=calendar,
        presses=Presses(ledger, ports.randomness),
        selections=selections_of(installation),
        runs=runs_of(installation),
        corrections=Corrections(ledger),
        unmapped=Unmapped(ledger),
        tables=ConsoleTables(installation.reads),
        payment_looks=PaymentLooks(ledger),
        payment_close=PaymentClose(ledger),
        payment_tasks=PaymentTasks(ledger),
        refunds=Refunds(ledger),
        settlement=settlement_room(installation),
        signature_looks=SignatureLooks(ledger),
        signature_close=SignatureClose(ledger),
        signed_content=partial(_content, installation),
        open_desk=partial(desk_opening, installation),
        signers=tuple(sorted(known_services(installation.settings))),
        beneficiaries=Beneficiaries(ledger),
        refund_approval_above=ledger.payments.policy.refund_approval_above,
        people=people,
        audit=audit,
        passwords=passwords or Passwords(),
        first_run=FirstRun(ledger, people, randomness=ports.randomness),
        sso=sso_of(settings, ports),
        count_sign_in=uncounted if metrics is None else metrics.sign_in_tried,
        count_csp_report=unnoticed if metrics is None else metrics.csp_reported,
        partners=tuple(installation.settings.partner_table()),
        clock=ports.clock,
        randomness=ports.randomness,
        words=said,
        sealing=Sealing(ledger.master.index_key, ports.randomness),
        facts=facts,
    )


def _content(installation: Installation, document: int) -> bytes | None:
    """A document of the store; None where its file is gone."""
    try:
        return documents_of(installation).content(document)
    except (NotFound, OSError):
        return None


def is_still(people: People, visit: Visit) -> bool:
    """Whether who follows the live log may go on: the session holds, with this right and these units."""
    if not visit.session:
        return True  # the demo's token, which ends with the process
    try:
        account = people.account(visit.account)
    except NotFound:
        return False
    return (
        any(held.id == visit.session for held in people.sessions(account.name))
        and not account.is_disabled
        and account.units == visit.units
        and Right.LIST in people.rights(account)
    )


def people_of(installation: Installation, audit: Audit) -> People:
    """Accounts and sessions, by the settings' rules."""
    settings = installation.settings.console
    rules = SessionRules(
        idle=timedelta(minutes=settings.idle_minutes), longest=timedelta(minutes=settings.session_minutes)
    )
    return People(installation.ledger, audit, randomness=installation.ports.randomness, rules=rules)


def first_run_of(installation: Installation) -> FirstRun:
    """The first administrator's code."""
    people = people_of(installation, Audit(installation.ledger))
    return FirstRun(installation.ledger, people, randomness=installation.ports.randomness)


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
        sso="" if settings.oidc is None else settings.oidc.label,
    )


def manners_of(settings: ConsoleSettings, demo_token: str | None) -> Manners:
    """How it is reached. Raises SettingsRefused."""
    try:
        proxies = networks_of(settings.proxy_networks)
    except ValueError as trouble:
        raise SettingsRefused("console.proxy_networks", str(trouble)) from None
    return Manners(public_url=settings.public_url, demo_token=demo_token, proxies=proxies)
