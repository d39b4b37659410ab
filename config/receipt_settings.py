"""Settings of a provider of electronic receipts: `[partners.receipt_issuer]`.

What each key means to it: `adapters/partners/receipt_issuer/settings.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from config.partner_settings import PartnerSettings

Text = Annotated[str, Meta(min_length=1)]


class ReceiptIssuerKeys(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The provider of an agency's receipts, over SOAP."""

    called: ClassVar[tuple[str, ...]] = ("url",)

    url: Text
    """The address below which PublishService.asmx, PortalService.asmx and BusinessService.asmx are."""
    account: Text
    """The staff's account, in whose name receipts are issued."""
    ac_pass_file: Text
    """A file with its password."""
    username: Text
    """The service's account."""
    password_file: Text
    """A file with its password."""
    pattern: str = ""
    """Form number (mẫu số); empty, with `serial`: the only one that is registered."""
    serial: str = ""
    """Series (ký hiệu)."""
    tax_code: Text
    """Of the collecting agency."""
    dated: Literal["issued", "paid"] = "issued"
    """Which day a receipt bears: of issuing, or of payment."""
    view_number: str = ""
    """How a receipt's page shows its number: a pattern with one group. Empty: digits behind `Số:`."""
