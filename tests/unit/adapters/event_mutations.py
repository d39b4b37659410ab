"""Good events and every kind of small damage to them."""

from __future__ import annotations

import copy
import json
import unicodedata
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

SAMPLES = (
    *("dossier.recorded", "dossier.recorded.full", "dossier.progressed", "dossier.progressed.full"),
    *("payment.requested", "payment.requested.full", "payment.refund_requested", "payment.paid_at_counter.full"),
    *("signature.requested", "signature.requested.full"),
)


def sample(name: str) -> dict[str, Any]:
    """A good sample, freshly read."""
    whole = name if name.startswith(("dossier.", "payment.", "signature.")) else f"dossier.{name}"
    text = files("contracts.intake").joinpath(f"samples/{whole}.json").read_text(encoding="utf-8")
    event: dict[str, Any] = json.loads(text)
    return event


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a value, from the top down."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


TIMES = [
    "2026-07-03T10:02:11+07:00",
    "2026-07-03T10:02:11Z",
    "2026-07-03T10:02:11.1234567Z",
    "2026-07-03T10:02:11",
    "2026-07-03",
    "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-07-03T24:00:00Z",
    "2026-07-03T23:59:60Z",
    "2026-07-03 10:02:11Z",
    "2026-07-03t10:02:11z",
    "1899-12-31T00:00:00Z",
    "3000-01-01T00:00:00Z",
    "2999-12-31T23:59:59-23:59",
    "2026-07-03T10:02:11+0700",
    "2026-07-03T10:02:11+07:00:30",
    "2026-W27-5T10:02:11+07:00",
    "2026-07-03T10:02+07:00:11",
    "1999-04-31T00:00:00Z",
    "2026-07-03T10:02:11+07:00\n",
    "２０２６-07-03T10:02:11Z",
    "2026-07-03T10:02:11.Z",
]
TEXTS = [
    *("", " ", "x", "x" * 16, "x" * 17, "x" * 32, "x" * 33, "x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 254),
    *("x" * 255, "x" * 500, "x" * 501, "x" * 1000, "x" * 1001, "x" * 2000, "x" * 2001, "x" * 10001, "x" * 20001),
    *("é", unicodedata.normalize("NFD", "é"), "\u212b", "\ufb1d", "e\u0301\u0323", "\u1161", "\u0958", "\U0001f600"),
    *("a\nb", "a\n", "\u0000", "\u007f", "\u2028", 'a"b', "a\\u0022b", "one_stop", "VND", "1", "0", "01", "1\n"),
    *("1" * 18, "1" * 19, "-1", "http://x", "https://x y", "https://", "https://é", "ftp://x", "https://x\n", "none"),
    *("accepted", "completed", "application/json", "vn.lienthong.dossier.recorded.v1"),
    *("vn.lienthong.payment.requested.v1", "vn.lienthong.payment.paid_at_counter.v1", "payment_platform", "P~1_.-"),
    *("vn.lienthong.signature.requested.v1", "giay-phep", "a" * 64, "A" * 64, "pdf", "agency", "B-LTA", "smartca"),
    *("https://h99.example.invalid:8443/a?b#c", "https://h99.example.invalid:123456", "https://a@b", "HTTPS://x"),
    *(
        "vn.lienthong.dossier.progressed.v1",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "0" * 32 + "-" + "1" * 16,
    ),
    *TIMES,
]
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from([None, True, False, 0, 1, -1, 9999, 10000, 75000, 10**12, 10**12 + 1, 2**53 - 1, 2**53, 1.0, 1.5]),
    st.sampled_from([[1, 2, 3, 4], [1, 2, 1, 4], [1, 2, 3], [9, 2, 3, 4], -1, -2, {"kind": "copy"}]),
    st.sampled_from([[], {}, [None], ["7"], [[]], {"kind": "cccd", "number": "099000000001"}]),
    st.text(max_size=6),
)
NAMES = st.sampled_from(["x", "status", "local_step", "é", "a/b", "national_number", "id", "data", "sequence", ""])


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A good event with up to three damages (which may be none: a value may be put in place of itself)."""
    event = copy.deepcopy(sample(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        _damage(draw, event)
    return event


def _damage(draw: st.DrawFn, event: dict[str, Any]) -> None:
    path = draw(st.sampled_from(places(event)[1:]))
    at: Any = event
    for step in path[:-1]:
        at = at[step]
    kind = draw(st.sampled_from(["set", "set", "set", "drop", "add", "copy", "many", "nfd"]))
    if kind == "set":
        at[path[-1]] = copy.deepcopy(draw(VALUES))
    elif kind == "drop":
        del at[path[-1]]
    elif kind == "add" and isinstance(at, dict):
        at[draw(NAMES)] = copy.deepcopy(draw(VALUES))
    elif kind == "copy":
        at[path[-1]] = copy.deepcopy(draw(st.sampled_from([event.get("id"), event.get("data"), at[path[-1]]])))
    elif kind == "many" and isinstance(at[path[-1]], list):
        at[path[-1]] = at[path[-1]] * draw(st.sampled_from([2, 50, 51, 100, 101, 200, 201]))
    elif kind == "nfd" and isinstance(at[path[-1]], str):
        at[path[-1]] = unicodedata.normalize("NFD", at[path[-1]])
