"""A signature at an official's desk in a whole installation: from the source's event to the signed document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config.desk_signing import desk_opening
from contracts.signing_pki.authorities import Holder
from contracts.vgca.agent import DeskAgent
from tests.signing_town import OFFICIAL, SigningTown, signing_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningTown]:
    """One town: authorities and time stamps on real ports."""
    with signing_town(tmp_path_factory.mktemp("town") / "h99") as made:
        yield made


def signs(town: SigningTown, name: str, holder: Holder) -> dict[str, object]:
    """The official opens his document and his agent signs it; what the agent says."""
    number = town.rows("SELECT id FROM signatures WHERE name = ?", name)[0][0]
    offer = desk_opening(town.here).open(number, 1, account="can-bo-1", reason="Ký tại bàn làm việc")
    told = DeskAgent(holder=holder).answer(offer.operation, offer.request(town.url))
    assert told is not None
    return told


def test_signed_at_a_desk_and_made(town):
    """Signed with a token: verified at once, finished as any other signature, told to its source."""
    town.ask_for("D1", service="desk")
    assert "at_desk" == town.state("D1")
    reply = signs(town, "D1", town.pki.official(OFFICIAL))
    assert (0, "signed_raw") == (reply["Status"], town.state("D1"))
    town.finish()

    assert ("made", "passed") == (town.state("D1"), town.documents("D1")[0][0]), town.trouble("D1")
    assert [("upload", "signed", "recorded")] == town.heard("D1")


def test_a_revoked_token(town):
    """The authority's own word counts: a token that it took back signs nothing here."""
    town.ask_for("D2", service="desk")
    holder = town.pki.official(OFFICIAL)
    town.pki.duty.revoke(holder, town.clock.now() - timedelta(days=1))
    reply = signs(town, "D2", holder)

    assert (1, "at_desk") == (reply["Status"], town.state("D2"))
    assert "thu hồi" in str(reply["Message"])
