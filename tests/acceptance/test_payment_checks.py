"""`check` before the first payment: no account, nobody who is told, receipts that nobody writes; each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.beneficiaries import Beneficiaries, Proposal
from config.mocked_gateways import join
from tests.acceptance.desk import Place, place
from tests.builders import make_payment
from tests.payment_town import ACCOUNT

ROW = "unit,procedure,fee_kind,gateway,rank,receipts,valid_from,valid_to,source_kind\n,,,{},1,{},,,invented\n"
WHY = ("--partner", "payments", "--reason", "letter of 3 July")
TOLD = '\n[partners.one_stop]\nprotocol = "rest"\nurl = "http://127.0.0.1:9/rest"\nkeyid = "h99"\nallow_http = true\n' \
    'private_networks = ["127.0.0.0/8"]\nsecret_file = "one-stop.secret"\ntheir_keyid = "one-stop"\n' \
    'their_secret_file = "one-stop.secret"\ntakes_outcomes_of = ["one-stop/h99"]\n'  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capsys) as made:
        join(made.folder, made.mocks)
        yield made


def told(here: Place) -> dict[str, str]:
    """What `check` has against payments."""
    answers = here.type("check", "--json").told["answers"]
    wrong = {one["what"]: one["detail"] for one in answers if not one["is_well"]}
    return {what: detail for what, detail in wrong.items() if what in ("payments.accounts", "payments.told")}


def add(here: Place, text: str) -> None:
    file = here.folder / "lienthong.toml"
    file.write_text(file.read_text() + text)


def test_not_one_account(here: Place) -> None:
    """Fees that a real gateway takes want an account to go to; the mocks pay nobody, and begin without one."""
    with_mocks = told(here)
    (here.folder / "payment-platform-mock.secret").write_bytes(b"a secret that two sides agreed on")
    without = told(here)
    with here.open() as opened:
        book = Beneficiaries(opened.ledger)
        since = opened.ports.clock.now() - timedelta(days=1)
        wanted = Proposal(unit="", beneficiary=ACCOUNT, valid_from=since)
        number = opened.ledger.engine.write(lambda tx: book.propose(tx, wanted, account="lan", reason="letter"))
        opened.ledger.engine.write(lambda tx: book.approve(tx, number, account="minh"))

    assert "payments.accounts" not in with_mocks
    assert "enter it at the console (two people)" in without["payments.accounts"]
    assert "payments.accounts" not in told(here)


def test_nobody_is_told(here: Place) -> None:
    """A source that no one-stop system hears for is found: all at first, later those that asked for payments."""
    at_first = told(here)["payments.told"]
    add(here, TOLD)
    one_is_told = told(here)
    here.set(r"sources = \[", 'sources = ["one-stop/other", ')
    other_is_quiet = told(here)
    with here.open() as opened:
        opened.intake.accept(make_payment(source="one-stop/other"))

    assert "one-stop/h99" in at_first
    assert "takes_outcomes_of" in at_first
    assert ("payments.told" in one_is_told, "payments.told" in other_is_quiet) == (False, False)
    assert "payments of one-stop/other:" in told(here)["payments.told"]


@pytest.mark.parametrize(
    ("gateway", "by", "cure"),
    [
        ("vnpay", "gateway", "it has no message for them: say issuer or none there"),
        ("vnpay", "issuer", "payments.receipt_issuer names no partner"),
        ("payment_platform", "gateway", ""),
        ("vnpay", "none", ""),
    ],
)
def test_receipts_that_nobody_writes(here: Place, gateway: str, by: str, cure: str) -> None:
    """A row that promises receipts names somebody who writes them."""
    rows = here.write("gateways.csv", [ROW.format(gateway, by).strip().encode()])
    here.ask("tables", "import", str(rows), *WHY)
    answers = {one["what"]: one["detail"] for one in here.type("check", "--json").told["answers"]}

    assert (cure in answers["tables.payments"]) if cure else (answers["tables.payments"] == "")
