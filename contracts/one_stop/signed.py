"""What the one-stop system's mock holds of each signature: made is sticky, signed is whole (`NOTES.md#r92`, `#r93`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts.national_portal.reading import canonical, digest
from contracts.one_stop.envelopes import Trouble

SIGNED: Final = ("made", "declined", "expired")
"""What a message can tell of a signature: exactly one of them (`NOTES.md#r91`)."""
WHOLE: Final = ("url", "url_until", "sha256", "size", "verdict")
"""What a signed document says of itself, and one that failed does not."""


class Signatures:
    """Judges each result of a signature by those that came before it, and by itself."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], str] = {}
        """Dossier and number → the digest of what was told of its making."""

    def take(self, message: Mapping[str, Any]) -> bool:
        """Whether it says something new. Raises Trouble for what contradicts what was told, or itself."""
        key = message["dossier"], message["signature"]
        kind = next(each for each in SIGNED if each in message)
        told = digest(canonical(dict(message[kind])))
        if kind == "made":
            _require_whole(message[kind]["documents"])
        if (known := self._made.get(key)) and (kind != "made" or told != known):
            raise _trouble("r92", f"/{kind}", "nothing else: the signature is made")
        if kind == "made":
            self._made[key] = told
        return known is None

    def clear(self) -> None:
        """Nothing was ever told."""
        self._made.clear()


def _require_whole(documents: list[Mapping[str, Any]]) -> None:
    if not any(each["state"] == "signed" for each in documents):
        raise _trouble("r93", "/made/documents", "at least one that is signed")
    for at, each in enumerate(documents):
        is_signed = each["state"] == "signed"
        for name in (*WHOLE, "code"):
            if (each[name] is None) is (is_signed is (name != "code")):
                expected = "null" if each[name] is not None else "a value"
                raise _trouble("r93", f"/made/documents/{at}/{name}", f"{expected}: the document is {each['state']}")


def _trouble(rule: str, field: str, expected: str) -> Trouble:
    return Trouble(code="contradicted", rule=rule, field=field, expected=expected)
