"""What was signed through us, as the one-stop system and the portal see it: on real ports, with strict mocks.

The source never lists a signed result itself. Both are told all the same: the one-stop system where each is fetched,
the portal in the dossier's records, once, in the place of the draft.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from bus.messages import Event
from signing.xades_verification import verify_xml
from tests.builders import make_event
from tests.signed_documents import trust
from tests.signed_xml import RESULT
from tests.signing_town import AGENCY, SigningTown, signing_town

DRAFT = {"id": "giay-phep", "code": "KQ1", "component": None, "name": "Bản thảo.pdf", "url": "https://x.invalid/a"}
NATIONAL = "G99.99-240401-000777"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SigningTown]:
    with signing_town(tmp_path / "h99", is_told=True) as made:
        yield made


def record(town: SigningTown, minutes: float, **overrides: Any) -> Event:
    """The dossier's record as its source knows it."""
    at = datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=minutes)
    event = make_event(at=at, **overrides)
    town.here.intake.accept(event)
    town.carry(*town.here.partners())
    return event


def effects(town: SigningTown, partner: str, operation: str) -> list[Mapping[str, Any]]:
    """What a partner has in its books of one operation, oldest first."""
    with urlopen(f"{town.mocks}/_control/{partner}/effects?body=1") as answer:
        return [row["body"] for row in json.load(answer) if row["operation"] == operation]


def told(town: SigningTown) -> list[Mapping[str, Any]]:
    """What the one-stop system was told of signatures, oldest first."""
    town.carry(*town.here.partners())
    return effects(town, "one_stop", "ReceiveSignatureResult")


def fetched(town: SigningTown, url: str) -> bytes:
    """A signed document, as whoever was told the address fetches it."""
    parts = urlsplit(url)
    with urlopen(f"{town.url}{parts.path}?{parts.query}") as answer:
        content: bytes = answer.read()
    return content


def xml(town: SigningTown, id: str, **more: Any) -> dict[str, Any]:
    """A result as data, where it can be fetched."""
    return {"id": id, "name": f"{id}.xml", "form": "xml", **town.files.put(f"{id}.xml", RESULT, "text/xml"), **more}


def make(town: SigningTown, name: str, **asked: Any) -> None:
    """A signature from its asking to its end."""
    town.waits(name, **asked)
    town.approve()
    town.finish()
    assert "made" == town.state(name), town.trouble(name)


def test_result_is_fetched_where_it_was_told(town: SigningTown) -> None:
    """A name and then a seal on a PDF and on data: told once each, fetched where it was told, and verified."""
    documents = [town.document("giay-phep"), xml(town, "du-lieu", result=False)]
    make(town, "S1", documents=documents)
    again = [{"id": each["id"], "name": each["name"], "form": each["form"], "of": each["id"]} for each in documents]
    make(town, "S2", role="agency", user=AGENCY, after="S1", documents=again)

    first, second = told(town)

    assert [("S1", 2), ("S2", 2)] == [(each["signature"], len(each["made"]["documents"])) for each in (first, second)]
    pdf, data = second["made"]["documents"]
    for each in (pdf, data):
        content = fetched(town, each["url"])
        assert (each["sha256"], each["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert "passed" == each["verdict"]
    report = verify_xml(fetched(town, data["url"]), trust(), town.clock.now())
    assert [("", 2)] == [(report.signatures[1].changed_after, len(report.signatures))]


def test_no_and_too_late(town: SigningTown) -> None:
    """Who said no and why is told, and that its time was over; a document that cannot be had is a no of ours."""
    town.waits("S1")
    town.approve(result="decline")
    town.ask()
    town.ask_for("S2", expires_at=(town.clock.now() - timedelta(minutes=1)).isoformat())
    gone = {"id": "d", "name": "d.xml", "form": "xml", "url": f"{town.files.url}/nothing", "sha256": "0" * 64}
    town.ask_for("S3", documents=[gone])
    town.carry()

    said = {each["signature"]: each for each in told(town)}

    assert ("declined_by_signer", "signer") == (said["S1"]["declined"]["code"], said["S1"]["declined"]["by"])
    assert {"expired_at"} == set(said["S2"]["expired"])
    assert "us" == said["S3"]["declined"]["by"]


def test_portal_shows_what_was_signed(town: SigningTown) -> None:
    """The newest record goes out again with the signed result in the draft's place; later ones have it themselves."""
    record(town, 0, results=[DRAFT])
    make(town, "S1", documents=[town.document("giay-phep", code="KQ2"), town.document("phu-luc", result=False)])
    town.carry(*town.here.partners())
    record(town, 5, results=[DRAFT | {"name": "Bản thảo 2.pdf"}])

    shown = [each["DanhSachGiayToKetQua"] for each in effects(town, "national_portal", "DongBoHoSoMC")]

    assert [True, False, False] == [rows[0]["DuongDanTepTinKetQua"] == DRAFT["url"] for rows in shown]
    for (row,) in shown[1:]:
        assert ("giay-phep", "KQ2", "giay-phep.pdf") == (row["GiayToId"], row["MaGiayToKetQua"], row["TenGiayTo"])
        assert town.signed("S1") == fetched(town, row["DuongDanTepTinKetQua"])


def test_portal_hears_of_what_was_born_there(town: SigningTown) -> None:
    """Of a dossier that was filed on the portal the signed result goes up at once, and with each later status."""
    town.portal.books.file({"MaHoSo": NATIONAL, "MaTTHC": "2.999033", "MaSoThue": "0000000000"})
    record(town, 0, origin="portal", national_number=NATIONAL)
    make(town, "S1", documents=[town.document("giay-phep")])
    town.carry(*town.here.partners())
    record(town, 5, origin="portal", national_number=NATIONAL, status="returned")

    papers = [each["TaiLieuXuLy"] for each in effects(town, "national_portal", "DongBoTrangThaiHoSo")]

    assert [[], ["giay-phep"], ["giay-phep"]] == [[each["TepDinhKemId"] for each in told] for told in papers]
    assert town.signed("S1") == fetched(town, papers[1][0]["DuongDanTaiTepTin"])
