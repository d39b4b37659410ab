"""The console's own files: read once, named with their digest, and so kept by browsers for ever."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
"""What is served; licences and lists of digests lie beside it and are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file."""

    name: str
    body: bytes
    media_type: str
    integrity: str
    """As browsers check it: `sha384-…`."""
    version: str
    """Stands in the address: another content is another address."""


def load() -> dict[str, File]:
    """Every file that is served, by its name below `static/`."""
    return dict(_below(files("adapters.doors.console").joinpath("static"), ""))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, File]]:
    found: list[tuple[str, File]] = []
    for each in folder.iterdir():
        name, kind = prefix + each.name, each.name.rpartition(".")[2]
        if each.is_dir():
            found += _below(each, f"{name}/")
        elif kind in MEDIA_TYPES:
            found.append((name, _read(name, each.read_bytes(), MEDIA_TYPES[kind])))
    return found


def _read(name: str, body: bytes, media_type: str) -> File:
    digest = base64.b64encode(hashlib.sha384(body).digest()).decode()
    version = hashlib.sha256(body).hexdigest()[:16]
    return File(name=name, body=body, media_type=media_type, integrity=f"sha384-{digest}", version=version)
