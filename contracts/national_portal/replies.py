"""The portal's envelope of replies, and its ways of writing a code (`NOTES.md#r36` to `r41`)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switches
from contracts.mocking import Response

ZEROES: Final[dict[str, int | str]] = {"number": 0, "string": "0", "double_zero": "00"}
IN_TURN: Final[tuple[int | str, ...]] = tuple(ZEROES.values())

_encode: Final = msgspec.json.Encoder().encode


class Replies:
    """Writes replies; its encodings take turns unless a switch fixes one."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._turn = 0

    def clear(self) -> None:
        """Begin with the first encoding again."""
        self._turn = 0

    def yes(self, visit: Visit, message: str, **more: Any) -> Response:
        """Success."""
        return self.say(visit, 0, message, **more)

    def stored(self, visit: Visit, message: str, results: list[dict[str, Any]] | None) -> Response:
        """Success of a write; the wording and an empty `result` take turns too (r37, r38)."""
        if results is not None:
            return self.yes(visit, message, result=results)
        words = self._switches["success_words"]
        is_long = self._turn % 2 == 0 if words == "rotate" else words == "long"
        return self.yes(visit, message) if is_long else self.yes(visit, "Thành công", result=[])

    def no(self, visit: Visit, broken: Broken, **more: Any) -> Response:
        """Refusal, with the field named."""
        return self.say(visit, broken.code, broken.message or broken.expected, **more)

    def say(self, visit: Visit, code: int, message: str, **more: Any) -> Response:
        """One envelope."""
        visit.error_code = self.code(code)
        self._turn += 1
        return Response(body=_encode({"error_code": visit.error_code, "message": message, **more}))

    def code(self, code: int) -> int | str:
        """A code as it is written this time."""
        way = self._switches["code_encoding"]
        if code == 0:
            return IN_TURN[self._turn % 3] if way == "rotate" else ZEROES[way]
        is_text = self._turn % 2 == 0 if way == "rotate" else way != "number"
        return str(code) if is_text else code


def elsewhere(status: int, message: str, **headers: str) -> Response:
    """An answer of something before the portal: the adapter, or the LGSP."""
    return Response(status=status, headers=headers, body=_encode({"message": message}))
