"""Pure. What `TraCuuHoSo` proves: that a dossier is there, and nothing more unless a province has shown more."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from adapters.partners.national_portal.codes import Verdict
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.speaking import Heard, outcome_of
from bus.messages import InDoubt, Unreachable

WHEN: Final = ("ThoiDiemXuLy", "TrangThai")
"""A list that does not show these for each step proves nothing about steps."""
COMPARED: Final = (*WHEN, "NoiDungXuLy", "NguoiXuLy")


class Proof(StrEnum):
    """What a list of steps proves about one step, which has no id of its own (NOTES.md#r91)."""

    THERE = "there"
    ABSENT = "absent"
    ALIKE = "alike"
    """One of the same time and status is listed, and nothing more is shown: it may be another."""
    UNCLEAR = "unclear"


def existence(heard: Heard, number: str) -> bool | None:
    """Whether the portal has the dossier; None when its answer does not say (NOTES.md#r121)."""
    if heard.verdict is Verdict.MISSING:
        return False
    element = _element(heard)
    if element is None:
        return None
    if not element:
        return False
    shown = _folded(element).get("mahoso", number)
    # An answer about another dossier proves nothing about this one.
    return True if shown == number else None


def find_step(heard: Heard, step: Mapping[str, Any], settings: NationalPortalSettings) -> Proof:
    """Whether the look-up lists this very step."""
    exists = None if heard.verdict is Verdict.MISSING else existence(heard, str(step["MaHoSo"]))
    if exists is not True:
        # A step is sent again only when an empty answer proves it absent, never on words.
        return Proof.UNCLEAR if exists is None else Proof.ABSENT
    listed = _folded(_element(heard) or {}).get(settings.lookup_entries_field.casefold())
    if not isinstance(listed, list):
        return Proof.UNCLEAR
    entries = [_folded(entry) for entry in listed if isinstance(entry, dict)]
    if any(key.casefold() not in entry for entry in entries for key in WHEN):
        return Proof.UNCLEAR
    alike = [entry for entry in entries if _is_alike(entry, step)]
    needed = [key.casefold() for key in settings.lookup_step_keys]
    if any(all(key in entry for key in needed) for entry in alike):
        return Proof.THERE
    return Proof.ALIKE if alike else Proof.ABSENT


def compare(heard: Heard, number: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """For shadow mode: what would have been sent, beside what the portal shows."""
    exists = existence(heard, number)
    shown = _folded(_element(heard) or {}).get("trangthai") if exists else None
    status = body.get("TrangThaiHoSo", body.get("TrangThai"))
    would = {True: "update", False: "create", None: "look up"}[exists]
    if "TrangThaiHoSo" not in body:
        would = "status" if "MaHoSoDonVi" in body else "step"
    return {
        "would": would,
        "exists": exists,
        "status": status,
        "shown_status": shown,
        "differs": shown is not None and shown != status,
    }


def not_now(heard: Heard) -> Unreachable:
    """A look-up before a write did not answer: nothing was written, so deliver again later."""
    reason = f"look_up: {_reason(heard)}"
    if isinstance(heard.trouble, Unreachable):
        return Unreachable(reason=reason, retry_after=heard.trouble.retry_after, is_down=heard.trouble.is_down)
    outcome = outcome_of(heard.answer, "ask") if heard.answer else None
    if isinstance(outcome, Unreachable):
        return Unreachable(reason=reason, retry_after=outcome.retry_after, is_down=outcome.is_down)
    return Unreachable(reason=reason, is_down=_is_down(heard))


def still_open(heard: Heard) -> InDoubt:
    """The question itself got no answer: ask again later."""
    return InDoubt(reason=f"look_up: {_reason(heard)}", then="ask", is_down=_is_down(heard))


def _element(heard: Heard) -> Mapping[str, Any] | None:
    """The dossier as the answer shows it; empty when it says "none"; None when it does not say."""
    if heard.answer is None or heard.answer.verdict is not Verdict.YES:
        return None
    result = heard.answer.body.result
    if isinstance(result, list):
        if not result:
            return {}
        # A bare value is as good as an object: only emptiness is evidenced.
        return result[0] if isinstance(result[0], dict) and result[0] else {"": result[0]}
    return result if isinstance(result, dict) and result else None


def _is_alike(entry: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    """Whether all that is shown of a listed entry fits this step."""
    shown = [key for key in COMPARED if key.casefold() in entry]
    return all(str(entry[key.casefold()]) == step[key] for key in shown)


def _folded(element: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).casefold(): value for name, value in element.items()}


def _reason(heard: Heard) -> str:
    if heard.trouble is not None:
        return heard.trouble.reason
    assert heard.answer is not None
    return "unclear: the answer does not say" if heard.verdict is Verdict.YES else heard.answer.reason


def _is_down(heard: Heard) -> bool:
    """A portal that answers, if only with a no, is up."""
    if isinstance(heard.trouble, Unreachable):
        return heard.trouble.is_down
    return heard.verdict not in (Verdict.YES, Verdict.REFUSED, Verdict.MISSING, Verdict.LATER)
