"""Settings of time: office hours, incidents, who is told of them, and who looks after which key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from bus.calendar import hours_from_texts
from config.door_settings import ADDRESS, NotNegative, Positive

if TYPE_CHECKING:
    from bus.incidents import Alarms

Count = Annotated[int, Meta(ge=1)]
Mailbox = Annotated[str, Meta(max_length=254, pattern=r"^[^\s@<>,;:\"]+@[^\s@<>,;:\"]+$")]


class CalendarSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When offices work; the days off are a table (`tables import holidays.csv --partner calendar`)."""

    office_hours: tuple[str, ...] = ("07:30-11:30", "13:00-17:00")
    """Hours of a working day, in Vietnam; legal terms in working days end with the last one."""

    def __post_init__(self) -> None:
        hours_from_texts(self.office_hours)


class EmailSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Notices by e-mail."""

    host: str
    """The mail server that takes them."""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    tls: bool = True
    """STARTTLS, required; port 465 begins with TLS. Off only for a server on this machine or the inner network."""
    ca_file: str = ""
    """The authority of its certificate, PEM; empty: the public ones."""
    username: str = ""
    """Empty: no login."""
    password_file: str = ""
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], Meta(min_length=1, max_length=20)]
    timeout_s: Positive = 10.0
    """How long the server may take for one answer."""

    def __post_init__(self) -> None:
        if bool(self.username) != bool(self.password_file):
            raise ValueError("username and password_file belong together")
        if self.username and not self.tls:
            raise ValueError("username needs tls: a password is not sent in the clear")


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Notices by a signed call (RFC 9421, hmac-sha256) to a system of the province."""

    url: str
    keyid: str = "lienthong-notices"
    """The name of our signatures."""
    secret_file: str
    """Shared with that system, 16 bytes or more."""
    allow_http: bool = False
    private_networks: tuple[str, ...] = ()
    """Where it may stand beside public addresses: `10.0.0.0/24`."""
    ca_file: str = ""
    timeout_s: Positive = 10.0

    def __post_init__(self) -> None:
        if not ADDRESS.fullmatch(self.url):
            raise ValueError("url must be a whole http(s) address")


class NoticeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When something is an incident, and who is told of it."""

    after_minutes: NotNegative = 5.0
    """A partner is down for so long before anybody is told."""
    quiet_minutes: Positive = 10.0
    """A cause that was not seen for so long is over; a partner that flaps is one incident until then."""
    per_hour: Count = 6
    """Messages an hour at most, each way; what comes beyond waits and goes as one."""
    waiting_for_people: Count = 20
    """So many deliveries of one partner that only a person can free are an incident."""
    refusals: Count = 50
    """So many refusals of one caller within ten minutes are."""
    silence_hours: NotNegative = 4.0
    """So many working hours without any event are. 0: never."""
    languages: tuple[Literal["vi", "en"], ...] = ("vi", "en")
    """In which languages messages are written, the first one first."""
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None

    def __post_init__(self) -> None:
        if not self.languages or len(set(self.languages)) < len(self.languages):
            raise ValueError('languages must name one or both of "vi" and "en", each once')

    @property
    def alarms(self) -> Alarms:
        """The same as the bus takes it."""
        from bus.incidents import Alarms

        return Alarms(
            after=timedelta(minutes=self.after_minutes),
            quiet=timedelta(minutes=self.quiet_minutes),
            people=self.waiting_for_people,
            refusals=self.refusals,
            silence=timedelta(hours=self.silence_hours),
        )

    @property
    def channels(self) -> tuple[str, ...]:
        """The ways by which people are told."""
        ways = {"email": self.email, "webhook": self.webhook}
        return tuple(name for name, way in ways.items() if way is not None)


class Keeper(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who looks after one key."""

    setting: str
    """The key's setting, as `keys list` and the console name it: `soap.signing_certificate_file`."""
    who: Annotated[str, Meta(max_length=200)]


class KeysSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who looks after keys and certificates; shown beside them, and nowhere else."""

    responsible: Annotated[str, Meta(max_length=200)] = ""
    """For all of them, but those that name somebody of their own."""
    keepers: tuple[Keeper, ...] = ()
    """Those that do."""

    def who(self, setting: str) -> str:
        """Who is responsible for this one."""
        return next((one.who for one in self.keepers if one.setting == setting), self.responsible)
