"""Fetching documents: from allowed hosts at the judged address, never farther, and only the content that was named."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from adapters.channels.addresses import networks_of
from adapters.channels.http import HttpChannel, HttpSettings
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.documents.errors import DocumentNotNow
from adapters.documents.fetch import Fetcher, is_pdf, is_xml
from signing.errors import DocumentRefused
from tests.pki import Authority
from tests.raw_sockets import RawServer, closed_port, raw_server, read_request, reset

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
XML = b'<?xml version="1.0"?><ket_qua/>'
LOOPBACK = networks_of(["127.0.0.0/8"])
AUTHORITY = Authority()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetcher(**how) -> Fetcher:
    members = {
        "timeout": timedelta(seconds=1),
        "connect_timeout": timedelta(seconds=1),
        "max_reply_bytes": 2_000,
        "allow_http": True,
        "hosts": frozenset({"127.0.0.1", "files.localhost"}),
        "networks": LOOPBACK,
        "knocks": 1,
    }
    look_up = how.pop("look_up", None)
    more = {} if look_up is None else {"look_up": look_up}
    return Fetcher(HttpChannel(HttpSettings(**(members | how)), open_transport=Httpx2Transport, **more))


def reply(body: bytes = PDF, *, status: str = "200 OK", kind: str = "application/pdf", head: str = "", size: int = -1):
    length = len(body) if size < 0 else size
    lines = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{head}connection: close\r\n\r\n"
    return lines.encode() + body


@contextmanager
def host(*answers: bytes) -> Iterator[RawServer]:
    """A host that gives one answer after another, the last one for ever."""
    left = list(answers)

    def behave(server: RawServer, line: socket.socket) -> None:
        read_request(server, line)
        line.sendall(left.pop(0) if len(left) > 1 else left[0])

    with raw_server(behave) as server:
        yield server


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises((DocumentRefused, DocumentNotNow)) as trouble:
        act()
    return trouble.value.code


@pytest.mark.parametrize(
    ("content", "form", "kind"),
    [
        (PDF, "pdf", "application/pdf"),
        (PDF, "pdf", "Application/PDF; charset=binary"),
        (PDF, "pdf", "application/octet-stream"),
        (XML, "xml", "text/xml; charset=utf-8"),
        (b"\xef\xbb\xbf" + XML, "xml", "application/xml"),
    ],
)
def test_a_document_that_is_what_it_was_said_to_be(content, form, kind):
    """The named content, of the named form, comes with its media type and its host; we tell the host nothing else."""
    with host(reply(content, kind=kind)) as server:
        fetched = fetcher().fetch(server.url, sha(content).upper(), form)

    assert (content, f"application/{form}", "127.0.0.1") == (fetched.content, fetched.media_type, fetched.host)
    assert b"GET /x HTTP/1.1" == server.heard[0].splitlines()[0]
    assert not [line for line in server.heard[0].lower().splitlines() if line.startswith((b"cookie", b"auth"))]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(PDF + b"!"), "document_digest_differs"),
        (reply(b""), "document_empty"),
        (reply(b"MZ\x90\0"), "document_not_pdf"),
        (reply(b" " + PDF), "document_not_pdf"),
        (reply(b"<html>please sign in</html>", kind="text/html"), "document_not_pdf"),
        (reply(kind="text/html"), "document_not_pdf"),
        (reply(kind="image/png"), "document_not_pdf"),
        (reply(b"%PDF-" + b"x" * 3_000), "document_too_large"),
        (reply(size=10**12), "host_unreachable"),
        (reply(size=len(PDF) + 9), "host_unreachable"),
        (reply(status="404 Not Found"), "document_not_fetched"),
        (reply(status="401 Unauthorized"), "document_not_fetched"),
        (reply(status="206 Partial Content"), "document_not_fetched"),
        (reply(head="content-encoding: gzip\r\n"), "document_not_fetched"),
        (reply(status="503 Busy"), "host_busy"),
        (reply(status="429 Slowly"), "host_busy"),
        (b"\x16\x03\x01 no HTTP at all\r\n\r\n", "host_unreachable"),
    ],
)
def test_what_is_no_such_document(answer, code):
    """Another content, an empty one, another form, too much, cut off, or no yes: each under its own code."""
    with host(answer) as server:
        assert code == code_of(lambda: fetcher().fetch(server.url, sha(PDF), "pdf"))


@pytest.mark.parametrize("content", [b"<!DOCTYPE x><x/>", b"<html/>", PDF, b'{"no": "xml"}', b"PK\x03\x04"])
def test_what_is_no_xml(content):
    """A document type, a page or another form is no XML that anybody signs."""
    with host(reply(content, kind="text/xml")) as server:
        assert "document_not_xml" == code_of(lambda: fetcher().fetch(server.url, sha(content), "xml"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(status):
    """Wherever it points: nobody is asked there."""
    with host(reply()) as there, host(reply(status=status, head=f"location: {there.url}\r\n")) as here:
        assert "document_not_fetched" == code_of(lambda: fetcher().fetch(here.url, sha(PDF), "pdf"))

    assert (1, 0) == (here.connections, there.connections)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:{port}/x",
        "http://[::1]:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "http://0.0.0.0:{port}/x",
        "http://127.1:{port}/x",
        "http://2130706433:{port}/x",
        "http://0x7f.0.0.1:{port}/x",
        "http://017700000001:{port}/x",
        "http://127.0.0.1@169.254.169.254/x",
        "http://files.localhost:{port}@127.0.0.1/x",
        "http://127.0.0.1:{port}\\@169.254.169.254/x",
        "http://127.0.0.1%00.example.invalid/x",
        "http://127.0.0.1:{port} /x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:{port}/_x",
        "data:application/pdf,%25PDF-",
        "https://unknown.h99.example.invalid/x",
        "//127.0.0.1:{port}/x",
        "",
    ],
)
def test_an_address_outside_of_the_list(url):
    """No address that the settings do not name is called, however it is written: nothing is connected to."""
    with host(reply()) as server:
        told = url.format(port=server.port)
        only = fetcher(hosts=frozenset({"files.h99.example.invalid"}))
        assert "document_not_fetched" == code_of(lambda: only.fetch(told, sha(PDF), "pdf"))
        assert 0 == server.connections


def test_an_allowed_name_that_leads_inside():
    """A listed host whose name leads to an address of no listed network is not called."""
    with host(reply()) as server:
        only = fetcher(networks=(), look_up=lambda *_: ["127.0.0.1"])
        url = f"http://files.localhost:{server.port}/x"
        assert "document_not_fetched" == code_of(lambda: only.fetch(url, sha(PDF), "pdf"))
        assert 0 == server.connections


def test_a_name_that_changes_its_address():
    """The connection goes to the address that was judged, whatever the name server says a moment later."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    with host(reply()) as server:
        fetched = fetcher(look_up=lambda *_: answers.pop(0)).fetch(
            f"http://files.localhost:{server.port}/x", sha(PDF), "pdf"
        )

    assert (PDF, 1, 1) == (fetched.content, server.connections, len(answers))
    assert b"host: files.localhost" in server.heard[0].lower()


def test_an_answer_that_mixes_addresses():
    """A name that leads to a good address and to one inside is not called at all."""
    with host(reply()) as server:
        mixed = fetcher(look_up=lambda *_: ["127.0.0.1", "169.254.169.254"])
        url = f"http://files.localhost:{server.port}/x"
        assert "document_not_fetched" == code_of(lambda: mixed.fetch(url, sha(PDF), "pdf"))
        assert 0 == server.connections


def test_plain_http_wants_a_setting():
    """Without allow_http nothing goes out unencrypted."""
    with host(reply()) as server:
        strict = fetcher(allow_http=False)
        assert "document_not_fetched" == code_of(lambda: strict.fetch(server.url, sha(PDF), "pdf"))
        assert 0 == server.connections


@pytest.mark.parametrize("is_known", [True, False])
def test_tls_is_checked(is_known):
    """Over TLS the host must show a certificate of an authority that is trusted; else nothing is asked."""
    leaf, roots = AUTHORITY.issue("127.0.0.1"), AUTHORITY if is_known else Authority("Another")

    def behave(server: RawServer, line: socket.socket) -> None:
        read_request(server, line)
        line.sendall(reply())

    with raw_server(behave, leaf.server()) as server:
        strict = fetcher(allow_http=False, roots_pem=roots.pem)
        if is_known:
            assert PDF == strict.fetch(server.url, sha(PDF), "pdf").content
        else:
            assert "host_unreachable" == code_of(lambda: strict.fetch(server.url, sha(PDF), "pdf"))
            assert [] == server.heard


def test_nobody_there():
    """A host that is away is asked again later."""
    assert "host_unreachable" == code_of(
        lambda: fetcher().fetch(f"http://127.0.0.1:{closed_port()}/x", sha(PDF), "pdf")
    )


@pytest.mark.parametrize("how", ["drips", "hangs", "resets"])
def test_a_slow_body(how):
    """A host that drips or hangs is cut off by one deadline for the whole, and asked again later."""

    def behave(server: RawServer, line: socket.socket) -> None:
        read_request(server, line)
        line.sendall(reply(size=1_000)[: -len(PDF)])
        if how == "resets":
            reset(line)
        while how == "drips":
            line.sendall(b"%")
            server_waits(line)
        line.recv(1)

    def server_waits(line: socket.socket) -> None:
        line.settimeout(0.05)
        try:
            line.recv(1)
        except TimeoutError:
            return
        raise ConnectionError

    with raw_server(behave) as server:
        short = fetcher(timeout=timedelta(seconds=0.5), connect_timeout=timedelta(seconds=0.5))
        assert "host_unreachable" == code_of(lambda: short.fetch(server.url, sha(PDF), "pdf"))


def test_forms_by_their_first_bytes():
    """What stands in front of the mark makes it something else."""
    assert (True, False, False) == (is_pdf(PDF), is_pdf(b"\n" + PDF), is_pdf(XML))
    assert (True, False, False) == (is_xml(b"\n " + XML), is_xml(b"<HTML>"), is_xml(PDF))
