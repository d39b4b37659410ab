"""The one-stop system's mock: what it takes, what it refuses under which rule, and what it keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree

from contracts.mocking import Request
from contracts.national_portal.reading import canonical, digest
from contracts.one_stop import wss
from contracts.one_stop.books import Books, Taken
from contracts.one_stop.envelopes import SOAP_11, SOAP_12, WSA, Trouble
from contracts.one_stop.pki import ONE_STOP, Pki
from contracts.one_stop.results import RESULTS
from contracts.one_stop.shapes import NAMESPACE
from tests.contract.one_stop_calls import (
    AMENDED,
    FILED,
    LT,
    MADE,
    OUTCOME,
    SETTLED,
    START,
    Caller,
    acknowledged,
    body_of,
    problem,
    sample,
)

BOTH = pytest.mark.parametrize("soap", [SOAP_11, SOAP_12], ids=["soap11", "soap12"])


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(START)


@pytest.fixture
def caller(pki: Pki) -> Caller:
    return Caller(pki)


# What is taken.


@BOTH
def test_soap_takes_every_message(caller, soap):
    """Each of the three messages is taken, stored once, and acknowledged under its id."""
    taken = caller.soap("ReceiveOutcome", OUTCOME, soap=soap)
    filed = caller.soap("ReceiveDossier", FILED, soap=soap)
    amended = caller.soap("ReceiveAmendment", AMENDED, soap=soap)

    assert [200, 200, 200] == [taken.status, filed.status, amended.status]
    assert {"id": OUTCOME["id"], "accepted_at": "2026-07-03T03:02:12+00:00", "number": None} == acknowledged(taken)
    assert AMENDED["number"] == acknowledged(filed)["number"] == acknowledged(amended)["number"]
    assert [
        ("ReceiveOutcome", OUTCOME["dossier"]),
        ("ReceiveDossier", FILED["national_number"]),
        ("ReceiveAmendment", FILED["national_number"]),
    ] == caller.effects()


def test_rest_takes_every_message(caller):
    """The same over REST: 201, and the same effects as over SOAP."""
    answers = [
        caller.rest("ReceiveOutcome", OUTCOME),
        caller.rest("ReceiveDossier", FILED),
        caller.rest("ReceiveAmendment", AMENDED),
    ]

    assert [201, 201, 201] == [each.status for each in answers]
    assert [None, AMENDED["number"], AMENDED["number"]] == [json.loads(each.body)["number"] for each in answers]
    assert 3 == len(caller.mock.effects)


@pytest.mark.parametrize(
    "name", ["outcome.delivered.json", "outcome.held.json", "outcome.refused.json"], ids=lambda name: name[8:-5]
)
def test_effect_is_the_message(caller, name):
    """An effect's digest is that of the message as JSON, over whichever protocol it came."""
    value = sample(name)

    caller.soap("ReceiveOutcome", value)

    assert [digest(canonical(value))] == [row.digest for row in caller.mock.effects]


@BOTH
def test_answers_are_signed(caller, soap):
    """Yes and no are signed by the one-stop system over Body, Timestamp and addressing, and name their request."""
    sent = caller.envelope("ReceiveOutcome", OUTCOME, soap=soap)
    asked = sent.findtext(f"{{{soap}}}Header/{{{WSA}}}MessageID")
    yes = caller.post(caller.signed(sent), soap=soap)
    no = caller.soap("ReceiveOutcome", OUTCOME | {"reason": "another"}, soap=soap)

    for answer in (yes, no):
        proof = check(caller, answer.body)
        assert ONE_STOP == proof.subject
        assert ("Body", "Timestamp", "wsa:Action", "wsa:MessageID", "wsa:RelatesTo", "wsa:To") == proof.parts
    assert asked == etree.fromstring(yes.body).findtext(f"{{{soap}}}Header/{{{WSA}}}RelatesTo")


def check(caller: Caller, body: bytes) -> wss.Proof:
    return wss.check(etree.fromstring(body), pki=caller.pki, subjects=frozenset({ONE_STOP}), now=caller.now)


def test_unsigned_answers_by_switch(caller):
    """An old system that signs nothing can be played (r69)."""
    caller.mock.switches.turn({"answers": "unsigned"})

    soap, rest = caller.soap("ReceiveOutcome", OUTCOME), caller.rest("ReceiveDossier", FILED)

    assert OUTCOME["id"] == acknowledged(soap)["id"]
    with pytest.raises(Trouble, match="unsigned"):
        check(caller, soap.body)
    assert "Signature" not in rest.headers


# Once.


@pytest.mark.parametrize(("operation", "value"), [("ReceiveOutcome", OUTCOME), ("ReceiveDossier", FILED)])
def test_repeat_answers_as_the_first(caller, operation, value):
    """The same message again, in either protocol and later, gets the first answer and changes nothing (r47)."""
    first = acknowledged(caller.soap(operation, value))
    caller.pass_time(hours=5)

    again, over_rest = acknowledged(caller.soap(operation, value)), json.loads(caller.rest(operation, value).body)

    assert first == again == over_rest
    assert 1 == len(caller.mock.effects)


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize(
    ("operation", "value", "rule", "code"),
    [
        ("ReceiveOutcome", OUTCOME | {"state": "held"}, "r48", "contradicted"),
        ("ReceiveDossier", FILED | {"id": OUTCOME["id"]}, "r48", "contradicted"),
        ("ReceiveDossier", FILED | {"id": "another", "note": "x"}, "r49", "contradicted"),
        ("ReceiveAmendment", AMENDED | {"national_number": "G17.99-1"}, "r50", "not_found"),
    ],
)
def test_books_refuse(caller, protocol, operation, value, rule, code):
    """An id or a number with another content, and an amendment of nothing, are refused; nothing is stored."""
    caller.soap("ReceiveOutcome", OUTCOME)
    caller.soap("ReceiveDossier", FILED)

    answer = getattr(caller, protocol)(operation, value)

    assert code == problem(answer)["code"]
    assert [rule] == caller.broken()
    assert 2 == len(caller.mock.effects)


REFUNDED = sample("payment_result.refunded.json")


def result(value: dict[str, Any], id: str, **told: Any) -> dict[str, Any]:
    """A result of a payment under another id, with members of what it tells replaced."""
    kind = next(name for name in RESULTS if name in value)
    return value | {"id": id, kind: value[kind] | told}


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (result(SETTLED, "2", transaction="GD260720000999"), "r58"),
        (result(SETTLED, "2", amount=224999), "r58"),
        (sample("payment_result.failed.json"), "r58"),
        (sample("payment_result.expired.json"), "r58"),
        (sample("payment_result.opened.json"), "r58"),
        (result(REFUNDED, "2", amount=75001, total_refunded=75001), "r59"),
        (result(REFUNDED, "2", refund="R2", total_refunded=75000), "r59"),
        ({**REFUNDED, "settled": SETTLED["settled"]}, None),
    ],
    ids=["transaction", "amount", "failed", "expired", "opened", "refund", "total", "two"],
)
def test_what_was_paid_stays_paid(caller, protocol, value, rule):
    """After a success nothing else is taken of a payment but refunds that add up; two things at once are no message."""
    for told in (SETTLED, REFUNDED):
        caller.rest("ReceivePaymentResult", told)

    answer = getattr(caller, protocol)("ReceivePaymentResult", value)

    assert ("contradicted" if rule else "invalid") == problem(answer)["code"]
    assert [rule or {"soap": "r20", "rest": "r88"}[protocol]] == caller.broken()
    assert 2 == len(caller.mock.effects)


def test_a_success_is_stored_once(caller):
    """The same success under another id is taken and stored once; a late success after a no is taken (r56, r58)."""
    failed, again = sample("payment_result.failed.json"), SETTLED | {"id": "another"}

    answers = [caller.rest("ReceivePaymentResult", told) for told in (failed, SETTLED, again, REFUNDED)]
    second = result(REFUNDED, "more", refund="R2", amount=150000, total_refunded=225000)

    assert [201] * 5 == [each.status for each in (*answers, caller.rest("ReceivePaymentResult", second))]
    assert ["failed", "settled", "refunded", "refunded"] == [row.entry["state"] for row in caller.mock.effects]


def signed(id: str, *documents: dict[str, Any], **told: Any) -> dict[str, Any]:
    """That a signature was made, under another id, with members of it or of its first documents replaced."""
    made: dict[str, Any] = MADE["made"]
    listed = [was | now for was, now in zip(made["documents"], documents, strict=False)] or made["documents"]
    return MADE | {"id": id, "made": made | {"documents": listed} | told}


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (signed("2", level="B-B"), "r92"),
        (sample("signature_result.declined.json") | {"signature": MADE["signature"]}, "r92"),
        (sample("signature_result.expired.json") | {"signature": MADE["signature"]}, "r92"),
        (signed("2", {"verdict": None}) | {"signature": "S9"}, "r93"),
        (signed("2", {"code": "wrong_signature"}) | {"signature": "S9"}, "r93"),
        (signed("2", {}, {"size": 1}) | {"signature": "S9"}, "r93"),
        (signed("2", {}, {"code": None}) | {"signature": "S9"}, "r93"),
        (signed("2", documents=[]) | {"signature": "S9"}, "r93"),
        (signed("2", documents=MADE["made"]["documents"][1:]) | {"signature": "S9"}, "r93"),
        ({**MADE, "id": "2", "expired": {"expired_at": "2026-07-20T14:50:00+07:00"}}, None),
    ],
    ids=["level", "declined", "expired", "vague", "both", "half", "unexplained", "none", "failed", "two"],
)
def test_what_was_signed_stays_signed(caller, protocol, value, rule):
    """After `made` nothing else is taken of a signature; what is signed says all of itself; two at once are none."""
    caller.rest("ReceiveSignatureResult", MADE)

    answer = getattr(caller, protocol)("ReceiveSignatureResult", value)

    assert ("contradicted" if rule else "invalid") == problem(answer)["code"]
    assert [rule or {"soap": "r20", "rest": "r88"}[protocol]] == caller.broken()
    assert 1 == len(caller.mock.effects)


def test_what_was_made_is_stored_once(caller):
    """The same under another id is taken and stored once; `made` after `expired` is taken (r90, r92)."""
    expired = sample("signature_result.expired.json") | {"signature": MADE["signature"]}

    answers = [caller.rest("ReceiveSignatureResult", told) for told in (expired, MADE, MADE | {"id": "another"})]

    assert [201] * 3 == [each.status for each in answers]
    assert ["expired", "made"] == [row.entry["state"] for row in caller.mock.effects]


def test_a_dossier_filed_under_two_ids(caller):
    """The same dossier under a new id gets the number it has, and no second place in the books (r49)."""
    first = acknowledged(caller.soap("ReceiveDossier", FILED))

    second = acknowledged(caller.soap("ReceiveDossier", FILED | {"id": "another"}))

    assert (first["number"], "another") == (second["number"], second["id"])
    assert 1 == len(caller.mock.effects)


def test_numbers_are_one_each(caller):
    """Two dossiers get two numbers."""
    first = acknowledged(caller.soap("ReceiveDossier", FILED))
    second = acknowledged(caller.soap("ReceiveDossier", FILED | {"id": "b", "national_number": "G17.99-260702-000124"}))

    assert first["number"] != second["number"]


# The document and its headers.


@pytest.mark.parametrize(
    ("headers", "rule", "code"),
    [
        ({"soapaction": f"{NAMESPACE}:ReceiveOutcome"}, "r4", "wrong_action"),
        ({"soapaction": f'"{NAMESPACE}:ReceiveDossier"'}, "r4", "wrong_action"),
        ({"soapaction": '""'}, "r4", "wrong_action"),
        ({"content_type": "application/soap+xml; charset=utf-8"}, "r3", "media_type"),
        ({"content_type": "text/xml; charset=utf-16"}, "r5", "media_type"),
        ({"content_type": 'multipart/related; type="application/xop+xml"'}, "r3", "media_type"),
        ({"content_encoding": "gzip"}, "r5", "media_type"),
    ],
)
def test_headers(caller, headers, rule, code):
    """HTTP headers of another version, action, encoding or packing are refused."""
    answer = caller.post(caller.signed(caller.envelope("ReceiveOutcome", OUTCOME)), **headers)

    assert (500, code, [rule]) == (answer.status, problem(answer)["code"], caller.broken())


def test_action_of_soap_12(caller):
    """SOAP 1.2 has its action in the content type; without it the call is refused."""
    sent = caller.signed(caller.envelope("ReceiveOutcome", OUTCOME, soap=SOAP_12))

    answer = caller.post(sent, soap=SOAP_12, content_type="application/soap+xml; charset=utf-8")

    assert (400, "wrong_action", ["r4"]) == (answer.status, problem(answer)["code"], caller.broken())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(b"<soap:Envelope", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><soap:Envelope', 1),
        lambda text: text.replace(b"<soap:Envelope", b"<?pi x?><soap:Envelope", 1).replace(
            b"<lt:id>", b"<?a b?><lt:id>"
        ),
        lambda text: text.decode().encode("utf-16"),
        lambda text: text + b"<more/>",
        lambda text: text[:-20],
        lambda text: b"",
        lambda text: b"<a>" * 80 + b"</a>" * 80,
        lambda text: b"<a>" + b"x" * (10 * 1024 * 1024) + b"</a>",
    ],
    ids=["doctype", "instruction", "utf16", "two_roots", "half", "empty", "deep", "large"],
)
def test_no_document(caller, spoil):
    """What is no plain XML document is refused before anything in it is believed (r7)."""
    answer = caller.post(spoil(caller.signed(caller.envelope("ReceiveOutcome", OUTCOME))))

    assert ("malformed_xml", ["r7"]) == (problem(answer)["code"], caller.broken())
    assert [] == caller.effects()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: root.append(etree.fromstring(etree.tostring(root[-1]))),
        lambda root: root[-1].append(etree.Element(f"{LT}ReceiveOutcome")),
        lambda root: root[-1].clear(),
        lambda root: setattr(root[-1][0], "tag", f"{LT}RecordEvent"),
        lambda root: setattr(root[-1][0], "tag", "{urn:other}ReceiveOutcome"),
        lambda root: setattr(root, "tag", "{urn:other}Envelope"),
    ],
    ids=["second_body", "two_operations", "empty_body", "our_door", "namespace", "no_envelope"],
)
def test_no_operation(caller, spoil):
    """One Body with one element of this service; all else is refused (r6)."""
    root = caller.envelope("ReceiveOutcome", OUTCOME)
    spoil(root)

    answer = caller.post(etree.tostring(root))

    assert ("unknown_operation", ["r6"]) == (problem(answer)["code"], caller.broken())


def test_must_understand(caller):
    """A header that must be understood, and is not, has the fault code of the standard (r8)."""
    root = caller.envelope("ReceiveOutcome", OUTCOME)
    strange = etree.SubElement(root[0], "{urn:other}Transaction")
    strange.set(f"{{{SOAP_11}}}mustUnderstand", "1")

    answer = caller.post(caller.signed(root))

    assert "soap:MustUnderstand" == body_of(answer).findtext("faultcode")
    assert ["r8"] == caller.broken()


def test_content_is_judged(caller):
    """A message that breaks the XSD is refused with each place and its rule; a name that is not in NFC too."""
    bad = caller.soap("ReceiveOutcome", OUTCOME | {"state": "done"})
    decomposed = caller.soap("ReceiveDossier", FILED | {"unit": "000.o\u031b\u0309"})

    assert [{"field": "/state", "rule": "enum"}] == problem(bad)["errors"]
    assert [{"field": "/unit", "rule": "format"}] == problem(decomposed)["errors"]
    assert [] == caller.effects()


# Around it.


def test_addresses(caller):
    """Another path is not here (r1); another method is not taken (r2)."""
    nowhere = caller.mock(Request(path="/one_stop/rest/others"))
    got = caller.mock(Request(method="GET", path="/one_stop/rest/outcomes"))

    assert (404, 415) == (nowhere.status, got.status)


def test_keys_are_handed_out(caller):
    """A demo gets the authority, the certificate and the caller's key from the mock (r120)."""
    shown = [
        caller.mock(Request(method="GET", path=f"/one_stop/pki/{name}"))
        for name in ("authority.pem", "one-stop.pem", "caller.pem", "none.pem")
    ]

    assert caller.pki.authority_pem == shown[0].body
    assert caller.pki.one_stop.certificate_pem == shown[1].body
    assert b"PRIVATE KEY" in shown[2].body
    assert 404 == shown[3].status


def test_reset(caller):
    """After a reset nothing was ever sent: the same bytes are taken again."""
    sent = caller.signed(caller.envelope("ReceiveDossier", FILED))
    caller.post(sent, operation="ReceiveDossier")

    caller.mock.reset()

    assert [] == caller.effects()
    assert FILED["id"] == acknowledged(caller.post(sent, operation="ReceiveDossier"))["id"]


# Tests of the tests: a mock that is wrong is found out.


class Twice(Books):
    """A mutant: a repeat is stored again."""

    def take(self, *given) -> Taken:
        self._messages.clear()
        return super().take(*given)


class Deaf(Books):
    """A mutant: an id stands for any content."""

    def take(self, operation, message, at) -> Taken:
        known = self.known(message["id"])
        return Taken(answer=known.answer, effects=0) if known else super().take(operation, message, at)


class Polite(Books):
    """A mutant: says yes and keeps nothing."""

    def _write(self, *given) -> None:
        pass


def books_hold(caller: Caller) -> bool:
    """Whether a message, its repeat and its contradiction leave one effect, and get a yes, a yes and a no."""
    answers = [caller.rest("ReceiveOutcome", OUTCOME | {"state": state}) for state in ("held", "held", "refused")]
    return (1, [201, 201, 422]) == (len(caller.mock.effects), [each.status for each in answers])


@pytest.mark.parametrize("books", [Twice, Deaf, Polite])
def test_mutants_are_noticed(caller, books):
    """Books that store twice, hear no difference or keep nothing are found out; honest books pass."""
    assert books_hold(caller)
    caller.mock.reset()
    caller.mock.books = books(caller.mock.effects, "000.00.14.H99")

    assert not books_hold(caller)
