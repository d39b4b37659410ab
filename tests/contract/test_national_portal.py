"""The national portal's adapter against its mock on a real port: every variant of the contract, the same rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.outer_auth import ClientCredentials, KeyHeader
from adapters.partners.national_portal.adapter import NationalPortal
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.messages import Delivered, InDoubt, Refused, Unreachable
from contracts.national_portal.mock import Portal
from contracts.serve import serve
from tests.builders import NOON, from_json, make_delivery, make_event, make_standing, make_step
from tests.contract.conformance import AdapterConformance, Carrier
from tests.portal_kit import h99_tables, local_http

PATIENCE = local_http(timeout=timedelta(seconds=0.4), connect_timeout=timedelta(seconds=0.3))
FULL = Path(__file__).parents[2] / "contracts" / "intake" / "samples" / "dossier.recorded.full.json"


def settings_for(url: str, mock: Portal, **overrides: Any) -> NationalPortalSettings:
    account = mock.account
    members: dict[str, Any] = {
        "adapter_url": f"{url}/national_portal",
        "username": account.username,
        "password": account.password,
        "madonvi": account.madonvi,
        "dstcode": account.dstcode,
        "http": PATIENCE,
    }
    return NationalPortalSettings(**(members | overrides))


@contextmanager
def portal_with(overrides: dict[str, Any], switches: dict[str, Any], open_transport=None) -> Iterator[tuple]:
    """A mock on a port and an adapter that is set up for it."""
    mock = Portal()
    mock.switches.turn(switches)
    with serve(mock) as url:
        settings = settings_for(url, mock, **{name: fill(value, url) for name, value in overrides.items()})
        channel = HttpChannel(settings.http, open_transport=open_transport)
        yield mock, NationalPortal(settings, channel, h99_tables())
        channel.close()


def fill(value: Any, url: str) -> Any:
    """`{url}` in a setting is the mock's address."""
    if isinstance(value, ClientCredentials):
        return replace(value, token_url=value.token_url.replace("{url}", url))
    return value.replace("{url}", url) if isinstance(value, str) else value


class PortalConformance(AdapterConformance):
    record_operation = "DongBoHoSoMC"
    step_operation = "CapNhatTienDoHoSoMC"
    lookup_operation = "TraCuuHoSo"
    overrides: ClassVar[dict[str, Any]] = {}
    switches: ClassVar[dict[str, Any]] = {}
    open_transport: ClassVar[Any] = None

    @contextmanager
    def running(self) -> Iterator[None]:
        with portal_with(self.overrides, self.switches, type(self).open_transport) as (self.mock, self.adapter):
            yield


class TestVXPAdapter(PortalConformance):
    """The newer context, `dstcode` in the header."""

    switches: ClassVar = {"dstcode_in": "header"}

    @pytest.mark.parametrize("after", [False, True])
    def test_session_that_ends_midway(self, after):
        """A session that the portal ended is renewed within the attempt, for records and steps alike."""
        self.with_record()
        if after:
            self.carrier.carry(make_step())
        self.arm("expired_session")

        assert isinstance(self.carrier.carry(make_step(content="Trình lãnh đạo phê duyệt")), Delivered)
        assert 2 == len(self.carrier.attempts[-1].exchanges)
        assert self.doubled() == []

    @pytest.mark.parametrize(
        ("code", "text"), [(-1, "Phiên làm việc không hợp lệ"), (401, "Session expired"), (9, "Bạn chưa đăng nhập")]
    )
    def test_session_that_ends_after_some_calls(self, code, text):
        """Sessions end by count as well, and portals word it differently."""
        self.mock.switches.turn({"session_calls": 2, "expired_code": code, "expired_text": text})

        outcomes = [self.carrier.carry(make_event(note=str(n))) for n in range(6)]

        assert all(isinstance(outcome, Delivered) for outcome in outcomes)

    def test_threads_share_one_login(self):
        """Thirty-two threads that start together log in once."""

        def one(n: int) -> object:
            return Carrier(self.adapter).carry(make_event(dossier=f"H99.09-260703-{n:04d}"))

        with ThreadPoolExecutor(32) as pool:
            outcomes = list(pool.map(one, range(32)))

        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert 1 == len([visit for visit in self.mock.log.page() if visit.operation == "login"])

    @pytest.mark.parametrize("encoding", ["number", "string", "double_zero"])
    @pytest.mark.parametrize("exists_code", [-3, 3, 0])
    def test_every_encoding_of_yes_and_exists(self, encoding, exists_code):
        """0, "0" and "00" are one yes; "already exists" is known under each of its codes."""
        self.mock.switches.turn({"code_encoding": encoding, "exists_code": exists_code})
        self.with_record()
        mistaken = Carrier(self.adapter, make_standing(exists=False))

        assert isinstance(mistaken.carry(make_event(status="processing")), Delivered)
        assert 2 == len(self.effects())

    def test_full_record_breaks_no_rule(self):
        """A record with every field and every nested list filled is taken, and nothing about it is noted."""
        told = json.loads(FULL.read_text(encoding="utf-8"))
        # Born on the portal it would not go up as a record at all.
        event = from_json(told | {"data": told["data"] | {"origin": "one_stop", "national_number": None}})

        assert isinstance(self.carrier.carry(event), Delivered)
        # One document of the sample came on paper: it has no address, which the portal only notes.
        assert ["r75"] == [broken.rule for visit in self.mock.log.page() for broken in visit.broken]

    def test_boundary_lengths_are_taken(self):
        """What our limits let through, the portal's let through as well."""
        event = make_event(note="ờ" * 2000, summary="ờ" * 1000)

        assert isinstance(self.carrier.carry(event), Delivered)

    @contextmanager
    def set_otherwise(self, **overrides: Any) -> Iterator[NationalPortal]:
        """An adapter to the same mock with other settings."""
        settings = replace(self.adapter._settings, **overrides)
        channel = HttpChannel(settings.http)
        yield NationalPortal(settings, channel, h99_tables())
        channel.close()

    def test_lookup_that_lists_steps_settles_a_step(self):
        """Where a province has shown that the look-up lists steps, a step in doubt is found there, or sent."""
        self.mock.switches.turn({"lookup_shows": "entries"})
        keys = ("ThoiDiemXuLy", "TrangThai")
        with self.set_otherwise(lookup_proves="entries", lookup_step_keys=keys) as adapter:
            self.carrier = Carrier(adapter)
            self.with_record()
            for hour, fault in ((9, "lose_reply_after_effect"), (10, "lose_request")):
                self.arm(fault, operation=self.step_operation)
                assert isinstance(self.carrier.carry(make_step(at=NOON.replace(hour=hour))), Delivered)

        assert 2 == len(self.effects(self.step_operation))

    def test_step_like_another_is_not_taken_for_it(self):
        """A list that shows time and status only does not prove a step: one like it may have been sent before."""
        self.mock.switches.turn({"lookup_shows": "entries"})
        with self.set_otherwise(lookup_proves="entries") as adapter:
            self.carrier = Carrier(adapter)
            self.with_record()
            self.carrier.carry(make_step(content="Thẩm định"))
            self.arm("lose_request", operation=self.step_operation)
            outcome = self.carrier.carry(make_step(content="Kiểm tra thực địa"))

        assert "hold" == outcome.then
        assert 1 == len(self.effects(self.step_operation))

    def test_wrong_password_is_named(self):
        """A login that the portal refuses says so."""
        with self.set_otherwise(password="wrong") as adapter:
            check = adapter.login_check()

        assert (False, True) == (check.is_well, check.reason.startswith("login_refused"))
        assert self.adapter.login_check().is_well

    def test_wrong_destination_stores_nothing(self):
        """A wrong dstcode is unreachable, with the setting named."""
        with self.set_otherwise(dstcode="VN:GOV:000.00.00.G99:nobody") as adapter:
            attempt = adapter.deliver([make_delivery()])[0]

        assert isinstance(attempt.outcome, Unreachable)
        assert self.effects() == []

    @pytest.mark.parametrize("answer", ["atomic", "named"])
    def test_batch_with_a_bad_record(self, answer):
        """One bad record of an array is found by splitting, or by its name; the others are delivered once."""
        self.mock.switches.turn({"record_results": answer == "named", "known_procedures": ["1.013225"]})
        batch = {"create": 8, "update": 8}
        bad = make_event(dossier="H99.09-260703-0003", procedure="1.001193")
        events = [make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(8) if n != 3] + [bad]
        deliveries = [
            make_delivery(event, id=n, standing=make_standing(exists=False)) for n, event in enumerate(events)
        ]
        with self.set_otherwise(batch=batch, batch_answer=dict.fromkeys(batch, answer)) as adapter:
            attempts = adapter.deliver(deliveries)

        assert [Delivered] * 7 + [Refused] == [type(attempt.outcome) for attempt in attempts]
        assert 7 == len(self.effects())
        assert self.doubled() == []

    def test_silent_skip_is_not_a_yes_where_records_are_named(self):
        """A reply that says yes and does not name a record leaves that record in doubt."""
        deliveries = [
            make_delivery(make_event(dossier=f"H99.09-260703-{n:04d}"), id=n, standing=make_standing(exists=False))
            for n in (1, 2)
        ]
        with self.set_otherwise(batch={"create": 2}, batch_answer={"create": "named"}) as adapter:
            attempts = adapter.deliver(deliveries)

        assert [InDoubt, InDoubt] == [type(attempt.outcome) for attempt in attempts]


class TestXrdAdapter(PortalConformance):
    """The older context, `dstcode` in the query."""

    overrides: ClassVar = {"context": "XrdAdapter", "dstcode_in": "query", "provider_url": "http://10.0.0.1/a b"}
    switches: ClassVar = {"dstcode_in": "query"}


class TestFacade(PortalConformance):
    """A provincial façade: an address for each verb, bare arrays, double-encoded replies, no session."""

    overrides: ClassVar = {
        "variant": "facade",
        "facade_add_url": "{url}/national_portal/facade/ThemHoSo",
        "facade_update_url": "{url}/national_portal/facade/CapNhatHoSo",
        "facade_progress_url": "{url}/national_portal/facade/CapNhatTienDoHoSoMC",
        "facade_lookup_url": "{url}/national_portal/facade/TraCuuHoSo",
    }

    def test_no_login_is_sent(self):
        """The façade keeps the session to itself."""
        self.with_record()

        assert [] == [visit for visit in self.mock.log.page() if visit.operation == "login"]


class TestFacadeWithOneAddress(PortalConformance):
    """A façade that takes add and update at one address, the verb in the query, and copies the portal's code."""

    overrides: ClassVar = TestFacade.overrides | {
        "facade_add_url": "{url}/national_portal/facade/DongBoHoSoMC",
        "facade_update_url": "{url}/national_portal/facade/DongBoHoSoMC",
        "facade_unit_in_query": True,
        "facade_updating_in_query": True,
    }
    switches: ClassVar = {"facade_outer_code": "same"}


class TestPlainFacade(PortalConformance):
    """A façade that hands the portal's reply through as it is."""

    overrides: ClassVar = TestFacade.overrides
    switches: ClassVar = {"facade_double": False}


class TestBehindBearer(PortalConformance):
    """An LGSP in front that wants an OAuth2 token, over the second transport."""

    overrides: ClassVar = {
        "outer_auth": ClientCredentials(
            token_url="{url}/national_portal/lgsp/token", client_id="mock-client", client_secret="mock-secret"
        )
    }
    switches: ClassVar = {"outer_auth": "bearer"}
    open_transport: ClassVar = Httpx2Transport

    def test_token_that_was_revoked_is_fetched_anew(self):
        """A 401 of the exchange means not taken; the next try has a fresh token."""
        self.with_record()
        self.mock._gate.clear()

        assert isinstance(self.carrier.carry(make_step()), Delivered)
        assert self.doubled() == []


class TestBehindKey(PortalConformance):
    """An LGSP in front that wants a key header."""

    overrides: ClassVar = {"outer_auth": KeyHeader(name="apikey", value="mock-key")}
    switches: ClassVar = {"outer_auth": "key"}
