"""keys list|generate|rotate|revoke: what this installation signs and opens with."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from config.commands.options import AsPerson, Config, Json, Lang, Reason
from config.desk import FINDING, USAGE, Desk, actor, quiet, shown

if TYPE_CHECKING:
    from cryptography import x509

    from config.settings import Settings

SIGNING: Final = "ledger.signing_key_file"
Setting = Annotated[str, typer.Argument(help="The key's setting, as `keys list` names it.", metavar="SETTING")]


def group() -> typer.Typer:
    """`lienthong keys …`."""
    keys = typer.Typer(help="The keys and secrets that the settings name.", no_args_is_help=True)
    keys.command("list")(list_)
    keys.command("generate")(generate)
    keys.command("rotate")(rotate)
    keys.command("revoke")(revoke)
    return keys


def list_(config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Every key and secret: where it is, until when it holds, whether it can be used. Never what it is."""
    from config.checks import keys_of
    from config.key_life import ends

    desk = Desk(config=config, as_json=as_json, lang=lang)
    settings = desk.load().settings
    until, now = ends(settings), datetime.now(UTC)
    rows = [row | _life(until.get(row["name"]), now) for row in keys_of(settings)]
    names = ("name", "file", "key_id", "ends_at", "days_left", "trouble")
    desk.table(names, [shown(row, *names) for row in rows], empty="keys_none")
    desk.give(rows)
    if any(row["trouble"] for row in rows):
        raise typer.Exit(FINDING)


def _life(end: datetime | None, now: datetime) -> dict[str, Any]:
    if end is None:
        return {"ends_at": None, "days_left": None}
    return {"ends_at": end.isoformat(), "days_left": (end - now) // timedelta(days=1)}


def generate(
    kind: Annotated[Literal["secret", "signing", "master", "identity"], typer.Argument(help="What for.")],
    file: Annotated[Path, typer.Argument(help="A new file; an existing one is never replaced.")],
    subject: Annotated[
        str, typer.Option("--subject", metavar="NAME", help="identity: whose, as CN=one-stop,O=…,C=VN.")
    ] = "",
    ecdsa: Annotated[bool, typer.Option("--ecdsa", help="identity: P-256 and not RSA.")] = False,
    self_signed: Annotated[
        int,
        typer.Option("--self-signed", metavar="DAYS", min=0, help="identity: a certificate and no request; to try."),
    ] = 0,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """A new key in a new file that only you may read; for an identity, a request for an authority beside it."""
    desk = Desk(as_json=as_json, lang=lang)
    name = _name(desk, subject) if kind == "identity" else None
    try:
        made = _make(kind, file) if name is None else _identity(file, name, ecdsa, self_signed)
    except FileExistsError:
        desk.fail(FINDING, "init_already_there", path=file)
    for path in made:
        desk.say("init_made", path=path)
    desk.give({"made": str(file), "files": [str(path) for path in made]})


def _make(kind: str, file: Path) -> list[Path]:
    from bus.ports import SystemRandomness
    from bus.seal import MasterKey
    from config.signing_key import generate, write_new

    if kind == "secret":
        write_new(file, secrets.token_urlsafe(32).encode() + b"\n")
    elif kind == "signing":
        generate(file)
    else:
        MasterKey.generate(SystemRandomness()).save(file)
    return [file]


def _identity(file: Path, name: x509.Name, ecdsa: bool, self_signed: int) -> list[Path]:
    from config.key_making import make_identity

    life = timedelta(days=self_signed) if self_signed else None
    return make_identity(file, name, is_ecdsa=ecdsa, self_signed_for=life)


def _name(desk: Desk, subject: str) -> x509.Name:
    from cryptography import x509

    try:
        name = x509.Name.from_rfc4514_string(subject)
    except ValueError:
        name = x509.Name([])
    if not list(name):
        desk.fail(USAGE, "keys_subject", subject=subject)
    return name


def rotate(
    setting: Setting,
    new: Annotated[
        Path | None, typer.Option("--new", metavar="FILE", help="The new key; an identity's with its certificate.")
    ] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Put a new key in a key's place. The old one is kept: its receipts verify for ever, its certificate to its end.

    Running processes take it up at their next start; until then they sign with the old one, which still verifies.
    """
    import structlog

    from config.key_making import rotate_identity, rotate_pair, rotate_signing
    from signing.errors import KeyTrouble

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    settings = desk.load().settings
    present = _file_of(desk, settings, setting)
    told: dict[str, Any] = {"setting": setting}
    try:
        if setting == SIGNING:
            key, kept = rotate_signing(present, new)
            told |= {"kept": str(kept), "key_id": key.key_id, "ends_at": None, "old_ends_at": None}
        else:
            from config.key_life import ends

            given, now = _given(desk, new), datetime.now(UTC)
            if setting.endswith("pkcs12_file"):
                raise ValueError("a container is replaced as a whole: put the new file in its place, with its password")
            beside = _certificate_beside(settings, setting)
            old = ends(settings).get(beside[0] if beside else setting)
            end, kept = rotate_pair(present, beside[1], given, now) if beside else rotate_identity(present, given, now)
            told |= {"kept": str(kept), "key_id": None, "ends_at": end.isoformat()}
            told["old_ends_at"] = old.isoformat() if old else None
    except (KeyTrouble, ValueError) as trouble:
        desk.fail(FINDING, "keys_not_rotated", detail=trouble)
    log.warning("key_rotated", setting=setting, actor=actor(as_person), key=told["key_id"])
    desk.say("keys_rotated", setting=setting, kept=told["kept"])
    if told["old_ends_at"]:
        desk.say("keys_overlap", old=told["old_ends_at"], new=told["ends_at"])
    desk.give(told)


def revoke(
    setting: Setting,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Take a key out of use at once, everywhere: a partner's is held, the receipts key signs no more."""
    import structlog

    from config.key_making import take_away

    log = structlog.get_logger("desk")
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        present = _file_of(desk, here.settings, setting)
        # The ledger first: it reaches every process, and keeps who did it and why.
        if not setting.startswith("partners."):
            here.repairs.note_key_revoked(setting, actor=actor(as_person), reason=reason)
        else:
            here.repairs.hold(setting.split(".")[1], actor=actor(as_person), reason=reason)
        gone = take_away(present, datetime.now(UTC))
    log.warning("key_revoked", setting=setting, actor=actor(as_person))
    desk.say("keys_revoked", setting=setting, path=gone)
    desk.give({"setting": setting, "file": str(gone)})


def _file_of(desk: Desk, settings: Settings, setting: str) -> Path:
    """The file of a key that we sign with."""
    from config.fitness import own_keys

    ours = {SIGNING: Path(settings.ledger.signing_key_file), **dict(own_keys(settings))}
    if setting not in ours:
        desk.fail(USAGE, "keys_not_ours", setting=setting, known=", ".join(sorted(ours)))
    return ours[setting]


def _certificate_beside(settings: Settings, setting: str) -> tuple[str, Path] | None:
    """Setting and file of the key's certificate, where that is another file than the key's."""
    from config.key_life import certificate_files

    table, _, member = setting.rpartition(".")
    name = f"{table}.{member.replace('key_file', 'certificate_file').replace('identity_file', 'certificate_file')}"
    found = {each.setting: each.path for each in certificate_files(settings)}
    is_one_file = found.get(name) == found.get(setting)
    return None if name not in found or is_one_file else (name, found[name])


def _given(desk: Desk, new: Path | None) -> Path:
    if new is None:
        desk.fail(USAGE, "keys_need_new")
    return new
