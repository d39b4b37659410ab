"""Where a partner's calls go, by setting, and what an address must be. It may hide a password: none is ever shown."""

from __future__ import annotations

import re
from typing import Final

from config.payment_settings import GatewaySettings
from config.receipt_settings import ReceiptIssuerKeys
from config.settings import NationalPortalKeys, OAuth2Settings, OneStopKeys, PartnerSettings
from config.settings_file import SettingsRefused
from config.signing_settings import SignerSettings

_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_USERINFO: Final = re.compile(r"[^:/?#]*:?//[^/?#]*@")
_FACADE: Final = (
    "facade_add_url", "facade_update_url", "facade_progress_url", "facade_status_url", "facade_lookup_url",
    "facade_read_url",
)  # fmt: skip
_WAYS: Final = {"facade": _FACADE, "adapter": ("adapter_url",), "xroad": ("xroad_url",)}


def addresses(partner: PartnerSettings) -> dict[str, str]:
    """Setting → where calls go. Lists of revoked certificates are public and signed, so they come by plain HTTP too."""
    if isinstance(partner, OneStopKeys):
        return {"url": partner.url}
    if isinstance(partner, GatewaySettings | ReceiptIssuerKeys | SignerSettings):
        return {name: getattr(partner, name) for name in partner.called}
    assert isinstance(partner, NationalPortalKeys)
    found = {name: getattr(partner, name) for name in _WAYS[partner.variant]}
    if isinstance(partner.outer_auth, OAuth2Settings):
        found["outer_auth.token_url"] = partner.outer_auth.token_url
    return {name: url for name, url in found.items() if url}


def check_forms(name: str, partner: PartnerSettings) -> None:
    """Each is one that can be called, without a password in it. Raises SettingsRefused."""
    for member, url in addresses(partner).items():
        key = f"partners.{name}.{member}"
        if _USERINFO.match(url):
            cure = "user:password@ is not allowed in an address; take it out, and ask the partner for keys instead"
            raise SettingsRefused(key, cure)
        if not _WEB.match(url):
            raise SettingsRefused(key, "only https:// is called (or http://, with allow_http = true)")
