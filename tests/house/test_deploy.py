"""What is shipped to run the program fits the program: commands, files, metrics."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import yaml

from adapters.doors.body import MAX_BATCH
from adapters.doors.console.links import PREFIX
from adapters.doors.console.pages import PAGES
from adapters.doors.protocol import Limits
from config.settings import WebSettings, WorkerSettings
from contracts.one_stop.envelopes import LARGEST
from tests.house.blocks import metrics
from tests.house.command_line import commands
from tests.house.tree import ROOT, name_of, named

DEPLOY = ROOT / "deploy"


def known_metrics() -> set[str]:
    """Every name that can be asked for; a histogram has three."""
    names = set(re.findall(r"^\| `(\w+)`", metrics(), re.MULTILINE))
    return names | {f"{name}{suffix}" for name in names for suffix in ("_bucket", "_sum", "_count")}


@pytest.mark.parametrize("name", ["prometheus/alerts.yml", "grafana/lienthong.json"])
def test_metrics_exist(name):
    """No alert and no panel asks for a metric that the program does not have."""
    asked = set(re.findall(r"\blienthong_\w+", (DEPLOY / name).read_text(encoding="utf-8")))

    assert asked
    assert set() == asked - known_metrics()


def test_every_alert_says_what_to_do():
    """An alert has an expression, a patience, a severity, and words in both languages."""
    rules = [
        rule
        for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]

    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert [] == [rule["alert"] for rule in rules if rule["labels"]["severity"] not in {"page", "ticket"}]
    assert [] == [
        rule["alert"] for rule in rules if {"summary", "summary_vi", "description"} - rule["annotations"].keys()
    ]
    assert [] == [rule["alert"] for rule in rules if not {"expr", "for"} <= rule.keys()]


def test_dashboard_is_whole():
    """The dashboard is JSON, and its panels do not cover each other."""
    panels = json.loads((DEPLOY / "grafana/lienthong.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert len(panels) == len({panel["id"] for panel in panels})


@pytest.mark.parametrize("unit", sorted(named(".service", under="deploy")), ids=name_of)
def test_units_start_commands_that_exist(unit):
    """A unit starts a command of ours with options that it takes, as its own user and without new privileges."""
    text = unit.read_text(encoding="utf-8")
    words = shlex.split(
        re.search(r"/bin/lienthong (.*)$", text, re.MULTILINE)[1].rstrip("'").replace('"$(date', "$(date"), posix=False
    )
    command = commands()[(words[0],)]

    assert {word for word in words if word.startswith("--")} <= command.options
    assert "User=lienthong" in text
    assert "NoNewPrivileges=yes" in text


def test_image_copies_what_is_there():
    """The Containerfile copies files that exist, all five rooms among them, and starts a command that exists."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()}

    assert {"adapters", "bus", "config", "contracts", "signing"} <= copied
    assert [] == [name for name in copied if not (ROOT / name).exists()]
    assert (json.loads(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])[0],) in commands()


@pytest.mark.parametrize("unit", ["lienthong-worker@.service", "lienthong-web.service"])
def test_systemd_waits_longer_than_the_worker(unit):
    """What stops a service has more patience than the service: a worker ends by itself, and is not killed."""
    patience = re.search(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "systemd" / unit).read_text(), re.MULTILINE)

    assert int(patience[1]) > max(WorkerSettings().stop_grace_s, Limits().stop_s)


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_proxies_let_through_what_the_doors_take(name):
    """Limits of proxies fit the doors': bodies as large as a batch, idle connections shorter, a live log at once."""
    text = (DEPLOY / "proxy" / name).read_text(encoding="utf-8")
    sizes = [int(size) for size in re.findall(r"(?:client_max_body_size|max_size) (\d+)(?:m|MB)", text)]
    idle = [int(seconds) for seconds in re.findall(r"keepalive(?:_timeout)? (\d+)s", text)]

    assert f"127.0.0.1:{WebSettings().port}" in text
    assert sizes
    assert all(max(MAX_BATCH, LARGEST) < size * 1_000_000 for size in sizes)
    assert idle
    assert all(seconds < Limits().idle_s for seconds in idle)
    assert "proxy_buffering off" in text or "flush_interval -1" in text
    for path in ("/metrics", "/livez", "/readyz"):
        assert path.strip("/") in text


def test_nginx_passes_requests_as_they_came():
    """Paths and the host's name reach the doors unchanged, and whose address it is says the proxy alone."""
    text = (DEPLOY / "proxy/nginx.conf").read_text(encoding="utf-8")
    headers = (DEPLOY / "proxy/lienthong-proxy-headers").read_text(encoding="utf-8")
    live = re.search(r"location = (\S+)", text)

    assert {"http://lienthong"} == set(re.findall(r"proxy_pass (\S+);", text))
    assert text.count("proxy_pass") == text.count("include lienthong-proxy-headers;")
    assert "proxy_set_header Host $host;" in headers
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in headers
    assert live is not None
    assert live[1] in {f"{PREFIX}{page.path}" for page in PAGES}
