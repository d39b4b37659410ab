"""The door of callbacks of one installation: which gateways are listened to, and where citizens come back to."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.routing import Router

from adapters.channels.addresses import networks_of
from adapters.doors.body import BodyReader
from adapters.doors.callbacks import CallbackDoor, CountsCallbacks, Listening
from adapters.doors.pace import Pace
from adapters.doors.refusals import Desk
from config.partner_gateways import gateways, maker_of
from config.payment_settings import GatewaySettings
from config.settings_file import SettingsRefused
from config.wiring import Installation


def add_callbacks(
    router: Router,
    installation: Installation,
    desk: Desk,
    metrics: CountsCallbacks,
    *,
    on_heard: Callable[[], None] = lambda: None,
) -> None:
    """Nothing where the settings name no gateway. Raises SettingsRefused."""
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
        on_heard=on_heard,
    )
    door.add_to(router)
    _add_return(router, installation)


def listen(installation: Installation, name: str, partner: GatewaySettings) -> Listening:
    """One gateway's side of the door. Raises SettingsRefused."""
    try:
        networks = networks_of(partner.callback_networks)
    except ValueError as trouble:
        raise SettingsRefused(f"partners.{name}.callback_networks", str(trouble)) from None
    return Listening(
        gateway=maker_of(partner).gateway(installation, name, partner),
        networks=networks,
        pace=Pace(partner.callback_rate, time.monotonic) if partner.callback_rate else None,
    )


def _add_return(router: Router, installation: Installation) -> None:
    """Where gateways send citizens back to: what the ledger knows, whatever their browser says."""
    from adapters.doors.return_page import ReturnDoor, ReturnTokens
    from bus.payment_close import PaymentClose

    ledger = installation.ledger
    tokens = ReturnTokens(ledger.master.index_key)
    hosts = installation.settings.payments.return_hosts
    ReturnDoor(tokens, PaymentClose(ledger).returned, installation.ports.clock, hosts=hosts).add_to(router)
