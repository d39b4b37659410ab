"""The signing services of the settings: secrets read, channels opened, adapters and their side of the door made.

A further service is a row in `_MAKERS`: its table of the settings, its adapter, and what it understands at the door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from bus.dispatch import Adapter, PartnerWork
from config.partner_addresses import addresses, check_forms
from config.settings_file import SettingsRefused, is_this_machine, secret
from config.signing_settings import (
    CscKeys,
    MysignKeys,
    SignerSettings,
    SigningSettings,
    SmartCaKeys,
    SoapSignerKeys,
    VneidGatewayKeys,
)
from config.wiring import Installation, Ports, http_settings, patience_of

if TYPE_CHECKING:
    from adapters.channels.http import HttpChannel, HttpSettings
    from adapters.channels.pki import RevocationSource
    from adapters.partners.csc.settings import CscSettings
    from adapters.partners.gateways.secrets import Secret
    from adapters.partners.mysign.settings import MysignSettings
    from adapters.partners.signers.adapter import Judge, SigningDesk
    from adapters.partners.signers.calls import Hooks
    from adapters.partners.smartca.settings import SmartCaSettings
    from adapters.partners.soap_signer.settings import SoapSignerSettings
    from adapters.partners.vneid_gateway.settings import VneidSettings

MOCK_NAME: Final = "(mock)"
"""Stands in the name of every authority of the mocks (contracts/signing_pki/NOTES.md#r3)."""
PUBLISHED: Final = (b"demo-", b"DEMO")
"""How the secrets of published test vectors begin: everybody can read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How one service's pieces are made from its settings."""

    adapter: Callable[[Installation, str, Any, SigningDesk, Judge], Adapter]
    read: Callable[[str, Any], object]
    """Its settings with all secrets; for `check`."""
    hooks: Callable[[str, Any], Hooks] | None = None
    """Its side of the door of callbacks; None: it never calls."""


def work(installation: Installation, name: str, partner: SignerSettings) -> PartnerWork:
    """How a worker treats it. Raises SettingsRefused."""
    from config.signing_desk import signing_desk
    from config.signing_judge import judge_of

    check_roots(installation.settings.signing, name, partner)
    desk, judge = signing_desk(installation), judge_of(installation)
    adapter = maker_of(partner).adapter(installation, name, partner, desk, judge)
    return PartnerWork(adapter=adapter, patience=patience_of(partner), threads=partner.threads)


def maker_of(partner: SignerSettings) -> Maker:
    """Raises KeyError for a service that nobody has taught us."""
    return _MAKERS[type(partner)]


def signers(installation: Installation) -> dict[str, SignerSettings]:
    """Every signing service of the settings."""
    table = installation.settings.partner_table()
    return {name: each for name, each in table.items() if isinstance(each, SignerSettings)}


def check_roots(told: SigningSettings, name: str, partner: SignerSettings) -> None:
    """Keys that everybody can read vouch for nobody: the mocks' authorities only where a service stands on this
    machine, the published demo key nowhere. Raises SettingsRefused."""
    from config.signing_trust import KEY, ROOTS, certificates_of
    from signing.errors import DemoKeyRefused
    from signing.keys import refuse_demo, spki_of

    is_here = all(map(is_this_machine, addresses(partner).values()))
    for member in ROOTS:
        for certificate in certificates_of(told, member):
            try:
                refuse_demo(certificate.public_bytes(Encoding.DER), spki_of(certificate.public_key()))
            except DemoKeyRefused:
                raise SettingsRefused(
                    f"{KEY}.{member}", "holds the published demo key, with which everybody can sign; take it out"
                ) from None
            if MOCK_NAME in certificate.subject.rfc4514_string() and not is_here:
                cure = f"holds an authority of the mocks, and [partners.{name}] is not on this machine; take it out"
                raise SettingsRefused(f"{KEY}.{member}", cure)


# -- what all have -----------------------------------------------------------------------------------------------------


def text_of(name: str, partner: SignerSettings, member: str) -> str:
    """A secret that is a text; empty where the settings name no file. Raises SettingsRefused."""
    file = getattr(partner, member)
    return _known(partner, file, f"partners.{name}.{member}").decode() if file else ""


def shared(name: str, partner: SignerSettings, member: str, key_id: str) -> Secret | None:
    """One shared secret, long enough; None where the settings name no file. Raises SettingsRefused."""
    file = getattr(partner, member)
    return _shared(partner, file, f"partners.{name}.{member}", key_id) if file else None


def several(name: str, partner: SignerSettings, member: str, previous: str) -> tuple[Secret, ...]:
    """A shared secret with those that it follows. Raises SettingsRefused."""
    first = shared(name, partner, member, "current")
    where = f"partners.{name}.{previous}"
    olds = [_shared(partner, file, where, f"previous-{n}") for n, file in enumerate(getattr(partner, previous), 1)]
    return (*((first,) if first else ()), *olds)


def _shared(partner: SignerSettings, file: str, place: str, key_id: str) -> Secret:
    from adapters.partners.gateways.secrets import MIN_SECRET, Secret

    value = _known(partner, file, place)
    if len(value) < MIN_SECRET:
        raise SettingsRefused(place, f"the secret has {len(value)} bytes; use {MIN_SECRET} or more")
    return Secret(key_id=key_id, value=value)


def _known(partner: SignerSettings, file: str, place: str) -> bytes:
    value = secret(file, place, urls=addresses(partner).values()).reveal()
    if value.startswith(PUBLISHED):
        raise SettingsRefused(place, f"{file} holds the secret of a published example; ask the service for your own")
    return value


def channel_settings(name: str, partner: SignerSettings) -> HttpSettings:
    """How it is reached: the hosts of its addresses. Raises SettingsRefused."""
    from adapters.channels.addresses import AddressRefused, host_of

    check_forms(name, partner)
    hosts = set()
    for member, url in addresses(partner).items():
        try:
            hosts.add(host_of(url))
        except AddressRefused as trouble:
            raise SettingsRefused(f"partners.{name}.{member}", str(trouble)) from None
    return replace(http_settings(partner, f"partners.{name}"), hosts=frozenset(hosts))


def _channel(settings: HttpSettings, ports: Ports) -> HttpChannel:
    from adapters.channels.http import HttpChannel

    return HttpChannel(settings, clock=ports.clock, crash_point=ports.crash_point)


# -- VNPT SmartCA ------------------------------------------------------------------------------------------------------


def smartca_settings(name: str, partner: SmartCaKeys) -> SmartCaSettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.smartca.settings import SmartCaSettings

    return SmartCaSettings(
        url=partner.url,
        sp_id=partner.sp_id,
        sp_password=text_of(name, partner, "sp_password_file"),
        status_id=partner.status_id,
        messages=partner.messages,
        life=timedelta(seconds=partner.life_s),
        is_called_back=partner.is_called_back,
        http=channel_settings(name, partner),
    )


def _smartca(installation: Installation, name: str, partner: SmartCaKeys, desk: SigningDesk, judge: Judge) -> Adapter:
    from adapters.partners.smartca.adapter import smartca

    ports, settings = installation.ports, smartca_settings(name, partner)
    channel = _channel(settings.http, ports)
    return smartca(
        settings, channel, desk=desk, clock=ports.clock, name=name, judge=judge, crash_point=ports.crash_point
    )


def _smartca_hooks(name: str, partner: SmartCaKeys) -> Hooks:
    from adapters.partners.smartca.callbacks import SmartCaHooks

    return SmartCaHooks(smartca_settings(name, partner), name=name)


# -- Viettel MySign ----------------------------------------------------------------------------------------------------


def mysign_settings(name: str, partner: MysignKeys) -> MysignSettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.mysign.settings import MysignSettings

    if bool(partner.their_id) != bool(partner.their_secret_file):
        raise SettingsRefused(f"partners.{name}.their_id", "goes with their_secret_file: give both, or none")
    return MysignSettings(
        url=partner.url,
        client_id=partner.client_id,
        client_secret=text_of(name, partner, "client_secret_file"),
        profile_id=partner.profile_id,
        their_id=partner.their_id,
        their_secrets=several(name, partner, "their_secret_file", "previous_secret_files"),
        http=channel_settings(name, partner),
    )


def _mysign(installation: Installation, name: str, partner: MysignKeys, desk: SigningDesk, judge: Judge) -> Adapter:
    from adapters.partners.mysign.adapter import mysign

    ports, settings = installation.ports, mysign_settings(name, partner)
    channel = _channel(settings.http, ports)
    return mysign(
        settings, channel, desk=desk, clock=ports.clock, name=name, judge=judge, crash_point=ports.crash_point
    )


def _mysign_hooks(name: str, partner: MysignKeys) -> Hooks:
    from adapters.partners.mysign.callbacks import MysignCallbacks

    return MysignCallbacks(mysign_settings(name, partner), name=name)


# -- the gateway of VNeID ----------------------------------------------------------------------------------------------


def vneid_settings(name: str, partner: VneidGatewayKeys) -> VneidSettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.vneid_gateway.settings import VneidSettings, check_settings

    settings = VneidSettings(
        url=partner.url,
        username=partner.username,
        password=text_of(name, partner, "password_file"),
        originator_code=partner.originator_code,
        partner_code=partner.partner_code,
        secret=shared(name, partner, "secret_file", "current"),
        webhook_secrets=several(name, partner, "webhook_secret_file", "previous_webhook_secret_files"),
        string_to_sign=partner.string_to_sign,
        signature_encoding=partner.signature_encoding,
        http=channel_settings(name, partner),
    )
    try:
        check_settings(settings)
    except ValueError as trouble:
        raise SettingsRefused(f"partners.{name}", str(trouble)) from None
    return settings


def _vneid(
    installation: Installation, name: str, partner: VneidGatewayKeys, desk: SigningDesk, judge: Judge
) -> Adapter:
    from adapters.partners.vneid_gateway.adapter import vneid_gateway

    ports, settings = installation.ports, vneid_settings(name, partner)
    return vneid_gateway(
        settings,
        _channel(settings.http, ports),
        desk=desk,
        clock=ports.clock,
        randomness=ports.randomness,
        name=name,
        judge=judge,
        crash_point=ports.crash_point,
    )


def _vneid_hooks(name: str, partner: VneidGatewayKeys) -> Hooks:
    from adapters.partners.vneid_gateway.callbacks import VneidCallbacks

    return VneidCallbacks(vneid_settings(name, partner), name=name)


# -- services by the Cloud Signature Consortium's API ------------------------------------------------------------------


def csc_settings(name: str, partner: CscKeys) -> CscSettings:
    """The adapter's own settings. Raises SettingsRefused."""
    from adapters.partners.csc.settings import CscSettings

    try:
        return CscSettings(
            url=partner.url,
            client_id=partner.client_id,
            client_secret=text_of(name, partner, "client_secret_file"),
            oauth2_url=partner.oauth2_url,
            pin=text_of(name, partner, "pin_file"),
            is_asynchronous=partner.is_asynchronous,
            redirect_uri=partner.redirect_uri,
            issuer=partner.issuer,
            otp_tries=partner.otp_tries,
            most_hashes=partner.most_hashes,
            http=channel_settings(name, partner),
            signing_timeout=timedelta(seconds=partner.signing_timeout_s),
        )
    except ValueError as trouble:
        raise SettingsRefused(f"partners.{name}", str(trouble)) from None


def _csc(installation: Installation, name: str, partner: CscKeys, desk: SigningDesk, judge: Judge) -> Adapter:
    from adapters.partners.csc.adapter import Csc
    from adapters.partners.signers.adapter import SigningService

    ports, settings = installation.ports, csc_settings(name, partner)
    slow = replace(settings.http, timeout=settings.signing_timeout)
    service = Csc(
        settings,
        _channel(settings.http, ports),
        _channel(slow, ports),
        clock=ports.clock,
        name=name,
        crash_point=ports.crash_point,
    )
    return SigningService(
        service,
        desk=desk,
        name=name,
        clock=ports.clock,
        timeout=settings.signing_timeout,
        judge=judge,
        crash_point=ports.crash_point,
    )


# -- services over SOAP ------------------------------------------------------------------------------------------------


def soap_signer_settings(
    name: str, partner: SoapSignerKeys, source: RevocationSource | None = None
) -> SoapSignerSettings:
    """The adapter's own settings; `source`: what asks whether its certificate still holds. Raises SettingsRefused."""
    from pathlib import Path

    from adapters.partners.soap_signer.settings import SoapSignerSettings, check_settings
    from config.identities import pem_identity
    from config.trusting import trust_of

    key = f"partners.{name}"
    files = (Path(partner.signing_key_file), Path(partner.signing_certificate_file))
    settings = SoapSignerSettings(
        url=partner.url,
        identity=pem_identity(*files, (f"{key}.signing_key_file", f"{key}.signing_certificate_file"), name=name),
        trust=source or trust_of(partner, key),
        asks_verify=partner.asks_verify,
        max_skew=timedelta(seconds=partner.max_skew_s),
        http=channel_settings(name, partner),
    )
    try:
        check_settings(settings)
    except ValueError as trouble:
        raise SettingsRefused(f"{key}.url", str(trouble)) from None
    return settings


def _soap_signer(
    installation: Installation, name: str, partner: SoapSignerKeys, desk: SigningDesk, judge: Judge
) -> Adapter:
    from adapters.partners.signers.adapter import SigningService
    from adapters.partners.soap_signer.adapter import SoapSigner
    from config.trusting import doubt_of, source_of

    ports = installation.ports
    source = source_of(partner, f"partners.{name}", ports.clock)
    if source is not None:
        installation.minded.append(source.refresh)
        installation.doubts.append(doubt_of(source, partner))
    settings = soap_signer_settings(name, partner, source)
    return SigningService(
        SoapSigner(settings, _channel(settings.http, ports), clock=ports.clock, name=name),
        desk=desk,
        name=name,
        clock=ports.clock,
        timeout=settings.http.timeout,
        judge=judge,
        crash_point=ports.crash_point,
    )


_MAKERS: Final[dict[type[SignerSettings], Maker]] = {
    SmartCaKeys: Maker(adapter=_smartca, read=smartca_settings, hooks=_smartca_hooks),
    MysignKeys: Maker(adapter=_mysign, read=mysign_settings, hooks=_mysign_hooks),
    VneidGatewayKeys: Maker(adapter=_vneid, read=vneid_settings, hooks=_vneid_hooks),
    CscKeys: Maker(adapter=_csc, read=csc_settings),
    SoapSignerKeys: Maker(adapter=_soap_signer, read=soap_signer_settings),
}
