"""SmartCA end to end: an event comes in, a person approves on the mock's page, a signed document is made and told.

Judged by the mock's own books (how often a person was asked, how often a key was used) and by the ledger's file.
"""

from __future__ import annotations

import hashlib
import http.client
import subprocess
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.doors.signature_callbacks import SignatureCallbackDoor
from bus.errors import LedgerUnavailable
from config.signing_judge import judge_of
from contracts.mock_faults import FaultOrder
from contracts.signing_mock import ApproveOrder
from contracts.signing_transactions import Transaction
from contracts.smartca.mock import SP_PASSWORD
from tests.signer_services import make_sign
from tests.signing_town import AGENCY, CITIZEN, SigningTown, signing_town

NUMBERS = count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One installation for all tests here: each has a dossier and a signature of its own."""
    with signing_town(tmp_path_factory.mktemp("town"), is_told=True) as made:
        yield made


@pytest.fixture
def town(house):
    """Where nothing misbehaves yet."""
    for mock in (*house.services.values(), house.stamps, house.authorities):
        mock.switches.restore()
        mock.faults.clear()
    house.smartca.switches.turn({"callback_url": f"{house.url}/callbacks/smartca/result"})
    return house


@pytest.fixture
def name():
    """Of this test's signature."""
    return f"S{next(NUMBERS)}"


def dossier_of(name: str) -> str:
    return f"H99.09-260703-{int(name[1:]):04d}"


def waits(town: SigningTown, name: str, **asked: Any) -> Transaction:
    """On its person's phone."""
    return town.waits(name, dossier=dossier_of(name), **asked)


def asked(town: SigningTown, name: str, **more: Any) -> None:
    """Asked for, and carried as far as it goes by itself."""
    town.ask_for(name, dossier=dossier_of(name), service="smartca", **more)
    town.carry()


def of(town: SigningTown, name: str) -> list[Transaction]:
    """Every question about it that a person was asked: by the mock's own books."""
    return [each for each in town.smartca.transactions if dossier_of(name) in each.description]


def prompts(town: SigningTown, name: str) -> int:
    return sum(each.prompts for each in of(town, name))


def signs(town: SigningTown, name: str) -> int:
    return sum(document.signs for each in of(town, name) for document in each.documents)


def page(town: SigningTown, path: str, form: bytes = b"") -> tuple[int, str]:
    """As a phone's browser: GET, or a press."""
    parts = urlsplit(town.mocks)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request("POST" if form else "GET", path, body=form or None, headers=kind)
    reply = connection.getresponse()
    told = reply.read().decode()
    connection.close()
    return reply.status, told


def result_call(town: SigningTown, transaction: Transaction, **changed: Any) -> dict[str, Any]:
    """A call back as SmartCA would make it now, not sent; with what is changed in it."""
    told = {**town.smartca.notice(transaction, ApproveOrder()), **changed}
    return {name: value for name, value in told.items() if value is not None}


# -- the whole way -------------------------------------------------------------------------------------------------


def test_from_event_to_signed_document(town, name):
    """The leader approves two documents with one press on the page; both are signed, stamped, vouched for, and told."""
    waiting = waits(town, name, count=2)
    assert ("waiting_user", "awaiting") == (town.state(name), town.delivery(name))
    path = f"/smartca/approve/{waiting.handle}"
    status, shown = page(town, path)
    assert status == 200
    assert f"Ký hồ sơ {dossier_of(name)}" in shown
    assert 303 == page(town, path, b"result=approve")[0]
    assert town.smartca.calls.wait(60)
    assert [("callback", "signed", "recorded")] == town.heard(name)
    assert "signed_raw" == town.state(name)
    town.finish()

    assert [("passed", "B-LT", "")] * 2 == town.documents(name)
    assert ("made", "delivered") == (town.state(name), town.delivery(name))
    assert (1, 2) == (prompts(town, name), signs(town, name))
    assert ["signature.made"] == town.news(name)
    assert [] == [row.rule for visit in town.smartca.log.page() for row in visit.broken]


@pytest.mark.needs("pdfsig")
def test_an_independent_tool_agrees(town, name, tmp_path):
    """pdfsig finds a valid signature over what was signed; what stands behind it is added evidence."""
    file = tmp_path / "signed.pdf"
    file.write_bytes(made(town, name))
    told = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in told
    assert "CCCD:099000000002" in told


def made(town: SigningTown, name: str, **more: Any) -> bytes:
    """From asking to the end; the first document."""
    waiting = waits(town, name, **more)
    town.approve(waiting.handle)
    town.finish()
    return town.signed(name)


def test_the_seal_of_the_agency_after_the_official(town, name):
    """The agency signs what the leader signed: nobody is asked before, and the leader's signature stays as it was."""
    first = waits(town, name)
    seal = f"{name}-seal"
    document = {"id": f"{seal}-d1", "name": "seal.pdf", "form": "pdf", "of": f"{name}-d1"}
    more = {"user": AGENCY, "role": "agency", "documents": [document], "after": name}
    town.ask_for(seal, dossier=dossier_of(name), service="smartca", **more)
    town.carry()
    assert ("blocked", 1) == (town.state(seal), prompts(town, name))
    town.approve(first.handle)
    town.finish()
    town.carry()
    assert ("waiting_user", 2) == (town.state(seal), prompts(town, name))
    town.approve()
    town.finish()

    assert "made" == town.state(seal)
    assert town.signed(seal).startswith(town.signed(name))
    assert [("passed", "B-LT", "")] == town.documents(seal)


ENDS = [
    ("decline", "declined", "declined", "declined_by_signer"),
    ("expire", "expired", "expired", "expired"),
    ("fail", "failed", "failed", "service_refused"),
]


@pytest.mark.parametrize(("result", "said", "state", "code"), ENDS)
def test_a_person_does_not_sign(town, name, result, said, state, code):
    """A no ends it as what it is, by the question and not by the call: that one only makes us ask at once."""
    waiting = waits(town, name)
    town.approve(waiting.handle, result=result)
    assert "waiting_user" == town.state(name)
    assert [("callback", said, "hint")] == town.heard(name)
    town.ask(after=timedelta(seconds=1))

    assert (state, code) == (town.state(name), town.code(name))
    assert 0 == signs(town, name)
    assert [f"signature.{'expired' if state == 'expired' else 'declined'}"] == town.news(name)


def test_nobody_answers(town, name):
    """Its time over, it is asked about once more, half a minute later; then it is expired."""
    waits(town, name)
    town.ask(after=timedelta(minutes=4, seconds=50))
    assert "waiting_user" == town.state(name)
    town.ask(after=timedelta(minutes=1))

    assert "expired" == town.state(name)
    assert 0 == signs(town, name)


def test_approved_in_the_last_second_and_the_call_is_lost(town, name):
    """The last question after the deadline finds what was approved just before it."""
    waiting = waits(town, name)
    town.clock.pass_time(minutes=4, seconds=58)
    town.approve(waiting.handle, callbacks=0)
    town.ask(after=timedelta(minutes=1))
    town.finish()

    assert "made" == town.state(name)


# -- calls back, in every order ------------------------------------------------------------------------------------


def test_the_call_comes_before_the_answer(town, name):
    """SmartCA calls while its answer to the order is still under way: nothing is lost, and it is made once."""
    town.approve(before_answer=True)
    asked(town, name)
    town.ask()
    town.finish()

    assert ("made", 1, 1) == (town.state(name), prompts(town, name), signs(town, name))


@pytest.mark.parametrize("concurrent", [True, False])
def test_called_back_five_times(town, name, concurrent):
    """Repeats, also at the same moment, come to one effect, and its source is told once."""
    waiting = waits(town, name)
    answers = town.approve(waiting.handle, callbacks=5, concurrent=concurrent)
    town.finish()

    assert [200] * 5 == [status for status, _ in answers]
    assert ("made", ["signature.made"]) == (town.state(name), town.news(name))
    assert 1 == [effect for _, _, effect in town.heard(name)].count("recorded")


def test_called_back_and_asked_both(town, name):
    """Call and question converge: whichever comes second changes nothing."""
    waiting = waits(town, name)
    town.approve(waiting.handle)
    before = town.picture()["signature_documents"]
    town.ask()

    assert before == town.picture()["signature_documents"]
    assert "signed_raw" == town.state(name)


def test_without_its_id_the_value_finds_its_signature(town, name):
    """A call back that names no transaction is known by what it proves, where nobody knows that it was asked for."""
    town.smartca.switches.turn({"callback_names_it": False})
    town.smartca.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation="sign", count=1))
    asked(town, name)
    assert "unknown" == town.state(name)
    town.approve(of(town, name)[0].handle)

    assert "signed_raw" == town.state(name), town.trouble(name)


def test_a_value_after_its_time(town, name):
    """A proof that comes when the signature has expired is taken: the person did sign it."""
    waiting = waits(town, name)
    town.clock.pass_time(minutes=4)
    town.approve(waiting.handle, callbacks=0)
    kept = result_call(town, waiting)
    town.smartca.switches.turn({"status_message": "sig_expired"})
    town.ask(after=timedelta(minutes=2))
    assert "expired" == town.state(name)
    assert 200 == town.call(kept)[0]
    assert "signed_raw" == town.state(name)
    town.finish()

    assert "made" == town.state(name)


# -- forged and broken ---------------------------------------------------------------------------------------------

FORGED: list[dict[str, Any]] = [
    {"message": "SUCCESS", "signed_files": [{"doc_id": "1-x", "signature_value": "AAAA"}]},
    {"message": "SUCCESS", "signed_files": [{"doc_id": "1-x", "signature_value": ""}]},
    {"message": "SUCCESS", "signed_files": [{"doc_id": "1-x", "signature_value": "!"}]},
    {"message": "SUCCESS", "signed_files": []},
    {"message": "SUCCESS", "signed_files": None},
    {"message": "SUCCESS", "signed_files": "x"},
    {"message": "SUCCESS", "signed_files": [1, None, {}]},
    {"message": "SUCCESS", "status_code": 403},
    {"message": "sig_rejected"},
    {"message": "sig_expired"},
    {"message": "sig_failed"},
    {"message": 7},
    {"transaction_id": "another"},
    {"sp_id": "another"},
    {"sp_id": None},
]
SAME = ("signature_documents", "signature_news", "deliveries", "events", "attempts", "exchanges")


def test_p15_a_forged_call_changes_nothing(town, name):
    """Whatever a stranger calls: no state, no document, no delivery changes; at most the service is asked."""
    waiting = waits(town, name)
    before = town.picture()
    for changed in FORGED:
        answer = town.call(result_call(town, waiting, **changed))
        assert (200, {"status_code": 200, "message": "OK"}) == answer, changed
    after = town.picture()

    assert "waiting_user" == town.state(name)
    assert {table: before[table] for table in SAME} == {table: after[table] for table in SAME}
    noted = {(code, rules[0]["rule"]) for _, code, rules in town.refused()}
    assert {("bad_signature", "wrong_value"), ("forbidden_source", "sp_id"), ("not_found", "unknown")} <= noted


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 200),
        (b'{"a":1}', "text/plain", 415),
        (b'{"a":"' + b"x" * 2_000_001 + b'"}', "application/json", 413),
        (b"", "application/json", 200),
    ],
)
def test_calls_that_cannot_be_read(town, body, kind, status):
    """What is no message is answered as HTTP says, in SmartCA's own form, and noted."""
    before = len(town.refused())
    told, answer = town.call(body, **{"Content-Type": kind})

    assert status == told
    assert {"status_code": 200, "message": "OK"} == answer
    assert before + 1 == len(town.refused())


def test_while_the_ledger_is_away(town, name, monkeypatch):
    """A call that could not be written down is not acknowledged, so that it comes again."""
    waiting = waits(town, name)

    def away(*told: Any) -> Any:
        raise LedgerUnavailable("disk")

    monkeypatch.setattr(SignatureCallbackDoor, "hear", away)
    status, answer = town.call(result_call(town, waiting))

    assert (503, 500) == (status, answer["status_code"])


# -- lost replies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lose_reply_after_effect", "lose_request", "http_500"])
def test_p15_a_lost_answer_to_the_order(town, name, fault):
    """The person is asked once, whether the order or its answer was lost; it is made."""
    town.smartca.faults.arm(FaultOrder(fault=fault, operation="sign", count=1))
    asked(town, name)
    for _ in range(60):
        if town.state(name) == "waiting_user":
            break
        town.clock.pass_time(seconds=1)
        town.carry()
    assert "waiting_user" == town.state(name), town.trouble(name)
    town.approve(of(town, name)[0].handle)
    town.finish()

    assert ("made", 1, 1) == (town.state(name), prompts(town, name), signs(town, name))


# -- values that are none, by the service's own word ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("digest", "wrong_signature"), ("certificate", "wrong_signature"), ("certificate_cms", "other_certificate")],
)
def test_p15_a_signature_over_something_else_is_none(town, name, wrong, code):
    """Asked for and wrong: it failed, nothing is put into a document, and the evidence is kept."""
    waiting = waits(town, name)
    town.approve(waiting.handle, wrong=wrong, callbacks=0)
    town.ask()

    assert ("failed", code) == (town.state(name), town.code(name))
    assert [("query", "signed", "wrong_value")] == town.heard(name)
    assert [("", "")] == [(verdict, level) for verdict, level, _ in town.documents(name)]


@pytest.mark.parametrize("wrong", ["cms", "reordered"])
def test_values_in_another_form_or_order(town, name, wrong):
    """A CMS around the value, and documents in another order, are taken apart and found."""
    waiting = waits(town, name, count=3)
    town.approve(waiting.handle, wrong=wrong, callbacks=0)
    town.ask()
    town.finish()

    assert "made" == town.state(name)
    assert [("passed", "B-LT", "")] * 3 == town.documents(name)


def test_one_document_of_three_is_missing(town, name):
    """What was signed is made; the document without a value fails alone."""
    waiting = waits(town, name, count=3)
    town.approve(waiting.handle, wrong="partial", callbacks=0)
    town.ask()
    town.finish()

    assert ["passed", "passed", ""] == [verdict for verdict, _, _ in town.documents(name)]
    assert "" != town.documents(name)[2][2]


def test_a_certificate_without_a_number_that_names_somebody_else(town, name):
    """A service that answers with a stranger's certificate: nobody is asked to sign with it."""
    town.smartca.signers.put("099000000077", town.pki.duty.issue("Kẻ Khác"))
    asked(town, name, user="099000000077")

    assert ("failed", "wrong_person") == (town.state(name), town.code(name))
    assert 0 == prompts(town, name)


def test_revoked_between_asking_and_signing(town, name):
    """A certificate whose authority took it back before it signed is found out: nothing is called signed."""
    waiting = waits(town, name, user="099000000077")
    town.approve(waiting.handle, wrong="revoked")
    town.clock.pass_time(seconds=5)
    town.finish()

    assert "failed" == town.state(name), town.trouble(name)
    assert ["signature.declined"] == town.news(name)


# -- who vouches and who stamps ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["down", "wrong_nonce"])
def test_no_time_stamp_now(town, name, answer):
    """Without a stamp that holds the document waits for one; no time is ever invented; then it is made."""
    town.stamps.switches.turn({"answer": answer})
    waiting = waits(town, name)
    town.approve(waiting.handle)
    town.finish()
    assert "time_stamp_pending" == town.state(name), town.trouble(name)
    town.stamps.switches.turn({"answer": "granted"})
    town.clock.pass_time(minutes=30)
    town.finish()

    assert ("made", 1) == (town.state(name), signs(town, name)), town.trouble(name)


def test_nobody_says_whether_the_certificate_holds(town, name):
    """Without an answer and without a list it is indeterminate, and never called good; later it is made."""
    town.clock.pass_time(hours=30)
    town.authorities.switches.turn({"ocsp": "down", "crl": "down"})
    waiting = waits(town, name)
    town.approve(waiting.handle)
    town.finish()
    assert "indeterminate" == town.state(name), town.trouble(name)
    town.authorities.switches.turn({"ocsp": "right", "crl": "right"})
    town.clock.pass_time(minutes=30)
    town.finish()

    assert "made" == town.state(name), town.trouble(name)


# -- asked for wrongly ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "code"),
    [("099000000010", "no_certificate"), ("099000000011", "certificate_not_usable"),
     ("099000000013", "certificate_not_usable"), ("099000000014", "certificate_not_usable")],
)  # fmt: skip
def test_signers_who_cannot_sign(town, name, user, code):
    """Nobody is asked whose certificate is none, over, revoked or weak; the source is told why."""
    asked(town, name, user=user)

    assert (code, ["signature.declined"]) == (town.code(name), town.news(name)), town.trouble(name)
    assert 0 == prompts(town, name)


def test_a_document_that_is_another_than_promised(town, name):
    """What is fetched has another digest: nobody is asked to sign it."""
    document = town.document(f"{name}-d1") | {"sha256": hashlib.sha256(b"other").hexdigest()}
    asked(town, name, documents=[document])

    assert "document_digest_differs" == town.code(name), town.trouble(name)
    assert 0 == prompts(town, name)


def test_citizens_sign_too(town, name):
    """A wish for a service is granted where the table has a row for it; the citizen's own certificate signs."""
    made(town, name, user=CITIZEN, role="citizen")

    assert "made" == town.state(name), town.trouble(name)


def test_nothing_is_kept_of_the_password(town, name):
    """In no exchange that was opened from the ledger's own file the password stands: it reads three stars."""
    made(town, name)
    opened = town.here.ledger.bodies.open_exchange
    rows = [town.here.reads.exchange(row[0]) for row in town.rows("SELECT id FROM exchanges ORDER BY id DESC LIMIT 5")]
    kept = b"".join(b"".join(part or b"" for part in opened(key, sealed)) for _, key, sealed in rows if sealed)

    assert b'"sp_password":"***"' in kept
    assert SP_PASSWORD.encode() not in kept


@pytest.mark.parametrize(
    ("kind", "says"), [("stranger", "untrusted"), ("person", "revoked"), ("person", "no authority")]
)
def test_nobody_signs_in_vain(town, name, kind, says):
    """A certificate that nobody here vouches for, that was taken back, or whose authority is believed for another role
    is found out before its owner is asked: the service would let him sign."""
    (holder,) = town.smartca.signers.give("099000000088", [kind])
    judge = judge_of(town.here)
    if says == "revoked":
        town.pki.public.revoke(holder)
        town.smartca.switches.turn({"http_follows": False})
    standing = make_sign(user="099000000088", role="odd" if says == "no authority" else "official")
    misfit = judge(standing, holder.der, holder.chain_der, town.clock.now())
    if kind == "stranger":
        asked(town, name, user="099000000088")
        assert ("certificate_not_usable", 0) == (town.code(name), prompts(town, name))

    assert says in misfit.reason
    assert "=" not in misfit.reason, "reasons are kept unsealed: no subject stands in them"


def test_while_authorities_are_away_nothing_is_said_against_a_certificate(town, name):
    """Who cannot be asked before the signature is asked after it: the person is not kept waiting."""
    town.authorities.switches.turn({"ocsp": "down", "crl": "down"})
    (holder,) = town.smartca.signers.give("099000000089", ["person"])

    assert judge_of(town.here)(make_sign(), holder.der, holder.chain_der, town.clock.now()) is None
