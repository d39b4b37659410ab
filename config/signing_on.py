"""The provider of the settings, put together: its channel, our secret there, and what counts of its words."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from adapters.channels.addresses import host_of, networks_of
from adapters.channels.http import HttpChannel, HttpSettings
from adapters.doors.console.provider import Provider, ProviderFacts
from adapters.doors.console.sso import Claims, Sso
from bus.rights import ADMINISTRATOR
from config.console_settings import ConsoleSettings
from config.oidc_settings import OidcSettings
from config.settings_file import SettingsRefused, secret
from config.wiring import Ports

KEY = "console.oidc"


def sso_of(settings: ConsoleSettings, ports: Ports) -> Sso | None:
    """How people sign in at the provider; None where the settings name none. Raises SettingsRefused."""
    told = settings.oidc
    if told is None:
        return None
    if not settings.public_url:
        raise SettingsRefused("console.public_url", "the provider sends people back there: name the console's address")
    if find_spec("authlib") is None:
        raise SettingsRefused(KEY, "install the extra: pip install 'lienthong[sso]'")
    if told.issuer.startswith("http://") and not told.allow_http:
        raise SettingsRefused(f"{KEY}.issuer", "is not https; allow_http is for a provider on this machine only")
    shared = secret(told.client_secret_file, f"{KEY}.client_secret_file", urls=[told.issuer])
    facts = ProviderFacts(
        issuer=told.issuer,
        client_id=told.client_id,
        client_secret=shared.reveal().decode(),
        redirect_uri=f"{settings.public_url.rstrip('/')}/console/sso/back",
        scope=told.scope,
        hosts=frozenset(told.hosts),
    )
    channel = HttpChannel(_http(told), clock=ports.clock)
    provider = Provider(facts, channel, clock=ports.clock, randomness=ports.randomness)
    return Sso(provider=provider, claims=_claims(told), label=told.label)


def _http(told: OidcSettings) -> HttpSettings:
    try:
        networks = networks_of(told.private_networks)
    except ValueError as trouble:
        raise SettingsRefused(f"{KEY}.private_networks", str(trouble)) from None
    return HttpSettings(
        timeout=timedelta(seconds=told.timeout_s),
        allow_http=told.allow_http,
        hosts=frozenset({host_of(told.issuer), *told.hosts}),
        networks=networks,
        roots_pem=_roots(told.ca_file),
        max_reply_bytes=200_000,
    )


def _claims(told: OidcSettings) -> Claims:
    if not told.may_administer and any(ADMINISTRATOR in roles for roles in told.roles.values()):
        raise SettingsRefused(
            f"{KEY}.roles", "gives the role administrator, which claims may not make unless may_administer is on"
        )
    return Claims(
        name=told.name_claim,
        roles=told.roles_claim,
        role_table=told.roles,
        units=told.units_claim,
        every_unit=told.every_unit,
        may_administer=told.may_administer,
    )


def _roots(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError:
        raise SettingsRefused(
            f"{KEY}.ca_file", f"{path} cannot be read; put the authority's certificate there, PEM"
        ) from None
