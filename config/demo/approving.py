"""Results that are signed during the demo's day: asked for by the departments' system, approved in the mocks' phones.

Each case is one signature with its own trouble, planted on purpose. The judge goes by the signing services' own books
(how often a key was used, how often a phone asked), by what the one-stop system was told, by what the portal shows,
and by the signed documents themselves, looked at byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from config.demo.books import Effect, Finding
from config.demo.lives import ONE_STOP
from config.demo.own_dossiers import PROCEDURE, UNIT, event, record
from config.demo.people import applicant
from config.demo.wire import RECORDED

SERVICES: Final = ("smartca", "mysign", "vneid_gateway", "csc")
REQUESTED: Final = "signature.requested"
RESULT: Final = "ReceiveSignatureResult"
STEPS: Final = ("made", "declined", "expired")
MADE: Final = ("made",)
DOCUMENT: Final = "KQ-1"
OFFICIAL_BOX: Final = [352, 196, 512, 256]
SEAL_BOX: Final = [300, 170, 410, 280]
"""Over the left third of the official's picture, as decree 30/2020/NĐ-CP has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody who signs, and the certificates that the service's mock gives them."""

    service: str
    user: str
    name: str
    role: str
    kinds: tuple[str, ...]


LEADER: Final = Signer(
    service="smartca", user="099000000101", name="Nguyễn Văn Ví Dụ", role="official", kinds=("official",)
)
DEPUTY: Final = Signer(
    service="mysign", user="099000000102", name="Trần Thị Ví Dụ", role="official", kinds=("official",)
)
CITIZEN: Final = Signer(
    service="vneid_gateway", user="099000000103", name="Lê Thị Ví Dụ", role="citizen", kinds=("person",)
)
REVOKED: Final = Signer(
    service="smartca", user="099000000104", name="Phạm Văn Ví Dụ", role="official", kinds=("official",)
)
AGENCY: Final = Signer(
    service="csc", user="0990000001", name="ỦY BAN NHÂN DÂN TỈNH H99", role="agency", kinds=("agency",)
)
SIGNERS: Final = (LEADER, DEPUTY, CITIZEN, REVOKED, AGENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One signature: who is asked, what the signer and the service do, and how it must end."""

    name: str
    vi: str
    en: str
    signer: Signer
    ends: str = "made"
    """The signature's last state in the ledger."""
    told: tuple[str, ...] = MADE
    """What the one-stop system hears of it."""
    order: Mapping[str, Any] = field(default_factory=lambda: {"result": "approve"})
    """For `POST /_control/<service>/approve`; empty: nobody has it in a phone."""
    types_code: bool = False
    """Whether a person types the service's one-time code at the console."""
    asks: bool = False
    """Whether a person has the service asked, because its webhook never came."""
    faults: tuple[str, ...] = ()
    """Of the asking."""
    signs: int = 1
    """How often a key is used for it there."""
    seals: str = ""
    """The case whose document this one signs further."""


CASES: Final = (
    Case(name="once", vi="duyệt một lần", en="approved, told once", signer=LEADER),
    Case(
        name="sealed", vi="cơ quan đóng dấu lên bản đã ký", en="the agency's seal on what was signed",
        signer=AGENCY, order={}, types_code=True, seals="once",
    ),
    Case(
        name="often", vi="báo kết quả năm lần cùng lúc", en="told five times at the same moment", signer=LEADER,
        order={"result": "approve", "callbacks": 5, "concurrent": True},
    ),
    Case(
        name="unheard", vi="không gọi báo, phải hỏi lại", en="nobody calls back: asked about", signer=DEPUTY,
        order={"result": "approve", "callbacks": 0}, asks=True,
    ),
    Case(
        name="lost", vi="mất câu trả lời khi gửi yêu cầu", en="the answer to the asking is lost", signer=LEADER,
        faults=("lose_reply_after_effect",),
    ),
    Case(name="citizen", vi="người dân ký trên điện thoại", en="a citizen signs in the phone", signer=CITIZEN),
    Case(
        name="declined", vi="người ký từ chối", en="the signer declines", signer=CITIZEN, ends="declined",
        told=("declined",), order={"result": "decline"}, signs=0,
    ),
    Case(
        name="expired", vi="không ai duyệt kịp", en="nobody approves in time", signer=DEPUTY, ends="expired",
        told=("expired",), order={"result": "expire"}, signs=0,
    ),
    Case(
        name="other", vi="trả về chữ ký trên thứ khác", en="a signature over something else comes back",
        signer=LEADER, ends="failed", told=("declined",), order={"result": "approve", "wrong": "digest"},
    ),
    Case(
        name="revoked", vi="chứng thư bị thu hồi giữa chừng", en="the certificate is revoked meanwhile",
        signer=REVOKED, ends="failed", told=("declined",), order={"result": "approve", "wrong": "revoked"},
    ),
)  # fmt: skip
PER_CASE: Final = 2
"""New events of each: its record, and what asks for the signature; a seal has no record of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A case with the number and the words of this day."""

    case: Case
    number: str
    owner: str
    record: Mapping[str, Any] | None

    is_result: bool = True
    """What is still to be sealed is no result yet."""

    @property
    def name(self) -> str:
        """The source's own name of the signature."""
        return f"{self.number}.{'D' if self.case.seals else 'K'}1"

    def request(self, url: str, sha256: str) -> dict[str, Any]:
        """What asks for it; `url`: where its document is, of this digest."""
        case, signer = self.case, self.case.signer
        kind, box = ("agency", SEAL_BOX) if signer.role == "agency" else ("official", OFFICIAL_BOX)
        document: dict[str, Any] = {
            "id": DOCUMENT,  # a seal's too: the sealed one takes the signed one's place among the results
            "name": "Giấy phép xây dựng",
            "form": "pdf",
            "result": self.is_result,
            "visible": {"kind": kind, "page": 1, "box": box},
        }
        document |= {"of": DOCUMENT} if case.seals else {"url": url, "sha256": sha256}
        data: dict[str, Any] = {
            "signature": self.name,
            "unit": UNIT,
            "procedure": PROCEDURE,
            "signer": {"role": signer.role, "user": signer.user, "name": signer.name},
            "service": signer.service,
            "level": "B-LT",
            "description": f"Ký kết quả hồ sơ {self.number}",
            "documents": [document],
        }
        if case.seals:
            data["after"] = f"{self.number}.K1"
        return event(self.number, "seal-1" if case.seals else "sign-1", REQUESTED, data, minutes=5)

    @property
    def event_id(self) -> str:
        """Of its asking."""
        return f"{self.number}:{'seal-1' if self.case.seals else 'sign-1'}"


def papers(seed: int) -> list[Paper]:
    """All of the day, the same for the same seed."""
    rng, made = Random(seed), dict[str, Paper]()  # noqa: S311  # a story to be told again, not a secret
    for n, case in enumerate(CASES, start=1):
        made[case.name] = _sealed(made[case.seals], case) if case.seals else _paper(rng, n, case)
    return list(made.values())


def a_paper_for_you(seed: int) -> Paper:
    """One more, left open: the person who looks at the demo approves it in the browser."""
    mine = Case(name="yours", vi="chờ bạn duyệt", en="waits for you", signer=LEADER, ends="waiting_user", told=())
    return _paper(Random(seed), len(CASES) + 1, mine)  # noqa: S311  # as above


def events_of(seed: int) -> int:
    """How many new events the whole of it is."""
    return sum(PER_CASE - (paper.record is None) for paper in papers(seed))


def _paper(rng: Random, n: int, case: Case) -> Paper:
    number, owner = f"H99.09-260703-7{n:03d}", applicant(rng, "xã Thử Nghiệm")
    told = record(owner, status="processing")
    is_sealed = any(each.seals == case.name for each in CASES)
    return Paper(
        case=case,
        number=number,
        owner=owner["name"],
        record=event(number, "record-1", RECORDED, told),
        is_result=not is_sealed,
    )


def _sealed(of: Paper, case: Case) -> Paper:
    return Paper(case=case, number=of.number, owner=of.owner, record=None)


def signed_record(paper: Paper) -> dict[str, Any]:
    """What the portal must show of a dossier whose result was signed (`contracts/national_portal/NOTES.md`)."""
    return {"DanhSachGiayToKetQua": [{"GiayToId": DOCUMENT}]} if paper.case.told == MADE else {}


# -- judged ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What somebody found who fetched a signed document by the address that the one-stop system was told."""

    is_there: bool = False
    """Whether the address opens, and to the digest that was told."""
    verdict: str = ""
    """Of `lienthong documents verify`."""
    independent: str = ""
    """Of another program; empty where there is none on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What became of the signatures."""

    count: int = 0
    made: int = 0
    prompts: int = 0
    """Questions that phones showed."""
    signs: int = 0
    """Uses of keys."""
    calls: int = 0
    """Webhooks of the services."""
    verified: int = 0
    """Documents that verify."""
    independent: int = 0
    """Of these, those that another program calls valid too."""
    ends: Mapping[str, str] = field(default_factory=dict)
    """Case → the signature's state in the ledger."""
    lost: tuple[Finding, ...] = ()
    doubled: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    unmet: tuple[str, ...] = ()


NOTHING_SIGNED: Final = Signed()


def judge_signed(
    asked: Sequence[Paper],
    requests: Mapping[str, Sequence[str]],
    states: Mapping[str, str],
    transactions: Iterable[Mapping[str, Any]],
    calls: int,
    heard: Iterable[Effect],
    looked: Mapping[str, Looked],
) -> Signed:
    """`requests`: signature → its numbers at its service; `states`: the ledger's; `transactions`: the services' books;
    `heard`: what the one-stop system was told; `looked`: signature → its document, fetched and verified."""
    books = {name: one for one in transactions for name in (one["request"], one["handle"]) if name}
    told = _told(heard)
    lost, doubled, unexpected = [], [], []
    signs = prompts = 0
    for paper in asked:
        there = next((books[name] for name in requests.get(paper.name, ()) if name in books), {})
        used = sum(each["signs"] for each in there.get("documents", ()))
        signs, prompts = signs + used, prompts + there.get("prompts", 0)
        steps = told.get(paper.name, [])
        if used > paper.case.signs or there.get("prompts", 0) > 1 or len(steps) > len(paper.case.told):
            doubled.append(_finding("signed_twice", paper))
        if used and not steps:
            lost.append(_finding("signature_not_told", paper))
        if "made" in steps and not used:
            unexpected.append(_finding("made_without_a_key", paper))
    ends = {paper.case.name: states.get(paper.name, "missing") for paper in asked}
    return Signed(
        count=len(asked),
        made=sum("made" in told.get(paper.name, ()) for paper in asked),
        prompts=prompts,
        signs=signs,
        calls=calls,
        verified=sum(one.verdict == "passed" for one in looked.values()),
        independent=sum(one.independent == "passed" for one in looked.values()),
        ends=ends,
        lost=tuple(lost),
        doubled=tuple(doubled),
        unexpected=tuple(unexpected),
        unmet=tuple(_unmet(asked, ends, told, looked)),
    )


def _told(heard: Iterable[Effect]) -> dict[str, list[str]]:
    """By signature, in their order; what was told again as it was is not told a second time."""
    found: dict[str, list[str]] = {}
    for effect in heard:
        if effect.operation == RESULT and not effect.repeat and effect.body is not None:
            step = next(name for name in STEPS if name in effect.body)
            found.setdefault(str(effect.body["signature"]), []).append(step)
    return found


def _unmet(
    asked: Sequence[Paper],
    ends: Mapping[str, str],
    told: Mapping[str, Sequence[str]],
    looked: Mapping[str, Looked],
) -> Iterable[str]:
    for paper in asked:
        case, steps = paper.case, told.get(paper.name, ())
        if ends[case.name] != case.ends:
            yield f"signature {paper.name} ({case.name}) is {ends[case.name]}, not {case.ends}"
        if tuple(steps) != case.told:
            yield f"signature {paper.name} ({case.name}): told {', '.join(steps)}, not {', '.join(case.told)}"
        if case.told == MADE:
            one = looked.get(paper.name, Looked())
            if not one.is_there:
                yield f"signature {paper.name} ({case.name}): its document cannot be fetched as it was told"
            if one.verdict != "passed" or one.independent not in ("", "passed"):
                yield f"signature {paper.name} ({case.name}): its document is {one.verdict}, {one.independent}"


def _finding(what: str, paper: Paper) -> Finding:
    return Finding(what=what, dossier=paper.number, source=ONE_STOP, event=paper.event_id)
