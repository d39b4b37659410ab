"""The signer that the documents show signs what the door accepts."""

from __future__ import annotations

import re
from datetime import datetime

from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "how-to" / "sign-requests.md"
VECTOR = ROOT / "contracts" / "intake" / "samples" / "signed-request.txt"


def test_shown_signer_makes_the_vector():
    """The function of the page, given the vector's values, gives the vector's headers."""
    shown: dict = {}
    source = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    exec(compile(source, str(PAGE), "exec"), shown)
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
