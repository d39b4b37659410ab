"""Bytes to Event: what is accepted, in which form, and that the fast way and the schema never differ."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import unicodedata
from datetime import UTC, datetime

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.doors import event_shape, reading
from adapters.doors.reading import MAX_EVENT_BYTES, Malformed, read_event, read_line
from bus.messages import canonical_bytes, digest_of
from contracts.check import breaches, load_schema
from tests.unit.adapters.event_mutations import SAMPLES, TIMES, mutated, places, sample

NFD_NAME = unicodedata.normalize("NFD", "Nguyễn Thị Ví Dụ")


def raw_of(event, **options):
    """The event's bytes as a caller might send them."""
    return json.dumps(event, **({"ensure_ascii": False} | options)).encode()


def refused(raw):
    """Code and errors of the refusal."""
    with pytest.raises(Malformed) as trouble:
        read_event(raw)
    return trouble.value.code, {each.field: each.rule for each in trouble.value.errors}


def changed(name="progressed", **members):
    """A sample with members of its data replaced."""
    event = sample(name)
    event["data"] |= members
    return event


def test_the_nouns_of_a_record():
    """Key, kind, dossier, time, place in the order, trace and data come from their members."""
    event = read_event(raw_of(sample("recorded.full")))

    assert ("one-stop/h99", "H99.09-260703-0123:record-7") == (event.source, event.id)
    assert ("dossier.recorded", "H99.09-260703-0123", 7) == (event.kind, event.dossier, event.sequence)
    assert datetime(2026, 7, 21, 9, 5, tzinfo=UTC) == event.occurred_at
    assert "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" == event.traceparent
    assert sample("recorded.full")["data"] == event.data


def test_what_did_not_come_is_not_there():
    """Members that did not come are in neither data nor body; nulls that came are in both."""
    event = sample("progressed")
    del event["sequence"]

    got = read_event(raw_of(event))

    assert (None, None) == (got.sequence, got.traceparent)
    assert event == json.loads(got.body)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("options", [{}, {"ensure_ascii": True}, {"indent": 2}, {"separators": (",", ":")}])
def test_body_is_canonical(name, options):
    """However it is written, one content has one body: the RFC 8785 form, and its digest."""
    event = sample(name)

    got = read_event(raw_of(event, **options))

    assert rfc8785.dumps(event) == canonical_bytes(event) == got.body
    assert digest_of(got.body) == got.digest


def test_texts_become_nfc():
    """A text in NFD is taken and kept in NFC: one content, one digest."""
    event = sample("recorded")
    event["data"]["applicant"]["name"] = NFD_NAME

    got = read_event(raw_of(event))

    assert read_event(raw_of(sample("recorded"))).digest == got.digest
    assert unicodedata.is_normalized("NFC", got.body.decode())


def test_limits_count_in_nfc():
    """A text is measured as it is kept: NFD's extra code points cost nobody a refusal."""
    event = changed(content=unicodedata.normalize("NFD", "ệ" * 20_000))

    assert "ệ" * 20_000 == read_event(raw_of(event)).data["content"]


ELSEWHERE = {
    **dict.fromkeys(("payment", "gateway", "return_url", "identity_number"), "payment.requested.full"),
    **dict.fromkeys(("signature", "user", "credential", "service", "after", "of"), "signature.requested.full"),
    "refund": "payment.refund_requested",
}
"""Identifiers that a record has not."""


@pytest.mark.parametrize("member", sorted(reading.IDENTIFIERS))
def test_identifiers_must_be_nfc(member):
    """What names something must come in NFC, wherever it stands; the refusal names each place."""
    event = sample(ELSEWHERE.get(member, "recorded.full"))
    found = [path for path in places(event) if member in (*path[-1:], *path[-2:-1]) and path != ("data",)]
    for path in found:
        at = event
        for step in path[:-1]:
            at = at[step]
        if isinstance(at[path[-1]], str):
            at[path[-1]] = "https://e\u0301" if member == "url" else "e\u0301"
    if member == "local_step":
        event["data"]["status"], event["data"]["local_step"] = None, "e\u0301"

    code, errors = refused(raw_of(event))

    assert {code, *errors.values()} <= {"not_nfc", "out_of_range"}
    assert all(field.split("/")[-1] == member or "/databases/" in field for field in errors)


def test_identifiers_are_the_schemas():
    """Identifiers are what the schema marks `nfc` (or holds to ASCII); no member is both identifier and text."""
    marked, free = set(), set()
    for holder in [load_schema(), *load_schema()["$defs"].values()]:
        for name, member in holder.get("properties", {}).items():
            inner = member.get("items", member)
            if inner.get("format") == "nfc" or (name in {"id", "source"} and "pattern" in member):
                marked.add(name)
            elif "maxLength" in inner and "enum" not in inner:
                free.add(name)

    assert marked == reading.IDENTIFIERS
    assert {"sequence", "traceparent"} == {name for name in free if name in reading.PATTERNS}
    assert set() == marked & free


def test_patterns_are_the_schemas():
    """The fast way's patterns are the schema's, letter by letter."""
    schema = load_schema()
    bill = schema["$defs"]["payment_requested"]["properties"]
    for name, ours in (
        ("payment", reading.OWN_NUMBER),
        ("return_url", reading.HTTPS_URL),
        ("gateway", reading.PARTNER),
    ):
        assert bill[name]["pattern"] == ours.pattern
    parts = [schema["$defs"][part]["properties"] for part in ("signature_requested", "signature_document")]
    for name, ours in (
        *(("signature", reading.OWN_NUMBER), ("after", reading.OWN_NUMBER), ("service", reading.PARTNER)),
        *(("id", reading.OWN_NUMBER), ("of", reading.OWN_NUMBER)),
        *(("url", reading.FILE_URL), ("sha256", reading.DIGEST)),
    ):
        assert [ours.pattern] == [part[name]["pattern"] for part in parts if name in part]
    members = schema["properties"]

    assert {name: members[name]["pattern"] for name in reading.PATTERNS} == reading.PATTERNS
    assert schema["$defs"]["time"]["pattern"] == schema["$defs"]["time_or_null"]["pattern"] == reading.TIME.pattern
    assert schema["$defs"]["document"]["properties"]["url"]["pattern"] == reading.URL.pattern


@pytest.mark.parametrize("shape", [each for each in vars(event_shape).values() if hasattr(each, "__struct_fields__")])
def test_members_stand_in_alphabetical_order(shape):
    """Plain encoding of a shape is canonical only because its members are declared in order."""
    assert sorted(shape.__struct_fields__) == list(shape.__struct_fields__)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_the_twins_agree(event):
    """The fast way accepts exactly what the schema accepts, and what it refuses the schema can name."""
    is_ours = all(not isinstance(value, float) for value in _values(event)) and all(
        abs(value) <= 2**53 for value in _values(event) if isinstance(value, int)
    )
    tidy = reading._tidied(event, "", [])
    promised = is_ours and not breaches(tidy)
    reasons = _reasons(raw_of(event))

    assert promised == (reasons is None)
    assert reasons is None or (reasons and "not_as_promised" not in reasons)


def _reasons(raw):
    """None when the event is taken; else why not."""
    try:
        read_event(raw)
    except Malformed as refusal:
        return {each.reason for each in refusal.errors}


def _values(event):
    for path in places(event):
        value = event
        for step in path:
            value = value[step]
        yield value


@pytest.mark.parametrize("text", TIMES)
def test_times_agree(text):
    """The sets, the pattern and the calendar judge a time as the schema does."""
    accepted = not breaches(changed(started_at=text))

    assert accepted == reading._are_times(text)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", 'q"', "\\"]), st.text(alphabet='ab"\\u0é', max_size=5)), max_size=4),
    st.data(),
)
def test_nothing_dropped_goes_unseen(pairs, data):
    """Equal lengths, or equal counts of quotes without \\u0022, prove that no member came twice."""

    def spelled(text):
        quote = "\\u0022" if data.draw(st.booleans()) else '\\"'
        is_ascii = data.draw(st.booleans())
        inner = (quote if each == '"' else json.dumps(each, ensure_ascii=is_ascii)[1:-1] for each in text)
        return '"' + "".join(inner) + '"'

    gap = data.draw(st.sampled_from(["", " ", "\n  "]))
    raw = "{" + ",".join(f"{gap}{spelled(name)}:{spelled(value)}" for name, value in pairs) + gap + "}"
    body = msgspec.json.encode(msgspec.json.decode(raw))

    if reading._is_whole(raw.encode(), body):
        assert len(dict(pairs)) == len(pairs)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12))
def test_nfc_is_seen(text):
    """The short look at a body's other letters never takes a text for NFC that is not."""
    body = msgspec.json.encode(text)

    assert unicodedata.is_normalized("NFC", body.decode()) == reading._is_nfc(body)


ALL_MARKS = [
    chr(point) for point in range(128, 0x110000) if unicodedata.normalize("NFC", f"e{chr(point)}") != f"e{chr(point)}"
]


def test_nothing_that_combines_with_ascii_is_a_letter():
    """The short look rests on this: no letter outside ASCII combines with one inside."""
    letters = [mark for mark in ALL_MARKS if mark.isalpha()]

    assert [] == [mark for mark in letters if unicodedata.is_normalized("NFC", mark)]


SEALED = "signature.requested.full"
VISIBLE = "/data/documents/0/visible"


def paper(name="signature.requested", **members):
    """A signature's request whose first document has other members."""
    event = sample(name)
    event["data"]["documents"][0] |= members
    return event


def sealed(**members):
    """One whose first document is what the signature before left."""
    return paper(SEALED, **members)


def papers(*names):
    """A signature's request with documents of these names."""
    event = sample("signature.requested")
    event["data"]["documents"] = [event["data"]["documents"][0] | {"id": name} for name in names]
    return event


BAD_VALUES = [
    ("unknown member", changed(priority="high"), "unknown_field", "/data/priority"),
    ("text for number", sample("recorded") | {"sequence": 1}, "wrong_type", "/sequence"),
    ("number for text", changed(unit=9), "wrong_type", "/data/unit"),
    ("truth for text", changed(content=True), "wrong_type", "/data/content"),
    ("null where none may be", changed(officer=None), "wrong_type", "/data/officer"),
    ("another status", changed(status="done"), "enum", "/data/status"),
    ("another kind", sample("progressed") | {"type": "vn.lienthong.dossier.closed.v1"}, "enum", "/type"),
    ("another specversion", sample("progressed") | {"specversion": "1"}, "enum", "/specversion"),
    ("space in the id", sample("progressed") | {"id": "H99 1"}, "out_of_range", "/id"),
    ("line end after the id", sample("progressed") | {"id": "H99\n"}, "out_of_range", "/id"),
    ("id too long", sample("progressed") | {"id": "x" * 129}, "out_of_range", "/id"),
    ("empty dossier number", sample("progressed") | {"subject": ""}, "out_of_range", "/subject"),
    ("sequence from 0", sample("progressed") | {"sequence": "0"}, "out_of_range", "/sequence"),
    (
        "NFD identifier",
        changed(unit=unicodedata.normalize("NFD", "sở")),
        "not_nfc",
        "/data/unit",
    ),
    ("no zone", sample("progressed") | {"time": "2026-07-03T10:02:11"}, "out_of_range", "/time"),
    ("impossible day", changed(due_at="2026-02-30T10:02:11+07:00"), "out_of_range", "/data/due_at"),
    ("both status and step", changed(local_step="b2"), "out_of_range", "/data/local_step"),
    ("neither status nor step", changed(status=None), "missing_field", "/data/local_step"),
    ("step of null", changed(status=None, local_step=None), "missing_field", "/data/local_step"),
    ("not an object", ["x"], "wrong_type", ""),
    ("payment of nothing", changed("payment.requested", amount=0, fees=[]), "out_of_range", "/data/amount"),
    ("payment below nothing", changed("payment.requested", amount=-75000), "out_of_range", "/data/amount"),
    ("payment not its fees", changed("payment.requested", amount=74999), "out_of_range", "/data/amount"),
    ("payment without fees", changed("payment.requested", fees=[]), "out_of_range", "/data/amount"),
    ("payment in text", changed("payment.requested", amount="75000"), "wrong_type", "/data/amount"),
    ("payment in dollars", changed("payment.requested", currency="USD"), "enum", "/data/currency"),
    ("payment past a trillion", changed("payment.paid_at_counter", amount=10**12 + 1), "out_of_range", "/data/amount"),
    ("payment with a blank", changed("payment.requested", payment="P 1"), "out_of_range", "/data/payment"),
    ("refund with a slash", changed("payment.refund_requested", refund="R/1"), "out_of_range", "/data/refund"),
    ("refund without a reason", changed("payment.refund_requested", reason=""), "out_of_range", "/data/reason"),
    ("browser sent to http", changed("payment.requested", return_url="http://x"), "out_of_range", "/data/return_url"),
    ("browser sent past @", changed("payment.requested", return_url="https://a@b"), "out_of_range", "/data/return_url"),
    ("payer without a name", changed("payment.requested", payer={}), "missing_field", "/data/payer/name"),
    ("signature with a blank", changed("signature.requested", signature="S 1"), "out_of_range", "/data/signature"),
    ("signed after a blank", changed("signature.requested", after="S 1"), "out_of_range", "/data/after"),
    ("service in capitals", changed("signature.requested", service="SmartCA"), "out_of_range", "/data/service"),
    ("eleven documents", papers(*map(str, range(11))), "out_of_range", "/data/documents"),
    ("document twice", papers("a", "b", "a"), "out_of_range", "/data/documents/2/id"),
    ("document with a slash", paper(id="a/b"), "out_of_range", "/data/documents/0/id"),
    ("document fetched past @", paper(url="https://a@b"), "out_of_range", "/data/documents/0/url"),
    ("digest in capitals", paper(sha256="A" * 64), "out_of_range", "/data/documents/0/sha256"),
    ("digest too short", paper(sha256="a" * 63), "out_of_range", "/data/documents/0/sha256"),
    ("what was signed, by a blank", sealed(of="a b"), "out_of_range", "/data/documents/0/of"),
    ("what was signed, with a digest", sealed(sha256="a" * 64), "out_of_range", "/data/documents/0/sha256"),
    ("what was signed, after null", changed(SEALED, after=None), "wrong_type", "/data/after"),
    ("page of nothing", sealed(visible={"kind": "copy", "page": 0}), "out_of_range", "/data/documents/0/visible/page"),
    ("page before the last", sealed(visible={"kind": "copy", "page": -2}), "out_of_range", f"{VISIBLE}/page"),
    ("box upside down", sealed(visible={"kind": "copy", "box": [0, 9, 9, 0]}), "out_of_range", f"{VISIBLE}/box"),
    ("box of three", sealed(visible={"kind": "copy", "box": [0, 0, 9]}), "out_of_range", f"{VISIBLE}/box"),
    ("too many marks", changed(content="a" + "\u0301\u0323" * 16), "out_of_range", "/data/content"),
    ("hidden marks", changed(content="e\u0301" + "\u0f75" * 31), "out_of_range", "/data/content"),
    ("long name of a member", changed(**{"x" * 5000: 1}), "unknown_field", "/data/" + "x" * 200),
]


@pytest.mark.parametrize(
    ("event", "rule", "place"), [case[1:] for case in BAD_VALUES], ids=[case[0] for case in BAD_VALUES]
)
def test_bad_values(event, rule, place):
    """Every bad value of the issue's list is refused with its rule and its place, and with nothing else."""
    assert (rule, {place: rule}) == refused(raw_of(event))


RAW = raw_of(sample("progressed"))
BAD_BYTES = [
    ("not JSON", b"<xml/>", "malformed_json"),
    ("nothing", b"", "malformed_json"),
    ("cut", RAW[:-1], "malformed_json"),
    ("byte-order mark", b"\xef\xbb\xbf" + RAW, "malformed_json"),
    ("not UTF-8", RAW.replace(b"Tr", b"\xff"), "not_utf8"),
    ("UTF-16", json.dumps(sample("progressed")).encode("utf-16"), "not_utf8"),
    ("deep nesting", b'{"data":' * 40 + b"1" + b"}" * 40, "too_deep"),
    ("very deep nesting", b"[" * 500_000, "too_deep"),
    ("ten megabytes", b" " * 10_000_000, "too_large"),
    ("member twice", RAW.replace(b'"unit":', b'"status": "accepted", "unit":'), "duplicate_member"),
    ("member twice, once escaped", RAW.replace(b'"unit":', b'"st\\u0061tus": "accepted", "unit":'), "duplicate_member"),
    ("member twice, equal", RAW.replace(b'"specversion"', b'"specversion": "1.0", "specversion"'), "duplicate_member"),
    ("half a surrogate", RAW.replace(b"Tr", b"\\ud800"), "malformed_json"),
    ("NaN", RAW.replace(b'"2"', b"NaN"), "malformed_json"),
    ("amount with decimals", raw_of(changed("payment.requested", amount=75000.0)), "wrong_type"),
    ("exponent", RAW.replace(b'"2"', b"2e0"), "wrong_type"),
    ("long number", RAW.replace(b'"2"', b"9" * 9999), "out_of_range"),
]


@pytest.mark.parametrize(("raw", "code"), [case[1:] for case in BAD_BYTES], ids=[case[0] for case in BAD_BYTES])
def test_bad_bytes(raw, code):
    """Bytes that no strict reader takes are refused with their code, before anything else is looked at."""
    assert code == refused(raw)[0]


def test_duplicate_hidden_by_a_quote():
    """A dropped member whose quotes are made up for by escaped ones is still seen."""
    raw = RAW.replace(b'"unit":', b'"status": "", "unit":').replace(b"Tr", b"\\u0022\\u0022\\u0022\\u0022")

    assert "duplicate_member" == refused(raw)[0]


def test_all_errors_are_named():
    """One refusal names every broken rule, the most telling first."""
    event = changed(status="done", x=1, started_at="today", unit="")
    del event["id"]

    code, errors = refused(raw_of(event))

    assert "unknown_field" == code
    assert ["/data/x", "/id", "/data/status", "/data/started_at", "/data/unit"] == list(errors)


def test_no_value_is_repeated():
    """A refusal never says a value back: identity numbers would end in logs."""
    event = sample("recorded")
    event["data"]["applicant"]["identity"] = {"kind": "099000000001", "number": "099000000001" * 9}

    with pytest.raises(Malformed) as trouble:
        read_event(raw_of(event))

    assert "099000000001" not in "".join(f"{each.detail}{each.say('vi')}{each.facts}" for each in trouble.value.errors)


def test_other_kinds_name_in_a_text():
    """A record whose note holds the other kind's name, or whose own type is escaped, is read all the same."""
    event = changed("recorded", note="vn.lienthong.dossier.progressed.v1")
    escaped = RAW.replace(b"dossier.progressed.v1", b"dossier.progresse\\u0064.v1")

    assert "dossier.recorded" == read_event(raw_of(event)).kind
    assert "dossier.progressed" == read_event(escaped).kind


def test_quotes_in_texts():
    """A text with escaped quotes, in either spelling, is one content."""
    raw = raw_of(changed(content='nói "được"'))
    other = raw.replace(b'\\"', b"\\u0022")

    assert read_event(raw).digest == read_event(other).digest


def test_a_line():
    """A line of NDJSON is read with or without its end."""
    assert read_event(RAW).body == read_line(RAW + b"\r\n").body


@pytest.mark.parametrize(
    "event",
    [
        changed("recorded", submitted=[None] * 200_000),
        changed("recorded", submitted=sample("recorded")["data"]["submitted"] * 6_000),
        changed(**{f"x{at}": at for at in range(60_000)}),
        changed(content="a" + "\u0301\u0323" * 200_000),
    ],
    ids=["nulls", "documents", "members", "marks"],
)
def test_hostile_megabytes_are_refused_soon(event):
    """A megabyte of broken rules costs a moment, not a minute, and names at most fifty places."""
    raw = raw_of(event, separators=(",", ":"))
    assert len(raw) < MAX_EVENT_BYTES
    start = time.perf_counter()

    _, errors = refused(raw)

    assert len(errors) <= 51
    assert time.perf_counter() - start < 5


def test_worker_never_loads_the_schema_checker():
    """Importing the reader, and reading a good event, brings no jsonschema."""
    code = (
        "import sys; from adapters.doors.reading import read_event; import contracts.check;"
        "read_event(sys.stdin.buffer.read()); sys.exit('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=RAW, check=False)

    assert 0 == done.returncode


def test_reasons_are_ascii_codes():
    """Every reason of a refusal is a stable code."""
    with pytest.raises(Malformed) as trouble:
        read_event(b"{}")

    assert all(re.fullmatch("[a-z_]+", each.reason) for each in trouble.value.errors)
