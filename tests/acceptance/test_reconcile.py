"""reconcile at the terminal: what it finds, what it says, its exit codes, and a repair that is done once."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import settlement_day
from benchmarks.settlement_day import DAY, MERCHANT
from bus.ports import FileStorage, SystemClock
from config.commands.root import run
from config.new_installation import SETTINGS, make, prepare_ledger, settings_text
from config.settings_file import load

PLAN = settlement_day.Plan(orders=200, each=1)
NAME = f"{MERCHANT}_{DAY:%Y%m%d}_DS_01.txt"
MORE = """
[payments.settlement]
four_eyes_above = 5

[payments.settlement.one_stop]
source = "one-stop/h99"
titles = {payment = "So", amount = "Tien", state = "TT"}
codes = {"1" = "paid", "0" = "unpaid"}

[payments.settlement.files.keypay]
layout = "csv"
day_folder = "settled"
titles = {reference = "transaction_id"}
codes = {"0" = "paid"}
line_end = "lf"
date_form = "iso"
"""


class Till:
    """An installation with a day of payments, and the command beside it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        make(folder, for_mocks="http://127.0.0.1:9")
        (folder / SETTINGS).write_text(settings_text("http://127.0.0.1:9", more=MORE), encoding="utf-8")
        settings = load(folder / SETTINGS, {}).settings
        prepare_ledger(settings, FileStorage(), SystemClock(), actor="tests")
        settlement_day.fill(settings.ledger.path, PLAN)
        self.file = settlement_day.write_platform(folder / NAME, PLAN)

    def run(self, *words: str, file: Path | None = None) -> tuple[int, str]:
        """Its exit code, and what stood on both streams."""
        told = ("--file", str(file or self.file)) if "--partner" not in words else ()
        code = run(["reconcile", *told, "--config", str(self.folder / SETTINGS), "--lang", "en", *words])
        out = self._capsys.readouterr()
        return code, out.out + out.err

    def answer(self, *words: str) -> dict[str, Any]:
        _code, out = self.run("--json", *words)
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def till(tmp_path, capsys):
    return Till(tmp_path, capsys)


def test_differences_are_told_by_class_and_end_with_one(till):
    """For a person as tables, for a machine as one document; a second time as known."""
    code, said = till.run("--as-person", "an")
    again = till.answer()

    assert 1 == code
    assert "missed_callback" in said
    assert f"{again['rows']} rows" in said
    assert (True, "done", 2026) == (again["is_known"], again["state"], int(again["day"][:4]))
    ours = {name for name in settlement_day.CLASS_FATES if not name.startswith("one_stop")}
    assert ours == set(again["classes"])
    assert {"count": 1, "open": 1, "gap": 0} == again["classes"]["missed_callback"]


def test_dry_run_says_what_a_repair_would_do(till):
    """And does nothing; a repair wants a reason, a class that exists."""
    assert 2 == till.run("--repair")[0]
    assert 2 == till.run("--class", "nothing", "--repair", "--dry-run")[0]
    dry = till.answer("--repair", "--dry-run", "--class", "missing_there", "--class", "orphan")

    assert {"missing_there": {"act": "wait", "count": 1}, "orphan": {"act": "review", "count": 1}} == dry["repair"][
        "would"
    ]
    assert 0 == dry["repair"]["looked_at"]
    assert dry["open"] == dry["differing"]


def test_a_repair_is_done_once_and_what_waits_stays_open(till):
    """Orphans become tasks; what is missing there waits for the next day's file, so the end is still one."""
    first = till.answer("--repair", "--reason", "bank statement", "--class", "orphan", "--class", "missing_there")
    assert (2, first["differing"] - 1) == (first["repair"]["looked_at"], first["open"])
    code, said = till.run("--repair", "--reason", "bank statement", "--class", "orphan")

    assert (1, True) == (code, "Nothing is left to repair." in said)


def test_a_bad_file_is_told_and_ends_with_one(till):
    """With line and rule."""
    text = till.file.read_bytes()
    till.file.write_bytes(text[: len(text) // 2])
    code, said = till.run()
    told = till.answer()

    assert (1, True) == (code, "cut_off" in said)
    assert ("refused", "cut_off") == (told["state"], told["findings"][0]["rule"])


def test_the_one_stops_own_file_is_read_by_the_settings(till):
    """Its columns and states as the province calls them."""
    path = till.folder / "list.csv"
    path.write_text("So,Tien,TT\nHP-00000190,1,1\nX1,5,1\n", encoding="utf-8")
    classes = till.answer("--one-stop", str(path))["classes"]

    assert (1, 1) == (classes["one_stop_amount"]["count"], classes["one_stop_orphan"]["count"])


def test_an_envelope_is_taken_too(till):
    """Named by what it says of itself."""
    path = till.folder / "envelope.json"
    content = base64.b64encode(till.file.read_bytes()).decode()
    path.write_text(json.dumps({"NgayDoiSoat": "20260115", "TenFile": NAME, "NoiDung": content}), encoding="utf-8")

    assert NAME == json.loads(till.run("--json", file=path)[1])["file"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--partner", "nobody"), 2, "nobody"),
        (("--partner", "keypay", "--day", "yesterday"), 2, "yesterday"),
        (("--partner", "keypay", "--day", "2026-01-15"), 1, "no file of keypay"),
        (("--partner", "vnpay"), 1, "no file of vnpay"),
        (("--partner", "keypay", "--file", "nowhere.csv", "--day", "2026-01-15"), 2, "nowhere.csv"),
    ],
)
def test_what_cannot_be_compared_is_said(till, words, code, said):
    """Who, which day, which file."""
    (till.folder / "settled").mkdir()

    found, out = till.run(*words)

    assert (code, True) == (found, said in out)


def test_a_file_without_a_day_wants_one(till):
    """A table's rows do not say of which day it is; an envelope that is none is said to be none."""
    path = till.folder / "table.csv"
    path.write_text("transaction_id,transaction,bank,at,amount,state\n", encoding="utf-8")
    words = ("--partner", "keypay", "--file", str(path))
    assert 2 == till.run(*words)[0]
    assert 0 == till.run(*words, "--day", "2026-01-15")[0]
    path.write_text("{}", encoding="utf-8")
    assert 1 == till.run(*words, "--day", "2026-01-15")[0]


def test_the_newest_file_in_the_folder_is_taken(till):
    """Without --file: what lies there for that day; what is no settlement file is passed over."""
    folder = till.folder / "settled"
    folder.mkdir()
    (folder / "broken.json").write_text("{}", encoding="utf-8")
    settings = till.folder / SETTINGS
    said = settings.read_text(encoding="utf-8").partition("[payments.settlement.files.keypay]")
    plain = '\nlayout = "platform"\nday_folder = "settled"\n'
    settings.write_text("".join(said[:2]) + plain, encoding="utf-8")
    settlement_day.write_platform(folder / NAME, settlement_day.Plan(orders=1, each=1))
    found = till.answer("--partner", "keypay", "--day", "2026-01-15")

    assert NAME == found["file"]
