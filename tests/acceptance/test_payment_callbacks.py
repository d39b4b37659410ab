"""The door of callbacks over a real port and ledger: what is believed counts once, what is not changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from bus.crash_points import CALLED_BACK
from bus.errors import LedgerUnavailable
from config.wiring import real_ports
from contracts.mock_faults import FaultOrder
from contracts.payment_platform.mock import MERCHANT
from tests.payment_town import CONFIRM_PATH, Town, payment_town

SIGNED = ("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang",
          "ThoiGianGD", "ThongTinGiaoDich")  # fmt: skip
OTHER_AMOUNT, OTHER_ORDER = 1_000, "TT260703999999999901"
_numbers = count(1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One town for all: each test has a payment of its own."""
    with payment_town(tmp_path_factory.mktemp("town") / "h99") as made:
        made.opened("OPEN")
        yield made


@pytest.fixture
def name() -> str:
    """A payment of one's own."""
    return f"P{next(_numbers)}"


def is_unchanged(town: Town, before: dict[str, str], *but: str) -> bool:
    after = town.picture()
    return {table for table in before if before[table] != after[table]} <= set(but)


# -- what is believed -------------------------------------------------------------------------------------------------


def test_paid_once(town: Town, name: str) -> None:
    """A payment's way: asked for, opened, paid at the page, called back; the answer comes after the commit."""
    order, woken = town.opened(name), len(town.woken)
    told = town.pay(order)

    assert "paid" == town.state(name)
    assert [("00", order.reference)] == [(one["MaLoi"], one["MaThamChieu"]) for one in told]
    assert [] == town.tasks(name)
    assert [("paid", "recorded", "current")] == town.heard(name)
    assert woken + 1 == len(town.woken)


def test_told_eight_times_at_once(town: Town, name: str) -> None:
    """Eight calls at once of one success: each is answered yes, and one effect is in the books."""
    order = town.opened(name)
    told = town.pay(order, callbacks=8, concurrent=True)

    assert ["00"] * 8 == [one["MaLoi"] for one in told]
    assert ("paid", 1, []) == (town.state(name), town.settled(name), town.tasks(name))


def test_told_before_the_opening_was_answered(town: Town, name: str) -> None:
    """The call back overtakes the answer to the opening: the attempt was durable before, so it fits."""
    done = len(town.platform.calls.done)
    town.platform.switches.turn({"on_opening": "paid", "before_answer": True})
    town.opened(name)
    town.platform.switches.turn({"on_opening": ""})

    assert ("paid", 1, []) == (town.state(name), town.settled(name), town.tasks(name))
    assert "00" == json.loads(town.platform.calls.done[done].answer)["MaLoi"]


def test_failed_then_paid(town: Town, name: str) -> None:
    """A success after a failure is money that moved: paid."""
    told = town.pay(town.opened(name), earlier="failed")

    assert ["00", "00"] == [one["MaLoi"] for one in told]
    assert "paid" == town.state(name)


def test_failure_after_success(town: Town, name: str) -> None:
    """A failure after a success is acknowledged, changes nothing, and is a task for a person."""
    told = town.pay(town.opened(name), earlier="failed", reordered=True)

    assert ["00", "00"] == [one["MaLoi"] for one in told]
    assert ("paid", ["contradiction"]) == (town.state(name), town.tasks(name))


def test_second_transaction(town: Town, name: str) -> None:
    """A second transaction on one reference: the first counts, a person gives the second back."""
    order = town.opened(name)
    town.pay(order)
    told = town.pay(order, again=True)

    assert ["00"] == [one["MaLoi"] for one in told]
    assert (1, ["double_payment"]) == (town.settled(name), town.tasks(name))


def test_lost_call_back_is_asked_about(town: Town, name: str) -> None:
    """Paid, and nobody told us: asking finds it."""
    town.pay(town.opened(name), callbacks=0)
    ((attempt,),) = town.rows(
        "SELECT a.id FROM payment_attempts a JOIN payments p ON p.id = a.payment WHERE p.name = ?", name
    )
    book, now = town.here.ledger.payments, town.here.ports.clock.now()
    delivery = book.load(attempt)
    assert delivery is not None
    book.answered(delivery, town.here.partners()["payment_platform"].adapter.ask(delivery), worker="w", started_at=now)

    assert ("paid", 1) == (town.state(name), town.settled(name))


@pytest.mark.parametrize(
    ("fault", "state", "attempts"), [("lose_reply_after_effect", "pending", 1), ("lose_request", "open", 2)]
)
def test_lost_answer_to_the_opening(town: Town, name: str, fault: str, state: str, attempts: int) -> None:
    """The platform is asked before anything is opened again; what it has is never opened twice, what it has not is
    opened under a fresh reference."""
    before, asked = len(town.platform.orders), len(town.platform.log.page())
    town.platform.faults.arm(FaultOrder(fault=fault, count=1, operation="INIT"))
    town.ask_for(name)
    for _ in range(1_200):
        town.carry()
        if town.state(name) == state:
            break
        town.here.ports.clock.sleep(0.05)

    references = town.rows(
        "SELECT a.reference FROM payment_attempts a JOIN payments p ON p.id = a.payment WHERE p.name = ?", name
    )
    assert (state, attempts, before + 1) == (town.state(name), len(references), len(town.platform.orders))
    assert ["INIT", "QUERY"] == [visit.operation for visit in town.platform.log.page()[asked:]][:2]
    order = town.platform.orders.newest()
    assert order is not None
    assert (order.reference,) == references[-1]
    town.pay(order)
    assert ("paid", 1) == (town.state(name), town.settled(name))


def test_faults_of_call_backs(town: Town, name: str) -> None:
    """Armed at the opening of an order, a fault befalls its call back: told twice, tampered with, after another's."""
    twice, spoilt, late = (f"{name}-{kind}" for kind in ("twice", "spoilt", "late"))
    for fault, payment in (
        ("duplicate_callback", twice),
        ("tampered_callback", spoilt),
        ("reordered_callbacks", late),
    ):
        town.platform.faults.arm(FaultOrder(fault=fault, count=1, operation="INIT"))
        answers = [one["MaLoi"] for one in town.pay(town.opened(payment))]
        assert {twice: ["00", "00"], spoilt: ["99"], late: []}[payment] == answers
    assert ("paid", 1) == (town.state(twice), town.settled(twice))
    assert ("open", "open") == (town.state(spoilt), town.state(late))

    assert ["00", "00"] == [one["MaLoi"] for one in town.pay(town.opened(name))]
    assert ("paid", "paid") == (town.state(name), town.state(late))


def test_secrets_change(tmp_path: Path) -> None:
    """While the secret changes, calls under the old one are believed too, and which one it was is kept."""
    old = tmp_path / "old.secret"
    old.write_bytes(b"mock-the-secret-before-this-one")
    old.chmod(0o600)
    with payment_town(tmp_path / "h99", settings=f'previous_secret_files = ["{old}"]\n') as town:
        told = town.pay(town.opened(), resign=True, secret="mock-the-secret-before-this-one")

        assert ["00"] == [one["MaLoi"] for one in told]
        assert [("paid", "recorded", "previous-1")] == town.heard()


def test_numbers_name_the_gateway(town: Town, name: str) -> None:
    """Each partner of the settings has its own numbers, so that one gateway's forged calls can be alarmed on."""
    told = town.confirm_of(town.opened(name)) | {"MaXacThuc": "0" * 64}
    town.call(told)
    page = town.call(b"", path="/metrics", method="GET")[1].decode()

    assert 'lienthong_callbacks_total{partner="payment_platform",result="checksum"}' in page
    assert 'lienthong_waiting{partner="payment_platform"}' in page
    assert 'partner="other"' not in page


# -- what is not ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [*SIGNED, "MaXacThuc"])
def test_p14_each_signed_field_changed_alone(town: Town, field: str) -> None:
    """One signed field changed on the way: no, with HTTP 200; not a row changed; noted and alarmed."""
    order = next(iter(town.platform.orders))
    right, before = town.confirm_of(order), town.picture()
    last = str(right[field])[-1]
    other = right[field] + 1 if isinstance(right[field], int) else right[field][:-1] + ("0" if last != "0" else "1")

    status, told = town.call({**right, field: other})

    assert (200, "99") == (status, told["MaLoi"])
    assert is_unchanged(town, before)
    assert ("bad_signature", "checksum") == (town.refused()[-1][1], town.refused()[-1][2][0]["rule"])


@pytest.mark.parametrize(
    ("changed", "code", "rule", "is_heard"),
    [
        ({"MaThamChieu": OTHER_ORDER}, "not_found", "unknown_reference", True),
        ({"SoTien": OTHER_AMOUNT}, "contradicted", "wrong_amount", True),
        ({"MaTienTe": "USD"}, "contradicted", "wrong_currency", True),
        ({"MaDoiTac": "TINHKHAC"}, "forbidden_source", "merchant", False),
        ({"SoTien": 0}, "out_of_range", "amount_form", False),
        ({"SoTien": -75_000}, "out_of_range", "amount_form", False),
        ({"SoTien": "75000.0"}, "out_of_range", "amount_form", False),
        ({"SoTien": "bay muoi lam nghin"}, "out_of_range", "amount_form", False),
    ],
)
def test_p14_right_checksum_over_something_else(
    town: Town, name: str, changed: dict[str, object], code: str, rule: str, is_heard: bool
) -> None:
    """Rightly signed, but for another order, amount, merchant or currency: refused, nothing settled, alarmed."""
    order = town.opened(name)
    before = town.picture()
    status, told = town.call(town.confirm_of(order, **changed))

    assert (200, "99") == (status, told["MaLoi"])
    # What was heard is kept as evidence, and a person is asked; what is due and where it stands is untouched.
    assert is_unchanged(town, before, *(("payment_hearings", "payment_tasks", "moves") if is_heard else ()))
    assert "open" == town.state(name)
    assert (code, rule) == (town.refused()[-1][1], town.refused()[-1][2][0]["rule"])
    asked = [] if not is_heard or rule == "unknown_reference" else [rule]
    assert asked == town.tasks(name)


def test_p14_right_checksum_of_another_agency(tmp_path: Path) -> None:
    """Each order has the merchant it was opened under: another one of ours, rightly signed, changes nothing."""
    ours = 'merchants = { "H99.7" = "SO07" }\n'
    with payment_town(tmp_path / "h99", settings=ours, merchants=(MERCHANT, "SO07")) as town:
        for name, unit, right, wrong in (("P1", "H99.7", "SO07", MERCHANT), ("P2", "H99.8", MERCHANT, "SO07")):
            order = town.opened(name, unit=unit)
            before = town.picture()
            refused = town.call(town.confirm_of(order, MaDoiTac=wrong))

            assert ((200, "99"), right) == ((refused[0], refused[1]["MaLoi"]), order.asked_with["MaDoiTac"])
            assert is_unchanged(town, before)
            assert ("forbidden_source", "merchant") == (town.refused()[-1][1], town.refused()[-1][2][0]["rule"])
            assert "00" == town.call(town.confirm_of(order))[1]["MaLoi"]
            assert "paid" == town.state(name)


def test_p14_order_of_another_payment(town: Town, name: str) -> None:
    """A right call for one order cannot be turned into one for another: each reference has its own checksum."""
    one, other = town.opened(name), town.opened(f"{name}-2")
    before = town.picture()
    told = town.call({**town.confirm_of(one), "MaThamChieu": other.reference})[1]

    assert "99" == told["MaLoi"]
    assert is_unchanged(town, before)


def test_p14_replay(town: Town, name: str) -> None:
    """An old valid call, sent again byte for byte by anybody: yes, and no second effect."""
    message = town.confirm_of(town.opened(name))
    assert "00" == town.call(message)[1]["MaLoi"]
    before = town.picture()

    assert "00" == town.call(message)[1]["MaLoi"]
    assert is_unchanged(town, before, "payment_hearings", "moves")
    assert 1 == town.settled(name)


@pytest.mark.parametrize(
    ("body", "kind", "status", "rule"),
    [
        (b"{" + b" " * 70_000 + b"}", "application/json", 413, "too_large"),
        (b"MaLoi=00", "application/x-www-form-urlencoded", 415, "media_type"),
        (b"{}", "text/plain", 415, "media_type"),
        (b"{}", "application/json; charset=latin-1", 415, "media_type"),
        (b"{}", "application/json", 200, "missing_field"),
        (b"", "application/json", 200, "malformed_json"),
        (b"null", "application/json", 200, "not_an_object"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "application/json", 200, "too_deep"),
        (b'{"MaLoi":"00","MaLoi":"00"}', "application/json", 200, "duplicate_member"),
        (b"\xff\xfe{}", "application/json", 200, "not_utf8"),
    ],
)
def test_bodies_that_are_none(town: Town, body: bytes, kind: str, status: int, rule: str) -> None:
    """Too large, of another type, unreadable: answered in the platform's own form, nothing changed, and seen."""
    before = town.picture()
    found, told = town.call(body, kind=kind)

    assert (status, "99") == (found, told["MaLoi"])
    assert is_unchanged(town, before)
    assert (f"POST {CONFIRM_PATH}", rule) == (town.refused()[-1][0], town.refused()[-1][2][0]["rule"])


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_other_methods(town: Town, method: str) -> None:
    """Only POST is taken."""
    before = town.picture()

    assert 405 == town.call(b"", method=method)[0]
    assert is_unchanged(town, before)


def test_unknown_gateway(town: Town) -> None:
    """There is no address of a gateway that the settings do not name."""
    assert 404 == town.call({}, path="/callbacks/vtp/confirm")[0]
    assert 404 == town.call({}, path="/callbacks/payment_platform/other")[0]


def test_half_a_body(town: Town) -> None:
    """Who hangs up in the middle is not answered, and nothing was taken."""
    parts, before = urlsplit(town.url), town.picture()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as wire:
        head = (
            f"POST {CONFIRM_PATH} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
        )
        wire.sendall(head.encode() + b'{"MaLoi":"00",')

    assert 200 == town.call({})[0]
    assert is_unchanged(town, before)


def test_large_amounts_are_asked_about(tmp_path: Path) -> None:
    """Above the limit a success that is called back is answered, asked about at once, and counts by the answer."""
    with payment_town(tmp_path / "h99", settings="ask_above = 70000\n") as town:
        told = town.pay(town.opened())

        assert (["00"], "pending") == ([one["MaLoi"] for one in told], town.state())
        asker = town.here.asker("w")
        asker.run_once(town.here.ports.clock.now())
        assert ("paid", 1) == (town.state(), town.settled())


def test_other_addresses(tmp_path: Path) -> None:
    """Where the settings name its networks, a call from elsewhere is refused before it is read."""
    with payment_town(tmp_path / "h99", settings='callback_networks = ["203.0.113.0/24"]\n') as town:
        order = town.opened()
        before = town.picture()
        status, told = town.call(town.confirm_of(order))

        assert (403, "99") == (status, told["MaLoi"])
        assert is_unchanged(town, before)
        assert "forbidden_source" == town.refused()[-1][1]


def test_too_many_calls(tmp_path: Path) -> None:
    """Past the agreed rate: 429 in the platform's form, and it may come again."""
    with payment_town(tmp_path / "h99", settings="callback_rate = 0.01\n") as town:
        order = town.opened()
        message = town.confirm_of(order)

        assert [200, 429] == [town.call(message)[0] for _ in range(2)]


def test_forged_calls_starve_nobody(tmp_path: Path) -> None:
    """Behind a proxy: who forges calls uses up the rate of his own address; the gateway's call is taken."""
    proxied = 'proxy_networks = ["127.0.0.1/32"]\n'
    with payment_town(tmp_path / "h99", settings="callback_rate = 0.01\n", payments=proxied) as town:
        message = town.confirm_of(town.opened())
        forged = {**message, "MaXacThuc": "0" * 64}
        enemy = {"X-Forwarded-For": "203.0.113.7, 198.51.100.9"}

        assert [200, 429, 429] == [town.call(forged, **enemy)[0] for _ in range(3)]
        assert (200, "00") == (lambda told: (told[0], told[1]["MaLoi"]))(
            town.call(message, **{"X-Forwarded-For": "203.0.113.7"})
        )
        assert "paid" == town.state()


def test_networks_behind_a_proxy(tmp_path: Path) -> None:
    """Where the settings name the proxy, its word says who calls: the gateway is let in, others are not."""
    settings = 'callback_networks = ["203.0.113.0/24"]\n'
    with payment_town(tmp_path / "h99", settings=settings, payments='proxy_networks = ["127.0.0.1/32"]\n') as town:
        message = town.confirm_of(town.opened())
        lied = town.call(message, **{"X-Forwarded-For": "203.0.113.7, 198.51.100.9"})
        silent = town.call(message)

        assert ([403, 403], "open") == ([lied[0], silent[0]], town.state())
        assert (200, "00") == (lambda told: (told[0], told[1]["MaLoi"]))(
            town.call(message, **{"X-Forwarded-For": "203.0.113.7"})
        )
        heard = town.rows("SELECT address FROM payment_hearings ORDER BY id DESC LIMIT 1")
        assert [("203.0.113.7",)] == [tuple(row) for row in heard]


def test_ledger_is_away(town: Town, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger cannot be written: 99 with HTTP 503 and a time to come again; then the same call is taken."""
    message = town.confirm_of(town.opened(name))

    def away(told: object) -> None:
        raise LedgerUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(town.here.ledger.payments, "hear", away)
        status, told = town.call(message)
        assert (503, "99") == (status, told["MaLoi"])
    status, told = town.call(message)
    assert (200, "00") == (status, told["MaLoi"])
    assert "paid" == town.state(name)


class Stopped(Exception):
    """The program ends here."""


POINTS = (
    *CALLED_BACK, "hear.before", "hear.after_attempt", "pay.after_news", "hear.after_follow_ups", "hear.after",
    "writer.before_commit", "writer.after_commit",
)  # fmt: skip


def test_stopped_at_each_step(tmp_path: Path) -> None:
    """Wherever the door stops over a call back, nothing is half done: repeated, it is taken, and counts once."""
    at: list[str] = []

    def stop(name: str) -> None:
        if at and at[0] == name:
            raise Stopped(at.pop())

    ports = replace(real_ports(), crash_point=stop)
    with capture_logs(), payment_town(tmp_path / "h99", ports=ports) as town:  # each traceback takes long to write
        for n, point in enumerate(POINTS):
            order = town.opened(f"S{n}")
            message = town.confirm_of(order, MaGiaoDich=f"GD{n}")
            before = town.state(f"S{n}")
            at.append(point)
            status, _ = town.call(message)
            assert (point, []) == (point, at), "the point was reached"
            assert 500 <= status, point
            assert town.state(f"S{n}") in (before, "paid"), point

            assert (200, "00") == (lambda told: (told[0], told[1]["MaLoi"]))(town.call(message)), point
            assert ("paid", 1, []) == (town.state(f"S{n}"), town.settled(f"S{n}"), town.tasks(f"S{n}")), point
