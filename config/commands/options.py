"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings; else $LIENTHONG_CONFIG, else ./lienthong.toml."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else.")]
Lang = Annotated[str | None, typer.Option("--lang", metavar="vi|en", help="Language; else $LIENTHONG_LANG, else vi.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger for ever.", show_default=False)]
AsPerson = Annotated[
    str | None,
    typer.Option("--as-person", metavar="NAME", help="Who acts; else $LIENTHONG_AS_PERSON, else your login name."),
]
