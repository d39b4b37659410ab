"""Signing at desks, of one installation: who opens documents, and the door to which agents bring them back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from starlette.routing import Router

from adapters.documents.desk_offer import DeskOpening
from adapters.documents.desk_taking import DeskTaking, Judge
from config.documents import documents_of, proxies_of, scanner_of
from config.signing_desk import signing_desk
from config.wiring import Installation

if TYPE_CHECKING:
    from adapters.documents.desk_nouns import Expected, Upload
    from adapters.doors.refusals import Desk

MAY_SHOW_MORE = ("agency",)
"""A clerk adds number and date before the seal (contracts/vgca/NOTES.md r9)."""


def desk_opening(installation: Installation) -> DeskOpening:
    """For the console: what an official opens to sign it with his own token. Raises SettingsRefused."""
    return DeskOpening(installation.ledger, signing_desk(installation))


def add_desk_signing(
    router: Router, installation: Installation, desk: Desk, *, on_heard: Callable[[], None] = lambda: None
) -> None:
    """The door of tickets; without a ticket it opens nothing."""
    from adapters.doors.body import BodyReader
    from adapters.doors.desk_signing import DeskDoor
    from adapters.doors.pace import Paces

    told = installation.settings.documents
    taking = DeskTaking(
        installation.ledger,
        documents_of(installation),
        scanner_of(told),
        judge_of(installation),
        may_show_more=MAY_SHOW_MORE,
    )
    DeskDoor(
        taking=taking,
        desk=desk,
        bodies=BodyReader(),
        paces=Paces(told.rate, time.monotonic),
        most_bytes=told.most_bytes,
        proxies=proxies_of(told),
        on_heard=on_heard,
    ).add_to(router)


def judge_of(installation: Installation) -> Judge:
    """Who judges uploads; made with the first one: it brings pyHanko along, and reads the authorities."""

    @cache
    def judge() -> Judge:
        from adapters.documents.desk_upload import judged_upload
        from config.signing_trust import chains_of, evidence_of

        trust = installation.settings.signing
        chains, source = chains_of(trust), evidence_of(installation, trust)
        return lambda uploaded, expected, now: judged_upload(uploaded, expected, chains, now, source)

    def judged(uploaded: bytes, expected: Expected, now: datetime) -> Upload:
        return judge()(uploaded, expected, now)

    return judged
