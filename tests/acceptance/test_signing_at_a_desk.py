"""Signing at an official's desk, over a real port: the agent fetches, signs and uploads; we believe what we verify."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.documents.scan import Clamd
from adapters.doors.desk_signing import words
from bus.documents import DocumentRole
from bus.errors import NotAllowedNow, NotFound
from bus.signatures import FinishedDocument, FinishOutcome
from bus.upkeep import verify
from bus.upload_tickets import LIFE
from contracts.vgca.agent import BOUNDARY, form_of, signed
from tests.desk_kit import OFFICIAL, DeskWorld, Words, desk_world
from tests.fake_clamd import EICAR, fake_clamd
from tests.signing_kit import NOW, fresh_pki, pki, revoked, signer, small_pdf

VI = words("vi")


_numbers = count(1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskWorld]:
    """One desk for all: each test has a signature of its own."""
    with desk_world(tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture
def desk(town: DeskWorld) -> DeskWorld:
    """A desk with one signature of one document waiting for an official."""
    made = replace(town, signature=next(_numbers))
    made.asked()
    return made


def is_whole(desk: DeskWorld) -> bool:
    """Whether every row is as its last move left it."""
    return not list(verify(desk.world.ledger))


# -- the way ----------------------------------------------------------------------------------------------------------


def test_an_official_signs(desk):
    """The agent fetches the very document, signs it, uploads it; verified here, the rest of the signature is ours."""
    offer, woken = desk.open(), len(desk.woken)
    reply = desk.sign(offer=offer)

    assert ("SignApproved", 0, "") == (offer.operation, reply["Status"], reply["Message"])
    assert ("signed_raw", ["taken"], woken + 1) == (desk.state(), desk.verdicts(), len(desk.woken))
    document = json.loads(reply["FileServer"])["document"]
    kept = desk.room.book.get(document)
    assert (DocumentRole.UPLOADED, "can-bo-1") == (kept.role, kept.came_from)
    assert desk.room.content(document).startswith(desk.given)
    assert is_whole(desk)


def test_what_the_agent_is_told(desk):
    """No session of a person leaves his browser: the agent gets one ticket's address, and the dossier's number."""
    offer = desk.open()
    told = offer.request("https://mc.h99.example.invalid/")

    assert told["FileUploadHandler"] == told["FileName"] == f"https://mc.h99.example.invalid{offer.place}"
    assert ("", "") == (told["SessionId"], told["JWTToken"])
    assert [{"Key": "MaHoSo", "Value": "H99.09-260703-0123"}] == told["MetaData"]
    assert offer.place not in repr(offer)


def test_the_answer_has_the_field_s_own_form(desk):
    """An upload is answered with five members under HTTP 200, whatever came of it."""
    offer = desk.open()
    good = desk.upload(offer, signed(desk.given, signer("official")))
    again = desk.upload(offer, b"%PDF-1.7")

    wanted = ["DocumentNumber", "FileName", "FileServer", "Message", "Status"]
    assert (wanted, wanted) == (sorted(good), sorted(again))
    assert (True, "giay-phep.signed.pdf", "") == (good["Status"], good["FileName"], good["Message"])
    assert (False, "", VI["ticket_over"]) == (again["Status"], again["FileName"], again["Message"])


def test_two_documents_of_one_signature(tmp_path):
    """Each document has a ticket of its own; the signature goes on once the last one is here."""
    with desk_world(tmp_path) as desk:
        desk.asked(count=2)
        first, second = desk.open(1), desk.open(2)
        assert (0, "at_desk") == (desk.sign(offer=second)["Status"], desk.state())
        with pytest.raises(NotAllowedNow):
            desk.open(2)
        assert (0, "signed_raw") == (desk.sign(offer=first)["Status"], desk.state())


def test_the_agency_after_the_leader(tmp_path):
    """The clerk's seal goes over the leader's signed form, with number and date, and leaves his signature as it was."""
    with desk_world(tmp_path) as desk:
        desk.asked()
        leader = json.loads(desk.sign()["FileServer"])["document"]
        make(desk)
        further = [{"id": "S2-d1", "name": "Giấy phép.pdf", "form": "pdf", "of": "S1-d1"}]
        seal = {"role": "agency", "user": "0990000001", "name": "UBND xã Mẫu"}
        desk.asked("S2", after="S1", documents=further, signer=seal)
        offer = desk.open(signature=2)
        reply = desk.sign("sealed", offer=offer, holder=pki().authorities["duty"].issue("UBND", uid="MST:0990000001"))

        assert ("SignIssued", 0, "signed_raw") == (offer.operation, reply["Status"], desk.state("S2"))
        sealed = json.loads(reply["FileServer"])["document"]
        assert desk.room.content(sealed).startswith(desk.room.content(leader))


def make(desk: DeskWorld) -> None:
    """As the finisher does it: what was uploaded is the signed form."""
    book = desk.world.ledger.signatures
    (job,) = book.finishing(desk.world.clock.now(), 1)
    done = [FinishedDocument(n=each.n, signed=each.signed, verdict="passed", reached="B-B") for each in job.documents]
    book.finished(job, FinishOutcome(to="made", documents=tuple(done)))


# -- enemies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        ("changed", "changed"),
        ("replaced", "changed"),
        ("as_it_was", "changed"),
        ("unsigned", "not_signed"),
        ("rewritten", "shows_more"),
        ("appended", "not_whole"),
        ("twice", "not_one_signature"),
        ("cut", "not_readable | not_signed | not_whole | not_valid"),
        ("no_pdf", "not_pdf"),
    ],
)
def test_a_document_that_is_not_the_one(desk, mood, code):
    """What is not that very document with one signature over all of it is not taken; the official reads why."""
    reply = desk.sign(mood)

    told = desk.verdicts()[0]
    assert told in code.split(" | ")
    assert (1, VI[told], "at_desk") == (reply["Status"], reply["Message"], desk.state())
    assert is_whole(desk)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("person", "other_authority"),
        ("stranger", "other_authority"),
        ("expired", "expired"),
        ("weak", "weak"),
        ("sha1", "weak | other_authority"),
        ("agency", "other_person | other_authority"),
    ],
)
def test_a_certificate_that_does_not_count(desk, kind, code):
    """Another authority's, another person's, one that is over or weak: the signature is not taken."""
    desk.sign(holder=signer(kind))

    assert desk.verdicts()[0] in code.split(" | ")
    assert "at_desk" == desk.state()


def test_another_official_s_token(desk):
    """A good signature of a colleague is an alarm, and not the signature that was asked for."""
    other = pki().official("099000000077", "Lê Thị Thử")
    with capture_logs() as logs:
        reply = desk.sign(holder=other)

    assert (VI["other_person"], ["other_person"]) == (reply["Message"], desk.verdicts())
    assert ["error"] == [each["log_level"] for each in logs if each["event"] == "desk_upload_not_believed"]


def test_a_revoked_certificate(desk):
    """One that its authority took back before is refused as soon as the authority says so."""
    mine, holder = revoked(NOW - timedelta(days=1))
    desk.words.append(Words((holder, mine)))
    desk.sign(holder=holder)
    desk.words.clear()

    assert (["revoked"], "at_desk") == (desk.verdicts(), desk.state())


def test_a_certificate_without_a_number(desk):
    """Where the subject has no number its name decides."""
    mine = fresh_pki()
    same = mine.authorities["duty"].issue("Trần Văn  MẪU")
    other = mine.authorities["duty"].issue("Lê Thị Thử")
    desk.sign(holder=other)
    desk.sign(holder=same)

    assert ["other_person", "taken"] == desk.verdicts()


def test_an_upload_uses_its_ticket(desk):
    """Whatever the first upload comes to, the ticket is used; a new one is asked for, and then it works."""
    offer = desk.open()
    desk.sign("changed", offer=offer)
    again = desk.sign(offer=offer)
    assert 1 == again["Status"]  # it cannot even be fetched any more

    assert (0, ["changed", "taken"]) == (desk.sign()["Status"], desk.verdicts())


def test_two_uploads_at_once(desk):
    """Eight uploads with one ticket at the same moment: one is taken."""
    offer, document = desk.open(), signed(desk.given, signer("official"))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: desk.upload(offer, document), range(8)))

    assert [False] * 7 + [True] == sorted(one["Status"] for one in told)
    assert (["taken"], "signed_raw") == (desk.verdicts(), desk.state())


def test_a_ticket_that_is_over(desk):
    """After ten minutes it neither shows nor takes the document."""
    offer = desk.open()
    desk.world.clock.time += LIFE

    assert (404, VI["ticket_over"]) == (
        httpx2.get(desk.url + offer.place).status_code,
        desk.upload(offer, b"%PDF-1.7")["Message"],
    )


def test_a_signature_that_is_over(desk):
    """What was cancelled meanwhile is not signed any more, though its ticket is open."""
    offer = desk.open()
    desk.world.press("cancel", desk.name)

    assert (404, VI["not_open"]) == (
        httpx2.get(desk.url + offer.place).status_code,
        desk.upload(offer, b"%PDF-1.7")["Message"],
    )
    with pytest.raises(NotAllowedNow):
        desk.open()


@pytest.mark.parametrize("ticket", ["x", "A" * 43, "A" * 4_000, "..%2f..%2fetc%2fpasswd", "%00", "%ff"])
def test_no_other_text_opens_anything(desk, ticket):
    """Whatever stands in place of a ticket: the same not-found, and the same words to an upload."""
    place = f"{desk.url}/documents/desk/{ticket}"
    form = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    got, put = httpx2.get(place), httpx2.post(place, content=form_of(b"%PDF-1.7"), headers=form)

    is_ours = "%2f" not in ticket  # that is another place, where nobody lives
    assert (404, is_ours) == (got.status_code, got.text.count('"not_found"') == 1)
    assert (VI["ticket_over"] in put.text) == is_ours


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", f"multipart/form-data; boundary={BOUNDARY}"),
        (form_of(b"%PDF-"), "application/pdf"),
        (form_of(b"%PDF-"), "multipart/form-data"),
        (form_of(b"%PDF-"), "multipart/mixed; boundary=x"),
        (form_of(b"%PDF-")[:-30], f"multipart/form-data; boundary={BOUNDARY}"),
        (form_of(b"%PDF-") + b"more", f"multipart/form-data; boundary={BOUNDARY}"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b"),
        (
            b'--b\r\ncontent-disposition: form-data; name="a"; filename="1"\r\n\r\nx\r\n'
            b'--b\r\ncontent-disposition: form-data; name="b"; filename="2"\r\n\r\ny\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        (b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n', "multipart/form-data; boundary=b"),
        (b"--b\r\n\r\n" * 20 + b"\r\n--b--", "multipart/form-data; boundary=b"),
        (
            b'--b\r\ncontent-disposition: form-data; filename="1"\r\n'
            b"content-transfer-encoding: base64\r\n\r\nx\r\n--b--",
            "multipart/form-data; boundary=b",
        ),
        (b"--b\r\n" + b"x" * 5_000 + b"\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b"),
    ],
    ids=[
        "empty", "no form", "no boundary", "mixed", "cut", "more behind", "no name", "two files", "no file", "many",
        "encoded", "long head",
    ],
)  # fmt: skip
def test_a_body_that_is_no_form_with_one_file(desk, body, kind):
    """What cannot be divided in just one way is refused before the ticket is touched."""
    offer = desk.open()
    reply = httpx2.post(desk.url + offer.place, content=body, headers={"content-type": kind})

    assert (200, VI["no_file"]) == (reply.status_code, reply.json()["Message"])
    assert 0 == desk.sign(offer=offer)["Status"]


def test_a_body_that_is_too_large(desk):
    """More than the limit is refused in words, and the ticket stays open."""
    offer = desk.open()
    assert VI["too_large"] == desk.upload(offer, b"%PDF-" + b"x" * 2_000_000)["Message"]
    assert 0 == desk.sign(offer=offer)["Status"]


def test_a_caller_that_hangs_up(desk):
    """A body that is cut off in the middle uses nothing."""
    offer = desk.open()
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        head = f"POST {offer.place} HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        line.sendall(head.encode() + b"content-length: 1000\r\n\r\n--b\r\n")

    assert 0 == desk.sign(offer=offer)["Status"]


def test_an_infected_upload(tmp_path):
    """What the scanner finds is not kept; what a dead scanner cannot say is not taken now."""
    with fake_clamd() as clamd, desk_world(tmp_path, scanner=Clamd(address=clamd.address)) as desk:
        desk.asked()
        assert VI["infected"] == desk.upload(desk.open(), b"%PDF-1.7 " + EICAR)["Message"]
        offer, clamd.mood = desk.open(), "dead"
        assert VI["not_now"] == desk.upload(offer, signed(desk.given, signer("official")))["Message"]

        assert ["infected", "not_now"] == desk.verdicts()
        assert [DocumentRole.GIVEN] == [each.role for each in desk.room.book.of("H99.09-260703-0123")]


def test_a_full_disk(tmp_path):
    """Without room the upload is not taken, in words; what was there before is untouched."""
    free = [10**9]
    with desk_world(tmp_path, keep_free=1_000_000, free_bytes=lambda _: free[0]) as desk:
        desk.asked()
        offer = desk.open()
        free[0] = 1_000_001
        assert VI["not_now"] == desk.upload(offer, b"%PDF-1.7 x")["Message"]
        free[0] = 10**9
        assert (0, ["not_now", "taken"]) == (desk.sign()["Status"], desk.verdicts())


def test_too_many_calls(tmp_path):
    """Whoever tries tickets is held back: words to an upload, 429 to a question."""
    with desk_world(tmp_path, rate=1.0) as desk:
        desk.asked()
        offer = desk.open()
        httpx2.get(desk.url + offer.place)
        got = httpx2.get(desk.url + offer.place)

        assert (429, True) == (got.status_code, int(got.headers["retry-after"]) >= 1)
        assert VI["not_now"] == desk.upload(offer, b"%PDF-1.7")["Message"]


# -- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "kind", "operation"), [
    ("official", None, "SignApproved"), ("official", "official", "SignApproved"), ("agency", "agency", "SignIssued"),
    ("agency", "copy", "SignCopy"),
])  # fmt: skip
def test_what_the_agent_is_asked_for(tmp_path, role, kind, operation):
    """A leader approves, a clerk issues, a copy is certified."""
    with desk_world(tmp_path, is_open=False) as desk:
        document = {"id": "d", "name": "x.pdf", "form": "pdf", **desk.host.put("d.pdf", small_pdf())}
        more = {} if kind is None else {"visible": {"kind": kind, "page": 1}}
        desk.asked(documents=[document | more], signer=OFFICIAL | {"role": role})

        assert operation == desk.open().operation


def test_only_what_waits_at_a_desk_is_opened(tmp_path):
    """No ticket for a signature of a service, for XML, or for what is not there."""
    with desk_world(tmp_path, is_open=False) as desk:
        desk.asked(service="pen")
        xml = {"id": "d", "name": "x.xml", "form": "xml", **desk.host.put("d.xml", b"<x/>", "text/xml")}
        desk.asked("S2", documents=[xml])
        for signature in (1, 2):
            with pytest.raises(NotAllowedNow):
                desk.open(signature=signature)
        for signature, n in ((2, 2), (9, 1)):
            with pytest.raises(NotFound):
                desk.open(n, signature=signature)


def test_an_operator_sees_who_asked(desk):
    """Each opening stands in the audit with account, reason and document."""
    desk.open()
    rows = desk.world.ledger.engine.read().all("audit_by_act", 2**62, "repaired", 1)

    assert {"person:can-bo-1", f"sign_at_desk {desk.name}/1", "Ký tại bàn làm việc"} <= set(rows[0])
