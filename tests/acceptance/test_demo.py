"""`lienthong demo` as a person types it: processes of its own, real ports, the mock's own list as the judge."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.demo.approving import MADE, a_paper_for_you, papers
from config.demo.born import COUNT, EVENTS
from config.demo.day import SOURCES, day
from config.demo.paying import CASES, a_bill_for_you, bills
from config.demo_signer import pdfsig

DEMO = [sys.executable, "-P", "-m", "config.cli", "demo"]
STATES = ("delivered", "superseded", "held", "blocked", "refused", "in_doubt", "cancelled", "not_ours")


def demo(folder: Path, *words: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run it to its end; its state stays in the test's folder."""
    command = [*DEMO, "--state-dir", str(folder / "state"), "--port", "0", "--mocks-port", "0", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """`demo --json` without --once: what its ready line says, until the block ends."""
    command = [*DEMO, "--json", "--state-dir", str(folder / "state"), "--port", "0", "--mocks-port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=60)


def fetched(url: str, token: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
        return json.load(reply)


@pytest.mark.parametrize("seed", [1, 2])
def test_p02_p03_ledger_and_mock_agree(tmp_path: Path, seed: int) -> None:
    """A day with lost replies ends with nothing lost, doubled or out of order; the last line is the only one."""
    done = demo(tmp_path, "--once", "--json", "--seed", str(seed), "--dossiers", "150", "--steps", "600")
    assert 0 == done.returncode, done.stdout + done.stderr
    (only,) = done.stdout.splitlines()
    line = json.loads(only)

    assert (0, 0, 0) == (line["lost"], line["doubled"], line["out_of_order"])
    assert line["deliveries"] == sum(line[state] for state in STATES)
    money = bills(seed)
    asked = sum(1 + (bill.after is not None) for bill in money) + len(papers(1))
    shown = sum(bill.case.told.count(news) for bill in money for news in ("settled", "refunded"))
    shown += sum(paper.case.told == MADE for paper in papers(1))
    own = line["deliveries"] - (line["events"] - asked)
    assert 0 < own <= shown, "each event goes to the portal; money does as a record, where none is on its way"
    assert line["delivered"] > 600
    assert min(line["held"], line["blocked"], line["not_ours"], line["repeated"], line["contradicted"]) > 0
    assert {"ledger.db", "lienthong.toml"} <= {path.name for path in (tmp_path / "state").iterdir()}


@pytest.fixture(scope="module")
def told_to_a_person(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The state folder and the page of a demo without --json."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, "--once", "--lang", "en", "--dossiers", "100", "--steps", "400", "--seed", "3")
    assert 0 == done.returncode, done.stdout + done.stderr
    return folder / "state", done.stdout


def test_summary_for_a_person(told_to_a_person: tuple[Path, str]) -> None:
    """Without --json: the first delivered dossier, what was resolved, what waits, and the proof, as plain lines."""
    _, page = told_to_a_person
    for told in ("First dossier delivered: H99.", "What a person must decide", "0 sai thứ tự", "state_dir"):
        assert told in page, told
    assert "\x1b" not in page


def test_three_systems_side_by_side(told_to_a_person: tuple[Path, str]) -> None:
    """REST, SOAP and the portal's own API: each system's events reach the portal; what must stay outside does."""
    state, page = told_to_a_person
    (table,) = [part for part in page.split("\n\n") if "Three one-stop systems side by side" in part]
    rows = {line.strip().split(" (")[0]: [int(count) for count in line.split()[-3:]] for line in table.splitlines()[3:]}
    for name in ("hồ sơ", "sự kiện mới", "gửi lặp", "bị từ chối ở cửa", "đã đến Cổng"):
        assert all(rows[name]), table
    _, soap, old = rows["trùng mã khác nội dung"]
    assert soap > 0
    assert 0 == old, "where events have no ids nothing can be contradicted"
    (told,) = [part for part in page.split("\n\n") if "What the one-stop systems were told" in part]
    (wards,) = [line for line in told.splitlines() if "two wards" in line]
    assert int(wards.partition("delivered ")[2].partition(",")[0]) == rows["đã đến Cổng"][1], told
    (filed,) = [part for part in page.split("\n\n") if "Dossiers from the portal" in part]
    count, _, handed_over, statuses, created = [int(line.split()[-1]) for line in filed.splitlines()[2:]]
    assert (COUNT, COUNT, COUNT * EVENTS, 0) == (count, handed_over, statuses, created), filed
    (fees,) = [part for part in page.split("\n\n") if "Fees paid online" in part]
    for case in CASES:
        (row,) = [line for line in fees.splitlines() if case.en in line]
        assert case.ends == row.split()[-1], fees
    with closing(sqlite3.connect(state / "ledger.db")) as ledger:
        callers = {caller for (caller,) in ledger.execute("SELECT caller FROM refusals")}
        codes = {code for (code,) in ledger.execute("SELECT code FROM refusals WHERE caller = 'wards'")}
    assert {"one-stop", "wards", "old"} <= callers
    assert {"replayed", "contradicted"} <= codes


def test_events_of_a_file_go_over_rest(tmp_path: Path) -> None:
    """Whatever their sources, those of the day's other systems too."""
    clean = [feed for feed in day(3, dossiers=60, steps=200).events if feed.dirt is None]
    lines = [[feed.line for feed in clean if feed.wire["source"] == source][:2] for source in SOURCES]
    (tmp_path / "day.ndjson").write_bytes(b"".join(line + b"\n" for part in lines for line in part))
    done = demo(tmp_path, "--once", "--json", "--events", "day.ndjson")
    line = json.loads(done.stdout)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 8 == line["events"] == line["deliveries"]
    assert (0, 0, 0) == (line["lost"], line["doubled"], line["out_of_order"])


def test_a_person_pays_and_signs(tmp_path: Path) -> None:
    """When the day is settled a fee and a result are left open: paid at the gateway's page, signed in the phone's, they
    are on the console a moment later; the signed document verifies by our command, and by another program."""
    command = [*DEMO, "--state-dir", str(tmp_path / "state"), "--port", "0", "--mocks-port", "0", "--lang", "en"]
    process = subprocess.Popen(
        [*command, "--dossiers", "60", "--steps", "120"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        lines: dict[str, str] = {}
        for line in process.stdout:
            if found := re.search(r"token (\S+)$|(fee|result) yourself: (\S+) · .*: (\S+)$", line):
                kind = {"fee": "", "result": "sign_"}.get(found[2], "")
                told = {f"{kind}page": found[3], f"{kind}console": found[4]}
                lines |= {"token": found[1]} if found[1] else told
            if {"page", "sign_page"} <= lines.keys():
                break
        page = httpx2.get(lines["page"]).text
        assert "Thanh toán" in page
        name = a_bill_for_you(1).name
        httpx2.post(lines["page"], data={"result": "paid"})
        with httpx2.Client(headers={"Authorization": f"Bearer {lines['token']}"}, timeout=60) as console:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                shown = console.get(lines["console"], params={"q": name, "state": "paid"}).text
                if f">{name}<" in shown:
                    break
                time.sleep(0.2)
        assert f">{name}<" in shown
        sign(lines, tmp_path)
        back = re.search(r'href="([^"]+/return/[^"]+)"', httpx2.get(lines["page"]).text)
        assert back is not None
        assert "Đã thanh toán" in httpx2.get(html.unescape(back[1]), headers={"Accept-Language": "vi"}).text
    finally:
        process.terminate()
        process.communicate(timeout=60)


def sign(lines: dict[str, str], folder: Path) -> None:
    """Approve the result that is left open, wait for it, and have its document verified as anybody would."""
    assert "Yêu cầu ký số" in httpx2.get(lines["sign_page"]).text
    name, found = a_paper_for_you(1).name, dict[str, Any]()
    httpx2.post(lines["sign_page"], data={"result": "approve"})
    mocks = lines["sign_page"].partition("/smartca/")[0]
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:
        time.sleep(0.2)
        bodies = [row["body"] for row in fetched(f"{mocks}/_control/one_stop/effects?body=1&limit=1000&after=0")]
        found = next((body for body in bodies if body.get("signature") == name), {})
    with httpx2.Client(headers={"Authorization": f"Bearer {lines['token']}"}, timeout=60) as console:
        assert f">{name}<" in console.get(lines["sign_console"], params={"q": name, "state": "made"}).text
    document = folder / "result.pdf"
    document.write_bytes(httpx2.get(found["made"]["documents"][0]["url"]).content)
    settings = ["--config", str(folder / "state" / "lienthong.toml"), "--lang", "en"]
    command = [sys.executable, "-P", "-m", "config.cli", "documents", "verify", str(document), *settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert pdfsig(document.read_bytes()) in ("", "passed")


def test_state_of_another_demo_is_left_alone(tmp_path: Path) -> None:
    """A folder that has a demo's state is not used again: its mocks have forgotten what its ledger knows."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "lienthong.toml").write_text("")
    done = demo(tmp_path, "--once", "--lang", "en")

    assert 2 == done.returncode
    assert "choose another --state-dir" in done.stderr


def test_demo_serves_until_told_to_stop(tmp_path: Path) -> None:
    """One ready line; the token opens the doors; a signal ends it, and nothing of it stays running."""
    (tmp_path / "none.ndjson").write_text("")
    with serving(tmp_path, "--events", "none.ndjson") as (process, ready):
        assert {"bus", "mocks", "console", "token", "state_dir"} == set(ready)
        assert f"{ready['bus']}/console/" == ready["console"]
        assert fetched(f"{ready['bus']}/readyz")["ready"]
        assert [] == fetched(f"{ready['mocks']}/_control/national_portal/effects")
        fetched(f"{ready['bus']}/v1/deliveries", ready["token"])
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetched(f"{ready['bus']}/v1/deliveries")
        signs_in_at_the_console(ready)
        children = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert "" == process.communicate(timeout=60)[0]

        assert 2 == len(children)
        assert [] == [child for child in children if is_running(child)]
    assert 0 == process.returncode


def signs_in_at_the_console(ready: dict[str, str]) -> None:
    """Both accounts, with the token as their password; the token alone opens pages to read, and presses nothing."""
    bearer = {"Authorization": f"Bearer {ready['token']}"}
    with httpx2.Client(base_url=ready["console"], timeout=60) as client:
        assert client.get("log", headers=bearer).status_code == 200
        assert client.post("logout", headers=bearer, data={"csrf": ""}).status_code in (401, 403)
    for name in ("demo", "duyet"):
        with httpx2.Client(base_url=ready["console"], timeout=60) as client:
            found = re.search(r'name="csrf" value="([^"]+)"', client.get("login").text)
            assert found is not None
            form = {"csrf": found[1], "name": name, "password": ready["token"]}
            assert client.post("login", data=form).status_code == 303
            assert client.get("approvals").status_code == 200


def test_killed_demo_leaves_nothing_running(tmp_path: Path) -> None:
    """Mocks and worker end by themselves when the demo that started them is killed."""
    (tmp_path / "none.ndjson").write_text("")
    with serving(tmp_path, "--events", "none.ndjson") as (process, _ready):
        children = children_of(process.pid)
        process.kill()
        process.wait()
        deadline = 100
        while any(map(is_running, children)) and deadline:
            deadline -= 1
            subprocess.run(["sleep", "0.2"], check=True)

        assert [] == [child for child in children if is_running(child)]


def children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
