"""The telephone call that the documents show: what a vendor reads out, what the operator types, and what is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.refusals import Compared, Refusal, Refusals
from signing.xmldsig import DIGESTS, base64
from tests.acceptance.desk import Place, place
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "how-to" / "answer-a-refusal.md"
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
THEIR_BASE, SAID_OF_BASE, SAID_OF_BODY = BLOCKS
SHA256 = DIGESTS["http://www.w3.org/2001/04/xmlenc#sha256"]
BODY = (
    '<soap:Body xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><lt:GetDossier>'
    "<lt:number>H99.09-260703-0123</lt:number><lt:note>Nguyễn Thị Ví Dụ</lt:note></lt:GetDossier></soap:Body>"
)
THEIR_BODY = BODY.replace("ễ", "e\u0302\u0303")


def digest(text: str) -> str:
    return base64(SHA256(text.encode()).digest())


def refusals() -> list[Refusal]:
    """What the door had noted of the two calls."""
    ours = THEIR_BASE.strip("\n").replace("/lienthong/v1", "/v1")
    info = f"<ds:SignedInfo>{digest(THEIR_BODY)}</ds:SignedInfo>"
    return [
        Refusal(
            reference="LT-7F3K-2",
            route="POST /v1/events",
            caller="one-stop-h99",
            code="bad_signature",
            status=401,
            base=ours,
            compared=[Compared(part="base", octets=ours.encode())],
        ),
        Refusal(
            reference="LT-9M2C-5",
            route="POST /soap/one-stop",
            caller=None,
            code="bad_signature",
            status=500,
            base=info,
            why="the part body is not what was signed",
            compared=[
                Compared(part="base", octets=info.encode()),
                Compared(part="Body", sent=digest(THEIR_BODY), ours=digest(BODY), octets=BODY.encode()),
            ],
        ),
    ]


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation whose door has refused the two calls."""
    with place(tmp_path, capsys) as made:
        with made.open() as installation:
            notes = Refusals(installation.ledger)
            assert all(notes.note(each) for each in refusals())
            installation.ledger.engine.write(lambda tx: None)
        yield made


@pytest.mark.parametrize(
    ("reference", "theirs", "shown"),
    [("LT-7F3K-2", THEIR_BASE, SAID_OF_BASE), ("LT-9M2C-5", THEIR_BODY, SAID_OF_BODY)],
    ids=["base", "body"],
)
def test_the_page_shows_what_is_seen(here: Place, reference: str, theirs: str, shown: str) -> None:
    """What the page shows of an answer is what the command says, line by line."""
    file = here.folder / "vendor.txt"
    file.write_text(theirs, encoding="utf-8")

    said = here.type("refusals", "show", reference, "--theirs", str(file)).out

    assert shown.strip("\n").splitlines() == said.splitlines()[-len(shown.strip("\n").splitlines()) :]
