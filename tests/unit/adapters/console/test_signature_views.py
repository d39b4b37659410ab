"""What the pages of signatures show, from what the ledger tells: pure, without a door."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.doors.console.signature_view import Typed, acts_possible, signature_view
from adapters.doors.console.signatures_view import GROUPS, rows_of, typed
from bus.payment_looks import LONGEST_SEARCH
from bus.signature_close import DocumentSeen, SignatureHearing, SignatureSeen
from bus.signature_looks import SignatureLine
from bus.signatures import SignatureState

NOW = datetime(2026, 7, 3, 9, tzinfo=UTC)
LINE = SignatureLine(
    id=1, source="one-stop/h99", name="S1", dossier="H99.09-260703-0123", service="smartca", role="official",
    level="B-LT", unit=None, procedure=None, state=SignatureState.WAITING_USER, n=1, code="", created_at=NOW,
    changed_at=NOW, expires_at=NOW + timedelta(minutes=5), made_at=None, asked=0, documents=1,
)  # fmt: skip
SUBJECT = "UID=CCCD:099000000002,CN=Trần Văn Mẫu,O=UBND xã Mẫu"
SIGNED: dict[str, Any] = {
    "kind": "signature", "verdict": "indeterminate", "subject": SUBJECT, "issuer": "CN=Public CA", "serial": "5401",
    "level": "B-B", "signing_time": None, "stamped_at": None, "covers_whole": True,
    "reasons": [{"code": "revocation_unknown", "about": f"{SUBJECT} by CN=Public CA"}],
}  # fmt: skip
DOCUMENT = DocumentSeen(
    n=1, digest="", has_value=False, verdict="", reached="", code="", given="", given_size=0, came_from="",
    is_scanned=False, signed=None, signed_sha256="", signed_size=0, media_type="", signed_at=None,
    report={"checked_at": "", "findings": [{"code": "x", "about": "Trần Văn Mẫu"}], "signatures": [SIGNED]},
)  # fmt: skip
SEEN = SignatureSeen(
    line=LINE, event=1, after=None, after_name=None, delivery=None, request="r", handle=None, certificate=None,
    ask_at=None, asked_at=None, finish_at=None, finish_tries=0, signed_at=None, documents=(DOCUMENT,), hearings=(),
    informed=(), moves=(), data=None,
)  # fmt: skip


def view(seen: SignatureSeen) -> Any:
    return signature_view(seen, now=NOW, procedure=None, unit=None, keys={}, typed=Typed())


def shown(seen: SignatureSeen) -> str:
    (one,) = view(seen).documents
    return repr((one.lines, one.findings))


def test_a_person_is_masked_wherever_the_report_names_him():
    """Subject, what a reason is about, and findings tell initials; who issued is an authority and stands whole."""
    text = shown(SEEN)

    assert "Trần Văn Mẫu" not in text
    assert "099000000002" not in text
    assert ("T.V.M." in text, "CN=Public CA" in text) == (True, True)


def test_an_agency_has_a_public_name():
    """Whose seal it is, everybody may read."""
    assert "CN=Trần Văn Mẫu" in shown(replace(SEEN, line=replace(LINE, role="agency")))


def test_what_is_destroyed_is_left_out():
    """Without the bytes of what was asked for, the page still stands."""
    made = view(replace(SEEN, documents=(replace(DOCUMENT, report=None),)))

    assert (None, ()) == (made.members, made.documents[0].lines)


@pytest.mark.parametrize(
    ("effect", "mark"),
    [("wrong_value", "held"), ("unknown", "held"), ("late", "held"), ("recorded", "event"), ("hint", "event")],
)
def test_strange_news_are_marked(effect, mark):
    """What nobody asked for, or what proves nothing, has another mark than the usual."""
    one = SignatureHearing(
        id=1, at=NOW, partner="smartca", via="callback", verdict="signed", effect=effect, code="", address=""
    )
    steps = view(replace(SEEN, hearings=(one,))).steps

    assert [mark] == [step.mark for step in steps if step.hearing == 1]


@pytest.mark.parametrize(
    ("state", "code", "acts"),
    [
        ("waiting_user", "", ("ask", "cancel")),
        ("waiting_user", "otp_wanted", ("ask", "code", "cancel")),
        ("unknown", "", ("ask", "again", "cancel")),
        ("at_desk", "", ("desk", "cancel")),
        ("signed_raw", "", ()),
        ("declined", "", ("again",)),
        ("made", "", ()),
    ],
)
def test_acts_follow_the_state(state, code, acts):
    """Only what is possible now is offered, and to nobody who may not repair."""
    line = replace(LINE, state=SignatureState(state), code=code)

    assert acts == acts_possible(line, may_repair=True)
    assert () == acts_possible(line, may_repair=False)


def test_filter_reads_states_and_groups():
    """A state, or a word for several; every filter that cannot be read is left out, and said."""
    assert (SignatureState.MADE,) == typed({"state": "made"}).wanted.states
    assert GROUPS["waiting"] == typed({"state": "group-waiting"}).wanted.states
    assert typed({}).is_all
    assert not typed({"q": "S1"}).is_all
    for wrong in ({"state": "group-x"}, {"state": "waiting"}, {"q": "x" * (LONGEST_SEARCH + 1)}):
        told = typed(wrong)
        assert (1, True, {}) == (len(told.troubles), told.is_all, told.values)


def test_late_is_what_still_waits():
    """Only what somebody may still sign can be late."""
    over = replace(LINE, expires_at=NOW - timedelta(seconds=1))
    lines = [LINE, over, replace(over, state=SignatureState.EXPIRED)]

    assert [False, True, False] == [row.is_late for row in rows_of(lines, NOW)]
