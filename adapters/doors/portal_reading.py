"""What the portal sends, made into events: strict JSON in, `dossier.filed` and `dossier.amended` out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from adapters.channels import strict_json
from adapters.doors.reading import MAX_MARKS, marks_in_a_row
from adapters.partners.national_portal.told import NotCarried, Trouble
from bus.messages import AMENDED, FILED, KIND_PREFIX, Event, canonical_bytes, digest_of
from bus.unnamed import NOT_YET

MAX_BODY: Final = 16_000_000
"""Bytes of one call, files and all: as base64 they take a third more than they are."""
DEEPEST: Final = 8
"""The deepest message of the contract has four levels."""
NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no XML can carry: the one-stop system may be spoken to in SOAP."""
IDENTIFIERS: Final = frozenset({"national_number", "url", "sha256", "number"})
_RULES: Final = {"duplicate_member": "contradicted", "out_of_range": "out_of_range", "wrong_type": "wrong_type"}


def read_json(raw: bytes) -> dict[str, Any]:
    """One call's body. Raises NotCarried."""
    try:
        value = strict_json.read(raw, max_bytes=MAX_BODY, max_depth=DEEPEST)
    except strict_json.NotStrictJson as trouble:
        found = [
            Trouble(field=_path(each.field), rule=_RULES.get(each.code, "malformed_json")) for each in trouble.faults
        ]
        raise NotCarried(found) from None
    if not isinstance(value, dict):
        raise NotCarried([Trouble(field="", rule="wrong_type")])
    return value


def filed_event(source: str, id: str, number: str, time: str, data: Mapping[str, Any]) -> Event:
    """A dossier that was filed. Raises NotCarried."""
    return _event(FILED, source=source, id=id, number=number, time=time, data=data)


def amended_event(source: str, number: str, time: str, data: Mapping[str, Any]) -> Event:
    """What was changed afterwards, still without a name. Raises NotCarried."""
    return _event(AMENDED, source=source, id=NOT_YET, number=number, time=time, data=data)


def _event(kind: str, *, source: str, id: str, number: str, time: str, data: Mapping[str, Any]) -> Event:
    troubles: list[Trouble] = []
    tree = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": number,
        "time": time,
        "data": _tidied(data, "", troubles),
    }
    if troubles:
        raise NotCarried(troubles)
    body = canonical_bytes(tree)
    return Event(
        source=source,
        id=id,
        kind=kind,
        dossier=number,
        occurred_at=datetime.fromisoformat(time),
        sequence=None,
        body=body,
        digest=digest_of(body),
        data=tree["data"],
    )


def _tidied(value: Any, name: str, troubles: list[Trouble]) -> Any:
    """Texts in NFC, as everywhere; what cannot be carried on is noted."""
    if isinstance(value, Mapping):
        return {key: _tidied(item, key, troubles) for key, item in value.items()}
    if isinstance(value, list):
        return [_tidied(item, name, troubles) for item in value]
    if not isinstance(value, str):
        return value
    if NOT_XML.search(value):
        troubles.append(Trouble(field=name, rule="out_of_range"))
        return value
    if unicodedata.is_normalized("NFC", value):
        return value
    if name in IDENTIFIERS:
        troubles.append(Trouble(field=name, rule="not_nfc"))
        return value
    if marks_in_a_row(value) > MAX_MARKS:
        troubles.append(Trouble(field=name, rule="out_of_range"))
        return value
    return unicodedata.normalize("NFC", value)


def _path(pointer: str) -> str:
    return pointer.removeprefix("/").replace("/", ".")
