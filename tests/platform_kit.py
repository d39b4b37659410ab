"""What tests of the national payment platform share: its settings, its messages, its mock on a real port."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.secrets import Secret
from adapters.partners.payment_platform.adapter import PaymentPlatform
from adapters.partners.payment_platform.checksum import CONFIRM, checksum
from adapters.partners.payment_platform.settings import PlatformSettings
from bus.messages import Exchange
from contracts.payment_platform.mock import MERCHANT, SECRET
from contracts.payment_platform.mock import PaymentPlatform as Mock
from contracts.serve import serve
from tests.builders import make_exchange
from tests.gateway_kit import AMOUNT, CONTRACTS, MADE_AT, REFERENCE, Still, World
from tests.portal_kit import local_http

SAMPLES = CONTRACTS / "payment_platform" / "samples"
VECTOR_SECRET = b"demo-secret-0123456789abcdef"
PAY_URL = f"https://thanhtoan.example.invalid/p/{REFERENCE}"


def sample(name: str) -> dict[str, Any]:
    """A message of the contract."""
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


def platform_settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> PlatformSettings:
    """A province at the mock."""
    members: dict[str, Any] = {
        "init_url": f"{url}/payment_platform/init",
        "query_url": f"{url}/payment_platform/query",
        "bill_url": f"{url}/payment_platform/bill",
        "merchant": MERCHANT,
        "secrets": (Secret(key_id="current", value=SECRET.encode()),),
        "pay_hosts": frozenset({"127.0.0.1", "thanhtoan.example.invalid"}),
        "bill_hosts": frozenset({"127.0.0.1"}),
        "not_there_codes": frozenset({"25"}),
        "http": local_http(timeout=timedelta(seconds=30), connect_timeout=timedelta(seconds=20)),
    }
    return PlatformSettings(**(members | overrides))


def confirm(*, secret: bytes = SECRET.encode(), sign: bool = True, **overrides: Any) -> dict[str, Any]:
    """A call back for the attempt of the kit; None leaves a field out."""
    fields: dict[str, Any] = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": MERCHANT,
        "MaThamChieu": REFERENCE,
        "SoTien": AMOUNT,
        "MaTienTe": "VND",
        "MaGiaoDich": "GD260703000123",
        "MaNganHang": "VCB",
        "ThoiGianGD": "20260703143212",
        "ThongTinGiaoDich": "THANH TOAN HO SO H99.09-260703-0123",
    }
    before = dict(fields)
    fields |= overrides
    hashed = fields if sign else before
    texts = {name: str(hashed.get(name, "")) for name in CONFIRM}
    told = {**fields, "MaXacThuc": overrides.get("MaXacThuc", checksum(texts, CONFIRM, secret))}
    return {name: value for name, value in told.items() if value is not None}


def answered(value: Any, *, status: int = 200, head: bytes = b"content-type: application/json\r\n") -> Exchange:
    """An exchange with this answer; bytes go as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return make_exchange(status=status, reply_head=head, reply_body=body)


HASTY = local_http(timeout=timedelta(seconds=3), connect_timeout=timedelta(seconds=2))
"""For what must run into its time limit; everything else is patient."""


@contextmanager
def platform_world(mock: Mapping[str, Any] | None = None, **overrides: Any) -> Iterator[World]:
    """The platform, at an afternoon. `mock`: what its mock is made with."""
    clock = Still(MADE_AT)
    platform = Mock(clock=clock.now, **(mock or {}))
    with serve(platform) as url:
        settings = platform_settings(url, **overrides)
        channel = HttpChannel(settings.http)
        adapter = PaymentPlatform(settings, channel, clock=clock)
        yield World(mock=platform, adapter=adapter, url=url, clock=clock)
        channel.close()
