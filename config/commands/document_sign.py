"""documents sign: a PDF or XML signed with a key of this installation, such as the agency's seal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, UNREACHABLE, USAGE, Desk, quiet

if TYPE_CHECKING:
    from config.document_signing import Wanted
    from signing.appearance import Appearance, Box
    from signing.keys import X509Identity

MOST_BYTES = 50_000_000
Shown = Literal["official", "agency", "copy"]


def sign(
    file: Annotated[Path, typer.Argument(help="The PDF, or XML.", metavar="FILE")],
    out: Annotated[Path, typer.Option("--out", help="A new file; an existing one is never replaced.", metavar="FILE")],
    p12: Annotated[Path | None, typer.Option("--p12", help="Key, certificate and chain, PKCS#12.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The key, PEM; or its name, with --module.")] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="Its certificate and the chain after it, PEM.")
    ] = None,
    module: Annotated[str, typer.Option("--module", help="The library of the token that holds the key.")] = "",
    token: Annotated[str, typer.Option("--token", help="The token's label, with --module.")] = "",
    secret: Annotated[
        Path | None, typer.Option("--password-file", help="The password of --p12 or --key, or the token's PIN.")
    ] = None,
    level: Annotated[
        Literal["B-B", "B-T", "B-LT", "B-LTA"],
        typer.Option("--level", help="From B-T on, the settings' time-stamp authorities are asked."),
    ] = "B-B",
    field: Annotated[str, typer.Option("--field", help="The signature's name in the document.")] = "KySo",
    visible: Annotated[Shown | None, typer.Option("--visible", help="What it shows, and where it stands.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="PNG without background, with --visible.")] = None,
    line: Annotated[list[str] | None, typer.Option("--line", help="Words in place of a picture; repeatable.")] = None,
    page: Annotated[int, typer.Option("--page", help="From 1; -1 is the last.", min=-1, max=9999)] = -1,
    box: Annotated[str, typer.Option("--box", metavar="X1,Y1,X2,Y2", help="In points from the lower left.")] = "",
    reason: Annotated[str | None, typer.Option("--reason", help="Why; stands in the document.")] = None,
    location: Annotated[str | None, typer.Option("--location", help="Where; stands in the document.")] = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Sign a PDF or XML with a key of this installation: PEM, PKCS#12, or one in a token. A signature beside others."""
    from adapters.channels.timestamps import NoStamp
    from config.document_signing import Wanted, signed, signed_to_last
    from signing.errors import DocumentRefused, SigningError

    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    pdf = _read(desk, file, out)
    try:
        identity = _identity(desk, p12, key, certificate, module, token, secret)
        now = datetime.now(UTC)
        appearance = _appearance(desk, visible, picture, line or [], page, box, identity.subject, now)
        wanted = Wanted(field=field, at=now, level=level, appearance=appearance, reason=reason, location=location)
        if level == "B-B":
            made = signed(pdf, identity, wanted)
        else:
            with desk.installation() as here:
                made = signed_to_last(pdf, identity, wanted, here)
    except NoStamp as trouble:
        desk.fail(UNREACHABLE, "documents_no_stamp", detail=trouble)
    except DocumentRefused as refused:
        desk.fail(FINDING, "documents_refused", code=refused.code, detail=refused)
    except SigningError as trouble:
        desk.fail(FINDING, "documents_not_signed", detail=trouble)
    with out.open("xb") as written:
        written.write(made)
    _tell(desk, out, identity, wanted, len(made))


def _tell(desk: Desk, out: Path, identity: X509Identity, wanted: Wanted, size: int) -> None:
    desk.say("documents_signed", path=out, subject=identity.subject, level=wanted.level)
    desk.give(
        {"file": str(out), "subject": identity.subject, "level": wanted.level, "field": wanted.field, "size": size}
    )


def _read(desk: Desk, file: Path, out: Path) -> bytes:
    """The document; too large ones are not read at all."""
    if out.exists():
        desk.fail(FINDING, "init_already_there", path=out)
    size = file.stat().st_size
    if size > MOST_BYTES:
        desk.fail(FINDING, "documents_refused", code="document_too_large", detail=f"{size} bytes")
    return file.read_bytes()


def _identity(
    desk: Desk,
    p12: Path | None,
    key: Path | None,
    certificate: Path | None,
    module: str,
    token: str,
    secret: Path | None,
) -> X509Identity:
    """Whose key it is. Raises KeyTrouble."""
    from signing.keys import from_pem, from_pkcs12, read_private

    password = read_private(secret).strip() if secret is not None else None
    if p12 is not None and key is None:
        return from_pkcs12(p12, name=p12.name, password=password)
    if p12 is not None or key is None or certificate is None:
        desk.fail(USAGE, "documents_which_key")
    if not module:
        return from_pem(key, certificate, name=key.name, password=password)
    from signing.pkcs11 import from_token

    pin = (password or b"").decode()
    label = str(key)
    return from_token(module=module, token=token, key=label, pin=pin, certificate_file=certificate, name=label)


def _appearance(
    desk: Desk,
    visible: Shown | None,
    picture: Path | None,
    lines: list[str],
    page: int,
    box: str,
    subject: str,
    now: datetime,
) -> Appearance | None:
    from signing.appearance import Appearance, copy_lines, signed_lines

    if visible is None:
        return None
    image = picture.read_bytes() if picture is not None and visible != "copy" else None
    if not lines and image is None:
        whose = _common_name(subject)
        lines = list(copy_lines("SAO Y", whose, now) if visible == "copy" else signed_lines(whose, None, now))
    return Appearance(kind=visible, page=page, box=_box(desk, box), image=image, lines=tuple(lines))


def _common_name(subject: str) -> str:
    from cryptography import x509

    names = x509.Name.from_rfc4514_string(subject).get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else subject


def _box(desk: Desk, box: str) -> Box | None:
    if not box:
        return None
    try:
        x1, y1, x2, y2 = (float(each) for each in box.split(","))
    except ValueError:
        desk.fail(USAGE, "documents_box", box=box)
    return x1, y1, x2, y2
