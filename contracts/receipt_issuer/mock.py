"""The receipt issuer as a callable: strict, stateful, and able to misbehave.

Written from `NOTES.md`, with lxml alone: the adapter speaks through zeep, and two that agree are the point.

    call → `places` (which operation?) → here (who calls?) → `judging` (is it lawful?) → `books` (keep it) → a text
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import ClassVar, Final

from lxml import etree

from contracts.mock_faults import STAGES, Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch
from contracts.mocking import Call, Mock, Request, Response, utc_now
from contracts.one_stop.envelopes import SOAP_11, Trouble
from contracts.receipt_issuer import places
from contracts.receipt_issuer.books import Books, Kept, Standing
from contracts.receipt_issuer.choices import SWITCHES
from contracts.receipt_issuer.judging import read_adjustment, read_receipt
from contracts.receipt_issuer.places import ADJUST, CANCEL, PUBLISH, TEMPURI, UNMARK, VIEW, Message, trouble

XML: Final = "text/xml; charset=utf-8"
STAFF: Final = frozenset({PUBLISH, CANCEL, ADJUST})
"""Operations that name the staff's account beside the service's."""
SERVICE_NAMES: Final = ("username", "userName")
SERVICE_PASSWORDS: Final = ("password", "pass", "userPass")
FAULTS: Final = frozenset(STAGES) - {
    "expired_session", "skip_record_say_yes", "unsigned_fault", "bad_signature", "clock_skew",
    "duplicate_callback", "reordered_callbacks", "tampered_callback",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What both sides agreed on. Invented, and known to everybody."""

    account: str = "phathanh-h99"
    ac_pass: str = "mock-staff-&-<pass>"  # noqa: S105  # the mock's own, known to everybody
    username: str = "dichvu-h99"
    password: str = "mock-service-pass"  # noqa: S105
    pattern: str = "01BLP0-001"
    serial: str = "BI-23T"
    tax_code: str = "0990000001"
    agency: str = "UBND phường Mẫu"


ACCOUNT: Final = Account()


class ReceiptIssuer(Mock):
    """The provider of an agency's electronic receipts."""

    partner: ClassVar[str] = "receipt_issuer"
    faults_here: ClassVar[frozenset[str]] = FAULTS
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        account: Account = ACCOUNT,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(clock=clock, keep=keep, seed=seed)
        self.account = account
        self.books = Books(self.effects)
        self._answers: Mapping[str, Callable[[Mapping[str, str], Visit], str]] = {
            PUBLISH: self._publish,
            VIEW: self._view,
            UNMARK: self._unmark,
            CANCEL: self._cancel,
            ADJUST: self._adjust,
        }

    def forget(self) -> None:
        self.books.clear()

    def recognise(self, request: Request) -> Call:
        return places.recognise(request)

    def admit(self, call: Call, visit: Visit) -> Response | None:
        if call.place == "nowhere":
            visit.break_rule(Broken(rule="r1", field="path", expected="a known address", found=call.request.path))
            return Response(status=404, body=b'{"error":"nothing here"}')
        visit.checked = ("r2", "r3", "r4", "r5")
        message: Message = call.payload
        if message.fault is not None:
            _write_down(message.fault, visit)
            return _fault("soap:Client", f"{message.fault.field}: {message.fault.expected}")
        try:
            self._account(call.operation, message.values)
        except Trouble as no:
            return self._no(no, call, visit)
        return None

    def answer(self, call: Call, visit: Visit) -> Response:
        message: Message = call.payload
        before = len(self.effects)
        try:
            if self.faults.active and (fault := self.faults.strike("refuse_record", call.operation, call.dossiers)):
                visit.fault = fault.name
                raise trouble("r31", "xmlInvData", "a receipt that can be issued", code="ERR:3")
            said = self._answers[call.operation](message.values, visit)
        except Trouble as no:
            return self._no(no, call, visit)
        visit.effects += len(self.effects) - before
        return _answer(call.operation, said)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        """A Fault is this partner's own way of spoiling an answer."""
        if fault.name == "soap_fault":
            return _fault("soap:Server", "Server was unable to process request.")
        return super().change(response, fault, call, visit)

    # -- who calls ----------------------------------------------------------------------------------------------

    def _account(self, operation: str, values: Mapping[str, str]) -> None:
        """r10, r11."""
        mine = self.account
        name = next(values[each] for each in SERVICE_NAMES if each in values)
        given = next(values[each] for each in SERVICE_PASSWORDS if each in values)
        if name != mine.username and not name.endswith("-h99"):
            raise trouble("r11", "username", "an account of an agency", name, code="ERR:7")
        staff = operation not in STAFF or (values["Account"] == mine.account and _same(values["ACpass"], mine.ac_pass))
        if name != mine.username or not _same(given, mine.password) or not staff:
            raise trouble("r10", "Account", "the account that was agreed on", code="ERR:1")

    # -- what they want -----------------------------------------------------------------------------------------

    def _publish(self, values: Mapping[str, str], visit: Visit) -> str:
        visit.checked += tuple(f"r{n}" for n in range(20, 32))
        self._registered(values)
        receipt = read_receipt(values["xmlInvData"])
        self._can_issue()
        kept = self.books.publish(receipt, visit.clock, last_number=self.switches["last_number"])
        return f"OK:{self.account.pattern};{self.account.serial}-{receipt.key}_{kept.number}"

    def _registered(self, values: Mapping[str, str]) -> None:
        told = (values["pattern"], values["serial"])
        if told not in ((self.account.pattern, self.account.serial), ("", "")):
            raise trouble("r21", "pattern", "a pattern and a serial that are registered", "/".join(told), code="ERR:20")
        if values["convert"] != "0":
            raise trouble("r20", "convert", "0", values["convert"], code="ERR:3")

    def _can_issue(self) -> None:
        if self.switches["certificate"] == "ended":
            raise trouble("r31", "certificate", "one that is valid", code="ERR:29")

    def _view(self, values: Mapping[str, str], visit: Visit) -> str:
        visit.checked += ("r40", "r41")
        return self._page(self.books.view(values["fkey"]))

    def _unmark(self, values: Mapping[str, str], visit: Visit) -> str:
        visit.checked += ("r50", "r51")
        self.books.unmark(values["lstFkey"], visit.clock)
        return "OK:"

    def _cancel(self, values: Mapping[str, str], visit: Visit) -> str:
        visit.checked += ("r50", "r52", "r57")
        self.books.cancel(values["fkey"], visit.clock, takes_paid=self.switches["cancel_paid"] == "taken")
        return "OK:"

    def _adjust(self, values: Mapping[str, str], visit: Visit) -> str:
        visit.checked += ("r23", "r24", "r25", "r26", "r27", "r54")
        receipt, kind = read_adjustment(values["xmlInvData"])
        self._can_issue()
        last = self.switches["last_number"]
        kept = self.books.adjust(values["fkey"], receipt, kind, visit.clock, last_number=last)
        return f"OK:{self.account.pattern};{self.account.serial};{kept.number}"

    def _page(self, kept: Kept) -> str:
        """The receipt as a person reads it (r43, r44)."""
        receipt, shows = kept.receipt, self.switches["page_shows"]
        more = 1_000 if shows == "other_amount" else 0
        number = "" if shows == "no_number" else f"<p>Số: <b>{kept.number}</b></p>"
        mark = "<p class=cancelled>ĐÃ HỦY</p>" if kept.standing is Standing.CANCELLED else ""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{_dotted(each + more)}</td></tr>" for name, each in receipt.products
        )
        return (
            f"<!doctype html><html lang=vi><title>Biên lai</title><h1>BIÊN LAI THU PHÍ, LỆ PHÍ</h1>{mark}"
            f"<p>Mẫu số: {self.account.pattern} Ký hiệu: {self.account.serial}</p>{number}"
            f"<p>{escape(self.account.agency)}, MST {self.account.tax_code}</p>"
            f"<p>Người nộp: {escape(receipt.payer)}</p><table>{rows}</table>"
            f"<p>Tổng cộng: {_dotted(receipt.amount + more)} đồng ({escape(receipt.words)})</p>"
            f"<p>Ngày {receipt.dated}</p></html>"
        )

    def _no(self, no: Trouble, call: Call, visit: Visit) -> Response:
        if no.rule != "r41":  # whoever asks whether a receipt is there breaks nothing
            _write_down(no, visit)
        visit.error_code = no.code
        return _answer(call.operation, no.code)


def _write_down(no: Trouble, visit: Visit) -> None:
    visit.break_rule(Broken(rule=no.rule, field=no.field, expected=no.expected, found=no.found, message=no.code))


def _answer(operation: str, said: str) -> Response:
    response = etree.Element(f"{{{TEMPURI}}}{operation}Response", nsmap={None: TEMPURI})
    etree.SubElement(response, f"{{{TEMPURI}}}{operation}Result").text = said
    return Response(body=_enveloped(response), content_type=XML)


def _fault(code: str, text: str) -> Response:
    element = etree.Element(f"{{{SOAP_11}}}Fault", nsmap={"soap": SOAP_11})
    etree.SubElement(element, "faultcode").text = code
    etree.SubElement(element, "faultstring").text = text
    return Response(status=500, body=_enveloped(element), content_type=XML)


def _enveloped(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP_11}}}Envelope", nsmap={"soap": SOAP_11})
    etree.SubElement(envelope, f"{{{SOAP_11}}}Body").append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _dotted(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")
