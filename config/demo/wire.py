"""One moment of a dossier's life, written as an event in our own wire form."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from config.demo.lives import ENDS, Dossier, Moment, filed_at
from config.demo.people import in_nfd, phrase, words
from config.demo.province import add_working_days

FILES: Final = "https://files.h99.example.invalid"
"""Files travel by reference; nothing answers at this address."""
RECORDED: Final = "dossier.recorded"
PROGRESSED: Final = "dossier.progressed"

LOCAL_STEPS: Final = {
    "registered": "CHO_TIEP_NHAN",
    "accepted": "TIEP_NHAN",
    "not_accepted": "TU_CHOI_TIEP_NHAN",
    "processing": "THU_LY",
    "supplement_requested": "YEU_CAU_BO_SUNG",
    "payment_requested": "NGHIA_VU_TAI_CHINH",
    "withdrawn": "CONG_DAN_RUT",
    "stopped": "DUNG_XU_LY",
    "completed": "CO_KET_QUA",
    "returned": "DA_TRA",
}
"""What a system that names its own steps says, for each status; the shipped table `local_steps` knows them."""

_USUAL_DAYS: Final = (1, 3, 5, 7, 10, 15)
_USUAL_FEES: Final = (8_000, 15_000, 30_000, 50_000, 75_000, 150_000)


def record(dossier: Dossier, upto: int, nth: int) -> dict[str, Any]:
    """The whole dossier as it stood right after its moment number `upto`, in the `nth` snapshot."""
    moment = dossier.moments[upto]
    data = _data_at(dossier, upto)
    return _event(dossier, RECORDED, f"record-{nth}", moment.at, data)


def step(dossier: Dossier, index: int) -> dict[str, Any]:
    """The processing step that the moment number `index` was. Two seconds after the record of the same moment."""
    moment = dossier.moments[index]
    later = dossier.moments[index + 1].at if index + 1 < len(dossier.moments) else None
    is_local = dossier.speaks_local_steps
    data = {
        "unit": dossier.unit.code,
        "status": None if is_local else moment.status,
        **({"local_step": LOCAL_STEPS[moment.status]} if is_local else {}),
        "officer": moment.officer,
        "content": moment.content,
        "started_at": moment.at.isoformat(),
        "due_at": add_working_days(later or moment.at, 2).isoformat() if moment.status not in ENDS else None,
    }
    return _event(dossier, PROGRESSED, f"step-{index + 1}", moment.at + timedelta(seconds=2), data)


def _event(dossier: Dossier, kind: str, name: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{dossier.number}:{name}",
        "source": dossier.source,
        "type": f"vn.lienthong.{kind}.v1",
        "subject": dossier.number,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": in_nfd(data) if dossier.is_in_nfd else data,
    }


def _data_at(dossier: Dossier, upto: int) -> dict[str, Any]:
    rng = Random(dossier.seed)  # noqa: S311  # each snapshot makes the same small choices, so they agree
    lived = dossier.moments[: upto + 1]
    due_at = _due_at(dossier, rng)
    supplements = _supplements(dossier, lived, due_at)
    return {
        "origin": "one_stop",
        "national_number": None,
        "unit": dossier.unit.code,
        "procedure": dossier.procedure.code,
        "status": lived[-1].status,
        "channel": dossier.channel,
        "summary": _summary(dossier, rng),
        "note": rng.choice(words()["notes"]),
        "applicant": dossier.applicant,
        "filed_at": filed_at(dossier).isoformat(),
        "received_at": _received_at(dossier).isoformat(),
        "due_at": (supplements[-1]["due_after"] if supplements else None) or due_at.isoformat(),
        "finished_at": _time_of(lived, "completed", "stopped", "not_accepted", "withdrawn"),
        "returned_at": _time_of(lived, "returned"),
        "refused_at": _time_of(lived, "not_accepted"),
        "return_by": rng.choice(("counter", "counter", "post")),
        "submitted": _submitted(dossier, rng),
        "fees": _fees(dossier, lived, rng),
        "results": _results(dossier, lived, rng),
        "supplements": supplements,
        "databases": ["7"] if dossier.applicant["verified_by_vneid"] else None,
    }


def _summary(dossier: Dossier, rng: Random) -> str:
    pattern: str = rng.choice(words()["summary_patterns"])
    return pattern.format(procedure=dossier.procedure.name, applicant=dossier.applicant["name"])


def _received_at(dossier: Dossier) -> datetime:
    """When it was accepted; until then, when it came in, for the portal counts no dossier without this time."""
    accepted = (moment.at for moment in dossier.moments if moment.status == "accepted")
    return next(accepted, dossier.moments[0].at)


def _due_at(dossier: Dossier, rng: Random) -> datetime:
    days = dossier.procedure.working_days or rng.choice(_USUAL_DAYS)
    return add_working_days(_received_at(dossier), days)


def _time_of(lived: tuple[Moment, ...], *statuses: str) -> str | None:
    """When it last took one of these statuses, unless it was recalled since."""
    times = [moment.at for moment in lived if moment.status in statuses]
    return times[-1].isoformat() if times and lived[-1].status in ENDS else None


def _submitted(dossier: Dossier, rng: Random) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{dossier.seed:08x}-{n}",
            "component": f"000.00.00.G99-KQ{rng.randrange(1_000_000):06d}",
            "name": f"{phrase(rng, 'documents', dossier.procedure.field)}.pdf",
            "url": f"{FILES}/d/{dossier.seed:08x}-{n}",
            "digitised": rng.random() < 0.85,
            "reused": rng.random() < 0.1,
        }
        for n in range(1, rng.choice((2, 2, 3, 4)))
    ]


def _fees(dossier: Dossier, lived: tuple[Moment, ...], rng: Random) -> list[dict[str, Any]]:
    amount = rng.choice((0, *_USUAL_FEES)) if dossier.procedure.fee is None else dossier.procedure.fee
    is_paid = lived[-1].status in ("completed", "returned") or dossier.channel == "counter"
    fee = {
        "code": f"LP{dossier.procedure.code.replace('.', '')}",
        "name": rng.choice(words()["payment_reasons"]),
        "kind": rng.choice(("fee", "charge")),
        "amount": amount,
        "currency": "VND",
        "state": "paid" if is_paid else "unpaid",
    }
    return [fee] if amount else []


def _results(dossier: Dossier, lived: tuple[Moment, ...], rng: Random) -> list[dict[str, Any]]:
    if lived[-1].status not in ("completed", "returned"):
        return []
    name = phrase(rng, "results", dossier.procedure.field)
    return [
        {
            "id": f"{dossier.seed:08x}-r",
            "code": f"KQ.G99.{rng.randrange(1_000_000):06d}",
            "name": f"{name}.pdf",
            "url": f"{FILES}/r/{dossier.seed:08x}",
        }
    ]


def _supplements(dossier: Dossier, lived: tuple[Moment, ...], due_at: datetime) -> list[dict[str, Any]]:
    rounds = [i for i, moment in enumerate(lived) if moment.status == "supplement_requested"]
    found: list[dict[str, Any]] = []
    for nth, i in enumerate(rounds, start=1):
        asked, answered = lived[i], lived[i + 1] if i + 1 < len(lived) else None
        found.append(
            {
                "id": nth,
                "requested_by": asked.officer["name"],
                "content": asked.content,
                "requested_at": asked.at.isoformat(),
                "received_by": answered.officer["name"] if answered else None,
                "received_note": "Đã nhận giấy tờ bổ sung" if answered else None,
                "received_at": answered.at.isoformat() if answered else None,
                "is_received": answered is not None,
                "due_before": due_at.isoformat(),
                "due_after": add_working_days(due_at, 3).isoformat() if answered else None,
            }
        )
    return found
