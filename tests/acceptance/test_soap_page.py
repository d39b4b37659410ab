"""The SOAP client that the documents show works against the door, as it stands on the page."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from contracts.one_stop.pki import Pki
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import PATH, furnish, opened
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "how-to" / "call-the-soap-door.md").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a SOAP door."""
    with place(tmp_path, capsys) as made:
        yield made


def shown() -> dict[str, Any]:
    """What the page's blocks define, the client and an event."""
    pytest.importorskip("xmlsec", reason="xmlsec has no wheel for this Python yet")
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "call-the-soap-door.md", "exec"), found)
    return found


def test_the_shown_client_tells_an_event(here: Place) -> None:
    """The client of the page is told a receipt, the same one again, and what a Fault says."""
    page, pki, zeep = shown(), Pki(datetime.now(UTC)), import_module("zeep")
    furnish(here, pki)
    (here.folder / "caller.key").write_bytes(pki.caller.key_pem)
    files = [str(here.folder / name) for name in ("caller.key", "caller.pem", "soap.pem")]
    with opened(here.folder, pki) as door:
        client = page["open_client"](f"{door.url}{PATH}?wsdl", *files)

        first, again = (page["tell"](client, page["EVENT"]) for _ in range(2))
        with pytest.raises(zeep.exceptions.Fault) as fault:
            page["tell"](client, page["EVENT"] | {"source": "one-stop/nobody"})

        code, reference, (wrong,) = page["why"](fault.value)
        door.installation.ledger.engine.write(lambda tx: None)
        assert (first, 1) == (again, door.events())
        assert ("forbidden_source", "/source") == (code, wrong["field"])
        assert "forbidden_source" == door.installation.reads.refusal(reference)["code"]


def test_limits_on_the_page_are_the_doors() -> None:
    """The page's numbers are those of the program."""
    from adapters.doors.body import READ_S, SWALLOWED
    from adapters.doors.protocol import Limits

    usual = Limits()
    for number in (f"{READ_S:.0f} s", f"{usual.head_s:.0f} s", f"{usual.write_s:.0f} s", f"{SWALLOWED // 10**6} MB"):
        assert number in PAGE
    assert f"{usual.head_bytes // 1000} kB" in PAGE


def test_the_shown_settings_are_settings() -> None:
    """Both ways to be known are tables of one caller."""
    tables = [tomllib.loads(block)["callers"] for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]

    assert [["certificate", "sources"], ["sources", "authority"]] == [list(each["one-stop-h99"]) for each in tables]
