"""The portal asks what is due: one asker, proven, so often; personal data for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.checks import offline
from tests.builders import DOSSIER
from tests.payment_town import Town, payment_town

PATH = "/callbacks/payment_platform/lookup"
KEY = "a key that only the portal has"
TABLE = """
[payments.lookup]
enabled = true
networks = ["127.0.0.1/32"]
rate = 1000.0
"""


def keyed(folder: Path, table: str = TABLE) -> str:
    file = folder / "lookup.key"
    file.write_text(KEY)
    file.chmod(0o600)
    return f'{table}key_file = "{file}"\n'


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("lookup")
    with payment_town(folder / "h99", more=keyed(folder)) as made:
        yield made


def ask(town: Town, number: str = DOSSIER, **more: str) -> tuple[int, int, object]:
    status, told = town.call({"MaHoSo": number}, path=PATH, **({"apikey": KEY} | more))
    return status, told["error_code"], told["message"]


def test_what_is_due(town: Town) -> None:
    """Something, nothing, no such dossier: in this order while a payment is asked for and paid."""
    assert (200, -1, []) == ask(town)
    order = town.opened()
    status, code, due = ask(town)
    assert isinstance(due, dict)
    assert (200, 1) == (status, code)
    assert (order.reference, DOSSIER, "75000") == (due["transaction_id"], due["MaHoSo"], due["SoTien"])
    assert f"{DOSSIER}{order.asked_with['ThoiGianGD']}" == due["MaTraCuuTT"]
    assert order.asked_with["ThongTinBienLai"].items() <= due.items()
    town.pay(order)
    assert (200, 0, []) == ask(town)


def test_only_the_asker(town: Town) -> None:
    """Another key, or none: no more is told than of a dossier that is not there, and it is noted."""
    for more in ({"apikey": KEY + "."}, {"apikey": ""}):
        assert (403, -1, []) == ask(town, **more)
    assert (f"POST {PATH}", "forbidden_source") == town.refused()[-1][:2]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 200),
        (b"[]", "application/json", 200),
        (b'{"MaHoSo": 7}', "application/json", 200),
        (b'{"MaHoSo": "a b"}', "application/json", 200),
        (b"x", "application/json", 200),
        (b"{}", "text/plain", 415),
        (b"{" + b" " * 5_000 + b"}", "application/json", 413),
    ],
)
def test_questions_that_are_none(town: Town, body: bytes, kind: str, status: int) -> None:
    """What cannot be read is answered in the same form, and noted."""
    found, told = town.call(body, path=PATH, kind=kind, apikey=KEY)

    assert (status, -1, []) == (found, told["error_code"], told["message"])
    assert f"POST {PATH}" == town.refused()[-1][0]


def test_ledger_is_away(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger cannot be read: later, and nothing is told."""
    from bus.errors import LedgerUnavailable
    from bus.payment_due import PaymentDue

    def away(self: PaymentDue, dossier: str, partner: str) -> None:
        raise LedgerUnavailable

    monkeypatch.setattr(PaymentDue, "of", away)

    assert (503, -1, []) == ask(town)


def test_certificate_in_place_of_a_key(tmp_path: Path) -> None:
    """Who comes with the certificate that the proxy verified is known by its subject; so often, and from there only."""
    table = TABLE.replace("rate = 1000.0", "rate = 0.01") + (
        'certificate_header = "x-client-subject"\ncertificate_subjects = ["CN=portal,O=Example,C=VN"]\n'
    )
    with payment_town(tmp_path / "h99", more=table, is_told=True) as town:
        assert [] == [answer for answer in offline(town.here.settings) if not answer.is_well]
        assert 403 == ask(town, **{"x-client-subject": "CN=other"})[0]
        assert [200, 429] == [ask(town, **{"x-client-subject": "CN=portal,O=Example,C=VN"})[0] for _ in range(2)]


def test_other_network(tmp_path: Path) -> None:
    """The right key from elsewhere is no key."""
    with payment_town(tmp_path / "h99", more=keyed(tmp_path, TABLE.replace("127.0.0.1/32", "203.0.113.0/24"))) as town:
        assert 403 == ask(town)[0]


def test_due_elsewhere(town: Town) -> None:
    """What is being paid at another gateway is not due here: it would be paid twice."""
    from bus.payment_due import PaymentDue

    town.opened("ELSEWHERE", dossier="H99.09-260703-0777")

    assert PaymentDue(town.here.ledger).of("H99.09-260703-0777", "keypay") is None
    assert PaymentDue(town.here.ledger).of("H99.09-260703-0777", "payment_platform") is not None
