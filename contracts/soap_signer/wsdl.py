"""Where the service's description stands: our reconstruction of one (`NOTES.md`)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from lxml import etree

HERE: Final = Path(__file__).parent
WSDL: Final = HERE / "soap-signer.wsdl"
XSD: Final = HERE / "soap-signer.xsd"
NAMESPACE: Final = "urn:vn:ky-so:soap-signer:v1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
OPERATIONS: Final = ("GetCertificates", "Sign", "GetStatus", "Verify")
_one_at_a_time: Final = threading.Lock()
"""libxml2 makes its built-in types with the first schema, without a lock."""
_local: Final = threading.local()


def breach(content: etree._Element) -> str:
    """Where a message breaks the XSD; empty when it keeps it. The schema is compiled once for each thread: libxml2
    keeps the errors of a run with the schema."""
    if not hasattr(_local, "schema"):
        with _one_at_a_time:
            _local.schema = etree.XMLSchema(etree.parse(XSD))
    if _local.schema.validate(content):
        return ""
    error = _local.schema.error_log[0]
    return str(error.message).replace(f"{{{NAMESPACE}}}", "")[:300]
