"""The national portal over X-Road: the same suite as over REST, the same effects, and what is this form's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.outer_auth import KeyHeader
from adapters.partners.national_portal.adapter import NationalPortal
from bus.errors import Unmappable
from bus.messages import Delivered, InDoubt, Refused, Unreachable
from contracts.national_portal.mock import Portal
from tests.builders import NOON, from_json, make_delivery, make_event, make_standing, make_step
from tests.contract.conformance import Carrier
from tests.contract.test_national_portal import PortalConformance, portal_with
from tests.portal_kit import h99_tables
from tests.xroad_kit import CLIENT

FULL = Path(__file__).parents[2] / "contracts" / "intake" / "samples" / "dossier.recorded.full.json"
TOLD = json.loads(FULL.read_text(encoding="utf-8"))
BORN = from_json(TOLD)
"""A dossier that was filed on the portal: only its status goes up."""
RECORD = from_json(TOLD | {"data": TOLD["data"] | {"origin": "one_stop", "national_number": None}})
OVER_XROAD: dict[str, Any] = {
    "variant": "xroad",
    "adapter_url": "",
    "username": "",
    "password": "",
    "xroad_url": "{url}/national_portal/xroad",
    "xroad_client": CLIENT,
}


def stored(mock: Portal) -> list[tuple[str, str, Any]]:
    """What stands in the books, each body as it was taken. A supplement's id may be a number in JSON (r78), and is a
    text here."""
    bodies = [(mock.effects.body(row.n) or b"").decode() for row in mock.effects]
    texts = [re.sub(r'("HoSoBoSungId":)(\d+)', r'\1"\2"', body) for body in bodies]
    return [(row.operation, row.dossier, json.loads(text)) for row, text in zip(mock.effects, texts, strict=True)]


class TestXRoad(PortalConformance):
    """SOAP with X-Road's headers, to the security server; everything behind it is the same portal."""

    overrides: ClassVar = OVER_XROAD

    def test_no_login_is_sent(self):
        """The security server says who we are (r208): no login, no session, no name and no password."""
        self.with_record()
        sent = b"".join(exchange.request_body for each in self.carrier.attempts for exchange in each.exchanges)

        assert ["TraCuuHoSo", "DongBoHoSoMC"] == [visit.operation for visit in self.mock.log.page()]
        assert b"session" not in sent

    def test_full_record_breaks_no_rule(self):
        """A record with every field and every nested list filled passes the schema, and nothing of it is noted."""
        assert isinstance(self.carrier.carry(RECORD), Delivered)
        assert ["r75"] == [broken.rule for visit in self.mock.log.page() for broken in visit.broken]

    def test_portal_stores_the_same_as_over_rest(self):
        """The books of a portal that was told over X-Road and of one told over REST hold the same."""
        events = [
            RECORD,
            BORN,
            make_event(note="dòng 1\r\ndòng 2\t& <b> ]]> \u00a0ờ", summary="  giữ khoảng trắng  "),
            make_step(),
        ]
        with portal_with({}, {}) as (rest, adapter):
            for mock, carrier in ((self.mock, self.carrier), (rest, Carrier(adapter))):
                mock.books.file({"MaHoSo": TOLD["data"]["national_number"]})
                assert all(isinstance(carrier.carry(event), Delivered) for event in events)

            assert len(events) == len(self.mock.effects)
            assert stored(rest) == stored(self.mock)

    def test_each_call_has_an_id_of_its_own(self):
        """The same record again is another message: the id names the message (r205)."""
        self.with_record()
        self.carrier.carry(make_event())
        sent = [exchange.request_body for each in self.carrier.attempts for exchange in each.exchanges]

        assert len(sent) == len({body.partition(b"<xrd:id>")[2][:36] for body in sent})

    @pytest.mark.parametrize("answer", ["atomic", "named"])
    def test_batch_with_a_bad_record(self, answer):
        """One bad record of an array is found by splitting, or by its name; the others are delivered once."""
        self.mock.switches.turn({"record_results": answer == "named", "known_procedures": ["1.013225"]})
        bad = make_event(dossier="H99.09-260703-0003", procedure="1.001193")
        events = [make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(8) if n != 3] + [bad]
        deliveries = [
            make_delivery(event, id=n, standing=make_standing(exists=False)) for n, event in enumerate(events)
        ]
        with self.set_otherwise(batch={"create": 8}, batch_answer={"create": answer}) as adapter:
            attempts = adapter.deliver(deliveries)

        assert [Delivered] * 7 + [Refused] == [type(attempt.outcome) for attempt in attempts]
        assert 7 == len(self.effects())

    def test_lookup_that_lists_steps_settles_a_step(self):
        """Where a province has shown that the look-up lists steps, a step in doubt is found there, or sent: also the
        first one, for a list that is empty is a list."""
        self.mock.switches.turn({"lookup_shows": "entries"})
        keys = ("ThoiDiemXuLy", "TrangThai")
        with self.set_otherwise(lookup_proves="entries", lookup_step_keys=keys) as adapter:
            self.carrier = Carrier(adapter)
            self.with_record()
            for hour, fault in ((9, "lose_request"), (10, "lose_reply_after_effect")):
                self.arm(fault, operation=self.step_operation)
                assert isinstance(self.carrier.carry(make_step(at=NOON.replace(hour=hour))), Delivered)

        assert 2 == len(self.effects(self.step_operation))

    @pytest.mark.parametrize("field", ["note", "summary"])
    def test_character_that_xml_has_no_way_to_write(self, field):
        """It is found before anything is sent, with the field named; over REST the same text passes."""
        delivery = make_delivery(make_event(**{field: "a\x0bb"}))

        with pytest.raises(Unmappable, match="not_in_xml"):
            self.adapter.check(delivery)
        with pytest.raises(Unmappable, match="not_in_xml"):
            self.adapter.deliver([delivery])
        assert [] == self.mock.log.page()

    @pytest.mark.parametrize(
        ("overrides", "row"),
        [
            ({"xroad_client": "VN/GOV/000.00.00.H98/one-stop"}, "Server.ClientProxy.UnknownMember"),
            ({"xroad_client": "VN/GOV/000.00.00.H99"}, "Server.ClientProxy.UnknownMember"),
            ({"xroad_service_provider": "VN/GOV/000.00.00.G99/x"}, "Server.ClientProxy.UnknownMember"),
            ({"xroad_services": {"create": "DongBoHoSoMC/v2"}}, "Server.ServerProxy.UnknownService"),
            ({"xroad_services": {"create": "DongBoHoSoMC"}}, "Server.ServerProxy.UnknownService"),
        ],
    )
    def test_wrong_settings_store_nothing(self, overrides, row):
        """A message that a security server did not hand on is not taken, says why, and waits."""
        delivery = make_delivery(make_event(), standing=make_standing(exists=False))
        with self.set_otherwise(**overrides) as adapter:
            outcome = adapter.deliver([delivery])[0].outcome

        assert isinstance(outcome, Unreachable)
        assert row in outcome.reason
        assert "xroad_" in outcome.reason
        assert outcome.is_down
        assert self.effects() == []

    def test_provider_that_finds_the_form_wrong_leaves_it_in_doubt(self):
        """A Fault of the provider's own proves nothing, even SOAP's `Client` (r212)."""
        delivery = make_delivery(make_event(), standing=make_standing(exists=False))
        with self.set_otherwise(xroad_namespace="urn:another") as adapter:
            outcome = adapter.deliver([delivery])[0].outcome

        assert isinstance(outcome, InDoubt)
        assert "Client" in outcome.reason

    def test_login_check_asks(self):
        """`check --online` asks about a dossier that nobody has; wrong rights are told in the server's words."""
        assert self.adapter.login_check().is_well
        with self.set_otherwise(xroad_client="VN/GOV/000.00.00.H98") as adapter:
            check = adapter.login_check()

        assert not check.is_well
        assert "UnknownMember" in check.reason

    def test_issue_is_told_only_where_it_is_wanted(self):
        """The dossier's number stands in the header by a setting only (r205)."""
        self.with_record()
        with self.set_otherwise(xroad_issue=True) as adapter:
            telling = adapter.deliver([make_delivery()])[0]

        assert b"<xrd:issue>H99.09-260703-0123</xrd:issue>" in telling.exchanges[-1].request_body
        assert b"issue" not in self.carrier.attempts[0].exchanges[-1].request_body
        assert isinstance(telling.outcome, Delivered)

    @contextmanager
    def set_otherwise(self, **overrides: Any) -> Iterator[NationalPortal]:
        """An adapter to the same mock with other settings."""
        settings = replace(self.adapter._settings, **overrides)
        channel = HttpChannel(settings.http)
        yield NationalPortal(settings, channel, h99_tables())
        channel.close()


class TestXRoadBehindKey(PortalConformance):
    """A provincial exchange in front that wants a key header, over the second transport."""

    overrides: ClassVar = OVER_XROAD | {"outer_auth": KeyHeader(name="apikey", value="mock-key")}
    switches: ClassVar = {"outer_auth": "key"}
    open_transport: ClassVar = Httpx2Transport
