"""Callers that an authority vouches for: chain, days, revocation and pinned subject, judged at the door (S1, S11)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.server import serve as serve_door
from adapters.doors.watched import watched
from config.checks import offline
from config.doors import make_app
from config.settings_file import SettingsRefused, load
from config.signing_key import InstallationKey
from config.soap_callers import authorities_of
from config.watching import make_metrics
from config.wiring import Installation, build, real_ports
from signing import wsse
from tests.acceptance.desk import Place, place
from tests.builders import event_json
from tests.message_pki import DAY, HOUR, NOW, Holder, pem_of, pki
from tests.soap_world import DOOR_IDENTITY, Client, answered, envelope, receipts
from tests.world import SimClock
from tests.wss_kit import elliptic, identity, revoked

LEAF = elliptic


@dataclass
class Lists:
    """An authority's web server: its lists, while it is up."""

    files: dict[str, bytes] = field(default_factory=dict)
    is_up: bool = True
    asked: list[str] = field(default_factory=list)

    def page(self, path: str) -> tuple[int, bytes, str]:
        """One list, if there is one now."""
        self.asked.append(path)
        found = self.files.get(path) if self.is_up else None
        return 404 if found is None else 200, found or b"", "application/pkix-crl"

    def publish(self, *taken_back: Holder, at: datetime = NOW) -> None:
        """The lists of this day."""
        self.files = {
            "/issuing.crl": pki().authority.crl(*taken_back, at=at, life=DAY),
            "/root.crl": pki().root.crl(at=at, life=30 * DAY),
        }


@dataclass
class Door:
    """A door at a time of ours."""

    installation: Installation
    client: Client
    clock: SimClock

    def says(self, holder: Holder, id: str = "one") -> str:
        """The code of its Fault, or nothing when the event was recorded."""
        now = self.clock.now()
        event = event_json(id=id, at=NOW)
        signed = wsse.sign(envelope([event]), identity(holder), now=now)
        content = answered(self.client.post(signed), now=now)
        if receipts(content):
            return ""
        return next(each.text or "" for each in content.iter() if str(each.tag).endswith("}code"))

    def is_stale(self) -> bool:
        """What `/readyz` calls `revocation_stale`."""
        (doubt,) = self.installation.doubts
        return doubt(self.clock.now())

    def mind(self) -> None:
        """What the process does once a minute."""
        for duty in self.installation.minded:
            duty(self.clock.now())


def furnish(here: Place, lists_at: str, more: str = "") -> None:
    """A caller that is known by its authority."""
    files = {
        "authorities.pem": pki().root.pem + pki().authority.pem,
        "soap.pem": DOOR_IDENTITY().pem,
        "soap.key": pem_of(DOOR_IDENTITY().key),
    }
    for name, octets in files.items():
        (here.folder / name).write_bytes(octets)
        (here.folder / name).chmod(0o600)
    soap = '[soap]\nidentity_file = "soap.key"\ncertificate_file = "soap.pem"\n'
    authority = (
        '[callers.soap]\nsources = ["one-stop/h99"]\n[callers.soap.authority]\ntrust_roots_file = "authorities.pem"\n'
        f'pinned_subjects = ["{LEAF().subject}"]\nprivate_networks = ["127.0.0.1/32"]\n'
        f'crl_urls = ["{lists_at}/issuing.crl", "{lists_at}/root.crl"]\n{more}'
    )
    here.set(r"\n\[partners", f"\n{soap}\n{authority}\n[partners")


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation."""
    with place(tmp_path, capsys) as made:
        yield made


@pytest.fixture
def lists() -> Iterator[tuple[Lists, str]]:
    """The authority's lists, on a port."""
    served = Lists()
    served.publish(revoked())
    pages = {path: partial(served.page, path) for path in served.files}
    with watched("127.0.0.1", 0, pages) as url:
        yield served, url


@contextmanager
def opened(folder: Path) -> Iterator[Door]:
    clock: Any = SimClock(NOW)
    settings = load(folder / "lienthong.toml", {}).settings
    installation = build(settings, replace(real_ports(), clock=clock))
    key = InstallationKey.from_file(settings.ledger.signing_key_file)
    with ExitStack() as stack:
        stack.callback(installation.close)
        app = make_app(installation, key, make_metrics(installation))
        serving = stack.enter_context(serve_door(app))
        yield Door(installation, stack.enter_context(closing(Client(serving.url))), clock)


def test_who_is_believed(here: Place, lists: tuple[Lists, str]) -> None:
    """Any good certificate of the pinned subject below the authority; nobody else's, and each no has its own code."""
    furnish(here, lists[1])
    with opened(here.folder) as door:
        issue = pki().authority.issue
        assert "" == door.says(LEAF())
        assert "" == door.says(issue("one-stop", ca=False), "two")
        assert "revoked" == door.says(revoked())
        assert "foreign_subject" == door.says(issue("ministry", ca=False))
        assert "expired_certificate" == door.says(issue("one-stop", ca=False, days=(-30, -1)))
        stranger = pki().leaf.issue("one-stop")
        assert "untrusted" == door.says(stranger)
        row = door.installation.ledger.engine.read().one("count_events")
        assert (2,) == tuple(row or ())


def test_refused_by_authority_but_found_by_name(here: Place, lists: tuple[Lists, str]) -> None:
    """A refused certificate of the pinned subject is noted under its caller; of another subject under nobody."""
    furnish(here, lists[1])
    with opened(here.folder) as door:
        found = []
        for holder in (revoked(), pki().leaf.issue("one-stop"), pki().authority.issue("ministry", ca=False)):
            assert door.says(holder)
            door.installation.ledger.engine.write(lambda tx: None)
            found.append(door.installation.reads.refusals()[0])

        assert [("revoked", "soap"), ("untrusted", "soap"), ("foreign_subject", None)] == [
            (each["code"], each["caller"]) for each in found
        ]


def test_subject_of_two_callers_names_nobody(here: Place, lists: tuple[Lists, str]) -> None:
    """Two callers may share a subject and differ by key: a refused certificate of that subject is nobody's by name."""
    furnish(here, lists[1], f'pinned_keys = ["{"a" * 64}"]\n')
    file = here.folder / "lienthong.toml"
    one = file.read_text()
    two = one[one.index("[callers.soap]") : one.index("[partners")].replace("callers.soap", "callers.two")
    two = two.replace("one-stop/h99", "two/h99").replace("a" * 64, "b" * 64)
    file.write_text(one.replace("[partners", two + "[partners", 1))
    with opened(here.folder) as door:
        assert door.says(LEAF())
        door.installation.ledger.engine.write(lambda tx: None)

        assert [None] == [each["caller"] for each in door.installation.reads.refusals()]


def test_taken_back_between_two_messages(here: Place, lists: tuple[Lists, str]) -> None:
    """A certificate that its authority takes back is refused from the next list on."""
    authority, url = lists
    furnish(here, url)
    with opened(here.folder) as door:
        assert "" == door.says(LEAF())
        authority.publish(revoked(), LEAF(), at=NOW + 23 * HOUR + 30 * timedelta(minutes=1))
        door.clock.sleep((23 * HOUR + timedelta(minutes=40)).total_seconds())
        door.mind()

        assert "revoked" == door.says(LEAF(), "two")


def test_fails_closed_when_nobody_vouches(here: Place, lists: tuple[Lists, str]) -> None:
    """While the lists cannot be had the last ones count until their grace has passed; then it is: later. (S11, S16)"""
    authority, url = lists
    furnish(here, url, "revocation_grace_s = 7200\n")
    with opened(here.folder) as door:
        assert "" == door.says(LEAF())
        authority.is_up = False
        door.clock.sleep((25 * HOUR).total_seconds())
        assert "" == door.says(LEAF(), "within the grace".replace(" ", "-"))
        assert not door.is_stale()
        door.clock.sleep((2 * HOUR).total_seconds())
        assert "unavailable" == door.says(LEAF(), "three")
        door.installation.ledger.engine.write(lambda tx: None)
        assert "revocation_unknown" == door.installation.reads.refusals()[0]["code"]
        assert door.is_stale()

        authority.is_up = True
        authority.publish(revoked(), at=door.clock.now())
        door.clock.sleep(61)
        assert "" == door.says(LEAF(), "three")
        assert not door.is_stale()


def test_no_list_at_the_start(here: Place, lists: tuple[Lists, str]) -> None:
    """A door that never had a list believes nobody, and does not ask an authority at every message."""
    authority, url = lists
    authority.is_up = False
    furnish(here, url)
    with opened(here.folder) as door:
        assert ["unavailable"] * 3 == [door.says(LEAF()) for _ in range(3)]
        assert 2 == len(authority.asked)


def test_without_revocation_its_days_count(here: Place, lists: tuple[Lists, str]) -> None:
    """Where the settings say so, no list is asked for."""
    authority, url = lists
    furnish(here, url, 'revocation = "none"\n')
    with opened(here.folder) as door:
        assert "" == door.says(revoked())
        assert [] == authority.asked


# -- settings ------------------------------------------------------------------------------------------------------


def test_its_key_signs_nothing_over_rest(here: Place, lists: tuple[Lists, str]) -> None:
    """A caller that is known by its authority alone has no key at the REST door."""
    furnish(here, lists[1])
    with opened(here.folder) as door:
        headers = {
            "content-type": "application/json",
            "content-digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "signature-input": 'sig1=("@method" "@path" "@query" "content-type" "content-digest");created=1;'
            'expires=2;nonce="n";keyid="soap"',
            "signature": "sig1=:AAAA:",
        }
        answer = door.client.line.post(door.client.url + "/v1/events", content=b"", headers=headers)

        assert (401, "bad_signature") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('trust_roots_file = "authorities.pem"', 'trust_roots_file = "absent.pem"', "trust_roots_file"),
        ('pinned_subjects = ["', 'pinned_subjects = ["==', "pinned_subjects"),
        ('"127.0.0.1/32"', '"somewhere"', "crl_urls"),
        ("[callers.soap]\n", '[callers.soap]\ncertificate = "absent.pem"\n', "certificate"),
    ],
)
def test_settings_are_checked(here: Place, lists: tuple[Lists, str], old: str, new: str, words: str) -> None:
    """A file that is not there, or names and networks that are none, are found before the start."""
    furnish(here, lists[1])
    file = here.folder / "lienthong.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(SettingsRefused, match=words), opened(here.folder):
        pass


def test_check_proves_the_authority(here: Place, lists: tuple[Lists, str]) -> None:
    """`check` reads the authority's file, and is content with a good one."""
    furnish(here, lists[1])
    file = here.folder / "lienthong.toml"
    told = {answer.what: answer for answer in offline(load(file, {}).settings)}
    assert told["soap"].is_well
    file.write_text(file.read_text().replace('"authorities.pem"', '"absent.pem"'))
    told = {answer.what: answer for answer in offline(load(file, {}).settings)}
    assert not told["soap"].is_well


def test_two_callers_must_be_told_apart(here: Place, lists: tuple[Lists, str]) -> None:
    """Two callers whose pins one certificate could fit are refused, and named."""
    furnish(here, lists[1])
    file = here.folder / "lienthong.toml"
    good = file.read_text()
    two = good[good.index("[callers.soap]") : good.index("[partners")].replace("callers.soap", "callers.two")
    both = good.replace("[partners", two.replace("one-stop/h99", "two/h99") + "[partners", 1)
    file.write_text(both)
    with pytest.raises(SettingsRefused, match=r"callers\.two.*could be of soap"):
        authorities_of(load(file, {}).settings)

    file.write_text(both.replace('pinned_subjects = ["', 'pinned_subjects = ["==', 1))
    with pytest.raises(SettingsRefused, match="pinned_subjects"):
        authorities_of(load(file, {}).settings)

    at = both.index("[callers.two.authority]")
    file.write_text(both[:at] + both[at:].replace("CN=one-stop", "CN=two", 1))
    assert {"soap", "two"} == set(authorities_of(load(file, {}).settings))


@pytest.mark.parametrize(
    ("old", "words"),
    [("pinned_subjects", "pinned_subjects or pinned_keys"), ("crl_urls", "needs crl_urls or revocation_hosts")],
)
def test_what_must_be_said(here: Place, lists: tuple[Lists, str], old: str, words: str) -> None:
    """Whose certificate it is, and where it is asked about, must stand there."""
    furnish(here, lists[1])
    file = here.folder / "lienthong.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith(old)]
    file.write_text("\n".join(lines))

    with pytest.raises(SettingsRefused, match=words):
        load(file, {})
