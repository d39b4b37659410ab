"""Every partner's mock of this program, for one port. Signing services share one infrastructure of authorities."""

from __future__ import annotations

from contracts.mocking import Mock

DOORS = "http://127.0.0.1:8400"
"""Where the doors of this machine usually are; each mock's switch `callback_url` says otherwise."""


def every_mock(*, keep: int = 500_000) -> list[Mock]:
    """All of them, calling back to the doors' usual port. `keep`: effects of the two that see most."""
    from contracts.keypay.mock import KeyPay
    from contracts.national_portal.mock import Portal
    from contracts.one_stop.mock import OneStop
    from contracts.payment_platform.mock import PaymentPlatform
    from contracts.receipt_issuer.mock import ReceiptIssuer
    from contracts.vnpay.mock import VnPay

    gateways = [
        mock(callback_url=f"{DOORS}/callbacks/{mock.partner}/{place}")
        for mock, place in ((PaymentPlatform, "confirm"), (KeyPay, "result"), (VnPay, "ipn"))
    ]
    return [Portal(keep=keep), OneStop(keep=keep), ReceiptIssuer(), *gateways, *signing_mocks()]


def signing_mocks() -> list[Mock]:
    """Signing services, with who vouches for their signers and who stamps the time."""
    from contracts.csc.mock import Csc
    from contracts.mocking import utc_now
    from contracts.mysign.mock import MySign
    from contracts.signing_pki.authorities import SigningPki
    from contracts.signing_pki.mock import SigningAuthorities
    from contracts.smartca.mock import SmartCa
    from contracts.soap_signer.mock import SoapSigner
    from contracts.timestamp_authority.mock import TimestampAuthority
    from contracts.vneid_gateway.mock import VneidGateway

    pki = SigningPki(utc_now)
    called = [
        mock(pki=pki, callback_url=f"{DOORS}/callbacks/{mock.partner}/result")
        for mock in (SmartCa, MySign, VneidGateway)
    ]
    return [SigningAuthorities(pki), TimestampAuthority(pki), *called, Csc(pki=pki), SoapSigner(pki=pki)]
