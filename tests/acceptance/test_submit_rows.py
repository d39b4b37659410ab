"""CSV and XLSX by a map of columns: submit, adopt, dry run, report, door and watched folder, as they are typed."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from adapters.doors import server
from config.doors import make_app
from config.signing_key import InstallationKey
from config.watching import make_metrics
from tests import workbooks
from tests.acceptance.desk import Place, place
from tests.house.tree import ROOT
from tests.workbooks import number, parts, sheet, text

HEADER = ["Số hồ sơ", "Cán bộ xử lý", "Thời điểm", "Hạn xử lý", "Bước"]
EXAMPLE = files("config").joinpath("example.toml").read_text(encoding="utf-8")
MAP = EXAMPLE[EXAMPLE.index("[files.day-list]") :].partition("\n[partners.")[0]
PERSON = "Trần Văn Mẫu"


def row(number: int, minute: int = 0, step: str = "Đang xử lý") -> list[str]:
    """One step of a dossier."""
    return [f"H99.09-260703-{number:04}", PERSON, f"03/07/2026 08:{minute:02}", "10/07/2026", step]


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation whose settings have the map of the example."""
    with place(tmp_path, capsys) as made:
        made.set(r"\Z", "\n" + MAP.replace("\\", "\\\\"))
        yield made


def table(here: Place, rows: list[list[str]], name: str = "day.csv", encoding: str = "utf-8") -> Path:
    """A CSV file."""
    path = here.folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def submit(here: Place, path: Path, *more: str, command: str = "submit") -> dict[str, object]:
    """What became of a file."""
    answer = here.type(command, str(path), "--map", "day-list", *more, "--json")
    # A door in this very process may log to the same stream; the document is the last line.
    told: dict[str, object] = json.loads(answer.out.splitlines()[-1])
    return told


def counts(told: dict[str, object]) -> tuple[object, ...]:
    """Recorded, repeated, contradicted, refused."""
    return tuple(told[name] for name in ("recorded", "repeated", "contradicted", "refused"))


def recorded(here: Place) -> int:
    """Events in the ledger."""
    with here.open() as installation:
        return len({each["number"] for each in installation.reads.whole_account()})


BAD = [row(1), row(2, step="Đang ngủ"), ["=1+1", PERSON, "46206.5", "", "Đang xử lý"], row(3)]


def test_every_refused_row_is_listed(here: Place) -> None:
    """Rows that can be taken are, the others stand in a report beside the file, with row, column, rule and reason."""
    path = table(here, BAD)
    answer = here.type("submit", str(path), "--map", "day-list")

    assert 1 == answer.code
    assert "4 lines: 2 recorded, 0 repeated, 0 contradicted, 2 refused.\n" == answer.out
    assert PERSON not in answer.err
    report = list(csv.reader((here.folder / "day.csv.refused.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [("3", "Bước"), ("4", "Thời điểm")] == [(line[0], line[1]) for line in report[1:]]
    assert PERSON not in str(report)
    assert 0 == here.type("submit", str(table(here, [row(1), row(3)])), "--map", "day-list").code
    assert not (here.folder / "day.csv.refused.csv").exists()


def test_dry_run(here: Place) -> None:
    """It says of each row what would happen, also by what the file itself says before, and records nothing."""
    table(here, [row(1)])
    submit(here, here.folder / "day.csv")
    other = row(2)
    other[1] = "Lê Thị Mẫu"
    path = table(here, [row(1), row(2), row(2), other, *BAD[1:3]])
    told = submit(here, path, "--dry-run")
    assert (1, 2, 1, 2) == counts(told)
    said = ["repeated", "recorded", "repeated", "contradicted", "refused", "refused"]
    assert [{"line": n, "result": result} for n, result in enumerate(said, 2)] == told["rows"]
    assert 1 == recorded(here)
    answer = here.type("submit", str(path), "--map", "day-list", "--dry-run")
    assert ["row 2: is a repeat, nothing would happen", "row 3: would be recorded"] == answer.out.splitlines()[:2]
    assert "Nothing was recorded." in answer.out


def test_dry_run_knows_whose_a_dossier_is(here: Place) -> None:
    """A dossier of another source is refused in a rehearsal as it is in earnest."""
    table(here, [row(1)])
    submit(here, here.folder / "day.csv")
    here.set(r"\n\[callers", '\n[callers.tax]\nsecret_file = "x"\nsources = ["tax/h99"]\n\n[callers')
    here.set(r'source = "one-stop/h99"', 'source = "tax/h99"')
    told = submit(here, here.folder / "day.csv", "--dry-run")

    assert (0, 0, 0, 1) == counts(told) == counts(submit(here, here.folder / "day.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_sent_twice_and_otherwise(here: Place, encoding: str) -> None:
    """The same rows in another file, encoding or form of file are the same events."""
    submit(here, table(here, [row(1), row(2)]))
    assert (0, 2, 0, 0) == counts(submit(here, table(here, [row(2), row(1)], "again.csv", encoding)))
    cells = [[text(cell) for cell in each] for each in (HEADER, row(1), row(3))]
    cells[1][2] = number(46206 + 8 / 24, workbooks.DATE_AND_TIME)
    book = workbooks.write(here.folder / "again.xlsx", parts({"S": sheet(cells)}))

    assert (1, 1, 0, 0) == counts(submit(here, book))


def test_back_and_forth_is_three_events(here: Place) -> None:
    """A step taken, another, and the first again at its own time: none of the three is lost."""
    rows = [row(1), row(1, 1, "Yêu cầu bổ sung"), row(1, 2)]

    assert (3, 0, 0, 0) == counts(submit(here, table(here, rows)))
    assert (0, 3, 0, 0) == counts(submit(here, table(here, rows)))


def test_adopted_rows(here: Place) -> None:
    """What is on the portal already is taken in from a table too, and nothing is sent."""
    assert (2, 0, 0, 0) == counts(submit(here, table(here, [row(1), row(2)]), command="adopt"))
    here.deliver()
    assert [] == here.portal.effects.page(after=0, limit=10)
    assert (1, 1, 0, 0) == counts(submit(here, table(here, [row(1), row(3)]), "--dry-run", command="adopt"))


def test_to_a_door(here: Place) -> None:
    """Signed, through a door elsewhere: the rows that are none stay here, and both are blamed by column."""
    rows = [*BAD, ["H99 1", *row(1)[1:]]]
    with here.open() as installation:
        key = InstallationKey.from_file(here.folder / "signing.key")
        with server.serve(make_app(installation, key, make_metrics(installation))) as serving:
            told = submit(here, table(here, rows), "--to", serving.url, "--caller", "one-stop")

    assert (2, 0, 0, 3) == counts(told)
    problems = told["problems"]
    assert isinstance(problems, list)
    assert [(3, "Bước"), (4, "Thời điểm"), (6, "Số hồ sơ")] == [
        (each["line"], each["errors"][0]["column"]) for each in problems
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("day.csv",), "--map NAME"),
        ((), "Name a file"),
        (("day.csv", "--map", "no-list"), "day-list"),
        (("day.csv", "--watch", "."), "goes with"),
        (("--watch", "nowhere", "--map", "day-list"), "no folder"),
    ],
)
def test_what_a_table_needs(here: Place, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str) -> None:
    """Without a map, a file or a folder the command says what it needs."""
    table(here, [row(1)])
    monkeypatch.chdir(here.folder)
    answer = here.type("submit", *words)

    assert 2 == answer.code
    assert told in answer.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r'source = "one-stop/h99"', 'source = "nobody"', "no caller's source"),
        ("/data/officer/name", "/data/officer", "no member /data/officer"),
        (r'encoding = "utf-8"', 'encoding = "tcvn3"', "files"),
        ("%d/%m/%Y %H:%M:%S", "dd/mm/yyyy", "date_formats"),
    ],
)
def test_a_map_that_cannot_work(here: Place, old: str, new: str, told: str) -> None:
    """A mistake in a map is found before a file is read."""
    text = (here.folder / "lienthong.toml").read_text()
    at = text.index("[files.day-list]")
    (here.folder / "lienthong.toml").write_text(text[:at] + text[at:].replace(old, new, 1))
    answer = here.type("submit", str(table(here, [row(1)])), "--map", "day-list")

    assert 2 == answer.code
    assert told in answer.err
    assert told in str(here.type("check"))


def test_rows_through_a_pipe(here: Place) -> None:
    """What a pipe brings is read as CSV; its report has no place of its own unless one is named."""
    words = [sys.executable, "-m", "config.cli", "submit", "-", "--map", "day-list", "--lang", "en"]
    report = here.folder / "said.csv"
    config = ["--config", str(here.folder / "lienthong.toml"), "--report", str(report)]
    with table(here, BAD).open("rb") as piped:
        ran = subprocess.run([*words, *config], stdin=piped, capture_output=True, timeout=60)

    assert 1 == ran.returncode, ran.stderr
    assert 3 == len(report.read_text(encoding="utf-8-sig").splitlines())


# -- the folder -------------------------------------------------------------------------------------------------------


def watch(here: Place, *more: str) -> tuple[int, str, str]:
    """Hand in what lies in the folder."""
    inbox = here.folder / "inbox"
    answer = here.type("submit", "--watch", str(inbox), "--map", "day-list", "--once", "--settle", "0.05", *more)
    return answer.code, answer.out, answer.err


def lying(here: Place, where: str) -> list[str]:
    """Names of files, without their digests."""
    return sorted(re.sub(r"\.[0-9a-f]{12}\.", ".", path.name) for path in (here.folder / "inbox" / where).iterdir())


def test_folder(here: Place) -> None:
    """Good files go to done, files with refused rows to refused with their report; sent twice, nothing is doubled."""
    table(here, [row(1), row(2)], "inbox/good.csv")
    table(here, BAD, "inbox/bad.csv")
    table(here, [], "inbox/empty.csv")
    (here.folder / "inbox" / "broken.xlsx").write_bytes(b"PK\x03\x04")
    code, out, err = watch(here)

    assert 1 == code
    assert PERSON not in out + err
    assert ["good.csv"] == lying(here, "done")
    names = ["bad.csv", "broken.xlsx", "empty.csv"]
    assert sorted([*names, *(f"{name}.refused.csv" for name in names)]) == lying(here, "refused")
    assert 3 == recorded(here)
    table(here, [row(1), row(2)], "inbox/twice.csv")
    assert 0 == watch(here)[0]
    assert 3 == recorded(here)


def test_killed_while_it_hands_in(here: Place) -> None:
    """Killed at a moment of its own, the next run takes the whole file, and every row is in the ledger once."""
    rows = [row(n % 50, n // 50) for n in range(1200)]
    table(here, rows, "inbox/big.csv")
    words = [sys.executable, "-m", "config.cli", "submit", "--watch", str(here.folder / "inbox"), "--map", "day-list"]
    config = ["--config", str(here.folder / "lienthong.toml"), "--settle", "0.05"]
    with subprocess.Popen([*words, *config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while recorded(here) == 0 and process.poll() is None:
            pass
        process.kill()
    before = recorded(here)
    assert 0 == watch(here)[0]

    assert 0 < before <= 1200 == recorded(here)
    assert ["big.csv"] == lying(here, "done")


def test_unreadable_file_stays(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened now stays, is named, and the end says that something is left."""
    path = table(here, [row(1)], "inbox/locked.csv")
    opened = Path.open

    def locked(self: Path, *words: object, **more: object) -> object:
        if self.name == "locked.csv":
            raise PermissionError(13, "Permission denied")
        return opened(self, *words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", locked)
    code, _, err = watch(here)

    assert 3 == code
    assert 1 == err.count("locked.csv stays")
    assert path.exists()


def test_lines_in_a_folder(here: Place) -> None:
    """NDJSON in the folder needs no map."""
    (here.folder / "inbox").mkdir()
    (here.folder / "inbox" / "a.ndjson").write_bytes(b"{}\n")
    code, out, _ = watch(here, "--json")

    assert 1 == code
    assert '"is_well": false' in out


def test_the_how_to_works(here: Place) -> None:
    """The map and the file that the how-to shows make two events."""
    page = (ROOT / "docs/how-to/feed-from-tables.md").read_text(encoding="utf-8")
    told, rows = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[0] for kind in ("toml", "csv"))
    here.set(r"\Z", "\n" + told)
    (here.folder / "steps.csv").write_text(rows, encoding="utf-8")

    assert 2 == here.ask("submit", str(here.folder / "steps.csv"), "--map", "steps")["recorded"]


def test_the_example_map_is_the_one_that_is_tested() -> None:
    """The map of these tests is the example's, so that the example works."""
    assert "day-list" in tomllib.loads(MAP)["files"]
