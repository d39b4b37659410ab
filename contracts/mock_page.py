"""One port for all mocks: partners' own addresses, the control routes, and the page that people read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.mock_control import control
from contracts.mock_notes import as_html, inline, rules_of
from contracts.mocking import Mock, Request, Response

HERE: Final = Path(__file__).parent
HTML: Final = "text/html; charset=utf-8"
SAFE: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'self'", "X-Content-Type-Options": "nosniff"}
RECENT: Final = 50
"""Visits shown for each partner; the control route has them all."""


class House:
    """Every mock under `/<partner>/…`, told apart by the first part of the path."""

    def __init__(self, mocks: Iterable[Mock]) -> None:
        self._mocks = {mock.partner: mock for mock in mocks}
        self._pages = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def __call__(self, request: Request) -> Response:
        """Hand the request to whom it is for."""
        first, _, rest = request.path[1:].partition("/")
        if mock := self._mocks.get(first):
            return mock(request)
        if first == "_control":
            return self._control(rest, request)
        if request.method != "GET":
            return _nothing_here()
        return self._page(first, rest)

    def _control(self, rest: str, request: Request) -> Response:
        partner, _, what = rest.partition("/")
        mock = self._mocks.get(partner)
        return control(mock, what, request) if mock else _nothing_here()

    def _page(self, first: str, rest: str) -> Response:
        if first == "":
            return self._html("mock_page.html", partners=[_partner(mock) for mock in self._mocks.values()])
        if first == "style.css":
            return Response(body=(HERE / "mock_style.css").read_bytes(), content_type="text/css; charset=utf-8")
        if first == "notes" and rest in self._mocks:
            return self._html("mock_notes.html", partner=rest, notes=as_html(self._mocks[rest].notes))
        return _nothing_here()

    def _html(self, template: str, **facts: Any) -> Response:
        body = self._pages.get_template(template).render(**facts).encode()
        return Response(body=body, content_type=HTML, headers=SAFE)


def _nothing_here() -> Response:
    return Response(status=404, body=b'{"error":"nothing here; see /"}')


def _partner(mock: Mock) -> dict[str, Any]:
    with mock.lock:
        mock.settle_late()
        return {
            "name": mock.partner,
            "effects": len(mock.effects),
            "repeats": sum(row.repeat for row in mock.effects),
            "requests": mock.log.next_number - 1,
            "callers": mock.log.callers.most_common(20),
            "broken": _broken(mock),
            "faults": mock.faults.shown(),
            "switches": mock.switches.shown(),
            "visits": [visit.shown(mock.partner) for visit in mock.log.newest(RECENT)],
        }


def _broken(mock: Mock) -> list[dict[str, Any]]:
    sentences = rules_of(mock.notes)
    return [
        {
            "caller": caller,
            "rule": rule,
            "field": field,
            "refused": refused,
            "count": count,
            "says": Markup(inline(sentences.get(rule, ""))),  # noqa: S704  # our own notes, escaped by `inline`
        }
        for (caller, rule, field, refused), count in mock.log.broken.most_common(100)
    ]
