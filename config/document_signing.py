"""What `documents sign` does, without its words: a document signed with a key of the installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from signing.errors import DocumentRefused, SigningError

if TYPE_CHECKING:
    from config.wiring import Installation
    from signing.appearance import Appearance
    from signing.keys import X509Identity

Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]
LEVELS: Final[tuple[Level, ...]] = ("B-B", "B-T", "B-LT", "B-LTA")
MESSAGES: Final = ("rsa-sha256", "ecdsa-p256-sha256")


class NotLasting(SigningError):
    """The signature does not verify as a whole, so that there is nothing to keep for years; see the codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a document is to be signed."""

    field: str
    at: datetime
    level: Level = "B-B"
    appearance: Appearance | None = None
    reason: str | None = None
    location: str | None = None


def is_xml(document: bytes) -> bool:
    """By its first letter: no PDF begins so."""
    return document.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def signed(
    document: bytes, identity: X509Identity, wanted: Wanted, stamp: Callable[[bytes], bytes] | None = None
) -> bytes:
    """B-B, with a stamp B-T. Raises DocumentRefused, KeyTrouble, PlanWrong, and what the stamp raises."""
    if is_xml(document):
        return _xml_signed(document, identity, wanted, stamp)
    from signing.documents import embed, prepare, to_be_signed

    prepared = prepare(
        document,
        certificate=identity.certificate_der,
        chain=identity.chain_der,
        at=wanted.at,
        field=wanted.field,
        appearance=wanted.appearance,
        reason=wanted.reason,
        location=wanted.location,
    )
    value = identity.sign(to_be_signed(prepared.plan), _algorithm(identity))
    return embed(prepared.document, prepared.plan, value, stamp=stamp)


def _xml_signed(
    document: bytes, identity: X509Identity, wanted: Wanted, stamp: Callable[[bytes], bytes] | None
) -> bytes:
    from signing.xades import embed, prepare, to_be_signed

    if wanted.appearance is not None or wanted.level in ("B-LT", "B-LTA"):
        raise DocumentRefused("document_not_pdf", "data shows no signature on a page, and goes as far as B-T")
    prepared = prepare(
        document,
        certificate=identity.certificate_der,
        chain=identity.chain_der,
        at=wanted.at,
        field=wanted.field,
        reason=wanted.reason,
        location=wanted.location,
    )
    value = identity.sign(to_be_signed(prepared), _algorithm(identity))
    return embed(prepared.document, prepared.plan, value, stamp=stamp)


def _algorithm(identity: X509Identity) -> str:
    return next(each for each in identity.algorithms if each in MESSAGES)


def signed_to_last(document: bytes, identity: X509Identity, wanted: Wanted, here: Installation) -> bytes:
    """B-T and above, with the stamps and the evidence of this installation. Raises NotLasting too."""
    from adapters.documents.evidence import judged
    from config.signing_trust import chains_of, evidence_of, stamps_of
    from signing.documents import with_archive_stamp, with_evidence
    from signing.verdicts import Verdict

    told = here.settings.signing
    stamp = stamps_of(here, told)
    made = signed(document, identity, wanted, stamp)
    if wanted.level == "B-T":
        return made
    whole = judged(made, chains_of(told), here.ports.clock.now(), evidence_of(here, told))
    if whole.report.verdict is not Verdict.PASSED:
        raise NotLasting(", ".join(sorted(each.value for each in whole.report.codes)))
    made = with_evidence(made, whole.evidence)
    return made if wanted.level == "B-LT" else with_archive_stamp(made, stamp)
