"""Trust by authority, as settings tell it: whose certificates are believed, and where it is asked whether they hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from config.settings_file import SettingsRefused

if TYPE_CHECKING:
    from cryptography import x509

    from adapters.channels.pki import RevocationSource
    from bus.ports import Clock
    from signing.trust import Trust

ROOTS_CURE: Final = "put the certificate of the authority there, PEM, that made the other side's certificate"

_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")


class TrustKeys(Protocol):
    """The keys of a table that trusts an authority."""

    @property
    def trust_roots_file(self) -> str: ...
    @property
    def pinned_subjects(self) -> tuple[str, ...]: ...
    @property
    def pinned_keys(self) -> tuple[str, ...]: ...
    @property
    def revocation(self) -> Literal["require", "none"]: ...
    @property
    def revocation_grace_s(self) -> float: ...
    @property
    def crl_urls(self) -> tuple[str, ...]: ...
    @property
    def revocation_hosts(self) -> tuple[str, ...]: ...
    @property
    def private_networks(self) -> tuple[str, ...]: ...


def trust_of(told: TrustKeys, key: str, *, is_demo: bool = False) -> Trust:
    """Whose certificates are believed; `key` is the table's name. Raises SettingsRefused."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from signing.trust import Pins, Trust

    subjects_of(told, key)
    _check_keys(told, key)
    found, authorities = _authorities(told, key)
    roots = [each for each in authorities if each.issuer == each.subject] or authorities
    try:
        return Trust(
            roots=[each.public_bytes(Encoding.DER) for each in roots],
            intermediates=[each.public_bytes(Encoding.DER) for each in found if each not in roots],
            pins=Pins(subjects=frozenset(told.pinned_subjects), keys=frozenset(told.pinned_keys)),
            revocation=told.revocation,
            grace=timedelta(seconds=told.revocation_grace_s),
            is_demo=is_demo,
        )
    except ValueError as trouble:
        raise SettingsRefused(f"{key}.pinned_subjects", str(trouble)) from None


def subjects_of(told: TrustKeys, key: str) -> frozenset[x509.Name]:
    """The subjects that are pinned. Raises SettingsRefused with the entry that is none."""
    return frozenset(_subject(text, f"{key}.pinned_subjects") for text in told.pinned_subjects)


def _subject(text: str, setting: str) -> x509.Name:
    from cryptography import x509

    try:
        if name := x509.Name.from_rfc4514_string(text):
            return name
    except ValueError:
        pass  # it rarely says why
    how = "write it as CN=one-stop,O=Example,C=VN (`openssl x509 -noout -subject -nameopt RFC2253` shows it)"
    raise SettingsRefused(setting, f"{text!r} is no subject of a certificate; {how}")


def _check_keys(told: TrustKeys, key: str) -> None:
    """Another text than a digest is nobody's key, and nothing would ever be believed. Raises SettingsRefused."""
    for text in told.pinned_keys:
        if not _DIGEST.fullmatch(text):
            cure = "is no SHA-256 of a public key (SubjectPublicKeyInfo): write 64 hexadecimal digits"
            raise SettingsRefused(f"{key}.pinned_keys", f"{text!r} {cure}")


def _authorities(told: TrustKeys, key: str) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """The certificates of its file, and those of them that may vouch for others. Raises SettingsRefused."""
    from signing.errors import KeyTrouble
    from signing.keys import certificates_in

    setting = f"{key}.trust_roots_file"
    try:
        found = certificates_in(Path(told.trust_roots_file))
    except KeyTrouble as trouble:
        raise SettingsRefused(setting, f"{trouble}; {ROOTS_CURE}") from None
    if authorities := [each for each in found if _is_authority(each)]:
        return found, authorities
    raise SettingsRefused(
        setting, f"{told.trust_roots_file} has no certificate of an authority (CA:TRUE); {ROOTS_CURE}"
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    from signing.revocation import found

    try:
        basics = found(certificate, x509.BasicConstraints)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return basics is not None and basics.ca


def source_of(told: TrustKeys, key: str, clock: Clock, *, is_demo: bool = False) -> RevocationSource | None:
    """What fetches lists and answers, where they are required. Raises SettingsRefused."""
    if told.revocation == "none":
        return None
    from adapters.channels.addresses import AddressRefused, host_of, networks_of
    from adapters.channels.http import HttpChannel
    from adapters.channels.httpx2_transport import Httpx2Transport
    from adapters.channels.pki import RevocationSource, pki_settings

    try:
        hosts = frozenset((*told.revocation_hosts, *map(host_of, told.crl_urls)))
        networks = networks_of(told.private_networks)
    except (AddressRefused, ValueError) as trouble:
        raise SettingsRefused(f"{key}.crl_urls", str(trouble)) from None
    # Asked once an hour: the plain client will do.
    channel = HttpChannel(pki_settings(hosts, networks), open_transport=Httpx2Transport, clock=clock)
    return RevocationSource(trust_of(told, key, is_demo=is_demo), channel, lists=told.crl_urls)


def doubt_of(source: RevocationSource, told: TrustKeys) -> Callable[[datetime], bool]:
    """Whether its word has run out at a time, grace included: what `/readyz` calls `revocation_stale`."""
    grace = timedelta(seconds=told.revocation_grace_s)
    return lambda now: source.is_stale(now - grace)
