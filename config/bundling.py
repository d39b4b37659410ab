"""Writing a dossier's evidence as one file, whole or not at all, for its owner's eyes only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from config.signing_key import InstallationKey, retired_keys

if TYPE_CHECKING:
    from bus.bundle import Bundle, Member
    from config.wiring import Installation

WHAT: Final = "lienthong bundle 1"
TRIES: Final = 5
"""A worker may move the dossier between a checkpoint and the look that follows it; it does not do so for ever."""


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file of mode 0600 that appears under its name when it is whole."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # of a command that was killed
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_bundle(here: Installation, dossier: str, out: Path, *, is_masked: bool) -> list[str]:
    """The bundle under a checkpoint made now; the names of its members. Raises NotFound, NotAllowedNow, OSError."""
    from bus import upkeep
    from bus.errors import NotAllowedNow

    key = InstallationKey.from_file(here.settings.ledger.signing_key_file)
    keys = {each.key_id: each for each in (key, *retired_keys(here.settings.ledger))}
    left = TRIES
    while True:
        upkeep.checkpoint(here.ledger, key.sign, key.key_id)
        left -= 1
        try:
            return _write(here, dossier, out, keys, key, is_masked)
        except NotAllowedNow:
            if not left:
                raise


def _write(
    here: Installation,
    dossier: str,
    out: Path,
    keys: Mapping[str, InstallationKey],
    key: InstallationKey,
    is_masked: bool,
) -> list[str]:
    from bus.bundle import Bundle

    facts = {"dossier": dossier, "key": key.key_id, "made_at": here.ports.clock.now().isoformat(timespec="seconds")}
    with here.ledger.engine.snapshot() as tx:
        bundle = Bundle(tx, here.ledger.bodies, dossier, signers=frozenset(keys), is_masked=is_masked)
        with new_file(out) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
            digests = {
                name: _add(archive, name, chunks) for name, chunks in _members(bundle, facts, keys, key, is_masked)
            }
            said = facts | {"what": WHAT, "is_masked": is_masked, "members": digests}
            manifest = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1).encode()
            _add(archive, "manifest.json", [manifest])
            _add(archive, "manifest.sig", [key.sign(manifest)])
    return [*digests]


def _members(
    bundle: Bundle,
    facts: Mapping[str, str],
    keys: Mapping[str, InstallationKey],
    key: InstallationKey,
    is_masked: bool,
) -> Iterator[Member]:
    yield "README.txt", [readme(facts, is_masked=is_masked).encode()]
    for name in sorted(bundle.signers | {key.key_id}):
        yield f"keys/{name}.pem", [keys[name].public_pem().encode()]
    yield from bundle.members()


def readme(facts: Mapping[str, str], *, is_masked: bool) -> str:
    """What the third party reads first, in Vietnamese and English."""
    text = files("config").joinpath("bundle_readme.txt").read_text(encoding="utf-8")
    masked = {"masked_vi": "Bản này không kèm nội dung.", "masked_en": "In this copy the bytes are left out."}
    whole = {
        "masked_vi": "Có dữ liệu cá nhân: chỉ giao cho người được quyền xem.",
        "masked_en": "It holds personal data: give it only to who may see it.",
    }
    return text.format_map({**facts, **(masked if is_masked else whole)})


def _add(archive: ZipFile, name: str, chunks: Iterable[bytes]) -> str:
    """Write a member chunk by chunk; its digest."""
    digest = hashlib.sha256()
    entry = ZipInfo(name)
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o600 << 16
    with archive.open(entry, "w") as member:
        for chunk in chunks:
            digest.update(chunk)
            member.write(chunk)
    return digest.hexdigest()
