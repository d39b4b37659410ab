"""What an installation says about the platform: nothing of this is decided in code.

Every field comes from a key of `[partners.payment_platform]`; `config/partner_gateways.py` reads them, secrets by file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.channels.http import HttpSettings
from adapters.partners.gateways.bill_block import BlockForm
from adapters.partners.gateways.pages import is_page_of
from adapters.partners.gateways.secrets import MIN_SECRET, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """One province's way to the platform."""

    init_url: str
    query_url: str
    bill_url: str
    merchant: str
    """`MaDoiTac`, where no agency has its own."""
    secrets: tuple[Secret, ...]
    """We sign with the first; what comes may be under any of them (NOTES.md#r8)."""
    merchants: Mapping[str, str] = field(default_factory=dict)
    """Unit → its own `MaDoiTac` (#r5)."""
    access_token: str = field(default="", repr=False)
    """For who stands in front (#r3)."""
    ip: str = "127.0.0.1"
    """`Ip`: the server's, so that no citizen's address is passed on (#r16)."""
    pay_hosts: frozenset[str] = frozenset()
    """Hosts that a citizen may be sent to (#r23), as `host` or `host:port`."""
    block: BlockForm = field(default_factory=BlockForm)
    """`ThongTinBienLai`."""
    confirm_types: frozenset[str] = frozenset({"CONFIRM"})
    """`LoaiBanTin` of a call back (#r41)."""
    ask_above: int | None = None
    """Đồng: a success of more that is called back is asked about before it counts; None: none is (#r92)."""
    not_there_codes: frozenset[str] = frozenset()
    """`MaLoi` of a question that mean: this reference is not known there (#r55)."""
    query_checksum: Literal["unchecked", "confirm"] = "unchecked"
    """Whether the answer to a question is checked, by the order of a call back (#r54)."""
    bill_time: Literal["opening", "payment"] = "opening"
    """`ThoiGianGD` of GET_BILL (#r71)."""
    bill_hosts: frozenset[str] = frozenset()
    """Hosts that a receipt is fetched from, where the answer is its address (#r72), as `host` or `host:port`."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""

    @property
    def signing(self) -> Secret:
        """What we sign with."""
        return self.secrets[0]

    @property
    def all_merchants(self) -> frozenset[str]:
        """Every `MaDoiTac` that is ours."""
        return frozenset({self.merchant, *self.merchants.values()})

    def merchant_of(self, unit: str) -> str:
        """The agency's own, or the province's."""
        return self.merchants.get(unit, self.merchant)

    def may_show(self, url: str) -> bool:
        """Whether a citizen may be sent there: https, and a listed host."""
        return self._is_of(url, self.pay_hosts)

    def may_fetch(self, url: str) -> bool:
        """Whether a receipt is fetched from there: https, and a listed host."""
        return self._is_of(url, self.bill_hosts)

    def _is_of(self, url: str, hosts: frozenset[str]) -> bool:
        return is_page_of(url, hosts, allow_http=self.http.allow_http)


def check_settings(settings: PlatformSettings) -> None:
    """Refuse what would break a promise. Raises `ValueError`."""
    for secret in settings.secrets:
        if len(secret.value) < MIN_SECRET:
            raise ValueError(f"secret {secret.key_id} has {len(secret.value)} bytes; use {MIN_SECRET} or more")
    if any("|" in merchant for merchant in settings.all_merchants):
        raise ValueError("merchant: must have no |, which separates the values of a checksum")
    if not settings.pay_hosts:
        raise ValueError("pay_hosts: must name the hosts that citizens are sent to")
