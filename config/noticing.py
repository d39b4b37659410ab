"""What a worker watches in the background: incidents, what people are told of them, and who was late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from bus.findings import look
from bus.incidents import Incidents
from bus.late_book import JUDGED, LateBook
from bus.lateness import ENDS
from bus.notices import Messenger, NotSent, Outbox
from config.key_life import ends
from config.office_calendar import FreshCalendar
from config.settings import Settings
from config.settings_file import SettingsRefused, secret

if TYPE_CHECKING:
    from adapters.notices.text import Writer
    from config.time_settings import EmailSettings, WebhookSettings
    from config.wiring import Installation

log = structlog.get_logger("minding")

LATE_AT: Final = "national_portal"
"""The partner by whose view a dossier is late."""
LATE_FOR: Final = timedelta(seconds=2)
"""Of each minute at most: a ledger of years is looked through within hours, and nobody notices."""
LATE_ROUNDS: Final = 20


class Noticing:
    """Looks once a minute. Every worker does; the ledger sees to it that things are told once."""

    def __init__(self, installation: Installation) -> None:
        """Raises SettingsRefused: a secret of a way to people cannot be read."""
        settings = installation.settings
        self._installation = installation
        self._calendar = FreshCalendar(installation.reads, settings)
        self._alarms = settings.notices.alarms
        self._incidents = incidents_of(installation)
        self._outbox = Outbox(installation.ledger, installation.ports.randomness, per_hour=settings.notices.per_hour)
        self._messengers = messengers(installation)

    def duties(self) -> list[Callable[[], None]]:
        """What is done in one round; telling comes last, because it waits for others' servers."""
        return [self.look, self.judge_the_late, *(lambda way=way: self.tell(way) for way in self._messengers)]

    def look(self) -> None:
        """Incidents that began, went on or ended."""
        settings, now = self._installation.settings, self._installation.ports.clock.now()
        found = look(
            self._installation.ledger,
            self._alarms,
            now=now,
            keys={name: end for name, end in ends(settings).items() if end is not None},
            calendar=self._calendar.now(),
            gap_alarm=timedelta(seconds=settings.worker.gap_alarm_s),
            callers=settings.callers.keys() | settings.facade.accounts.keys(),
        )
        changes = self._incidents.note(found, now)
        for one in changes.opened:
            log.warning("incident_opened", cause=one.cause, subject=one.subject, incident=one.id)
        for one in changes.ended:
            seconds = int(one.lasted.total_seconds())
            log.info("incident_ended", cause=one.cause, subject=one.subject, incident=one.id, lasted_s=seconds)

    def judge_the_late(self) -> None:
        """Some more of the dossiers whose due date has passed; several rounds where there is much to catch up."""
        clock = self._installation.ports.clock
        for book in late_books(self._installation, ends_of(self._installation)).values():
            until = clock.now() + LATE_FOR
            for _round in range(LATE_ROUNDS):
                if book.step(clock.now()) < JUDGED or clock.now() >= until:
                    break

    def tell(self, way: str) -> None:
        """What waits to be told, by one way."""
        clock = self._installation.ports.clock
        message = self._outbox.take(way, clock.now())
        if message is None:
            return
        try:
            self._messengers[way].send(message)
        except NotSent as failure:
            is_kept = self._outbox.failed(message, clock.now())
            log.warning("notice_not_sent", way=way, message=message.id, cause=str(failure), is_kept=is_kept)
        else:
            self._outbox.told(message, clock.now())
            log.info("notice_sent", way=way, message=message.id, notices=len(message.notices))


def incidents_of(installation: Installation) -> Incidents:
    """The incidents of an installation."""
    notices = installation.settings.notices
    return Incidents(installation.ledger, notices.alarms, channels=notices.channels)


def late_books(installation: Installation, ends: frozenset[str] = ENDS) -> Mapping[str, LateBook]:
    """The book of the late ones, of each partner by whose view a dossier is late; none while it is only shadowed.

    `ends` matter to who writes in it.
    """
    partner = installation.settings.partners.national_portal
    if partner is None or partner.mode == "shadow":
        return {}
    return {LATE_AT: LateBook(installation.ledger, LATE_AT, ends=ends)}


def ends_of(installation: Installation) -> frozenset[str]:
    """Statuses that end a dossier, with the local steps that mean one by the tables in force."""
    from adapters.partners.national_portal.tables import TablesRefused
    from config.partner_tables import in_force

    try:
        rows = in_force(installation.reads, "national_portal")["local_steps"].rows
    except TablesRefused:
        return ENDS
    return ENDS | {row.values["local_step"] for row in rows if row.values["status"] in ENDS}


# -- ways to people ----------------------------------------------------------------------------------------------------


def messengers(installation: Installation) -> dict[str, Messenger]:
    """The ways that the settings name. Raises SettingsRefused."""
    notices, found = installation.settings.notices, {}
    if notices.channels:
        writer = writer_of(installation.settings)
        if notices.email is not None:
            found["email"] = _email(installation, notices.email, writer)
        if notices.webhook is not None:
            found["webhook"] = _webhook(installation, notices.webhook, writer)
    return found


def writer_of(settings: Settings) -> Writer:
    """How this installation writes."""
    from adapters.notices.text import Writer

    return Writer(
        languages=settings.notices.languages,
        installation=settings.console.installation,
        console=settings.console.public_url.rstrip("/") if settings.console.enabled else "",
    )


def _email(installation: Installation, told: EmailSettings, writer: Writer) -> Messenger:
    from adapters.notices.email import EmailMessenger, EmailWay

    key = "notices.email.password_file"
    password = secret(told.password_file, key).reveal().decode() if told.password_file else ""
    way = EmailWay(
        host=told.host,
        port=told.port,
        tls=told.tls,
        roots_pem=_roots(told.ca_file, "notices.email.ca_file"),
        username=told.username,
        password=password,
        sender=told.sender,
        to=told.to,
        timeout=timedelta(seconds=told.timeout_s),
    )
    return EmailMessenger(way, writer, installation.ports.clock)


def _webhook(installation: Installation, told: WebhookSettings, writer: Writer) -> Messenger:
    from adapters.channels.addresses import host_of, networks_of
    from adapters.channels.http import HttpChannel, HttpSettings
    from adapters.notices.webhook import WebhookMessenger, WebhookWay

    try:
        networks = networks_of(told.private_networks)
    except ValueError as trouble:
        raise SettingsRefused("notices.webhook.private_networks", str(trouble)) from None
    roots = _roots(told.ca_file, "notices.webhook.ca_file")
    http = HttpSettings(
        timeout=timedelta(seconds=told.timeout_s),
        allow_http=told.allow_http,
        hosts=frozenset({host_of(told.url)}),
        networks=networks,
        roots_pem=None if roots is None else roots.encode(),
    )
    secret_bytes = secret(told.secret_file, "notices.webhook.secret_file", urls=[told.url]).reveal()
    way = WebhookWay(url=told.url, keyid=told.keyid, secret=secret_bytes)
    ports = installation.ports
    return WebhookMessenger(way, writer, HttpChannel(http, clock=ports.clock), ports.clock, ports.randomness)


def _roots(path: str, key: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8") if path else None
    except (OSError, UnicodeDecodeError):
        raise SettingsRefused(key, f"{path} cannot be read; put the authority's certificate there, PEM") from None
