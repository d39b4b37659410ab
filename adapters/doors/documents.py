"""The door by which documents are fetched: `GET /documents/{id}?until=…&sign=…`, and nothing without such an address.

Whoever has no address that holds learns nothing: not whether there is such a document, nor whether the address was
good once. What is handed out is never shown by a browser as a page of ours, and nobody keeps a copy on the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.channels.addresses import Network
from adapters.documents.links import PLACE
from adapters.documents.room import DocumentRoom
from adapters.doors.pace import Paces
from adapters.doors.peers import peer_of
from adapters.doors.refusals import Desk, TurnedAway
from bus.documents import Document
from bus.errors import LedgerTrouble, NotFound
from bus.ports import Clock

log = structlog.get_logger("doors")

SAFE: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "accept-ranges": "none",
}
"""Whatever somebody wrote is never shown by a browser as a page of ours, and its address is told to nobody."""
ENDINGS: Final = {"application/pdf": ".pdf", "application/xml": ".xml"}
LONGEST_NAME: Final = 120
_ASCII: Final = re.compile(r"[^A-Za-z0-9._-]+")


class DocumentsDoor:
    """Hands out documents to whoever has a signed address of one."""

    def __init__(
        self, *, room: DocumentRoom, desk: Desk, clock: Clock, paces: Paces, proxies: Sequence[Network] = ()
    ) -> None:
        self._room = room
        self._desk = desk
        self._clock = clock
        self._paces = paces
        self._proxies = proxies

    def add_to(self, router: Router) -> None:
        """Its one route; HEAD comes with GET."""
        router.add_route(PLACE, self.get_document, methods=["GET"])
        self._desk.know_route(self.get_document, PLACE)

    async def get_document(self, request: Request) -> Response:
        """The document, or the same not-found for every reason."""
        try:
            if wait := self._paces.wait(peer_of(request, self._proxies)):
                raise TurnedAway("rate_limited", headers={"retry-after": str(int(wait) + 1)})
            number = self._admitted(request)
            return await run_in_threadpool(self._answer, number, request.method == "HEAD")
        except NotFound:
            # Its address holds: it was here. An operator has to hear of that.
            log.error("document_missing", document=number)
            return self._desk.turn_away(request, TurnedAway("not_found"))
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
            return self._desk.turn_away(request, TurnedAway("unavailable"))
        except TurnedAway as away:
            return self._desk.turn_away(request, away)

    def _admitted(self, request: Request) -> int:
        """Raises TurnedAway."""
        until, sign = (request.query_params.get(name, "") for name in ("until", "sign"))
        number = self._room.links.document(request.path_params["id"], until, sign, self._clock.now())
        if number is None:
            raise TurnedAway("not_found")
        return number

    def _answer(self, number: int, is_head: bool) -> Response:
        known = self._room.book.get(number)
        headers = SAFE | {"content-disposition": disposition(self._room.book.name_of(number), known)}
        if is_head:
            return Response(b"", 200, headers | {"content-length": str(known.size)}, known.media_type)
        return Response(self._room.store.get(known.dossier, known.sha256), 200, headers, known.media_type)


def disposition(name: str, known: Document) -> str:
    """What it is saved as: the name that its source gave it."""
    return saved_as(name, known.media_type, f"document-{known.id}")


def saved_as(name: str, media_type: str, otherwise: str) -> str:
    """A name without anything that a system could take for more than a name, and with the ending of what it is."""
    ending = ENDINGS.get(media_type, "")
    told = "".join(sign for sign in unicodedata.normalize("NFC", name) if _is_plain(sign)).strip(" .")
    stem = (told.removesuffix(ending) or otherwise)[:LONGEST_NAME]
    # NFD takes the marks off; đ has none that comes off.
    bare = unicodedata.normalize("NFD", stem.replace("đ", "d").replace("Đ", "D"))
    plain = _ASCII.sub("_", bare.encode("ascii", "ignore").decode()).strip("._") or otherwise
    return f"attachment; filename=\"{plain}{ending}\"; filename*=UTF-8''{quote(stem + ending, safe='')}"


def _is_plain(sign: str) -> bool:
    """No separator of paths, no control, none that turns the direction or cannot be seen."""
    return sign not in '/\\:*?"<>|' and unicodedata.category(sign)[0] not in "C"
