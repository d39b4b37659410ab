"""What each made part of the documents says, from the code or the tables that decide it."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from tests.house import console_blocks, gateway_blocks, signer_blocks
from tests.house.command_line import Command, commands
from tests.house.tree import ROOT

NATIONAL_PORTAL = ROOT / "config" / "tables" / "national_portal"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def code(value: object) -> str:
    """As code, or nothing."""
    return f"`{value}`" if str(value) else ""


@cache
def read_toml(name: str) -> dict[str, Any]:
    """A table file of the project."""
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def command_list() -> str:
    """Every command with one line."""
    return table(
        ["command", "what it does"], [[code("lienthong " + " ".join(c.words)), c.help] for c in commands().values()]
    )


def command_details() -> str:
    """Every command with its arguments and options."""
    return "\n\n".join(_details(command) for command in commands().values())


def _details(command: Command) -> str:
    words = " ".join(command.words)
    arguments = " ".join(each.shown for each in command.parameters if not each.is_option)
    usage = f"lienthong {words} {arguments}".strip()
    parts = [f"### `{words}`", command.help, f"```text\n{usage}\n```"]
    if command.parameters:
        parts.append(table(["", ""], [[code(each.shown), each.help] for each in command.parameters]))
    return "\n\n".join(parts)


def settings() -> str:
    """The example settings as they ship: every key with its default and a line about it."""
    return "```toml\n" + (ROOT / "config" / "example.toml").read_text(encoding="utf-8").strip() + "\n```"


def routes() -> str:
    """The routes as they ship."""
    return "```toml\n" + (ROOT / "config" / "routes.toml").read_text(encoding="utf-8").strip() + "\n```"


def problems() -> str:
    """Every problem code of the doors."""
    from adapters.doors.problems import STATUS

    english = read_toml("adapters/doors/problems.en.toml")["problems"]
    vietnamese = read_toml("adapters/doors/problems.vi.toml")["problems"]
    rows = [[code(each), status, english[each]["detail"], vietnamese[each]["title"]] for each, status in STATUS.items()]
    return table(["code", "HTTP", "what it means and what to do", "tiếng Việt"], rows)


def soap_faults() -> str:
    """Every code of the SOAP door's Faults."""
    from adapters.doors.soap_codes import FAULTS, LATER

    english = read_toml("adapters/doors/problems.en.toml")["faults"]
    vietnamese = read_toml("adapters/doors/problems.vi.toml")["faults"]
    rows = [
        [code(each), "Receiver" if each in LATER else "Sender", english[each]["detail"], vietnamese[each]["title"]]
        for each in FAULTS
    ]
    return table(["code", "to blame", "what it means and what to do", "tiếng Việt"], rows)


def log_events() -> str:
    """Every log event."""
    catalogue = read_toml("config/log_events.toml")
    rows = [
        [code(name), row["level"], ", ".join(row["fields"]), row["en"]] for name, row in catalogue["events"].items()
    ]
    everywhere = ", ".join(code(name) for name in catalogue["common"]["fields"])
    head = f"Any line may also carry {everywhere}."
    return head + "\n\n" + table(["event", "level", "its fields", "meaning"], rows)


def metrics() -> str:
    """Every metric, as a fresh process exposes it."""
    from prometheus_client import CollectorRegistry

    from adapters.doors.metrics import Metrics, PartnerStats, Stats

    stats = Stats(
        partners={"p": PartnerStats(states={"waiting": 1}, last_success_s=1.0)}, checkpoint_s=1.0, keys_s={"k": 1.0}
    )
    registry = CollectorRegistry()
    seen = Metrics(registry, sources=["s"], kinds=["k"], partners=["p"], codes=["c"], stats=lambda: stats)
    seen.event_taken(source="s", kind="k", result="recorded")
    seen.delivery_settled(partner="p", state="delivered")
    seen.attempt_made(partner="p", outcome="Delivered", seconds=0.1)
    seen.request_refused(code="c")
    seen.sign_in_tried("opened")
    seen.csp_reported()
    rows = []
    for family in registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        rows.append([code(name), family.type, ", ".join(sorted(labels)), family.documentation])
    return table(["metric", "type", "labels", "meaning"], sorted(rows))


def states() -> str:
    """Where a delivery can stand."""
    from bus.messages import State

    rows = [[code(state), "yes" if state.is_open else "no", MEANING[state]] for state in State]
    return table(["state", "open?", "meaning"], rows)


MEANING = {
    "waiting": "Not sent yet: not due, behind another, or its partner is held. The cause says which.",
    "sending": "A worker has it, under a lease.",
    "awaiting": "The partner took it and answers later.",
    "in_doubt": "The reply was lost: the partner may have taken it. It is asked, or a person decides.",
    "held": "Our own trouble: a code without a row, a field over the limit, a defect. Nothing left the house.",
    "refused": "The partner said no. Its code and words stand beside it.",
    "delivered": "The partner said yes, and its reply is kept.",
    "superseded": "A newer record took its place, or another delivery told the same; kept and visible.",
    "cancelled": "A person stopped it, with a reason; or shadow mode did not send it (cause `shadow`).",
    "not_ours": "Another system owns the procedure; never sent.",
}


def schedule() -> str:
    """The published retry schedule."""
    from bus.retry import FARTHEST, JITTER, SCHEDULE

    rows = [[number, _duration(wait.total_seconds())] for number, wait in enumerate(SCHEDULE, 1)]
    rows[-1][0] = f"{rows[-1][0]} and every later one"
    said = (
        f"Each wait is lengthened by up to {JITTER:.0%}, so that what failed together does not come back together. "
        f"A partner's `Retry-After` is honoured up to {_duration(FARTHEST.total_seconds())}."
    )
    return table(["after attempt", "wait"], rows) + "\n\n" + said


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def portal_operations() -> str:
    """The contract table of the national portal."""
    from adapters.partners.national_portal.codes import OPERATIONS

    rows = [[row.operation, code(row.service), row.kind, row.unclear, row.source] for row in OPERATIONS.values()]
    return table(["operation", "service", "class", "after an unclear outcome", "rules"], rows)


def portal_replies() -> str:
    """The reply table of the national portal: the first row that fits decides."""
    from adapters.partners.national_portal.codes import REPLIES, Operation

    rows = []
    for row in REPLIES:
        http = f"{row.http[0]} to {row.http[1]}" if row.http[0] != row.http[1] else str(row.http[0])
        whose = "any" if row.operations == frozenset(Operation) else ", ".join(sorted(row.operations))
        body = row.shape or "any"
        rows.append([code(row.id), whose, http, body, row.code, row.verdict, row.source])
    return table(["row", "operations", "HTTP", "body", "`error_code`", "verdict", "rules"], rows)


def portal_faults() -> str:
    """Codes of Faults that prove that a message went no further."""
    from adapters.partners.national_portal.codes import REPLIES

    rows = [
        [code(fault), code(row.id), row.verdict, row.source] for row in REPLIES for fault in sorted(row.faults or ())
    ]
    return table(["code, without case and underscores", "row", "verdict", "rules"], rows)


def unclear_steps() -> str:
    """The policy for unclear steps, as it ships."""
    with (NATIONAL_PORTAL / "unclear_steps.csv").open(encoding="utf-8", newline="") as file:
        rows = [[code(row["status"]), code(row["policy"]), row["consequence_en"]] for row in csv.DictReader(file)]
    return table(["status", "policy", "what it means to send twice, or to leave out"], rows)


def one_stop_operations() -> str:
    """The contract table of the one-stop system."""
    from adapters.partners.one_stop.codes import CONTRACTS

    rows = [[code(c.kind), code(c.operation), code(c.path), c.unclear, c.source] for c in CONTRACTS.values()]
    return table(["event", "over SOAP", "over REST", "after an unclear outcome", "rules"], rows)


def one_stop_replies() -> str:
    """The answer table of the one-stop system: the first row that fits decides."""
    from adapters.partners.one_stop import replies

    names = ("protocol", "http", "answer", "signature", "code", "side", "verdict", "source")
    rows = [[code(row["id"]), *(row[name] for name in names)] for row in replies.table()]
    return table(["row", "over", "HTTP", "answer", "signature", "code", "side", "verdict", "rules"], rows)


def receipt_replies() -> str:
    """The answer table of the receipt issuer: the first row that fits decides."""
    from adapters.partners.receipt_issuer import replies

    names = ("operations", "http", "answer", "code", "verdict", "source")
    rows = [[code(row["id"]), *(row[name] for name in names)] for row in replies.table()]
    return table(["row", "operations", "HTTP", "answer", "code", "verdict", "rules"], rows)


def portal_limits() -> str:
    """Fields whose length the portal limits."""
    from adapters.partners.national_portal.limits import NESTED_LIMITS, RECORD_LIMITS, STEP_LIMITS

    rows = [["record", code(name), limit] for name, limit in RECORD_LIMITS.items()]
    rows += [["step", code(name), limit] for name, limit in STEP_LIMITS.items()]
    rows += [["record", code(f"{group}[].{name}"), limit] for group, name, limit in NESTED_LIMITS]
    return table(["in", "field", "at most"], rows)


def tables() -> str:
    """The tables of an installation."""
    rows = []
    for partner, each in read_toml("config/tables/tables.toml").items():
        for name, row in each.items():
            rows.append([code(f"{partner}/{name}"), row["about"], code(row["decides"]), row["source"]])
    return table(["table", "what it answers", "the date that decides", "where the shipped rows come from"], rows)


def faults() -> str:
    """Every fault of the mocks."""
    from contracts.mock_faults import NEEDS, STAGES
    from contracts.national_portal.mock import Portal

    when = {"before": "before the request is read", "inside": "while it is judged", "after": "on its answer"}
    rows = [
        [code(name), when[stage], "" if name in Portal.faults_here else f"not at the national portal: {NEEDS[name]}"]
        for name, stage in STAGES.items()
    ]
    return table(["fault", "strikes", ""], rows)


def crash_points() -> str:
    """Where a test stops the program."""
    from bus.crash_points import DOOR, TELLING, WORKER

    places = {"door": DOOR, "worker": WORKER, "outcomes": TELLING}
    rows = [[where, ", ".join(code(name) for name in names)] for where, names in places.items()]
    return table(["where", "named lines"], rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "command-list": command_list,
    "command-details": command_details,
    "settings": settings,
    "routes": routes,
    "problems": problems,
    "soap-faults": soap_faults,
    "log-events": log_events,
    "metrics": metrics,
    "states": states,
    "schedule": schedule,
    "portal-operations": portal_operations,
    "portal-replies": portal_replies,
    "portal-faults": portal_faults,
    "portal-limits": portal_limits,
    "one-stop-operations": one_stop_operations,
    "one-stop-replies": one_stop_replies,
    "receipt-replies": receipt_replies,
    "unclear-steps": unclear_steps,
    "tables": tables,
    "faults": faults,
    "crash-points": crash_points,
    **gateway_blocks.BLOCKS,
    **signer_blocks.BLOCKS,
    "words": console_blocks.words,
    "states-vi": console_blocks.states_vi,
    "roles": console_blocks.roles,
    "roles-vi": console_blocks.roles_vi,
    "console-pages": console_blocks.pages,
}
