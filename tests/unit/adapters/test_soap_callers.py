"""Whose certificate a refused SOAP message brought: for the operator's note."""

from __future__ import annotations

import pytest

from adapters.doors.auth import Caller
from adapters.doors.soap_callers import Callers
from tests.message_pki import Holder, pki

AGREED = Callers(
    named={pki().leaf.der: Caller(name="by-certificate", sources=frozenset())},
    by_name=None,
    subjects={pki().authority.certificate.subject: "by-authority"},
)


@pytest.mark.parametrize(
    ("holder", "name"), [(pki().leaf, "by-certificate"), (pki().authority, "by-authority"), (pki().root, None)]
)
def test_claimed(holder: Holder, name: str | None) -> None:
    """A certificate of the settings, or the subject that was agreed for an authority's, names its caller."""
    assert name == AGREED.claimed(holder.der)


@pytest.mark.parametrize("octets", [None, b"", b"no certificate", pki().leaf.der[:-1]])
def test_nobody_is_claimed(octets: bytes | None) -> None:
    """Without a certificate, or with one that nobody can read, nobody is named."""
    assert AGREED.claimed(octets) is None
