"""Where the signing agent on an official's PC fetches a document and hands it in: `/documents/desk/{ticket}`.

The ticket is the only proof of who asks: chance of 256 bits, of one document, for ten minutes. The agent is answered in
its own form (contracts/vgca/NOTES.md r5): what is refused is a text that it shows to its user.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.channels.addresses import Network
from adapters.documents.desk_nouns import DeskRefused
from adapters.documents.desk_taking import DeskTaking, file_server
from adapters.documents.errors import DocumentNotNow
from adapters.doors.body import BodyReader
from adapters.doors.documents import SAFE, saved_as
from adapters.doors.multipart import NotOneFile, one_file
from adapters.doors.pace import Paces
from adapters.doors.peers import peer_of
from adapters.doors.refusals import Desk, TurnedAway
from adapters.doors.words import LANGUAGES, choose
from bus.errors import LedgerTrouble

log = structlog.get_logger("doors")

PLACE: Final = "/documents/desk/{ticket}"
MOST_BYTES: Final = 30_000_000
"""Of a whole upload: a little less than the doors take off the wire before they hang up."""
_PDF: Final = "application/pdf"


class DeskDoor:
    """Hands documents to agents, and takes them back signed."""

    def __init__(
        self,
        *,
        taking: DeskTaking,
        desk: Desk,
        bodies: BodyReader,
        paces: Paces,
        most_bytes: int = MOST_BYTES,
        proxies: Sequence[Network] = (),
        on_heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_heard` wakes the worker: a signature that was made has something to tell."""
        self._taking = taking
        self._desk = desk
        self._bodies = bodies
        self._paces = paces
        self._most = min(most_bytes, MOST_BYTES)
        self._proxies = proxies
        self._on_heard = on_heard

    def add_to(self, router: Router) -> None:
        """Its two routes; HEAD comes with GET."""
        for method, taker in (("GET", self.get_document), ("POST", self.post_document)):
            router.add_route(PLACE, taker, methods=[method])
            self._desk.know_route(taker, PLACE)

    async def get_document(self, request: Request) -> Response:
        """The document as it is to be signed; the same not-found for every reason."""
        try:
            self._require_pace(request)
            one, content = await run_in_threadpool(self._taking.handed_out, request.path_params["ticket"])
        except DeskRefused:
            return self._desk.turn_away(request, TurnedAway("not_found"))
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
            return self._desk.turn_away(request, TurnedAway("unavailable"))
        except TurnedAway as away:
            return self._desk.turn_away(request, away)
        name = saved_as(str(one.asked["name"]), _PDF, f"document-{one.signature}-{one.n}")
        return Response(content, 200, SAFE | {"content-disposition": name}, _PDF)

    async def post_document(self, request: Request) -> Response:
        """The signed document, in the agent's own form."""
        try:
            self._require_pace(request)
            body = await self._bodies.read(request, self._most)
            file = one_file(body, request.headers.get("content-type", ""))
            address = peer_of(request, self._proxies)
            taken = await run_in_threadpool(
                self._taking.take, request.path_params["ticket"], file.content, address=address
            )
        except NotOneFile:
            return self._no(request, "no_file")
        except DeskRefused as refused:
            return self._no(request, refused.code)
        except (DocumentNotNow, LedgerTrouble) as trouble:
            log.error("desk_upload_not_now", cause=type(trouble).__name__)
            return self._no(request, "not_now")
        except TurnedAway as away:
            self._desk.turn_away(request, away)  # for the operator's note; the agent reads its own form
            return self._no(request, "too_large" if away.code == "too_large" else "not_now")
        self._on_heard()
        return _answer(Status=True, FileName=file.name, FileServer=file_server(taken))

    def _require_pace(self, request: Request) -> None:
        """Raises TurnedAway."""
        if wait := self._paces.wait(peer_of(request, self._proxies)):
            raise TurnedAway("rate_limited", headers={"retry-after": str(int(wait) + 1)})

    def _no(self, request: Request, code: str) -> Response:
        language = choose(request.headers.get("accept-language"))
        return _answer(Status=False, Message=words(language)[code])


@cache
def words(language: str) -> Mapping[str, str]:
    """What is said to an official, by its code."""
    assert language in LANGUAGES
    text = files("adapters.doors").joinpath(f"desk_words.{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _answer(**told: Any) -> Response:
    """Every member, whatever came of it: agents read some of them without looking whether they are there."""
    whole = {"Status": False, "FileName": "", "FileServer": "", "DocumentNumber": "", "Message": ""} | told
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(json.dumps(whole, ensure_ascii=False).encode(), 200, headers, "application/json")
