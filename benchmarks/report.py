"""Results as words: a line for the terminal, and the measured part of `docs/benchmarks.md`.

Ratios come first: they hold from machine to machine, rates do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from benchmarks.processes import ROOT
from benchmarks.spread import Spread

PAGE: Final = ROOT / "docs" / "benchmarks.md"
MARKED: Final = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)
Row = Sequence[object]
Told = dict[str, Any]


def write_docs(results: Told) -> None:
    """Put the measured part into the page; what is written by hand around it stays."""
    text = PAGE.read_text(encoding="utf-8")
    made = "\n\n".join(part for part in parts(results) if part)
    PAGE.write_text(MARKED.sub(lambda found: f"{found[1]}\n{made}\n\n{found[2]}", text), encoding="utf-8")


def parts(results: Told) -> Iterable[str]:
    """The measured part, piece by piece."""
    yield _machine(results)
    yield "### Ratios and goals\n\n" + _table(("figure", "what", "measured", "goal", ""), _goals(results))
    for name, title, shown in SECTIONS:
        if name in results:
            yield f"### {title}\n\n{shown(results[name])}"


def brief(name: str, found: Told) -> str:
    """What a person at a terminal wants to read."""
    lines = [f"  {what}: {measured}  (goal {goal}) {mark}" for _, what, measured, goal, mark in _goals({name: found})]
    return "\n".join([f"{name} ({found['seconds']} s)", *lines])


# -- goals -------------------------------------------------------------------------------------------------------------


def _goals(results: Told) -> list[Row]:
    rows: list[Row] = []
    for name in sorted(results, key=lambda each: int(re.findall(r"\d+", each)[0])):
        rows += [(name.upper().replace("-FULL", " (whole)"), *row) for row in GOALS[name](results[name])]
    return rows


def _f1(found: Told) -> list[Row]:
    ratios = found["ratios"]
    peers = [(f"{name}, the same", _ratio(each), "", "") for name, each in ratios.items() if name != "ours, template"]
    said = "signed SOAP messages to bare RSA-2048 signatures, ours from a template"
    return [(said, *_at_least(ratios["ours, template"], found["goal"])), *peers]


def _f2(found: Told) -> list[Row]:
    rows: list[Row] = []
    for name, each in found["ratios"].items():
        goal = found["goals"].get(name)
        told = _at_least(each, goal) if goal else (_ratio(each), "", "")
        rows.append((f"strict verification to that of {name}", *told))
    return rows


def _f3(found: Told) -> list[Row]:
    ratios, goals, wrong = found["ratios"], found["goals"], sum(found["books"].values())
    said = "signed SOAP deliveries to one core's RSA-2048 signatures"
    return [
        (f"{said}, worker on one core", *_at_least(ratios["one_core"], goals["one_core"])),
        (
            "the same with two workers on both cores, endpoint included",
            *_at_least(ratios["both_cores"], goals["both_cores"]),
        ),
        ("of these unsigned or doubled, by the endpoint's books", f"{wrong:g}", "0", _mark(wrong == 0)),
    ]


def _f4(found: Told) -> list[Row]:
    ratios, books = found["ratios"], found["books"]
    wrong = books["repeats"] + books["out_of_order"] + books["unsigned"]
    return [
        *((text, _ratio(ratios[name]), "", "") for name, text in DELIVERY_RATIOS.items()),
        ("doubled, out of order, unsigned, by the sink's books", wrong, "0", _mark(wrong == 0)),
    ]


DELIVERY_RATIOS: Final = {
    "ours_64_to_calls_without_ledger": "ordered delivery, 64 threads, to the same calls without a ledger",
    "ours_100_to_calls_without_ledger": "the same with 100 threads",
    "ours_64_to_single_commits": "deliveries to the disk's single durable commits",
    "portal_arrays_to_one_by_one": "portal, arrays of 20 to one by one",
}


def _f5(found: Told) -> list[Row]:
    callers, door, bulk, goals = found["callers"], found["door"], found["bulk"], found["goals"]
    return [
        ("32 callers to one", *_at_least(callers["many_to_single"], goals["many_to_single"])),
        ("signed event over HTTP to an empty signed POST", *_at_least(door["ratio"], goals["door_ratio"])),
        ("p99 of a signed event, 32 connections, ms", *_at_most(door["p99_ms"], goals["door_p99_ms"])),
        ("bulk submit to raw inserts of the same rows", *_at_least(bulk["ratio"], goals["bulk_ratio"])),
    ]


def _f6(found: Told) -> list[Row]:
    old = found["events_of_history"]["old"]
    return [
        (f"processor time of an event, {old:,} events behind it to 10,000", *_at_most(found["ratio"], found["goal"]))
    ]


def _f7(found: Told) -> list[Row]:
    killed = found["killed"]
    wrong = sum(each["lost"] + each["out_of_order"] for each in killed.values()) + killed["step"]["repeats"]["max"]
    return [
        ("exec of `lienthong worker` to the first delivery, s", *_at_most(found["first_delivery_s"], found["goal_s"])),
        ("updates that came twice after kill -9", *_at_most(killed["update"]["repeats"], found["bound"])),
        ("steps that came twice, anything lost or out of order", f"{wrong:g}", "0", _mark(wrong == 0)),
    ]


def _f8(found: Told) -> list[Row]:
    return [("REST message path to one pydantic round trip", *_at_most(found["ratio"], found["goal"]))]


def _f10(found: Told) -> list[Row]:
    goals, browser = found["goals"], found.get("browser") or {}
    slowest = max(found["pages"], key=lambda name: found["pages"][name]["p95_ms"])
    behind = f"{found['attempts']:,} attempts behind it"
    rows: list[Row] = [
        (f"slowest page's p95 ({slowest}), {behind}, ms", *_within(found["worst_p95_ms"], goals["p95_ms"]))
    ]
    if browser:
        load = max(each["max_ms"] for each in browser["loads"].values())
        stall = browser["live"]["longest_stall_ms"]
        rate = browser["live"]["accepted_a_second"]
        rows += [
            ("slowest first page in the browser, nothing cached, ms", *_within(load, goals["page_ms"])),
            (f"longest stall of the live log at {rate} events a second, ms", *_within(stall, goals["stall_ms"])),
        ]
    return rows


def _f12(found: Told) -> list[Row]:
    return [
        ("arrays of 20 to one by one, 8 calls in flight", *_at_least(found["ratio_few"], found["goal"])),
        ("the same with 64 calls in flight", _ratio(found["ratio_many"]), "", ""),
    ]


def _f14(found: Told) -> list[Row]:
    goals, plain, draining = found["goals"], found["plain"], found["draining"]
    behind = f"while a backlog of {found['backlog']:,} drains"
    return [
        ("accepted to delivered, p95, s", *_at_most(plain["p95_s"], goals["plain_p95_s"])),
        ("accepted to delivered, p99, s", *_at_most(plain["p99_s"], goals["plain_p99_s"])),
        (f"p99 {behind}, s", *_at_most(draining["p99_s"], goals["draining_p99_s"])),
    ]


def _f15(found: Told) -> list[Row]:
    wrong = found["missed"] + found["false"]
    behind = f"{found['orders']:,} orders settled three ways"
    return [
        (f"{behind}, s", *_within(found["compare_s"], found["goal_s"])),
        ("its peak memory, MB", *_within(found["peak_mb"], found["goal_mb"])),
        (f"of {found['wanted']:,} differences missed, or found where none is", wrong, "0", _mark(wrong == 0)),
        ("to the bare reading and inserting of the same rows", f"{found['to_bare']:g}", "", ""),
    ]


def _f16(found: Told) -> list[Row]:
    said = f"{found['callers']} callers tell one success at once, {found['times']} times each"
    return [
        (f"{said}: p99 of a call, ms", f"{found['p99_ms']:g}", "", ""),
        ("of these effects too many or too few, calls not kept", found["wrong"], "0", _mark(found["wrong"] == 0)),
    ]


def _f17(found: Told) -> list[Row]:
    said = f"signed documents of {found['bytes'] // 1000} kB to bare RSA-2048 signatures"
    ms = found["ms"]
    return [
        *((f"{said}, {name}", _ratio(each), "", "") for name, each in found["ratios"].items()),
        *((f"{name}, ms", f"{ms[name]['median']:g}", "", "") for name in ms if name.startswith(("B-LT", "B-T"))),
    ]


def _f18(found: Told) -> list[Row]:
    said, ways = f"{found['waiting']:,} signatures wait for their signers", found["ways"]
    held = ways["held_back"]["most_a_second"]
    return [
        (f"{said}: questions a second, called back", f"{ways['called_back']['a_second']:g}", "", ""),
        ("of these questions a second, not called back", f"{ways['asked']['a_second']:g}", "", ""),
        (f"where the service takes {found['rate']} a second: the most in one", *_within(held, found["rate"])),
        ("what the worker's memory grew by, MB", f"{max(each['grew_mb'] for each in ways.values()):g}", "", ""),
        ("of them not waiting", found["wrong"], "0", _mark(found["wrong"] == 0)),
    ]


GOALS: Final[dict[str, Callable[[Told], list[Row]]]] = {
    "f1": _f1, "f2": _f2, "f3": _f3,
    "f4": _f4, "f5": _f5, "f6": _f6, "f7": _f7, "f8": _f8, "f10": _f10, "f12": _f12, "f14": _f14, "f14-full": _f14,
    "f15": _f15, "f16": _f16, "f17": _f17, "f18": _f18,
}  # fmt: skip


# -- sections ----------------------------------------------------------------------------------------------------------


def _delivery(found: Told) -> str:
    figures = found["figures"]
    names = {
        "ours_64": "ours, 64 threads, events a second",
        "ours_100": "ours, 100 threads, events a second",
        "bare_64": "the same calls without a ledger, 64 threads",
        "bare_100": "the same calls without a ledger, 100 threads",
        "portal_single": "through `national_portal`, one by one",
        "portal_arrays": f"through `national_portal`, arrays of {found['batch']}",
        "commits_a_second": "the disk's single durable commits",
        "cpu_us_64": "processor µs for each event, 64 threads",
        "cpu_us_100": "processor µs for each event, 100 threads",
        "bare_cpu_us_64": "processor µs for each call without a ledger, 64 threads",
        "portal_single_cpu_us": "processor µs for each event through `national_portal`, one by one",
        "portal_arrays_cpu_us": "the same in arrays",
    }
    said = f"{found['events']:,} events of {found['dossiers']} dossiers, {found['rounds']} rounds."
    rates = _table(("", "median", "range"), [(text, *_cells(figures[name], 0)) for name, text in names.items()])
    walks = (
        ("to the sink", "profile"),
        ("through `national_portal`", "profile_portal"),
        ("accepting", "profile_accept"),
    )
    profiles = "\n\n".join(_profile(title, found[name]) for title, name in walks)
    return f"{said}\n\n{rates}\n\n{profiles}"


WALKS: Final = {
    "profile": "to the sink",
    "profile_portal": "through `national_portal`",
    "profile_accept": "accepting, 500 events in a transaction",
}


def _profile(title: str, profile: Told) -> str:
    steps = profile["us_per_event"]
    sqlite = {name: spent for name, spent in steps.items() if name.startswith("sqlite: ")}
    grouped = {name: spent for name, spent in steps.items() if name not in sqlite} | {
        "sqlite: all statements and commits": round(sum(sqlite.values()), 1)
    }
    rows = sorted(grouped.items(), key=lambda each: -each[1])
    dear = ", ".join(f"`{name.removeprefix('sqlite: ')}` {spent:g}" for name, spent in list(sqlite.items())[:8])
    threads = ", ".join(f"{name} {spent:g}" for name, spent in profile["threads_us_per_event"].items() if spent >= 1)
    return (
        f"**The walk, {title}**: {profile['cpu_us_per_event']:g} µs of processor time for each event, "
        f"{profile['events_per_commit']:g} events in one commit.\n\n"
        f"{_table(('step', 'µs'), rows)}\n\nSQLite's dearest: {dear}. By thread: {threads}."
    )


def _intake(found: Told) -> str:
    callers, door, bulk = found["callers"], found["door"], found["bulk"]
    rows = [
        ("`intake.accept`, one caller, events a second", *_cells(callers["single"], 0)),
        ("`intake.accept`, 32 callers, events a second", *_cells(callers["many"], 0)),
        ("processor µs for each event, 32 callers", *_cells(callers["cpu_us_many"], 0)),
        ("signed events over HTTP a second", *_cells(door["events"], 0)),
        ("empty signed POSTs a second", *_cells(door["empty"], 0)),
        ("p50 of a signed event, ms", *_cells(door["p50_ms"], 1)),
        ("bulk submit, events already read, a second", *_cells(bulk["events"], 0)),
        ("bulk submit from lines, reading and checking included, a second", *_cells(bulk["events_from_lines"], 0)),
        ("raw `executemany` of the same rows, events a second", *_cells(bulk["raw"], 0)),
    ]
    return _table(("", "median", "range"), rows)


def _ages(found: Told) -> str:
    rows = [
        (
            f"{found['events_of_history'][age]:,}",
            f"{found['rows'][age]:,}",
            found["megabytes"][age],
            *_cells(found["us_per_event"][age], 0),
        )
        for age in ("young", "old")
    ]
    return _table(("events behind it", "rows", "MB", "µs for each event", "range"), rows)


def _kills(found: Told) -> str:
    rows = [
        (kind, *(_cells(each[name], 0)[0] for name in ("in_flight", "repeats", "in_doubt")), each["lost"])
        for kind, each in found["killed"].items()
    ]
    return _table(("what was sent", "most in flight", "came twice", "left in doubt, visible", "lost"), rows)


def _path(found: Told) -> str:
    rows = [(name, *_cells(each, 1)) for name, each in found["us"].items()]
    said = f"{found['fields']} fields, {found['bytes']} bytes."
    return f"{said}\n\n{_table(('µs', 'median', 'range'), rows)}"


def _messages(found: Told) -> str:
    rows = [(name, *_cells(each, 0)) for name, each in found["us"].items()]
    said = f"A SOAP message of {found['fields']} fields, {found['bytes']} bytes; Body and Timestamp signed, RSA-2048."
    return f"{said}\n\n{_table(('processor µs', 'median', 'range'), rows)}"


def _calls(found: Told) -> str:
    names = {
        "one_core": "dossiers delivered and settled a second, worker on one core",
        "both_cores": "the same with two workers on both cores",
        "limit": "RSA-2048 signatures of one core a second",
        "cpu_us": "processor µs of the worker for each dossier",
    }
    said = f"{found['dossiers']:,} filed dossiers, {found['threads']} calls at once, {found['rounds']} rounds."
    rows = [(text, *_cells(found["figures"][name], 0)) for name, text in names.items()]
    return f"{said}\n\n{_table(('', 'median', 'range'), rows)}"


def _arrays(found: Told) -> str:
    names = {
        "single_8": "one by one, 8 in flight",
        "arrays_8": "arrays, 8 in flight",
        "single_64": "one by one, 64 in flight",
        "arrays_64": "arrays, 64 in flight",
    }
    rows = [(text, *_cells(found["figures"][name], 0)) for name, text in names.items()]
    return _table(("dossiers a second", "median", "range"), rows)


PAGE_PARTS: Final = ("p50_ms", "p95_ms", "max_ms", "cpu_p95_ms")


def _pages(found: Told) -> str:
    rows = [
        (name, *(f"{each[part]:g}" for part in ("p50_ms", "p95_ms", "max_ms"))) for name, each in found["pages"].items()
    ]
    said = (
        f"{found['attempts']:,} attempts, {found['deliveries']:,} deliveries, {found['dossiers']:,} dossiers; "
        f"{found['rows']:,} rows, {found['megabytes']:,} MB. Each page {found['times']} times."
    )
    table = _table(("page", "p50, ms", "p95, ms", "longest, ms", "processor p95, ms"), rows)
    browser = found.get("browser") or {}
    if not browser:
        return f"{said}\n\n{table}"
    loads = [(name, f"{each['p50_ms']:g}", f"{each['max_ms']:g}") for name, each in browser["loads"].items()]
    live = browser["live"]
    told = (
        f"Live log at {live['accepted_a_second']} events a second: longest stall {live['longest_stall_ms']:g} ms, "
        f"{live['long_tasks']} long tasks, longest wait of a key {live['longest_key_ms']:g} ms."
    )
    return f"{said}\n\n{table}\n\n{_table(('in the browser', 'p50, ms', 'longest, ms'), loads)}\n\n{told}"


def _waits(found: Told) -> str:
    rows = []
    for name, text in (("plain", "nothing else to do"), ("draining", f"a backlog of {found['backlog']:,} drains")):
        rows.append((text, *(f"{found[name][each]['median']:g}" for each in ("p50_s", "p95_s", "p99_s", "most_s"))))
    drained, left = found["drained_a_second"], found["left_of_backlog"]
    said = (
        f"Drained meanwhile: {drained['median']:g} a second ({drained['min']:g}–{drained['max']:g}); "
        f"{left['min']:g} of the backlog were left when the last fresh event was through."
    )
    return f"{_table(('', 'p50, s', 'p95, s', 'p99, s', 'longest, s'), rows)}\n\n{said}"


def _settled(found: Told) -> str:
    bare = found["bare"]
    rows = [
        ("compared, s", f"{found['compare_s']:g}"),
        ("of these reading and checking both files, s", f"{found['read_s']:g}"),
        ("of these searching for differences, s", f"{found['search_s']:g}"),
        ("processor, s", f"{found['cpu_seconds']:g}"),
        ("peak memory of the process, MB", f"{found['peak_mb']:g}"),
        ("bare reading of the file's lines, s", _cells(bare["lines_s"], 2)[0]),
        ("bare inserting of as many rows into SQLite, s", _cells(bare["rows_s"], 2)[0]),
    ]
    said = (
        f"{found['orders']:,} orders, {found['rows']:,} rows of the gateway's file ({found['megabytes']} MB), the "
        f"one-stop system's own file beside it; {found['each']:,} differences of each of {found['classes']} classes: "
        f"{found['found']:,} of {found['wanted']:,} found, {found['false']} false."
    )
    return f"{said}\n\n{_table(('', ''), rows)}"


def _called_back(found: Told) -> str:
    rows = [("half of the calls, ms", f"{found['p50_ms']:g}"), ("99 of 100, ms", f"{found['p99_ms']:g}")]
    said = (
        f"{found['orders']} payments, {found['calls']:,} calls back: each was answered after its commit, "
        f"{found['heard']:,} are kept as evidence, {found['effects']} payments were settled."
    )
    return f"{said}\n\n{_table(('', ''), rows)}"


def _documents(found: Told) -> str:
    rows = [(name, *_cells(each, 2)) for name, each in found["ms"].items()]
    rates = [(f"{name}, documents a second", *_cells(each, 0)) for name, each in found["a_second"].items()]
    said = f"A result of {found['bytes']:,} bytes, {found['rounds']} rounds; stamps and evidence are made beforehand."
    return f"{said}\n\n{_table(('processor ms', 'median', 'range'), [*rows, *rates])}"


def _waiting(found: Told) -> str:
    names = {"asked": "only asked", "called_back": "called back", "held_back": f"{found['rate']} a second at most"}
    rows = [
        (
            names[name],
            *(f"{each[key]:g}" for key in ("a_second", "most_a_second", "question_ms")),
            *(f"{each['opened_ms'][key]:g}" for key in ("claim_p50", "claim_p99", "carry_p50")),
            f"{each['grew_mb']:g}",
        )
        for name, each in found["ways"].items()
    ]
    said = (
        f"{found['waiting']:,} signatures of {found['documents']} documents each, looked at for {found['looked_s']} "
        "seconds: one question is about all documents of a signature. A service that says *waiting* at once."
    )
    head = (
        "the service", "questions a second", "most in one", "ms of ours for one", "a claim of ten, ms",
        "99 of 100, ms", "one signature sent, ms", "memory, MB more",
    )  # fmt: skip
    return f"{said}\n\n{_table(head, rows)}"


SECTIONS: Final[tuple[tuple[str, str, Callable[[Told], str]], ...]] = (
    ("f1", "F1: signing", _messages),
    ("f2", "F2: verifying", _messages),
    ("f3", "F3: SOAP, end to end", _calls),
    ("f4", "F4: ordered delivery", _delivery),
    ("f5", "F5: intake", _intake),
    ("f6", "F6: growth", _ages),
    ("f7", "F7: crash", _kills),
    ("f8", "F8: message path", _path),
    ("f10", "F10: console", _pages),
    ("f12", "F12: arrays", _arrays),
    ("f14", "F14: freshness", _waits),
    ("f14-full", "F14: freshness with the whole backlog", _waits),
    ("f15", "F15: the daily settlement", _settled),
    ("f16", "F16: callbacks of a gateway", _called_back),
    ("f17", "F17: signed documents", _documents),
    ("f18", "F18: signatures that wait", _waiting),
)


# -- words -------------------------------------------------------------------------------------------------------------


def _machine(results: Told) -> str:
    lines = []
    for name, found in results.items():
        about = found["machine"]
        lines.append(
            (name, about["at"], found.get("rounds", ""), f"{about['load_before'][0]:g}", f"{found['seconds']:g}")
        )
    about = next(iter(results.values()))["machine"]
    said = (
        f"Taken on a machine of {about['cores']} cores ({about['processor']}), {about['system']}, "
        f"Python {about['python']}, SQLite {about['sqlite']}."
    )
    return f"{said}\n\n{_table(('figure', 'on', 'rounds', 'load of the machine before', 'seconds'), lines)}"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _cells(found: Spread, digits: int) -> tuple[str, str]:
    return f"{found['median']:,.{digits}f}", f"{found['min']:,.{digits}f}–{found['max']:,.{digits}f}"


def _ratio(found: Spread) -> str:
    return f"{found['median']:.2f} ({found['min']:.2f}–{found['max']:.2f})"


def _at_least(found: Spread, goal: float) -> tuple[str, str, str]:
    return _ratio(found), f"≥ {goal:g}", _mark(found["median"] >= goal)


def _at_most(found: Spread, goal: float) -> tuple[str, str, str]:
    return _ratio(found), f"≤ {goal:g}", _mark(found["median"] <= goal)


def _within(found: float, goal: float) -> tuple[str, str, str]:
    return f"{found:g}", f"≤ {goal:g}", _mark(found <= goal)


def _mark(is_met: bool) -> str:
    return "met" if is_met else "**not met**"
