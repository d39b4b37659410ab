"""The callers of the SOAP door: those whose certificates the settings name, and those that an authority vouches for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.doors.auth import Caller
from adapters.doors.soap_callers import Callers
from config.caller_keys import ASK_CALLER, every_key
from config.settings import AuthoritySettings, Settings
from config.settings_file import SettingsRefused
from config.trusting import doubt_of, source_of, subjects_of, trust_of
from config.wiring import Installation
from signing.errors import KeyTrouble
from signing.keys import certificates_in
from signing.trust import Trust
from signing.wsse import TrustIn


def trust_in(installation: Installation, callers: Mapping[str, Caller], *, is_demo: bool = False) -> Callers:
    """By the certificates of the settings, and by the authorities. Raises SettingsRefused."""
    settings = installation.settings
    known_callers(settings)
    named = {der: callers[name] for der, name in certificates_of(settings).items()}
    vouched: list[tuple[Caller, TrustIn]] = []
    for name, told in authorities_of(settings).items():
        key = f"callers.{name}.authority"
        source = source_of(told, key, installation.ports.clock, is_demo=is_demo)
        if source is not None:
            installation.minded.append(source.refresh)
            installation.doubts.append(doubt_of(source, told))
        vouched.append((callers[name], source or trust_of(told, key, is_demo=is_demo)))
    by_name = Trust(named=named, revocation="none", is_demo=is_demo) if named else None
    return Callers(named=named, by_name=by_name, vouched=vouched, subjects=_subjects(settings))


def authorities_of(settings: Settings) -> dict[str, AuthoritySettings]:
    """Caller → the authority that vouches for it. Raises SettingsRefused where two could not be told apart."""
    found = {name: caller.authority for name, caller in settings.callers.items() if caller.authority is not None}
    for (one, first), (other, second) in combinations(found.items(), 2):
        names, keys = _names(one, first), frozenset(first.pinned_keys)
        if _may_meet(names, _names(other, second)) and _may_meet(keys, frozenset(second.pinned_keys)):
            raise SettingsRefused(
                f"callers.{other}.authority.pinned_subjects",
                f"a certificate could be of {one} as well: pin the subjects of both",
            )
    return found


def _may_meet(one: frozenset[Any], other: frozenset[Any]) -> bool:
    """Whether something may be in both; what is not pinned may be anything."""
    return not one or not other or bool(one & other)


def _names(name: str, told: AuthoritySettings) -> frozenset[x509.Name]:
    return subjects_of(told, f"callers.{name}.authority")


def _subjects(settings: Settings) -> dict[x509.Name, str]:
    """Pinned subject → the caller that it was agreed for; of two callers that share one it tells nobody."""
    told = [(subject, name) for name, of in authorities_of(settings).items() for subject in _names(name, of)]
    count = Counter(subject for subject, _ in told)
    return {subject: name for subject, name in told if count[subject] == 1}


def certificates_of(settings: Settings) -> dict[bytes, str]:
    """Certificate, DER → the caller that it is of. Raises SettingsRefused."""
    found: dict[bytes, str] = {}
    for name, caller in settings.callers.items():
        for where, key in every_key(name, caller):
            if not key.certificate:
                continue
            try:
                der = certificates_in(Path(key.certificate))[0].public_bytes(Encoding.DER)
            except KeyTrouble as trouble:
                raise SettingsRefused(where, f"{trouble}; {ASK_CALLER}") from None
            if found.setdefault(der, name) != name:
                raise SettingsRefused(
                    where, f"caller {found[der]} has the same certificate: nobody could tell the two apart"
                )
    return found


def known_callers(settings: Settings) -> list[str]:
    """Who may speak at this door; every certificate and authority can be used. Raises SettingsRefused."""
    named, vouched = certificates_of(settings), authorities_of(settings)
    if not (named or vouched):
        raise SettingsRefused("soap", "no caller has a certificate; add `certificate` or `authority` to [callers.NAME]")
    for name, told in vouched.items():
        trust_of(told, f"callers.{name}.authority")
    return sorted({*named.values(), *vouched})
