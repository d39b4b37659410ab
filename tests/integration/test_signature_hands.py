"""What persons do to a signature, what finishers do with its values, and what `ledger verify` finds of both."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bus.bundle import Bundle
from bus.errors import NotAllowedNow, NotFound, StaleFence
from bus.repairs import Repairs
from bus.signatures import FinishedDocument, FinishOutcome, SignatureEffect, SignatureVerdict
from bus.upkeep import checkpoint, doubt_everything_open, verify
from tests.builders import DOSSIER, NOON
from tests.signature_kit import PEN, SignWorld

E = SignatureEffect


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SignWorld]:
    made = SignWorld(tmp_path)
    yield made
    made.judged()
    made.close()


def refused(world: SignWorld, code: str, verb: str, name: str = "S1", **more: object) -> None:
    """It is not allowed now, and says why in a stable word."""
    with pytest.raises(NotAllowedNow) as caught:
        world.press(verb, name, **more)
    assert code == caught.value.code


# -- cancel, ask ----------------------------------------------------------------------------------------------------


def test_cancelled(world: SignWorld) -> None:
    """Cancelled it is told so; what is signed all the same is an alarm, and stays without effect."""
    request = world.send()
    world.press("cancel")
    world.run()
    assert ("cancelled", "cancelled", "signature_cancelled") == world.stands()
    assert ("cancelled", "person") == (world.told("declined")["code"], world.told("declined")["by"])
    world.pen.approve(request)
    assert E.LATE is world.call_back(request).effect
    assert "cancelled" == world.state()
    refused(world, "signature_over", "cancel")


def test_values_are_not_cancelled(world: SignWorld) -> None:
    """What a person signed is not cancelled before it is finished; what cannot be finished may be given up."""
    request = world.send()
    world.pen.approve(request)
    world.call_back(request)
    refused(world, "signature_over", "cancel")
    world.finishes = ["indeterminate"]
    world.finish()
    world.press("cancel")
    assert ("cancelled", None) == (world.state(), world.column("finish_at"))
    world.run()


def test_cancelled_under_a_worker(world: SignWorld) -> None:
    """What is cancelled while a worker sends it is ended by that worker's settlement."""
    world.ask_for()
    world.pen.fate = lambda delivery: (world.press("cancel"), "ok")[1] if not delivery.is_unanswered else "ok"
    world.dispatcher.run_once()
    assert ("cancelled", "sending") == world.stands()[:2] or ("cancelled", "cancelled") == world.stands()[:2]
    world.run()


def test_asked_now(world: SignWorld) -> None:
    """A person has the service asked at once; where nobody can be asked he is told so."""
    request = world.send()
    world.press("ask_now")
    world.asker.run_once(world.clock.now())
    assert [request] == world.pen.asked
    world.pen.approve(request)
    world.press("ask_now")
    world.pass_time(seconds=0)
    assert "made" == world.state()
    refused(world, "nothing_to_ask", "ask_now")
    refused(world, "bad_reason", "ask_now", reason=" ")
    with pytest.raises(NotFound):
        world.ledger.engine.write(
            lambda tx: world.ledger.signatures.cancel(tx, 99, account="binh", reason="as agreed by phone")
        )


# -- one-time codes -------------------------------------------------------------------------------------------------


def test_one_time_codes(world: SignWorld) -> None:
    """A code is sealed until one attempt takes it, once; a second one destroys the first; nobody reads it again."""
    world.send()
    world.press("give_one_time", one_time="111111")
    world.press("give_one_time", one_time="222222", sad="token")
    assert "111111" not in repr(world.rows("SELECT * FROM moves"))
    bodies = world.rows("SELECT count(*) FROM bodies")
    world.asker.run_once(world.clock.now())
    world.pass_time(seconds=10)

    assert [None, "222222", None] == world.pen.secrets
    assert (1, "waiting_user") == (world.column("one_times"), world.state())
    assert world.column("one_time") is None
    assert bodies[0][0] >= world.rows("SELECT count(*) FROM bodies")[0][0] - 20
    assert "222222" not in repr(world.ledger.signatures.load(world.number()))
    refused(world, "bad_code", "give_one_time")
    refused(world, "bad_code", "give_one_time", one_time="1" * 5_000)
    world.press("give_one_time", one_time="333333")
    world.press("cancel")
    assert world.column("one_time") is None
    refused(world, "nothing_to_ask", "give_one_time", one_time="4")
    world.run()


def test_a_code_that_an_attempt_took_with_it(world: SignWorld) -> None:
    """An attempt that has the code and says nothing may have signed: nobody knows, until the service is asked again."""
    request = world.send()
    world.press("give_one_time", one_time="111111")
    world.pen.fate = lambda delivery: "mute"
    world.asker.run_once(world.clock.now())
    assert ("unknown", 1) == (world.state(), world.column("one_times"))
    world.pen.fate = lambda delivery: "ok"
    world.pen.approve(request)
    world.pass_time(seconds=10)
    assert "made" == world.state()


def test_a_code_for_the_first_sending(world: SignWorld) -> None:
    """A code may be there before anything is sent, and rides on the first attempt."""
    world.ask_for()
    world.press("give_one_time", one_time="123456")
    world.run()
    assert ["123456"] == world.pen.secrets


# -- anew -----------------------------------------------------------------------------------------------------------


def test_asked_for_anew(world: SignWorld) -> None:
    """A further try has its own id; what comes of the earlier one is an alarm and changes nothing."""
    first = world.send()
    refused(world, "under_way", "try_again")
    world.live_on(7)
    assert first == world.request()
    second = world.press("try_again")
    world.run()
    assert ("waiting_user", "awaiting") == world.stands()[:2]
    assert {first: 1, second: 1} == world.signings()
    world.pen.approve(first)
    assert E.LATE is world.call_back(first).effect
    assert E.NOTHING is world.call_back(first, verdict=SignatureVerdict.DECLINED).effect
    assert world.ledger.signatures.find(PEN, handle=f"h-{first}").n == 2  # type: ignore[union-attr]
    world.pen.approve(second)
    world.press("give_one_time", one_time="1")
    world.pass_time(seconds=10)
    assert "made" == world.state()
    refused(world, "signature_made", "try_again")
    assert ["expired", "made"] == world.news()


def test_anew_from_what_nobody_knows(tmp_path: Path) -> None:
    """What may be on somebody's phone is asked for again only by a person, who found out that it is not."""
    fates = iter(["blind", "blind"])
    world = SignWorld(tmp_path, fate=lambda delivery: next(fates, "ok"))
    first = world.send()
    world.pass_time(minutes=1)
    world.press("give_one_time", one_time="1")
    second = world.press("try_again")
    world.run()
    assert ("waiting_user", "awaiting") == world.stands()[:2]
    assert second != first
    world.judged()
    world.close()


def test_anew_at_another_service(world: SignWorld) -> None:
    """By the table of that day: at a desk, at a service that was not there before, or nowhere."""
    world.service = None
    world.ask_for(expires_at=(NOON + timedelta(hours=1)).isoformat())
    refused(world, "no_service", "try_again")
    world.service = PEN
    world.press("try_again")
    world.run()
    assert "waiting_user" == world.state()
    world.press("cancel")
    world.service = "desk"
    world.press("try_again")
    assert ("at_desk", None) == (world.state(), world.column("delivery"))
    world.press("cancel")
    world.service = PEN
    world.clock.sleep(2 * 3600)
    world.press("try_again")
    assert ("created", 4) == (world.state(), world.column("n"))
    assert world.time_of("expires_at") == world.clock.now() + timedelta(hours=24)
    world.run(9)


def test_anew_behind_another(world: SignWorld) -> None:
    """The one before it has to be made, or be under way: then the next try waits for it."""
    world.ask_for()
    world.ask_for("T1", after="S1")
    world.press("cancel")
    refused(world, "not_made_before", "try_again", "T1")
    world.press("try_again")
    world.press("try_again", "T1")
    assert "blocked" == world.state("T1")
    world.run()
    world.pen.approve(world.request())
    world.pass_time(seconds=10)
    assert "waiting_user" == world.state("T1")
    world.press("cancel", "T1")
    world.press("try_again", "T1")
    assert "created" == world.state("T1")
    world.run(9)


def test_anew_while_a_worker_has_it(world: SignWorld) -> None:
    """While a worker is at it nobody asks for it anew."""
    world.ask_for()
    world.ledger.claim(PEN, 1, "w2", world.clock.now())
    world.press("cancel")
    refused(world, "under_way", "try_again")
    world.clock.sleep(3600)
    world.run(9)


def test_the_verbs_of_all_deliveries(tmp_path: Path) -> None:
    """A signature's delivery is not replayed or resolved as another's: only what our own trouble holds goes again."""
    world = SignWorld(tmp_path, fate=lambda delivery: "held")
    world.send()
    number = world.column("delivery")
    repairs = Repairs(world.ledger)
    repairs.replay(number, actor="binh", reason="the table is mended")
    world.pen.fate = lambda delivery: "ok"
    world.run()
    with pytest.raises(NotAllowedNow) as caught:
        repairs.replay(number, actor="binh", reason="once more")
    assert "signature_has_own_verbs" == caught.value.code
    world.close()


# -- finishing ------------------------------------------------------------------------------------------------------


def signed(world: SignWorld, name: str = "S1") -> str:
    request = world.send(name)
    world.pen.approve(request)
    world.call_back(request)
    return request


def test_finished_in_the_end(world: SignWorld) -> None:
    """What cannot be stamped or judged yet is tried again, later each time; nobody is asked to sign again."""
    world.finishes = ["time_stamp_pending", "time_stamp_pending", "indeterminate"]
    signed(world)
    for state, wait in (("time_stamp_pending", 10), ("time_stamp_pending", 30), ("indeterminate", 60)):
        assert 1 == world.finish()
        assert state == world.state()
        assert timedelta(seconds=wait) == world.time_of("finish_at") - world.clock.now()  # type: ignore[operator]
        assert 0 == world.finish()
        world.clock.sleep(wait)
    assert ("indeterminate", "awaiting", "signature_awaited") == world.stands() or "awaiting" == world.stands()[1]
    world.pass_time(seconds=1)
    assert "made" == world.state()
    assert 1 == len(world.signings())


def test_finished_by_a_person(world: SignWorld) -> None:
    """After a day of trying a person has to look; asked for by him it is tried once more."""
    signed(world)
    world.clock.sleep(25 * 3600)
    world.finishes = ["indeterminate", "indeterminate"]
    assert 1 == world.finish()
    assert ("indeterminate", None) == (world.state(), world.column("finish_at"))
    world.press("ask_now")
    assert 1 == world.finish()
    assert world.column("finish_at") is None
    world.press("ask_now")
    world.pass_time(seconds=1)
    assert "made" == world.state()


def test_finished_at_its_own_time(world: SignWorld) -> None:
    """A finisher may know when to try again."""
    signed(world)
    (job,) = world.ledger.signatures.finishing(world.clock.now())
    again = world.clock.now() + timedelta(hours=2)
    documents = (FinishedDocument(n=1, signed=world.keep("assembled")),)
    outcome = FinishOutcome(to="time_stamp_pending", again_at=again, documents=documents)
    state = world.ledger.signatures.finished(job, outcome)
    assert ("time_stamp_pending", again) == (state, world.time_of("finish_at"))
    world.clock.sleep(2 * 3600)
    (job,) = world.ledger.signatures.finishing(world.clock.now())
    assert documents[0].signed == job.documents[0].signed


def test_finishing_fails(world: SignWorld) -> None:
    """What is signed and not good (revoked) is failed: told with its code, its delivery over."""
    world.finishes = ["failed"]
    signed(world)
    world.pass_time(seconds=1)
    assert ("failed", "cancelled", "signature_failed") == world.stands()
    assert ("revoked", "us") == (world.told("declined")["code"], world.told("declined")["by"])


def test_a_finisher_that_slept(world: SignWorld) -> None:
    """A finisher that lost its lease writes nothing, nor one of what was cancelled meanwhile or is made already."""
    signed(world)
    book = world.ledger.signatures
    (first,) = book.finishing(world.clock.now())
    assert (0, True) == (first.tries, first.leased_until > world.clock.now())
    assert [] == book.finishing(world.clock.now())
    world.clock.sleep(301)
    (second,) = book.finishing(world.clock.now())
    with pytest.raises(StaleFence):
        book.finished(first, world.outcome(first))
    assert "made" == book.finished(second, world.outcome(second))
    with pytest.raises(StaleFence):
        book.finished(second, world.outcome(second))
    world.run()
    assert ["made"] == world.news()


def test_finishing_what_nobody_can_read(world: SignWorld) -> None:
    """Where what asked for it is destroyed, no document can be named: a person looks."""
    signed(world)
    rows = "(SELECT body FROM events WHERE event_id = 'sign-S1')"
    before = world.rows(f"SELECT sealed FROM bodies WHERE id = {rows}")[0][0]
    world.change(f"UPDATE bodies SET sealed = NULL WHERE id = {rows}")
    assert 0 == world.finish()
    assert ("signed_raw", None) == (world.state(), world.column("finish_at"))
    assert world.ledger.signatures.load(world.number()) is None
    world.change(f"UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE id = {rows}")
    world.change(f"UPDATE bodies SET sealed = ? WHERE id = {rows}", b"\0" * len(before))
    assert world.ledger.signatures.load(world.number()) is None
    world.change(f"UPDATE bodies SET sealed = ? WHERE id = {rows}", before)


# -- a restored ledger ----------------------------------------------------------------------------------------------


def test_a_restored_ledger_asks(tmp_path: Path) -> None:
    """What was not sent when the backup was made may have been sent since: asked about, and never under another id."""
    world = SignWorld(tmp_path)
    for n in range(3):
        world.ask_for(f"S{n}", dossier=f"H99.09-260703-030{n}")
    world.ledger.engine.backup_to(tmp_path / "backup.db")
    world.run()
    later = world.send("S9")
    sent = world.signings()
    assert 4 == len(sent)
    restored = restore(world, tmp_path)
    assert {"unknown"} == {restored.state(f"S{n}") for n in range(3)}
    restored.ask_for("S9")
    assert ("unknown", "in_doubt", "restore_gap") == restored.stands("S9")
    assert later == restored.request("S9")
    restored.pass_time(minutes=1)

    assert sent == restored.signings()
    assert {"waiting_user"} == {restored.state(f"S{n}") for n in (0, 1, 2, 9)}
    assert [] == restored.damages()
    restored.pen.approve(later)
    restored.pass_time(seconds=10)
    assert "failed" == restored.state("S9"), "signed over documents that the restored ledger does not have"
    restored.close()


def restore(world: SignWorld, folder: Path) -> SignWorld:
    """The ledger as its backup had it, a minute later."""
    world.close()
    shutil.copy(folder / "backup.db", folder / "ledger.db")
    for tail in ("-wal", "-shm"):
        (folder / f"ledger.db{tail}").unlink(missing_ok=True)
    world.clock.sleep(60)
    restored = SignWorld(folder, clock=world.clock)
    doubt_everything_open(restored.ledger)
    return restored


def test_a_restored_ledger_signs_further_once(tmp_path: Path) -> None:
    """What was released in the time that was lost is released again, asked about first, and signed once."""
    world = SignWorld(tmp_path)
    world.send()
    world.ask_for("T1", after="S1")
    world.ledger.engine.backup_to(tmp_path / "backup.db")
    world.pen.approve(world.request())
    world.pass_time(seconds=10)
    sent = world.signings()
    assert 2 == len(sent)
    restored = restore(world, tmp_path)
    assert ("waiting_user", "blocked") == (restored.state(), restored.state("T1"))
    restored.pass_time(seconds=0)
    assert "made" == restored.state()
    restored.pass_time(minutes=1)

    assert "waiting_user" == restored.state("T1")
    assert sent == restored.signings()
    assert [] == restored.damages()
    restored.close()


def test_a_restored_ledger_sends_what_was_not(tmp_path: Path) -> None:
    """A service that knows nothing of it gets it, under the id that it always had."""
    world = SignWorld(tmp_path)
    world.ask_for()
    doubt_everything_open(world.ledger)
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert "waiting_user" == world.state()
    world.judged()
    world.close()


# -- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "table"),
    [
        ("UPDATE signatures SET state = 'declined'", "signatures"),
        ("UPDATE signatures SET certificate = x'00'", "signatures"),
        ("UPDATE signatures SET request = 'KY9'", "signatures"),
        ("UPDATE signature_documents SET value = x'00'", "signatures"),
        ("UPDATE signature_documents SET signed = 1", "signatures"),
        ("UPDATE signature_documents SET verdict = 'failed'", "signatures"),
        ("DELETE FROM signature_tries", "signatures"),
        ("UPDATE signature_hearings SET effect = 'repeated'", "signature_hearings"),
        ("DELETE FROM signature_hearings", "signature_hearings"),
        ("DELETE FROM signatures", "signatures"),
        ("UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE id IN (SELECT body FROM signature_hearings)",
         "hearing bodies"),
        ("UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE id IN (SELECT report FROM signature_documents)",
         "report bodies"),
    ],
)  # fmt: skip
def test_edited_rows_are_found(tmp_path: Path, edit: str, table: str) -> None:
    """Whoever edits a signature, its documents, tries, hearings or reports is found by `ledger verify`."""
    world = SignWorld(tmp_path)
    world.send()
    world.press("cancel")
    world.press("try_again")
    world.run()
    world.pen.approve(world.request())
    world.call_back(world.request())
    world.finish()
    world.judged()
    world.change("PRAGMA foreign_keys = OFF")
    world.change(edit)
    assert table in {damage.table for damage in verify(world.ledger, bodies=True)}
    world.close()


def test_rows_that_belong_to_nothing(tmp_path: Path) -> None:
    """A document of no signature is found too."""
    world = SignWorld(tmp_path)
    world.make()
    sql = "INSERT INTO signature_documents (signature, n, name, form, is_result) VALUES (77, 1, 'x', 'pdf', 0)"
    world.close()
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute(sql)
    raw.close()
    again = SignWorld(tmp_path)
    assert "signature_documents" in {damage.table for damage in verify(again.ledger)}
    again.close()


def test_two_processes_hear_the_same(tmp_path: Path) -> None:
    """Judged at once by two, a value is taken once: digests and certificate are looked at before, the try within."""
    world = SignWorld(tmp_path)
    request = world.send()
    world.pen.approve(request)
    told = world.pen.word(request, "callback")
    first, second = world.ledger.signatures.judged(told), world.ledger.signatures.judged(told)
    world.press("cancel")
    world.press("try_again")
    world.run()
    effects = [
        world.ledger.engine.write(lambda tx, one=one: world.ledger.signatures.hear_in(tx, one))
        for one in (first, second)
    ]
    assert [E.LATE, E.LATE] == [one.effect for one in effects]
    assert "waiting_user" == world.state()
    world.judged()
    world.close()


# -- without us ----------------------------------------------------------------------------------------------------

KEY = Ed25519PrivateKey.generate()


def script(name: str) -> ModuleType:
    """A script of docs/, which knows nothing of ours."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[2] / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bundle(world: SignWorld, *, is_masked: bool = False) -> dict[str, bytes]:
    checkpoint(world.ledger, KEY.sign, "k1")
    with world.ledger.engine.snapshot() as tx:
        made = Bundle(tx, world.ledger.bodies, DOSSIER, signers=frozenset({"k1"}), is_masked=is_masked)
        return {name: b"".join(chunks) for name, chunks in made.members()}


def findings(folder: Path, members: dict[str, bytes]) -> list[str]:
    """What the scripts that know nothing of ours say of a bundle."""
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    rows = {name[:-7]: [json.loads(line) for line in members[name].splitlines()] for name in members if ".nd" in name}
    return [
        *script("verify_bundle").verify_rows(rows, members, DOSSIER),
        *script("verify_signatures").verify(folder / "bundle.zip"),
    ]


def test_p15_a_bundle_shows_its_signatures(tmp_path: Path) -> None:
    """A dossier's bundle holds its signatures, what services told, how documents were verified: anybody checks it."""
    world = SignWorld(tmp_path)
    request = world.make()
    world.call_back(request)
    world.ask_for("S2", service="desk")
    members = bundle(world)
    assert [] == findings(tmp_path, members)
    assert b'{"verdict":"passed"}' == members["reports/1-1/body"]
    assert json.dumps([request, "query", "signed"]).encode() == members["signature_hearings/1/body"]
    for member, old, new, found in (
        ("signatures.ndjson", b'"state":"made"', b'"state":"declined"', "signatures id 1"),
        ("signatures.ndjson", b'"verdict":"passed"', b'"verdict":"failed"', "signatures id 1"),
        ("signature_hearings.ndjson", b'"effect":"recorded"', b'"effect":"late"', "signature_hearings id 1"),
        ("signature_hearings/1/body", b"signed", b"waiting", "signature_hearings id 1"),
    ):
        assert old in members[member]
        said = findings(tmp_path, members | {member: members[member].replace(old, new)})
        assert found in said[0]
    assert ["signatures: deleted: the last signature_heard of id 2 says that it is there"] == findings(
        tmp_path, members | {"signature_hearings.ndjson": members["signature_hearings.ndjson"].splitlines()[0]}
    )
    masked = bundle(world, is_masked=True)
    assert [] == findings(tmp_path, masked)
    assert not [name for name in masked if name.startswith(("reports/", "signature_hearings/"))]
    world.close()


def test_the_independent_verifier(tmp_path: Path) -> None:
    """The scripts find nothing in a sound ledger, whatever happened to signatures, and what was edited in another."""
    world = SignWorld(tmp_path)
    world.make()
    world.ask_for("S2", service="desk")
    world.send("S3")
    world.press("cancel", "S3")
    world.press("try_again", "S3")
    check = script("verify_signatures")
    assert [] == [*check.verify(world.path), *script("verify_ledger").verify(world.path)]
    world.change("UPDATE signature_documents SET value = x'00' WHERE signature = 1")
    assert "signatures id 1" in next(iter(check.verify(world.path)))
    world.change("UPDATE signature_hearings SET effect = 'x'")
    assert "signature_hearings id 1" in [*check.verify(world.path)][1]
    world.close()
