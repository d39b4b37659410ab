"""From an approval to a document that holds, with stamp authority and authorities on the wire, up and down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509

from bus.bodies import CERTIFICATE
from config.finishing import Finishing
from config.signing_trust import assembler_of
from signing.verdicts import Verdict
from signing.verification import verify_pdf
from tests.signing_town import SigningTown, signing_town

NUMBERS = count(1)
LEVELS = {"B-B": "B-B", "B-T": "B-T", "B-LT": "B-LT", "B-LTA": "B-LTA"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One installation for all tests here: each has a dossier and a signature of its own."""
    with signing_town(tmp_path_factory.mktemp("town"), is_told=True) as made:
        yield made


@pytest.fixture
def town(house):
    """Where everybody answers."""
    house.stamps.switches.turn({"answer": "granted"})
    house.authorities.switches.turn({"ocsp": "right", "crl": "right"})
    house.pki.forget()
    return house


def approved(town: SigningTown, **asked: object) -> str:
    """A signature whose person has just approved; its name."""
    number = next(NUMBERS)
    name = f"S{number}"
    town.waits(name, dossier=f"H99.09-260703-{number:04d}", **asked)
    town.approve()
    assert "signed_raw" == town.state(name), town.trouble(name)
    return name


def later(town: SigningTown) -> None:
    """The next try is due, and no pause holds it back."""
    town.clock.pass_time(minutes=31)
    town.finish()


@pytest.mark.parametrize("level", LEVELS)
def test_as_far_as_was_asked(town, level):
    """A document reaches the level that was asked for, and holds by itself: without asking anybody from B-LT on."""
    name = approved(town, level=level)
    town.finish()
    trust = assembler_of(town.here, town.here.settings.signing).chains
    report = verify_pdf(town.signed(name), trust, town.clock.now())

    assert [("passed", level, "")] == town.documents(name), town.trouble(name)
    assert ["signature.made"] == town.news(name)
    assert (Verdict.PASSED if level.startswith("B-L") else Verdict.INDETERMINATE) is report.verdict


def test_no_time_stamp_now(town):
    """While no authority stamps, the signature stays in its document and waits; nothing is told, no time is made up."""
    town.stamps.switches.turn({"answer": "down"})
    name = approved(town, level="B-T")
    town.finish()
    kept = town.signed(name)

    assert ("time_stamp_pending", []) == (town.state(name), town.news(name))
    assert [("passed", "B-B", "")] == town.documents(name)
    town.stamps.switches.turn({"answer": "granted"})
    later(town)
    assert ("made", ["signature.made"]) == (town.state(name), town.news(name)), town.trouble(name)
    assert [("passed", "B-T", "")] == town.documents(name)
    assert kept != town.signed(name)


@pytest.mark.parametrize("answer", ["foreign", "wrong_imprint", "old"])
def test_a_stamp_that_is_none(town, answer):
    """A stamp of nobody we know, over something else or of long ago is none: the document waits for a true one."""
    town.stamps.switches.turn({"answer": answer})
    name = approved(town, level="B-T")
    town.finish()

    assert ("time_stamp_pending", []) == (town.state(name), town.news(name)), town.trouble(name)
    town.stamps.switches.turn({"answer": "granted"})
    later(town)
    assert "made" == town.state(name), town.trouble(name)


def test_p15_nobody_says_whether_it_was_revoked(town):
    """Without any authority's word nothing is ever called signed; when one answers, it is."""
    town.authorities.switches.turn({"ocsp": "down", "crl": "down"})
    name = approved(town, level="B-LT")
    town.finish()

    assert ("indeterminate", []) == (town.state(name), town.news(name))
    assert "indeterminate" == town.documents(name)[0][0]
    town.authorities.switches.turn({"ocsp": "right", "crl": "right"})
    later(town)
    assert ("made", "B-LT") == (town.state(name), town.documents(name)[0][1]), town.trouble(name)


def test_a_list_where_no_answer_is(town):
    """Where OCSP says nothing the list is as good."""
    town.authorities.switches.turn({"ocsp": "unknown"})
    name = approved(town, level="B-LT")
    town.finish()

    assert "made" == town.state(name), town.trouble(name)


@pytest.mark.parametrize("ocsp", ["stale", "foreign"])
def test_words_that_do_not_count(town, ocsp):
    """An answer of long ago, or by somebody who may not say it, is no answer."""
    town.authorities.switches.turn({"ocsp": ocsp, "crl": "down"})
    name = approved(town, level="B-LT")
    town.finish()

    assert "indeterminate" == town.state(name), town.trouble(name)


def test_after_a_day_a_person_looks(town):
    """Nothing is tried for ever: past its patience the document is there for a person, who may have it tried again."""
    town.authorities.switches.turn({"ocsp": "down", "crl": "down"})
    name = approved(town, level="B-LT")
    town.clock.pass_time(hours=25)
    town.finish()
    asked_again = town.rows("SELECT finish_at FROM signatures WHERE name = ?", name)

    assert ("indeterminate", [(None,)]) == (town.state(name), asked_again)
    later(town)
    assert "indeterminate" == town.state(name)


def test_p15_taken_back_before(town):
    """A certificate that its authority took back before the stamp makes no signature: failed, nothing handed on."""
    name = approved(town, level="B-LT")
    revoke(town, town.here.ledger.bodies.unpacked(packed_of(town, name), CERTIFICATE))
    town.finish()

    assert ("failed", "certificate_not_usable") == (town.state(name), town.code(name)), town.trouble(name)
    assert ["signature.declined"] == town.news(name)
    assert 0 == len(town.rows("SELECT id FROM documents WHERE role = 'signed' AND dossier = ?", dossier_of(town, name)))


def packed_of(town: SigningTown, name: str) -> bytes:
    """The signer's certificate as the ledger's file has it: without his name and number."""
    packed = town.rows("SELECT certificate FROM signatures WHERE name = ?", name)[0][0]
    plan = town.rows("SELECT d.plan FROM signature_documents d JOIN signatures s ON s.id = d.signature")[-1][0]
    assert [] == [word for word in (b"CCCD:", b"certificates", "Mẫu".encode()) if word in packed + plan]
    return bytes(packed)


def dossier_of(town: SigningTown, name: str) -> int:
    """Its number in the ledger."""
    return int(town.rows("SELECT dossier FROM signatures WHERE name = ?", name)[0][0])


def revoke(town: SigningTown, der: bytes) -> None:
    """Its authority takes it back as of a minute ago."""
    serial = x509.load_der_x509_certificate(der).serial_number
    authority = next(each for each in town.pki.authorities.values() if serial in each.known)
    authority.revoked[serial] = (town.clock.now() - timedelta(minutes=1), x509.ReasonFlags.cessation_of_operation)


def test_several_documents(town):
    """One transaction about three documents: each is stamped, judged and told by itself."""
    name = approved(town, level="B-LT", count=3)
    town.finish()

    assert [("passed", "B-LT", "")] * 3 == town.documents(name), town.trouble(name)


def test_trouble_of_our_own(town):
    """A disk that is away ends nothing: it is seen, tried again later, and made when the disk is back."""
    name = approved(town, level="B-B")
    folder = Path(town.here.settings.documents.folder)
    aside = folder.rename(folder.with_name("aside"))
    town.finish()

    if folder.exists():
        folder.rename(folder.with_name("empty"))
    assert ("indeterminate", "document_missing") == (town.state(name), town.code(name))
    aside.rename(folder)
    later(town)
    assert "made" == town.state(name), town.trouble(name)


def test_two_at_once(town):
    """However many finishers look at once, a signature is made once and told once."""
    names = [approved(town, level="B-B") for _ in range(4)]
    finishers = [Finishing(town.here, f"w{n}") for n in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(until_nothing, finishers))

    for name in names:
        assert ("made", ["signature.made"]) == (town.state(name), town.news(name)), town.trouble(name)


def until_nothing(finisher: Finishing) -> None:
    """All that it can get."""
    while finisher.look():
        pass
