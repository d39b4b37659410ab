"""A signature's whole way on a real ledger: asked for, sent, approved, told, finished, and what follows of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.errors import LedgerDamaged, NotAllowedNow
from bus.messages import Contradicted, Delivery, Recorded, Repeated
from bus.signatures import DocumentValue, SignatureEffect, SignatureState, SignatureVerdict
from bus.signed_results import SignedResults
from tests.builders import DOSSIER, NOON
from tests.payment_kit import record_event
from tests.signature_kit import CERTIFICATE, CHAIN, PEN, SignWorld, value_of

E = SignatureEffect


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SignWorld]:
    made = SignWorld(tmp_path)
    yield made
    made.judged()
    made.close()


def with_fate(tmp_path: Path, fate: str, *, once: bool = False, **more: Any) -> SignWorld:
    """A world in which the service is so, always or for the first sending."""
    seen: list[str] = []

    def of(delivery: Delivery) -> str:
        if once and seen:
            return "ok"
        seen.append(fate)
        return fate

    return SignWorld(tmp_path, fate=of, **more)


# -- the whole way --------------------------------------------------------------------------------------------------


def test_made(world: SignWorld) -> None:
    """Asked once, approved, proved by the answer to a question, finished: delivered, and told with its documents."""
    request = world.send(count=2)
    assert ("waiting_user", "awaiting", "awaiting") == world.stands()
    world.pen.approve(request)
    world.pass_time(seconds=10)

    assert ("made", "delivered", "signature_made") == world.stands()
    assert {request: 1} == world.signings()
    told = world.told("made")
    assert ["S1-d1", "S1-d2"] == [one["id"] for one in told["documents"]]
    assert {"signed"} == {one["state"] for one in told["documents"]}
    assert ("S1", PEN, "query", "B-T", "5401") == tuple(
        told[name] for name in ("signature", "service", "via", "level", "serial")
    )
    first = told["documents"][0]
    assert ("Giấy phép 1.pdf", "passed", 64) == (first["name"], first["verdict"], len(first["sha256"]))
    assert first["url"].startswith("https://docs.example.invalid/")


def test_a_callback_proves(world: SignWorld) -> None:
    """A value that verifies is taken from a call too, once, however often it comes; nobody is asked any more."""
    request = world.send()
    world.pen.approve(request)
    heard = [world.call_back(request).effect for _ in range(3)]
    world.pass_time(seconds=10)

    assert [E.RECORDED, E.REPEATED, E.REPEATED] == heard
    assert ("made", []) == (world.state(), world.pen.asked)
    assert "callback" == world.told("made")["via"]


def test_a_call_before_the_answer(tmp_path: Path) -> None:
    """A service that calls back before it has answered loses nothing, and its answer undoes nothing."""
    world = with_fate(tmp_path, "called_first")
    world.send()
    world.finish()
    world.run()

    assert ("made", "delivered", "signature_made") == world.stands()
    world.judged()
    world.close()


@pytest.mark.parametrize("fate", ["at_once", "taken", "otp"])
def test_answers_at_once(tmp_path: Path, fate: str) -> None:
    """A service may sign within the call, take it without a word, or say what it waits for."""
    world = with_fate(tmp_path, fate)
    request = world.send()
    assert {"at_once": "signed_raw"}.get(fate, "waiting_user") == world.state()
    assert ("otp_wanted" if fate == "otp" else "") == world.column("code")
    world.pen.approve(request)
    world.pass_time(seconds=10)

    assert "made" == world.state()
    assert {"at_once": "answer"}.get(fate, "query") == world.told("made")["via"]
    world.judged()
    world.close()


def test_one_name_is_one_signature(world: SignWorld) -> None:
    """Repeated it is the same; under another event id, or with other words, it is refused and nobody is asked."""
    assert isinstance(world.ask_for(), Recorded)
    assert isinstance(world.ask_for(), Repeated)
    assert isinstance(world.ask_for(id="other"), Contradicted)
    world.run()
    assert 1 == len(world.signings())


# -- lost, refused, not there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["lost_before", "lost_after"])
def test_a_lost_answer_is_asked_about(tmp_path: Path, fate: str) -> None:
    """After a lost answer the service is asked under our own id; only where it knows nothing is it sent again."""
    world = with_fate(tmp_path, fate, once=True)
    request = world.send()
    assert ("unknown", "in_doubt", "reply_lost") == world.stands()
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert "waiting_user" == world.state()
    world.pen.approve(request)
    world.pass_time(seconds=10)

    assert "made" == world.state()
    assert {request: 1} == world.signings()
    world.judged()
    world.close()


def test_nobody_can_be_asked(tmp_path: Path) -> None:
    """Where only the service's own id would do and it was lost, a call proves it by its digests alone."""
    world = with_fate(tmp_path, "blind")
    request = world.send(count=2)
    world.pass_time(minutes=1)
    assert ("unknown", "in_doubt", "cannot_be_asked") == world.stands()
    world.pen.approve(request)
    values = tuple(DocumentValue(value=value_of(one)) for one in reversed(world.pen.digests(request)))
    odd = world.call_back(request, request=None, handle="X-1", values=(DocumentValue(value=b"sig:?"), *values))
    assert (E.UNKNOWN, None) == (odd.effect, odd.signature)
    nothing = world.call_back(request, request=None, handle="X-1", verdict=SignatureVerdict.DECLINED)
    assert E.UNKNOWN is nothing.effect
    found = world.call_back(request, request=None, handle="X-1", values=values)
    world.pass_time(seconds=1)

    assert (E.RECORDED, SignatureState.SIGNED_RAW) == (found.effect, found.state)
    assert ("made", "delivered", "signature_made") == world.stands()
    assert "X-1" == world.column("handle")
    assert "S1" == world.ledger.signatures.find(PEN, handle="X-1").name  # type: ignore[union-attr]
    world.judged()
    world.close()


def test_what_nobody_proves_is_kept_short(tmp_path: Path) -> None:
    """A call that shows nothing of who called is kept in short, and not at all where it is about nothing of ours."""
    world = with_fate(tmp_path, "takes")
    request = world.send()
    much = b"x" * 100_000
    verdict = SignatureVerdict.DECLINED
    hint = world.call_back(request, verdict=verdict, is_authentic=False, evidence=much)
    kept = world.rows("SELECT length(b.sealed) FROM signature_hearings h JOIN bodies b ON b.id = h.body")
    stray = world.call_back(request, request="ZZ-1", verdict=verdict, is_authentic=False, evidence=much)
    after = world.rows("SELECT count(*) FROM signature_hearings")
    authentic = world.call_back(request, request="ZZ-1", verdict=verdict, evidence=much)
    whole = world.rows("SELECT max(length(b.sealed)) FROM signature_hearings h JOIN bodies b ON b.id = h.body")

    assert (E.HINT, E.UNKNOWN, E.UNKNOWN) == (hint.effect, stray.effect, authentic.effect)
    assert kept[-1][0] < 8_192 < whole[0][0]
    assert len(kept) == after[0][0]
    world.judged()
    world.close()


def test_a_handle_that_nobody_proved(tmp_path: Path) -> None:
    """Who calls without showing who he is, and proves nothing, gives no name that we would ask about from then on."""
    world = with_fate(tmp_path, "otp")
    request = world.send()
    world.call_back(request, handle="evil", is_authentic=False)
    assert world.column("handle") is None
    world.call_back(request, handle="h-1")
    assert "h-1" == world.column("handle")
    world.judged()
    world.close()


def test_questions_that_cannot_be_put(tmp_path: Path) -> None:
    """A service that does not answer the question leaves it in doubt; nothing is sent again on silence."""
    world = with_fate(tmp_path, "lost_after", once=True)
    request = world.send()
    world.pen.fate = lambda delivery: "down"
    world.pass_time(minutes=1)
    assert ("unknown", "in_doubt", "not_asked") == world.stands()
    assert {request: 1} == world.signings()
    world.pen.fate = lambda delivery: "ok"
    world.live_on(10)
    world.close()


def test_a_service_that_never_knows(tmp_path: Path) -> None:
    """What a service takes twenty times and never knows waits for a person."""
    world = with_fate(tmp_path, "lost_before")
    world.send()
    world.live_on(20)
    assert ("unknown", "held", "too_often_unknown") == world.stands()
    assert {} == world.signings()
    world.close()


def test_down_before_anything(tmp_path: Path) -> None:
    """A service that is not there takes nothing: the signature stays as it was, and goes when it is back."""
    world = with_fate(tmp_path, "down", once=True)
    world.send()
    assert "created" == world.state()
    world.pass_time(minutes=1)
    assert "waiting_user" == world.state()
    world.close()


@pytest.mark.parametrize(
    ("fate", "state", "code", "by"),
    [
        ("refuse", "failed", "no_certificate", "service"),
        ("document", "failed", "document_encrypted", "us"),
        ("no", "declined", "declined_by_signer", "signer"),
    ],
)
def test_refused(tmp_path: Path, fate: str, state: str, code: str, by: str) -> None:
    """A service's or our own no ends it at once: its delivery is refused, its source told the code and whose it was."""
    world = with_fate(tmp_path, fate)
    world.send()
    world.run()

    assert (state, "refused", "refused") == world.stands()
    told = world.told("declined")
    assert (code, by, PEN) == (told["code"], told["by"], told["service"])
    world.judged()
    world.close()


def test_our_own_trouble(tmp_path: Path) -> None:
    """What fails here before anything is frozen stays as it was; behind the sending nobody knows: a person looks."""
    world = with_fate(tmp_path, "held")
    world.send()
    assert ("created", "held") == world.stands()[:2]
    world.pen.fate = lambda delivery: "broken"
    world.send("S2", dossier="H99.09-260703-0999")
    assert ("unknown", "in_doubt", "our_trouble") == world.stands("S2")
    world.close()


# -- who does not sign ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "state"), [("declined", "declined"), ("failed", "failed"), ("over", "expired")])
def test_the_service_says_no_when_asked(world: SignWorld, act: str, state: str) -> None:
    """A call that says so only makes us ask; the answer ends it, and its source is told."""
    request = world.send()
    world.pen.note(act, request)
    assert E.HINT is world.call_back(request).effect
    assert "waiting_user" == world.state()
    world.pass_time(seconds=1)

    assert (state, "cancelled", f"signature_{state}") == world.stands()
    assert ["expired" if act == "over" else "declined"] == world.news()
    assert E.NOTHING is world.call_back(request, verdict=SignatureVerdict.WAITING).effect


def test_nobody_answers(world: SignWorld) -> None:
    """Its time over, the service is asked once more, 30 seconds behind; then it is expired, and told so."""
    world.send()
    for _ in range(33):
        world.pass_time(seconds=10)
    assert "expired" == world.state()
    assert ["expired"] == world.news()
    assert 31 == len(world.pen.asked)
    assert world.column("ask_at") is None


def test_approved_in_the_last_second(world: SignWorld) -> None:
    """Who approves in the last second is found by the last question."""
    request = world.send()
    world.clock.sleep(299)
    world.pen.approve(request)
    world.clock.sleep(31)
    world.asker.run_once(world.clock.now())
    assert "signed_raw" == world.state()
    world.finish()


def test_proof_after_its_time(world: SignWorld) -> None:
    """A value that comes after the end of its time is taken, and told as made behind the word that it was not."""
    request = world.send()
    world.live_on(7)
    world.pen.approve(request)
    heard = world.call_back(request)
    world.pass_time(seconds=1)

    assert (E.LATE, "made") == (heard.effect, world.state())
    assert ["expired", "made"] == world.news()
    assert ("made", "delivered", "signature_made") == world.stands()


def test_a_service_that_stays_silent(tmp_path: Path) -> None:
    """A service that says nothing is given an hour; asked on for a day after that, for somebody may have signed."""
    world = with_fate(tmp_path, "ok", once=True)
    request = world.send()
    world.pen.fate = lambda delivery: "mute"
    world.live_on(50)
    assert "waiting_user" == world.state()
    world.live_on(20)
    assert "expired" == world.state()
    world.pen.approve(request)
    world.pen.fate = lambda delivery: "ok"
    world.live_on(15)
    assert ("made", ["expired", "made"]) == (world.state(), world.news())
    world.judged()
    world.close()


def test_silence_without_end(tmp_path: Path) -> None:
    """After a day of silence nobody is asked any more."""
    world = with_fate(tmp_path, "ok", once=True)
    world.send()
    world.pen.fate = lambda delivery: "mute"
    for _ in range(26 * 6):
        world.pass_time(minutes=10)
    assert ("expired", None) == (world.state(), world.column("ask_at"))
    world.close()


def test_a_service_that_waits_on(tmp_path: Path) -> None:
    """A service that says "waiting" after the deadline has answered: it is expired."""
    world = with_fate(tmp_path, "ok", once=True)
    world.send()
    world.pen.fate = lambda delivery: "waits"
    world.live_on(7)
    assert ("expired", None) == (world.state(), world.column("ask_at"))
    world.close()


def test_its_source_names_the_time(world: SignWorld) -> None:
    """Never longer than its source says: cut at the service, and over at once where it is over already."""
    world.send(expires_at=(NOON + timedelta(minutes=2)).isoformat())
    assert NOON + timedelta(minutes=2) == world.time_of("expires_at")
    world.send("S2", expires_at=(NOON - timedelta(minutes=2)).isoformat())
    assert ("expired", "cancelled", "signature_expired") == world.stands("S2")
    world.run()
    assert ["expired"] == world.news()
    assert 1 == len(world.signings())


def test_never_sent_in_time(tmp_path: Path) -> None:
    """What could not be sent for a day is given up; never while a worker has it."""
    world = with_fate(tmp_path, "down")
    world.send()
    world.clock.sleep(25 * 3600)
    world.ledger.claim(PEN, 1, "w2", world.clock.now())
    world.asker.end()
    assert "created" == world.state()
    world.clock.sleep(3600)
    world.run()
    world.asker.end()
    assert ("expired", "cancelled") == world.stands()[:2]
    assert 0 == world.ledger.signatures.expire_due(world.clock.now())
    world.close()


# -- wrong values ---------------------------------------------------------------------------------------------------


def test_a_wrong_value(world: SignWorld) -> None:
    """A wrong value in a call is an alarm and a question; in an answer it is the end: nothing of it is kept."""
    request = world.send()
    world.pen.approve(request)
    wrong = world.pen.values(request, b"another certificate")
    assert E.WRONG_VALUE is world.call_back(request, values=wrong).effect
    assert "waiting_user" == world.state()
    world.pen.values = lambda request, certificate=CERTIFICATE: wrong  # type: ignore[method-assign]
    world.pass_time(seconds=1)

    assert ("failed", "cancelled", "signature_failed") == world.stands()
    assert ("wrong_signature", "us") == (world.told("declined")["code"], world.told("declined")["by"])
    assert [(None,)] == world.rows("SELECT value FROM signature_documents")
    assert ["wrong_value", "wrong_value"] == world.effects()


def test_a_part_of_its_documents(world: SignWorld) -> None:
    """Of what the service gave no value the source is told so; the rest is made."""
    request = world.send(count=2)
    world.pen.approve(request)
    whole = world.pen.values(request)
    part = world.call_back(request, values=whole[:1])
    assert (E.RECORDED, SignatureState.WAITING_USER) == (part.effect, part.state)
    world.pen.values = lambda request, certificate=CERTIFICATE: whole[:1]  # type: ignore[method-assign]
    world.pass_time(seconds=1)

    documents = world.told("made")["documents"]
    assert [("signed", None), ("failed", "not_signed")] == [(one["state"], one.get("code")) for one in documents]


# -- prepared -------------------------------------------------------------------------------------------------------


def test_prepared_once(world: SignWorld) -> None:
    """Frozen documents stay as they are, whoever prepares them again; ended ones are not prepared any more."""
    world.send()
    before = world.rows("SELECT digest FROM signature_documents")
    again = world.ledger.signatures.prepared(world.number(), b"another", CHAIN, ())
    assert (CERTIFICATE, CHAIN) == (again.certificate, again.chain)
    assert before == world.rows("SELECT digest FROM signature_documents")
    world.press("cancel")
    with pytest.raises(NotAllowedNow):
        world.ledger.signatures.prepared(world.number(), CERTIFICATE, CHAIN, ())


def test_s14_who_signs_is_sealed(world: SignWorld) -> None:
    """A certificate has its owner's name and number: neither it nor what it stands in is open in the ledger's file."""
    world.send()
    query = "SELECT s.certificate, s.chain, d.plan FROM signatures s JOIN signature_documents d ON d.signature = s.id"
    certificate, chain, plan = world.rows(query)[0]
    packed = (CERTIFICATE, certificate), (CHAIN[0], chain), (b"plan 1", plan)
    assert [] == [clear for clear, kept in packed if clear in kept]
    kept = world.ledger.bodies
    assert (CERTIFICATE, None) == (kept.unpacked(certificate, b"certificate"), kept.unpacked(None, b"certificate"))
    for damaged in (b"\x00", b"", certificate[:-1] + bytes([certificate[-1] ^ 1]), chain):
        with pytest.raises(LedgerDamaged):
            kept.unpacked(damaged, b"certificate")


def test_what_is_known_of_it(world: SignWorld) -> None:
    """Found by our id or the service's; under another name there is nothing."""
    request = world.send()
    book = world.ledger.signatures
    facts = book.find(PEN, request=request)
    assert facts is not None
    assert facts == book.find(PEN, handle=f"h-{request}")
    assert (DOSSIER, SignatureState.WAITING_USER, CERTIFICATE) == (facts.dossier, facts.state, facts.certificate)
    assert book.find(PEN, request="x", handle="y") is None
    assert book.find("other", request=request) is None


# -- nobody, a desk, one behind another -----------------------------------------------------------------------------


def test_nobody_signs(tmp_path: Path) -> None:
    """Where no service signs the source is told at once, and nothing waits."""
    world = SignWorld(tmp_path, service=None)
    world.ask_for(level="B-LTA")
    world.run()
    assert ("declined", "B-LTA") == (world.state(), world.column("level"))
    assert ("no_service", "us", None) == tuple(world.told("declined")[name] for name in ("code", "by", "service"))
    world.judged()
    world.close()


def test_nobody_is_told(tmp_path: Path) -> None:
    """An installation whose source hears nothing makes no news."""
    world = SignWorld(tmp_path, hears=False)
    world.make()
    assert ("made", []) == (world.state(), world.rows("SELECT * FROM signature_news"))
    world.close()


def test_at_a_desk(world: SignWorld) -> None:
    """A desk has no delivery: each signed document that is handed in counts, and with the last one it is finished."""
    world.ask_for(service="desk", count=2)
    world.run()
    assert ("at_desk", None) == (world.state(), world.column("delivery"))
    request = world.request()
    for n in (1, 2):
        upload = (DocumentValue(n=n, document=world.keep(f"uploaded {n}")),)
        told = {"partner": "desk", "via": "upload", "verdict": SignatureVerdict.SIGNED, "values": upload}
        assert E.RECORDED is world.call_back(request, **told).effect
        assert ("at_desk" if n == 1 else "signed_raw") == world.state()
    world.pass_time(seconds=1)
    assert ("made", "upload") == (world.state(), world.told("made")["via"])


def test_signed_further(world: SignWorld) -> None:
    """The seal waits for the leader's signature, and goes in the transaction that makes it; records show the last."""
    world.record(record_event())
    world.run()
    further = [{"id": "sealed", "name": "Giấy phép đã đóng dấu.pdf", "form": "pdf", "of": "S1-d1"}]
    world.ask_for()
    world.ask_for("T1", after="S1", documents=further)
    world.ask_for("T2", after="S1", service="desk", documents=further)
    world.run()
    assert ("blocked", None) == (world.state("T1"), world.column("delivery", "T1"))
    world.pen.approve(world.request())
    world.pass_time(seconds=10)
    assert ("waiting_user", "at_desk") == (world.state("T1"), world.state("T2"))
    book = world.ledger.signatures
    signed = world.rows("SELECT signed FROM signature_documents WHERE name = 'S1-d1'")[0][0]
    assert (signed, None) == (book.signed_document("one-stop/h99", "S1", "S1-d1"), book.signed_document("x", "S1", "?"))
    world.pen.approve(world.request("T1"))
    world.pass_time(seconds=10)

    assert "made" == world.state("T1")
    newest = world.portal.heard()[-1]
    assert "dossier.recorded" == newest[1]
    assert ["sealed"] == [one["id"] for one in newest[2]["results"]]
    world.ask_for("T3", after="S1", documents=further)
    assert "created" == world.state("T3")


@pytest.mark.parametrize("after", ["S1", "nobody"])
def test_the_one_before_ends(world: SignWorld, after: str) -> None:
    """Whose documents are not signed cannot be signed further: declined with its reason, one behind another."""
    world.ask_for()
    world.ask_for("T1", after=after)
    world.ask_for("T2", after="T1")
    world.press("cancel")
    world.ask_for("T3", after="T1")
    world.run(9)

    assert ["declined"] * 3 == [world.state(name) for name in ("T1", "T2", "T3")]
    assert {"before_declined"} == {world.column("code", name) for name in ("T1", "T2", "T3")}
    codes = [line[2]["code"] for line in world.ear.heard()]
    assert sorted(["cancelled", *["before_declined"] * 3]) == sorted(codes)


def test_of_another_dossier(world: SignWorld) -> None:
    """What another dossier had signed is nothing to go on from."""
    world.make()
    world.ask_for("T1", after="S1", dossier="H99.09-260703-0777")
    assert "declined" == world.state("T1")


def test_too_late_when_released(world: SignWorld) -> None:
    """What waited beyond its own time is expired when it could go."""
    world.ask_for()
    world.ask_for("T1", after="S1", expires_at=(NOON + timedelta(minutes=1)).isoformat())
    world.run()
    world.pen.approve(world.request())
    world.clock.sleep(80)
    world.asker.ask(PEN)
    world.finish()
    assert ("made", "expired") == (world.state(), world.state("T1"))
    world.run()


# -- records --------------------------------------------------------------------------------------------------------


def test_records_show_results(world: SignWorld) -> None:
    """A record that went out already is told anew with the signed result; later ones carry it by themselves."""
    world.record(record_event())
    world.run()
    world.make()
    told = world.portal.heard()
    assert [False, True] == [bool(line[2].get("results")) for line in told]
    (result,) = told[-1][2]["results"]
    assert ("S1-d1", "KQ.01", "Giấy phép 1.pdf") == (result["id"], result["code"], result["name"])
    world.record(record_event(at=NOON + timedelta(hours=1)))
    claimed = world.ledger.claim("portal", 1, "w2", world.clock.now())
    assert ["S1-d1"] == [one.id for one in claimed[0].standing.results]
    assert result["url"] == claimed[0].standing.results[0].url


def test_records_without_what_was_destroyed(world: SignWorld) -> None:
    """A result whose request can no longer be read is left out; the record goes all the same."""
    world.record(record_event())
    world.run()
    world.make()
    world.make("S2", dossier=DOSSIER)
    rows = "(SELECT body FROM events WHERE event_id = 'sign-S1')"
    before = world.rows(f"SELECT sealed FROM bodies WHERE id = {rows}")[0][0]
    for sealed in (None, b"\0" * len(before)):
        world.change(f"UPDATE bodies SET sealed = ? WHERE id = {rows}", sealed)
        with world.ledger.engine.snapshot() as tx:
            event = tx.connection.execute("SELECT max(id) FROM events").fetchone()[0]
            shown = SignedResults(world.ledger.bodies, world.policy).shown(tx, event)
        assert ["S2-d1"] == [one.id for one in shown]
    world.change(f"UPDATE bodies SET sealed = ? WHERE id = {rows}", before)
