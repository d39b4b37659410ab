"""The desk that makes documents ready: brought in once, frozen once, and no document that should not be is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.documents.desk_nouns import DeskRefused, Expected, Upload
from adapters.documents.desk_taking import DeskTaking
from adapters.documents.desk_upload import judged_upload
from adapters.documents.errors import DocumentNotNow
from adapters.documents.scan import Clamd, NoScanner
from bus.bodies import PLAN
from bus.crash_points import PREPARING
from bus.errors import NotAllowedNow
from bus.messages import Delivery
from bus.signature_desk import SignatureDesk
from bus.signatures import SignatureStanding
from bus.upkeep import verify
from contracts.signing_pki.authorities import Holder
from contracts.vgca.agent import signed as signed_by_agent
from signing.documents import embed, look
from signing.errors import DocumentRefused
from tests.builders import DOSSIER
from tests.desk_kit import OFFICIAL, DeskWorld, desk_world
from tests.fake_clamd import EICAR, fake_clamd
from tests.signed_documents import trust
from tests.signing_kit import signer, small_pdf


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskWorld]:
    """A desk, and a service that is asked for signatures."""
    with desk_world(tmp_path, service="pen", is_open=False) as made:
        yield made


def claimed(desk: DeskWorld) -> Delivery:
    """The delivery to the service, as a worker has it."""
    (delivery,) = desk.world.ledger.claim("pen", 1, "w1", desk.world.clock.now())
    return delivery


def prepare(desk: DeskWorld, delivery: Delivery, holder: Holder | None = None) -> SignatureStanding:
    whose = holder or signer("official")
    return desk.desk.prepare(delivery, whose.der, whose.chain_der)


def roles(desk: DeskWorld) -> list[str]:
    return [each.role.value for each in desk.room.book.of(DOSSIER)]


def refused(desk: DeskWorld, **document: Any) -> str:
    """The code under which one document is refused."""
    desk.asked(documents=[{"id": "d", "name": "x", "form": "pdf"} | document])
    with pytest.raises(DocumentRefused) as trouble:
        prepare(desk, claimed(desk))
    return trouble.value.code


def test_documents_are_frozen_with_a_place_for_the_signature(desk):
    """Each document comes here, gets its place, and its digest is what the person is asked to sign."""
    desk.asked(count=2, reason="Phê duyệt")
    standing = prepare(desk, claimed(desk))

    assert "prepared" == desk.state()
    assert ["given", "prepared"] * 2 == roles(desk)
    assert 2 == len({each.digest for each in standing.documents if each.digest and len(each.digest) == 32})
    given, prepared = (desk.room.content(n) for n in (1, 2))
    assert prepared.startswith(given)
    assert signer("official").der == standing.certificate
    assert [] == list(verify(desk.world.ledger))


def test_what_was_frozen_can_be_signed(desk):
    """Its value is embedded where the place is: bytes and plan stand in the ledger and the store."""
    desk.asked()
    standing, holder = prepare(desk, claimed(desk)), signer("official")
    row = desk.world.ledger.engine.read().one("bound_document", 2)
    kept = desk.world.ledger.engine.read().all("documents_of_signature", 1)[0][6]
    plan = desk.world.ledger.bodies.unpacked(kept, PLAN)
    assert row is not None
    assert plan is not None
    assert standing.documents[0].digest is not None
    made = embed(desk.room.content(2), plan, holder.sign_digest(standing.documents[0].digest))

    assert 1 == len(look(made).signatures)


def test_prepared_once(desk):
    """Whoever asks again, under another certificate too, gets what was frozen first; the host is asked once."""
    desk.asked()
    delivery = claimed(desk)
    first = prepare(desk, delivery)
    desk.world.pass_time(seconds=1)
    again = prepare(desk, delivery, signer("person"))
    known = prepare(desk, replace(delivery, signature=first))

    assert (first.documents, first.certificate) == (again.documents, again.certificate)
    assert first is known
    assert ["/S1-1.pdf"] == desk.host.asked


@pytest.mark.parametrize("point", PREPARING)
def test_a_crash_at_the_desk(tmp_path, point):
    """A process that ends anywhere at the desk leaves whole documents; the next one goes on, and freezes once."""

    class Crashed(BaseException):
        """The process ended here."""

    left = [point]

    def crash(name: str) -> None:
        if left and name == left[0]:
            left.clear()
            raise Crashed

    with desk_world(tmp_path, service="pen", is_open=False, crash_point=crash) as desk:
        desk.asked()
        delivery = claimed(desk)
        with pytest.raises(Crashed):
            prepare(desk, delivery)
        assert "created" == desk.state()
        prepare(desk, delivery)

        assert ([], "prepared") == (left, desk.state())
        assert (1 if point != "desk.fetched" else 2) == len(desk.host.asked)
        assert 1 == roles(desk).count("given")
        assert [] == list(verify(desk.world.ledger))


def test_another_signature_of_the_same_document(desk):
    """What is here already is not fetched a second time, though its host has it no more."""
    event = desk.asked()
    prepare(desk, claimed(desk))
    desk.host.files.clear()
    brought = desk.desk.given("one-stop/h99", DOSSIER, event.data, event.data["documents"][0])

    assert (1, desk.room.content(1), 1) == (brought.id, brought.content, len(desk.host.asked))


def test_names_of_documents(desk):
    """A document is called what its event calls it, whichever of its forms it is."""
    desk.asked()
    prepare(desk, claimed(desk))

    assert ["Giấy phép 1.pdf"] * 2 == [desk.room.book.name_of(n) for n in (1, 2)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (small_pdf()[:-300], "document_broken"),
        (b"%PDF-1.7\n", "document_broken"),
        (b"", "document_empty"),
        (b"no pdf", "document_not_pdf"),
        (b"%PDF-1.7 " + b"x" * 2_000_001, "document_too_large"),
    ],
    ids=["cut", "nothing in it", "empty", "text", "large"],
)
def test_documents_that_are_not_signed(desk, content, code):
    """A document that nobody can sign is refused under its code before anybody is asked, and nothing is frozen."""
    assert code == refused(desk, **desk.host.put("x.pdf", content))
    assert ("created", 0) == (desk.state(), roles(desk).count("prepared"))


def test_a_digest_that_differs(desk):
    """A document that is another one than the source named is not signed, and not kept."""
    told = desk.host.put("x.pdf", small_pdf()) | {"sha256": "0" * 64}

    assert ("document_digest_differs", []) == (refused(desk, **told), roles(desk))


def test_scanned_before_it_is_kept(tmp_path):
    """With a scanner nothing is kept that it did not call clean: infected is refused, a dead scanner is waited for."""
    with fake_clamd() as clamd:
        scanner = Clamd(address=clamd.address)
        with desk_world(tmp_path, service="pen", is_open=False, scanner=scanner) as desk:
            infected = small_pdf(text=EICAR.decode())
            desk.asked(documents=[{"id": "d", "name": "x", "form": "pdf", **desk.host.put("x.pdf", infected)}])
            delivery = claimed(desk)
            with pytest.raises(DocumentRefused, match="document_infected"):
                prepare(desk, delivery)
            clamd.mood = "dead"
            with pytest.raises(DocumentNotNow):
                prepare(desk, delivery)
            assert [] == roles(desk)


def test_what_was_kept_unscanned_is_scanned(tmp_path):
    """A document that came while there was no scanner is looked through before it is signed."""
    with fake_clamd() as clamd:
        clean = Clamd(address=clamd.address)
        with desk_world(tmp_path, service="pen", is_open=False) as desk:
            asked = desk.asked().data["documents"][0]
            desk.desk.given("one-stop/h99", DOSSIER, {}, asked)
            assert not desk.room.book.get(1).is_scanned
            desk.desk._bringer._scanner = clean
            desk.desk.given("one-stop/h99", DOSSIER, {}, asked)

            assert (True, 1) == (desk.room.book.get(1).is_scanned, len(clamd.scanned))
            desk.desk.given("one-stop/h99", DOSSIER, {}, asked)
            assert 1 == len(clamd.scanned)
            assert not isinstance(clean, NoScanner)


def test_a_full_store(tmp_path):
    """Without room nothing is frozen, and it is tried again: no document is lost, none is half there."""
    free = [1_000_100]
    with desk_world(tmp_path, service="pen", is_open=False, keep_free=1_000_000, free_bytes=lambda _: free[0]) as desk:
        desk.asked()
        delivery = claimed(desk)
        with pytest.raises(DocumentNotNow, match="store_full"):
            prepare(desk, delivery)
        free[0] = 10**9
        prepare(desk, delivery)

        assert ["given", "prepared"] == roles(desk)


def test_signed_further(desk):
    """What an earlier signature made is signed further: its signed form, and not what was given then."""
    with pytest.raises(DocumentRefused, match="has no signed form"):
        desk.desk.given("one-stop/h99", DOSSIER, {"after": "S1"}, {"of": "S1-d1", "form": "pdf"})


@pytest.mark.parametrize("kind", ["official", "agency", "copy"])
@pytest.mark.parametrize("has_picture", [False, True])
def test_what_is_seen_of_a_signature(tmp_path, kind, has_picture):
    """A visible signature stands on its page; with a picture where the installation has one of that signer."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    if has_picture:
        (pictures / "099000000002.png").write_bytes(picture())
    with desk_world(tmp_path, service="pen", is_open=False, pictures=pictures) as desk:
        document = {"id": "d", "name": "x", "form": "pdf", **desk.host.put("x.pdf", small_pdf(pages=2))}
        box = {} if kind == "copy" else {"box": [300, 100, 480, 180]}
        desk.asked(documents=[document | {"visible": {"kind": kind, **box}}], signer=OFFICIAL | {"title": "Chủ tịch"})
        prepare(desk, claimed(desk))

        prepared = desk.room.content(2)
        assert (b"/Im0" in prepared) == (has_picture and kind != "copy")
        assert b"/Subtype /Widget" in prepared or b"/Widget" in prepared


def picture() -> bytes:
    """A small image without background."""
    from io import BytesIO

    from PIL import Image

    made = BytesIO()
    Image.new("RGBA", (60, 30), (0, 0, 200, 128)).save(made, "PNG")
    return made.getvalue()


def test_pictures_are_found_in_their_folder_only(tmp_path):
    """A signer's number is no path."""
    (tmp_path / "099000000002.png").write_bytes(picture())
    (tmp_path / "pictures").mkdir()
    with desk_world(tmp_path, service="pen", is_open=False, pictures=tmp_path / "pictures") as desk:
        assert {None} == {desk.desk._picture(user) for user in ("../099000000002", "099000000002/..", "", ".")}


def test_cancelled_while_it_was_brought_in(tmp_path):
    """A signature that ends between the look and the ticket gets none."""
    with desk_world(tmp_path, is_open=False) as desk:
        desk.asked()
        desk.world.press("cancel", "S1")
        with pytest.raises(NotAllowedNow):
            SignatureDesk(desk.world.ledger).hand_out(1, 1, 1, account="can-bo-1", reason="Ký")

        assert [] == desk.world.ledger.tickets.of(1)


def test_cancelled_while_its_upload_was_judged(tmp_path):
    """A signature that ends between the look and the hearing is not signed; the upload is kept as what it is."""
    with desk_world(tmp_path, is_open=False) as desk:
        desk.asked()
        told = desk.open().place.rpartition("/")[2]

        def judge(uploaded: bytes, expected: Expected, now: datetime) -> Upload:
            desk.world.press("cancel", "S1")
            return judged_upload(uploaded, expected, trust().chains(), now, None)

        taking = DeskTaking(desk.world.ledger, desk.room, NoScanner(), judge)
        with pytest.raises(DeskRefused, match="late"):
            taking.take(told, signed_by_agent(desk.given, signer("official")), address="")

        assert ("cancelled", ["not_open"]) == (desk.state(), desk.verdicts())
        assert ["given", "uploaded"] == roles(desk)
        assert [] == list(verify(desk.world.ledger))
