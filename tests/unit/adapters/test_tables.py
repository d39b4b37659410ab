"""A province's tables: what is taken in, what is refused and where, what changed, and which row holds on a day."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest

from adapters.partners.national_portal.tables import (
    Mistake,
    Schema,
    Tables,
    TablesRefused,
    diff,
    schemas_of,
    version_of,
)
from tests.portal_kit import SHIPPED, h99_tables, schemas, shipped_texts

TOML = """
[p.words]
about = "a"
source = "s"
key = ["word"]
decides = "occurred_at"
[p.words.columns]
word = "code"
meaning = "text"
valid_from = "date?"
valid_to = "date?"
[p.uses]
about = "a"
source = "s"
key = ["who", "word"]
decides = "none"
[p.uses.columns]
who = "identifier"
word = "row_of: words"
times = "number?"
kind = "choice: a|b"
"""
DAY = date(2026, 7, 3)
SCHEMAS: dict[str, Schema] = schemas_of(TOML, "p")
WORDS = "word,meaning,valid_from,valid_to\nx,One,,2026-06-30\nx,Two,2026-07-01,\ny,Three,,\n"
USES = "who,word,times,kind\nme,x,3,a\nyou,x,,b\n"


def taken(words: str = WORDS, uses: str = USES) -> Tables:
    return Tables.from_texts(SCHEMAS, {"words": words, "uses": uses})


def mistakes(words: str = WORDS, uses: str = USES) -> list[tuple[str, int, str, str]]:
    with pytest.raises(TablesRefused) as caught:
        taken(words, uses)
    return [(one.table, one.line, one.column, one.rule) for one in caught.value.mistakes]


@pytest.mark.parametrize(
    ("day", "meaning"),
    [(date(2020, 1, 1), "One"), (date(2026, 6, 30), "One"), (date(2026, 7, 1), "Two"), (date(2099, 1, 1), "Two")],
)
def test_row_is_found_by_its_day(day, meaning):
    """Both ends of a row's days are included."""
    assert meaning == taken()["words"].find("x", day)["meaning"]


def test_key_of_several_columns():
    """Such a row is found by all of them together."""
    uses = taken()["uses"]

    assert "3" == uses.find(("me", "x"), DAY)["times"]
    assert uses.find(("me", "y"), DAY) is None
    assert uses.has(("you", "x"))


HEAD = "word,meaning,valid_from,valid_to\n"


@pytest.mark.parametrize(
    ("words", "line", "column", "rule"),
    [
        ("word,meaning,valid_from\nx,One,\n", 1, "valid_to", "missing_column"),
        ("word,meaning,valid_from,valid_to,colour\n", 1, "colour", "unknown_column"),
        ("word,meaning,word,valid_from,valid_to\n", 1, "word", "duplicate"),
        (HEAD + "x,One,\n", 2, "", "cells"),
        (HEAD + "x,One,,,\n", 2, "", "cells"),
        (HEAD + ",One,,\n", 2, "word", "missing"),
        (HEAD + "x,,,\n", 2, "meaning", "missing"),
        (HEAD + "x y,One,,\n", 2, "word", "bad_format"),
        (HEAD + "x, One,,\n", 2, "meaning", "bad_format"),
        (HEAD + "x,One, ,\n", 2, "valid_from", "bad_format"),
        (HEAD + "x,One,2026-02-30,\n", 2, "valid_from", "bad_date"),
        (HEAD + "x,One,20260201,\n", 2, "valid_from", "bad_date"),
        (HEAD + "x,One,01/02/2026,\n", 2, "valid_from", "bad_date"),
        (HEAD + "x,One,2026-02-02,2026-02-01\n", 2, "valid_to", "swapped_dates"),
        (HEAD + "x,One,,\nx,One,,\n", 3, "word", "duplicate"),
        (HEAD + "x,One,,\ny,Y,,\nx,Two,2026-07-01,\n", 4, "word", "overlap"),
        (HEAD + "x,Two,2026-06-30,\nx,One,,2026-06-30\n", 3, "word", "overlap"),
        (HEAD + f"x,{unicodedata.normalize('NFD', 'Được')},,\n", 2, "meaning", "not_nfc"),
        (HEAD + 'x,"One,,\n', 2, "", "not_csv"),
        ("", 1, "word", "missing_column"),
    ],
)
def test_mistake_is_named_with_its_place(words, line, column, rule):
    """File, line, column and rule: an integrator finds the cell without reading code."""
    assert ("words", line, column, rule) in mistakes(words, "who,word,times,kind\n")


@pytest.mark.parametrize(
    ("uses", "column", "rule"),
    [
        ("me,z,1,a", "word", "no_row"),
        ("me,x,-1,a", "times", "bad_format"),
        ("me,x,1,c", "kind", "choice"),
        ("m e,x,1,a", "who", "bad_format"),
    ],
)
def test_mistake_between_tables(uses, column, rule):
    """A value that names a row of another table must find one."""
    assert [("uses", 2, column, rule)] == mistakes(uses=f"who,word,times,kind\n{uses}\n")


def test_all_mistakes_are_named_at_once():
    """Nobody has to import a table ten times to learn of ten mistakes."""
    found = mistakes(HEAD + "x y,One,,\nx,,,\n", "who,word,times,kind\nme,q,1,c\n")

    assert ["uses", "words", "words"] == [table for table, *_ in found]


def test_mistake_reads_well():
    """The sentence an integrator sees."""
    mistake = Mistake(table="procedures", line=7, column="valid_to", rule="bad_date", value="31/12/2026")

    assert "procedures.csv, line 7, column valid_to: bad_date '31/12/2026'" == str(mistake)


def test_unknown_and_missing_tables():
    """A set of tables is complete and has nothing else in it."""
    with pytest.raises(TablesRefused) as caught:
        Tables.from_texts(SCHEMAS, {"words": WORDS, "verbs": "a\n"})

    assert {("verbs", "unknown_table"), ("uses", "missing_table")} <= {(m.table, m.rule) for m in caught.value.mistakes}


def test_spreadsheet_habits_are_taken():
    """A byte order mark, CRLF, quotes and empty lines at the end change nothing."""
    tables = taken("\ufeff" + WORDS.replace("\n", "\r\n").replace("One", '"One, ""first"""') + "\r\n")

    assert 'One, "first"' == tables["words"].find("x", date(2026, 1, 1))["meaning"]


def test_version_names_the_content():
    """Equal content has an equal name; any change has another."""
    assert taken().version == taken().version
    assert taken().version != taken(WORDS.replace("One", "Eins")).version
    assert version_of({"a": "b", "c": ""}) != version_of({"a": "", "c": "b"})


def test_diff_names_rows():
    """What changed between two versions, row by row, by key and first day."""
    changed = WORDS.replace("x,One", "x,Eins").replace("y,Three,,\n", "z,Four,,\n")

    found = {(one.table, one.key, one.kind) for one in diff(taken(), taken(changed))}

    assert {
        ("words", ("x", ""), "changed"),
        ("words", ("y", ""), "removed"),
        ("words", ("z", ""), "added"),
    } == found
    assert diff(taken(), taken()) == []


def test_diff_with_another_set_of_tables():
    """A table that only one version has counts as added or removed, row by row."""
    only = Tables.from_texts({"words": SCHEMAS["words"]}, {"words": WORDS})

    assert {("uses", "added")} == {(one.table, one.kind) for one in diff(only, taken())}


# -- what is shipped ---------------------------------------------------------------------------------------------------


def test_shipped_tables_are_without_a_mistake():
    """The invented province's own tables pass their own rules, and iterate by name."""
    tables = h99_tables()

    assert set(schemas()) == set(tables)
    assert len(tables["procedures"].rows) >= 60
    assert set(tables.texts) == set(shipped_texts())


def test_shipped_calendar_is_without_a_mistake():
    """The calendar's table too."""
    calendar = schemas_of((SHIPPED / "tables.toml").read_text(encoding="utf-8"), "calendar")
    text = (SHIPPED / "calendar" / "holidays.csv").read_text(encoding="utf-8")

    assert Tables.from_texts(calendar, {"holidays": text})["holidays"].has("2026-09-02")


def test_statuses_are_the_ten_of_the_portal():
    """Codes 1 to 10 and no other: 0 and 11 are not the portal's."""
    rows = h99_tables()["statuses"].rows

    assert [str(n) for n in range(1, 11)] == [row.values["code"] for row in rows]


def test_every_status_has_a_policy_and_the_safe_one():
    """What follows an unclear step is decided for each status, with its consequence in both languages."""
    tables = h99_tables()

    assert {row.values["status"] for row in tables["statuses"].rows} == {
        row.values["status"] for row in tables["unclear_steps"].rows
    }
    assert {"hold"} == {row.values["policy"] for row in tables["unclear_steps"].rows}
    assert all(row.values["consequence_vi"] and row.values["consequence_en"] for row in tables["unclear_steps"].rows)


def test_units_stand_in_both_forms():
    """A unit is found by its old code and by its new one, and neither is computed from the other."""
    units, day = h99_tables()["units"], date(2026, 7, 3)

    assert units.find("000.00.09.H99", day)["name"] == units.find("H99.09", day)["name"]
    assert 12 == len({row.values["name"] for row in units.rows if row.values["level"] == "department"})
    assert 20 <= len({row.values["name"] for row in units.rows if row.values["level"] == "commune"})


def test_each_table_says_which_date_decides():
    """The schema is data: what a table answers, where it comes from, and the date that decides."""
    decides = {name: schema.decides for name, schema in schemas().items()}

    assert ("received_at", "received_at", "occurred_at") == (decides["procedures"], decides["owners"], decides["units"])
    assert all(schema.about and schema.source for schema in schemas().values())
