"""One one-stop system of the settings: its keys read, its channel opened, its adapter put together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bus.dispatch import PartnerWork
from config.partner_addresses import check_forms
from config.settings import OneStopKeys
from config.settings_file import SettingsRefused, secret
from config.wiring import Installation, Ports, http_settings, patience_of

if TYPE_CHECKING:
    from adapters.channels.pki import RevocationSource
    from adapters.partners.one_stop.settings import OneStopSettings, RestKeys, SoapKeys
    from signing.http import Key
    from signing.keys import X509Identity
    from signing.trust import Trust


def work(installation: Installation, name: str, partner: OneStopKeys) -> PartnerWork:
    """How a worker treats it. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel
    from adapters.partners.one_stop.adapter import OneStop

    ports = installation.ports
    settings, source = read(name, partner, ports)
    if source is not None:
        from config.trusting import doubt_of

        installation.minded.append(source.refresh)
        installation.doubts.append(doubt_of(source, partner))
    channel = HttpChannel(settings.http, clock=ports.clock, crash_point=ports.crash_point)
    adapter = OneStop(settings, channel, clock=ports.clock, name=name, crash_point=ports.crash_point)
    return PartnerWork(adapter=adapter, patience=patience_of(partner), threads=partner.threads)


def read(name: str, partner: OneStopKeys, ports: Ports) -> tuple[OneStopSettings, RevocationSource | None]:
    """The adapter's own settings with the keys of their files; what asks about revocation. Raises SettingsRefused."""
    from adapters.channels.addresses import AddressRefused, host_of
    from adapters.partners.one_stop.settings import OneStopSettings, check_settings

    key = f"partners.{name}"
    check_forms(name, partner)
    source = revocation(name, partner, ports) if partner.protocol == "soap" else None
    keys = rest_keys(name, partner) if partner.protocol == "rest" else soap_keys(name, partner, source)
    try:
        settings = OneStopSettings(
            url=partner.url,
            keys=keys,
            soap_version=partner.soap_version,
            max_skew=timedelta(seconds=partner.max_skew_s),
            http=replace(http_settings(partner, key), hosts=frozenset({host_of(partner.url)})),
        )
        check_settings(settings)
    except (AddressRefused, ValueError) as trouble:
        raise SettingsRefused(f"{key}.url", str(trouble)) from None
    return settings, source


# -- SOAP --------------------------------------------------------------------------------------------------------------


def soap_keys(name: str, partner: OneStopKeys, source: RevocationSource | None) -> SoapKeys:
    """Who signs, and who is believed. Raises SettingsRefused."""
    from adapters.partners.one_stop.settings import SoapKeys

    return SoapKeys(identity=identity(name, partner), trust=source or trust(name, partner))


def identity(name: str, partner: OneStopKeys) -> X509Identity:
    """Our key with its certificate. Raises SettingsRefused."""
    from config.identities import pem_identity, with_cure
    from signing.errors import KeyTrouble
    from signing.keys import from_pkcs12
    from signing.pkcs11 import from_token

    key, certificate = f"partners.{name}", Path(partner.signing_certificate_file)
    token = partner.pkcs11
    try:
        if token is not None:
            pin = secret(token.pin_file, f"{key}.pkcs11.pin_file").reveal().decode()
            return from_token(
                module=token.module,
                token=token.token,
                key=token.label,
                pin=pin,
                certificate_file=certificate,
                name=name,
            )
        if partner.signing_pkcs12_file:
            password = pkcs12_password(name, partner)
            return from_pkcs12(Path(partner.signing_pkcs12_file), name=name, password=password)
    except KeyTrouble as trouble:
        raise SettingsRefused(f"{key}.{signing_setting(partner)}", with_cure(trouble)) from None
    settings = (f"{key}.signing_key_file", f"{key}.signing_certificate_file")
    return pem_identity(Path(partner.signing_key_file), certificate, settings, name=name)


def signing_setting(partner: OneStopKeys) -> str:
    """The key that names what we sign with."""
    if partner.pkcs11 is not None:
        return "pkcs11"
    return "signing_pkcs12_file" if partner.signing_pkcs12_file else "signing_key_file"


def pkcs12_password(name: str, partner: OneStopKeys) -> bytes | None:
    """Raises SettingsRefused."""
    file = partner.signing_pkcs12_password_file
    return secret(file, f"partners.{name}.signing_pkcs12_password_file").reveal() if file else None


def trust(name: str, partner: OneStopKeys) -> Trust:
    """Whose answers are believed. Raises SettingsRefused."""
    from config.trusting import trust_of

    return trust_of(partner, f"partners.{name}")


def revocation(name: str, partner: OneStopKeys, ports: Ports) -> RevocationSource | None:
    """What fetches lists and answers, where they are required. Raises SettingsRefused."""
    from config.trusting import source_of

    return source_of(partner, f"partners.{name}", ports.clock)


# -- REST --------------------------------------------------------------------------------------------------------------


def rest_keys(name: str, partner: OneStopKeys) -> RestKeys:
    """Our secret and their key. Raises SettingsRefused."""
    from adapters.partners.one_stop.settings import RestKeys

    return RestKeys(
        key_id=partner.keyid,
        secret=_shared(partner, partner.secret_file, f"partners.{name}.secret_file"),
        their_key_id=partner.their_keyid,
        their_key=_their_key(name, partner),
    )


def _their_key(name: str, partner: OneStopKeys) -> Key:
    from signing.asymmetric import public_key
    from signing.errors import KeyTrouble

    key = f"partners.{name}.their_public_key_file"
    if partner.their_secret_file:
        return _shared(partner, partner.their_secret_file, f"partners.{name}.their_secret_file")
    try:
        found = public_key(Path(partner.their_public_key_file).read_bytes())
    except (KeyTrouble, OSError) as trouble:
        why = trouble.strerror if isinstance(trouble, OSError) else trouble
        cure = "put the public key of the one-stop system there, PEM"
        raise SettingsRefused(key, f"{partner.their_public_key_file}: {why}; {cure}") from None
    if found.is_of_the_demo:
        raise SettingsRefused(
            key, "it is the key of the demo, which everybody has; ask the one-stop system for its own"
        )
    return found


def _shared(partner: OneStopKeys, path: str, key: str) -> bytes:
    from signing.http import MIN_SECRET

    found = secret(path, key, urls=(partner.url,)).reveal()
    if len(found) < MIN_SECRET:
        raise SettingsRefused(key, f"the secret has {len(found)} bytes; use {MIN_SECRET} or more")
    return found
