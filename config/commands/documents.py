"""documents sign|verify|show: signed documents at the command line."""

from __future__ import annotations

import typer

from config.commands import document_looks, document_sign


def group() -> typer.Typer:
    """`lienthong documents …`."""
    documents = typer.Typer(help="Documents: sign them, verify them, see what is in them.", no_args_is_help=True)
    documents.command("sign")(document_sign.sign)
    documents.command("verify")(document_looks.verify)
    documents.command("show")(document_looks.show)
    return documents
