"""run, web, worker, mocks: what stays running until a signal says stop."""

from __future__ import annotations

from typing import Annotated

import typer

from config.commands.options import Config, Json, Lang
from config.desk import Desk

Parent = Annotated[int | None, typer.Option("--with-parent", hidden=True, help="Stop when this process is gone.")]


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("run")(run)
    root.command("web")(web)
    root.command("worker")(worker)
    root.command("mocks")(mocks)


def run(config: Config = None, parent: Parent = None, lang: Lang = None) -> None:
    """The doors and a worker in one process, until a signal says stop."""
    from config.serving import serve

    serve(Desk(config=config, lang=lang), with_worker=True, parent=parent)


def web(config: Config = None, parent: Parent = None, lang: Lang = None) -> None:
    """The doors only."""
    from config.serving import serve

    serve(Desk(config=config, lang=lang), with_worker=False, parent=parent)


def worker(
    config: Config = None,
    name: Annotated[str | None, typer.Option("--name", help="How moves show it; else machine and process.")] = None,
    parent: Parent = None,
    lang: Lang = None,
) -> None:
    """A worker only: delivers what is due. Several may share one ledger."""
    from config.worker_process import work

    code = work(config, name, parent=parent, lang=lang)
    if code:
        raise typer.Exit(code)


def mocks(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes any free port.")] = 9100,
    host: Annotated[str, typer.Option("--host", help="Loopback unless you know why not.")] = "127.0.0.1",
    parent: Parent = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Every partner's mock on one port, until a signal says stop."""
    import os
    import signal

    from config.mocks import every_mock
    from config.worker_process import follow_parent
    from contracts.serve import run as serve_until_signalled

    desk = Desk(as_json=as_json, lang=lang)

    def ready(url: str) -> None:
        desk.say("mocks_ready", url=url)
        desk.give({"mocks": url})

    if parent is not None:
        follow_parent(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    serve_until_signalled(every_mock(), host=host, port=port, ready=ready)
