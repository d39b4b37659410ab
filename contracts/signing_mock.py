"""What the mocks of signing services share: transactions, the page where a person approves, the webhook, the keys.

A service's own mock says how it is asked (`recognise_here`, `admit_here`, `answer_here`) and how its webhook looks
(`notice`, `outgoing`, `is_taken`). What a person or a test does is here:

    GET  /<partner>/approve                      what waits in the phone
    GET  /<partner>/approve/<handle>             one question: approve, decline, let it expire
    POST /<partner>/approve/<handle>             what was pressed
    POST /_control/<partner>/approve             the same by a test, with whatever may go wrong (`ApproveOrder`)
    POST /_control/<partner>/signers             which certificates a user has
    GET  /_control/<partner>/transactions|callbacks

It signs for real. Each use of a key is an effect `sign`; each question put to a person is an effect `ask`.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.gateway_calls import CallerBack, Outgoing, Plan
from contracts.mock_faults import Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, seconds, text, whole
from contracts.mocking import CHANGED, Call, Mock, Request, Response, utc_now
from contracts.signing_pki.authorities import Holder, SigningPki, rsa_key
from contracts.signing_pki.stamps import bare_cms
from contracts.signing_transactions import COMES_TO, Document, Result, Signers, Transaction, Transactions, Wrong

HERE: Final = Path(__file__).parent
HTML: Final = "text/html; charset=utf-8"
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
VIETNAM: Final = timedelta(hours=7)
ON_CALLBACKS: Final = frozenset({"duplicate_callback", "reordered_callbacks", "tampered_callback"})
"""Faults that strike the asking, and befall its webhook."""
FAULTS: Final = frozenset(
    {"lose_request", "reset", "http_500", "html_200", "rate_limited", "lose_reply_after_effect", "slow", "half_body",
     "wrong_content_type", "late_effect"}
) | ON_CALLBACKS  # fmt: skip
LATE: Final = "Sai chữ ký khác"


def switches(rule: str, *more: Switch) -> tuple[Switch, ...]:
    """Of every signing service; `rule` is the one of its notes that says what its mock can do."""
    return (
        Switch(name="callback_url", default="", read=text, rule=rule, says="where results are called back to"),
        Switch(name="callbacks", default=1, read=whole(), rule=rule, says="how often a result is told"),
        Switch(name="repeats", default=0, read=whole(), rule=rule, says="how often more, while the answer is not yes"),
        Switch(name="every_s", default=1.0, read=seconds, rule=rule, says="seconds between these"),
        Switch(name="life_s", default=300.0, read=seconds, rule=rule, says="how long a person may approve"),
        Switch(
            name="on_asking",
            default="",
            read=one_of("", "approve", "decline", "expire", "fail"),
            rule=rule,
            says="a transaction comes to this by itself, as soon as it is asked for",
        ),
        Switch(name="after_polls", default=0, read=whole(), rule=rule, says="with on_asking: only once it was asked "
               "about so often, and nobody is told"),
        Switch(
            name="before_answer",
            default=False,
            read=one_of(True, False),
            rule=rule,
            says="with on_asking: the webhook comes before the answer to the asking",
        ),
        *more,
    )  # fmt: skip


class ApproveOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a test has a signer and the service do: `POST /_control/<partner>/approve`."""

    request: str = ""
    handle: str = ""
    """Both empty: the transaction that was asked for last; with `before_answer`: the one that is asked for next."""
    result: Result = "approve"
    callbacks: int = 1
    """How often it is told; 0: never, and only a question will say."""
    delay_s: float = 0.0
    concurrent: bool = False
    before_answer: bool = False
    """The next transaction comes to this while its asking is still unanswered."""
    wrong: Wrong = ""
    tamper: dict[str, Any] = {}
    """Members of the webhook as they are sent instead; null leaves one out."""
    secret: str = ""
    """Sign the webhook with this one, where the service signs it."""
    code: str = ""
    """Of a failure."""


class SignersOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which certificates a user has: `POST /_control/<partner>/signers`."""

    user: str
    kinds: list[str] = []


class SigningMock(Mock):
    """A signing service."""

    name: ClassVar[str]
    """As the page shows it."""
    faults_here: ClassVar[frozenset[str]] = FAULTS

    def __init__(
        self,
        *,
        pki: SigningPki | None = None,
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        """`pki`: shared with the other mocks, whose OCSP and lists speak of its certificates."""
        super().__init__(clock=clock, keep=keep, seed=seed)
        self._registered = callback_url
        self.pki = pki or SigningPki(clock)
        self.signers = Signers(self.pki)
        self.transactions = Transactions()
        self.calls = self.caller()
        self._next: ApproveOrder | None = None
        self._withheld: list[Outgoing] = []
        self._pages = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    controls_here: ClassVar[Mapping[tuple[str, str], Callable[[Any, Request], Response]]] = {
        ("POST", "approve"): lambda mock, request: mock.control_approve(request),
        ("POST", "signers"): lambda mock, request: mock.control_signers(request),
        ("GET", "transactions"): lambda mock, request: _json([each.shown() for each in mock.current()]),
        ("GET", "callbacks"): lambda mock, request: _json([called.shown() for called in list(mock.calls.done)]),
    }

    # -- what a service's own mock says -------------------------------------------------------------------------------

    @abstractmethod
    def recognise_here(self, request: Request) -> Call:
        """Which operation is this? Of all but the approval page."""

    @abstractmethod
    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        """Who calls, and in what form: a refusal, or nothing."""

    @abstractmethod
    def answer_here(self, call: Call, visit: Visit) -> Response:
        """Change the books, reply. A new transaction goes through `asked_for`."""

    def caller(self) -> CallerBack:
        """Who calls back; another one where a webhook takes more than one call."""
        return CallerBack(self._clock, self.is_taken)

    def notice(self, transaction: Transaction, order: ApproveOrder) -> dict[str, Any]:
        """The webhook's members. Of a service that calls nobody: nothing."""
        return {}

    def outgoing(self, transaction: Transaction, url: str, fields: Mapping[str, Any], order: ApproveOrder) -> Outgoing:
        """The webhook, as it goes out: signed over just these members, where it is signed."""
        body = msgspec.json.encode(fields)
        headers = {"Content-Type": "application/json"}
        return Outgoing(reference=transaction.handle, url=url, headers=headers, body=body)

    def is_taken(self, status: int, answer: bytes) -> bool:
        """Whether an answer to the webhook says yes."""
        return status == 200

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def _reached_by(self, request: Request) -> None:
        """Certificates name the address by which somebody came."""
        self.pki.reached_at(f"http://{request.headers['host']}" if "host" in request.headers else "")

    def recognise(self, request: Request) -> Call:
        self._reached_by(request)
        place = f"/{self.partner}/approve"
        if request.path == place or request.path.startswith(f"{place}/"):
            handle = request.path.removeprefix(place).strip("/")
            return Call(request=request, operation="page", place="page", payload=handle, dossiers=(handle,))
        return self.recognise_here(request)

    def admit(self, call: Call, visit: Visit) -> Response | None:
        if call.place == "page":
            return None
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r1", field="path", expected="a known address", found=call.request.path))
            return Response(status=404, body=b'{"error":"nothing here"}')
        return self.admit_here(call, visit)

    def answer(self, call: Call, visit: Visit) -> Response:
        return self._page(call) if call.place == "page" else self.answer_here(call, visit)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        if fault.name not in ON_CALLBACKS:
            return CHANGED[fault.name](response, fault)
        for name in call.dossiers:
            if transaction := self.transactions.get(name):
                transaction.more.setdefault("faults", set()).add(fault.name)
        return response

    def forget(self) -> None:
        self.transactions.clear()
        self.signers.clear()
        self.pki.forget()
        self.calls.stop()
        self.calls.done.clear()
        self._next = None
        self._withheld.clear()

    # -- transactions -------------------------------------------------------------------------------------------------

    def asked_for(
        self,
        visit: Visit,
        *,
        request: str,
        handle: str,
        user: str,
        holder: Holder,
        documents: Sequence[Document],
        description: str = "",
        **more: Any,
    ) -> Transaction:
        """A new transaction is in the books, and in a phone; what was planned for it happens."""
        made = Transaction(
            request=request,
            handle=handle,
            user=user,
            holder=holder,
            documents=list(documents),
            made_at=visit.clock,
            until=visit.clock + timedelta(seconds=self.switches["life_s"]),
            description=description,
            more=more,
        )
        self.transactions.add(made)
        visit.effects += 1
        self._effect("ask", made, b"".join(each.digest for each in documents), visit.clock)
        if planned := self._next:
            self._next = None
            self.approve(msgspec.structs.replace(planned, handle=handle))
        elif (result := self.switches["on_asking"]) and not self.switches["after_polls"]:
            is_before, times = self.switches["before_answer"], self.switches["callbacks"]
            self.approve(ApproveOrder(handle=handle, result=result, callbacks=times, before_answer=is_before))
        return made

    def asked_about(self, name: str) -> Transaction | None:
        """By either id, as it stands now; one more question is counted."""
        found = self.transactions.get(name)
        if found is None:
            return None
        found.asked += 1
        result = self.switches["on_asking"]
        if found.state == "open" and result and 0 < self.switches["after_polls"] <= found.asked:
            self.approve(ApproveOrder(handle=found.handle, result=result, callbacks=0))
        return self._aged(found)

    def current(self) -> list[Transaction]:
        """All, as they stand now."""
        return [self._aged(each) for each in self.transactions]

    def approve(self, wanted: ApproveOrder) -> Transaction | None:
        """A person and the service do this now; None where it waits for the next transaction."""
        name = wanted.handle or wanted.request
        if wanted.before_answer and not name:
            self._next = wanted
            return None
        found = self.transactions.get(name) if name else self.transactions.newest()
        if found is None:
            raise ValueError(f"no transaction {name}")
        self._happen(self._aged(found), wanted)
        self._tell(found, wanted)
        return found

    def _aged(self, transaction: Transaction) -> Transaction:
        if transaction.state == "open" and self._clock() > transaction.until:
            transaction.state = "expired"
        return transaction

    def _happen(self, transaction: Transaction, wanted: ApproveOrder) -> None:
        if transaction.state != "open":
            return
        transaction.state, transaction.code = COMES_TO[wanted.result], wanted.code
        transaction.ended_at, transaction.wrong = self._clock(), wanted.wrong
        if wanted.wrong == "revoked":
            self._revoke(transaction.holder)
        if wanted.result == "approve":
            for document in transaction.documents:
                self._sign(transaction, document)

    def _sign(self, transaction: Transaction, document: Document) -> None:
        document.signs += 1
        document.value = self._value(transaction, document)
        self._effect("sign", transaction, document.digest, self._clock(), document.id)

    def _value(self, transaction: Transaction, document: Document) -> bytes:
        holder = transaction.holder
        match transaction.wrong:
            case "digest":
                return holder.sign_digest(hashlib.sha256(document.digest.hex().encode()).digest())
            case "certificate":
                return self._other().sign_digest(document.digest)
            case "certificate_cms":
                return bare_cms(self._other(), document.digest)
            case "cms":
                return bare_cms(holder, document.digest)
            case _:
                return holder.sign_digest(document.digest)

    def _other(self) -> Holder:
        return self.pki.person(number="099000000099", name=LATE, key=rsa_key(9))

    def _revoke(self, holder: Holder) -> None:
        for authority in self.pki.authorities.values():
            if holder.certificate.serial_number in authority.known:
                authority.revoke(holder)

    def _effect(self, operation: str, transaction: Transaction, body: bytes, at: datetime, document: str = "") -> None:
        self.effects.add(
            at=at,
            operation=operation,
            dossier=transaction.handle,
            digest=hashlib.sha256(body).hexdigest(),
            repeat=False,
            entry={"request": transaction.request, "user": transaction.user, "document": document},
            body=msgspec.json.encode(body.hex()),
        )

    # -- the webhook --------------------------------------------------------------------------------------------------

    def _tell(self, transaction: Transaction, wanted: ApproveOrder) -> None:
        url = self.switches["callback_url"] or self._registered
        if not url:
            return
        faults: set[str] = transaction.more.get("faults", set())
        times = max(wanted.callbacks, 2) if "duplicate_callback" in faults and wanted.callbacks else wanted.callbacks
        calls = [self._call(transaction, wanted, url, faults)] * times
        if "reordered_callbacks" in faults:
            self._withheld += calls  # they go out after those of another transaction
            transaction.more["faults"] = faults - {"reordered_callbacks"}
            return
        calls, self._withheld = [*calls, *self._withheld], []
        if not calls:
            return
        plan = Plan(
            calls=calls,
            delay_s=wanted.delay_s,
            is_concurrent=wanted.concurrent,
            repeats=self.switches["repeats"],
            every_s=self.switches["every_s"],
        )
        if wanted.before_answer:
            self.calls.now(plan)
        else:
            self.calls.start(plan)

    def _call(self, transaction: Transaction, wanted: ApproveOrder, url: str, faults: set[str]) -> Outgoing:
        fields = self.notice(transaction, wanted)
        tamper = wanted.tamper or ({next(iter(fields)): "?"} if "tampered_callback" in faults and fields else {})
        told = {name: value for name, value in {**fields, **tamper}.items() if value is not None}
        return self.outgoing(transaction, url, told, wanted)

    # -- the page -----------------------------------------------------------------------------------------------------

    def _page(self, call: Call) -> Response:
        if not call.payload:
            return self._html(200, waiting=[each for each in self.current() if each.state == "open"])
        transaction = self.transactions.get(call.payload)
        if transaction is None:
            return self._html(404)
        if call.request.method == "POST":
            return self._pressed(self._aged(transaction), call.request)
        return self._html(200, transaction=self._aged(transaction))

    def _pressed(self, transaction: Transaction, request: Request) -> Response:
        told = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        pressed = told.get("result", "")
        if transaction.state == "open" and pressed in COMES_TO:
            times = self.switches["callbacks"] if told.get("tell", "yes") == "yes" else 0
            wrong: Wrong = "digest" if told.get("wrong") == "digest" else ""
            order = ApproveOrder(handle=transaction.handle, result=pressed, callbacks=times, wrong=wrong)
            self.approve(order)
        return Response(status=303, headers={"Location": request.path, **SAFE}, content_type=HTML)

    def _html(
        self, status: int, *, transaction: Transaction | None = None, waiting: Sequence[Transaction] | None = None
    ) -> Response:
        page = self._pages.get_template("approve_page.html").render(
            service=self.name,
            partner=self.partner,
            transaction=transaction,
            waiting=waiting,
            subject=_subject_of(transaction) if transaction else {},
            minutes=_left(transaction, self._clock()) if transaction else "",
            until=f"{transaction.until + VIETNAM:%H:%M:%S}" if transaction else "",
        )
        return Response(status=status, body=page.encode(), content_type=HTML, headers=SAFE)

    # -- control ------------------------------------------------------------------------------------------------------

    def control_approve(self, request: Request) -> Response:
        """What a test wants to happen."""
        found = self.approve(msgspec.json.decode(request.body, type=ApproveOrder))
        return _json({"waits": True} if found is None else found.shown(), status=202)

    def control_signers(self, request: Request) -> Response:
        """What certificates a user has from now on."""
        self._reached_by(request)
        order = msgspec.json.decode(request.body, type=SignersOrder)
        made = self.signers.give(order.user, order.kinds)
        return _json([each.serial for each in made], status=201)


def _subject_of(transaction: Transaction) -> dict[str, str]:
    names = {"commonName": "name", "organizationName": "organization", "title": "title"}
    found = {}
    for part in transaction.holder.certificate.subject:
        if part.oid._name in names:
            found[names[part.oid._name]] = str(part.value)
    return found


def _left(transaction: Transaction, now: datetime) -> str:
    whole_seconds = max(0, int((transaction.until - now).total_seconds()))
    return f"{whole_seconds // 60} phút {whole_seconds % 60:02d} giây"


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(value))
