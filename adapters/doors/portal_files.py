"""Files that the portal sent inline, handed on by reference: a signed address that ends, and the route behind it.

The address is the same for every repeat of a message: it ends a fixed time after the file was first stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.doors.refusals import Desk, TurnedAway
from adapters.partners.national_portal.filed import Inline, ending_of, file_of
from adapters.stores.folder import Stored
from bus.errors import LedgerTrouble, NotFound
from bus.ports import Clock

ROUTE: Final = "/portal-files/{drawer}/{name}"
TYPES: Final = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "rtf": "application/rtf",
    "txt": "text/plain",
    "xml": "application/xml",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "zip": "application/zip",
    "rar": "application/vnd.rar",
    "7z": "application/x-7z-compressed",
}
"""What a citizen may hand in, by the ending of its name. What it really is, is for whoever opens it to look at."""
_SAFE: Final = {
    "cache-control": "no-store",
    "content-disposition": "attachment",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}
"""Whatever a citizen handed in is never shown by a browser as a page of ours."""


class FileStore(Protocol):
    """Where files are kept: `adapters.stores.folder.SealedFolder` is one."""

    def put(self, dossier: str, content: bytes) -> Stored:
        """Keep a file; returns only after it is on disk. Raises OSError."""
        ...

    def get(self, drawer: str, name: str) -> bytes:
        """A file's content. Raises NotFound, LedgerDamaged."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """How addresses of files are made and checked."""

    secret: bytes
    base: str
    """What stands before the route: `https://lienthong.h99.example.invalid`."""
    life: timedelta
    types: Mapping[str, str]
    """Ending of a name → media type."""

    def file(self, inline: Inline, stored: Stored) -> dict[str, Any]:
        """One file of a message, by reference."""
        ends = str(int((stored.stored_at + self.life).timestamp()))
        path = ROUTE.format(drawer=stored.drawer, name=stored.name)
        url = f"{self.base.rstrip('/')}{path}?expires={ends}&signature={self._sign(stored.drawer, stored.name, ends)}"
        media_type = self.types.get(ending_of(inline.name))
        return file_of(inline.name, url, media_type=media_type, size=stored.size, sha256=stored.name)

    def admits(self, drawer: str, name: str, ends: str, signature: str, now: float) -> bool:
        """Whether this very file may be fetched now."""
        expected = self._sign(drawer, name, ends)
        is_ours = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
        return is_ours and now < int(ends)  # it is a number, for we signed it

    def _sign(self, drawer: str, name: str, ends: str) -> str:
        told = "\0".join(("portal file", drawer, name, ends)).encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, told, hashlib.sha256).hexdigest()


class FilesDoor:
    """The route by which the one-stop system fetches them."""

    def __init__(self, store: FileStore, links: Links, desk: Desk, clock: Clock) -> None:
        self._store = store
        self._links = links
        self._desk = desk
        self._clock = clock

    def add_to(self, router: Router) -> None:
        """Its one route."""
        router.add_route(ROUTE, self.get_file, methods=["GET"])
        self._desk.know_route(self.get_file, ROUTE)

    async def get_file(self, request: Request) -> Response:
        """The file's bytes; who has no address that holds learns nothing, not even whether there is such a file."""
        drawer, name = request.path_params["drawer"], request.path_params["name"]
        ends, signature = (request.query_params.get(member, "") for member in ("expires", "signature"))
        if not self._links.admits(drawer, name, ends, signature, self._clock.now().timestamp()):
            return self._desk.turn_away(request, TurnedAway("not_found"))
        try:
            content = await run_in_threadpool(self._store.get, drawer, name)
        except NotFound:
            return self._desk.turn_away(request, TurnedAway("not_found"))
        except LedgerTrouble:
            return self._desk.turn_away(request, TurnedAway("unavailable"))
        return Response(content, 200, _SAFE, "application/octet-stream")
