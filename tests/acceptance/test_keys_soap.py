"""S11 at the SOAP door: a caller's certificate and the door's own change under load, and nothing is lost on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from contracts.one_stop.pki import Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.keys import certificates_in
from signing.trust import Trust
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import PATH, envelope, furnish, identity, opened, operation
from tests.builders import event_json

PATIENCE = 60


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(datetime.now(UTC))


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str], pki: Pki) -> Iterator[Place]:
    with place(tmp_path, capsys) as made:
        furnish(made, pki)
        yield made


class Caller:
    """A one-stop system that sends one event after another until each has its yes, whoever the door is just then."""

    def __init__(self, pki: Pki, leaves: list[Leaf], trusted: list[bytes]) -> None:
        self.pki = pki
        self.leaves = leaves
        """What it signs with; the last one is in use."""
        self.trusted = trusted
        """Certificates of the door that it believes, DER."""
        self.url = ""
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.answered_by: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for n in count():
            while not self._is_taken(f"event-{n}"):
                if self._stop.wait(0.02):
                    return
            if self._stop.is_set():
                return

    def _is_taken(self, id: str) -> bool:
        event = event_json(id=id, dossier=f"H99.09-260703-{len(self.taken):04}")
        raw = wsse.sign(envelope(operation(event)), identity(self.leaves[-1]), now=datetime.now(UTC))
        told = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{NAMESPACE}:RecordEvent"'}
        try:
            answer = httpx2.post(self.url + PATH, content=raw, headers=told, timeout=20)
        except httpx2.TransportError:
            return False  # the door is closed just now
        trust = Trust(named=self.trusted, revocation="none")
        verified = wsse.verify(answer.content, trust=trust, now=datetime.now(UTC))
        if answer.status_code != 200:
            self.refused += [each.text or "" for each in verified.body.iter(f"{{{NAMESPACE}}}code")]
            return False
        self.answered_by.add(verified.certificate_der)
        self.taken.append(id)
        return True

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(PATIENCE)

    def goes_on(self) -> None:
        """Waits for five more that were taken."""
        aim = len(self.taken) + 5
        for _ in range(PATIENCE * 50):
            if len(self.taken) >= aim:
                return
            threading.Event().wait(0.02)
        raise AssertionError(self.refused)


def serve_once(here: Place, pki: Pki, caller: Caller, meanwhile: Any = lambda: None) -> None:
    """The door is open until the caller has got some events in, and something was done."""
    with opened(here.folder, pki) as door:
        caller.url = door.url
        caller.goes_on()
        meanwhile()
        caller.goes_on()


def test_callers_certificate_changes_under_load(here: Place, pki: Pki) -> None:
    """Both certificates are good while the caller changes; then the old one is taken out, and is nobody's any more."""
    new = pki.issue("one-stop.2027.example.invalid")
    caller = Caller(pki, [pki.caller], [identity(pki.one_stop).certificate_der])
    (here.folder / "caller-2027.pem").write_bytes(new.certificate_pem)
    with caller.at_work():
        serve_once(here, pki, caller)
        here.set(
            r'certificate = "caller.pem"', 'certificate = "caller.pem"\nalso = [{certificate = "caller-2027.pem"}]'
        )
        serve_once(here, pki, caller, lambda: caller.leaves.append(new))
        here.set(r'certificate = "caller.pem"\nalso = .*\n', 'certificate = "caller-2027.pem"\n')
        serve_once(here, pki, caller)

    assert [] == caller.refused
    assert len(set(caller.taken)) == len(caller.taken)
    with opened(here.folder, pki) as door:
        # The last one may have been taken while the door closed over its answer.
        assert door.events() - len(caller.taken) in (0, 1)
        assert "untrusted" == door.refused(door.sign(operation(event_json(id="late")), leaf=pki.caller))["code"]
        for id in caller.taken:
            door.installation.reads.event("one-stop/h99", id)


def test_the_doors_own_identity_is_rotated_under_load(here: Place, pki: Pki) -> None:
    """Callers believe both certificates beforehand; after `keys rotate` and a restart the new one answers, 0 lost."""
    new = pki.issue("lienthong.2027.example.invalid")
    both = here.folder / "next.pem"
    both.write_bytes(new.certificate_pem + new.key_pem)
    both.chmod(0o600)
    old_der, new_der = identity(pki.one_stop).certificate_der, identity(new).certificate_der
    caller = Caller(pki, [pki.caller], [old_der, new_der])
    told: dict[str, Any] = {}

    def rotate() -> None:
        told.update(here.ask("keys", "rotate", "soap.identity_file", "--new", str(both)))

    with caller.at_work():
        serve_once(here, pki, caller, rotate)
        before = set(caller.answered_by)
        serve_once(here, pki, caller)

    assert ({old_der}, {old_der, new_der}) == (before, caller.answered_by)
    assert [] == caller.refused
    assert new_der == certificates_in(here.folder / "soap.pem")[0].public_bytes(Encoding.DER)
    assert Path(told["kept"]).exists()
    assert told["old_ends_at"]
    with opened(here.folder, pki) as door:
        for id in caller.taken:
            door.installation.reads.event("one-stop/h99", id)


def test_list_and_revoke(here: Place, pki: Pki) -> None:
    """The door's key and certificate are listed, its end too; taken away, the settings' check says what is missing."""
    rows = {row["name"]: row for row in here.type("keys", "list", "--json").told}
    here.ask("keys", "revoke", "soap.identity_file", "--reason", "laptop lost", "--as-person", "an")

    assert ("", None) == (rows["soap.identity_file"]["trouble"], rows["soap.identity_file"]["days_left"])
    assert rows["soap.certificate_file"]["days_left"] > 300
    assert not (here.folder / "soap.key").exists()
    assert 1 == here.type("check").code


PARTNER = """
[partners.one_stop]
url = "https://one-stop.example.invalid/soap"
signing_pkcs12_file = "ours.p12"
trust_roots_file = "soap.pem"
pinned_subjects = ["CN=one-stop"]
revocation = "none"
"""


def test_container_is_not_rotated_here(here: Place) -> None:
    """A PKCS#12 file is replaced as a whole, by hand: its password may change with it."""
    here.set(r"\n\[partners", f"{PARTNER}[partners")
    (here.folder / "ours.p12").write_bytes(b"sealed")
    answer = here.type(
        "keys", "rotate", "partners.one_stop.signing_pkcs12_file", "--new", str(here.folder / "soap.key")
    )

    assert (1, True) == (answer.code, "put the new file in its place" in answer.err)
    assert b"sealed" == (here.folder / "ours.p12").read_bytes()
