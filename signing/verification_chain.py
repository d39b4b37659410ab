"""Whose certificate signed a document: its chain to a root of its role, its days, its use, its revocation in the past.

Here *when* is an argument: a signature of years ago is judged at the time that a trusted stamp proves, with what
authorities said about that time, then or since. `signing.trust` does the same for messages, which are always of now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, VerificationError

from signing.errors import DemoKeyRefused
from signing.keys import SMALLEST_RSA, refuse_demo, spki_of
from signing.revocation import GOOD_HASHES, SKEW, Evidence, Verdict, found, sources, statements
from signing.trust import policy_over
from signing.verdicts import Code, Reason

SMALLEST_CURVE: Final = 256
MOST_CERTIFICATES: Final = 64
"""Certificates that a search for a chain may use: what a document brings, and what the settings have."""
MOST_STATEMENTS: Final = 128
NOT_FOR_DOCUMENTS: Final = frozenset(
    {
        ExtendedKeyUsageOID.OCSP_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTrust:
    """Whom the settings believe, by role: an agency's root vouches for no citizen."""

    roots: Mapping[str, tuple[bytes, ...]]
    """DER, by role: official, agency, citizen."""
    stamp_roots: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    is_demo: bool = False

    def chains(self) -> Chains:
        """What looks for chains; read the certificates once and keep it."""
        return Chains(self)


@dataclass(frozen=True, slots=True)
class Heard:
    """Lists and answers, each read or left out; `own` came in the document itself."""

    own: tuple[Evidence, ...] = ()
    given: tuple[Evidence, ...] = ()

    @classmethod
    def of(cls, own: tuple[Sequence[bytes], Sequence[bytes]], given: tuple[Sequence[bytes], Sequence[bytes]]) -> Heard:
        """From lists and answers of the document, and those that were fetched."""
        return cls(_read(*own), _read(*given))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """What is said of a signer or of a time-stamp unit."""

    reasons: tuple[Reason, ...]
    chain: tuple[x509.Certificate, ...] = ()
    roles: tuple[str, ...] = ()
    wanted: tuple[tuple[bytes, bytes], ...] = ()
    brings_evidence: bool = False
    """Whether every word that it needed came in the document itself."""
    ends: datetime
    """The last moment of its certificate."""
    since: datetime | None = None
    """From when on it is revoked, where it is."""
    lost_at: datetime | None = None
    """Since when its key, or one above it, may be in other hands."""


class Chains:
    """Finds chains and judges who stands at their end. Safe to share between threads."""

    def __init__(self, trust: DocumentTrust) -> None:
        self._policies = {role: _policy(roots) for role, roots in trust.roots.items() if roots}
        self._stamps = {"stamp": _policy(trust.stamp_roots)} if trust.stamp_roots else {}
        self._intermediates = tuple(x509.load_der_x509_certificate(each) for each in trust.intermediates)
        self._is_demo = trust.is_demo

    def signer(self, der: bytes, more: Iterable[bytes], heard: Heard, *, at: datetime, now: datetime) -> Party:
        """Of who signed a document, at the time that is proven."""
        return self._party(der, more, heard, at=at, valid_at=at, now=now, policies=self._policies)

    def stamper(
        self, der: bytes, more: Iterable[bytes], heard: Heard, *, at: datetime, seen: datetime, now: datetime
    ) -> Party:
        """Of who stamped at `at`, as we or a later stamp saw it at `seen`."""
        return self._party(der, more, heard, at=at, valid_at=seen, now=now, policies=self._stamps)

    def _party(
        self,
        der: bytes,
        more: Iterable[bytes],
        heard: Heard,
        *,
        at: datetime,
        valid_at: datetime,
        now: datetime,
        policies: Mapping[str, PolicyBuilder],
    ) -> Party:
        leaf = x509.load_der_x509_certificate(der)
        uses = _of_use(leaf, is_stamp=policies is self._stamps)
        reasons = [*self._of_key(leaf, der), *uses, *_of_days(leaf, valid_at)]
        pool = [*self._intermediates, *_readable(more)][:MOST_CERTIFICATES]
        chain, roles, late = _chain(leaf, pool, _within(leaf, valid_at), policies)
        if not chain:
            why = late or Reason(Code.UNTRUSTED, leaf.issuer.rfc4514_string())
            return Party(reasons=(*reasons, why), ends=leaf.not_valid_after_utc)
        word = _words(chain, heard, at=_within(leaf, at), now=now)
        return Party(
            reasons=(*reasons, *word.reasons),
            chain=tuple(chain),
            roles=roles,
            wanted=tuple(word.wanted),
            brings_evidence=word.is_own and not word.wanted,
            ends=leaf.not_valid_after_utc,
            since=word.since,
            lost_at=word.lost_at,
        )

    def _of_key(self, leaf: x509.Certificate, der: bytes) -> list[Reason]:
        key = leaf.public_key()
        reasons = []
        is_strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_RSA) or (
            isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= SMALLEST_CURVE
        )
        if not is_strong:
            reasons.append(Reason(Code.WEAK_KEY, str(getattr(key, "key_size", ""))))
        if not isinstance(leaf.signature_hash_algorithm, GOOD_HASHES):
            reasons.append(Reason(Code.WEAK_HASH, leaf.subject.rfc4514_string()))
        try:
            if not self._is_demo:
                refuse_demo(der, spki_of(key))
        except DemoKeyRefused:
            reasons.append(Reason(Code.DEMO_KEY))
        return reasons


# -- chain -------------------------------------------------------------------------------------------------------------


def _chain(
    leaf: x509.Certificate, pool: list[x509.Certificate], at: datetime, policies: Mapping[str, PolicyBuilder]
) -> tuple[list[x509.Certificate], tuple[str, ...], Reason | None]:
    """The first chain, and every role whose roots one leads to; else, perhaps, that it is only out of date."""
    found_ = {role: chain for role, policy in policies.items() if (chain := _search(policy, leaf, pool, at))}
    if found_:
        return next(iter(found_.values())), tuple(sorted(found_)), None
    earlier = leaf.not_valid_before_utc
    is_late = any(_search(policy, leaf, pool, earlier) for policy in policies.values())
    return [], (), Reason(Code.EXPIRED, leaf.issuer.rfc4514_string()) if is_late else None


def _search(
    policy: PolicyBuilder, leaf: x509.Certificate, pool: list[x509.Certificate], at: datetime
) -> list[x509.Certificate]:
    try:
        return policy.time(at).build_client_verifier().verify(leaf, pool).chain
    except (VerificationError, ValueError):
        return []


@lru_cache(maxsize=64)
def _policy(roots: tuple[bytes, ...]) -> PolicyBuilder:
    return policy_over([x509.load_der_x509_certificate(each) for each in roots])


def _within(leaf: x509.Certificate, at: datetime) -> datetime:
    """The nearest moment of the certificate's own days: what is said of its chain outside them is another matter."""
    return min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)


def _of_days(leaf: x509.Certificate, at: datetime) -> list[Reason]:
    if at < leaf.not_valid_before_utc:
        return [Reason(Code.NOT_YET_VALID, leaf.not_valid_before_utc.isoformat())]
    return [Reason(Code.EXPIRED, leaf.not_valid_after_utc.isoformat())] if at > leaf.not_valid_after_utc else []


def _of_use(leaf: x509.Certificate, *, is_stamp: bool) -> list[Reason]:
    """What the certificate was made for, as far as it says."""
    usage, purposes = found(leaf, x509.KeyUsage), found(leaf, x509.ExtendedKeyUsage)
    basics = found(leaf, x509.BasicConstraints)
    signs = usage is None or usage.digital_signature or usage.content_commitment
    if is_stamp:
        # RFC 3161: this purpose and no other, or the key of a web server could say what time it is.
        fits = purposes is not None and list(purposes) == [ExtendedKeyUsageOID.TIME_STAMPING]
    else:
        fits = purposes is None or not set(purposes) <= NOT_FOR_DOCUMENTS
    is_good = signs and fits and not (basics is not None and basics.ca)
    return [] if is_good else [Reason(Code.NOT_FOR_SIGNING, leaf.subject.rfc4514_string())]


def _readable(certificates: Iterable[bytes]) -> Iterable[x509.Certificate]:
    for der in certificates:
        try:
            yield x509.load_der_x509_certificate(der)
        except (ValueError, x509.DuplicateExtension):
            continue


# -- revocation --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Words:
    reasons: list[Reason] = field(default_factory=list)
    wanted: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_own: bool = True
    since: datetime | None = None
    lost_at: datetime | None = None


def _words(chain: list[x509.Certificate], heard: Heard, *, at: datetime, now: datetime) -> _Words:
    """What authorities said of each certificate but the root, which nobody but the settings can take back."""
    words = _Words()
    for n, (certificate, issuer) in enumerate(pairwise(chain)):
        own = _said(certificate, issuer, heard.own, now)
        said = [*own, *_said(certificate, issuer, heard.given, now)]
        since = min((each.since for each in said if each.since is not None), default=None)
        if since is not None:
            words.since = since if n == 0 else words.since
            if any(each.is_for_key for each in said):
                words.lost_at = min(since, words.lost_at or since)
            words.reasons.append(_revoked(certificate, since, at, is_leaf=n == 0))
        elif not any(_covers(each, certificate, at) for each in said):
            if n == 0 or _names_sources(certificate):
                words.reasons.append(Reason(Code.REVOCATION_UNKNOWN, certificate.subject.rfc4514_string()))
                words.wanted.append((_der(certificate), _der(issuer)))
            # An authority that names nowhere to ask has nobody who could say more: its root, and the settings, vouch.
        elif not any(_covers(each, certificate, at) for each in own):
            words.is_own = False
    return words


def _revoked(certificate: x509.Certificate, since: datetime, at: datetime, *, is_leaf: bool) -> Reason:
    code = Code.REVOKED if is_leaf else Code.AUTHORITY_REVOKED
    about = since.isoformat() if is_leaf else f"{certificate.subject.rfc4514_string()}, {since.isoformat()}"
    return Reason(code if since <= at else Code.REVOKED_LATER, about)


def _covers(said: Verdict, certificate: x509.Certificate, at: datetime) -> bool:
    """Whether a good word is about that time: said then, or later while the certificate was still kept account of."""
    if said.from_ >= at:
        return said.from_ <= certificate.not_valid_after_utc
    return at <= said.until


def _said(
    certificate: x509.Certificate, issuer: x509.Certificate, evidence: Iterable[Evidence], now: datetime
) -> list[Verdict]:
    said: list[Verdict] = []
    for each in evidence:
        try:
            said += statements(certificate, issuer, each)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
            continue
    return [each for each in said if each.from_ <= now + SKEW]


def _names_sources(certificate: x509.Certificate) -> bool:
    return any(sources(_der(certificate)))


def _read(crls: Sequence[bytes], answers: Sequence[bytes]) -> tuple[Evidence, ...]:
    read: list[Evidence] = []
    for der in crls[:MOST_STATEMENTS]:
        try:
            read.append(Evidence((x509.load_der_x509_crl(der),)))
        except (ValueError, TypeError):
            continue
    for der in answers[:MOST_STATEMENTS]:
        try:
            answer = ocsp.load_der_ocsp_response(der)
            if answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
                read.append(Evidence((), (answer,)))
        except (ValueError, TypeError):
            continue
    return tuple(read)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
