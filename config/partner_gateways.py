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
from config.payment_settings import KEYPAY_COMMANDS, GatewaySettings, KeypayKeys, PaymentPlatformKeys, VnpayKeys
from config.payments import OWN_LANE
from config.settings_file import SettingsRefused, secret
from config.wiring import Installation, Ports, http_settings, patience_of

if TYPE_CHECKING:
    from adapters.channels.http import HttpSettings
    from adapters.partners.gateways.bill_block import BlockForm
    from adapters.partners.gateways.calls import Gateway
    from adapters.partners.gateways.secrets import Secret
    from adapters.partners.keypay.settings import KeypaySettings
    from adapters.partners.payment_platform.settings import PlatformSettings
    from adapters.partners.vnpay.settings import VnpaySettings

PLATFORM: Final = "payment_platform"
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


def return_to(installation: Installation, name: str) -> Callable[[str], str]:
    """Reference → our page for the citizen whom this gateway sends back. Raises SettingsRefused."""
    from adapters.doors.return_page import ReturnTokens

    base = installation.settings.payments.public_url
    if not base:
        raise SettingsRefused(
            "payments.public_url", f"say how browsers reach these doors: {name} sends them back there"
        )
    tokens = ReturnTokens(installation.ledger.master.index_key)
    return lambda reference: tokens.address(base, name, reference)


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
        ask_above=partner.ask_above,
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


# -- KeyPay and VNPAY --------------------------------------------------------------------------------------------------


def keypay_settings(installation: Installation, name: str, partner: KeypayKeys) -> KeypaySettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.keypay.settings import KeypaySettings, VietQr

    qr, key, http = partner.vietqr, f"partners.{name}", channel_settings(name, partner)
    theirs = [
        (partner.their_secret_file, f"{key}.their_secret_file", "key-2"),
        *((file, f"{key}.previous_secret_files", f"key-2-{n}") for n, file in enumerate(partner.previous_secret_files)),
    ]
    return KeypaySettings(
        addresses={
            "create": partner.create_url,
            "detail": partner.detail_url,
            "refund": partner.refund_url,
            "refund_detail": partner.refund_detail_url,
        },
        commands={**KEYPAY_COMMANDS, **partner.commands},
        client_id=partner.client_id,
        key_1=shared(partner, partner.secret_file, f"{key}.secret_file", "key-1"),
        keys_2=tuple(shared(partner, file, place, key_id) for file, place, key_id in theirs),
        return_to=return_to(installation, name),
        pay_hosts=frozenset(partner.pay_hosts),
        flow=partner.flow,
        environment=partner.environment,
        addition_fee=partner.addition_fee,
        confirm_callbacks=partner.confirm_callbacks,
        signed_answers=partner.signed_answers,
        bill=block_form(installation),
        vietqr=None if qr is None else VietQr(bank_bin=qr.bank_bin, account=qr.account),
        http=http,
    )


def _keypay(installation: Installation, name: str, partner: KeypayKeys) -> Adapter:
    from adapters.partners.keypay.adapter import Keypay

    ports, settings = installation.ports, keypay_settings(installation, name, partner)
    return Keypay(settings, _channel(settings.http, ports), clock=ports.clock, name=name, crash_point=ports.crash_point)


def _keypay_door(installation: Installation, name: str, partner: KeypayKeys) -> Gateway:
    from adapters.partners.keypay.callbacks import KeypayCallbacks

    return KeypayCallbacks(keypay_settings(installation, name, partner), name=name)


def vnpay_settings(installation: Installation, name: str, partner: VnpayKeys) -> VnpaySettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.vnpay.settings import VnpaySettings

    http = channel_settings(name, partner)
    return VnpaySettings(
        pay_url=partner.pay_url,
        api_url=partner.api_url,
        tmn_code=partner.tmn_code,
        secrets=secrets_of(name, partner),
        return_to=return_to(installation, name),
        ip=partner.ip,
        locale=partner.locale,
        order_type=partner.order_type,
        bank_code=partner.bank_code,
        created_by=partner.created_by,
        http=http,
    )


def _vnpay(installation: Installation, name: str, partner: VnpayKeys) -> Adapter:
    from adapters.partners.vnpay.adapter import Vnpay

    ports, settings = installation.ports, vnpay_settings(installation, name, partner)
    return Vnpay(settings, _channel(settings.http, ports), clock=ports.clock, name=name, crash_point=ports.crash_point)


def _vnpay_door(installation: Installation, name: str, partner: VnpayKeys) -> Gateway:
    from adapters.partners.vnpay.callbacks import VnpayCallbacks

    return VnpayCallbacks(vnpay_settings(installation, name, partner), name=name)


def _channel(settings: HttpSettings, ports: Ports) -> Any:
    from adapters.channels.http import HttpChannel

    return HttpChannel(settings, clock=ports.clock, crash_point=ports.crash_point)


_MAKERS: Final[dict[type[GatewaySettings], Maker]] = {
    PaymentPlatformKeys: Maker(adapter=_platform, gateway=_platform_door, read=platform_settings),
    KeypayKeys: Maker(adapter=_keypay, gateway=_keypay_door, read=keypay_settings),
    VnpayKeys: Maker(adapter=_vnpay, gateway=_vnpay_door, read=vnpay_settings),
}
