"""What the mocks of payment gateways share: orders, the page where a person pays, calls back, the day's file.

A gateway's own mock says how it is opened and asked (`recognise_here`, `admit_here`, `answer_here`) and how its call
back looks (`notice`, `signed`, `outgoing`, `is_taken`). What a person or a test does is here:

    GET  /<partner>/pay/<reference>              the page
    POST /<partner>/pay/<reference>              what the person pressed
    POST /_control/<partner>/pay                 the same by a test, with calls back of any kind (`PayOrder`)
    GET  /_control/<partner>/orders|callbacks|settlement
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qsl

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.gateway_calls import CallerBack, Outgoing, Plan
from contracts.gateway_orders import Booking, Order, Orders, Result
from contracts.gateway_settlement import KINDS, day_of, envelope, file_of
from contracts.mock_faults import Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, seconds, text, whole
from contracts.mocking import CHANGED, Call, Mock, Request, Response, utc_now

HERE: Final = Path(__file__).parent
HTML: Final = "text/html; charset=utf-8"
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
ON_CALLBACKS: Final = frozenset({"duplicate_callback", "reordered_callbacks", "tampered_callback"})
"""Faults that strike the opening of an order, and befall its call back."""
FAULTS: Final = frozenset(
    {"lose_request", "reset", "http_500", "html_200", "rate_limited", "lose_reply_after_effect", "slow", "half_body",
     "wrong_content_type", "late_effect"}
) | ON_CALLBACKS  # fmt: skip

SWITCHES: Final = (
    Switch(name="callback_url", default="", read=text, rule="r40", says="where results are called back to"),
    Switch(name="return_url", default="", read=text, rule="r40", says="where the pay page sends the person back to"),
    Switch(name="callbacks", default=1, read=whole(), rule="r47", says="how often a result of the page is told"),
    Switch(name="repeats", default=0, read=whole(), rule="r47", says="how often more, while the answer is not yes"),
    Switch(name="every_s", default=1.0, read=seconds, rule="r47", says="seconds between these"),
    Switch(
        name="on_opening",
        default="",
        read=one_of("", "paid", "failed", "pending"),
        rule="r60",
        says="an order comes to this by itself, as soon as it is opened",
    ),
    Switch(
        name="before_answer",
        default=False,
        read=one_of(True, False),
        rule="r60",
        says="with on_opening: the call back comes before the answer to the opening",
    ),
    Switch(name="settlement", default="good", read=one_of(*KINDS), rule="r61", says="how the day's file is"),
)


class PayOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a test has a payer and the gateway do: `POST /_control/<partner>/pay`."""

    reference: str = ""
    """Empty: the order that was opened last; with `before_answer`: the one that is opened next."""
    result: Result = "paid"
    callbacks: int = 1
    """How often it is told; 0: never, and only a question or the day's file will say."""
    delay_s: float = 0.0
    concurrent: bool = False
    before_answer: bool = False
    """The next order comes to this while its opening is still unanswered."""
    earlier: Literal["", "paid", "failed"] = ""
    """Another result that is told too: before this one, or with `reordered` after it."""
    reordered: bool = False
    tamper: dict[str, Any] = {}
    """Fields of the call back as they are sent instead; null leaves one out."""
    resign: bool = False
    """Whether the checksum is made over the tampered fields."""
    secret: str = ""
    """Sign with this one instead."""
    amount: int | None = None
    """What is booked, where it is not what was asked for."""
    transaction: str = ""
    again: bool = False
    """Book a second transaction on an order that is paid already."""
    code: str = ""
    """Of a failure."""


class GatewayMock(Mock):
    """A payment gateway."""

    name: ClassVar[str]
    """As the page shows it."""
    faults_here: ClassVar[frozenset[str]] = FAULTS

    def __init__(
        self,
        *,
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(clock=clock, keep=keep, seed=seed)
        self._registered = callback_url
        self.orders = Orders()
        self.calls = CallerBack(clock, self.is_taken)
        self._next: PayOrder | None = None
        self._withheld: list[Outgoing] = []
        self._pages = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    controls_here: ClassVar[Mapping[tuple[str, str], Callable[[Any, Request], Response]]] = {
        ("POST", "pay"): lambda mock, request: mock.control_pay(request),
        ("GET", "orders"): lambda mock, request: _json([order.shown() for order in mock.orders]),
        ("GET", "callbacks"): lambda mock, request: _json([called.shown() for called in list(mock.calls.done)]),
        ("GET", "settlement"): lambda mock, request: mock.control_settlement(request),
    }

    # -- what a gateway's own mock says -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def merchant(self) -> str:
        """Our name there."""

    @abstractmethod
    def recognise_here(self, request: Request) -> Call:
        """Which operation is this? Of all but the pay page."""

    @abstractmethod
    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        """Checksum and form: a refusal, or nothing."""

    @abstractmethod
    def answer_here(self, call: Call, visit: Visit) -> Response:
        """Change the books, reply. A new order goes through `opened`."""

    @abstractmethod
    def notice(self, order: Order, result: str, booking: Booking | None, code: str, at: datetime) -> dict[str, Any]:
        """The fields of the call back, without its checksum."""

    @abstractmethod
    def signed(self, fields: Mapping[str, Any], secret: str = "") -> dict[str, Any]:
        """The same with the checksum over just these fields."""

    @abstractmethod
    def outgoing(self, reference: str, url: str, fields: Mapping[str, Any]) -> Outgoing:
        """The call, as it goes out."""

    @abstractmethod
    def is_taken(self, status: int, answer: bytes) -> bool:
        """Whether an answer to the call back says yes."""

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def recognise(self, request: Request) -> Call:
        reference = request.path.removeprefix(f"/{self.partner}/pay/")
        if reference != request.path:
            return Call(request=request, operation="page", place="page", payload=reference, dossiers=(reference,))
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
        for reference in call.dossiers:
            if order := self.orders.get(reference):
                order.more.setdefault("faults", set()).add(fault.name)
        return response

    def forget(self) -> None:
        self.orders.clear()
        self.calls.stop()
        self.calls.done.clear()
        self._next = None
        self._withheld.clear()

    # -- orders -------------------------------------------------------------------------------------------------------

    def opened(self, order: Order, visit: Visit, body: bytes, digest: str) -> None:
        """A new order is in the books; what was planned for it happens."""
        self.orders.add(order)
        visit.effects += 1
        self.effects.add(
            at=visit.clock,
            operation=visit.operation,
            dossier=order.reference,
            digest=digest,
            repeat=False,
            entry={"reference": order.reference, "amount": str(order.amount), "dossier": order.dossier},
            body=body,
        )
        if planned := self._next:
            self._next = None
            self.pay(msgspec.structs.replace(planned, reference=order.reference))
        elif result := self.switches["on_opening"]:
            is_before = self.switches["before_answer"]
            times = self.switches["callbacks"]
            self.pay(PayOrder(reference=order.reference, result=result, callbacks=times, before_answer=is_before))

    def pay(self, wanted: PayOrder) -> Order | None:
        """A person and the gateway do this now; None where it waits for the next order."""
        if wanted.before_answer and not wanted.reference:
            self._next = wanted
            return None
        order = self.orders.get(wanted.reference) if wanted.reference else self.orders.newest()
        if order is None:
            raise ValueError(f"reference: no order {wanted.reference}")
        booking = self._happen(order, wanted)
        self._tell(order, wanted, booking)
        return order

    def _happen(self, order: Order, wanted: PayOrder) -> Booking | None:
        order.state, order.code = wanted.result, wanted.code
        if wanted.result != "paid":
            return None
        if order.paid is not None and not wanted.again:
            return order.paid
        return self.orders.book(order, at=self._clock(), amount=wanted.amount, transaction=wanted.transaction)

    def _tell(self, order: Order, wanted: PayOrder, booking: Booking | None) -> None:
        url = self.switches["callback_url"] or self._registered
        if not url or wanted.result == "pending":
            return
        faults: set[str] = order.more.get("faults", set())
        results = [wanted.earlier, wanted.result] if wanted.earlier else [wanted.result]
        times = max(wanted.callbacks, 2) if "duplicate_callback" in faults else wanted.callbacks
        calls = [self._call(order, result, wanted, booking, url, faults) for result in results] * times
        if wanted.reordered:
            calls.reverse()
        if "reordered_callbacks" in faults:
            self._withheld += calls  # they go out after those of another order
            order.more["faults"] = faults - {"reordered_callbacks"}
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

    def _call(
        self, order: Order, result: str, wanted: PayOrder, booking: Booking | None, url: str, faults: set[str]
    ) -> Outgoing:
        fields = self.notice(order, result, booking, wanted.code, self._clock())
        tamper = wanted.tamper or ({next(iter(fields)): "?"} if "tampered_callback" in faults else {})
        if wanted.resign:
            return self.outgoing(order.reference, url, self.signed(_with(fields, tamper), wanted.secret))
        return self.outgoing(order.reference, url, _with(self.signed(fields, wanted.secret), tamper))

    # -- the page -----------------------------------------------------------------------------------------------------

    def _page(self, call: Call) -> Response:
        order = self.orders.get(call.payload)
        if order is None:
            return self._html(404, order=None)
        if call.request.method == "POST":
            return self._pressed(order, call.request)
        return self._html(200, order=order)

    def _pressed(self, order: Order, request: Request) -> Response:
        told = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        pressed = told.get("result", "")
        if order.state not in ("open", "pending") or pressed not in ("paid", "failed", "pending", "expired"):
            return self._html(200, order=order)
        if pressed == "expired":
            order.state = "expired"
        else:
            times = self.switches["callbacks"] if told.get("tell", "yes") == "yes" else 0
            self.pay(PayOrder(reference=order.reference, result=pressed, callbacks=times))  # type: ignore[arg-type]
        return Response(status=303, headers={"Location": request.path, **SAFE}, content_type=HTML)

    def _html(self, status: int, *, order: Order | None) -> Response:
        back = (order.return_url if order else "") or self.switches["return_url"]
        page = self._pages.get_template("pay_page.html").render(gateway=self.name, order=order, back=back)
        return Response(status=status, body=page.encode(), content_type=HTML, headers=SAFE)

    # -- control ------------------------------------------------------------------------------------------------------

    def control_pay(self, request: Request) -> Response:
        """What a test wants to happen."""
        order = self.pay(msgspec.json.decode(request.body, type=PayOrder))
        return _json({"waits": True} if order is None else order.shown(), status=202)

    def control_settlement(self, request: Request) -> Response:
        """`?day=yyyyMMdd` (today), `&raw=1` for the file without its envelope."""
        day = request.query.get("day") or day_of(self._clock())
        kind = self.switches["settlement"]
        if request.query.get("raw") == "1":
            name, content = file_of(self.orders, merchant=self.merchant, day=day, kind=kind)
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(body=content, content_type="text/plain; charset=utf-8", headers=headers)
        return _json(envelope(self.orders, merchant=self.merchant, day=day, kind=kind))


def _with(fields: Mapping[str, Any], tamper: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **tamper}.items() if value is not None}


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(value))
