"""R1 for signatures through the real frame: a worker process that ends at any named line, and the service's own books.

A child builds the installation over the same ledger, with its own door, and carries one signature from the certificate
to the signed document; it ends without a word where it is told to. The services live on beside it. Another worker goes
on from what stands in the ledger: the person was asked once, the key was used once for each document, one document was
made of it and told once.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

import signing.documents  # loaded once here, and not by every child
import signing.verification
import signing.xades_verification  # noqa: F401
from adapters.doors import server
from bus.ports import CrashPoint
from config.doors import make_app
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build
from tests.memory import own_folder, quietly
from tests.proofs.kit import DIED, Counting, in_child
from tests.proofs.test_r04_signatures import decision
from tests.signing_town import SigningTown, signing_town

LEASE: Final = 90
DESK: Final = ("desk.fetched", "desk.stored", "desk.prepared")
SENDING: Final = ("sign.credential", "sign.prepared", "sign.sent", "sign.answered")
HEARING: Final = ("hear.before", "hear.after_attempt", "hear.after_follow_ups", "hear.after")
FINISHING: Final = ("finish.leased", "finish.before", "finish.after_documents", "finish.after_made", "finish.after")
POINTS: Final = (*DESK, *SENDING, *HEARING, *FINISHING)
MORE: Final = (
    *("sign.after_prepared", "deliver.after", "settle.after_attempt", "sign.after_answer", "settle.after"),
    *("asking.leased", "asking.before", "asking.after", "asking.answered", "sign.after_asked", "sign.after_news"),
    *("callback.received", "callback.before_answer"),
)
"""Proven for the bus by itself beside this; here they are walked now and then."""
CALLED_BACK: Final = (*HEARING, "callback.received", "callback.before_answer")
"""Lines of days on which the service calls back; on the others it is asked."""
OF_FILES: Final = (*DESK, *FINISHING)
"""Lines at which a PDF may be half of what it is to be; at the others a document in XML, which costs less, will do."""
NUMBERS = count(1)


class Dying:
    """Ends the process, without a word, at one line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, name: str) -> None:
        if name == self._name:
            os._exit(DIED)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningTown]:
    """One installation for all lines: each has a dossier of its own."""
    with ExitStack() as stack:
        stack.enter_context(quietly())
        folder = stack.enter_context(own_folder(tmp_path_factory.mktemp("town")))
        yield stack.enter_context(signing_town(folder, is_told=True, lease_s=LEASE))


def asked(town: SigningTown, *, has_pdf: bool = False) -> str:
    """A signature of two documents is asked for."""
    number = next(NUMBERS)
    name, dossier = f"S{number}", f"H99.09-260703-{number:04d}"
    first = town.document(f"{name}-1") if has_pdf else decision(town, f"{name}-1")
    documents = [first, decision(town, f"{name}-2")]
    town.ask_for(name, dossier=dossier, service="smartca", documents=documents, level="B-B")
    return name


def tell(url: str, path: str, order: dict[str, Any]) -> None:
    """A mock is told what to do, from another process."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("POST", path, body=json.dumps(order), headers={"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.status < 300, reply.read()
    reply.read()
    connection.close()


def live(town: SigningTown, name: str, point: CrashPoint, *, calls_back: bool) -> None:
    """A worker's life, as far as it comes: it carries, is called back or asks, and makes what was signed."""
    here = build(town.here.settings, replace(town.here.ports, crash_point=point))
    mine = replace(town, here=here)
    mine.carry()
    # Told within the order itself: nobody here has to wait for a call back.
    order = {"request": request_of(town, name), "callbacks": int(calls_back), "before_answer": True}
    with door_of(here, town) if calls_back else nullcontext():
        tell(town.mocks, "/_control/smartca/approve", order)
    mine.ask()
    mine.finish()
    here.close()


@contextmanager
def door_of(here: Installation, town: SigningTown) -> Iterator[None]:
    """The service calls back to this process."""
    key = InstallationKey.from_file(here.settings.ledger.signing_key_file)
    with server.serve(make_app(here, key, make_metrics(here), on_accepted=lambda: None)) as door:
        tell(town.mocks, "/_control/smartca/switches", {"callback_url": f"{door.url}/callbacks/smartca/result"})
        yield


def request_of(town: SigningTown, name: str) -> str:
    """Our id of its one try."""
    return str(town.rows("SELECT request FROM signatures WHERE name = ?", name)[0][0])


def go_on(town: SigningTown, name: str) -> None:
    """The next worker, once the lease of the one that died is over; the person approves what is in the phone."""
    town.smartca.switches.turn({"callback_url": f"{town.url}/callbacks/smartca/result"})
    for _ in range(8):
        town.clock.pass_time(seconds=LEASE + 1)
        town.carry()
        waiting = town.smartca.transactions.get(request_of(town, name))
        if waiting is not None and waiting.state == "open":
            town.approve(waiting.handle)
        town.ask(after=timedelta(0))
        town.finish()
        if town.state(name) == "made":
            return


def judged(town: SigningTown, name: str, story: str) -> None:
    """One prompt, one use of the key for each document, all made and told once, by the books of both sides."""
    digests = {row[0] for row in town.rows(
        "SELECT d.digest FROM signature_documents d JOIN signatures s ON s.id = d.signature WHERE s.name = ?", name
    )}  # fmt: skip
    mine = [one for one in town.smartca.transactions if {each.digest for each in one.documents} & digests]
    dossier = f"H99.09-260703-{int(name[1:]):04d}"
    assert ("made", "delivered") == (town.state(name), town.delivery(name)), f"{story}: {town.trouble(name)}"
    assert [(1, [1, 1])] == [(one.prompts, [each.signs for each in one.documents]) for one in mine], story
    assert mine == [one for one in town.smartca.transactions if dossier in one.description], story
    assert [("passed", "B-B", "")] * 2 == town.documents(name), story
    assert ["signature.made"] == town.news(name), story


def test_every_line_of_the_real_frame_is_reached(town: SigningTown) -> None:
    """The counter behind the walk: on days on which nobody dies every line is reached, with a call back and without."""
    for calls_back in (True, False):
        hits, name = Counting(), asked(town, has_pdf=True)
        live(town, name, hits, calls_back=calls_back)
        judged(town, name, "nobody dies")
        wanted = {point for point in (*POINTS, *MORE) if (point in CALLED_BACK) is calls_back}
        assert wanted <= set(hits.hits), wanted - set(hits.hits)


def dies(town: SigningTown, point: str) -> None:
    """One death, and what came of the signature."""
    name = asked(town, has_pdf=point in OF_FILES)

    assert DIED == in_child(lambda: live(town, name, Dying(point), calls_back=point in CALLED_BACK)), point
    go_on(town, name)
    judged(town, name, point)


@pytest.mark.parametrize("point", POINTS)
def test_p15_hard_exit_in_the_real_frame(town: SigningTown, point: str) -> None:
    """A worker process that ends at any line leaves one prompt and one use of the key; the next one makes the rest."""
    dies(town, point)


@pytest.mark.soak
@pytest.mark.parametrize("point", MORE)
def test_p15_hard_exit_at_the_other_lines(town: SigningTown, point: str) -> None:
    """The same at the lines around them."""
    dies(town, point)
