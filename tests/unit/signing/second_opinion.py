"""pyhanko-certvalidator as a second opinion on chains and revocation, in the one mode that really checks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from asn1crypto.x509 import Certificate
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError


def believes(
    leaf: bytes,
    between: Sequence[bytes],
    root: bytes,
    crls: Sequence[bytes],
    answers: Sequence[bytes],
    at: datetime,
) -> bool:
    """Whether it would trust this leaf for signing at that moment."""
    context = ValidationContext(
        trust_roots=[Certificate.load(root)],
        other_certs=[Certificate.load(each) for each in between],
        moment=at,
        crls=[CertificateList.load(each) for each in crls],
        ocsps=[OCSPResponse.load(each) for each in answers],
        revocation_mode="require",
        allow_fetching=False,
    )
    validator = CertificateValidator(Certificate.load(leaf), validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage({"digital_signature"}))
    except (PathBuildingError, PathValidationError):
        return False
    return True
