"""The SOAP signing service, the pure parts: tables, samples by the XSD, and what its signed answers say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from adapters.channels.soap import NAMESPACES, SoapCodec
from adapters.partners.soap_signer.codes import CONTRACTS, PROBLEMS, STATES, Said, problem_row, status_row
from adapters.partners.soap_signer.replies import offered_of, problem_of, signatures_of, state_of, unproven
from adapters.partners.soap_signer.soap import PORT, SERVICE
from bus.signatures import SignatureVerdict
from contracts.mock_notes import rules_of
from contracts.soap_signer.mock import SoapSigner as SoapSignerMock
from contracts.soap_signer.wsdl import WSDL, breach

SAMPLES = Path(SoapSignerMock.notes).with_name("samples")
REQUEST = "KY000000000000000000000000000001"


@pytest.mark.parametrize("name", sorted(each.name for each in SAMPLES.iterdir()))
def test_samples_keep_the_schema(name):
    """Each sample is a message of the XSD; with an element that nobody knows it is none."""
    content = etree.fromstring((SAMPLES / name).read_bytes())
    said = breach(content)
    etree.SubElement(content, "{urn:vn:ky-so:soap-signer:v1}Odd")

    assert "" == said
    assert "Odd" in breach(content)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("status.pending", SignatureVerdict.WAITING),
        ("status.signed", SignatureVerdict.SIGNED),
        ("status.rejected", SignatureVerdict.DECLINED),
        ("status.failed", SignatureVerdict.FAILED),
    ],
)
def test_status_samples_are_read_by_the_codec(name, verdict):
    """zeep reads the very bytes; another request's answer says nothing."""
    body = (SAMPLES / f"{name}.xml").read_text(encoding="utf-8")
    soap = NAMESPACES["1.1"]
    envelope = etree.fromstring(f'<s:Envelope xmlns:s="{soap}"><s:Body>{body}</s:Body></s:Envelope>')
    values = SoapCodec(WSDL, service=SERVICE, port=PORT).reply("GetStatus", envelope)
    row = state_of(values, REQUEST)

    assert row is not None
    assert verdict is row.verdict
    assert state_of(values, "another") is None
    assert ["DOC-1"] * (verdict is SignatureVerdict.SIGNED) == [each.document_id for each in signatures_of(values)]


def test_tables_cite_rules_that_are_there():
    """What nobody knows has a row too, and says nothing."""
    known = set(rules_of(SoapSignerMock.notes))
    cited = {rule for row in (*STATES, *PROBLEMS, *CONTRACTS) for rule in re.findall(r"r\d+", row.source)}

    assert cited <= known
    assert SignatureVerdict.UNCLEAR is status_row("SOMETHING").verdict
    assert Said.UNCLEAR is problem_row("something").said


def test_what_is_not_proven_is_not_looked_into():
    """Only who stands in front says something, in HTTP."""
    assert [Said.UNCLEAR, Said.UNCLEAR, Said.DOWN, Said.LATER] == [
        unproven(status, "not signed").said for status in (200, 500, 403, 503)
    ]


def test_noes_and_odd_certificates():
    """A no keeps its code and its words; a certificate without a value is none."""
    no = problem_of("quota", "Hết lượt")

    assert (Said.NO, "quota_exhausted", "quota: Hết lượt") == (no.said, no.code, no.reason)
    assert [] == offered_of([{"Serial": "1", "Value": None}])
    assert [True, False] == [
        each.is_usable
        for each in offered_of([{"Value": b"1", "Status": "VALID"}, {"Value": b"2", "Status": "EXPIRED"}])
    ]
