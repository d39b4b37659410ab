"""Trust by authority, as settings tell it: whose certificates are believed, and where it is asked whether they hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from config.settings_file import SettingsRefused

if TYPE_CHECKING:
    from adapters.channels.pki import RevocationSource
    from bus.ports import Clock
    from signing.trust import Trust


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

    from signing.errors import KeyTrouble
    from signing.keys import certificates_in
    from signing.trust import Pins, Trust

    try:
        found = certificates_in(Path(told.trust_roots_file))
    except KeyTrouble as trouble:
        raise SettingsRefused(f"{key}.trust_roots_file", str(trouble)) from None
    roots = [each for each in found if each.issuer == each.subject] or found
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
