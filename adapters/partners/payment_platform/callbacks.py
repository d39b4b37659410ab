"""CONFIRM: the platform calls us. Read, believed or not, and acknowledged in its own form (NOTES.md#r41 to #r49)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.partners.gateways.amounts import amount_of
from adapters.partners.gateways.calls import CHANGED_NOTHING, MOST_BYTES, Came, Find, Place, RawCall, Reply, Wrong
from adapters.partners.gateways.cards import without_cards
from adapters.partners.gateways.messages import fields_of, text_of
from adapters.partners.gateways.secrets import matched
from adapters.partners.gateways.stamps import time_of
from adapters.partners.payment_platform.adapter import NAME
from adapters.partners.payment_platform.checksum import CONFIRM, checksum
from adapters.partners.payment_platform.codes import NOT_TAKEN, TAKEN
from adapters.partners.payment_platform.settings import PlatformSettings
from bus.errors import LedgerTrouble
from bus.payments import AttemptFacts, Effect, Heard, Told, Verdict

PLACES: Final = {("POST", "confirm"): Place(media_types=("application/json",))}
WORDS: Final = {
    "checksum": "Sai ma xac thuc",
    "merchant": "Sai doi tac",
    Effect.UNKNOWN_REFERENCE: "Khong tim thay giao dich",
    Effect.WRONG_AMOUNT: "Sai so tien",
    Effect.WRONG_CURRENCY: "Sai loai tien",
    "unavailable": "He thong tam thoi khong san sang",
}
LONGEST_ECHO: Final = 255
LONGEST: Final = (255, 4_000)
"""Characters of a value, and of the description (NOTES.md#r91)."""


class Confirms:
    """The platform's side of the door of callbacks."""

    def __init__(self, settings: PlatformSettings, *, name: str = NAME) -> None:
        self._settings = settings
        self._name = name

    @property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """One: `POST confirm`."""
        return PLACES

    def read(self, call: RawCall, find: Find) -> Told | Wrong:
        """Form, then checksum, then whose it is. The ledger compares amount and currency with what is due."""
        fields = fields_of(call, most_bytes=MOST_BYTES)
        if isinstance(fields, Wrong):
            return fields
        values: dict[str, str] = {}
        for name in (*CONFIRM, "MaXacThuc"):
            value = text_of(fields, name)
            if isinstance(value, Wrong):
                return value
            values[name] = value
        return _misfit(values) or self._believed(values, call, fields, find)

    def _believed(
        self, values: Mapping[str, str], call: RawCall, fields: Mapping[str, Any], find: Find
    ) -> Told | Wrong:
        reference = values["MaThamChieu"]
        key = matched(self._settings.secrets, values["MaXacThuc"], lambda secret: checksum(values, CONFIRM, secret))
        if key is None:
            return Wrong(
                code="bad_signature", rule="checksum", field="MaXacThuc", reference_told=reference, is_alarm=True
            )
        if values["MaDoiTac"] not in self._merchants(find(reference)):
            return Wrong(
                code="forbidden_source", rule="merchant", field="MaDoiTac", reference_told=reference, is_alarm=True
            )
        if values["LoaiBanTin"] not in self._settings.confirm_types:
            return Wrong(code="enum", rule="message_type", field="LoaiBanTin", reference_told=reference)
        amount = amount_of(fields["SoTien"])
        if amount is None:
            return Wrong(code="out_of_range", rule="amount_form", field="SoTien", reference_told=reference)
        return self._told(values, amount, call, fields, key)

    def _merchants(self, facts: AttemptFacts | None) -> frozenset[str]:
        """Who may be named (NOTES.md#r49): the one that the order was opened under, not just any of ours."""
        if facts is None:
            return self._settings.all_merchants
        return frozenset({self._settings.merchant_of(facts.unit or "")})

    def _told(self, values: Mapping[str, str], amount: int, call: RawCall, fields: Mapping[str, Any], key: str) -> Told:
        code, above = values["MaLoi"], self._settings.ask_above
        is_asked = above is not None and amount > above
        paid = Verdict.PENDING if is_asked else Verdict.PAID  # pending by a call back is asked about at once
        return Told(
            partner=self._name,
            reference=values["MaThamChieu"],
            verdict=paid if code == TAKEN else Verdict.FAILED,
            via="callback",
            transaction=values["MaGiaoDich"] or None,
            amount=amount,
            currency=values["MaTienTe"],
            bank=values["MaNganHang"] or None,
            paid_at=time_of(values["ThoiGianGD"]),
            paid_time_told=values["ThoiGianGD"] or None,
            code=code,
            evidence=without_cards(call.body),
            address=call.address,
            key_id=key,
        )

    def reply(self, call: RawCall, came: Came) -> Reply:
        """NOTES.md#r46: what was sent is echoed, also where it is not believed."""
        code, words, status = _verdict(came)
        fields = fields_of(call, most_bytes=MOST_BYTES)
        echo = {} if isinstance(fields, Wrong) else fields
        told = {"MaLoi": code, "MoTaLoi": words}
        for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD", "MaXacThuc"):
            value = echo.get(name, "")
            told[name] = value[:LONGEST_ECHO] if isinstance(value, str) else ""
        return Reply(body=json.dumps(told, ensure_ascii=False).encode(), status=status)


def _misfit(values: Mapping[str, str]) -> Wrong | None:
    """NOTES.md#r91: two messages with one checksum, where a value brings its own separator; and what no value is."""
    for name in CONFIRM:
        if "|" in values[name] and name != CONFIRM[-1]:
            reference = values["MaThamChieu"]
            return Wrong(code="out_of_range", rule="separator", field=name, reference_told=reference, is_alarm=True)
        if len(values[name]) > LONGEST[name == CONFIRM[-1]]:
            return Wrong(code="out_of_range", rule="too_long", field=name)
    return None


def _verdict(came: Came) -> tuple[str, str, int]:
    """Code, words, HTTP."""
    match came:
        case Wrong(rule=rule, status=status):
            return NOT_TAKEN, WORDS.get(rule, "Ban tin khong hop le"), status
        case Heard(effect=effect) if effect in CHANGED_NOTHING:
            return NOT_TAKEN, WORDS[effect], 200
        case LedgerTrouble():
            return NOT_TAKEN, WORDS["unavailable"], 503
        case _:
            return TAKEN, "Thanh cong", 200
