"""One file out of a form (`multipart/form-data`), read strictly: no nesting, few parts, and exactly one file.

For uploads by programs that send nothing else. What is unclear is refused: two readers that divide a body differently
would store one document and verify another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

MOST_PARTS: Final = 16
LONGEST_HEAD: Final = 4_096
_KIND: Final = re.compile(
    r"multipart/form-data\s*;\s*boundary=(?:\"([A-Za-z0-9'()+_,./:=? -]{1,70})\"|([A-Za-z0-9'()+_.-]{1,70}))\s*",
    re.IGNORECASE,
)
_DISPOSITION: Final = re.compile(r"content-disposition:\s*form-data\s*(;.*)", re.IGNORECASE)
_FILE: Final = re.compile(r";\s*filename=(?:\"((?:[^\"\\\r\n]|\\.)*)\"|([^;\s\"]+))", re.IGNORECASE)
_FILE_UTF8: Final = re.compile(r";\s*filename\*=utf-8''([A-Za-z0-9%._~!$&+-]*)", re.IGNORECASE)


class NotOneFile(Exception):
    """The body is no form with exactly one file in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a form."""

    name: str
    """As it was told, without any folder: only for showing it again."""
    content: bytes


def one_file(body: bytes, content_type: str) -> File:
    """The one file of this body. Raises NotOneFile."""
    told = _KIND.fullmatch(content_type.strip())
    if told is None:
        raise NotOneFile("no multipart/form-data with a boundary")
    files = [found for part in _parts(body, (told[1] or told[2]).encode()) if (found := _file(part)) is not None]
    if len(files) != 1:
        raise NotOneFile(f"{len(files)} files")
    return files[0]


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    first = b"--" + boundary + b"\r\n"
    if not body.startswith(first):
        raise NotOneFile("it does not begin with its boundary")
    # The line before each boundary belongs to it, the first one's to nothing.
    whole, found, rest = body[len(first) - 2 :].partition(b"\r\n--" + boundary + b"--")
    if not found or rest.strip(b"\r\n"):
        raise NotOneFile("it has no end, or goes on behind it")
    parts = whole.split(b"\r\n--" + boundary + b"\r\n", MOST_PARTS)
    if len(parts) > MOST_PARTS:
        raise NotOneFile(f"more than {MOST_PARTS} parts")
    return [parts[0].removeprefix(b"\r\n"), *parts[1:]]


def _file(part: bytes) -> File | None:
    head, found, content = part.partition(b"\r\n\r\n")
    if not found or len(head) > LONGEST_HEAD:
        raise NotOneFile("a part has no head, or too long a one")
    lines = head.decode("utf-8", "replace").split("\r\n")
    dispositions = [told[1] for line in lines if (told := _DISPOSITION.fullmatch(line)) is not None]
    encodings = [line for line in lines if line.lower().startswith("content-transfer-encoding:")]
    if len(dispositions) != 1 or any("binary" not in line.lower() and "8bit" not in line.lower() for line in encodings):
        raise NotOneFile("a part does not say once what it is, or is encoded")
    name = _name(dispositions[0])
    return None if name is None else File(name=name, content=content)


def _name(disposition: str) -> str | None:
    """The file's name without its folder; None for a part that is no file."""
    better, plain = _FILE_UTF8.search(disposition), _FILE.search(disposition)
    if better is None and plain is None:
        return None
    told = unquote(better[1]) if better is not None else re.sub(r"\\(.)", r"\1", plain[1] or plain[2] or "")  # type: ignore[index]
    return re.split(r"[/\\]", told)[-1][:255]
