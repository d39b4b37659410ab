"""A one-stop system that only answers: each call's signature checked, each answer signed. In a process of its own.

    python -m benchmarks.soap_sink '{"core": 1, "certificate": "ours.pem", "key": "theirs.key", "their": "theirs.pem"}'

What we send is checked here with lxml and cryptography alone. The answer is written from a template around what
differs, and signed by the product's own `sign_canonical`, the quickest way to sign: else this figure would be the
endpoint's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from benchmarks.machine import pin
from benchmarks.sink import Sink, loop_factory, serve
from contracts.one_stop.shapes import NAMESPACE
from signing.canonical import Template
from signing.keys import X509Identity, from_pem
from signing.wsse import sign_canonical

_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_WSU_ID: Final = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"
_NAMED: Final = etree.XPath("//*[@u:Id]", namespaces={"u": _WSU_ID[1:].partition("}")[0]})
_ANSWER: Final = (
    f'<lt:ReceiveDossierResponse xmlns:lt="{NAMESPACE}"><lt:acknowledgement><lt:id>{{id}}</lt:id>'
    "<lt:accepted_at>2026-07-03T03:02:31Z</lt:accepted_at><lt:number>{number}</lt:number></lt:acknowledgement>"
    "</lt:ReceiveDossierResponse>"
)


class SoapSink(Sink):
    """Judges a call and gives status and body."""

    kind = "text/xml; charset=utf-8"

    def __init__(self, ours: rsa.RSAPublicKey, identity: X509Identity) -> None:
        super().__init__(b"")
        self._ours = ours
        self._identity = identity
        self._template = Template(_ANSWER.encode())

    def judge(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str | None]:
        """As the other sink; whatever is no question about the books is a ReceiveDossier."""
        if path in ("/books", "/times", "/reset"):
            return super().judge(method, path, headers, body)
        self.books.counts["calls"] += 1
        root = etree.fromstring(body)
        if not self._fits(root):
            self.books.counts["unsigned"] += 1
            return 500, b"", None
        message = {str(etree.QName(each).localname): each.text or "" for each in root[1][0][0]}
        self.books.take(message["national_number"], message["id"], None)
        return 200, self._answer(message["id"], str(root.findtext(".//{*}MessageID"))), None

    def _fits(self, root: etree._Element) -> bool:
        """Every reference's digest, and the value over them."""
        (signature,) = root.iter(f"{_DS}Signature")
        parts = {each.get(_WSU_ID): each for each in _NAMED(root)}
        for reference in signature[0].iter(f"{_DS}Reference"):
            name, digest = reference.get("URI", "")[1:], str(reference.findtext(f"{_DS}DigestValue"))
            if not hmac.compare_digest(hashlib.sha256(_canonical(parts[name])).digest(), base64.b64decode(digest)):
                return False
        value = base64.b64decode(str(signature.findtext(f"{_DS}SignatureValue")))
        try:
            self._ours.verify(value, _canonical(signature[0]), padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def _answer(self, message_id: str, call: str) -> bytes:
        content = self._template.fill({"id": message_id, "number": f"H99-{message_id}"})
        headers = {"Action": f"{NAMESPACE}:ReceiveDossierResponse", "RelatesTo": call}
        return sign_canonical(content, self._identity, now=datetime.now(UTC), addressing=headers)


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


def main(told: dict[str, Any]) -> None:
    """Read what was told, and serve."""
    pin(told.get("core"))
    ours = x509.load_pem_x509_certificate(Path(told["certificate"]).read_bytes()).public_key()
    assert isinstance(ours, rsa.RSAPublicKey)
    sink = SoapSink(ours, from_pem(Path(told["key"]), Path(told["their"]), name="one-stop"))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(sink, 0))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
