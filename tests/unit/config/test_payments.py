"""Which gateway takes a payment: the row that says most, one gateway for all its fees, a wish where a row allows it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.partners.national_portal.tables import Tables, TablesRefused
from bus.errors import LedgerUnavailable
from bus.payments import GatewayChoice
from config.partner_tables import PAYMENTS, schemas, shipped
from config.payments import GatewayTable, choose, holes, policy_of, rows_on, taker_of
from config.settings import OneStopKeys, PartnerSettings, Settings

HEAD = "unit,procedure,fee_kind,gateway,rank,receipts,valid_from,valid_to,source_kind\n"
ROWS = """,,,payment_platform,1,gateway,,,province
,,,keypay,2,issuer,,,province
000.00.09.H99,,,vnpay,1,none,,,province
000.00.09.H99,1.013225,,keypay,1,issuer,,,province
000.00.09.H99,1.013225,charge,payment_platform,1,gateway,,,province
000.00.10.H99,,fee,keypay,1,issuer,,,province
"""
ALL = frozenset({"payment_platform", "keypay", "vnpay"})
DAY = date(2026, 7, 3)
NOON = datetime(2026, 7, 3, 5, tzinfo=UTC)


def tables(rows: str = ROWS) -> Tables:
    return Tables.from_texts(schemas(PAYMENTS), {"gateways": HEAD + rows})


@pytest.mark.parametrize(
    ("unit", "procedure", "kinds", "wish", "gateway"),
    [
        ("000.00.01.H99", "9", ("fee",), None, "payment_platform"),
        (None, None, (), None, "payment_platform"),
        ("000.00.01.H99", "9", ("fee",), "keypay", "keypay"),
        ("000.00.01.H99", "9", ("fee",), "vnpay", None),
        ("000.00.09.H99", "9", ("fee", "charge"), None, "vnpay"),
        ("000.00.09.H99", "1.013225", ("fee",), None, "keypay"),
        ("000.00.09.H99", "1.013225", ("charge",), None, "payment_platform"),
        # two kinds that go to two gateways: one payment cannot
        ("000.00.09.H99", "1.013225", ("fee", "charge"), None, None),
        ("000.00.09.H99", "1.013225", ("fee", "charge"), "keypay", "keypay"),
        ("000.00.10.H99", "9", ("charge",), None, "payment_platform"),
        ("000.00.10.H99", "9", ("fee", "charge"), None, None),
    ],
)
def test_row_that_says_most(unit, procedure, kinds, wish, gateway):
    """The longest unit, then the procedure, then the kind of fee, then the lower rank."""
    row = choose(rows_on(tables(), DAY), unit, procedure, kinds, wish, ALL)

    assert gateway == (None if row is None else row["gateway"])


@pytest.mark.parametrize(
    ("unit", "rank"),
    [
        ("H99.1", "2"),
        ("H99.1.2", "2"),
        ("H99.10.2", "1"),
        ("000.00.20.H99", "4"),
        ("000.07.20.H99", "4"),
        ("000.08.20.H99", "5"),
        ("000.00.21.H99", "3"),
        (None, "6"),
    ],
)
def test_row_of_a_unit_is_for_those_below_it(unit, rank):
    """A row's unit covers by whole parts, in both forms of codes, as in rights and accounts; the narrowest decides."""
    units = ("H99", "H99.1", "000.00.00.H99", "000.00.20.H99", "000.08.20.H99", "")
    rows = "".join(f"{one},,,keypay,{number},none,,,province\n" for number, one in enumerate(units, 1))
    row = choose(rows_on(tables(rows), DAY), unit, None, ("fee",), None, ALL)

    assert row is not None
    assert rank == row["rank"]


def test_gateways_that_are_not_there():
    """A row for a gateway that the settings do not name sends nobody anywhere."""
    row = choose(rows_on(tables(), DAY), "000.00.09.H99", "9", ("fee",), None, {"payment_platform"})

    assert row is not None
    assert "payment_platform" == row["gateway"]
    assert choose(rows_on(tables(), DAY), "000.00.09.H99", "9", ("fee",), None, ()) is None


def test_rows_have_their_days():
    """A row holds from its first day to its last, both included; two of one key never on one day."""
    dated = tables(",,,keypay,1,none,2026-07-01,2026-07-03,province\n,,,vnpay,1,none,2026-07-04,,province\n")

    assert [["keypay"], ["vnpay"], []] == [
        [row["gateway"] for row in rows_on(dated, day)] for day in (DAY, DAY + timedelta(days=1), date(2026, 6, 30))
    ]
    with pytest.raises(TablesRefused, match="overlap"):
        tables(",,,keypay,1,none,,,province\n,,,keypay,1,issuer,2026-07-01,,province\n")


class Reads:
    """The ledger's tables, as they stand; and a ledger that cannot be read."""

    def __init__(self) -> None:
        self.text, self.version, self.is_away, self.asked = HEAD + ROWS, 1, False, 0

    def tables_version(self) -> int:
        self.asked += 1
        if self.is_away:
            raise LedgerUnavailable
        return self.version

    def table(self, name: str) -> str | None:
        return self.text if name == "payments.gateways" else None


def bound(reads: Reads, tick, *partners: str, issuer: str = "receipt_issuer") -> GatewayTable:
    names = partners or (*ALL, "receipt_issuer", "payment_platform-receipts")
    table = GatewayTable(dict.fromkeys(names, PartnerSettings()), issuer, tick=tick)
    table.bind(reads)  # type: ignore[arg-type]
    return table


def test_who_writes_the_receipt():
    """The gateway in a lane of its own, an issuer, or nobody."""
    table = bound(Reads(), lambda: 0.0)

    assert GatewayChoice(partner="payment_platform", receipts="gateway", issuer="payment_platform-receipts") == table(
        "x", "9", ("fee",), NOON, None
    )
    assert GatewayChoice(partner="keypay", receipts="issuer", issuer="receipt_issuer") == table(
        "x", "9", ("fee",), NOON, "keypay"
    )
    assert GatewayChoice(partner="vnpay") == table("000.00.09.H99", "9", ("fee",), NOON, None)
    promised = GatewayChoice(partner="keypay", receipts="issuer")
    assert promised == bound(Reads(), lambda: 0.0, *ALL)("x", "9", (), NOON, "keypay"), "a person is asked later"
    assert bound(Reads(), lambda: 0.0)("x", "9", (), NOON, "momo") is None


def test_import_is_in_use_within_a_second():
    """The table is looked at again after a second; while the ledger is away, the one at hand serves."""
    now, reads = [0.0], Reads()
    table = bound(reads, lambda: now[0])
    assert table("x", "9", (), NOON, None) is not None
    reads.text, reads.version = HEAD + ",,,vnpay,1,none,,,province\n", 2

    assert "payment_platform" == getattr(table("x", "9", (), NOON, None), "partner", None)
    now[0] = 1.5
    reads.is_away = True
    assert "payment_platform" == getattr(table("x", "9", (), NOON, None), "partner", None)
    now[0], reads.is_away = 3.0, False
    assert "vnpay" == getattr(table("x", "9", (), NOON, None), "partner", None)
    now[0] = 5.0
    assert "vnpay" == getattr(table("x", "9", (), NOON, None), "partner", None)


def test_before_it_is_bound():
    """Nobody is chosen before the ledger is open, or where it never could be read."""
    away = Reads()
    away.is_away = True

    assert GatewayTable({}, "")("x", "9", (), NOON, None) is None
    assert bound(away, lambda: 0.0)("x", "9", (), NOON, None) is None


def test_holes():
    """Units and kinds of fees that no gateway takes, and rows that name what is not there, are all told."""
    found = tables("000.00.09.H99,,fee,keypay,1,issuer,,,province\n,,charge,vnpay,1,none,,,province\n")
    told = list(holes(found, ["000.00.01.H99", "000.00.09.H99"], {"keypay"}, DAY, ""))

    assert [
        "gateways.csv lets an issuer write receipts (keypay), and payments.receipt_issuer names no partner",
        "gateways.csv names vnpay, and there is no [partners.vnpay]",
        "gateways.csv has no gateway for 000.00.01.H99: fee, charge",
        "gateways.csv has no gateway for 000.00.09.H99: charge",
    ] == told
    lanes = ("payment_platform-receipts",)
    assert [] == list(holes(tables(), ["000.00.01.H99"], ALL, DAY, "receipt_issuer", lanes))
    assert ["gateways.csv lets vnpay write receipts, and it has no message for them: say issuer or none there"] == list(
        holes(tables(",,,vnpay,1,gateway,,,province\n"), ["x"], ALL, DAY, "", lanes)
    )
    assert [] == list(holes(found, ["x"], (), DAY, "")), "an installation without gateways takes no payments"


def test_shipped_table():
    """What is shipped can be read, and sends every fee to the national platform."""
    found = Tables.from_texts(schemas(PAYMENTS), shipped(PAYMENTS))

    assert [] == list(holes(found, ["000.00.09.H99"], {"payment_platform"}, DAY, "", ("payment_platform-receipts",)))


def test_who_is_told():
    """A source's payments are told to the one-stop system that takes its outcomes."""
    one = OneStopKeys(
        url="http://127.0.0.1", protocol="rest", keyid="k", secret_file="s", their_keyid="t", their_secret_file="u",
        takes_outcomes_of=("one-stop/h99",),
    )  # fmt: skip
    taker = taker_of({"one_stop": one, "national_portal": PartnerSettings()})
    policy = policy_of(Settings(), GatewayTable({}, ""))

    assert ("one_stop", None) == (taker("one-stop/h99"), taker("other"))
    assert (None, timedelta(hours=24), 0) == (policy.portal, policy.window, policy.refund_approval_above)
