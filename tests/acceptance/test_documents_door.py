"""The door of documents over a real port: a signed address opens one document until its end; nothing else tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.documents.links import DocumentLinks
from adapters.doors.documents import saved_as
from bus.documents import DocumentRole
from bus.errors import LedgerUnavailable
from tests.builders import DOSSIER
from tests.desk_kit import DeskWorld, desk_world

CONTENT = b"%PDF-1.7 a result"
LIFE = timedelta(days=7)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskWorld]:
    """A store with two documents, numbers 1 and 2, behind its door."""
    with desk_world(tmp_path_factory.mktemp("door")) as made:
        for content in (CONTENT, CONTENT + b"!"):
            made.room.keep(DOSSIER, content, media_type="application/pdf", role=DocumentRole.SIGNED)
        yield made


def address(desk: DeskWorld, document: int = 1, life: timedelta = LIFE) -> str:
    """Its address at the port of this test."""
    url = desk.room.url(document, desk.world.clock.now() + life)
    return desk.url + url.removeprefix("https://lienthong.h99.example.invalid")


def test_a_document_by_its_address(desk):
    """The very bytes, as a file that no browser shows and nobody keeps on the way."""
    got = httpx2.get(address(desk))

    assert (200, CONTENT, "application/pdf") == (got.status_code, got.content, got.headers["content-type"])
    assert ("no-store", "nosniff", "none", "no-referrer") == tuple(
        got.headers[name] for name in ("cache-control", "x-content-type-options", "accept-ranges", "referrer-policy")
    )
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in got.headers["content-security-policy"]


def test_head_and_ranges(desk):
    """HEAD says how long it is and sends nothing; a range is answered with the whole."""
    head, part = httpx2.head(address(desk)), httpx2.get(address(desk), headers={"range": "bytes=0-3"})

    assert (200, b"", str(len(CONTENT))) == (head.status_code, head.content, head.headers["content-length"])
    assert (200, CONTENT) == (part.status_code, part.content)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_method(desk, method):
    """An address opens nothing but reading."""
    assert 405 == httpx2.request(method, address(desk)).status_code


def test_an_address_ends(desk):
    """Until its last second it opens, and then it does not."""
    told = address(desk, life=timedelta(seconds=10))
    until = int(parse_qs(urlsplit(told).query)["until"][0])
    now = desk.world.clock.now()
    sign = parse_qs(urlsplit(told).query)["sign"][0]

    assert 1 == desk.room.links.document("1", str(until), sign, now + timedelta(seconds=9.9))
    assert desk.room.links.document("1", str(until), sign, now + timedelta(seconds=10)) is None


FORGED = [
    ("/documents/1?", "/documents/2?"),
    ("/documents/1?", "/documents/01?"),
    ("/documents/1?", "/documents/1%00?"),
    ("/documents/1?", "/documents/%31?x=1&"),
    ("until=", "until=0"),
    ("until=", "until=9"),
    ("until=", "until=-"),
    ("until=", "until=&was="),
    ("sign=", "sign=0"),
    ("sign=", "sign="),
    ("sign=", "no="),
    ("sign=", "sign=%C3%A9&was="),
    ("sign=", "sign=%ED%A0%80&was="),
    ("sign=", "until=9999999999&sign="),
]


@pytest.mark.parametrize(("part", "other"), FORGED)
def test_an_address_that_was_changed(desk, part, other):
    """Another document, another end, another signature: one and the same not-found for all."""
    told = address(desk)
    sign = told.rpartition("=")[2]
    forged = told.replace(part, other) if other != "sign=" else told.replace(sign, sign[::-1])
    got = httpx2.get(forged)

    if "x=1" in other:  # %31 is 1 written otherwise: the very address that was signed
        assert CONTENT == got.content
        return
    assert (404, "not_found") == (got.status_code, got.json()["code"])
    assert got.json().keys() == httpx2.get(f"{desk.url}/documents/99").json().keys()


@pytest.mark.parametrize(
    "place", ["/documents", "/documents/", "/documents/../documents/1", "/documents/x", "/documents/%2e%2e%2f1"]
)
def test_there_is_no_list(desk, place):
    """Nothing is shown without an address."""
    assert 404 == httpx2.get(desk.url + place).status_code


def test_addresses_outlive_a_restart(desk):
    """The key is the master key's child: another process takes the same addresses, another installation does not."""
    until = desk.world.clock.now() + LIFE
    told = desk.room.url(1, until)
    base, secret = "https://lienthong.h99.example.invalid", desk.world.ledger.master.index_key

    assert told == DocumentLinks.under(secret, base + "/").url(1, until)
    assert told != DocumentLinks.under(bytes(32), base).url(1, until)
    assert secret.hex() not in repr(desk.room.links)


def test_a_document_that_is_lost(desk):
    """A good address of a document that is not there: not found, and an alarm for the operator."""
    with capture_logs() as logs:
        got = httpx2.get(address(desk, 77))

    assert (404, [77]) == (got.status_code, [each["document"] for each in logs if each["event"] == "document_missing"])


def test_a_document_that_was_changed_on_disk(desk):
    """What is not what it was is never handed out."""
    number = desk.room.keep(DOSSIER, b"%PDF-spoilt", media_type="application/pdf", role=DocumentRole.SIGNED)
    (path,) = desk.room.store.root.glob(f"*/{hashlib.sha256(b'%PDF-spoilt').hexdigest()}")
    path.write_bytes(path.read_bytes()[:-1] + b"\0")

    assert 503 == httpx2.get(address(desk, number)).status_code


def test_a_ledger_that_is_away(desk, monkeypatch):
    """Without the ledger it is tried again later, and nothing is said of the document."""

    def away(number: int) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(desk.room.book, "get", away)
    got = httpx2.get(address(desk))

    assert (503, True) == (got.status_code, "retry-after" in got.headers)


def test_too_many_are_held_back(tmp_path):
    """Each address that calls has its own pace."""
    with desk_world(tmp_path, rate=2.0) as made:
        told = [httpx2.get(made.url + "/documents/1") for _ in range(4)]

    assert [404, 404, 429, 429] == [each.status_code for each in told]
    assert int(told[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("name", "plain", "shown"),
    [
        ("Giấy phép số 12.pdf", "Giay_phep_so_12.pdf", "Giấy phép số 12.pdf"),
        ("Đơn đề nghị", "Don_de_nghi.pdf", "Đơn đề nghị.pdf"),
        ("../../etc/passwd", "etcpasswd.pdf", "etcpasswd.pdf"),
        ('a"; filename="b.exe', "a_filename_b.exe.pdf", "a; filename=b.exe.pdf"),
        ("hoá đơn\r\nset-cookie: x=1", "hoa_donset-cookie_x_1.pdf", "hoá đơnset-cookie x=1.pdf"),
        ("gpj.\u202efdp.exe", "gpj.fdp.exe.pdf", "gpj.fdp.exe.pdf"),
        ("文書", "document-1.pdf", "文書.pdf"),
        ("", "document-1.pdf", "document-1.pdf"),
        (".pdf", "pdf.pdf", "pdf.pdf"),
        ("x" * 300, "x" * 120 + ".pdf", "x" * 120 + ".pdf"),
    ],
)
def test_what_it_is_saved_as(name, plain, shown):
    """A name is never a path, a second header, or another kind of file than it is."""
    told = saved_as(name, "application/pdf", "document-1")
    _, first, second = told.split("; filename", 2)

    assert f'="{plain}"' == first
    assert shown == unquote(second.removeprefix("*=UTF-8''"))
    assert told.isascii()
    assert "\n" not in told


def test_the_name_of_its_event(tmp_path):
    """A document is saved under the name that its source gave it."""
    with desk_world(tmp_path) as made:
        made.asked()
        made.open()
        got = httpx2.get(address(made))

    assert 'filename="Giay_phep_1.pdf"' in got.headers["content-disposition"]
