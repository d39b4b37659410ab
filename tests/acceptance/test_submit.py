"""`submit` and `adopt`: every line answered, the same file safe to run again, here or at a door."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from adapters.doors import server
from config.demo.day import Day, day
from config.doors import make_app
from config.signing_key import InstallationKey
from config.watching import make_metrics
from tests.acceptance.desk import Place, place
from tests.key_pairs import KINDS, private_pem, public_pem

TOLD: Day = day(3, dossiers=60, steps=200)
LINES = [feed.line for feed in TOLD.events]
COUNTS = {name: TOLD.expected[name] for name in ("recorded", "repeated", "contradicted", "refused")}


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a mock."""
    with place(tmp_path, capsys) as made:
        yield made


@pytest.fixture
def door(here: Place) -> Iterator[str]:
    """The address of its door, open in a thread."""
    # The command's own stream must hold its answer alone; in life the door is another process.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with here.open() as installation:
        key = InstallationKey.from_file(here.folder / "signing.key")
        with server.serve(make_app(installation, key, make_metrics(installation))) as serving:
            yield serving.url


def counts(told: dict[str, int]) -> dict[str, int]:
    return {name: told[name] for name in COUNTS}


def test_every_line_has_its_answer(here: Place) -> None:
    """What is refused is named by line, field and rule, and the exit code says that something was."""
    file = here.write("day.ndjson", LINES)
    answer = here.type("submit", str(file), "--json")

    assert 1 == answer.code
    assert COUNTS == counts(answer.told)
    expected = [n for n, feed in enumerate(TOLD.events, 1) if feed.expectation in ("refused", "contradicted")]
    assert expected == [problem["line"] for problem in answer.told["problems"]]
    refused = [problem for problem in answer.told["problems"] if problem["code"] != "contradicted"]
    assert all(error["field"] and error["rule"] and error["detail"] for one in refused for error in one["errors"])


def test_report_for_a_person(here: Place) -> None:
    """One line for each refused line on the error stream, the sum on the other."""
    file = here.write("bad.ndjson", [LINES[0], b"{", b"", b"[]"])
    answer = here.type("submit", str(file))

    assert "3 lines: 1 recorded, 0 repeated, 0 contradicted, 2 refused.\n" == answer.out
    assert ["line 2", "line 4"] == [line.partition(":")[0] for line in answer.err.splitlines()]


def test_p04_same_file_again(here: Place) -> None:
    """Run twice, or stopped in the middle and run again, a file is in the ledger once."""
    half, whole = here.write("half.ndjson", LINES[:100]), here.write("whole.ndjson", LINES)
    here.type("submit", str(half))
    here.type("submit", str(whole))
    again = here.type("submit", str(whole), "--json").told

    assert 0 == again["recorded"]
    assert COUNTS["recorded"] + COUNTS["repeated"] == again["repeated"]


def test_nothing_refused_ends_well(here: Place) -> None:
    """Exit code 0 when every line was taken."""
    assert 0 == here.type("submit", str(here.write("one.ndjson", LINES[:1]))).code


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (b'{"specversion":"1.0"}', "missing_field", ""),
        (b'"' + b"x" * 1_100_000 + b'"', "too_large", ""),
        (b"\xff\xfe", "not_utf8", ""),
        (LINES[0].replace(b"one-stop/h99", b"one-stop/h98"), "forbidden_source", "/source"),
        (re.sub(rb'"time":"2026', b'"time":"2996', LINES[0]), "out_of_range", "/time"),
    ],
)
def test_bad_line_stops_nothing_else(here: Place, line: bytes, code: str, field: str) -> None:
    """A line that cannot be taken leaves its neighbours alone."""
    told = here.type("submit", str(here.write("bad.ndjson", [line, LINES[0]])), "--json").told

    assert (1, 1) == (told["recorded"], told["refused"])
    assert (1, code) == (told["problems"][0]["line"], told["problems"][0]["code"])
    assert field in told["problems"][0]["errors"][0]["field"]


def test_adopted_line_of_a_wrong_year(here: Place) -> None:
    """What is adopted must have happened, too: its time would silence the dossier just the same (intake r28)."""
    line = re.sub(rb'"time":"2026', b'"time":"2996', LINES[0])
    told = here.type("adopt", str(here.write("wrong.ndjson", [line])), "--json").told

    assert (0, 1) == (told["recorded"], told["refused"])
    assert "/time" == told["problems"][0]["errors"][0]["field"]


@pytest.mark.parametrize("words", [(), ("--to",)])
def test_refused_line_is_named(here: Place, door: str, words: tuple[str, ...]) -> None:
    """A line that breaks the promise or an earlier word is named by id, field and rule, here and at a door."""
    event = json.loads(LINES[0])
    broken = json.dumps(event | {"more": 1}).encode()
    other = json.dumps(event | {"data": event["data"] | {"note": "khác"}}).encode()
    file = here.write("bad.ndjson", [LINES[0], broken, other, b'{"id":"<nguoi>"}', b"[1]", b"{"])
    where = ("--to", door, "--caller", "one-stop") if words else ()
    told = here.type("submit", str(file), *where, "--json").told
    named, contradiction, *unnamed = told["problems"]

    assert (event["id"], event["id"], [None] * 3) == (named["id"], contradiction["id"], [one["id"] for one in unnamed])
    assert ("/id", "contradicted") == tuple(contradiction["errors"][0][name] for name in ("field", "rule"))
    assert contradiction["errors"][0]["detail"]
    assert (1, 1, 4) == (told["recorded"], told["contradicted"], told["refused"])


@pytest.mark.parametrize("command", ["submit", "adopt"])
def test_empty_file(here: Place, command: str) -> None:
    """A file without a line is a finding: whoever wrote it meant to say something."""
    answer = here.type(command, str(here.write("empty.ndjson", [b"", b" "])))

    assert 1 == answer.code
    assert "no line" in answer.err


def test_standard_input(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pipe brings is taken as a file is; a file may still be called `-`, with its folder before it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LINES[0] + b"\n" + LINES[1])))

    assert 2 == here.ask("submit", "-")["lines"]
    monkeypatch.chdir(here.folder)
    here.write("-", LINES[:1])
    assert 1 == here.ask("submit", "./-")["lines"]


# -- to a door --------------------------------------------------------------------------------------------------------


def test_signed_to_a_door(here: Place, door: str) -> None:
    """The same answers through HTTP with real signatures, line by line."""
    file = here.write("day.ndjson", [b"", *LINES])
    told = here.type("submit", str(file), "--to", door, "--caller", "one-stop", "--json").told

    assert COUNTS == counts(told)
    assert [] == [problem for problem in told["problems"] if problem["line"] < 2 or not problem["code"]]
    again = here.type("submit", str(file), "--to", door, "--caller", "one-stop", "--json").told
    assert 0 == again["recorded"]


def test_wrong_secret_at_a_door(here: Place, door: str) -> None:
    """A door that turns the request away is a finding, in its own words and with its reference."""
    (here.folder / "wrong").write_text("another secret than that")
    (here.folder / "wrong").chmod(0o600)
    words = ("--to", door, "--caller", "one-stop", "--secret-file", str(here.folder / "wrong"))
    answer = here.type("submit", str(here.write("one.ndjson", LINES[:1])), *words)

    assert 1 == answer.code
    assert "LT-" in answer.err


@pytest.mark.parametrize("kind", KINDS)
def test_signed_with_a_key_pair(here: Place, request: pytest.FixtureRequest, kind: str) -> None:
    """A caller of which the door knows the public key alone hands in the same file, signed with its private one."""
    here.set('secret_file = "one-stop.secret"', 'public_key_file = "one-stop.pem"')
    (here.folder / "one-stop.pem").write_bytes(public_pem(kind))
    own = here.folder / "one-stop.key"
    own.write_bytes(private_pem(kind))
    own.chmod(0o600)
    file = here.write("one.ndjson", LINES[:3])
    words = ("submit", str(file), "--to", request.getfixturevalue("door"), "--caller", "one-stop")

    assert 3 == here.type(*words, "--key-file", str(own), "--json").told["recorded"]
    assert "--key-file" in here.type(*words).err
    answer = here.type(*words, "--key-file", str(own), "--secret-file", str(own))
    assert (2, True) == (answer.code, "not both" in answer.err)


def test_closed_door(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there: it knocks again with growing pauses, then says 3 and that the same command may be run again."""
    pauses: list[float] = []
    monkeypatch.setattr("bus.ports.SystemClock.sleep", lambda self, seconds: pauses.append(seconds))
    file = here.write("one.ndjson", LINES[:1])
    answer = here.type("submit", str(file), "--to", "http://127.0.0.1:1", "--caller", "one-stop")

    assert 3 == answer.code
    assert "run the same command again" in answer.err
    assert len(pauses) > 4
    assert pauses[-1] > 3 * pauses[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "http://127.0.0.1:1"), "--caller"),
        (("--to", "http://127.0.0.1:1", "--caller", "nobody"), "no caller nobody"),
        (("--to", "http://door.example.invalid", "--caller", "one-stop"), "not https"),
        (("--to", "door", "--caller", "one-stop"), "no address"),
    ],
)
def test_what_a_door_needs(here: Place, words: tuple[str, ...], told: str) -> None:
    """A caller of the settings, and https unless the door is on this machine."""
    answer = here.type("submit", str(here.write("one.ndjson", LINES[:1])), *words)

    assert 2 == answer.code
    assert told in answer.err


# -- adopt ------------------------------------------------------------------------------------------------------------


def test_adopted_sends_nothing(here: Place) -> None:
    """What is on the portal already is known afterwards, and nothing was sent for it."""
    whole = [feed.line for feed in TOLD.events if feed.dirt is None][:40]
    assert 0 == here.type("adopt", str(here.write("there.ndjson", whole))).code
    here.deliver()

    assert [] == here.portal.effects.page(after=0, limit=10)
    number = json.loads(whole[0])["subject"]
    (there,) = here.ask("dossier", "show", number)["partners"]
    assert there["exists_there"]


def test_file_speaks_for_its_own_dossiers(here: Place) -> None:
    """A line for a dossier of which another source spoke first is refused by name of both, and nothing is recorded."""
    here.set(r"\n\[callers", '\n[callers.tax]\nsecret_file = "x"\nsources = ["tax/h99-communes"]\n\n[callers')
    mine = LINES[0]
    theirs = mine.replace(b"one-stop/h99", b"tax/h99")
    here.type("submit", str(here.write("mine.ndjson", [mine])))
    told = here.type("submit", str(here.write("theirs.ndjson", [theirs])), "--json").told
    (error,) = told["problems"][0]["errors"]

    assert (0, 1) == (told["recorded"], told["refused"])
    assert ("/subject", "forbidden_source") == (error["field"], error["rule"])
    assert "one-stop/h99" in error["detail"]
    assert "tax/h99-communes" in error["detail"]
