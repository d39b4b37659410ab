"""What an operator types, against a real ledger and the mock: each command does what it says, and says what it did."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.messages import State
from bus.sql import Migration, load_migrations
from contracts.mock_faults import FaultOrder
from tests.acceptance.desk import Place, place

NUMBER = "H99.01-260703-0001"
FACTS: dict[str, Any] = {
    "origin": "one_stop",
    "national_number": None,
    "unit": "000.00.01.H99",
    "unit_name": "Đơn vị thử",
    "procedure": "1.004222",
    "status": "accepted",
    "channel": "counter",
    "summary": "Thử",
    "note": "",
    "applicant": {
        "kind": "citizen",
        "name": "Nguyễn Thử",
        "identity": None,
        "phone": None,
        "email": None,
        "address": None,
        "verified_by_vneid": False,
    },
    "filed_at": None,
    "received_at": "2026-07-03T08:00:00+07:00",
    "due_at": None,
    "finished_at": None,
    "returned_at": None,
    "return_by": "counter",
    "submitted": [],
    "fees": [],
    "results": [],
    "supplements": [],
}


def event(kind: str, name: str, minute: int, data: dict[str, Any], number: str = NUMBER, **more: str) -> bytes:
    wire = {
        "specversion": "1.0",
        "id": f"{number}:{name}",
        "source": "one-stop/h99",
        "type": f"vn.lienthong.{kind}.v1",
        "subject": number,
        "time": f"2026-07-03T08:{minute:02d}:00+07:00",
        "data": data,
    }
    return json.dumps(wire | more, ensure_ascii=False).encode()


def record(name: str = "r1", minute: int = 0, number: str = NUMBER, **changes: Any) -> bytes:
    return event("dossier.recorded", name, minute, FACTS | changes, number)


def step(name: str = "s1", minute: int = 5, number: str = NUMBER, **changes: Any) -> bytes:
    data = {
        "unit": "000.00.01.H99",
        "status": "processing",
        "officer": {"name": "Trần Cán Bộ"},
        "content": "Đang xử lý",
        "started_at": None,
        "due_at": None,
    }
    return event("dossier.progressed", name, minute, data | changes, number)


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a mock."""
    with place(tmp_path, capsys) as made:
        yield made


def feed(here: Place, *lines: bytes) -> None:
    here.ask("submit", str(here.write("in.ndjson", lines)))
    here.deliver()


def states(here: Place) -> list[str]:
    return [row["state"] for row in here.ask("deliveries", "list")]


def operations(here: Place) -> list[str]:
    return [row.operation for row in here.portal.effects.page(after=0, limit=100)]


def over_xroad(here: Place) -> None:
    url = f'variant = "xroad"\nxroad_url = "{here.mocks}/national_portal/xroad"\nxroad_client = '
    here.set("madonvi =", f'{url}"VN/GOV/000.00.00.H99/one-stop"\nmadonvi =')


def lose_step(here: Place) -> None:
    order = FaultOrder(fault="lose_reply_after_effect", operation="CapNhatTienDoHoSoMC", count=1)
    here.portal.faults.arm(order)


# -- looking ----------------------------------------------------------------------------------------------------------


def test_a_dossier_and_its_deliveries(here: Place) -> None:
    """Where is dossier N: its events, its moves, what the partner has; for a person and for a machine."""
    feed(here, record(), step())
    shown = here.ask("dossier", "show", NUMBER)

    assert ["DongBoHoSoMC", "CapNhatTienDoHoSoMC"] == operations(here)
    assert ["delivered", "delivered"] == states(here)
    assert (True, "processing") == (shown["partners"][0]["exists_there"], shown["partners"][0]["shown_status"])
    assert "delivered" in here.type("dossier", "show", NUMBER).out
    then = here.ask("dossier", "show", NUMBER, "--at", "2026-01-01T00:00:00+07:00")
    assert [] == then["timeline"]
    assert 1 == here.type("dossier", "show", "H99.01-000000-0000").code
    assert 2 == here.type("dossier", "show", NUMBER, "--at", "2026-01-01").code


def test_p06_walk_over_xroad(here: Place) -> None:
    """A setting, and the same walk goes by SOAP: delivered, with the bytes of both directions kept as they were."""
    over_xroad(here)
    feed(here, record(), step())
    (exchange,) = here.ask(
        "deliveries", "show", "2", "--bodies", "--reason", "câu hỏi của công dân", "--as-person", "Mai"
    )["attempts"][0]["exchanges"]

    assert ["delivered", "delivered"] == states(here)
    assert ["DongBoHoSoMC", "CapNhatTienDoHoSoMC"] == operations(here)
    assert "<id:serviceCode>CapNhatTienDoHoSoMC</id:serviceCode>" in exchange["request_body"]
    assert "<xrd:requestHash" in exchange["reply_body"]


def test_p12_bodies_ask_for_a_reason(here: Place) -> None:
    """Personal data is shown for a reason, and that is a move of the ledger."""
    feed(here, record())
    plain = here.type("deliveries", "show", "1")
    refused = here.type("deliveries", "show", "1", "--bodies")
    shown = here.ask("deliveries", "show", "1", "--bodies", "--reason", "câu hỏi của công dân", "--as-person", "Mai")

    assert "Nguyễn Thử" not in plain.out
    assert 2 == refused.code
    assert any("Nguyễn Thử" in one["request_body"] for one in shown["attempts"][0]["exchanges"])
    with here.open() as installation:
        moves = installation.ledger.engine.read().all("all_moves")
    assert ("revealed", "delivery 1: câu hỏi của công dân", "person:Mai") in [
        (row[8], row[9], row[10]) for row in moves
    ]


def test_partner_held_and_released(here: Place) -> None:
    """Held: accepted, nothing sent; released: it goes out."""
    here.ask("partners", "hold", "national_portal", "--reason", "bảo trì")
    here.ask("submit", str(here.write("in.ndjson", [record()])))
    with here.open() as installation:
        assert [] == installation.ledger.claim("national_portal", 9, "w", installation.ports.clock.now())
    assert here.ask("partners", "list")[0]["is_held"]
    here.ask("partners", "release", "national_portal", "--reason", "xong")
    here.deliver()

    assert ["DongBoHoSoMC"] == operations(here)
    assert 1 == here.type("partners", "hold", "nobody", "--reason", "x").code


# -- tables -----------------------------------------------------------------------------------------------------------


def test_p07_map_and_release(here: Place, tmp_path: Path) -> None:
    """A missing row holds the delivery; `check --what-if` says what a row would touch; its import lets it go."""
    feed(here, record(procedure="9.999999"))
    assert ["held"] == states(here)
    assert 1 == here.type("check").code
    here.ask("tables", "export", "procedures", "--to", str(tmp_path / "t"))
    table = tmp_path / "t" / "procedures.csv"
    line = next(row for row in table.read_text().splitlines() if row.startswith("1.004222,"))
    table.write_text(table.read_text() + line.replace("1.004222", "9.999999", 1) + "\n")

    touched = here.type("check", "--what-if", str(table), "--json").told
    assert (1, [NUMBER]) == (touched["touched"], [one["dossier"] for one in touched["changes"]])
    assert 1 == here.type("tables", "diff", str(table)).code
    done = here.ask("tables", "import", str(table), "--reason", "thủ tục mới")
    assert (["national_portal.procedures"], 1) == (done["imported"], done["released"])
    here.deliver()
    assert ["delivered"] == states(here)
    assert 0 == here.type("check").code
    assert 0 == here.type("tables", "diff", str(table)).code


def test_import_without_release(here: Place, tmp_path: Path) -> None:
    """--no-release leaves what was held to a person."""
    feed(here, record(unit="000.00.77.H99", unit_name=None))
    here.ask("tables", "export", "units", "--to", str(tmp_path))
    table = tmp_path / "units.csv"
    header, first = table.read_text().splitlines()[:2]
    table.write_text(table.read_text() + first.replace(first.split(",")[0], "000.00.77.H99", 1) + "\n")
    done = here.ask("tables", "import", str(table), "--reason", "đơn vị mới", "--no-release")

    assert header.startswith("unit")
    assert (0, ["held"]) == (done["released"], states(here))


@pytest.mark.parametrize(
    ("content", "told"),
    [("a,b\n1,2\n", "unknown_column"), ("", "missing_column"), (b"\xff\xfe", "not UTF-8")],
)
def test_bad_table_changes_nothing(here: Place, tmp_path: Path, content: str | bytes, told: str) -> None:
    """A table with mistakes is refused whole; file, line, column and rule are named."""
    table = tmp_path / "statuses.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = here.ask("tables", "list")
    answer = here.type("tables", "import", str(table), "--reason", "x")

    assert 1 == answer.code
    assert told in answer.err
    assert before == here.ask("tables", "list")


# -- in doubt ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "state", "effects"),
    [("arrived", "delivered", 2), ("go-on", "cancelled", 2), ("send-again", "delivered", 3)],
)
def test_p05_one_step_resolved(here: Place, how: str, state: str, effects: int) -> None:
    """A step whose reply was lost is never sent again by itself; a person settles it in one action."""
    lose_step(here)
    feed(here, record(), step())
    assert ["delivered", "in_doubt"] == states(here)
    assert 2 == here.type("deliveries", "resolve", "2", "--as", how).code
    here.ask("deliveries", "resolve", "2", "--as", how, "--reason", "đã xem trên Cổng")
    here.deliver()

    assert ["delivered", state] == states(here)
    assert effects == len(operations(here))
    assert 1 == here.type("deliveries", "resolve", "2", "--as", "arrived", "--reason", "x").code


def test_all_steps_of_an_outage(here: Place) -> None:
    """First the plan and its digest; what is then done is exactly that, or nothing."""
    order = FaultOrder(fault="lose_reply_after_effect", operation="CapNhatTienDoHoSoMC", count=3)
    here.portal.faults.arm(order)
    numbers = [f"H99.01-260703-000{n}" for n in range(3)]
    feed(here, *(line for number in numbers for line in (record(number=number), step(number=number))))
    span = ("--partner", "national_portal", "--since", "2020-01-01T00:00Z", "--until", "2090-01-01T00:00Z")
    plan = here.ask("deliveries", "resolve", *span, "--dry-run")

    assert sorted(numbers) == sorted(one["dossier"] for one in plan["deliveries"])
    done = ("--as", "arrived", "--reason", "đối soát")
    assert 1 == here.type("deliveries", "resolve", *span, *done, "--digest", "0" * 64).code
    assert 3 == here.ask("deliveries", "resolve", *span, *done, "--digest", plan["digest"])["resolved"]
    assert {"delivered"} == set(states(here))
    assert 2 == here.type("deliveries", "resolve", "--partner", "national_portal").code
    assert 2 == here.type("deliveries", "resolve").code


# -- replay, cancel, resync, gaps -------------------------------------------------------------------------------------


def test_replay_and_cancel(here: Place) -> None:
    """A held delivery goes again or is given up; one that is delivered as a step is never doubled."""
    feed(here, record(note="x" * 2001), step())
    assert ["held", "waiting"] == states(here)
    assert "waiting" == here.ask("deliveries", "replay", "1", "--reason", "thử lại")["state"]
    here.deliver()
    assert "held" == here.ask("deliveries", "list")[0]["state"]
    assert "cancelled" == here.ask("deliveries", "cancel", "1", "--reason", "sai")["state"]
    feed(here, record("r2", 10))
    assert ["cancelled", "delivered", "delivered"] == states(here)

    assert 1 == here.type("deliveries", "replay", "2", "--reason", "x").code
    assert 2 == here.type("deliveries", "list", "--state", "nowhere").code


def test_resync_sends_the_present_truth(here: Place) -> None:
    """The newest record goes out once more, as an update that changes nothing new."""
    feed(here, record(), record("r2", 10, status="processing"))
    here.ask("dossier", "resync", NUMBER, "--reason", "đối soát")
    here.deliver()

    (last,) = here.portal.effects.page(after=len(operations(here)) - 1, limit=9)
    assert last.repeat


def test_gap_is_skipped_by_a_person(here: Place) -> None:
    """A numbered source's missing event keeps its followers waiting until somebody gives it up."""
    here.set(r'order = "arrival"', 'order = "sequence"')
    wires = [json.loads(record()) | {"sequence": "1"}, json.loads(step()) | {"sequence": "3"}]
    feed(here, *(json.dumps(wire).encode() for wire in wires))
    assert ["delivered", "waiting"] == states(here)
    words = ("dossier", "skip-gap", NUMBER, "--source", "one-stop/h99", "--reason", "nguồn không còn")
    assert {"skipped": 1} == here.ask(*words)
    here.deliver()

    assert ["delivered", "delivered"] == states(here)
    assert {"skipped": 0} == here.ask(*words)


# -- the ledger -------------------------------------------------------------------------------------------------------


def test_ledger_is_whole_until_somebody_edits_it(here: Place) -> None:
    """Verified, signed, and then one row is changed behind its back: named, with exit code 1."""
    feed(here, record(), step())
    signed = here.ask("ledger", "checkpoint")
    whole = here.ask("ledger", "verify", "--bodies")
    with sqlite3.connect(here.folder / "ledger.db") as file:
        file.execute("UPDATE deliveries SET state = 'held' WHERE id = 2")
    file.close()
    broken = here.type("ledger", "verify", "--json")

    assert whole["is_whole"]
    assert 128 == len(signed["signature"])
    assert (1, False) == (broken.code, broken.told["is_whole"])
    assert ("deliveries", 2) == (broken.told["damages"][0]["table"], broken.told["damages"][0]["row"])


def test_backup_and_restore(here: Place, tmp_path: Path) -> None:
    """After a restore nothing that was open is sent blindly, and the sources send again."""
    feed(here, record())
    here.ask("backup", str(tmp_path / "b.db"))
    feed(here, step())
    assert 2 == here.type("restore", str(tmp_path / "b.db")).code
    restored = here.ask("restore", str(tmp_path / "b.db"), "--yes")
    assert (1, ["national_portal"]) == (restored["events"], restored["held"])
    here.ask("submit", str(here.write("in.ndjson", [record(), step()])))
    here.ask("partners", "release", "national_portal", "--reason", "the sources have sent again")
    here.deliver()

    assert ["delivered", "in_doubt"] == states(here)
    assert 2 == len(operations(here))
    assert 1 == here.type("backup", str(tmp_path / "b.db")).code
    assert 3 == here.type("restore", str(tmp_path / "none.db"), "--yes").code


def test_refused_restore_leaves_nothing(here: Place, tmp_path: Path) -> None:
    """A restore that cannot be done says so, and nothing lies beside the ledger that looks like one."""
    feed(here, record())
    here.ask("backup", str(tmp_path / "b.db"))
    (tmp_path / "no.db").write_bytes(b"no ledger at all" * 1000)
    with here.open():
        in_use = here.type("restore", str(tmp_path / "b.db"), "--yes")
    no_ledger = here.type("restore", str(tmp_path / "no.db"), "--yes")

    assert (3, 3) == (in_use.code, no_ledger.code)
    assert [] == list(here.folder.rglob("*.restoring*"))
    assert ["delivered"] == states(here)


def test_migrate_says_and_does(here: Place) -> None:
    """An up-to-date ledger has nothing pending, and a second run does nothing."""
    assert {"pending": []} == here.ask("migrate", "--plan")
    assert {"applied": [], "backup": None, "tables": []} == here.ask("migrate")


def undone(steps: list[Migration]) -> str:
    """What takes these steps back: they only ever add."""
    made = [name for step in steps for name in re.findall(r"^CREATE TABLE (\w+)", step.sql, re.MULTILINE)]
    indexes = [
        name for step in steps for name in re.findall(r"^CREATE (?:UNIQUE )?INDEX (\w+)", step.sql, re.MULTILINE)
    ]
    triggers = [name for step in steps for name in re.findall(r"^CREATE TRIGGER (\w+)", step.sql, re.MULTILINE)]
    views = [name for step in steps for name in re.findall(r"^CREATE VIEW (\w+)", step.sql, re.MULTILINE)]
    drops = [("VIEW", views), ("INDEX", indexes), ("TRIGGER", triggers), ("TABLE", reversed(made))]
    taken = "".join(f"DROP {kind} {name};" for kind, names in drops for name in names)
    return taken + "DELETE FROM schema_versions WHERE version > 1;"


def test_ledger_of_the_first_schema_is_brought_here(here: Place) -> None:
    """`check` finds it, the plan names the step, `migrate` takes a backup and does it; its dossiers are there after."""
    feed(here, record())
    added = load_migrations("sqlite")[1:]
    with here.open() as opened:
        path = opened.settings.ledger.path
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA foreign_keys = OFF;" + undone(added))
    db.close()
    steps = [{"version": step.version, "name": step.name} for step in added]

    assert "migrations behind" in here.type("check").out
    assert {"pending": steps} == here.ask("migrate", "--plan")
    done = here.ask("migrate")
    assert (steps, True) == (done["applied"], Path(done["backup"]).exists())
    assert here.ask("check")["is_well"]
    assert ["delivered"] == states(here)


# -- before the start -------------------------------------------------------------------------------------------------


def test_check_and_doctor_are_well(here: Place) -> None:
    """A whole installation: settings, keys, ledger, tables, machine, name and login."""
    assert here.ask("check", "--online")["is_well"]
    told = here.ask("doctor")
    assert {"python", "sqlite", "disk", "clock"} <= {answer["what"] for answer in told["answers"]}


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (("one-stop.secret", "short"), "callers.one-stop.secret_file"),
        (("one-stop.secret", "demo-only-secret-of-a-demo"), "callers.one-stop.secret_file"),
        (("signing.key", "no key"), "ledger.signing_key_file"),
        (("master.key", "no key"), "ledger.master_key_file"),
    ],
)
def test_check_finds(here: Place, spoil: tuple[str, str], what: str) -> None:
    """Each key that cannot be used is a finding under its setting's name."""
    (here.folder / spoil[0]).write_text(spoil[1])
    answer = here.type("check", "--json")

    assert 1 == answer.code
    assert [what] == [one["what"] for one in answer.told["answers"] if not one["is_well"]]


def test_check_online_finds_a_wrong_password(here: Place) -> None:
    """The login is tried, and its refusal is the finding."""
    (here.folder / "national-portal.password").write_text("wrong")
    answer = here.type("check", "--online", "--json")

    assert ["login.national_portal"] == [one["what"] for one in answer.told["answers"] if not one["is_well"]]


def test_check_online_over_xroad_asks(here: Place) -> None:
    """Where there is no login it asks about a dossier that nobody has, and tells what the security server says."""
    over_xroad(here)
    told = here.ask("check", "--online")["answers"]
    here.set("H99/one-stop", "H98/one-stop")
    (wrong,) = (one for one in here.type("check", "--online", "--json").told["answers"] if not one["is_well"])

    assert "lookup.national_portal" in {one["what"] for one in told}
    assert ("lookup.national_portal", True) == (wrong["what"], "UnknownMember" in wrong["detail"])


def test_check_finds_plain_http(here: Place) -> None:
    """Plain HTTP must be wanted."""
    here.set("allow_http = true", "allow_http = false")

    assert "allow_http" in here.type("check").out


def test_keys(here: Place, tmp_path: Path) -> None:
    """Every key by its setting, its public name, never itself; a new one never replaces another."""
    rows = here.ask("keys", "list")
    secret = (here.folder / "one-stop.secret").read_text().strip()

    assert {"ledger.master_key_file", "ledger.signing_key_file"} < {row["name"] for row in rows}
    assert secret not in json.dumps(rows)
    (here.folder / "one-stop.secret").chmod(0o644)
    assert 1 == here.type("keys", "list").code


def test_contracts(tmp_path: Path, here: Place) -> None:
    """The promises as files, for whoever builds the other side."""
    from config.cli import main

    assert 0 == main(["contracts", "export", str(tmp_path / "c")])
    assert (tmp_path / "c" / "intake" / "event.schema.json").is_file()
    assert (tmp_path / "c" / "national_portal" / "NOTES.md").is_file()
    assert 1 == main(["contracts", "export", str(tmp_path / "c")])


def test_replies_of_every_state_are_listed(here: Place) -> None:
    """A list by state shows that state only."""
    feed(here, record(), step(), step("s2", 6, content="x" * 20_000))
    for state in {*states(here)}:
        assert {state} == {row["state"] for row in here.ask("deliveries", "list", "--state", state)}
    assert [] == here.ask("deliveries", "list", "--state", State.REFUSED)
