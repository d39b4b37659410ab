"""The OpenAPI document, made from the contract's own schema and the tables below; a copy stands in `contracts/intake/`.

Written as tables because a route here reads no body and no parameter before the signature has been checked: there are
no typed arguments from which a framework could derive it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final

from adapters.doors.body import MAX_BATCH
from adapters.doors.openapi_shapes import ANSWERS, Json, event_schemas
from adapters.doors.parameters import LARGEST, USUAL_PAGE
from adapters.doors.problems import MEDIA_TYPE
from bus.messages import State
from bus.reads import MAX_PAGE

__all__ = ["as_bytes", "document"]

VERSION: Final = "1.0"
_REFUSALS: Final = {
    400: "Not strict JSON, or not UTF-8.",
    401: "Unsigned, wrongly signed, stale or replayed.",
    403: "A source of somebody else.",
    404: "Not there, or not the caller's.",
    408: "The body came too slowly.",
    413: "Too large.",
    415: "Another media type, or compressed.",
    422: "Breaks the contract; every place is named.",
    500: "Our own trouble. Send the same again.",
    503: "Cannot be written down now. Send the same again.",
}
_ASKED: Final = (401, 404, 408, 413, 422, 500, 503)
_SENT: Final = (400, 401, 403, 404, 408, 413, 415, 422, 500, 503)


@lru_cache(maxsize=1)
def as_bytes() -> bytes:
    """The document as it is served, and as it is kept."""
    return (json.dumps(document(), ensure_ascii=False, indent=2) + "\n").encode()


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Liên Thông",
            "version": VERSION,
            "description": "Dossier events in, their outcomes out. Every request but health is signed (RFC 9421).",
        },
        "security": [{"signature": []}],
        "paths": _paths(),
        "components": {
            "schemas": event_schemas() | ANSWERS,
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "RFC 9421, label sig1, by the caller's key; see contracts/intake/NOTES.md.",
                }
            },
        },
    }


def _paths() -> Json:
    page = [
        _query("after", _number(0, LARGEST), "The `next` of the page before."),
        _query("limit", _number(1, MAX_PAGE) | {"default": USUAL_PAGE}, "Items on the page."),
    ]
    source = _query("source", _text(64), "One of the caller's sources.")
    return {
        "/v1/events": {"post": _post_event()},
        "/v1/events/batch": {"post": _post_batch()},
        "/v1/events/{id}": {"get": _get("One event, and where it went", "Event", [_path("id"), source])},
        "/v1/dossiers/{number}": {"get": _get("One dossier and its timeline", "Dossier", [_path("number")])},
        "/v1/deliveries": {
            "get": _get(
                "Deliveries of the caller's events",
                "Deliveries",
                [
                    _query("state", {"type": "string", "enum": list(State)}, "Only those in this state."),
                    _query("partner", _text(64), "Only those to this partner."),
                    *page,
                ],
            )
        },
        "/v1/outcomes": {"get": _get("What became of the caller's events", "Outcomes", [source, *page])},
        "/v1/sources/me": {"get": _get("The last event taken from each source", "Sources", [])},
        "/v1/deliveries/{id}/replay": {"post": _post_replay()},
        "/livez": {"get": _open("Whether the process answers", "Alive")},
        "/readyz": {"get": _open("Whether it can write and sign", "Ready", 503)},
        "/metrics": {"get": _plain("Figures for Prometheus", "text/plain")},
        "/openapi.json": {"get": _plain("This document", "application/json")},
    }


def _post_event() -> Json:
    replayed = {"Idempotency-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "When sent, it equals the event's id.",
        "schema": _text(128),
    }
    return {
        "operationId": "postEvent",
        "summary": "One event in; answered only after it is on disk",
        "parameters": [key],
        "requestBody": {"required": True, "content": _content("EventIn", "application/json", _CLOUDEVENTS)},
        "responses": {
            "201": {"description": "Recorded.", "content": _content("Accepted")},
            "200": {
                "description": "Repeated: the first answer.",
                "headers": replayed,
                "content": _content("Accepted"),
            },
            **_refused(_SENT),
        },
    }


def _post_batch() -> Json:
    lines = {"schema": {"type": "string", "maxLength": MAX_BATCH, "description": "One event a line."}}
    return {
        "operationId": "postBatch",
        "summary": "Many events in, one a line, each judged on its own",
        "requestBody": {"required": True, "content": {"application/x-ndjson": lines}},
        "responses": {
            "200": {
                "description": "A line for each line: line, id, result, problem.",
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            **_refused(_SENT),
        },
    }


def _post_replay() -> Json:
    return {
        "operationId": "replayDelivery",
        "summary": "Send a delivery again, with a reason",
        "parameters": [_path("id")],
        "requestBody": {"required": True, "content": _content("Reason")},
        "responses": {
            "200": {"description": "The state it stands in now.", "content": _content("Replayed")},
            **_refused(_SENT),
        },
    }


def _get(summary: str, answer: str, parameters: list[Json]) -> Json:
    return {
        "operationId": f"get{answer}",
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": {"description": "Found.", "content": _content(answer)}, **_refused(_ASKED)},
    }


def _open(summary: str, answer: str, *more: int) -> Json:
    told = {"description": summary, "content": _content(answer)}
    return {
        "operationId": f"get{answer}",
        "summary": summary,
        "security": [],
        "responses": {str(status): told for status in (200, *more)},
    }


def _plain(summary: str, kind: str) -> Json:
    name = "Metrics" if kind == "text/plain" else "OpenApi"
    return {
        "operationId": f"get{name}",
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": summary, "content": {kind: {}}}},
    }


def _refused(statuses: tuple[int, ...]) -> Json:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {str(each): {"description": _REFUSALS[each], "content": {MEDIA_TYPE: schema}} for each in statuses}


def _content(schema: str, *kinds: str) -> Json:
    told = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return dict.fromkeys(kinds or ("application/json",), told)


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _text(longest: int) -> Json:
    return {"type": "string", "maxLength": longest}


def _number(low: int, high: int) -> Json:
    return {"type": "integer", "minimum": low, "maximum": high}


_CLOUDEVENTS: Final = "application/cloudevents+json"
