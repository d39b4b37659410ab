"""The provider of receipts of the settings: its passwords read, its channel opened, its adapter put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bus.dispatch import PartnerWork
from config.partner_addresses import check_forms
from config.receipt_settings import ReceiptIssuerKeys
from config.settings_file import SettingsRefused, secret
from config.wiring import Installation, http_settings, patience_of

if TYPE_CHECKING:
    from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings


def work(installation: Installation, name: str, partner: ReceiptIssuerKeys) -> PartnerWork:
    """How a worker treats it. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel
    from adapters.partners.receipt_issuer.adapter import receipt_issuer

    ports, settings = installation.ports, read(name, partner)
    channel = HttpChannel(settings.http, clock=ports.clock, crash_point=ports.crash_point)
    adapter = receipt_issuer(settings, channel, clock=ports.clock, name=name, crash_point=ports.crash_point)
    return PartnerWork(adapter=adapter, patience=patience_of(partner), threads=partner.threads)


def read(name: str, partner: ReceiptIssuerKeys) -> ReceiptIssuerSettings:
    """The adapter's own settings with both passwords. Raises SettingsRefused."""
    from adapters.channels.addresses import AddressRefused, host_of
    from adapters.partners.receipt_issuer.settings import VIEW_NUMBER, ReceiptIssuerSettings, check_settings

    key = f"partners.{name}"
    check_forms(name, partner)
    try:
        settings = ReceiptIssuerSettings(
            url=partner.url,
            account=partner.account,
            ac_pass=_password(partner, partner.ac_pass_file, f"{key}.ac_pass_file"),
            username=partner.username,
            password=_password(partner, partner.password_file, f"{key}.password_file"),
            pattern=partner.pattern,
            serial=partner.serial,
            tax_code=partner.tax_code,
            dated=partner.dated,
            view_number=partner.view_number or VIEW_NUMBER,
            http=replace(http_settings(partner, key), hosts=frozenset({host_of(partner.url)})),
        )
        check_settings(settings)
    except (AddressRefused, ValueError) as trouble:
        raise SettingsRefused(key, str(trouble)) from None
    return settings


def _password(partner: ReceiptIssuerKeys, path: str, place: str) -> str:
    return secret(path, place, urls=(partner.url,)).reveal().decode()
