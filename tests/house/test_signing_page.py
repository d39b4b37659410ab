"""The signer that the documents show signs what the door accepts."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from signing.asymmetric import public_key
from tests.house.tree import ROOT
from tests.key_pairs import KINDS, private_pem, public_pem

PAGE = ROOT / "docs" / "how-to" / "sign-requests.md"
VECTOR = ROOT / "contracts" / "intake" / "samples" / "signed-request.txt"
BLOCKS = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_shown_signer_makes_the_vector():
    """The function of the page, given the vector's values, gives the vector's headers."""
    shown = _run(0)
    text = VECTOR.read_text(encoding="utf-8")
    sent = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", text, re.MULTILINE))
    created = int(datetime.fromisoformat(re.search(r"# time: (\S+)", text)[1]).timestamp())

    headers = shown["sign"](
        secret=re.search(r"# secret \(UTF-8\): (.*)", text)[1].encode(),
        key_id="one-stop-h99",
        method="POST",
        path="/v1/events",
        query="",
        body=text.splitlines()[-1].encode(),
        content_type=sent["Content-Type"],
        key=sent["Idempotency-Key"],
        nonce="n-0001",
        created=created,
    )

    assert {name: sent[name] for name in headers} == headers


@pytest.mark.parametrize("kind", KINDS)
def test_shown_lines_sign_with_key_pairs(kind):
    """Each line that the page shows for a key pair makes signatures that the door's check takes."""
    key = load_pem_private_key(private_pem(kind), password=None)

    signature = _run(1)[f"sign_{kind}"](key, b"the base")

    public_key(public_pem(kind)).check(b"the base", signature)


def _run(which: int) -> dict:
    """What one of the page's blocks defines."""
    shown: dict = {}
    exec(compile(BLOCKS.findall(PAGE.read_text(encoding="utf-8"))[which], str(PAGE), "exec"), shown)
    return shown
