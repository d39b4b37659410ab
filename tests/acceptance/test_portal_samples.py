"""The samples of what the portal sends, sent to our door on a real port: each is answered as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.portal_town import KEY, NATIONAL, Town, a_town

SAMPLES = Path(__file__).parents[2] / "contracts" / "national_portal" / "samples" / "from_portal"
REFERENCE = re.compile(r"LT-[0-9A-Z]{4}-[0-9A-Z]$")


def sample(name: str, n: int) -> dict[str, Any]:
    """A sample about a dossier of its own, so that many share one installation."""
    text = (SAMPLES / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text.replace(NATIONAL, number_of(n)))


def number_of(n: int) -> str:
    return f"{NATIONAL[:-3]}{n:03d}"


def send(town: Town, wanted: dict[str, Any]) -> httpx2.Response:
    request = wanted["request"]
    body = b"" if request["body"] is None else json.dumps(request["body"], ensure_ascii=False).encode()
    headers = {name: value.replace("{key}", KEY) for name, value in request["headers"].items()}
    return httpx2.request(request["method"], town.url + request["path"], content=body, headers=headers, timeout=30)


def prepare(town: Town, wanted: dict[str, Any], n: int) -> None:
    """The samples that go before, theirs first."""
    for name in wanted["before"]:
        prepare(town, earlier := sample(name, n), n)
        send(town, earlier)


def test_door_answers_like_its_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status, type and every word of each answer are the sample's, and so is what stands in the ledger afterwards."""
    names = sorted(path.stem for path in SAMPLES.glob("*.json"))
    wanted, seen = {}, {}
    with a_town(tmp_path, capsys) as town:
        for n, name in enumerate(names):
            wanted[name] = sample(name, n)
            prepare(town, wanted[name], n)
            seen[name] = _seen(send(town, wanted[name]))
        told = [
            (event.kind, event.dossier) for kind in ("filed", "amended") for event in town.events(f"dossier.{kind}")
        ]

    assert {name: each["reply"] for name, each in wanted.items()} == seen
    for n, name in enumerate(names):
        assert wanted[name]["events"] == [kind for kind, dossier in told if dossier == number_of(n)]
    assert len(told) == sum(len(each["events"]) for each in wanted.values())


def _seen(reply: httpx2.Response) -> dict[str, Any]:
    body = reply.json()
    body["message"] = REFERENCE.sub("{reference}", body["message"])
    return {"status": reply.status_code, "content_type": reply.headers["content-type"], "body": body}
