"""Notices on real ports: a mail server that speaks SMTP, and an endpoint that checks our signature."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.channels.addresses import host_of, networks_of
from adapters.channels.http import HttpChannel, HttpSettings
from adapters.notices.email import EmailMessenger, EmailWay
from adapters.notices.text import Writer, words_of
from adapters.notices.webhook import WebhookMessenger, WebhookWay
from bus.incidents import CAUSES, PARTNER_BACK, PARTNER_DOWN
from bus.notices import Message, Notice, NotSent
from bus.outages import note_change
from bus.ports import FileStorage
from bus.times import to_ms
from config.new_installation import make, prepare_ledger
from config.noticing import Noticing, ends_of, late_books, writer_of
from config.settings_file import SettingsRefused, load
from config.wiring import build, real_ports
from signing.http import verify_request
from tests.builders import NOON, make_event
from tests.mail_server import MailServer, serve
from tests.pki import Authority
from tests.raw_sockets import answer, closed_port, raw_server, read_request
from tests.world import SeededRandomness, SimClock

SECRET = b"sixteen bytes or more"
FACTS = {
    "subject": "national_portal",
    "first_at": "2026-07-03T05:00:00+00:00",
    "last_at": "2026-07-03T11:00:00+00:00",
    "minutes": 360,
    "count": 3,
    "most": 12_345,
}


def message(*causes, facts=None, channel="email"):
    notices = [Notice(key=f"{cause}:1", cause=cause, facts=facts or FACTS) for cause in causes or (PARTNER_DOWN,)]
    return Message(id="6d3f", channel=channel, notices=notices, tries=1)


def by_mail(server, writer=None, **way):
    members = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": False,
        "sender": "lienthong@h99.example.invalid",
        "to": ("ops@h99.example.invalid", "night@h99.example.invalid"),
        "timeout": timedelta(seconds=5),
    }
    return EmailMessenger(EmailWay(**(members | way)), writer or Writer(installation="H99"), SimClock())


# -- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("cause", [*CAUSES, PARTNER_BACK])
def test_every_cause_has_words(cause, language):
    """Each cause of an incident has a subject and a sentence in both languages, which take its facts."""
    facts = FACTS | {"setting": "soap.certificate_file", "days": 7, "on": "2026-12-31"}
    writer = Writer(languages=(language,))
    found = message(cause, facts=facts)

    assert words_of(language)[cause]
    assert "{" not in writer.subject(found) + writer.body(found)


def test_words_of_a_message():
    """A message tells numbers with points, times with their offset, Vietnamese first, and links to the console."""
    writer = Writer(installation="H99", console="https://lienthong.h99.example.invalid")
    body = writer.body(message())

    assert "[Liên Thông H99] Đối tác national_portal không trả lời" == writer.subject(message())
    assert "từ 03/07/2026 12:00 +07:00. Đang chờ gửi: 12.345." in body
    assert "https://lienthong.h99.example.invalid/console/incidents" in body
    assert body.index("Đối tác") < body.index("Partner")


def test_merged_message_says_so():
    """A message that tells several things says that it does, and tells each."""
    found = message(PARTNER_DOWN, PARTNER_BACK)

    assert "[Liên Thông] 2 việc cần biết" == Writer().subject(found)
    assert "gộp 2 thông báo" in Writer().body(found)
    assert 4 == Writer().body(found).count("\n- ")


def test_key_that_has_ended():
    """On its last day a key has ended, and the words say so; a date is told as a date."""
    facts = {"setting": "soap.certificate_file", "days": 0, "on": "2026-12-31"}

    assert "[Liên Thông] Khóa đã hết hạn" == Writer().subject(message("key_ends", facts=facts))
    assert "31/12/2026" in Writer().body(message("key_ends", facts=facts))


def test_hostile_fact_is_harmless():
    """Whatever stands in a fact, no line of ours begins in it, and no person's number leaves the house."""
    facts = FACTS | {"subject": "x\r\nBcc: a@b\u202e 0900000123 " + "y" * 500}
    found = Writer().subject(message(facts=facts))

    assert not {"\r", "\n", "\u202e"} & set(found)
    assert "0900000123" not in found
    assert len(found) < 250


def test_refusals_of_nobody():
    """A burst of requests that nobody known sent is told as that."""
    assert "bên gọi không rõ" in Writer().body(message("door_refusals", facts=FACTS | {"subject": ""}))


# -- e-mail ---------------------------------------------------------------------------------------------------------


def test_mail_arrives():
    """A mail arrives for all its readers, with its words whole and an id that stays when it goes again."""
    with serve(MailServer()) as server:
        by_mail(server).send(message())
        by_mail(server).send(message())

    one, again = server.mails
    assert ["ops@h99.example.invalid", "night@h99.example.invalid"] == server.readers[0]
    assert "[Liên Thông H99] Đối tác national_portal không trả lời" == one["Subject"]
    assert "không mất hồ sơ nào" in one.get_content().lower()
    assert "<6d3f@h99.example.invalid>" == one["Message-ID"] == again["Message-ID"]
    assert "auto-generated" == one["Auto-Submitted"]


def test_no_header_comes_from_a_fact():
    """Line ends in what a partner or a caller is called make no header and no reader, on the wire either."""
    hostile = FACTS | {"subject": "x\r\nBcc: spy@evil.example.invalid\r\n\r\nbody"}
    with serve(MailServer()) as server:
        by_mail(server, Writer(installation="H99\r\nBcc: spy@evil.example.invalid")).send(message(facts=hostile))

    assert server.mails[0]["Bcc"] is None
    assert not any("spy" in reader for reader in server.readers[0])
    assert "x\\r\\nBcc" in server.mails[0]["Subject"]


def test_mail_over_tls_with_a_login():
    """With TLS the login and the mail go only after STARTTLS, to a server that the authority vouches for."""
    authority = Authority()
    tls = authority.issue("127.0.0.1").server()
    with serve(MailServer(tls=tls, login=("ops", "demo-only"))) as server:
        roots = authority.pem.decode()
        by_mail(server, tls=True, roots_pem=roots, username="ops", password="demo-only").send(message())
        with pytest.raises(NotSent, match="SMTPAuthenticationError 535") as refused:
            by_mail(server, tls=True, roots_pem=roots, username="ops", password="wrong-one").send(message())
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            by_mail(server, tls=True, roots_pem=Authority("another").pem.decode()).send(message())

    assert [True] == server.was_tls
    assert "wrong-one" not in str(refused.value)
    assert server.commands.index("STARTTLS") < server.commands.index("AUTH")


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (MailServer(answer="451 later"), "SMTPDataError 451"),
        (MailServer(refuses=frozenset({"ops@h99.example.invalid", "night@h99.example.invalid"})), "SMTPRecipients"),
        (MailServer(login=("a", "b")), "SMTPSenderRefused 530"),
    ],
)
def test_mail_that_is_not_taken(server, told):
    """What the server does not take was not sent, whatever it says; its words are not repeated."""
    with serve(server), pytest.raises(NotSent, match=told):
        by_mail(server).send(message())

    assert [] == server.mails


def test_nobody_there_or_silent():
    """A server that is not there, has no TLS to offer, or says nothing costs its time-out and no more."""
    nobody = MailServer(port=closed_port())
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        by_mail(nobody).send(message())
    with serve(MailServer(is_silent=True)) as silent, pytest.raises(NotSent, match="SMTPServerDisconnected"):
        by_mail(silent, timeout=timedelta(seconds=0.2)).send(message())
    with serve(MailServer()) as plain, pytest.raises(NotSent, match="SMTPNotSupportedError"):
        by_mail(plain, tls=True).send(message())


def test_some_readers_refused():
    """A mail that some readers get was sent; who did not is said in the log, by number."""
    with serve(MailServer(refuses=frozenset({"night@h99.example.invalid"}))) as server, capture_logs() as logs:
        by_mail(server).send(message())

    assert [["ops@h99.example.invalid"]] == server.readers
    assert [(1, 1)] == [(line["refused"], line["sent"]) for line in logs]


def test_port_465_begins_with_tls():
    """On the port of mail over TLS nothing is said in the clear."""
    from adapters.notices import email

    authority = Authority()
    with serve(MailServer()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(email, "IMPLICIT_TLS", server.port)
        with pytest.raises(NotSent, match="SSL"):
            by_mail(server, tls=True, roots_pem=authority.pem.decode()).send(message())

    assert "EHLO" not in server.commands


# -- webhook --------------------------------------------------------------------------------------------------------


def by_hook(url):
    clock = SimClock()
    here = HttpSettings(
        allow_http=True,
        timeout=timedelta(seconds=5),
        hosts=frozenset({host_of(url)}),
        networks=networks_of(["127.0.0.0/8"]),
    )
    channel = HttpChannel(here, clock=clock)
    way = WebhookWay(url=url, keyid="notices", secret=SECRET)
    return WebhookMessenger(way, Writer(installation="H99"), channel, clock, SeededRandomness())


def test_hook_is_called_and_signed():
    """The call is signed over method, path, body and key, so that its receiver knows who told it, once."""

    def take(server, connection):
        read_request(server, connection)
        answer(connection)

    with raw_server(take) as server:
        by_hook(server.url).send(message())

    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")[1:]]
    proven = verify_request("POST", "/x", "", headers, body, keys={"notices": SECRET}.get, now=NOON)
    told = json.loads(body)
    assert "notices" == proven.key_id
    assert "6d3f" == {name.lower(): value for name, value in headers}["idempotency-key"]
    assert ("6d3f", "H99", PARTNER_DOWN) == (told["id"], told["installation"], told["notices"][0]["cause"])
    assert {"vi", "en"} == set(told["notices"][0]["text"])


@pytest.mark.parametrize("status", ["500 Trouble", "302 Found"])
def test_hook_that_does_not_take_it(status):
    """Only a 2xx is a yes; a redirect is followed nowhere."""

    def refuse(server, connection):
        read_request(server, connection)
        answer(connection, status=status)

    with raw_server(refuse) as server, pytest.raises(NotSent, match=f"HTTP {status[:3]}"):
        by_hook(server.url).send(message())


def test_nobody_at_the_hook():
    """Nobody there is told as that."""
    with pytest.raises(NotSent, match="Unreachable"):
        by_hook(f"http://127.0.0.1:{closed_port()}/").send(message())


# -- a worker's duty ------------------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """An installation with a clock of its own; gives what builds it from further settings."""
    built = []

    def build_with(told, clock):
        make(tmp_path, for_mocks="http://127.0.0.1:1")
        file = tmp_path / "lienthong.toml"
        file.write_text(file.read_text() + told)
        settings = load(file, {}).settings
        ports = replace(real_ports(), clock=clock)
        prepare_ledger(settings, FileStorage(), clock, actor="person:test")
        built.append(build(settings, ports))
        return built[-1]

    yield build_with
    for one in built:
        one.close()


EMAIL = """
[notices.email]
host = "127.0.0.1"
port = {port}
tls = false
sender = "lienthong@h99.example.invalid"
to = ["ops@h99.example.invalid"]
timeout_s = 0.5
"""


def rounds(duty, clock, minutes):
    for _ in range(minutes):
        for each in duty.duties():
            each()
        clock.sleep(60)


def open_circuit(installation, partner="national_portal"):
    engine = installation.ledger.engine
    at = to_ms(installation.ports.clock.now())
    engine.write(lambda tx: tx.run("add_partner", partner))
    engine.write(lambda tx: note_change(tx, partner, is_open=True, at=at, actor="w1"))


def test_failing_mail_server_loses_nothing(house):
    """While the mail server is away notices wait, and the log says so; when it is there they go, each once."""
    clock, server = SimClock(), MailServer()
    port = closed_port()
    installation = house(EMAIL.format(port=port), clock)
    duty = Noticing(installation)
    open_circuit(installation)
    with capture_logs() as logs:
        rounds(duty, clock, 8)
    assert "notice_not_sent" in {line["event"] for line in logs}

    with serve(server, port=port):
        rounds(duty, clock, 30)

    assert ["[Liên Thông] Đối tác national_portal không trả lời"] == [mail["Subject"] for mail in server.mails]
    events = [line["event"] for line in logs]
    assert 1 == events.count("incident_opened")


def test_back_again(house):
    """A partner that is back is told of once, and the incident's end stands in the log."""
    clock, server = SimClock(), MailServer()
    with serve(server), capture_logs() as logs:
        installation = house(EMAIL.format(port=server.port), clock)
        duty = Noticing(installation)
        open_circuit(installation)
        rounds(duty, clock, 20)
        at = to_ms(clock.now())
        installation.ledger.engine.write(
            lambda tx: note_change(tx, "national_portal", is_open=False, at=at, actor="w1")
        )
        rounds(Noticing(installation), clock, 20)

    subjects = [str(mail["Subject"]).removeprefix("[Liên Thông] Đối tác national_portal ") for mail in server.mails]
    assert ["không trả lời", "đã hoạt động lại"] == subjects
    assert [20 * 60] == [line["lasted_s"] for line in logs if line["event"] == "incident_ended"]


def test_hook_of_the_settings(house, tmp_path):
    """The webhook of the settings is called on its host and no other, with its secret from the file."""

    def take(server, connection):
        read_request(server, connection)
        answer(connection)

    with raw_server(take) as server:
        secret = tmp_path / "notices.secret"
        secret.write_bytes(SECRET)
        secret.chmod(0o600)
        told = f'\n[notices.webhook]\nurl = "{server.url}"\nsecret_file = "notices.secret"\nallow_http = true\n'
        clock = SimClock()
        installation = house(told + 'private_networks = ["127.0.0.0/8"]\n', clock)
        open_circuit(installation)
        rounds(Noticing(installation), clock, 7)

    assert [PARTNER_DOWN] == [
        json.loads(heard.partition(b"\r\n\r\n")[2])["notices"][0]["cause"] for heard in server.heard
    ]


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ('url = "https://a.example.invalid"\nsecret_file = "nowhere"\n', "notices.webhook.secret_file"),
        ('url = "https://a.example.invalid"\nsecret_file = "s"\nca_file = "nowhere"\n', "notices.webhook.ca_file"),
        ('url = "https://a.example.invalid"\nsecret_file = "s"\nprivate_networks = ["x"]\n', "notices.webhook.private"),
    ],
)
def test_way_that_cannot_be_used(house, told, key):
    """A way to people that cannot be used stops the start, with its setting named."""
    installation = house(f"\n[notices.webhook]\n{told}", SimClock())

    with pytest.raises(SettingsRefused, match=key):
        Noticing(installation)


def test_who_was_late_is_judged_beside(house):
    """A worker's duty fills the book of the late ones of the portal; local steps that mean an end are ends."""
    clock = SimClock()
    installation = house("", clock)
    event = make_event(status="completed", due_at=NOON.isoformat())
    installation.intake.accept(event)
    rounds(Noticing(installation), clock, 60)
    (row,) = late_books(installation)["national_portal"].months(2026 * 12, 2026 * 12 + 11)

    assert (1, 1) == (row.dossiers, row.only_sync)
    assert ends_of(installation) > {"completed"}
    assert writer_of(installation.settings).languages == ("vi", "en")
