"""Opens a settlement file, bare or in its JSON envelope (`TenFile`, `NgayDoiSoat`, `NoiDung` in Base64).

The content is decoded piece by piece into a temporary file: an envelope of a million rows is a hundred megabytes of
one string, which no JSON reader takes without holding all of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

CHUNK: Final = 1 << 20
LARGEST_HEAD: Final = 65_536
"""Bytes before and after the content: the envelope's other members."""
CONTENT: Final = re.compile(rb'"NoiDung"\s*:\s*"')
KINDS: Final = {"1": "DS", "2": "KQ"}
"""What kind of file each kind of request asks for; a guess (contracts/payment_platform/NOTES.md)."""


class EnvelopeRefused(Exception):
    """The file begins like an envelope and is none that can be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that can be read, with what is said around it."""

    path: Path
    name: str
    digest: bytes
    day: str = ""
    """What the envelope says; empty where there is none."""
    content: tuple[int, int] | None = None
    """Where in the file its Base64 stands: from, to."""
    findings: tuple[tuple[str, str, str], ...] = ()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its content, from the beginning."""
        if self.content is None:
            with self.path.open("rb") as source:
                yield source
            return
        with tempfile.TemporaryFile() as made:
            with self.path.open("rb") as source:
                decode(source, *self.content, made)
            made.seek(0)
            yield made


def opened(path: Path) -> Opened:
    """Look at a file. Raises OSError, EnvelopeRefused."""
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").digest()
        source.seek(0)
        is_wrapped = source.read(64).lstrip().startswith(b"{")
        if not is_wrapped:
            return Opened(path=path, name=path.name, digest=digest)
        return _wrapped(path, source, digest)


def _wrapped(path: Path, source: BinaryIO, digest: bytes) -> Opened:
    source.seek(0)
    head = source.read(LARGEST_HEAD)
    found = CONTENT.search(head)
    if found is None:
        raise EnvelopeRefused("no member NoiDung")
    end = _end_of_text(source, found.end())
    source.seek(end)
    tail = source.read(LARGEST_HEAD + 1)
    said = _members(head[: found.end()] + tail)
    name = said.get("TenFile", "")
    findings = [] if name else [("missing", "TenFile", "")]
    kind = KINDS.get(said.get("LoaiYeuCau", ""), "")
    if kind and said.get("LoaiFile") not in (None, "", kind):
        findings.append(("other_kind", "LoaiFile", said["LoaiFile"]))
    return Opened(
        path=path,
        name=name or path.name,
        digest=digest,
        day=said.get("NgayDoiSoat", ""),
        content=(found.end(), end),
        findings=tuple(findings),
    )


def _end_of_text(source: BinaryIO, start: int) -> int:
    source.seek(start)
    at = start
    while chunk := source.read(CHUNK):
        found = chunk.find(b'"')
        if found >= 0:
            return at + found
        at += len(chunk)
    raise EnvelopeRefused("NoiDung does not end")


def _members(text: bytes) -> dict[str, str]:
    try:
        said: Any = json.loads(text)
    except ValueError as trouble:
        raise EnvelopeRefused(f"no JSON around NoiDung: {trouble}") from None
    if not isinstance(said, dict):
        raise EnvelopeRefused("no JSON object")
    return {name: str(value) for name, value in said.items() if isinstance(value, str | int)}


def decode(source: BinaryIO, start: int, end: int, to: BinaryIO) -> None:
    """Base64 piece by piece, four letters at a time. Raises EnvelopeRefused."""
    source.seek(start)
    left, kept = end - start, b""
    while left > 0:
        chunk = source.read(min(CHUNK, left))
        left -= len(chunk)
        letters = (kept + chunk).replace(b"\\/", b"/")  # JSON may write a stroke so, also across two chunks
        size = len(letters) - letters.endswith(b"\\")
        whole = len(letters) if left == 0 else size - size % 4
        kept = letters[whole:]
        try:
            to.write(base64.b64decode(letters[:whole], validate=True))
        except (binascii.Error, ValueError):
            raise EnvelopeRefused("NoiDung is no Base64") from None


def text_of(opened: Opened, most: int = 4_096) -> bytes:
    """The content's beginning: its head tells the day."""
    with opened.open() as source:
        return source.read(most)
