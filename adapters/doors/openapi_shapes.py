"""The shapes that the OpenAPI document names: the contract's event, and what the door answers."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from adapters.doors.problems import STATUS, URN
from adapters.doors.questions import LONGEST_REASON
from bus.messages import State
from contracts.check import load_schema

Json: TypeAlias = dict[str, Any]


def event_schemas() -> Json:
    """The contract's schema, its definitions moved to where OpenAPI looks for them."""
    event = _moved({name: value for name, value in load_schema().items() if name not in ("$schema", "$id", "$defs")})
    parts = {f"event.{name}": _moved(value) for name, value in load_schema().get("$defs", {}).items()}
    return {"EventIn": event, **parts}


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: item.replace("#/$defs/", "#/components/schemas/event.") if name == "$ref" else _moved(item)
            for name, item in value.items()
        }
    return [_moved(item) for item in value] if isinstance(value, list) else value


def _object(members: Json, *optional: str) -> Json:
    required = [name for name in members if name not in optional]
    return {"type": "object", "required": required, "properties": members}


def _list(item: Json) -> Json:
    return {"type": "array", "items": item}


_TEXT: Final[Json] = {"type": "string"}
_MAYBE: Final[Json] = {"type": ["string", "null"]}
_WHOLE: Final[Json] = {"type": "integer"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_DIGEST: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_RECEIPT: Final[Json] = {"type": "string", "pattern": "^ed25519:[0-9a-f]{32}:[A-Za-z0-9+/]{86}==$"}
_STATE: Final[Json] = {"type": "string", "enum": list(State)}

_DELIVERY: Final[Json] = {
    "id": _WHOLE,
    "partner": _TEXT,
    "state": _STATE,
    "cause": _TEXT,
    "reason": _TEXT,
    "due_at": _MAYBE_TIME,
    "tries": _WHOLE,
    "accepted_at": _TIME,
    "changed_at": _TIME,
    "status": _MAYBE,
}
_PROBLEM: Final = _object(
    {
        "type": {"type": "string", "enum": [URN + code for code in STATUS]},
        "code": {"type": "string", "enum": list(STATUS)},
        "title": _TEXT,
        "status": _WHOLE,
        "detail": _TEXT,
        "reference": {"type": "string", "pattern": "^LT-[1-9A-Z]{4}-[1-9A-Z]$"},
        "errors": _list(_object({"field": _TEXT, "rule": _TEXT, "detail": _TEXT})),
    }
)
_EVENT_LINE: Final[Json] = {
    "source": _TEXT,
    "id": _TEXT,
    "kind": _TEXT,
    "sequence": {"type": ["integer", "null"]},
    "occurred_at": _TIME,
    "accepted_at": _TIME,
    "digest": _DIGEST,
}

_FACTS: Final = ("source", "national_number", "procedure", "unit", "received_at", "due_at", "status", "partners")
"""Of a dossier: shown to the caller whose record it is."""


def _pages(item: Json) -> Json:
    return _object({"items": _list(item), "next": {"type": ["integer", "null"]}})


ANSWERS: Final[Json] = {
    "Problem": _PROBLEM,
    "Accepted": _object({"id": _TEXT, "source": _TEXT, "digest": _DIGEST, "accepted_at": _TIME, "receipt": _RECEIPT}),
    "Event": _object(_EVENT_LINE | {"dossier": _TEXT, "receipt": _RECEIPT, "deliveries": _list(_object(_DELIVERY))}),
    "Dossier": _object(
        {
            "number": _TEXT,
            "source": _TEXT,
            "national_number": _MAYBE,
            "procedure": _MAYBE,
            "unit": _MAYBE,
            "received_at": _MAYBE_TIME,
            "due_at": _MAYBE_TIME,
            "status": _MAYBE,
            "partners": _list({"type": "object"}),
            "events": _list(_object(_EVENT_LINE)),
            "timeline": _list(
                _object({"id": _WHOLE, "at": _TIME, "to_state": _MAYBE, "cause": _TEXT, "reason": _TEXT})
            ),
        },
        *_FACTS,
    ),
    "Deliveries": _pages(_object(_DELIVERY | {"dossier": _TEXT, "source": _TEXT, "event": _TEXT, "kind": _TEXT})),
    "Outcomes": _pages(
        _object(
            {
                "n": _WHOLE,
                "at": _TIME,
                "state": _STATE,
                "cause": _TEXT,
                "reason": _TEXT,
                "delivery": _WHOLE,
                "partner": _TEXT,
                "source": _TEXT,
                "id": _TEXT,
                "kind": _TEXT,
                "dossier": _TEXT,
            }
        )
    ),
    "Sources": _object(
        {
            "caller": _TEXT,
            "sources": _list(
                _object(
                    {
                        "source": _TEXT,
                        "order": {"type": "string", "enum": ["arrival", "sequence"]},
                        "last_id": _MAYBE,
                        "last_sequence": {"type": ["integer", "null"]},
                        "last_accepted_at": _MAYBE_TIME,
                    }
                )
            ),
        }
    ),
    "Reason": _object({"reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON}})
    | {"additionalProperties": False},
    "Replayed": _object({"id": _WHOLE, "state": _STATE}),
    "Alive": _object({"alive": {"type": "boolean"}}),
    "Ready": _object({"ready": {"type": "boolean"}, "reasons": _list(_TEXT), "notes": _list(_TEXT)}, "notes"),
}
