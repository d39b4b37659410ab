"""Any text at all, through zeep, signature and mock, or through JSON: it arrives as it was, or is held by its name."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.channels.http import Request, head_bytes
from adapters.partners.one_stop.adapter import OneStop as Adapter
from bus.errors import Unmappable
from bus.messages import Delivered, Exchange
from bus.ports import SystemClock
from contracts.mocking import Request as Asked
from contracts.one_stop.mock import OneStop
from tests.one_stop_kit import delivery, settings_for, shared_pki

# Weighted towards what parsers, signers and line ends make something else of.
AWKWARD = st.sampled_from([*"\r\n\t \"'&<>]\u00a0\u0085\u2028\ufeff\u0301é", "]]>", "&#13;", "<!--", "\U0010ffff"])
NASTY = st.sampled_from(["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
TEXTS = st.lists(st.one_of(AWKWARD, st.characters(codec="utf-8"), NASTY), max_size=12).map("".join)


class InProcess:
    """A channel to the mock without a port."""

    def __init__(self, mock: OneStop) -> None:
        self.mock = mock

    def send(self, request: Request) -> Exchange:
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = self.mock(Asked(path=urlsplit(request.url).path, headers=headers, body=request.body))
        return Exchange(
            operation=request.operation,
            method=request.method,
            url=request.url,
            request_head=b"",
            request_body=request.body,
            sent_at=SystemClock().now(),
            took=timedelta(0),
            status=reply.status,
            reply_head=head_bytes({"content-type": reply.content_type, **reply.headers}),
            reply_body=reply.body,
        )


@pytest.mark.parametrize("way", ["soap-1.1", "rest"])
def test_text_arrives_as_it_was_or_is_held(way: str) -> None:
    """What XML has arrives letter for letter, whichever protocol; what it lacks is held with the field named."""
    mock = OneStop(pki=shared_pki())
    adapter = Adapter(settings_for(way, "http://127.0.0.1:9", shared_pki()), InProcess(mock), clock=SystemClock())

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(text=TEXTS)
    def arrives(text: str) -> None:
        id = f"m.{len(list(mock.effects))}"
        found = delivery("delivery.settled", changes={"id": id, "reason": text})
        if not all(is_xml(each) for each in text):
            with pytest.raises(Unmappable, match="/reason: bad_character"):
                adapter.deliver([found])
            return
        outcome = adapter.deliver([found])[0].outcome
        assert isinstance(outcome, Delivered), outcome
        assert text == json.loads(mock.effects.body(len(list(mock.effects))) or b"")["reason"]

    arrives()


def is_xml(letter: str) -> bool:
    """By the production [2] of XML 1.0, as a table."""
    ranges = ((0x9, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return any(first <= ord(letter) <= last for first, last in ranges)
