"""Notices by e-mail. One connection for a message; the server's troubles are the message's, and nobody else's."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime
from typing import Final

import structlog

from adapters.notices.text import Writer
from bus.notices import Message, NotSent
from bus.ports import Clock

log = structlog.get_logger("notices")

IMPLICIT_TLS: Final = 465
"""The port on which a server begins with TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailWay:
    """The server that takes them, and who reads them."""

    host: str
    port: int
    tls: bool
    roots_pem: str | None = None
    """The authority of its certificate; None: the public ones."""
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str
    to: Sequence[str]
    timeout: timedelta = timedelta(seconds=10)


class EmailMessenger:
    """Sends messages as mails. A message that goes again has the same Message-ID."""

    def __init__(self, way: EmailWay, writer: Writer, clock: Clock) -> None:
        self._way = way
        self._writer = writer
        self._clock = clock

    def send(self, message: Message) -> None:
        """Raises NotSent."""
        mail = self.mail(message)
        try:
            with self._open() as server:
                if self._way.tls and self._way.port != IMPLICIT_TLS:
                    server.starttls(context=self._tls())
                if self._way.username:
                    server.login(self._way.username, self._way.password)
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException) as failure:
            raise NotSent(_told(failure)) from None
        if refused:
            log.warning("notice_recipients_refused", refused=len(refused), sent=len(self._way.to) - len(refused))

    def mail(self, message: Message) -> MIMEText:
        """The mail as it goes out."""
        mail = MIMEText(self._writer.body(message), "plain", "utf-8")
        # The whole subject as encoded words: the newer EmailMessage loses blanks between those and plain ones.
        mail["Subject"] = Header(self._writer.subject(message), "utf-8")  # type: ignore[assignment]  # as compat32 has it
        mail["From"] = self._way.sender
        mail["To"] = ", ".join(self._way.to)
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{message.id}@{self._way.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        return mail

    def _open(self) -> smtplib.SMTP:
        place, patience = (self._way.host, self._way.port), self._way.timeout.total_seconds()
        if self._way.tls and self._way.port == IMPLICIT_TLS:
            return smtplib.SMTP_SSL(*place, timeout=patience, context=self._tls())
        return smtplib.SMTP(*place, timeout=patience)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._way.roots_pem)


def _told(failure: Exception) -> str:
    """What went wrong, without what the server repeats of the message or the login."""
    code = getattr(failure, "smtp_code", "")
    return f"{type(failure).__name__} {code}".strip()
