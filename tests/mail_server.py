"""A mail server on a port: it speaks SMTP as far as our client does, keeps every mail, and can be told to misbehave."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class MailServer:
    """What it took, and how it behaves."""

    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    """Who may send; None: anybody."""
    refuses: frozenset[str] = frozenset()
    """Addresses that it does not take mail for."""
    answer: str = "250 taken"
    """To a mail's last line."""
    is_silent: bool = False
    """It takes connections and says nothing."""
    mails: list[EmailMessage] = field(default_factory=list)
    readers: list[list[str]] = field(default_factory=list)
    """Beside each mail, whom it was taken for."""
    was_tls: list[bool] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0


class _Talk(socketserver.StreamRequestHandler):
    """One client."""

    timeout = 20

    def handle(self) -> None:
        server: MailServer = self.server.mail  # type: ignore[attr-defined]
        self.is_tls = isinstance(self.request, ssl.SSLSocket)
        self.is_known = server.login is None
        self.readers: list[str] = []
        if server.is_silent:
            self.server.stopped.wait(20)  # type: ignore[attr-defined]
            return
        self.say("220 mail.h99.example.invalid")
        while line := self.rfile.readline():
            command = line.decode().strip()
            server.commands.append(command.partition(" ")[0].upper())
            if not self.obey(server, command):
                return

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.request.close()

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def obey(self, server: MailServer, command: str) -> bool:
        verb = command.partition(" ")[0].upper()
        if verb == "EHLO":
            tls = server.tls is not None and not self.is_tls
            self.say(
                "250-mail\r\n250-AUTH PLAIN\r\n250-STARTTLS\r\n250 8BITMIME" if tls else "250-mail\r\n250 AUTH PLAIN"
            )
        elif verb == "STARTTLS" and server.tls is not None:
            self.say("220 go")
            self.request = server.tls.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
            self.is_tls = True
        elif verb == "AUTH":
            self.authenticate(server, command)
        elif verb in ("MAIL", "RCPT") and not self.is_known:
            self.say("530 who are you")
        elif verb == "RCPT":
            self.take_reader(server, command)
        elif verb == "DATA":
            self.take(server)
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.say("250 well")
        return True

    def authenticate(self, server: MailServer, command: str) -> None:
        _, user, password = base64.b64decode(command.split()[2]).decode().split("\0")
        self.is_known = server.login in (None, (user, password))
        self.say("235 welcome" if self.is_known else f"535 no, {user} {password}")

    def take_reader(self, server: MailServer, command: str) -> None:
        address = command.partition("<")[2].partition(">")[0]
        if address in server.refuses:
            self.say("550 nobody here")
        else:
            self.readers.append(address)
            self.say("250 well")

    def take(self, server: MailServer) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if server.answer.startswith("250"):
            found = message_from_bytes(b"".join(lines), policy=default)
            assert isinstance(found, EmailMessage)
            server.mails.append(found)
            server.readers.append(self.readers)
            server.was_tls.append(self.is_tls)
        self.say(server.answer)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is what some tests are about."""


@contextmanager
def serve(mail: MailServer, *, port: int = 0) -> Iterator[MailServer]:
    """The server, on a free port of this machine or on this one."""
    with _Server(("127.0.0.1", port), _Talk) as server:
        server.mail = mail  # type: ignore[attr-defined]
        server.stopped = threading.Event()  # type: ignore[attr-defined]
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.stopped.set()  # type: ignore[attr-defined]
            server.shutdown()
            thread.join()
