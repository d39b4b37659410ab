"""Settings: one TOML file, typed and frozen; an unknown key stops the start, and secrets stand in files of their own.

    --config FILE, else $LIENTHONG_CONFIG, else ./lienthong.toml
    LIENTHONG_PARTNERS__NATIONAL_PORTAL__TIMEOUT_S=5    overrides one key
    …_file = "portal.password"                          a path, taken from the settings file's own folder

`config/example.toml` shows every key with its default; a test keeps it complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from bus.follow_ups import LEDGER_SOURCE
from config.console_settings import ConsoleSettings
from config.document_settings import DocumentSettings
from config.door_settings import (
    FacadeSettings,
    Name,
    NotNegative,
    PortalDoorSettings,
    Positive,
    SoapSettings,
    SourceName,
)
from config.file_settings import FileSettings
from config.partner_settings import PartnerSettings as PartnerSettings
from config.payment_settings import KeypayKeys, PaymentPlatformKeys, PaymentsSettings, VnpayKeys
from config.receipt_settings import ReceiptIssuerKeys
from config.signing_settings import CscKeys, MysignKeys, SigningSettings, SmartCaKeys, SoapSignerKeys, VneidGatewayKeys
from config.time_settings import CalendarSettings, KeysSettings, NoticeSettings

SQLITE: Final = "sqlite:///"

OneStopName = Annotated[str, Meta(max_length=64, pattern=r"^one_stop-[a-z0-9]+(-[a-z0-9]+)*$")]
Order = Literal["arrival", "sequence"]
Told = Literal["delivered", "refused", "held", "superseded", "cancelled", "not_ours"]
Operation = Literal["create", "update", "step"]
XRoadOperation = Literal["create", "update", "step", "status", "lookup"]


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where everything is kept."""

    url: str = "sqlite:///ledger.db"
    """`sqlite:///relative/to/this/file.db` or `sqlite:////absolute.db`."""
    master_key_file: str = "master.key"
    """Opens every body in the ledger; without it they are lost. Keep a copy apart from the backups."""
    signing_key_file: str = "signing.key"
    """Signs receipts, and the checkpoints over the ledger (PEM, Ed25519)."""
    retired_signing_key_files: tuple[str, ...] = ()
    """The keys that did so before: a repeat gets the receipt of its first answer, and old checkpoints still verify."""
    checkpoint_every_s: Positive = 60.0
    """How often a worker signs a checkpoint."""

    def __post_init__(self) -> None:
        if not self.url.startswith(SQLITE) or len(self.url) == len(SQLITE):
            raise ValueError(f"url must read {SQLITE}path; this version keeps its ledger in SQLite")

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return Path(self.url.removeprefix(SQLITE))


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the doors listen."""

    host: str = "127.0.0.1"
    """Loopback: put a TLS-terminating proxy in front, or name an address of the inner network."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8400
    """0 takes any free port, and says which."""


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a worker does besides delivering."""

    gap_alarm_s: Positive = 900.0
    """A numbered source's missing event is worth a warning after this time."""
    stop_grace_s: Positive = 30.0
    """How long calls in flight may take to end after SIGTERM; then they are left to their leases, and asked about."""
    metrics_listen: str = ""
    """`host:port` where a worker that stands alone shows /metrics, /livez, /readyz; empty: nowhere."""

    def __post_init__(self) -> None:
        host, _, port = self.metrics_listen.rpartition(":")
        if self.metrics_listen and not (host and port.isascii() and port.isdigit() and int(port) <= 65_535):
            raise ValueError("metrics_listen must read host:port, such as 127.0.0.1:9464")

    @property
    def metrics_at(self) -> tuple[str, int] | None:
        """Host and port."""
        host, _, port = self.metrics_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to the error stream."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on a line is written."""


class CallerKeySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key of a caller, of one of three kinds. The kind decides the algorithm of its signatures."""

    secret_file: str = ""
    """The secret shared with it, 16 bytes or more: hmac-sha256."""
    public_key_file: str = ""
    """Its public key, PEM. Ed25519: ed25519; P-256: ecdsa-p256-sha256; RSA of 2048 bits or more: rsa-pss-sha512."""
    certificate: str = ""
    """A file with its certificate, PEM: its key, for as long as the certificate is valid."""

    def __post_init__(self) -> None:
        if len([file for file in (self.secret_file, self.public_key_file, self.certificate) if file]) != 1:
            raise ValueError("one of secret_file, public_key_file and certificate must name a file, and only one")

    @property
    def setting(self) -> str:
        """Which of the three it is."""
        return "secret_file" if self.secret_file else "public_key_file" if self.public_key_file else "certificate"

    @property
    def file(self) -> str:
        """The file that it names."""
        return self.secret_file or self.public_key_file or self.certificate


class AuthoritySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An authority that vouches for a caller's certificates at the SOAP door."""

    trust_roots_file: Annotated[str, Meta(min_length=1)]
    """The authorities, PEM; what stands between them and the caller may be there too."""
    pinned_subjects: tuple[str, ...] = ()
    """Whose certificate it must be: `CN=one-stop,O=Example,C=VN`. With `pinned_keys` both must fit."""
    pinned_keys: tuple[str, ...] = ()
    """SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal."""
    revocation: Literal["require", "none"] = "require"
    """`require`: a current list or OCSP answer must vouch for its certificate, or nothing it says is believed."""
    revocation_grace_s: NotNegative = 86_400.0
    """How long past its end such a statement still counts."""
    crl_urls: tuple[str, ...] = ()
    """Where lists are, for authorities whose certificates do not say it."""
    revocation_hosts: tuple[str, ...] = ()
    """Hosts of lists and OCSP answers that certificates name; no other is asked."""
    private_networks: tuple[str, ...] = ()
    """Networks beside the public ones in which those hosts may stand, `10.0.0.0/24`."""

    def __post_init__(self) -> None:
        if not (self.pinned_subjects or self.pinned_keys):
            raise ValueError("pinned_subjects or pinned_keys must say whose certificate it is")
        if self.revocation == "require" and not (self.crl_urls or self.revocation_hosts):
            raise ValueError('revocation = "require" needs crl_urls or revocation_hosts')


class CallerSettings(CallerKeySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One system that may hand events in. Its name in the settings is the `keyid` of its signatures."""

    also: tuple[CallerKeySettings, ...] = ()
    """Further keys of it, each as good as the first: while it changes from one to the next."""
    sources: Annotated[tuple[SourceName, ...], Meta(min_length=1)]
    """The sources it may speak for; any other is answered 403."""
    order: Order = "arrival"
    """How these sources tell their order: by time of the event, or by a number without gaps."""
    rate: NotNegative = 10_000.0
    """Requests a second that each process of the doors takes from it; past that 429 with Retry-After. 0: no limit."""
    may_speak_for: tuple[SourceName, ...] = ()
    """Sources of others of whose dossiers these may speak too. A dossier belongs to the source that spoke first."""
    authority: AuthoritySettings | None = None
    """SOAP: in place of a `certificate`, or beside a secret for REST: who vouches for its certificates."""

    def __post_init__(self) -> None:
        if self.authority is None or self.file:
            CallerKeySettings.__post_init__(self)


class KeyHeaderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="key"):
    """The exchange in front of a partner wants one fixed header."""

    header: str
    value_file: str


class OAuth2Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="oauth2"):
    """The exchange in front of a partner wants a bearer token by client credentials."""

    token_url: str
    client_id: str
    client_secret_file: str
    scope: str = ""
    secret_in: Literal["header", "body"] = "header"  # noqa: S105  # a place, not a secret


class SessionErrorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a partner says that a session is not valid: a code other than 0, words of its message, or both."""

    code: str = ""
    text: str = ""


class NationalPortalKeys(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The national portal. What each key means to it: `adapters/partners/national_portal/settings.py`."""

    adapter_url: str = ""
    """The exchange adapter's base address, without the context."""
    madonvi: str
    """The installation's organisation code in the old form, `000.00.00.H99`."""
    username: str = ""
    password_file: str = ""
    """Of the account at the adapter."""
    context: Literal["VXPAdapter", "XrdAdapter"] = "VXPAdapter"
    auth_endpoint: str = "mapi/login"
    share_endpoint: str = "mapi/share"
    integration_endpoint: str = "mapi/integration"
    dstcode: str = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
    """The destination; an empty one is left out."""
    dstcode_in: Literal["header", "query"] = "header"
    provider_url: str = ""
    """Address of one backend behind the provider."""
    variant: Literal["adapter", "facade", "xroad"] = "adapter"
    """`facade`: a province's own exchange with an address for each verb, and no login; `xroad`: SOAP to our own
    security server, by X-Road's message protocol 4.0."""
    facade_add_url: str = ""
    facade_update_url: str = ""
    facade_progress_url: str = ""
    facade_lookup_url: str = ""
    """Empty: this façade cannot be asked, so an unclear create stays in doubt until a person looks."""
    facade_status_url: str = ""
    """`DongBoTrangThaiHoSoKM`; empty: statuses of dossiers born on the portal are held."""
    facade_read_url: str = ""
    """The address below which it publishes the catalogue, `…/LayThuTuc?maTTHC=`; empty: it cannot be asked."""
    facade_unit_in_query: bool = False
    facade_updating_in_query: bool = False
    xroad_url: str = ""
    """The security server that is called; it knows us by `identity_file`, or by its network alone."""
    xroad_client: str = ""
    """Who calls, as the security server knows it: `VN/GOV/000.00.00.H99/one-stop`, the subsystem may be missing."""
    xroad_service_provider: str = "VN/GOV/000.00.00.G22/vpcpdvcprovider"
    """Who is called."""
    xroad_services: dict[XRoadOperation, str] = {}
    """Service code and version of an operation, where it is not the portal's own name and `v1`."""
    xroad_namespace: str = "urn:vn:lienthong:national-portal:v1"
    """Namespace of the elements in the Body, as the provider's description has it."""
    xroad_user_id: str = ""
    """`userId`; empty: the country and `madonvi`, and so no person."""
    xroad_protocol_version: str = "4.0"
    xroad_issue: bool = False
    """Whether `issue` tells the dossier's number; security servers keep it in their monitoring data."""
    outer_auth: KeyHeaderSettings | OAuth2Settings | None = None
    """The provincial LGSP's own authentication: `{kind = "key", …}` or `{kind = "oauth2", …}`."""
    session_ttl_s: Positive = 600.0
    """How long a login is used before the next."""
    session_errors: tuple[SessionErrorSettings, ...] = ()
    """This portal's own words for an ended session, beside those of the reply table: `[{code = "902", text = ""}]`."""
    lookup_before_create: bool = True
    """Ask before the create of a dossier that nobody has asked about yet."""
    lookup_proves: Literal["existence", "entries"] = "existence"
    """`entries` only where the province has shown that the look-up lists every step."""
    lookup_entries_field: str = "TIENDO"
    lookup_step_keys: tuple[str, ...] = ("ThoiDiemXuLy", "TrangThai", "NoiDungXuLy")
    """What the look-up must show of a step to prove that it is ours."""
    write_success: Literal["code", "code_and_text"] = "code"
    """Whether a yes must also say so in words."""
    reply_types: tuple[str, ...] = ("application/json", "text/json")
    """Content types of a readable reply."""
    reply_overrides: dict[str, str] = {}
    """Row of the reply table → another verdict, once the province knows better."""
    batch: Annotated[int, Meta(ge=1, le=1000)] | dict[Operation, Annotated[int, Meta(ge=1, le=1000)]] = 1
    """Most records in one call; one number, or `{create = 1, update = 50, step = 1}`."""
    batch_answer: dict[Operation, Literal["none", "atomic", "named"]] = {}
    """Whether a yes counts for each record of a call. Without it records go one by one, whatever `batch` says."""
    limit_unit: Literal["characters", "bytes"] = "characters"
    """In what a field's limit is counted."""
    fees_sent: Literal["paid", "all"] = "paid"
    portal_born_unnumbered: Literal["hold", "sync"] = "hold"
    """A record that says it was born on the portal, with no known national number: hold it, or create it there."""

    def __post_init__(self) -> None:
        PartnerSettings.__post_init__(self)
        if self.variant == "adapter" and not self.adapter_url:
            raise ValueError("adapter_url is missing")
        if self.variant == "xroad" and not (self.xroad_url and self.xroad_client):
            raise ValueError("xroad_url and xroad_client are missing")
        if self.variant == "facade" and not (self.facade_add_url and self.facade_progress_url):
            raise ValueError("facade_add_url and facade_progress_url are missing")


class TokenSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signing key that a hardware token holds (PKCS#11); its certificate stands in a file."""

    module: Annotated[str, Meta(min_length=1)]
    """The token's library, an absolute path."""
    token: Annotated[str, Meta(min_length=1)]
    """The token's label."""
    label: Annotated[str, Meta(min_length=1)]
    """The key's label in it."""
    pin_file: Annotated[str, Meta(min_length=1)]


class OneStopKeys(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A one-stop system that is told outcomes and filed dossiers: `[partners.one_stop]`, `[partners.one_stop-NAME]`."""

    url: Annotated[str, Meta(min_length=1)]
    """SOAP: the service's address. REST: that below which `outcomes`, `dossiers`, `payments`, `signatures` … are."""
    protocol: Literal["soap", "rest"] = "soap"
    soap_version: Literal["1.1", "1.2"] = "1.1"
    max_skew_s: Annotated[float, Meta(ge=0, le=600)] = 300.0
    """How far its clock and ours may differ."""
    signing_key_file: str = ""
    """SOAP: our private key, PEM, RSA of 2048 bits or more or P-256."""
    signing_certificate_file: str = ""
    """Its certificate, PEM."""
    signing_pkcs12_file: str = ""
    """In place of both: one PKCS#12 container."""
    signing_pkcs12_password_file: str = ""
    pkcs11: TokenSettings | None = None
    """In place of `signing_key_file`: a hardware token, `{module = "…", token = "…", label = "…", pin_file = "…"}`."""
    trust_roots_file: str = ""
    """SOAP: the authorities that may vouch for its certificate, PEM; what stands between them may be there too."""
    pinned_subjects: tuple[str, ...] = ()
    """Whose certificate it must be: `CN=one-stop,O=Example,C=VN`. With `pinned_keys` both must fit."""
    pinned_keys: tuple[str, ...] = ()
    """SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal."""
    revocation: Literal["require", "none"] = "require"
    """`require`: a current list or OCSP answer must vouch for its certificate, or nothing it says is believed."""
    revocation_grace_s: NotNegative = 86_400.0
    """How long past its end such a statement still counts."""
    crl_urls: tuple[str, ...] = ()
    """Where lists are, for authorities whose certificates do not say it."""
    revocation_hosts: tuple[str, ...] = ()
    """Hosts of lists and OCSP answers that certificates name; no other is asked."""
    keyid: str = ""
    """REST: our name for our signatures (RFC 9421, hmac-sha256)."""
    secret_file: str = ""
    """The secret shared with it, 16 bytes or more."""
    their_keyid: str = ""
    """The name under which it signs its answers."""
    their_secret_file: str = ""
    """The secret of those signatures."""
    their_public_key_file: str = ""
    """In place of it: its public key, PEM."""
    takes_outcomes_of: tuple[SourceName, ...] = ()
    """Sources whose events' outcomes it is told."""
    takes_outcomes: tuple[Told, ...] = ("delivered", "refused", "held", "superseded", "cancelled", "not_ours")
    """Which outcomes."""
    takes_filed: bool = False
    """Whether it takes dossiers filed on the national portal, and what applicants do afterwards."""

    def __post_init__(self) -> None:
        PartnerSettings.__post_init__(self)
        if self.protocol == "soap":
            self._check_soap()
        elif not (self.keyid and self.secret_file and self.their_keyid):
            raise ValueError("protocol rest needs keyid, secret_file and their_keyid")
        elif bool(self.their_secret_file) == bool(self.their_public_key_file):
            raise ValueError("one of their_secret_file and their_public_key_file must name a file, and only one")

    def _check_soap(self) -> None:
        ways = [self.signing_key_file, self.signing_pkcs12_file, self.pkcs11]
        if len([way for way in ways if way]) != 1:
            raise ValueError("one of signing_key_file, signing_pkcs12_file and pkcs11 must be there, and only one")
        if not (self.signing_certificate_file or self.signing_pkcs12_file):
            raise ValueError("signing_certificate_file is missing")
        if not (self.trust_roots_file and (self.pinned_subjects or self.pinned_keys)):
            raise ValueError("trust_roots_file, and pinned_subjects or pinned_keys, are missing")
        if self.revocation == "require" and not (self.crl_urls or self.revocation_hosts):
            raise ValueError('revocation = "require" needs crl_urls or revocation_hosts')


class PartnersSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table for each partner that is spoken to."""

    national_portal: NationalPortalKeys | None = None
    one_stop: OneStopKeys | None = None
    one_stops: dict[OneStopName, OneStopKeys] = {}
    """Every `[partners.one_stop-NAME]`; `settings_file` puts them here, and nobody writes this key."""
    payment_platform: PaymentPlatformKeys | None = None
    keypay: KeypayKeys | None = None
    vnpay: VnpayKeys | None = None
    receipt_issuer: ReceiptIssuerKeys | None = None
    smartca: SmartCaKeys | None = None
    mysign: MysignKeys | None = None
    vneid_gateway: VneidGatewayKeys | None = None
    csc: CscKeys | None = None
    soap_signer: SoapSignerKeys | None = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One installation."""

    routes_file: str = ""
    """Which events go where, by which rule of order. Empty: the table that comes with this program."""
    ledger: LedgerSettings = LedgerSettings()
    web: WebSettings = WebSettings()
    worker: WorkerSettings = WorkerSettings()
    log: LogSettings = LogSettings()
    callers: dict[Name, CallerSettings] = {}
    facade: FacadeSettings = FacadeSettings()
    soap: SoapSettings | None = None
    portal_door: PortalDoorSettings = PortalDoorSettings()
    console: ConsoleSettings = ConsoleSettings()
    calendar: CalendarSettings = CalendarSettings()
    notices: NoticeSettings = NoticeSettings()
    keys: KeysSettings = KeysSettings()
    payments: PaymentsSettings = PaymentsSettings()
    documents: DocumentSettings = DocumentSettings()
    signing: SigningSettings = SigningSettings()
    partners: PartnersSettings = PartnersSettings()
    files: dict[Name, FileSettings] = {}

    def __post_init__(self) -> None:
        orders = self.orders_by_caller()
        for source, told in orders.items():
            if len(set(told.values())) > 1:
                raise ValueError(f"source {source} has two orders, by callers {', '.join(sorted(told))}")
        self._check_facade(orders)
        self._check_portal_door(orders)
        if LEDGER_SOURCE in self.sources():
            raise ValueError(
                f"source {LEDGER_SOURCE} is what the ledger itself says; no caller may speak under its name"
            )

    def _check_facade(self, callers: Mapping[str, object]) -> None:
        accounts = self.facade.accounts
        if self.facade.enabled and not (accounts and self.partners.national_portal):
            raise ValueError(
                "facade is enabled: it needs a table [facade.accounts.NAME] and [partners.national_portal]"
            )
        names = [account.username for account in accounts.values()]
        if len(set(names)) < len(names):
            raise ValueError("facade.accounts: two of them have one username")
        # Its events have no id of their own and stand in the order of acceptance: one source cannot have both ways.
        for account in accounts.values():
            if account.source in callers:
                raise ValueError(f"facade.accounts: source {account.source} is a caller's too; give it one of its own")

    def _check_portal_door(self, callers: Mapping[str, object]) -> None:
        source = self.portal_door.source
        others = {*callers, *(account.source for account in self.facade.accounts.values())}
        if self.portal_door.enabled and source in others:
            raise ValueError(f"portal_door: source {source} is a caller's or an account's too; give it one of its own")

    def orders_by_caller(self) -> Mapping[str, Mapping[str, Order]]:
        """Source → caller → how it tells its order."""
        found: dict[str, dict[str, Order]] = {}
        for name, caller in self.callers.items():
            for source in caller.sources:
                found.setdefault(source, {})[name] = caller.order
        return found

    def orders(self) -> dict[str, Order]:
        """Source → how it tells its order."""
        return {source: next(iter(told.values())) for source, told in self.orders_by_caller().items()}

    def sources(self) -> frozenset[str]:
        """Every source that may speak here."""
        door = (self.portal_door.source,) if self.portal_door.enabled else ()
        accounts = (each.source for each in self.facade.accounts.values())
        return frozenset((*self.orders_by_caller(), *accounts, *door))

    def speakers(self) -> dict[str, frozenset[str]]:
        """Source → the sources of whose dossiers it may speak: those of its caller, and those that the caller names.

        A source that several callers use may do what each of them may. Who is handed what was filed on the portal may
        speak of it, also where it keeps the portal's number as its own.
        """
        found: dict[str, frozenset[str]] = {}
        for caller in self.callers.values():
            theirs = frozenset((*caller.sources, *caller.may_speak_for))
            for source in caller.sources:
                found[source] = found.get(source, theirs) & theirs
        if self.portal_door.enabled:
            for taker in self.partner_table().values():
                if isinstance(taker, OneStopKeys) and taker.takes_filed:
                    for source in found.keys() & set(taker.takes_outcomes_of):
                        found[source] |= {self.portal_door.source}
        return found

    def partner_table(self) -> dict[str, PartnerSettings]:
        """The partners that have a table, by name."""
        named: dict[str, PartnerSettings | None] = {
            "national_portal": self.partners.national_portal,
            "one_stop": self.partners.one_stop,
            **self.partners.one_stops,
            "payment_platform": self.partners.payment_platform,
            # The same partner in a lane of its own: receipts come late, and no payment waits for one.
            "payment_platform-receipts": self.partners.payment_platform,
            "keypay": self.partners.keypay,
            "vnpay": self.partners.vnpay,
            "receipt_issuer": self.partners.receipt_issuer,
            "smartca": self.partners.smartca,
            "mysign": self.partners.mysign,
            "vneid_gateway": self.partners.vneid_gateway,
            "csc": self.partners.csc,
            "soap_signer": self.partners.soap_signer,
        }
        return {name: each for name, each in named.items() if each is not None}


def anchored(value: Struct, folder: Path) -> Struct:
    """The same settings with every path taken from the settings file's folder."""
    changed: dict[str, object] = {}
    for name in value.__struct_fields__:
        old = getattr(value, name)
        new = _anchored(name, old, folder)
        if new is not old:
            changed[name] = new
    return msgspec.structs.replace(value, **changed) if changed else value


def _anchored(name: str, value: object, folder: Path) -> object:
    if isinstance(value, FileSettings):
        return value  # the names in it are a vendor's columns, whatever they end in
    if isinstance(value, Struct):
        return anchored(value, folder)
    if isinstance(value, dict):
        return {key: _anchored(key, item, folder) for key, item in value.items()}
    if name.endswith("_files") and isinstance(value, tuple):
        return tuple(str(folder / path) for path in value)
    if isinstance(value, tuple):
        return tuple(_anchored("", item, folder) for item in value)
    if (name.endswith(("_file", "_folder")) or name in ("certificate", "folder")) and isinstance(value, str) and value:
        return str(folder / value)
    if name == "url" and isinstance(value, str) and value.startswith(SQLITE):
        return SQLITE + str(folder / value.removeprefix(SQLITE))
    return value
