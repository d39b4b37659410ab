"""CSC and the SOAP service end to end: a real ledger, worker, asker, finisher; a person types a code, or agrees."""

from __future__ import annotations

import pytest

from bus.ports import no_crash
from contracts.csc.books import OTP, PIN
from contracts.mock_faults import FaultOrder
from tests.services_kit import Crashed, crash_at
from tests.signing_town import AGENCY, SigningTown, signing_town

SIGN_HASH = "signatures/signHash"


def give(town: SigningTown, code: str, name: str = "S1") -> None:
    """An operator types what the signer read to him."""
    number = town.rows("SELECT id FROM signatures WHERE name = ?", name)[0][0]
    book = town.here.ledger.signatures
    said = {"account": "ls-h99", "reason": "the signer's code"}
    town.here.ledger.engine.write(lambda tx: book.give_one_time(tx, number, one_time=code, **said))


def wanted(town: SigningTown, name: str = "S1", **asked: object) -> None:
    """A signature at the CSC service that waits for a code."""
    town.ask_for(name, service="csc", **asked)  # type: ignore[arg-type]
    town.carry()
    assert ("waiting_user", "otp_wanted") == (town.state(name), town.code(name)), town.trouble(name)


def test_code_typed_in_the_console_signs_once(tmp_path):
    """The signature waits with `otp_wanted`, wherever its questions come by; a wrong code is asked for again; the right
    one makes both documents with one use of the key each, and is nowhere in the ledger's file."""
    with signing_town(tmp_path) as town:
        wanted(town, count=2)
        town.ask()
        asked = town.services["csc"].people.of("099000000002")[0].otps_sent  # type: ignore[attr-defined]
        give(town, "000000")
        town.ask()
        wrong = (town.state(), town.code())
        give(town, OTP)
        town.ask()
        town.finish()
        kept = town.rows("SELECT count(*) FROM signatures WHERE one_time IS NOT NULL")

        assert ("waiting_user", "otp_wrong") == wrong
        digests = [each.digest for one in town.services["csc"].transactions for each in one.documents]

        assert "made" == town.state(), town.trouble()
        assert [("passed", "B-LT", "")] * 2 == town.documents()
        assert (1, 2, 1) == (town.prompts("csc"), town.signs("csc"), asked)
        assert digests == [row[0] for row in town.rows("SELECT digest FROM signature_documents ORDER BY n")]
        assert [(0,)] == kept
        assert "delivered" == town.delivery()


def test_three_wrong_codes_end_it(tmp_path):
    """Asked for twice more, then declined as `otp_locked`; no key was used."""
    with signing_town(tmp_path) as town:
        town.services["csc"].switches.turn({"otp_tries": 9})
        wanted(town)
        for _ in range(3):
            give(town, "000000")
            town.ask()

        assert ("failed", "otp_locked") == (town.state(), town.code())
        assert 0 == town.signs("csc")


@pytest.mark.parametrize("place", ["csc.sign.before", "csc.sign.after"])
def test_p15_a_process_that_dies_with_the_code_in_hand_signs_at_most_once(tmp_path, place):
    """Nothing at the service names our request: after the crash its state is unknown, no question sends anything, and
    the code of another person's hand is not asked for by itself."""
    struck = {"at": no_crash}
    with signing_town(tmp_path, crash_point=lambda name: struck["at"](name)) as town:
        wanted(town)
        give(town, OTP)
        struck["at"] = crash_at(place)
        with pytest.raises(Crashed):
            town.ask()
        struck["at"] = no_crash
        left = town.state()
        for _ in range(3):
            town.ask()
        calls = sum(visit.operation == SIGN_HASH for visit in town.services["csc"].log.page())

        assert ("unknown", "unknown") == (left, town.state()), town.trouble()
        assert town.signs("csc") <= 1
        assert calls <= 1


def test_p15_a_question_older_than_the_code_says_nothing(tmp_path):
    """One worker's question waits for its turn while another's has the code: the older answer does not have a person
    type a second one, and the key is used once."""
    with signing_town(tmp_path) as town:
        wanted(town)
        book, adapter = town.here.ledger.signatures, town.here.partners()["csc"].adapter
        number = town.rows("SELECT id FROM signatures")[0][0]
        before = book.load(number)
        give(town, OTP)
        after = book.load(number)
        assert before is not None
        assert after is not None
        book.answered(before, adapter.ask(before), worker="a", started_at=town.clock.now())
        stale = town.state()
        book.answered(after, adapter.ask(after), worker="b", started_at=town.clock.now())
        town.finish()

        assert ("unknown", "made", 1) == (stale, town.state(), town.signs("csc"))


def test_lost_reply_of_signing_is_a_persons(tmp_path):
    """Unknown, never sent again; a code that is given all the same sends nothing."""
    with signing_town(tmp_path) as town:
        wanted(town)
        town.services["csc"].faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=SIGN_HASH))
        give(town, OTP)
        town.ask()
        state = town.state()
        give(town, OTP)
        town.ask()

        assert ("unknown", "unknown") == (state, town.state())
        assert 1 == town.signs("csc")


def test_p15_value_over_something_else(tmp_path):
    """The service's own answer, over another digest than was sent: nothing is embedded, and the signature is over."""
    with signing_town(tmp_path) as town:
        town.services["csc"].switches.turn({"returns": "digest"})
        wanted(town)
        give(town, OTP)
        town.ask()
        town.finish()

        assert ("failed", "wrong_signature") == (town.state(), town.code()), town.trouble()
        assert [("answer", "waiting", "recorded"), ("answer", "signed", "wrong_value")] == town.heard()


def test_seal_of_an_agency_signs_by_its_pin(tmp_path):
    """Nobody types anything: the PIN stands in a secret file, and without it nothing is frozen or sent."""
    pin = tmp_path / "pin.secret"
    pin.write_text(PIN)
    pin.chmod(0o600)
    for folder, lines in ((tmp_path / "with", f'pin_file = "{pin}"\n'), (tmp_path / "without", "")):
        folder.mkdir()
        with signing_town(folder, csc=lines) as town:
            town.services["csc"].switches.turn({"otp": "none", "pin": True})
            town.ask_for(service="csc", user=AGENCY, role="agency")
            town.carry()
            town.finish()

            found = ("made", "") if lines else ("failed", "service_refused")
            assert found == (town.state(), town.code()), town.trouble()
            assert (1 if lines else 0) == town.signs("csc")


@pytest.mark.parametrize("fault", ["lose_reply_after_effect", "late_effect"])
def test_soap_service_end_to_end(tmp_path, fault):
    """Whatever becomes of the answer to Sign, one person is asked once, and two documents are made."""
    with signing_town(tmp_path, has_soap=True) as town:
        town.services["soap_signer"].faults.arm(FaultOrder(fault=fault, operation="Sign", delay=0.0))
        town.ask_for(service="soap_signer", count=2)
        town.carry()
        while town.state() == "unknown":
            town.ask()
            town.carry()
        town.approve(service="soap_signer")
        town.ask()
        town.finish()

        assert "made" == town.state(), town.trouble()
        assert (1, 2) == (town.prompts("soap_signer"), town.signs("soap_signer"))
        assert [("passed", "B-LT", "")] * 2 == town.documents()


def test_stamps_of_a_csc_service_where_no_authority_gives_one(tmp_path):
    """`tsa_partner`: asked after the authorities of the settings; what is made bears its stamp."""
    with signing_town(tmp_path, signing='tsa_partner = "csc"\n') as town:
        town.stamps.faults.arm(FaultOrder(fault="http_500", count=9))
        wanted(town)
        give(town, OTP)
        town.ask()
        town.finish()
        stamped = [
            visit.status for visit in town.services["csc"].log.page() if visit.operation == "signatures/timestamp"
        ]

        assert "made" == town.state(), town.trouble()
        assert [("passed", "B-LT", "")] == town.documents()
        assert [200] == stamped
