"""Whose certificate it is: a caller's that the settings name, or one that an agreed authority vouches for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509

from adapters.doors.auth import Caller
from signing import wsse
from signing.errors import NotTrusted, Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCaller:
    """A caller, by a certificate that was believed."""

    subject: str
    caller: Caller = field(repr=False)


class Callers:
    """The trust of the SOAP door."""

    def __init__(
        self,
        *,
        named: Mapping[bytes, Caller],
        by_name: wsse.TrustIn | None,
        vouched: Sequence[tuple[Caller, wsse.TrustIn]] = (),
        subjects: Mapping[x509.Name, str] | None = None,
    ) -> None:
        """`named`: certificate, DER → its caller, believed by `by_name`; `vouched`: callers with a trust each.

        `subjects`: subject → the name of the one vouched caller that it was agreed for.
        """
        self._named = named
        self._by_name = by_name
        self._vouched = vouched
        self._subjects = subjects or {}

    def __call__(self, leaf: bytes, more: Sequence[bytes], now: datetime) -> KnownCaller:
        """The caller of this certificate. Raises NotTrusted: the one that comes nearest to a yes."""
        if leaf in self._named and self._by_name is not None:
            return KnownCaller(subject=self._by_name(leaf, more, now).subject, caller=self._named[leaf])
        refusals: list[NotTrusted] = []
        for caller, trust in self._vouched:
            try:
                return KnownCaller(subject=trust(leaf, more, now).subject, caller=caller)
            except NotTrusted as refusal:
                refusals.append(refusal)
        if not refusals and self._by_name is not None:
            self._by_name(leaf, more, now)  # says why: of no agreed certificate it says no in any case
        raise max(refusals, key=_nearness, default=Untrusted())

    def claimed(self, leaf: bytes | None) -> str | None:
        """Whose certificate this is, by the settings alone. Anybody can put it into a message: for notes only."""
        if leaf is None or leaf in self._named:
            return None if leaf is None else self._named[leaf].name
        try:
            return self._subjects.get(x509.load_der_x509_certificate(leaf).subject)
        except (ValueError, TypeError, x509.InvalidVersion):
            return None


_NEAR: Final = ("untrusted", "weak_key", "foreign_subject", "expired_certificate", "revocation_unknown", "revoked")


def _nearness(refusal: NotTrusted) -> int:
    return _NEAR.index(refusal.code)
