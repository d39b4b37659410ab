"""Whom an installation believes about documents, as settings tell it; and where it is asked for stamps and evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from config.settings_file import SettingsRefused

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from adapters.channels.addresses import Network
    from adapters.channels.http import HttpSettings
    from adapters.channels.timestamps import StampAuthorities
    from adapters.documents.assembling import Assembler
    from adapters.documents.evidence import EvidenceSource
    from config.wiring import Installation, Ports
    from signing.verification_chain import Chains, DocumentTrust

KEY: Final = "signing"
ROLES: Final = ("official", "agency", "citizen")
ROOTS: Final = ("roots_file", "official_roots_file", "agency_roots_file", "citizen_roots_file", "stamp_roots_file")


class _SettingsFor(Protocol):
    def __call__(
        self, hosts: frozenset[str], networks: tuple[Network, ...] = ..., *, timeout: timedelta = ...
    ) -> HttpSettings: ...


class Ported(Protocol):
    """An installation, or what stands for one where no ledger is opened."""

    @property
    def ports(self) -> Ports: ...


class TrustKeys(Protocol):
    """The keys of `[signing]` that say whom to believe."""

    @property
    def roots_file(self) -> str: ...
    @property
    def official_roots_file(self) -> str: ...
    @property
    def agency_roots_file(self) -> str: ...
    @property
    def citizen_roots_file(self) -> str: ...
    @property
    def stamp_roots_file(self) -> str: ...
    @property
    def tsa_urls(self) -> tuple[str, ...]: ...
    @property
    def crl_urls(self) -> tuple[str, ...]: ...
    @property
    def revocation_hosts(self) -> tuple[str, ...]: ...
    @property
    def private_networks(self) -> tuple[str, ...]: ...
    @property
    def timeout_s(self) -> float: ...


def is_anybody_believed(told: TrustKeys) -> bool:
    """Whether the settings name roots at all: without them no document is ever good."""
    return bool(told.roots_file or told.official_roots_file or told.agency_roots_file or told.citizen_roots_file)


def trust_of(told: TrustKeys, *, is_demo: bool = False) -> DocumentTrust:
    """Raises SettingsRefused."""
    from signing.verification_chain import DocumentTrust

    roots: dict[str, tuple[bytes, ...]] = {}
    between: list[bytes] = []
    for role in ROLES:
        key = f"{role}_roots_file" if getattr(told, f"{role}_roots_file") else "roots_file"
        roots[role], others = _certificates(told, key)
        between += others
    stamp_roots, others = _certificates(told, "stamp_roots_file")
    return DocumentTrust(
        roots={role: found for role, found in roots.items() if found},
        stamp_roots=stamp_roots,
        intermediates=tuple(dict.fromkeys([*between, *others])),
        is_demo=is_demo,
    )


def files_trust(files: Sequence[Path]) -> DocumentTrust:
    """Of roots that are named one by one: of every role, and of time stamps. Raises SettingsRefused."""
    from signing.verification_chain import DocumentTrust

    read = [_parted(_in_file(path, "--trust")) for path in files]
    roots = tuple(der for found, _ in read for der in found)
    between = tuple(der for _, others in read for der in others)
    return DocumentTrust(roots=dict.fromkeys(ROLES, roots), stamp_roots=roots, intermediates=between)


def chains_of(told: TrustKeys, *, is_demo: bool = False) -> Chains:
    """What judges certificates of documents. Raises SettingsRefused."""
    return trust_of(told, is_demo=is_demo).chains()


def stamps_of(installation: Ported, told: TrustKeys) -> StampAuthorities:
    """Who gives time stamps, over a channel of its own. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel
    from adapters.channels.httpx2_transport import Httpx2Transport
    from adapters.channels.timestamps import StampAuthorities, stamp_settings

    ports = installation.ports
    settings = _reached(told, told.tsa_urls, (), "tsa_urls", stamp_settings)
    channel = HttpChannel(settings, open_transport=Httpx2Transport, clock=ports.clock, crash_point=ports.crash_point)
    return StampAuthorities(channel, told.tsa_urls, clock=ports.clock, randomness=ports.randomness)


def stamps_beside(installation: Installation, name: str, first: StampAuthorities) -> Callable[[bytes], bytes]:
    """Those, and where they gave none the CSC service that the settings name. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel
    from adapters.channels.timestamps import NoStamp
    from adapters.partners.csc.stamps import CscStamps
    from config.partner_signers import csc_settings
    from config.signing_settings import CscKeys

    ports = installation.ports
    partner = installation.settings.partner_table().get(name)
    if not isinstance(partner, CscKeys):
        raise SettingsRefused(f"{KEY}.tsa_partner", f"{name} is no CSC service of these settings: [partners.csc]")
    settings = csc_settings(name, partner)
    channel = HttpChannel(settings.http, clock=ports.clock, crash_point=ports.crash_point)
    service = CscStamps(settings, channel, clock=ports.clock, randomness=ports.randomness, name=name)

    def stamp(digest: bytes) -> bytes:
        try:
            return first(digest)
        except NoStamp:
            return service(digest)

    return stamp


def evidence_of(installation: Ported, told: TrustKeys) -> EvidenceSource:
    """Who fetches what vouches for certificates. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel
    from adapters.channels.httpx2_transport import Httpx2Transport
    from adapters.channels.pki import pki_settings
    from adapters.documents.evidence import EvidenceSource

    ports = installation.ports
    settings = _reached(told, told.crl_urls, told.revocation_hosts, "crl_urls", pki_settings)
    channel = HttpChannel(settings, open_transport=Httpx2Transport, clock=ports.clock, crash_point=ports.crash_point)
    return EvidenceSource(channel, lists=told.crl_urls)


def assembler_of(installation: Installation, told: TrustKeys, *, is_demo: bool = False) -> Assembler:
    """All that finishing signatures needs. Raises SettingsRefused."""
    from adapters.documents.assembling import Assembler
    from config.documents import documents_of

    stamps, beside = stamps_of(installation, told), installation.settings.signing.tsa_partner
    return Assembler(
        room=documents_of(installation),
        chains=chains_of(told, is_demo=is_demo),
        stamp=stamps_beside(installation, beside, stamps) if beside else stamps,
        source=evidence_of(installation, told),
    )


def _reached(
    told: TrustKeys, urls: tuple[str, ...], hosts: tuple[str, ...], key: str, settings_for: _SettingsFor
) -> HttpSettings:
    from adapters.channels.addresses import AddressRefused, host_of, networks_of

    try:
        allowed, networks = frozenset((*hosts, *map(host_of, urls))), networks_of(told.private_networks)
    except (AddressRefused, ValueError) as trouble:
        raise SettingsRefused(f"{KEY}.{key}", str(trouble)) from None
    return settings_for(allowed, networks, timeout=timedelta(seconds=told.timeout_s))


def certificates_of(told: TrustKeys, key: str) -> list[Certificate]:
    """All that one of these files has. Raises SettingsRefused."""
    path = getattr(told, key)
    return _in_file(Path(path), f"{KEY}.{key}") if path else []


def _certificates(told: TrustKeys, key: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return _parted(certificates_of(told, key))


def _in_file(path: Path, key: str) -> list[Certificate]:
    from signing.errors import KeyTrouble
    from signing.keys import certificates_in

    try:
        return certificates_in(path)
    except KeyTrouble as trouble:
        raise SettingsRefused(key, f"{trouble}; put the authorities' certificates there, PEM") from None


def _parted(found: Sequence[Certificate]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Roots and, where the file has some too, authorities below them: the latter only help to find a chain."""
    from cryptography.hazmat.primitives.serialization import Encoding

    roots = tuple(each.public_bytes(Encoding.DER) for each in found if each.issuer == each.subject)
    return roots, tuple(each.public_bytes(Encoding.DER) for each in found if each.issuer != each.subject)
