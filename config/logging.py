"""The structlog chain, and the catalogue of event names.

One line of JSON an event, on the error stream. What is not in `log_events.toml` is not printed: an unlisted event or
field is an error in tests, and in production only its name is seen. Libraries' own logging goes through the same chain,
and so does what nobody caught. Masking is part of the chain from its first line, so no setting can turn it off.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import tomllib
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from bus.privacy import HIDDEN, mask_identifier, mask_text

OWN_EVENTS: Final = frozenset({"library_logged", "uncaught_exception", "unlisted_event"})
"""Catalogue rows that this module itself makes."""

LONGEST_VALUE: Final = 500
"""Characters of one value: a log line is a fact, not a document."""
LONGEST_TRACEBACK: Final = 16_000
MOST_ITEMS: Final = 20
REPEATED: Final = frozenset({"caller", "cause", "code", "kind", "outcome", "partner", "route", "source", "worker"})
"""Fields that take few values: what each looks like masked is remembered, if it is short."""
SHORT: Final = 64
LARGEST_NUMBER: Final = 2**53
"""Readers of JSON lose digits beyond it."""

IDENTIFIERS: Final = frozenset({"dossier", "id", "traceparent", "reference"})
"""Names of ours or a caller's: of all that may be in them only what reads as a person's number is masked."""

SECRET_NAME: Final = re.compile(
    r"(?i)passw|secret|token|authori[sz]ation|cookie|private|session_id|credential|api_?key"
)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z_]{1,60}")
_EVENT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_QUOTED: Final = re.compile(r"""(?s)'([^'\n]{0,2000})'|"([^"\n]{0,2000})\"""")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.:/~<>%-]{0,64}")

Now = Callable[[], datetime]


class Unlisted(Exception):
    """A log call does not fit `config/log_events.toml`; add the row or the field, or mend the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the catalogue."""

    name: str
    level: str
    fields: frozenset[str]
    en: str
    vi: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every event that may be logged, and the fields that any of them may carry."""

    entries: Mapping[str, Entry]
    common: frozenset[str]


def load_catalogue() -> Catalogue:
    """Read the catalogue that is part of this package."""
    table = tomllib.loads(files("config").joinpath("log_events.toml").read_text(encoding="utf-8"))
    rows = table["events"].items()
    return Catalogue(
        entries={
            name: Entry(name=name, level=row["level"], fields=frozenset(row["fields"]), en=row["en"], vi=row["vi"])
            for name, row in rows
        },
        common=frozenset(table["common"]["fields"]),
    )


def local_now() -> datetime:
    """The time with this machine's offset."""
    return datetime.now(UTC).astimezone()


def configure(
    *,
    level: str = "info",
    stream: TextIO | None = None,
    strict: bool = False,
    hooks: bool = True,
    now: Now = local_now,
) -> None:
    """Send every log of this process through the one chain. Call it before anything else runs.

    `strict` raises `Unlisted` where a call does not fit the catalogue; `hooks` also takes what nobody caught, and
    warnings. Standard output stays free for a command's answer.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Chain(load_catalogue(), strict=strict, now=now),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines(stream or sys.stderr),
        # Caching would pin every module's logger to the stream of the first call; it saves two microseconds.
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(number)
    if hooks:
        _take_over_hooks()


class Chain:
    """The last step of the structlog chain: an event dictionary in, one masked line of JSON out."""

    def __init__(self, catalogue: Catalogue, *, strict: bool, now: Now) -> None:
        self._catalogue = catalogue
        self._strict = strict
        self._now = now
        self._encode = msgspec.json.Encoder().encode

    def __call__(self, logger: WrappedLogger, method: str, given: EventDict) -> str:
        name = given.pop("event")
        level = given.pop("level", method)
        trouble = _exception(given.pop("exc_info", None))
        line: dict[str, Any] = {"at": self._now().isoformat(timespec="milliseconds"), "level": level}
        line |= self._listed(name, given)
        if trouble is not None:
            line |= rendered_exception(trouble)
        return self._encode(line).decode()

    def _listed(self, name: object, given: MutableMapping[str, Any]) -> dict[str, Any]:
        """The event and its fields as far as the catalogue lists them."""
        entry = self._catalogue.entries.get(name) if isinstance(name, str) else None
        if entry is None:
            return self._unlisted(name)
        unlisted = given.keys() - entry.fields - self._catalogue.common
        if unlisted and self._strict:
            raise Unlisted(f"{name}: field {', '.join(sorted(unlisted))} is not in log_events.toml")
        line = {"event": entry.name} | {key: safe(key, given[key]) for key in given if key not in unlisted}
        return line | {"unlisted": sorted(unlisted)} if unlisted else line

    def _unlisted(self, name: object) -> dict[str, Any]:
        if self._strict:
            raise Unlisted(f"{name}: not in log_events.toml")
        is_name = isinstance(name, str) and _EVENT_NAME.fullmatch(name) is not None
        return {"event": "unlisted_event", "unlisted": name if is_name else HIDDEN}


def safe(name: str, value: object) -> Any:
    """A value as it may be printed under this name. Only plain values are; of anything else the type is."""
    if _is_secret(name):
        return HIDDEN
    if type(value) is str:  # nearly all are
        return _short_text(name, value) if len(value) <= SHORT and name in REPEATED else _safe_text(name, value)
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return safe(name, value.value)
        case str():
            return _safe_text(name, value)
        case int():
            return value if abs(value) < LARGEST_NUMBER else str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return round(value.total_seconds(), 6)
        case PurePath():
            return _safe_text(name, str(value))
        case list() | tuple() | set() | frozenset():
            return [safe(name, item) for item in list(value)[:MOST_ITEMS]]
        case _:
            return f"<{type(value).__name__}>"


def rendered_exception(trouble: BaseException) -> dict[str, str]:
    """Type and traceback with every value masked, and no locals."""
    kind = type(trouble)
    text = "".join(traceback.TracebackException.from_exception(trouble, capture_locals=False).format())
    return {"exception": f"{kind.__module__}.{kind.__qualname__}", "traceback": mask_words(text[-LONGEST_TRACEBACK:])}


def mask_words(text: str) -> str:
    """A message that is not ours: what it quotes is hidden unless it reads as an identifier, then as any text."""
    return mask_text(_QUOTED.sub(_mask_quoted, _printable(text)))


def _mask_quoted(found: re.Match[str]) -> str:
    # Validators quote the value that they refuse; a person's name has blanks or accents, a code or a path has none.
    quoted = found.group(1) if found.group(1) is not None else found.group(2)
    mark = found.group()[0]
    return found.group() if _IDENTIFIER.fullmatch(quoted) else f"{mark}{HIDDEN}{mark}"


@lru_cache(maxsize=1_024)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


@lru_cache(maxsize=1_024)
def _short_text(name: str, text: str) -> str:
    return _safe_text(name, text)


def _safe_text(name: str, text: str) -> str:
    if _PLAIN_WORD.fullmatch(text):
        return text
    text = _printable(text)
    if name == "message":
        text = mask_words(text)
    elif name in IDENTIFIERS:
        text = mask_identifier(text)
    else:
        text = mask_text(text)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _printable(text: str) -> str:
    """Half of a surrogate pair cannot be written as UTF-8; the line is worth more than that character."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _exception(given: object) -> BaseException | None:
    """The exception that a call's `exc_info` means: itself, the one in its triple, or the one being handled."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return next((part for part in given if isinstance(part, BaseException)), None)
    return sys.exception() if given else None


class _Lines:
    """Writes whole lines to a stream; both the factory and the logger of structlog, since there is but one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, *_: object) -> _Lines:
        return self

    def msg(self, line: str) -> None:
        # A full disk or a closed terminal must not stop a delivery: evidence is the ledger's, not the log's.
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            pass

    debug = info = warning = error = critical = exception = fatal = log = msg


class _FromLibraries(logging.Handler):
    """Hands what libraries log through `logging` to our chain."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger().bind()
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = "<a message whose arguments do not fit>"
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        log.log(level, "library_logged", logger=record.name, message=message, exc_info=record.exc_info)


def _take_over_libraries(level: int) -> None:
    """One handler at the root. Libraries speak from `warning` on, except where everything is asked for."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries())
    root.setLevel(logging.DEBUG if level <= logging.DEBUG else logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def _take_over_hooks() -> None:
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    logging.captureWarnings(True)


def _uncaught(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().critical("uncaught_exception", where="main", exc_info=(kind, value, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    value = args.exc_value if args.exc_value is not None else args.exc_type()
    where = args.thread.name if args.thread is not None else "thread"
    structlog.get_logger().critical("uncaught_exception", where=where, exc_info=value)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    structlog.get_logger().critical("uncaught_exception", where="finalizer", exc_info=args.exc_value)
