"""Receipts as the settings put them together: by the platform in a lane of its own, or by the agency's own issuer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.partners.receipt_issuer.wire import KINDS
from bus.receipts import RECEIPT
from config import checks, mocked_receipts, partner_receipts
from config.new_installation import make
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from contracts.mock_faults import FaultOrder
from contracts.receipt_issuer.mock import ReceiptIssuer
from contracts.receipt_issuer.places import PUBLISH
from contracts.serve import serve
from tests.acceptance.desk import SHORT
from tests.payment_town import Town, payment_town

OWN_LANE = "payment_platform-receipts"
ISSUER_ROWS = (
    "unit,procedure,fee_kind,gateway,rank,receipts,valid_from,valid_to,source_kind\n"
    ",,,payment_platform,1,issuer,,,invented\n"
)
FEES = [
    {"kind": "fee", "code": "P1", "name": "Phí thẩm định", "amount": 20_000},
    {"kind": "charge", "code": "L1", "name": "Lệ phí hộ tịch", "amount": 30_000},
]


def receipts(town: Town) -> list[tuple[Any, ...]]:
    return town.rows("SELECT kind, state, partner, media_type FROM payment_receipts ORDER BY id")


def receipted(town: Town) -> bool:
    return town.rows("SELECT receipted_at FROM payments WHERE name = 'P1'")[0][0] is not None


def document(town: Town) -> bytes:
    sql = "SELECT b.data_key, b.sealed FROM payment_receipts r JOIN bodies b ON b.id = r.body"
    key, sealed = town.rows(sql)[0]
    return town.here.ledger.bodies.open(key, sealed, RECEIPT)


# -- by the platform ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pdf", "json"])
def test_platforms_document_is_kept(tmp_path: Path, form: str) -> None:
    """A payment that was paid at the platform has its document: fetched in its own lane, sealed, and complete."""
    with payment_town(tmp_path, settings='bill_hosts = ["127.0.0.1"]\n') as town:
        town.platform.switches.turn({"bill": form})
        order = town.opened()
        town.pay(order, result="paid")
        before = receipted(town)
        town.carry(OWN_LANE)

        assert not before
        assert [("whole", "issued", OWN_LANE, "application/pdf")] == receipts(town)
        assert receipted(town)
        assert document(town).startswith(b"%PDF-")


def test_late_document_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A receipt that is not written yet waits a minute; the same dossier's next payment is opened meanwhile."""
    with payment_town(tmp_path) as town:
        town.platform.switches.turn({"bill": "none"})
        town.pay(town.opened(), result="paid")
        town.carry(OWN_LANE)
        town.ask_for("P2")
        town.carry()

        assert ("paid", "open") == (town.state("P1"), town.state("P2"))
        sql = "SELECT state, cause, reason FROM deliveries WHERE partner = ?"
        (found,) = town.rows(sql, OWN_LANE)
        assert ("waiting", "goes_again") == found[:2]
        assert found[2].startswith("not_yet")
        assert [] == receipts(town)


# -- by the agency's own issuer ----------------------------------------------------------------------------------------


@contextmanager
def issuer_town(folder: Path) -> Iterator[tuple[Town, ReceiptIssuer]]:
    """The same town, whose table says that the issuer writes receipts."""
    issuer = ReceiptIssuer()
    with serve(issuer) as url:
        mocked_receipts.write_secrets(folder)
        with payment_town(folder, more=mocked_receipts.table_for(url) + SHORT) as town:
            texts = [("payments.gateways", ISSUER_ROWS)]
            town.here.repairs.import_tables(texts, actor="person:lan", reason="the agency has its own receipts")
            yield town, issuer


def test_issuer_writes_one_of_each_kind(tmp_path: Path) -> None:
    """Where the table says so the agency's issuer writes a receipt for each kind, a lost answer on the way or not."""
    with issuer_town(tmp_path) as (town, issuer):
        issuer.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=PUBLISH, count=1))
        order = town.opened(amount=50_000, fees=FEES)
        town.pay(order, result="paid")
        wait_until(lambda: town.carry("receipt_issuer") or receipted(town))

        assert [("fee", "issued"), ("charge", "issued")] == [row[:2] for row in receipts(town)]
        assert [f"{prefix}{order.reference}" for prefix in KINDS.values()] == list(issuer.books.receipts)
        assert [] == [row for visit in issuer.log.page() for row in visit.broken]


def wait_until(is_done: Callable[[], bool]) -> None:
    """Patience for what is asked about a moment later."""
    for _ in range(200):
        if is_done():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


# -- settings ----------------------------------------------------------------------------------------------------------


def settings_with(folder: Path, **changes: str) -> Settings:
    """Settings with an issuer, some keys of it changed."""
    make(folder, for_mocks="http://127.0.0.1:9")
    mocked_receipts.join(folder, "http://127.0.0.1:9")
    file = folder / "lienthong.toml"
    text = file.read_text(encoding="utf-8")
    head, table, mine = text.partition("[partners.receipt_issuer]\n")
    for name, value in changes.items():
        mine = re.sub(rf"^{name} = .*", f'{name} = "{value}"', mine, flags=re.MULTILINE)
    file.write_text(head + table + mine, encoding="utf-8")
    return load(file, {}).settings


def test_settings_of_the_mock_are_well(tmp_path: Path) -> None:
    """What `init --for-mocks` writes is taken by `check`, and makes an adapter's settings that tell no password."""
    settings = settings_with(tmp_path)
    partner = settings.partners.receipt_issuer
    assert partner is not None

    made = partner_receipts.read("receipt_issuer", partner)

    assert frozenset({"127.0.0.1:9"}) == made.http.hosts
    assert "mock-" not in repr(made)
    assert all(each.is_well for each in checks.offline(settings) if each.what == "partners.receipt_issuer")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ac_pass_file": "nowhere"}, "ac_pass_file"),
        ({"url": "https://receipts.example.invalid"}, "secret of the mocks"),
        ({"url": "https://a:b@127.0.0.1"}, "user:password"),
        ({"url": "http://127.0.0.1:9/a?b=1"}, "no query"),
        ({"serial": ""}, "both or none"),
    ],
)
def test_mistakes_of_settings_are_named(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    """Each mistake is told with its key by `check`, and stops the start."""
    settings = settings_with(tmp_path, **changes)
    partner = settings.partners.receipt_issuer
    assert partner is not None

    with pytest.raises(SettingsRefused, match=why):
        partner_receipts.read("receipt_issuer", partner)
    assert [False] == [each.is_well for each in checks.offline(settings) if each.what == "partners.receipt_issuer"]
