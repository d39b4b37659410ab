"""What SmartCA refuses in a message, rule by rule. Written from the notes; knows nothing of our adapter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts.mock_log import Broken

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
STAMP: Final = re.compile(r"[0-9]{14}Z")
FILE_TYPES: Final = frozenset({"pdf", "xml", "json", "word", "office"})
MOST_FILES: Final = 10
LONGEST: Final = {"doc_id": 64, "transaction_desc": 200, "transaction_id": 64, "user_id": 64}
ASKED: Final = {"sp_id": True, "sp_password": True, "user_id": True, "transaction_id": True, "serial_number": False}
SIGN: Final = {**ASKED, "transaction_desc": False, "time_stamp": False}
FILE: Final = ("data_to_be_signed", "doc_id", "file_type", "sign_type")


def of_certificates(message: Mapping[str, Any]) -> Iterator[Broken]:
    """r10."""
    yield from _texts(message, ASKED, "r10")


def of_sign(message: Mapping[str, Any]) -> Iterator[Broken]:
    """r20 to r27."""
    files = message.get("sign_files")
    yield from _texts({name: value for name, value in message.items() if name != "sign_files"}, SIGN, "r20")
    stamp = message.get("time_stamp")
    if isinstance(stamp, str) and not STAMP.fullmatch(stamp):
        yield _wrong("r20", "time_stamp", "yyyyMMddHHmmssZ")
    if not isinstance(files, list) or not files:
        yield _wrong("r20", "sign_files", "a list with documents")
        return
    if len(files) > MOST_FILES:
        yield _wrong("r25", "sign_files", f"at most {MOST_FILES}")
    for n, each in enumerate(files):
        yield from _file(each, n)
    names = [each.get("doc_id") for each in files if isinstance(each, dict)]
    if len(set(map(str, names))) != len(files):
        yield _wrong("r21", "sign_files[].doc_id", "each once")


def _file(each: object, n: int) -> Iterator[Broken]:
    where = f"sign_files[{n}]"
    if not isinstance(each, dict) or set(each) != set(FILE) or not all(isinstance(v, str) for v in each.values()):
        yield _wrong("r21", where, "the four members, each a text")
        return
    if not DIGEST.fullmatch(each["data_to_be_signed"]):
        yield _wrong("r21", f"{where}.data_to_be_signed", "SHA-256 in lower-case hex")
    if not 1 <= len(each["doc_id"]) <= LONGEST["doc_id"]:
        yield _wrong("r27", f"{where}.doc_id", "1 to 64 characters")
    if each["file_type"] not in FILE_TYPES:
        yield _wrong("r21", f"{where}.file_type", ", ".join(sorted(FILE_TYPES)))
    if each["sign_type"] != "hash":
        yield _wrong("r21", f"{where}.sign_type", "hash")


def _texts(message: Mapping[str, Any], known: Mapping[str, bool], rule: str) -> Iterator[Broken]:
    for name in sorted(set(message) - set(known)):
        yield _wrong(rule, name, "no such member")
    for name, is_needed in known.items():
        value = message.get(name)
        if value is None and not is_needed and name not in message:
            continue
        if not isinstance(value, str) or not 1 <= len(value) <= LONGEST.get(name, 1000):
            yield _wrong(rule, name, "a text")


def _wrong(rule: str, field: str, expected: str) -> Broken:
    # What was found may name a person or be a password: the rule and the field are enough.
    return Broken(rule=rule, field=field, expected=expected)
