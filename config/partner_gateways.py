"""The payment gateways of the settings: secrets read, channels opened, adapters and their side of the door made.

A further gateway is a row in `_MAKERS`: its table of the settings, its adapter, and what it understands at the door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from bus.dispatch import Adapter, PartnerWork
from config.partner_addresses import addresses, check_forms
from config.payment_settings import GatewaySettings, PaymentPlatformKeys
from config.payments import OWN_LANE
from config.settings_file import SettingsRefused, secret
from config.wiring import Installation, Ports, http_settings, patience_of

if TYPE_CHECKING:
    from adapters.channels.http import HttpSettings
    from adapters.partners.gateways.bill_block import BlockForm
    from adapters.partners.gateways.calls import Gateway
    from adapters.partners.gateways.secrets import Secret
    from adapters.partners.payment_platform.settings import PlatformSettings

PUBLISHED: Final = (b"demo-", b"DEMO")
"""How the secrets of published test vectors begin: everybody can read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How one gateway's pieces are made from its settings."""

    adapter: Callable[[Installation, str, Any], Adapter]
    gateway: Callable[[Installation, str, Any], Gateway]
    """Its side of the door of callbacks."""
    read: Callable[[Installation, str, Any], object]
    """Its settings with all secrets; for `check`."""


def work(installation: Installation, name: str, partner: GatewaySettings) -> PartnerWork:
    """How a worker treats it. Raises SettingsRefused."""
    adapter = maker_of(partner).adapter(installation, name, partner)
    return PartnerWork(adapter=adapter, patience=patience_of(partner), threads=partner.threads)


def maker_of(partner: GatewaySettings) -> Maker:
    """Raises KeyError for a gateway that nobody has taught us."""
    return _MAKERS[type(partner)]


def gateways(installation: Installation) -> dict[str, GatewaySettings]:
    """Every gateway of the settings; their receipts' lanes are no gateways."""
    table = installation.settings.partner_table()
    return {
        name: each for name, each in table.items() if isinstance(each, GatewaySettings) and not name.endswith(OWN_LANE)
    }


# -- what all have -----------------------------------------------------------------------------------------------------


def secrets_of(name: str, partner: GatewaySettings) -> tuple[Secret, ...]:
    """The secret that we sign with, and those that may still come. Raises SettingsRefused."""
    key = f"partners.{name}"
    files = [
        (partner.secret_file, f"{key}.secret_file"),
        *((file, f"{key}.previous_secret_files") for file in partner.previous_secret_files),
    ]
    return tuple(
        shared(partner, file, place, "current" if n == 0 else f"previous-{n}") for n, (file, place) in enumerate(files)
    )


def shared(partner: GatewaySettings, file: str, place: str, key_id: str) -> Secret:
    """One secret, long enough and known to nobody else. Raises SettingsRefused."""
    from adapters.partners.gateways.secrets import MIN_SECRET, Secret

    value = secret(file, place, urls=addresses(partner).values()).reveal()
    if value.startswith(PUBLISHED):
        raise SettingsRefused(place, f"{file} holds the secret of a published example; ask the gateway for your own")
    if len(value) < MIN_SECRET:
        raise SettingsRefused(place, f"the secret has {len(value)} bytes; use {MIN_SECRET} or more")
    return Secret(key_id=key_id, value=value)


def channel_settings(name: str, partner: GatewaySettings, *more: str) -> HttpSettings:
    """How it is reached: the hosts of its addresses, and `more`. Raises SettingsRefused."""
    from adapters.channels.addresses import AddressRefused, host_of

    check_forms(name, partner)
    hosts = set(more)
    for member, url in addresses(partner).items():
        try:
            hosts.add(host_of(url))
        except AddressRefused as trouble:
            raise SettingsRefused(f"partners.{name}.{member}", str(trouble)) from None
    return replace(http_settings(partner, f"partners.{name}"), hosts=frozenset(hosts))


def block_form(installation: Installation, **told: Any) -> BlockForm:
    """What the receipt block says, with the names that the province's tables have."""
    from adapters.partners.gateways.bill_block import BlockForm, Name
    from config.facade import FreshTables

    tables = FreshTables(installation.reads)

    def unit(code: str, day: date) -> Name | None:
        row = tables()["units"].find(code, day)
        return None if row is None else Name(code=code, name=row["name"])

    def procedure(code: str, day: date) -> Name | None:
        row = tables()["procedures"].find(code, day)
        return None if row is None else Name(code=row["national_code"], name=row["name"])

    return BlockForm(units=unit, procedures=procedure, **told)


# -- the national platform ---------------------------------------------------------------------------------------------


def platform_settings(installation: Installation, name: str, partner: PaymentPlatformKeys) -> PlatformSettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.payment_platform.settings import PlatformSettings, check_settings

    key = f"partners.{name}"
    told = partner.access_token_file
    settings = PlatformSettings(
        init_url=partner.init_url,
        query_url=partner.query_url,
        bill_url=partner.bill_url,
        merchant=partner.merchant,
        merchants=partner.merchants,
        secrets=secrets_of(name, partner),
        access_token=secret(told, f"{key}.access_token_file").reveal().decode() if told else "",
        ip=partner.ip,
        pay_hosts=frozenset(partner.pay_hosts),
        block=block_form(
            installation,
            service_suffix=partner.service_suffix,
            fee_kinds=partner.fee_kinds,
            fee_code=partner.fee_code,
            both_kinds=partner.both_kinds,
            province=partner.province,
        ),
        confirm_types=frozenset(partner.confirm_types),
        not_there_codes=frozenset(partner.not_there_codes),
        query_checksum=partner.query_checksum,
        bill_time=partner.bill_time,
        bill_hosts=frozenset(partner.bill_hosts),
        http=channel_settings(name, partner, *partner.bill_hosts),
    )
    try:
        check_settings(settings)
    except ValueError as trouble:
        raise SettingsRefused(key, str(trouble)) from None
    return settings


def _platform(installation: Installation, name: str, partner: PaymentPlatformKeys) -> Adapter:
    from adapters.partners.payment_platform.adapter import PaymentPlatform
    from adapters.partners.payment_platform.bills import Bills

    ports = installation.ports
    settings = platform_settings(installation, name, partner)
    channel = _channel(settings.http, ports)
    bills = Bills(settings, ports.clock)
    return PaymentPlatform(settings, channel, clock=ports.clock, bills=bills, name=name, crash_point=ports.crash_point)


def _platform_door(installation: Installation, name: str, partner: PaymentPlatformKeys) -> Gateway:
    from adapters.partners.payment_platform.callbacks import Confirms

    return Confirms(platform_settings(installation, name, partner), name=name)


def _channel(settings: HttpSettings, ports: Ports) -> Any:
    from adapters.channels.http import HttpChannel

    return HttpChannel(settings, clock=ports.clock, crash_point=ports.crash_point)


_MAKERS: Final[dict[type[GatewaySettings], Maker]] = {
    PaymentPlatformKeys: Maker(adapter=_platform, gateway=_platform_door, read=platform_settings),
}
