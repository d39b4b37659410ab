"""Where concrete meets concrete: settings in, one installation out. The only file that sees all rooms.

What only some processes need is imported where it is built: a worker never loads the doors, and a door never loads
a partner's adapter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bus.asking import Asker
from bus.circuit import Manners
from bus.dispatch import Dispatcher, PartnerWork, Worker
from bus.follow_ups import routes_with
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Attempt, Decision, Delivery
from bus.payment_asking import PaymentQuestions, RefundQuestions
from bus.ports import Clock, CrashPoint, FileStorage, Randomness, Storage, SystemClock, SystemRandomness, no_crash
from bus.reads import Reads
from bus.repairs import Repairs
from bus.retry import Patience
from bus.routing import Routes, routes_from_table
from bus.seal import MasterKey
from bus.signature_asking import SignatureQuestions
from config.follow_ups import follow_ups_of
from config.partner_addresses import addresses, check_forms
from config.payment_settings import GatewaySettings
from config.payments import GatewayTable, policy_of
from config.receipt_settings import ReceiptIssuerKeys
from config.settings import (
    KeyHeaderSettings,
    NationalPortalKeys,
    OAuth2Settings,
    OneStopKeys,
    Operation,
    PartnerSettings,
    Settings,
)
from config.settings_file import SettingsRefused, read_private, secret
from config.signing import ServiceTable, known_services, signature_policy_of
from config.signing_settings import SignerSettings

if TYPE_CHECKING:
    from adapters.channels.addresses import Network
    from adapters.channels.http import HttpChannel, HttpSettings
    from adapters.channels.outer_auth import OuterAuth
    from adapters.partners.national_portal.adapter import NationalPortal
    from adapters.partners.national_portal.settings import NationalPortalSettings, SessionError

Watch = Callable[[Delivery, Attempt, Decision, datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the installation asks of the world; a test hands in its own."""

    clock: Clock
    randomness: Randomness
    storage: Storage
    crash_point: CrashPoint


def real_ports() -> Ports:
    """This machine's clock, chance and disk."""
    return Ports(clock=SystemClock(), randomness=SystemRandomness(), storage=FileStorage(), crash_point=no_crash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The concrete pieces, put together."""

    settings: Settings
    ports: Ports
    ledger: Ledger
    routes: Routes
    intake: Intake
    reads: Reads
    repairs: Repairs
    minded: list[Callable[[datetime], None]] = field(default_factory=list)
    """What partners want looked after beside their messages, once a minute: revocation lists that will end soon."""
    doubts: list[Callable[[datetime], bool]] = field(default_factory=list)
    """Whether a partner's word on revocation has run out at this time, grace included: nothing of it is believed."""

    def close(self) -> None:
        """Finish what is queued and let go of the ledger."""
        self.ledger.close()

    @property
    def partner_names(self) -> frozenset[str]:
        """Everybody who is sent anything: those of the routes, and those whom a payment goes to by its own table."""
        return frozenset(self.settings.partner_table()) | self.routes.partners

    def partners(self) -> dict[str, PartnerWork]:
        """Every partner that the settings name, with its adapter, ready to be spoken to."""
        return {name: _work(self, name, each) for name, each in self.settings.partner_table().items()}

    def asker(self, name: str) -> Asker:
        """Who asks what became of payments and signatures, beside the loop that delivers."""
        table, asked = self.settings.partner_table().items(), GatewaySettings | SignerSettings
        partners = {name: _work(self, name, each) for name, each in table if isinstance(each, asked)}
        books = (PaymentQuestions(self.ledger), RefundQuestions(self.ledger), SignatureQuestions(self.ledger))
        clock, point = self.ports.clock, self.ports.crash_point
        return Asker(self.ledger, partners, books, name=name, clock=clock, crash_point=point)

    def worker(self, name: str, *, watch: Watch | None = None, on_start: Callable[[], None] = lambda: None) -> Worker:
        """The loop that delivers; `name` is how moves will show it."""
        partners = self.partners()
        dispatcher = Dispatcher(
            self.ledger,
            partners,
            name=name,
            clock=self.ports.clock,
            randomness=self.ports.randomness,
            crash_point=self.ports.crash_point,
            watch=watch,
        )
        grace = _seconds(self.settings.worker.stop_grace_s)
        return Worker(dispatcher, self.ledger, partners, clock=self.ports.clock, on_start=on_start, grace=grace)


def build(settings: Settings, ports: Ports | None = None) -> Installation:
    """Open the ledger and put everything around it. Raises SettingsRefused, LedgerUnsafe, SchemaBehind."""
    ports = ports or real_ports()
    partners = settings.partner_table()
    follow_ups = follow_ups_of(partners)
    routes = routes_with(load_routes(settings), follow_ups)
    gateways = GatewayTable(partners, settings.payments.receipt_issuer)
    services, master = ServiceTable(known_services(settings)), MasterKey.from_file(settings.ledger.master_key_file)
    ledger = Ledger.open(
        settings.ledger.path,
        master,
        clock=ports.clock,
        randomness=ports.randomness,
        storage=ports.storage,
        crash_point=ports.crash_point,
        manners={name: manners_of(each) for name, each in partners.items()},
        orders=settings.orders(),
        speakers=settings.speakers(),
        receipt_key=_receipt_key(settings),
        shadows=frozenset(name for name, each in partners.items() if each.mode == "shadow"),
        follow_ups=follow_ups,
        payments=policy_of(settings, gateways),
        signatures=signature_policy_of(settings, services, master),
    )
    reads = Reads(ledger)
    gateways.bind(reads)
    services.bind(reads)
    return Installation(
        settings=settings,
        ports=ports,
        ledger=ledger,
        routes=routes,
        intake=Intake(ledger, routes, crash_point=ports.crash_point),
        reads=reads,
        repairs=Repairs(ledger),
    )


def _receipt_key(settings: Settings) -> str | None:
    """The name of the key that signs receipts; None where it cannot be read: who signs with it will say so."""
    from config.signing_key import InstallationKey

    try:
        return InstallationKey.from_file(settings.ledger.signing_key_file).key_id
    except SettingsRefused:
        return None


def load_routes(settings: Settings) -> Routes:
    """The table of routes: the installation's own, or the one that comes with the program. Raises SettingsRefused."""
    try:
        text = (
            Path(settings.routes_file).read_text(encoding="utf-8")
            if settings.routes_file
            else files("config").joinpath("routes.toml").read_text(encoding="utf-8")
        )
        return routes_from_table(tomllib.loads(text).get("route", []))
    except (OSError, ValueError, TypeError) as trouble:
        raise SettingsRefused("routes_file", str(trouble)) from None


def manners_of(partner: PartnerSettings) -> Manners:
    """How the ledger treats a partner."""
    return Manners(
        failures_to_open=partner.failures_to_open,
        probe_every=_seconds(partner.probe_every_s),
        rate=partner.rate,
        in_flight=_seconds(partner.in_flight_s),
        lease=_seconds(partner.lease_s),
        drain=partner.drain,
        fresh_share=partner.fresh_share,
        fresh_for=_seconds(partner.fresh_for_s),
    )


def patience_of(partner: PartnerSettings) -> Patience:
    """How long a worker waits for a partner."""
    return Patience(
        schedule=tuple(_seconds(wait) for wait in partner.retry_s),
        jitter=partner.retry_jitter,
        in_flight=_seconds(partner.in_flight_s),
    )


def sources_of_callers(settings: Settings) -> dict[str, frozenset[str]]:
    """Caller → the sources it may speak for."""
    return {name: frozenset(caller.sources) for name, caller in settings.callers.items()}


# -- partners ----------------------------------------------------------------------------------------------------------


def _work(installation: Installation, name: str, partner: PartnerSettings) -> PartnerWork:
    if isinstance(partner, OneStopKeys):
        from config import partner_one_stop

        return partner_one_stop.work(installation, name, partner)
    if isinstance(partner, GatewaySettings):
        from config import partner_gateways

        return partner_gateways.work(installation, name, partner)
    if isinstance(partner, ReceiptIssuerKeys):
        from config import partner_receipts

        return partner_receipts.work(installation, name, partner)
    if isinstance(partner, SignerSettings):
        from config import partner_signers

        return partner_signers.work(installation, name, partner)
    assert isinstance(partner, NationalPortalKeys)
    from config.partner_tables import WithFreshTables

    adapter = national_portal(installation, partner)
    return PartnerWork(
        adapter=WithFreshTables(adapter, installation.reads, name),
        patience=patience_of(partner),
        threads=partner.threads,
        batch=max((adapter.batch_size(kind) for kind in installation.routes.kinds_to(name)), default=1),
        batch_size=adapter.batch_size,
    )


def national_portal(installation: Installation, partner: NationalPortalKeys) -> NationalPortal:
    """The adapter of the national portal, over channels of its own."""
    from adapters.channels.http import HttpChannel
    from adapters.partners.national_portal.adapter import NationalPortal
    from config.partner_tables import in_force

    settings = national_portal_settings(partner)
    ports = installation.ports
    channel = HttpChannel(settings.http, clock=ports.clock, crash_point=ports.crash_point)
    tables = in_force(installation.reads, "national_portal")
    try:
        return NationalPortal(
            settings,
            channel,
            tables,
            token_channel=token_channel(partner, settings.http, ports),
            crash_point=ports.crash_point,
            clock=ports.clock,
        )
    except ValueError as trouble:
        raise SettingsRefused("partners.national_portal", str(trouble)) from None


def token_channel(partner: NationalPortalKeys, http: HttpSettings, ports: Ports) -> HttpChannel | None:
    """Low-rate calls go by the plain client; a channel is opened only where there is something to ask for."""
    if not isinstance(partner.outer_auth, OAuth2Settings):
        return None
    from adapters.channels.http import HttpChannel
    from adapters.channels.httpx2_transport import Httpx2Transport

    return HttpChannel(http, open_transport=Httpx2Transport, clock=ports.clock)


def national_portal_settings(partner: NationalPortalKeys) -> NationalPortalSettings:
    """The adapter's own settings, secrets read from their files. Raises SettingsRefused."""
    from adapters.channels.addresses import AddressRefused
    from adapters.partners.national_portal.calls import hosts_of
    from adapters.partners.national_portal.settings import NationalPortalSettings

    check_forms("national_portal", partner)
    same = {name: getattr(partner, name) for name in _SAME}
    told = partner.batch
    sizes: dict[str, int] = {name: told if isinstance(told, int) else told.get(name, 1) for name in _OPERATIONS}
    settings = NationalPortalSettings(
        **same,
        password=_text(partner, partner.password_file, "password_file"),
        outer_auth=_outer_auth(partner),
        session_ttl=_seconds(partner.session_ttl_s),
        session_errors=_session_errors(partner),
        batch=sizes,
        http=http_settings(partner, "partners.national_portal"),
    )
    try:
        return replace(settings, http=replace(settings.http, hosts=hosts_of(settings)))
    except (AddressRefused, ValueError) as trouble:
        raise SettingsRefused("partners.national_portal", str(trouble)) from None


def _session_errors(partner: NationalPortalKeys) -> tuple[SessionError, ...]:
    """Raises SettingsRefused."""
    from adapters.partners.national_portal.settings import SessionError

    try:
        return tuple(SessionError(code=error.code, text=error.text) for error in partner.session_errors)
    except ValueError as trouble:
        raise SettingsRefused("partners.national_portal.session_errors", str(trouble)) from None


_OPERATIONS: Final[tuple[Operation, ...]] = ("create", "update", "step")
_SAME: Final = (
    "adapter_url", "madonvi", "username", "context", "auth_endpoint", "share_endpoint", "integration_endpoint",
    "dstcode", "dstcode_in", "provider_url", "variant", "facade_add_url", "facade_update_url", "facade_progress_url",
    "facade_status_url",
    "facade_lookup_url", "facade_read_url", "facade_unit_in_query", "facade_updating_in_query", "lookup_before_create",
    "lookup_proves", "lookup_entries_field", "lookup_step_keys", "write_success", "reply_types", "reply_overrides",
    "batch_answer", "limit_unit", "fees_sent", "xroad_url", "xroad_client", "xroad_service_provider",
    "xroad_services", "xroad_namespace", "xroad_user_id", "xroad_protocol_version", "xroad_issue",
    "portal_born_unnumbered",
)  # fmt: skip


def http_settings(partner: PartnerSettings, key: str) -> HttpSettings:
    """How a partner is reached. Raises SettingsRefused."""
    from adapters.channels.http import HttpSettings

    return HttpSettings(
        timeout=_seconds(partner.timeout_s),
        connect_timeout=_seconds(partner.connect_timeout_s),
        max_reply_bytes=partner.max_reply_bytes,
        max_connections=partner.threads,
        idle_timeout=_seconds(partner.idle_timeout_s),
        allow_http=partner.allow_http,
        networks=_networks(partner.private_networks, f"{key}.private_networks"),
        roots_pem=_public(partner.ca_file, f"{key}.ca_file"),
        identity_pem=read_private(partner.identity_file, f"{key}.identity_file", "put certificate and key there")
        if partner.identity_file
        else None,
        knocks=partner.knocks,
    )


def _outer_auth(partner: NationalPortalKeys) -> OuterAuth | None:
    from adapters.channels.outer_auth import ClientCredentials, KeyHeader

    match partner.outer_auth:
        case KeyHeaderSettings() as auth:
            return KeyHeader(name=auth.header, value=_text(partner, auth.value_file, "outer_auth.value_file"))
        case OAuth2Settings() as auth:
            return ClientCredentials(
                token_url=auth.token_url,
                client_id=auth.client_id,
                client_secret=_text(partner, auth.client_secret_file, "outer_auth.client_secret_file"),
                scope=auth.scope,
                secret_in=auth.secret_in,
            )
        case None:
            return None


def _text(partner: NationalPortalKeys, path: str, member: str) -> str:
    where, urls = f"partners.national_portal.{member}", addresses(partner).values()
    return secret(path, where, urls=urls).reveal().decode() if path else ""


def _networks(texts: Sequence[str], key: str) -> tuple[Network, ...]:
    from adapters.channels.addresses import networks_of

    try:
        return networks_of(texts)
    except ValueError as trouble:
        raise SettingsRefused(key, str(trouble)) from None


def _public(path: str, key: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as trouble:
        raise SettingsRefused(
            key, f"{path} cannot be read ({trouble.strerror}); put the authorities' certificates there, PEM"
        ) from None


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
