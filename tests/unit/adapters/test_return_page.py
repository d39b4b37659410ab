"""The page that a citizen comes back to from a gateway: what the ledger knows, and nothing that a browser says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from adapters.doors.return_page import ReturnDoor, ReturnTokens, is_allowed, page_view, shown_of
from bus.errors import LedgerUnavailable

NOW = datetime(2026, 7, 3, 3, 0, tzinfo=UTC)
REFERENCE = "TT260703000000000701"
KEY = b"k" * 32


@dataclass(frozen=True)
class Facts:
    """What the ledger knows."""

    state: str = "open"
    is_in_review: bool = False
    reference: str = REFERENCE
    amount: int = 1_030_000
    expires_at: datetime = NOW + timedelta(hours=1)
    paid_at: datetime | None = None
    return_url: str | None = "https://dichvucong.h99.example.invalid/ho-so?id=1"


class Clock:
    def now(self) -> datetime:
        return NOW


def client(facts: Facts | None = None, *, hosts=("dichvucong.h99.example.invalid",), trouble=None) -> TestClient:
    def look(partner: str, reference: str) -> Facts | None:
        if trouble is not None:
            raise trouble
        return facts if (partner, reference) == ("vnpay", REFERENCE) else None

    app = Starlette()
    ReturnDoor(ReturnTokens(KEY), look, Clock(), hosts=hosts).add_to(app.router)
    return TestClient(app)


def address(partner: str = "vnpay", reference: str = REFERENCE, made_for: str = "vnpay") -> str:
    return f"/callbacks/{partner}/return/{ReturnTokens(KEY).token(made_for, reference)}"


@pytest.mark.parametrize(
    ("state", "is_in_review", "shown"),
    [
        ("created", False, "confirming"),
        ("unknown", False, "confirming"),
        ("open", False, "confirming"),
        ("pending", False, "confirming"),
        ("not_opened", False, "confirming"),
        ("paid", False, "paid"),
        ("paid", True, "paid"),
        ("paid_at_counter", False, "paid"),
        ("refund_pending", False, "paid"),
        ("partly_refunded", False, "paid"),
        ("refunded", False, "refunded"),
        ("failed", False, "not_paid"),
        ("failed", True, "confirming"),
        ("expired", False, "expired"),
        ("expired", True, "confirming"),
    ],
)
def test_page_says_what_the_ledger_knows(state, is_in_review, shown):
    """Each state of a payment has one sentence; what a person still looks at is being confirmed."""
    assert shown == shown_of(Facts(state=state, is_in_review=is_in_review))


def test_no_parameter_is_believed():
    """A browser that comes back with a gateway's success changes nothing: an open payment is being confirmed."""
    claims = "?vnp_ResponseCode=00&vnp_TransactionStatus=00&state=paid&MaLoi=00"
    plain, claimed = (client(Facts()).get(address() + query) for query in ("", claims))

    assert 200 == claimed.status_code
    assert plain.text == claimed.text
    assert "Đang xác nhận" in claimed.text
    assert "Being confirmed" in claimed.text
    assert "Đã thanh toán" not in claimed.text


def test_undecided_page_looks_again_until_it_is_stopped():
    """While a payment is open it renews itself without scripts, unless the reader stops that; a final page is still."""
    assert '<meta http-equiv="refresh" content="5">' in client(Facts()).get(address()).text
    assert 'http-equiv="refresh"' not in client(Facts()).get(address() + "?still=1").text
    assert 'http-equiv="refresh"' not in client(Facts(state="paid")).get(address()).text
    late = page_view(Facts(expires_at=NOW - timedelta(hours=2)), now=NOW, hosts=(), is_stopped=False)

    assert 60 == late.refresh


def test_page_tells_amount_and_reference_and_no_more():
    """What is paid shows the exact amount, its time and the reference to ask with; all else is shut out."""
    answer = client(Facts(state="paid", paid_at=NOW)).get(address())

    assert "1.030.000 đồng" in answer.text
    assert "03/07/2026 10:00" in answer.text
    assert REFERENCE in answer.text
    assert 'href="https://dichvucong.h99.example.invalid/ho-so?id=1"' in answer.text
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "no-store" == answer.headers["cache-control"]
    assert "no-referrer" == answer.headers["referrer-policy"]


@pytest.mark.parametrize(
    "path",
    [
        f"/callbacks/vnpay/return/{REFERENCE}",
        "/callbacks/vnpay/return/AAAA",
        "/callbacks/vnpay/return/%C3%A1",
        f"/callbacks/vnpay/return/{'A' * 500}",
        address(made_for="keypay"),
        address(partner="keypay", made_for="keypay"),
        address(reference="TT260703000000000702"),
    ],
)
def test_who_has_no_token_learns_nothing(path):
    """The reference itself, a guessed token, one made for another gateway and one of no payment: the same 404."""
    answer = client(Facts(state="paid")).get(path)

    assert 404 == answer.status_code
    assert "Không có trang này" in answer.text
    assert REFERENCE not in answer.text
    assert "1.030.000" not in answer.text


def test_page_leads_only_to_hosts_that_the_settings_name():
    """A return address elsewhere, without TLS or with a name in it is not linked."""
    assert "example.invalid" not in client(Facts(state="paid"), hosts=()).get(address()).text
    for url in ("http://a.invalid/", "https://a.invalid@b.invalid/", "https://b.invalid/", "https://[", "", None):
        assert not is_allowed(url, {"a.invalid"}), url
    assert is_allowed("https://a.invalid/x", {"a.invalid"})


def test_ledger_that_cannot_be_read_is_said_calmly():
    """While the ledger is away the page says that the payment is not affected, with 503."""
    answer = client(trouble=LedgerUnavailable("away")).get(address())

    assert 503 == answer.status_code
    assert "không bị ảnh hưởng" in answer.text


def test_token_is_stable_and_opaque():
    """One reference has one token, of another gateway another one, and it does not hold the reference."""
    tokens = ReturnTokens(KEY)
    token = tokens.token("vnpay", REFERENCE)

    assert token == ReturnTokens(KEY).token("vnpay", REFERENCE) != tokens.token("keypay", REFERENCE)
    assert REFERENCE == tokens.reference("vnpay", token)
    assert REFERENCE not in token
    assert (
        tokens.address("https://h.invalid/", "vnpay", REFERENCE) == f"https://h.invalid/callbacks/vnpay/return/{token}"
    )
