"""Pure. Which of the certificates that a service lists for a signer is signed with: the same answer each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from adapters.partners.signers.credentials import misfit_of
from bus.messages import Refused
from bus.signatures import SignatureStanding

NONE_AT_ALL: Final = "no certificate of this signer there"
NONE_WISHED: Final = "not the certificate that was asked for"
NONE_PREPARED: Final = "the certificate that the documents were prepared for is not there any more"
NONE_USABLE: Final = "the service says that none of the certificates may be used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One certificate as a service lists it."""

    id: str
    certificate: bytes
    """DER."""
    chain: tuple[bytes, ...] = ()
    is_usable: bool = True
    """By the service's own word."""
    most: int | None = None
    """Signatures that one agreement may give; None: it does not say."""


def choose(offered: Sequence[Offered], standing: SignatureStanding, *, now: datetime) -> Offered | Refused:
    """The one that the documents are prepared for; else the one that was wished for; else the one that fits the signer
    and is good longest."""
    if not offered:
        return Refused(code="no_certificate", reason=NONE_AT_ALL)
    if standing.certificate is not None:
        same = [each for each in offered if each.certificate == standing.certificate]
        return _usable(same, Refused(code="certificate_not_usable", reason=NONE_PREPARED), standing, now)
    if standing.credential is None:
        return _usable(offered, Refused(code="no_certificate", reason=NONE_AT_ALL), standing, now)
    wished = [each for each in offered if _is_named(each, standing.credential)]
    return _usable(wished, Refused(code="no_certificate", reason=NONE_WISHED), standing, now)


def _usable(found: Sequence[Offered], none: Refused, standing: SignatureStanding, now: datetime) -> Offered | Refused:
    """Of several the one that fits, and of these the one that is good longest. One that does not fit is given on: why
    it does not is said where it is judged."""
    if not found:
        return none
    usable = [each for each in found if each.is_usable]
    if not usable:
        return Refused(code="certificate_not_usable", reason=NONE_USABLE)
    user, name = standing.user, standing.signer_name
    fitting = [each for each in usable if misfit_of(each.certificate, user=user, name=name, at=now) is None]
    return max(fitting or usable, key=lambda each: (_ends(each.certificate), each.certificate))


def _is_named(offered: Offered, wish: str) -> bool:
    """By the service's own id, or by its serial number, in hexadecimal as services print it or in decimal."""
    if wish == offered.id:
        return True
    told = wish.replace(":", "").replace(" ", "").casefold()
    try:
        serial = x509.load_der_x509_certificate(offered.certificate).serial_number
    except ValueError:
        return False
    return told.lstrip("0") in {f"{serial:x}", str(serial)}


def _ends(der: bytes) -> float:
    """A certificate that cannot be read comes last."""
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except ValueError:
        return 0.0
