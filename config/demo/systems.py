"""The three one-stop systems of the demo's day, side by side: what each is, how it speaks, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bus.messages import State
from config.demo.books import Entry
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One one-stop system."""

    vi: str
    en: str
    protocol: str
    told_by: str
    """How it hears what became of its events."""
    sources: tuple[str, ...]


SYSTEMS: Final = (
    System(
        vi="hệ thống của tỉnh",
        en="the province's",
        protocol="REST, RFC 9421",
        told_by="REST: giữ lại, bị từ chối (held, refused)",
        sources=(ONE_STOP, COMMUNES),
    ),
    System(
        vi="hai phường",
        en="two wards",
        protocol="SOAP 1.1/1.2, WS-Security",
        told_by="SOAP 1.2: mọi kết quả (all)",
        sources=(WARDS,),
    ),
    System(
        vi="hệ thống cũ",
        en="an old system",
        protocol="API của Cổng (façade)",
        told_by="tự hỏi bằng TraCuuHoSo (asks)",
        sources=(OLD,),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What came of one system's day."""

    system: System
    dossiers: int
    events: int
    repeated: int
    contradicted: int
    refused: int
    """At the door; replays of signed messages are among them."""
    delivered: int


def shares(answers: Mapping[tuple[str, str], int], entries: Iterable[Entry]) -> list[Share]:
    """One row for each system: from the doors' answers, by source, and the ledger's deliveries."""
    dossiers: dict[str, set[str]] = {}
    delivered: Counter[str] = Counter()
    for entry in entries:
        dossiers.setdefault(entry.source, set()).add(entry.dossier)
        delivered[entry.source] += entry.state == State.DELIVERED
    return [
        Share(
            system=system,
            dossiers=sum(len(dossiers.get(source, ())) for source in system.sources),
            events=_count(answers, system, "recorded"),
            repeated=_count(answers, system, "repeated"),
            contradicted=_count(answers, system, "contradicted"),
            refused=_count(answers, system, "refused", "replayed"),
            delivered=sum(delivered[source] for source in system.sources),
        )
        for system in SYSTEMS
    ]


def _count(answers: Mapping[tuple[str, str], int], system: System, *wanted: str) -> int:
    return sum(answers.get((source, answer), 0) for source in system.sources for answer in wanted)
