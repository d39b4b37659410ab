"""A worker that dies between any two steps towards SmartCA: one prompt, one use of the key, one document.

Judged by the mock's own books. The worker's lease ends, another one goes on from what the ledger has.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count

import pytest

from tests.signing_town import SigningTown, signing_town

LEASE = 90
POINTS = ("sign.credential", "sign.prepared", "send.after", "sign.sent", "sign.answered", "settle.before")
"""Of the worker's walk: its own, the channel's, the frame's and the desk's."""
NUMBERS = count(1)


class Died(BaseException):
    """Nothing in the house catches this."""


class Death:
    """A crash point that strikes once."""

    def __init__(self) -> None:
        self.point, self.struck = "", False

    def arm(self, point: str) -> None:
        self.point, self.struck = point, False

    def __call__(self, name: str) -> None:
        if name == self.point:
            self.point, self.struck = "", True
            raise Died(name)


DEATH = Death()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    DEATH.arm("")
    with signing_town(tmp_path_factory.mktemp("town"), crash_point=DEATH, lease_s=LEASE) as made:
        yield made
    DEATH.arm("")


def carried(town: SigningTown) -> None:
    """As far as a worker comes, until it dies."""
    with suppress(Died):
        town.carry()


def asked_of(town: SigningTown, dossier: str) -> tuple[int, int]:
    """Prompts and uses of a key, of all transactions about one dossier."""
    mine = [each for each in town.smartca.transactions if dossier in each.description]
    return sum(each.prompts for each in mine), sum(document.signs for each in mine for document in each.documents)


@pytest.mark.parametrize("point", POINTS)
def test_p15_a_worker_dies_and_nobody_is_asked_twice(town, point):
    """Whatever step it died at, the next worker asks SmartCA before it sends, and the person is asked once."""
    number = next(NUMBERS)
    name, dossier = f"S{number}", f"H99.09-260703-{number:04d}"
    town.ask_for(name, dossier=dossier, count=1)
    DEATH.arm(point)
    carried(town)
    for _ in range(20):
        if town.state(name) == "waiting_user":
            break
        town.clock.pass_time(seconds=LEASE + 1 if DEATH.struck else 1)
        carried(town)
    assert DEATH.struck, f"{point} was never passed"
    assert "waiting_user" == town.state(name), town.trouble(name)
    (waiting,) = [each for each in town.smartca.transactions if dossier in each.description]
    town.approve(waiting.handle)
    town.finish()

    assert "made" == town.state(name), town.trouble(name)
    assert (1, 1) == asked_of(town, dossier)
    assert 1 == town.documents(name).count(("passed", "B-LT", ""))
