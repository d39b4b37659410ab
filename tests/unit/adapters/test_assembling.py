"""adapters.documents.assembling: what finishing a signature comes to, document by document."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adapters.channels.timestamps import NoStamp
from adapters.documents.assembling import Assembler
from bus.documents import DocumentRole
from bus.signatures import FinishDocument, FinishJob, SignatureState
from signing import xades
from signing.documents import prepare
from signing.errors import StampRefused
from signing.verdicts import Report
from tests.forged_documents import altered, cms_of, filled, prepared
from tests.signed_documents import LATER, SIGNED_AT, signed, stamped_at, trust
from tests.signed_xml import RESULT
from tests.signing_kit import NOW, ocsp_of, signer, small_pdf, stamper

OFFICIAL = signer("official")


class Room:
    """Documents by their number, in memory."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def content(self, document: int) -> bytes:
        return self.kept[document - 1]

    def keep(self, dossier: str, content: bytes, *, media_type: str, role: DocumentRole) -> int:
        self.kept.append(content)
        return len(self.kept)


class Words:
    """What authorities say now; nothing while they are away."""

    is_away = False

    def answers(self, wanted, now):
        about = [OFFICIAL, signer("agency"), signer("stranger"), stamper()]
        return () if self.is_away else tuple(ocsp_of(each, now) for each in about)

    def lists(self, wanted, now):
        return ()


class House:
    """An assembler with its surroundings, and a job for it."""

    def __init__(self) -> None:
        self.room, self.words, self.stamps = Room(), Words(), stamped_at(NOW)
        self.assembler = Assembler(
            room=self.room, chains=trust().chains(), stamp=lambda digest: self.stamps(digest), source=self.words
        )

    def finish(self, *documents: FinishDocument, **told: object):
        job = FinishJob(
            signature=1,
            name="S1",
            n=1,
            dossier=1,
            number="H99.09-260703-0001",
            source="one-stop/h99",
            service="smartca",
            **{
                "role": "official",
                "user": "099000000002",
                "signer_name": "Trần Văn Mẫu",
                "level": "B-LT",
                "state": SignatureState.SIGNED_RAW,
                "certificate": OFFICIAL.der,
                "chain": OFFICIAL.chain_der,
                "signed_at": SIGNED_AT,
                "tries": 0,
                "fence": 1,
                "leased_until": LATER,
                "is_last": False,
                **told,
            },
            documents=documents,
        )
        return self.assembler.finish(job, LATER)

    def document(self, pdf: bytes | None = None, holder=OFFICIAL, **told: object) -> FinishDocument:
        """One that waits for being put together."""
        made = prepare(pdf or small_pdf(), certificate=holder.der, chain=holder.chain_der, at=SIGNED_AT, field="Ky1")
        number = self.room.keep("", made.document, media_type="", role=DocumentRole.PREPARED)
        known = {"plan": made.plan, "digest": made.digest, "value": holder.sign_digest(made.digest), "n": 1}
        return FinishDocument(**{**SHAPE, **known, "prepared": number, **told})

    def handed_in(self, pdf: bytes, **told: object) -> FinishDocument:
        """One that an official's desk handed in signed."""
        number = self.room.keep("", pdf, media_type="", role=DocumentRole.UPLOADED)
        return FinishDocument(**{**SHAPE, "signed": number, "n": 1, **told})


SHAPE = {
    "id": "d1", "name": "d1.pdf", "form": "pdf", "asked": {}, "prepared": None, "plan": None, "digest": None,
    "value": None,
}  # fmt: skip


@pytest.fixture
def house():
    return House()


@pytest.mark.parametrize("level", ["B-B", "B-T", "B-LT", "B-LTA"])
def test_made(house, level):
    """What was asked for is reached; whose it is and when is told, and the report is kept as it was written."""
    outcome = house.finish(house.document(), level=level)
    one = outcome.documents[0]

    assert ("made", level, "passed", "") == (outcome.to, one.reached, one.verdict, one.code)
    assert f"{OFFICIAL.certificate.serial_number:x}" == outcome.serial
    assert (SIGNED_AT if level == "B-B" else NOW) == outcome.signed_at
    assert level == Report.from_json(json.loads(one.report)).signatures[0].level


def test_xml(house):
    """An XML result is finished too: as far as B-T, which is as far as XML goes here."""
    made = xades.prepare(RESULT, certificate=OFFICIAL.der, chain=OFFICIAL.chain_der, at=SIGNED_AT, field="KyLanhDao")
    number = house.room.keep("", made.document, media_type="", role=DocumentRole.PREPARED)
    value = OFFICIAL.sign_digest(made.digest)
    known = {"form": "xml", "value": value, "plan": made.plan, "digest": made.digest, "prepared": number, "n": 1}
    outcome = house.finish(FinishDocument(**{**SHAPE, **known}))

    assert ("made", "B-T") == (outcome.to, outcome.documents[0].reached), outcome.reason


@pytest.mark.parametrize("trouble", [NoStamp("away"), StampRefused("wrong_nonce")])
@pytest.mark.parametrize("level", ["B-T", "B-LT", "B-LTA"])
def test_no_stamp(house, trouble, level):
    """Without a stamp the signed document is kept and waits; the next try puts it together anew, with a stamp."""

    def refused(digest):
        raise trouble

    house.stamps = refused
    document = house.document()
    outcome = house.finish(document, level=level)
    one = outcome.documents[0]

    assert ("time_stamp_pending", "B-B") == (outcome.to, one.reached)
    house.stamps = stamped_at(NOW)
    again = replace(document, signed=one.signed, reached=one.reached, verdict=one.verdict)
    assert "made" == house.finish(again, level=level, state=SignatureState.TIME_STAMP_PENDING).to


def test_the_stamp_of_the_archive_alone_is_missing(house):
    """Where only the last stamp is missing the rest is kept, and that stamp alone is asked for again."""
    given = [stamped_at(NOW)]

    def once(digest):
        if not given:
            raise NoStamp("away")
        return given.pop()(digest)

    house.stamps = once
    document = house.document()
    outcome = house.finish(document, level="B-LTA")
    one = outcome.documents[0]
    assert ("time_stamp_pending", "B-LT") == (outcome.to, one.reached)
    house.stamps = stamped_at(LATER)
    again = replace(document, signed=one.signed, reached=one.reached)
    made = house.finish(again, level="B-LTA", state=SignatureState.TIME_STAMP_PENDING)

    assert ("made", NOW) == (made.to, made.signed_at)
    assert house.room.content(made.documents[0].signed).startswith(house.room.content(one.signed))


def test_nobody_answers(house):
    """Without authorities nothing is good; the stamped document is kept, and only judged again later."""
    house.words.is_away = True
    document = house.document()
    outcome = house.finish(document)
    one = outcome.documents[0]

    assert ("indeterminate", "indeterminate") == (outcome.to, one.verdict)
    house.words.is_away = False
    house.stamps = None
    again = replace(document, signed=one.signed, reached=one.reached)
    assert "made" == house.finish(again, state=SignatureState.INDETERMINATE).to


def test_handed_in_from_a_desk(house):
    """What an official signed at his desk gets the stamp and the evidence that his program did not ask for."""
    outcome = house.finish(house.handed_in(signed(stamped=None)), certificate=None)
    assert ("made", "B-LTA") == (outcome.to, outcome.documents[0].reached)
    outcome = house.finish(house.handed_in(signed()), certificate=None)
    assert ("made", "B-LT") == (outcome.to, outcome.documents[0].reached)
    house.stamps = lambda digest: stamped_at(NOW)(bytes(32))
    outcome = house.finish(house.handed_in(signed(stamped=None)), certificate=None)
    assert "time_stamp_pending" == outcome.to


def test_handed_in_without_a_stamp_to_be_had(house):
    """Then it waits, as everything does."""

    def refused(digest):
        raise NoStamp("away")

    house.stamps = refused
    assert "time_stamp_pending" == house.finish(house.handed_in(signed(stamped=None)), certificate=None).to


@pytest.mark.parametrize(
    ("document", "told", "code"),
    [
        (lambda house: house.document(value=None, code=""), {}, "value_missing"),
        (lambda house: house.document(value=None, code="document_broken"), {}, "document_broken"),
        (lambda house: house.document(value=bytes(256)), {}, "wrong_signature"),
        (lambda house: house.document(plan=b"{}"), {}, "plan_unreadable"),
        (lambda house: house.document(), {"certificate": signer("agency").der}, "other_certificate"),
        (lambda house: house.document(), {"user": "099000000009"}, "wrong_person"),
        (lambda house: house.document(), {"role": "citizen"}, "certificate_not_usable"),
        (lambda house: house.document(holder=signer("stranger")), {"certificate": signer("stranger").der, "user":
            "099000000001"}, "certificate_not_usable"),
        (lambda house: house.handed_in(altered(signed())), {}, "wrong_signature"),
        (lambda house: house.handed_in(altered(signed())), {"certificate": None}, "wrong_signature"),
        (lambda house: house.handed_in(b"no document"), {}, "document_not_pdf"),
        (lambda house: house.handed_in(small_pdf()), {}, "other_certificate"),
        (lambda house: house.document(broken_before()), {}, "document_other_signature"),
    ],
)  # fmt: skip
def test_never_good(house, document, told, code):
    """What is wrong for ever fails by its code; nothing of it is kept as signed, and its report is."""
    before = house.room.kept
    made = document(house)
    count = len(before)
    outcome = house.finish(made, **told)

    assert ("failed", code) == (outcome.to, outcome.code), outcome.reason
    assert (code, None, count) == (outcome.documents[0].code, outcome.documents[0].signed, len(before))


def broken_before() -> bytes:
    """A signature of somebody else is in it, and is not good."""
    holder = signer("agency")
    return filled(prepared(holder=holder, field="Cu"), lambda _: cms_of(holder, bytes(32)))


def test_some_good_and_some_not(house):
    """It is made with those that are good; the others say why they are not. One that waits keeps all waiting."""
    good, bad = house.document(), house.document(n=2, value=None)
    outcome = house.finish(good, bad)
    assert ("made", ["", "value_missing"]) == (outcome.to, [one.code for one in outcome.documents])
    house.words.is_away = True
    assert "indeterminate" == house.finish(good, bad).to
