"""Where the national portal calls us: a dossier is filed there, or changed, and is ours from now on.

    POST /{XrdAdapter|VXPAdapter}/RestService/forward/{addtthcKhuyenMai|nhanhsdvcqg}     or the bare name

0 is said after the commit, and never of anything that is not on disk (contracts/national_portal/NOTES.md#r320).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.channels.addresses import Network
from adapters.doors.acceptances import Acceptances
from adapters.doors.body import BodyReader
from adapters.doors.facade import CONTEXTS
from adapters.doors.facade_answers import MOST_TOLD, RULES, TROUBLES, WRONG, Codes, Said, placed
from adapters.doors.malformed import Malformed
from adapters.doors.pace import Pace
from adapters.doors.portal_files import FileStore, Links
from adapters.doors.portal_reading import MAX_BODY, amended_event, filed_event, read_json
from adapters.doors.problems import problem
from adapters.doors.refusals import Desk, TurnedAway
from adapters.partners.national_portal.filed import amended_of, filed_of, id_of, is_receipt, number_in, troubles_in
from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import NotCarried, Trouble
from bus.errors import LedgerTrouble, NotFound
from bus.intake import Intake
from bus.messages import Acceptance, Contradicted, ForeignDossier
from bus.ports import CrashPoint, no_crash
from bus.reads import Reads
from bus.unnamed import Unnamed

FILE: Final = "addtthcKhuyenMai"
AMEND: Final = "nhanhsdvcqg"
TAKEN: Final = Said(code=0, message="Đã tiếp nhận hồ sơ")
CHANGED: Final = Said(code=0, message="Đã tiếp nhận thay đổi của hồ sơ")
THERE: Final = Said(code=1, message="Hồ sơ đã có với nội dung khác, không thay đổi")
THERE_ALREADY: Final = Said(code=1, message="Hồ sơ đã có")
RECEIPT: Final = "Chưa tiếp nhận chứng từ thuế đất qua trục liên thông; chứng từ không được ghi nhận"
UNKNOWN: Final = "Hồ sơ chưa được nộp qua trục liên thông; thay đổi không được ghi nhận"
WORDS: Final = {
    "too_large": "tệp vượt quá dung lượng cho phép",
    "media_type": "loại tệp không được phép",
}


class _Untold(Exception):
    """Not taken for a reason that is none of the members': `words` say it."""

    def __init__(self, code: str, words: str) -> None:
        self.code = code
        self.words = words
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What the settings say of this door."""

    source: str
    unit: str
    """Whose the filed dossiers are: the unit's code."""
    networks: Sequence[Network] = ()
    """Where the portal's adapter stands; empty: anywhere, and then there is a key."""
    key_header: str = "apikey"
    key: str = field(default="", repr=False)
    max_file_bytes: int = 8_000_000
    codes: Codes = "number"


class PortalDoor:
    """Takes what the portal sends."""

    def __init__(
        self,
        *,
        manners: Manners,
        pace: Pace,
        tables: Callable[[], Tables],
        store: FileStore,
        links: Links,
        intake: Intake,
        reads: Reads,
        acceptances: Acceptances,
        desk: Desk,
        bodies: BodyReader,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self._manners = manners
        self._pace = pace
        self._tables = tables
        self._store = store
        self._links = links
        self._intake = intake
        self._reads = reads
        self._acceptances = acceptances
        self._desk = desk
        self._bodies = bodies
        self._point = crash_point

    def add_to(self, router: Router) -> None:
        """All its routes; they stand beside the façade's."""
        for name, endpoint in ((FILE, self.post_filed), (AMEND, self.post_amended)):
            for base in ("", *(f"/{context}/RestService/forward" for context in CONTEXTS)):
                here = partial(endpoint)  # one of its own for each address: notes name the one that was called
                router.add_route(f"{base}/{name}", here, methods=["POST"])
                self._desk.know_route(here, f"{base}/{name}")

    async def post_filed(self, request: Request) -> Response:
        """A dossier that was filed on the portal."""
        return await self._answered(request, self._file)

    async def post_amended(self, request: Request) -> Response:
        """What its applicant changed afterwards, or a receipt."""
        return await self._answered(request, self._amend)

    async def _answered(self, request: Request, work: Callable[[dict[str, Any]], Said]) -> Response:
        number, status, headers = "", 200, {"cache-control": "no-store"}
        try:
            self._admit(request)
            told = await run_in_threadpool(read_json, await self._bodies.read(request, MAX_BODY))
            number = number_in(told)
            self._point("door.verified")
            said = await run_in_threadpool(work, told)
            self._point("door.before_answer")
        except (TurnedAway, Malformed, NotCarried, _Untold, LedgerTrouble, OSError) as trouble:
            said, status = self._refused(request, trouble)
            headers |= trouble.headers if isinstance(trouble, TurnedAway) else {}
        body = Said(code=said.code, message=f"{number}| {said.message}").as_bytes(self._manners.codes)
        return Response(body, status, headers, "application/json; charset=utf-8")

    # -- who calls ------------------------------------------------------------------------------------------------

    def _admit(self, request: Request) -> None:
        """Raises TurnedAway."""
        networks = self._manners.networks
        if networks and not _is_in(request.client.host if request.client else "", networks):
            raise TurnedAway("forbidden_source", status=403)
        if self._manners.key and not _same(request.headers.get(self._manners.key_header, ""), self._manners.key):
            raise TurnedAway("unsigned", status=401)
        if self._pace.wait() > 0:
            raise TurnedAway("rate_limited")

    # -- what is told ---------------------------------------------------------------------------------------------

    def _file(self, told: Mapping[str, Any]) -> Said:
        filed = filed_of(told, self._tables(), unit=self._manners.unit)
        if troubles := troubles_in(filed.inline, self._manners.max_file_bytes, self._links.types):
            raise NotCarried(troubles)
        # Before the event: what it refers to is on disk, whatever happens now. A repeat finds the same files there.
        files = [self._links.file(each, self._store.put(filed.number, each.content)) for each in filed.inline]
        event = filed_event(
            self._manners.source, id_of(filed.number), filed.number, filed.time, filed.data | {"files": files}
        )
        self._acceptances.require_happened(event)
        acceptance = self._intake.accept(event)
        self._acceptances.tell(event, acceptance)
        return _said(acceptance, TAKEN)

    def _amend(self, told: Mapping[str, Any]) -> Said:
        if is_receipt(told):
            raise _Untold("not_found", RECEIPT)  # the trap of r326: never 0 for what nobody keeps
        amended = amended_of(told)
        try:
            self._reads.event(self._manners.source, id_of(amended.number))
        except NotFound:
            raise _Untold("not_found", UNKNOWN) from None
        if not amended.is_updating:
            return THERE_ALREADY
        event = amended_event(self._manners.source, amended.number, amended.time, amended.data)
        self._acceptances.require_happened(event)
        ((_, acceptance),) = self._intake.accept_unnamed([Unnamed(event=event, has_time=True)])
        self._acceptances.tell(event, acceptance)
        return _said(acceptance, CHANGED)

    # -- no -------------------------------------------------------------------------------------------------------

    def _refused(self, request: Request, trouble: Exception) -> tuple[Said, int]:
        """Noted for the operator under the reference that the portal is told; without any value that was sent."""
        code, words, troubles, status = _explained(trouble)
        told = problem(code, reference=self._desk.new_reference())
        rules = [{"field": each.field, "rule": each.rule} for each in troubles[:MOST_TOLD]]
        self._desk.note(told, route=self._desk.route_of(request.scope), caller=self._manners.source, rules=rules)
        return Said(code=-1, message=f"{words}. Mã tra cứu: {told.reference}"), status


def _explained(trouble: Exception) -> tuple[str, str, list[Trouble], int]:
    match trouble:
        case NotCarried(troubles=troubles):
            told = [
                placed(each.field, WORDS.get(each.rule) or RULES.get(each.rule, WRONG)) for each in troubles[:MOST_TOLD]
            ]
            return troubles[0].rule, "; ".join(told), list(troubles), 200
        case _Untold(code=code, words=words):
            return code, words, [], 200
        case TurnedAway(code=code, status=status):
            return code, TROUBLES.get(code, WRONG), [], status or 200
        case Malformed(code=code, errors=errors):
            return code, RULES.get(code, WRONG), [Trouble(field=each.field, rule=each.rule) for each in errors], 200
        case _:
            return "unavailable", TROUBLES["unavailable"], [], 200


def _said(acceptance: Acceptance, yes: Said) -> Said:
    """Raises _Untold: what another source speaks for is not taken, and nobody may think so."""
    if isinstance(acceptance, ForeignDossier):
        raise _Untold("forbidden_source", RULES["forbidden_source"])
    return THERE if isinstance(acceptance, Contradicted) else yes


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def _same(one: str, other: str) -> bool:
    """Compared by digest: neither content nor length shows in the time that it takes."""
    first, second = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other))
    return hmac.compare_digest(first, second)
