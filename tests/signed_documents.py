"""Signed documents, good and bad, made when they are needed: by `signing.documents` and the tests' own infrastructure.

Everything happens around `signing_kit.NOW`: signed a minute before, stamped, and looked at an hour later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from contracts.signing_pki.authorities import DUTY, PUBLIC, Holder, SigningPki
from signing.documents import embed, prepare, with_archive_stamp, with_evidence
from signing.verification import DocumentTrust, Evidence, Report, verify_pdf
from tests.signing_kit import NOW, crl_of, ocsp_of, roots, signer, small_pdf, stamp, stamper

SIGNED_AT = NOW - timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)


@cache
def trust() -> DocumentTrust:
    """Whom the tests' settings believe."""
    return DocumentTrust(
        roots={"official": roots(DUTY), "agency": roots(DUTY), "citizen": roots(PUBLIC)},
        stamp_roots=roots("stamps"),
    )


def stamped_at(at: datetime, by: Holder | None = None) -> Callable[[bytes], bytes]:
    """A time-stamp authority on the line, at this time."""
    return lambda digest: stamp(digest, at, by=by)


def signed(
    pdf: bytes | None = None,
    holder: Holder | None = None,
    *,
    at: datetime = SIGNED_AT,
    stamped: datetime | None = NOW,
    by: Holder | None = None,
    field: str = "Ky1",
) -> bytes:
    """B-T, or B-B without a time of stamping."""
    holder = holder or signer("official")
    made = prepare(pdf or small_pdf(), certificate=holder.der, chain=holder.chain_der, at=at, field=field)
    told = None if stamped is None else stamped_at(stamped, by)
    return embed(made.document, made.plan, holder.sign_digest(made.digest), stamp=told)


def evidence(*holders: Holder, at: datetime = LATER, mine: SigningPki | None = None, lists: bool = False) -> Evidence:
    """What authorities say about these, and about the time-stamp unit."""
    about = (*(holders or (signer("official"),)), stamper())
    whose = [(each, mine if each is not stamper() else None) for each in about]
    if lists:
        return Evidence(crls=tuple(crl_of(each, at, mine=pki_) for each, pki_ in whose))
    answers = tuple(ocsp_of(each, at, mine=pki_) for each, pki_ in whose)
    return Evidence(ocsps=answers, certificates=tuple(der for each in about for der in each.chain_der))


def lasting(pdf: bytes | None = None, *holders: Holder) -> bytes:
    """B-LT: with all that vouches for it inside."""
    return with_evidence(pdf or signed(), evidence(*holders))


def archived(pdf: bytes | None = None, at: datetime = LATER) -> bytes:
    """B-LTA."""
    return with_archive_stamp(pdf or lasting(), stamped_at(at))


def looked(pdf: bytes, *said: Evidence, now: datetime = LATER) -> Report:
    """What we say of it."""
    return verify_pdf(pdf, trust(), now, joined(said) if said else evidence())


def joined(said: Iterable[Evidence]) -> Evidence:
    """All of it together."""
    said = tuple(said)
    return Evidence(
        crls=tuple(der for each in said for der in each.crls),
        ocsps=tuple(der for each in said for der in each.ocsps),
        certificates=tuple(der for each in said for der in each.certificates),
    )


@dataclass(frozen=True, slots=True)
class Update:
    """An incremental update by hand, as an attacker writes one."""

    pdf: bytes

    def with_objects(self, objects: dict[int, bytes], *, trailer: bytes = b"") -> bytes:
        """These objects replaced or added, with a table and trailer of their own."""
        previous = int(self.pdf.rsplit(b"startxref", 1)[1].split()[0])
        made, places = bytearray(self.pdf), {}
        if not made.endswith(b"\n"):
            made += b"\n"
        for number, content in objects.items():
            places[number] = len(made)
            made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
        return bytes(self._ended(made, places, previous, trailer))

    def pointing(self, places: dict[int, int]) -> bytes:
        """No object more: only a table in which these numbers stand for other places of the file."""
        previous = int(self.pdf.rsplit(b"startxref", 1)[1].split()[0])
        return bytes(self._ended(bytearray(self.pdf + b"\n"), places, previous, b""))

    def _ended(self, made: bytearray, places: dict[int, int], previous: int, trailer: bytes) -> bytearray:
        table = len(made)
        made += b"xref\n"
        for number, place in sorted(places.items()):
            made += b"%d 1\n%010d 00000 n \n" % (number, place)
        made += b"trailer\n<< /Size %d /Root 1 0 R /Prev %d %s>>\n" % (self.size(places), previous, trailer)
        made += b"startxref\n%d\n%%%%EOF\n" % table
        return made

    def size(self, places: dict[int, int]) -> int:
        """One more than the highest number."""
        told = [int(each.split(b"/")[0].split(b">")[0]) for each in self.pdf.split(b"/Size")[1:]]
        return max([*told, max(places, default=0) + 1])
