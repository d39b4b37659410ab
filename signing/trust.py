"""Trust: whose certificate this is, and whether it holds now.

A chain leads to an authority of the settings (no other is known), every certificate of it is of these days, may do what
it did there, and has a key that is not weak; the leaf is the one agreed for the partner; and with `revocation =
"require"` a current CRL or OCSP answer vouches for each of them. Where none does, the grace passes (24 hours past the
last one's end unless the settings say otherwise), and then nothing is believed: it fails closed.

The search for a chain is cryptography's; everything that decides is here. A leaf's verdict is kept until the first of
the dates that it rests on, so that a busy partner costs one look-up a message.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from signing.errors import (
    DemoKeyRefused,
    ExpiredCertificate,
    ForeignSubject,
    KeyTooWeak,
    NotTrusted,
    RevocationUnknown,
    Revoked,
    Untrusted,
    VerifierFailed,
    WeakKey,
)
from signing.keys import algorithms_of, refuse_demo, spki_of
from signing.revocation import GOOD_HASHES, Evidence, Verdict, found, judge

GRACE: Final = timedelta(hours=24)
MOST_SENT: Final = 8
"""Certificates that a message may bring beside its own: no real chain is longer, and each costs a search."""
LONGEST: Final = 16_384
"""Bytes of a certificate."""
MOST_KEPT: Final = 1_024
"""Verdicts: far more than partners have keys; a flood of certificates must not become a flood of memory."""
NOT_FOR_MESSAGES: Final = frozenset(
    {ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Whom a partner's messages come from: one at least of these, or anybody with a certificate could speak for it."""

    subjects: frozenset[str] = frozenset()
    """RFC 4514, `CN=one-stop,O=Example,C=VN`: compared part by part."""
    keys: frozenset[str] = frozenset()
    """SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal. With both, both must fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Whose certificate it is."""

    subject: str
    serial: str
    """Hexadecimal."""
    not_after: datetime
    how: str
    """`named`, `chain`, `chain+crl+ocsp` …; with `, stale` where a statement was past its end, within the grace."""
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = field(repr=False)
    since: datetime
    until: datetime
    """The verdict holds for these moments: no date that it rests on lies between."""


class Trust:
    """What one partner's messages must be signed with. Safe to share between threads."""

    def __init__(
        self,
        *,
        roots: Iterable[bytes] = (),
        intermediates: Iterable[bytes] = (),
        named: Iterable[bytes] = (),
        pins: Pins | None = None,
        revocation: Literal["none", "require"] = "require",
        grace: timedelta = GRACE,
        crls: Iterable[bytes] = (),
        ocsp_answers: Iterable[bytes] = (),
        is_demo: bool = False,
    ) -> None:
        """`named` are certificates believed by themselves: taking one back is taking it out of the settings."""
        pins = pins or Pins()
        self._roots = [x509.load_der_x509_certificate(each) for each in roots]
        self._intermediates = [x509.load_der_x509_certificate(each) for each in intermediates]
        self._named = frozenset(named)
        if self._roots and not (pins.subjects or pins.keys):
            raise ValueError("an authority vouches for many: name the subject or the key of this partner")
        if not (self._roots or self._named):
            raise ValueError("nobody is trusted: name an authority or a certificate")
        self._subjects = [x509.Name.from_rfc4514_string(each) for each in sorted(pins.subjects)]
        self._keys = frozenset(each.lower() for each in pins.keys)
        self._policy = policy_over(self._roots) if self._roots else None
        self._needs_evidence = revocation == "require"
        self._grace = grace
        self._is_demo = is_demo
        self._lock = threading.Lock()
        self.renew(crls=crls, ocsp_answers=ocsp_answers)

    def renew(self, *, crls: Iterable[bytes] = (), ocsp_answers: Iterable[bytes] = ()) -> None:
        """From now on these statements count, and no others; every verdict is found anew. Raises ValueError."""
        evidence = Evidence.read(crls=crls, ocsp_answers=ocsp_answers)
        with self._lock:
            self._state: tuple[Evidence, dict[bytes, Trusted]] = (evidence, {})

    def __call__(self, leaf_der: bytes, more: Sequence[bytes], now: datetime) -> Trusted:
        """Whose certificate this is, with the further ones that came beside it. Raises NotTrusted, VerifierFailed."""
        evidence, kept = self._state
        known = kept.get(leaf_der)
        if known is not None and known.since <= now <= known.until:
            return known
        trusted = self._guarded(leaf_der, more, now, evidence)
        with self._lock:
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[bytes(leaf_der)] = trusted
        return trusted

    def check(self, leaf_der: bytes, chain: Sequence[bytes], at: datetime) -> Trusted:
        """The same under its name."""
        return self(leaf_der, chain, at)

    def _guarded(self, leaf_der: bytes, more: Sequence[bytes], now: datetime, evidence: Evidence) -> Trusted:
        try:
            return self._look(leaf_der, more, now, evidence)
        except NotTrusted:
            raise
        except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as trouble:
            raise Untrusted("the certificate cannot be read") from trouble
        except Exception as trouble:
            raise VerifierFailed(f"trust: {type(trouble).__name__}") from trouble

    def _look(self, leaf_der: bytes, more: Sequence[bytes], now: datetime, evidence: Evidence) -> Trusted:
        if len(more) > MOST_SENT or any(len(each) > LONGEST for each in (leaf_der, *more)):
            raise Untrusted("more or longer certificates than any chain has")
        leaf = x509.load_der_x509_certificate(leaf_der)
        key = self._key_of(leaf, leaf_der)
        _check_dates(leaf, now)
        _check_use(leaf)
        if leaf_der in self._named:
            return self._trusted(leaf, key, [leaf], [], now)
        chain = self._chain(leaf, [x509.load_der_x509_certificate(each) for each in more], now)
        self._check_pins(leaf, key)
        said = self._statements(chain, evidence, now) if self._needs_evidence else []
        return self._trusted(leaf, key, chain, said, now)

    def _key_of(self, leaf: x509.Certificate, leaf_der: bytes) -> PublicKeyTypes:
        key = leaf.public_key()
        try:
            algorithms_of(key)
            if not self._is_demo:
                refuse_demo(leaf_der, spki_of(key))
        except KeyTooWeak:
            raise WeakKey("neither RSA of 2048 bits or more nor ECDSA P-256") from None
        except DemoKeyRefused:
            raise Untrusted("the published demo key, outside the demo") from None
        if not isinstance(leaf.signature_hash_algorithm, GOOD_HASHES):
            raise WeakKey("signed with a broken hash")
        return key

    def _chain(self, leaf: x509.Certificate, more: list[x509.Certificate], now: datetime) -> list[x509.Certificate]:
        """Leaf first, root last."""
        if self._policy is None:
            raise Untrusted("not one of the certificates of the settings, and they name no authority")
        between = [*self._intermediates, *more]
        try:
            return self._policy.time(now).build_client_verifier().verify(leaf, between).chain
        except VerificationError as trouble:
            raise self._why(leaf, between, trouble) from trouble

    def _why(self, leaf: x509.Certificate, between: list[x509.Certificate], trouble: VerificationError) -> NotTrusted:
        """Dates are the one cause that passes by itself, and worth its own name."""
        assert self._policy is not None
        try:
            self._policy.time(leaf.not_valid_before_utc).build_client_verifier().verify(leaf, between)
        except VerificationError:
            return Untrusted(f"no chain leads to an authority of the settings: {trouble}")
        return ExpiredCertificate("an authority above it is not of these days")

    def _check_pins(self, leaf: x509.Certificate, key: PublicKeyTypes) -> None:
        if self._subjects and leaf.subject not in self._subjects:
            raise ForeignSubject(f"it is of {leaf.subject.rfc4514_string()}")
        if self._keys and hashlib.sha256(spki_of(key)).hexdigest() not in self._keys:
            raise ForeignSubject("its subject holds another key than agreed")

    def _statements(self, chain: list[x509.Certificate], evidence: Evidence, now: datetime) -> list[Verdict]:
        """One for each certificate but the root, which nobody but the settings can take back."""
        said, wanted = [], []
        for certificate, issuer in pairwise(chain):
            verdict = judge(certificate, issuer, evidence, at=now, grace=self._grace)
            if verdict is None:
                wanted.append((certificate.public_bytes(Encoding.DER), issuer.public_bytes(Encoding.DER)))
            elif verdict.is_revoked:
                raise Revoked(f"{certificate.subject.rfc4514_string()}, by {verdict.how}")
            else:
                said.append(verdict)
        if wanted:
            raise RevocationUnknown(wanted=tuple(wanted))
        return said

    def _trusted(
        self,
        leaf: x509.Certificate,
        key: PublicKeyTypes,
        chain: list[x509.Certificate],
        said: list[Verdict],
        now: datetime,
    ) -> Trusted:
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        begins = [each.not_valid_before_utc for each in chain]
        ends = [each.not_valid_after_utc for each in chain]
        for each in said:
            is_stale = each.until < now
            begins.append(each.until if is_stale else each.from_)
            ends.append(each.until + self._grace if is_stale else each.until)
        kinds = sorted({each.how for each in said})
        note = ", stale" if any(each.until < now for each in said) else ""
        return Trusted(
            subject=leaf.subject.rfc4514_string(),
            serial=f"{leaf.serial_number:x}",
            not_after=leaf.not_valid_after_utc,
            how="+".join(["named" if len(chain) == 1 else "chain", *kinds]) + note,
            public_key=key,
            since=max(begins),
            until=min(ends),
        )

    def __repr__(self) -> str:
        return f"Trust({len(self._roots)} roots, {len(self._named)} named)"


def policy_over(roots: list[x509.Certificate]) -> PolicyBuilder:
    """cryptography's defaults are those of the web (a host's name in every leaf); ours are those of RFC 5280.

    Whatever is asked here, an authority must be one, for so many below it, with a strong key and a hash of today.
    """
    authorities = (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    )
    return (
        PolicyBuilder()
        .store(Store(roots))
        .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
    )


def _may_sign(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("may not sign certificates")


def _check_dates(leaf: x509.Certificate, now: datetime) -> None:
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise ExpiredCertificate(f"good from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}")


def _check_use(leaf: x509.Certificate) -> None:
    """Made for signing messages, as far as it says what it was made for."""
    for extension in leaf.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            raise Untrusted(f"it says something critical that is not known here: {extension.oid.dotted_string}")
    usage, purposes = found(leaf, x509.KeyUsage), found(leaf, x509.ExtendedKeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise Untrusted("its key usage is not to sign")
    if purposes is not None and set(purposes) <= NOT_FOR_MESSAGES:
        raise Untrusted("it was made for another purpose than messages")
    basics = found(leaf, x509.BasicConstraints)
    if basics is not None and basics.ca:
        raise Untrusted("an authority's certificate signs no messages")
