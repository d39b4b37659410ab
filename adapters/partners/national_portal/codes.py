"""The portal's codes as tables: what we send for each of our words, and what each of its answers means.

Rules are cited from contracts/national_portal/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

# Our words → the portal's codes. Statuses are a dated table (config/tables), because provinces differ there.
CHANNELS: Final = {"counter": "1", "online": "2", "post": "3"}  # r66
APPLICANTS: Final = {"citizen": "1", "enterprise": "2", "agency": "3", "organisation": "4"}  # r68
RETURNS: Final = {"counter": "0", "post": "1"}  # r67
ORIGINS: Final = {"portal": "1", "one_stop": "2"}  # r69
PAID_ONLINE: Final = {"none": "0", "portal": "1", "province": "2"}  # r69, r83; 3 is doubtful and never sent
IDENTITIES: Final = {"cccd": ("1", 12), "cmnd": ("2", 9)}  # r80: code and digits; others have no code, so none is sent
ENCLOSURES: Final = {"original": 0, "copy": 1, "electronic": 2}  # r77, values from MIN-API
FLAG: Final = {False: "0", True: "1", None: "0"}  # r69
DELETED: Final = {False: "False", True: "True", None: "False"}  # r74: the string, never a JSON boolean

# r76 shows constants "1" only. The catalogue's own MAPHILEPHI is 1 phí, 2 lệ phí (r124), so MaPhiLePhi follows the
# kind; HinhThucThu follows a ministry's list (MIN-API); LoaiPhiLePhi stays the constant. Decisions, all three.
FEE_CODES: Final = {"fee": "1", "charge": "2"}
FEE_COLLECTED: Final = {"acceptance": "1", "supplement": "2", "return": "4", None: "1"}
FEE_KIND: Final = "1"


class Operation(StrEnum):
    """What we ask of the portal."""

    LOGIN = "login"
    CREATE = "create"
    UPDATE = "update"
    STEP = "step"
    STATUS = "status"
    LOOKUP = "lookup"


WRITES: Final = frozenset({Operation.CREATE, Operation.UPDATE, Operation.STEP, Operation.STATUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table: how an operation is called, and what an unclear outcome of it allows."""

    operation: Operation
    service: str
    """The portal's name of it."""
    endpoint: Literal["auth", "share", "integration"]
    kind: Literal["idempotent", "queryable", "blind"]
    batch: Literal["none", "atomic", "named"]
    """Whether a yes to an array counts for each record; a setting overrides it where a province has shown more."""
    unclear: str
    source: str


OPERATIONS: Final = {
    row.operation: row
    for row in (
        Contract(
            operation=Operation.LOGIN,
            service="login",
            endpoint="auth",
            kind="idempotent",
            batch="none",
            unclear="log in again",
            source="r20, r26",
        ),
        Contract(
            operation=Operation.CREATE,
            service="DongBoHoSoMC",
            endpoint="integration",
            kind="queryable",
            batch="none",
            unclear="TraCuuHoSo; there: the same record as an update; not there: again after the time in flight",
            source="r53, r110, r121",
        ),
        Contract(
            operation=Operation.UPDATE,
            service="DongBoHoSoMC",
            endpoint="integration",
            kind="idempotent",
            batch="none",
            unclear="again: an equal record replaces itself",
            source="r52, r110",
        ),
        Contract(
            operation=Operation.STEP,
            service="CapNhatTienDoHoSoMC",
            endpoint="integration",
            kind="blind",
            batch="none",
            unclear="the table unclear_steps says for each status: hold, go on without it, or send again",
            source="r91, r110",
        ),
        Contract(
            operation=Operation.STATUS,
            service="DongBoTrangThaiHoSo",
            endpoint="integration",
            kind="blind",
            batch="none",
            unclear="as a step: the table unclear_steps says for each status; by default a person does",
            source="r300, r306, r315",
        ),
        Contract(
            operation=Operation.LOOKUP,
            service="TraCuuHoSo",
            endpoint="integration",
            kind="idempotent",
            batch="none",
            unclear="ask again",
            source="r120, r121",
        ),
    )
}


class Verdict(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    EXISTS = "exists"
    """A create of what is there already: send it once as an update."""
    SESSION = "session"
    """The session is not valid; nothing was taken. Log in and send once more."""
    REFUSED = "refused"
    MISSING = "missing"
    """The portal says that it has no such dossier."""
    LATER = "later"
    """Not taken, try later; it does not speak against the portal's health."""
    DOWN = "down"
    """Not taken: the way to the portal is closed."""
    UNCLEAR = "unclear"


class Shape(StrEnum):
    """What the reply's body is, before anybody reads codes in it."""

    OBJECT = "object"
    OTHER_JSON = "other_json"
    HTML = "html"
    EMPTY = "empty"
    BROKEN = "broken"
    OTHER_TYPE = "other_type"
    FAULT = "fault"
    """A SOAP Fault."""
    OTHER_ANSWER = "other_answer"
    """An X-Road answer that does not repeat our header: to another request, or to none."""


Code = Literal["zero", "exists", "not_zero", "none", "any"]
"""`zero` 0, "0", "00"; `exists` 0, 3, -3; `not_zero` any other; `none` no `error_code`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the reply table. The first row that fits decides."""

    id: str
    verdict: Verdict
    source: str
    operations: frozenset[Operation] = frozenset(Operation)
    http: tuple[int, int] = (200, 201)
    """First and last HTTP status."""
    shape: Shape | None = Shape.OBJECT
    """None: any."""
    code: Code = "any"
    texts: tuple[str, ...] = ()
    """All of these words stand in the message (folded, NFC); of alternatives `a|b` one does."""
    retry_after: bool | None = None
    """Whether the header stands there; None: no matter."""
    faults: frozenset[str] | None = None
    """The Fault's code is one of these, in small letters and without underscores; None: any, or no Fault."""


# Generous on purpose: taking another refusal for a session error costs one login and one more refusal, no effect.
SESSION_WORDS: Final = "phiên|session|đăng nhập|token"
# "Phiên bản" is a version: a refused form version is a no, and must not be tried for ever under ever new sessions.
VERSION_WORD: Final = "phiên bản"
SESSION_ENDED: Final = (
    "không hợp lệ|hết hạn|hết hiệu lực|không tồn tại|không đúng|chưa|lại|invalid|expired|not valid|not found|timeout"
)
_CREATE: Final = frozenset({Operation.CREATE})

# Fault codes of X-Road's reference implementation that are raised before a message is handed on (NOTES.md#r214, #r215).
# Those that can also come while an answer is waited for, or of it, are not here: NetworkError, IOError, InternalError,
# LoggingFailed, everything below ServiceFailed. Nor are `Client.` codes that any service might have as well.
OWN_SERVER_REFUSED: Final = frozenset(
    {
        "client.missingheader",
        "client.missingheaderfield",
        "client.duplicateheaderfield",
        "client.inconsistentheaders",
        "client.invalidprotocolversion",
        "client.invalidclientidentifier",
        "server.clientproxy.unknownmember",
        "server.clientproxy.sslauthenticationfailed",
    }
)
THEIR_SERVER_REFUSED: Final = frozenset(
    f"server.serverproxy.{code}"
    for code in (
        "unknownmember",
        "unknownservice",
        "accessdenied",
        "servicedisabled",
        "securitycategory",
        "servicetype",
        "invalidservicetype",
        "invalidsecurityserver",
        "sslauthenticationfailed",
    )
)
_BUSINESS: Final = WRITES | {Operation.LOOKUP}

REPLIES: Final = (
    # A Fault is what it says, whatever HTTP says of it: security servers send theirs with 200 (r212).
    Row(
        id="fault_own_server",
        verdict=Verdict.DOWN,
        source="r214: our security server did not forward it",
        http=(100, 599),
        shape=Shape.FAULT,
        faults=OWN_SERVER_REFUSED,
    ),
    Row(
        id="fault_their_server",
        verdict=Verdict.DOWN,
        source="r215: the provider's security server did not forward it",
        http=(100, 599),
        shape=Shape.FAULT,
        faults=THEIR_SERVER_REFUSED,
    ),
    Row(id="fault", verdict=Verdict.UNCLEAR, source="r212", http=(100, 599), shape=Shape.FAULT),
    # A session error is a definite "not taken" (r25); text and code differ by installation, so words decide.
    Row(
        id="session_ended",
        verdict=Verdict.SESSION,
        source="r25 DECISION",
        operations=_BUSINESS,
        http=(200, 499),
        code="not_zero",
        texts=(SESSION_WORDS, SESSION_ENDED),
    ),
    Row(id="exists", verdict=Verdict.EXISTS, source="r40", operations=_CREATE, code="exists", texts=("đã tồn tại",)),
    Row(id="yes", verdict=Verdict.YES, source="r36", code="zero"),
    # Existence by words is believed only where being wrong heals: a create then meets "already exists".
    Row(
        id="missing",
        verdict=Verdict.MISSING,
        source="r54 DECISION",
        operations=frozenset({Operation.UPDATE, Operation.LOOKUP}),
        code="not_zero",
        texts=("hồ sơ", "không tồn tại|chưa tồn tại|chưa có|không tìm thấy"),
    ),
    Row(id="refused", verdict=Verdict.REFUSED, source="r41: any code that nobody knows is a no", code="not_zero"),
    Row(id="no_code", verdict=Verdict.UNCLEAR, source="r36: neither yes nor no", code="none"),
    Row(id="empty", verdict=Verdict.UNCLEAR, source="r39", shape=Shape.EMPTY),
    Row(id="html", verdict=Verdict.UNCLEAR, source="r144", shape=Shape.HTML),
    Row(id="broken", verdict=Verdict.UNCLEAR, source="r144", shape=Shape.BROKEN),
    Row(id="other_type", verdict=Verdict.UNCLEAR, source="r144", shape=Shape.OTHER_TYPE),
    Row(id="other_json", verdict=Verdict.UNCLEAR, source="r38", shape=Shape.OTHER_JSON),
    Row(id="other_answer", verdict=Verdict.UNCLEAR, source="r210, r211", shape=Shape.OTHER_ANSWER),
    # Who stands in front of the portal speaks in HTTP.
    Row(id="http_401", verdict=Verdict.DOWN, source="r27", http=(401, 401), shape=None),
    Row(id="http_403", verdict=Verdict.DOWN, source="r27", http=(403, 403), shape=None),
    Row(id="http_404", verdict=Verdict.DOWN, source="r2, r6: the adapter did not forward", http=(404, 404), shape=None),
    Row(id="http_405", verdict=Verdict.DOWN, source="r8: the adapter did not forward", http=(405, 405), shape=None),
    Row(id="http_429", verdict=Verdict.LATER, source="r144; RFC 6585: not taken", http=(429, 429), shape=None),
    Row(
        id="http_503_later",
        verdict=Verdict.DOWN,
        source="r144: with Retry-After it means not taken",
        http=(503, 503),
        shape=None,
        retry_after=True,
    ),
    # A gateway that refuses a request for its size or form did not pass it on.
    Row(id="http_413", verdict=Verdict.REFUSED, source="RFC 9110", http=(413, 415), shape=None),
    Row(id="http_400_refused", verdict=Verdict.REFUSED, source="r41 DECISION", http=(400, 400), code="not_zero"),
    Row(id="http_422_refused", verdict=Verdict.REFUSED, source="r41 DECISION", http=(422, 422), code="not_zero"),
    Row(id="http_other", verdict=Verdict.UNCLEAR, source="r144", http=(100, 599), shape=None),
)

SUCCESS_WORDS: Final = "thành công"  # r37
