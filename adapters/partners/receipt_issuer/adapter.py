"""A provider of receipts as the bus sees it: `deliver` and `ask`, by the frame that gateways share.

payment.settled    one receipt for each kind, looked up before every further try
payment.refunded   receipts cancelled, or one of them adjusted down
"""

from __future__ import annotations

from adapters.channels.http import Channel
from adapters.partners.gateways.adapter import GatewayAdapter
from adapters.partners.receipt_issuer.issuing import AskIssued, Issue
from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings, check_settings
from adapters.partners.receipt_issuer.speaking import Services
from adapters.partners.receipt_issuer.taking_back import AskTakenBack, TakeBack
from bus.messages import PAYMENT_REFUNDED, PAYMENT_SETTLED
from bus.ports import Clock, CrashPoint, no_crash


def receipt_issuer(
    settings: ReceiptIssuerSettings,
    channel: Channel,
    *,
    clock: Clock,
    name: str = "receipt_issuer",
    crash_point: CrashPoint = no_crash,
) -> GatewayAdapter:
    """One provider, used by many threads. Raises `ValueError` for settings that would break a promise."""
    check_settings(settings)
    services = Services(settings)
    parts = (settings, services, clock, crash_point)
    return GatewayAdapter(
        name=name,
        steps={PAYMENT_SETTLED: Issue(*parts), PAYMENT_REFUNDED: TakeBack(*parts)},
        asks={PAYMENT_SETTLED: AskIssued(*parts), PAYMENT_REFUNDED: AskTakenBack(*parts)},
        channel=channel,
        clock=clock,
        timeout=settings.http.timeout,
        crash_point=crash_point,
    )
