"""Signers, good and bad, with all that verifies them: made once in a run, on a fixed day, all invented.

The authorities are the mocks' own (`contracts/signing_pki`): written with other code than `signing/`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from asn1crypto import core
from cryptography.x509 import Certificate

from contracts.signing_pki.answers import crl, ocsp_about
from contracts.signing_pki.authorities import DUTY, FOREIGN, PUBLIC, STAMPS, Authority, Holder, SigningPki, root
from contracts.signing_pki.stamps import signed_data, token

NOW = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BASE = "http://pki.example.invalid"
SUBJECT_KINDS = ("person", "official", "agency", "expired", "not_yet", "weak", "sha1", "stranger")


@cache
def pki() -> SigningPki:
    """One for all tests that only read it. Who revokes makes its own: `fresh_pki()`."""
    return fresh_pki()


def fresh_pki(at: datetime = NOW) -> SigningPki:
    """One of the test's own, on this day."""
    return SigningPki(lambda: at, base=BASE)


@cache
def signer(kind: str = "person") -> Holder:
    """One of `SUBJECT_KINDS`, the same for all tests."""
    made = getattr(pki(), kind)()
    assert isinstance(made, Holder)
    return made


def roots(*which: str) -> tuple[bytes, ...]:
    """DER of these roots; of all that are trusted where none is named."""
    return tuple(root(each).der for each in which or (PUBLIC, DUTY, STAMPS))


def stamp_roots() -> tuple[bytes, ...]:
    """DER of the root above the time-stamp unit."""
    return roots(STAMPS)


def foreign_roots() -> tuple[bytes, ...]:
    """DER of the root that nobody trusts."""
    return roots(FOREIGN)


def revoked(at: datetime) -> tuple[SigningPki, Holder]:
    """An infrastructure of its own, and a signer whom it revoked at that time."""
    mine = fresh_pki()
    return mine, mine.revoked(at)


def raw(holder: Holder, digest: bytes) -> bytes:
    """What a remote service returns for this digest."""
    return holder.sign_digest(digest)


def cms(holder: Holder, signed_attributes: bytes) -> bytes:
    """What a service returns that answers with a detached CMS over the bytes whose digest it was sent."""
    return signed_data(holder, "data", None, digest=hashlib.sha256(signed_attributes).digest())


def stamp(digest: bytes, at: datetime = NOW, *, nonce: int | None = None, by: Holder | None = None) -> bytes:
    """A time-stamp token over this SHA-256."""
    return token(by or stamper(), digest, at, nonce=nonce)


@cache
def stamper() -> Holder:
    """The time-stamp unit."""
    return pki().stamper()


def authority_of(holder: Holder, mine: SigningPki | None = None) -> Authority:
    """Who vouches for it."""
    for authority in (mine or pki()).authorities.values():
        if authority.holder.certificate.subject == holder.certificate.issuer:
            return authority
    raise LookupError(holder.certificate.issuer.rfc4514_string())


def ocsp_of(holder: Holder, at: datetime = NOW, *, says: str = "", mine: SigningPki | None = None) -> bytes:
    """An OCSP answer about it, made at this time."""
    return ocsp_about(authority_of(holder, mine), holder, at, says=says)


def crl_of(holder: Holder, at: datetime = NOW, *, mine: SigningPki | None = None, life: timedelta = DAY) -> bytes:
    """The revocation list that covers it, made at this time."""
    return crl(authority_of(holder, mine), at, life=life)


def certificates(holder: Holder) -> list[Certificate]:
    """The signer first, the root last."""
    return [holder.certificate, *holder.chain]


def small_pdf(*, pages: int = 1, text: str = "Giay phep xay dung", size: int = 0) -> bytes:
    """A PDF by hand, with a classic cross-reference table; `size` pads it to about so many bytes."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n in range(pages):
        content = f"BT /F1 18 Tf 72 760 Td ({text} {n + 1}) Tj ET".encode()
        content += b"\n%" + b"x" * (size // pages) if size else b""
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * n} 0 R"
        objects.append(page.encode() + b" /Resources << /Font << /F1 3 0 R >> >> >>")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _pdf(objects)


def _pdf(objects: list[bytes]) -> bytes:
    made, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for n, each in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (n, each)
    table = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(made)


def is_der(value: bytes) -> bool:
    """Whether it is one DER value and nothing behind it."""
    return bool(core.Any.load(value).dump() == value)
