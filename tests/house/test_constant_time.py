"""S5: bytes that prove something are compared in a time that tells nothing of where they differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import name_of, named, parsed

PROVES = re.compile(r"mac|digest|secret|password|signature|csrf|base64|token", re.IGNORECASE)
PUBLIC = {
    (
        "signing/http_base.py",
        "told != f'{LABEL}=:{_base64(signature)}:'",
    ): "a signature by a public key: no secret in it",
    ("signing/asymmetric.py", "len(signature) != 2 * size"): "a length",
    ("signing/keys.py", "hashlib.sha256(certificate_der).hexdigest() == DEMO_CERTIFICATE"): "published",
    ("signing/keys.py", "hashlib.sha256(spki).hexdigest() == DEMO_KEY"): "published",
    ("signing/security_header.py", "pointer != token_id"): "a name in the message",
    ("signing/security_header.py", "token.get('ValueType') != X509V3"): "an address of a standard",
    ("signing/security_header.py", "token.get('EncodingType', BASE64) != BASE64"): "an address of a standard",
    ("signing/security_header.py", "pointer.get('URI') != f'#{said.token_id}'"): "a name in the message",
    ("signing/xades_reading.py", "found[0].get('Target') != f\"#{signature.get('Id')}\""): "a name in the document",
    ("adapters/doors/console/masking.py", "mask_text(token) == token"): "a word of a text that is shown",
    ("signing/raw_values.py", "len(digest) != SHA256.digest_size"): "a length",
    ("adapters/doors/console/signature_view.py", "signature.line.role == 'agency'"): "who signs, a word",
    ("adapters/doors/console/signatures_view.py", "self.wanted == WantedSignatures()"): "a filter of a list",
    ("adapters/doors/facade_accounts.py", "len(rest) == _CHANCE + _MAC"): "a length",
}
"""Comparisons that look like one of a secret and are none, each with its reason."""


def comparisons(under: str) -> Iterator[tuple[str, str]]:
    """Each `==` and `!=` that names something which proves something: its file and its text."""
    for path in named(".py", under=under):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
                text = ast.unparse(node)
                if PROVES.search(text):
                    yield name_of(path), text


def test_nothing_that_proves_is_compared_with_equals():
    """In the signing room and at the doors every digest, code and secret goes through `hmac.compare_digest`."""
    found = {*comparisons("signing"), *comparisons("adapters/doors")}

    assert set() == found - PUBLIC.keys()
    assert set() == PUBLIC.keys() - found, "a reason for a comparison that is gone"


def test_every_check_of_bytes_uses_it():
    """Each way in which a message is proven (HTTP, webhook, JWS, XML) compares by that one function."""
    ways = ("http_base", "hmac_profile", "jws", "xmldsig")
    users = {
        name
        for name in ways
        for node in ast.walk(parsed(next(each for each in named(".py", under="signing") if each.stem == name)))
        if isinstance(node, ast.Attribute) and node.attr == "compare_digest"
    }

    assert set(ways) == users
