"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bus import reasons

SAID = {
    "too_short": "must say something",
    "too_long": f"must have at most {reasons.LONGEST} characters",
    "control_character": "has a control character, a line end or a mark of writing direction",
}
"""Why the words of a person are not taken, as the door says it."""


def own_words(given: str | None) -> str | None:
    """What a person typed to be kept for ever, held to the door's own rules. Raises BadParameter (exit code 2)."""
    if given is None:
        return None
    if fault := reasons.fault_in(given):
        raise typer.BadParameter(SAID[fault])
    return reasons.tidy(given)


LARGEST = 2**63 - 1
"""The ledger's ids are no larger."""

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings; else $LIENTHONG_CONFIG, else ./lienthong.toml."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else.")]
Lang = Annotated[str | None, typer.Option("--lang", metavar="vi|en", help="Language; else $LIENTHONG_LANG, else vi.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Why; kept in the ledger for ever.", show_default=False, callback=own_words)
]
AsPerson = Annotated[
    str | None,
    typer.Option(
        "--as-person",
        metavar="NAME",
        help="Who acts; else $LIENTHONG_AS_PERSON, else your login name.",
        callback=own_words,
    ),
]
