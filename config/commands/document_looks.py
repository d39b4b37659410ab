"""documents verify|show: what is to be said of a signed document, in words or for a machine.

Verifying needs no ledger: whom to believe stands in the settings, or in a file that is named. Authorities are asked
whether certificates were taken back, at the hosts of the settings only; `--offline` asks nobody.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, UNREACHABLE, USAGE, Desk, quiet

if TYPE_CHECKING:
    from adapters.documents.evidence import EvidenceSource
    from bus.signatures import Form
    from config.wiring import Ports
    from signing.verdicts import Reason, Report, SignatureReport
    from signing.verification_chain import Chains

LARGEST = 200_000_000
"""Bytes: a larger file is not read at all."""
File = Annotated[Path, typer.Argument(help="A signed PDF, or XML.", metavar="FILE", exists=True, dir_okay=False)]


def verify(
    file: File,
    trust: Annotated[
        list[Path] | None,
        typer.Option("--trust", help="Roots to believe in place of the settings', PEM; repeatable.", metavar="FILE"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no authority; judge by what the file has.")] = False,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Whether it is what was signed, by whom, and whether that holds; exit code 0 only where all of it is proven."""
    from adapters.documents.evidence import judged
    from signing.errors import DocumentRefused

    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    content = _read(desk, file)
    chains, source = _believed(desk, trust or [], offline=offline)
    try:
        report = judged(content, chains, datetime.now(UTC), source, form=_form(content)).report
    except DocumentRefused as refused:
        _unreadable(desk, file, refused)
    _tell(desk, file, report)
    desk.give({"file": str(file), **report.to_json()})
    if report.verdict.value != "passed":
        raise typer.Exit(FINDING)


def show(file: File, config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """What is in it: pages, fields and signatures as they say of themselves. Nothing is verified."""
    from adapters.documents.evidence import judged
    from signing.errors import DocumentRefused
    from signing.verification_chain import DocumentTrust

    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    content = _read(desk, file)
    form = _form(content)
    try:
        report = judged(content, DocumentTrust(roots={}).chains(), datetime.now(UTC), None, form=form).report
    except DocumentRefused as refused:
        _unreadable(desk, file, refused)
    seen = {"file": str(file), "form": form, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    inside = _inside(content) if form == "pdf" else {}
    desk.say("documents_shown", path=file, **seen, pages=inside.get("pages"), signatures=len(report.signatures))
    _tell_inside(desk, inside)
    for n, each in enumerate(report.signatures, start=1):
        desk.say("documents_seen", n=n, **_facts(desk, each))
    if report.signatures:
        desk.say("documents_not_judged")
    desk.give({**seen, **inside, "signatures": [_plain(each) for each in report.signatures]})


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(desk: Desk, file: Path) -> bytes:
    size = file.stat().st_size
    if size > LARGEST:
        desk.fail(UNREACHABLE, "documents_unreadable", path=file, code="document_too_large", detail=f"{size} bytes")
    return file.read_bytes()


def _form(content: bytes) -> Form:
    return "xml" if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "pdf"


def _unreadable(desk: Desk, file: Path, refused: Any) -> NoReturn:
    desk.fail(UNREACHABLE, "documents_unreadable", path=file, code=refused.code, detail=refused)


@dataclass(frozen=True, slots=True)
class _Here:
    """This machine, without a ledger."""

    ports: Ports


def _believed(desk: Desk, files: list[Path], *, offline: bool) -> tuple[Chains, EvidenceSource | None]:
    """Who judges certificates, and who asks authorities. Raises SettingsRefused."""
    from config.signing_trust import chains_of, evidence_of, files_trust, is_anybody_believed
    from config.wiring import real_ports

    if files:
        # Whom the settings let be asked is not known here: what a file names would be anybody.
        return files_trust(files).chains(), None
    told = desk.load().settings.signing
    if not is_anybody_believed(told):
        desk.fail(USAGE, "documents_no_trust")
    return chains_of(told), None if offline else evidence_of(_Here(real_ports()), told)


def _inside(content: bytes) -> dict[str, Any]:
    from signing.documents import look
    from signing.errors import DocumentRefused

    try:
        seen = look(content, most_bytes=LARGEST)
    except DocumentRefused as refused:
        return {"refused": refused.code, "detail": str(refused)}
    return {
        "pages": seen.pages,
        "empty_fields": list(seen.empty_fields),
        "text_fields": list(seen.text_fields),
        "certified": seen.certified,
    }


# -- telling -----------------------------------------------------------------------------------------------------------


def _tell(desk: Desk, file: Path, report: Report) -> None:
    desk.say("documents_verdict", path=file, verdict=_word(desk, report.verdict.value))
    for each in report.findings:
        desk.say("documents_finding", **_reason(desk, each))
    for n, signature in enumerate(report.signatures, start=1):
        facts = _facts(desk, signature)
        for line in ("documents_signature", "documents_issuer", "documents_times"):
            desk.say(line, n=n, **facts)
        for reason in signature.reasons:
            desk.say("documents_reason", **_reason(desk, reason))


def _tell_inside(desk: Desk, inside: dict[str, Any]) -> None:
    if "refused" in inside:
        desk.say("documents_not_signable", code=inside["refused"], detail=inside["detail"])
    elif inside:
        empty, text = ", ".join(inside["empty_fields"]) or None, ", ".join(inside["text_fields"]) or None
        desk.say("documents_form", empty=empty, text=text, certified=inside["certified"])


def _facts(desk: Desk, signature: SignatureReport) -> dict[str, object]:
    told = _plain(signature)
    return {
        **{name: value or None for name, value in told.items()},
        "kind": _word(desk, signature.kind),
        "verdict": _word(desk, signature.verdict.value),
        "roles": ", ".join(signature.roles) or None,
        "covers_whole": signature.covers_whole,
    }


def _plain(signature: SignatureReport) -> dict[str, Any]:
    """As it says of itself."""
    names = ("field", "kind", "subject", "serial", "issuer", "fingerprint", "level", "covers_whole", "changed_after")
    times = {
        name: at and at.isoformat() for name in ("signing_time", "stamped_at") for at in [getattr(signature, name)]
    }
    return {name: getattr(signature, name) for name in names} | times


def _reason(desk: Desk, reason: Reason) -> dict[str, object]:
    return {"words": _word(desk, reason.code.value), "code": reason.code.value, "about": reason.about}


def _word(desk: Desk, key: str) -> str:
    """The console's own words: the same sentence wherever a reason is read."""
    from adapters.doors.console.visit import Language
    from adapters.doors.console.words import load

    language: Language = "en" if desk.language == "en" else "vi"
    return load().text(language, f"verdicts.{key}")
