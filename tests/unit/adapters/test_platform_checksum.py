"""The platform's checksums: the contract's vectors, text as it came, twelve hours and twenty-four."""

from __future__ import annotations

import json
import unicodedata

import pytest

from adapters.partners.gateways.stamps import stamp_of, time_of
from adapters.partners.payment_platform import checksum as ours
from contracts.payment_platform import checksums as theirs
from tests.gateway_kit import MADE_AT, vectors
from tests.platform_kit import VECTOR_SECRET, sample

ORDERS = {"INIT": ours.INIT, "CONFIRM": ours.CONFIRM, "QUERY": ours.QUERY, "GET_BILL": ours.QUERY}
HASHED = {name: vector for name, vector in vectors("payment_platform").items() if name.startswith("pp-")}


def values_of(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    *values, _ = text.split("|")
    order = ORDERS[values[0]]
    return order, dict(zip(order, values, strict=True))


@pytest.mark.parametrize("name", HASHED)
def test_vectors(name):
    """Every vector of the contract, by our code and by the mock's: two codes, one result."""
    order, values = values_of(HASHED[name]["input"])

    assert HASHED[name]["expected"] == ours.checksum(values, order, VECTOR_SECRET)
    assert HASHED[name]["expected"] == theirs.checksum(values, order, VECTOR_SECRET.decode())


@pytest.mark.parametrize(
    ("file", "order"), [("init.json", ours.INIT), ("confirm.json", ours.CONFIRM), ("query.json", ours.QUERY)]
)
def test_samples_are_signed(file, order):
    """The contract's sample messages carry the checksum of their vector."""
    message = sample(file)
    values = {name: str(message[name]) for name in order}

    assert message["MaXacThuc"] == ours.checksum(values, order, VECTOR_SECRET)


def test_composed_and_decomposed_texts_differ():
    """Hashed is what came: the two forms of one Vietnamese text have two checksums, and neither is made the other."""
    composed, decomposed = HASHED["pp-confirm-nfc"], HASHED["pp-confirm-nfd"]

    assert composed["input"] == unicodedata.normalize("NFC", decomposed["input"])
    assert composed["expected"] != decomposed["expected"]


def test_afternoon_is_not_night():
    """14:30:05 is written with 24 hours: the 12-hour form is another instant and another checksum."""
    assert "20260703143005" == stamp_of(MADE_AT)
    assert HASHED["pp-query"]["expected"] != HASHED["pp-query-12h-trap"]["expected"]
    assert MADE_AT == time_of(stamp_of(MADE_AT))


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "2026070314300",
        "202607031430051",
        "20261303143005",
        "2026 7 3143005",
        "00010101000000",
        "19991231235959",
        "21010101000000",
        "99991231235959",
        None,
        1,
    ],
)
def test_a_time_that_is_none(stamp):
    """What is no time is no time, and no reason to refuse what it stands in."""
    assert None is time_of(stamp)


def test_empty_values_keep_their_separators():
    """An empty value moves none of its neighbours."""
    order, values = values_of(HASHED["pp-query"]["input"])
    moved = values | {"MaThamChieu": "", "ThoiGianGD": values["MaThamChieu"]}

    assert ours.checksum(values | {"ThoiGianGD": ""}, order, b"s") != ours.checksum(moved, order, b"s")


def test_settlement_vectors():
    """The file of the contract: the trailer hashes every byte before it, line ends included."""
    from contracts.gateway_orders import Booking, Order
    from contracts.gateway_settlement import file_of

    orders = []
    for reference, transaction, bank, stamp in (
        ("TT260115000000000701", "GD260115000123", "VCB", "20260115143212"),
        ("TT260115000000000901", "GD260115000131", "BIDV", "20260115160501"),
    ):
        at = time_of(stamp)
        assert at is not None
        order = Order(reference=reference, amount=30_000, currency="VND", description="", created_at=at)
        order.bookings.append(Booking(transaction=transaction, amount=30_000, currency="VND", bank=bank, at=at))
        orders.append(order)

    name, content = file_of(orders, merchant="TINHDEMO", day="20260115")

    assert "TINHDEMO_20260115_DS_01.txt" == name
    assert vectors("payment_platform")["recon-body-sha256"]["expected"] in content.decode()
    import base64

    assert vectors("payment_platform")["recon-file-base64"]["expected"] == base64.b64encode(content).decode()
    assert json.dumps(content.decode()).count("\\r\\n") == 4
