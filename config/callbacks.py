"""The door of callbacks of one installation: which partners are listened to, and where citizens come back to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.routing import Router

from adapters.channels.addresses import Network, networks_of
from adapters.doors.body import BodyReader
from adapters.doors.callbacks import CallbackDoor
from adapters.doors.called import CountsCallbacks, Listening
from adapters.doors.pace import Pace, Paces
from adapters.doors.refusals import Desk
from adapters.doors.signature_callbacks import SignatureCallbackDoor
from config.partner_gateways import gateways, maker_of
from config.partner_signers import maker_of as signer_of
from config.partner_signers import signers
from config.payment_settings import GatewaySettings, LookUpSettings
from config.settings_file import SettingsRefused, secret
from config.signing_settings import SignerSettings
from config.wiring import Installation

if TYPE_CHECKING:
    from adapters.doors.callback_lookup import Asker
    from adapters.partners.gateways.calls import Gateway
    from adapters.partners.signers.calls import Hooks


def add_callbacks(
    router: Router,
    installation: Installation,
    desk: Desk,
    metrics: CountsCallbacks,
    *,
    on_heard: Callable[[], None] = lambda: None,
) -> None:
    """Nothing where the settings name nobody who calls. Raises SettingsRefused."""
    _add_payments(router, installation, desk, metrics, on_heard)
    _add_signatures(router, installation, desk, metrics, on_heard)


def _add_payments(
    router: Router,
    installation: Installation,
    desk: Desk,
    metrics: CountsCallbacks,
    on_heard: Callable[[], None],
) -> None:
    listening = {name: listen(installation, name, each) for name, each in gateways(installation).items()}
    if not listening:
        return
    ports = installation.ports
    door = CallbackDoor(
        gateways=listening,
        book=installation.ledger.payments,
        desk=desk,
        metrics=metrics,
        bodies=BodyReader(),
        clock=ports.clock,
        crash_point=ports.crash_point,
        proxies=proxies_of(installation),
        on_heard=on_heard,
    )
    _add_return(router, installation)
    door.add_to(router)
    if installation.settings.payments.lookup.enabled:
        _add_lookup(router, installation, desk)


def _add_signatures(
    router: Router,
    installation: Installation,
    desk: Desk,
    metrics: CountsCallbacks,
    on_heard: Callable[[], None],
) -> None:
    known = signers(installation).items()
    listening = {
        name: listen_to_signer(name, partner) for name, partner in known if signer_of(partner).hooks is not None
    }
    if not listening:
        return
    ports, told = installation.ports, installation.settings.signing
    SignatureCallbackDoor(
        services=listening,
        book=installation.ledger.signatures,
        on_heard=on_heard,
        desk=desk,
        metrics=metrics,
        bodies=BodyReader(),
        clock=ports.clock,
        crash_point=ports.crash_point,
        proxies=_networks(told.proxy_networks, "signing.proxy_networks"),
    ).add_to(router)


def listen_to_signer(name: str, partner: SignerSettings) -> Listening[Hooks]:
    """One signing service's side of the door. Raises SettingsRefused."""
    hooks = signer_of(partner).hooks
    assert hooks is not None
    return Listening(
        side=hooks(name, partner),
        networks=_networks(partner.callback_networks, f"partners.{name}.callback_networks"),
        paces=Paces(partner.callback_rate, time.monotonic) if partner.callback_rate else None,
    )


def _networks(told: Sequence[str], key: str) -> Sequence[Network]:
    try:
        return networks_of(told)
    except ValueError as trouble:
        raise SettingsRefused(key, str(trouble)) from None


def listen(installation: Installation, name: str, partner: GatewaySettings) -> Listening[Gateway]:
    """One gateway's side of the door. Raises SettingsRefused."""
    return Listening(
        side=maker_of(partner).gateway(installation, name, partner),
        networks=_networks(partner.callback_networks, f"partners.{name}.callback_networks"),
        paces=Paces(partner.callback_rate, time.monotonic) if partner.callback_rate else None,
    )


def proxies_of(installation: Installation) -> Sequence[Network]:
    """Whose word for a caller's address is believed. Raises SettingsRefused."""
    return _networks(installation.settings.payments.proxy_networks, "payments.proxy_networks")


def _add_return(router: Router, installation: Installation) -> None:
    """Where gateways send citizens back to: what the ledger knows, whatever their browser says."""
    from adapters.doors.return_page import ReturnDoor, ReturnTokens
    from bus.payment_close import PaymentClose

    ledger = installation.ledger
    tokens = ReturnTokens(ledger.master.index_key)
    hosts = installation.settings.payments.return_hosts
    ReturnDoor(tokens, PaymentClose(ledger).returned, installation.ports.clock, hosts=hosts).add_to(router)


# -- the portal asks ---------------------------------------------------------------------------------------------------


def _add_lookup(router: Router, installation: Installation, desk: Desk) -> None:
    """What is due for a dossier. Raises SettingsRefused."""
    from adapters.doors.callback_lookup import LookUpDoor

    told = installation.settings.payments.lookup
    LookUpDoor(
        asker=asker_of(told, proxies_of(installation)),
        due=due_of(installation),
        pace=Pace(told.rate, time.monotonic),
        desk=desk,
        bodies=BodyReader(),
    ).add_to(router)


def asker_of(told: LookUpSettings, proxies: Sequence[Network] = ()) -> Asker:
    """Who may ask. Raises SettingsRefused."""
    from adapters.doors.callback_lookup import Asker

    try:
        networks = networks_of(told.networks)
    except ValueError as trouble:
        raise SettingsRefused("payments.lookup.networks", str(trouble)) from None
    return Asker(
        networks=networks,
        key_header=told.key_header,
        key=secret(told.key_file, "payments.lookup.key_file").reveal().decode() if told.key_file else "",
        certificate_header=told.certificate_header,
        subjects=frozenset(told.certificate_subjects),
        proxies=proxies,
    )


def due_of(installation: Installation) -> Callable[[str], dict[str, Any] | None]:
    """Dossier → what is due, as the platform reads it. Raises SettingsRefused."""
    from adapters.partners.payment_platform.lookups import due
    from bus.payment_due import PaymentDue
    from config.partner_gateways import PLATFORM, platform_settings

    partner = installation.settings.partners.payment_platform
    if partner is None:
        raise SettingsRefused("payments.lookup", "is enabled; it needs [partners.payment_platform]")
    settings, book = platform_settings(installation, PLATFORM, partner), PaymentDue(installation.ledger)

    def look(dossier: str) -> dict[str, Any] | None:
        found = book.of(dossier, PLATFORM)
        return None if found is None else due(found, settings)

    return look
