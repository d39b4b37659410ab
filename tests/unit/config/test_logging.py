"""A log line holds what the catalogue lists, and nothing personal, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from config import logging as ours
from config.logging import Unlisted, configure, load_catalogue, mask_words, rendered_exception, safe

NOON = datetime(2026, 7, 3, 12, tzinfo=timezone(timedelta(hours=7)))


@pytest.fixture(autouse=True)
def as_before():
    """Logging is the process's own: put everything back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    level, handlers = root.level, list(root.handlers)
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


class Page(io.StringIO):
    """A stream whose lines can be read back."""

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def page() -> Page:
    stream = Page()
    configure(stream=stream, hooks=False, now=lambda: NOON)
    return stream


@pytest.fixture
def log():
    return structlog.get_logger()


def test_line_is_json_with_time_level_and_event(page: Page, log):
    """Time with its offset, the level, the name, then the facts."""
    log.info("event_recorded", source="one-stop/h99", id="a:1", dossier="H99.14-240315-0001", kind="dossier.recorded")

    assert [
        {
            "at": "2026-07-03T12:00:00.000+07:00",
            "level": "info",
            "event": "event_recorded",
            "source": "one-stop/h99",
            "id": "a:1",
            "dossier": "H99.14-240315-0001",
            "kind": "dossier.recorded",
        }
    ] == page.lines


@pytest.mark.parametrize(
    "event", ["event_recorded", "event_repeated", "event_contradicted", "event_of_foreign_dossier"]
)
def test_identifiers_that_are_a_persons_number(page: Page, log, event: str):
    """An event or dossier that is named after somebody's telephone is masked in whatever line tells of it."""
    log.warning(event, source="one-stop/h99", id="0900000001", dossier="H99-0900000001", kind="dossier.recorded")

    assert [("090***01", "H99-090***01")] == [(line["id"], line["dossier"]) for line in page.lines]


def test_time_has_this_machines_offset():
    """The clock that is used outside tests is aware of its zone."""
    assert ours.local_now().utcoffset() is not None


def test_bound_facts_are_in_every_line(page: Page, log):
    """What is bound once for a delivery stands in each of its lines."""
    structlog.contextvars.bind_contextvars(delivery=7, partner="national_portal")

    log.warning("lease_lost", delivery=3)

    assert {"delivery": 3, "partner": "national_portal"}.items() <= page.lines[0].items()


def test_unlisted_event_is_dropped(page: Page, log):
    """In production only the name of an unlisted event is seen, and only if it reads as a name."""
    log.info("dossier_lost", applicant="Nguyễn Thị Ví Dụ")
    log.info("applicant 099000000001 was here")

    assert ["dossier_lost", "***"] == [line["unlisted"] for line in page.lines]
    assert ["unlisted_event", "unlisted_event"] == [line["event"] for line in page.lines]
    assert "Nguyễn" not in page.getvalue()


def test_unlisted_field_is_dropped(page: Page, log):
    """Of an unlisted field only the name is seen."""
    log.info("lease_lost", partner="p", delivery=3, applicant="Nguyễn Thị Ví Dụ")

    assert ["applicant"] == page.lines[0]["unlisted"]
    assert 3 == page.lines[0]["delivery"]
    assert "Nguyễn" not in page.getvalue()


@pytest.mark.parametrize(("event", "facts"), [("dossier_lost", {}), ("circuit_opened", {"applicant": "x"})])
def test_strict_log_raises(event: str, facts: dict):
    """In tests a call that does not fit the catalogue fails."""
    configure(stream=Page(), strict=True, hooks=False)

    with pytest.raises(Unlisted, match=event):
        structlog.get_logger().info(event, **facts)


def test_level_is_a_threshold(log):
    """What is below it costs nothing and prints nothing."""
    stream = Page()
    configure(level="warning", stream=stream, hooks=False)

    log.info("session_opened", partner="p")
    log.warning("partner_held", partner="p", actor="a")

    assert ["partner_held"] == [line["event"] for line in stream.lines]


class Colour(StrEnum):
    RED = "red"


class Letter:
    def __repr__(self) -> str:
        return "Nguyễn Thị Ví Dụ"


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("cause", "cccd 099000000001", "cccd 0990***001"),
        ("cause", "gọi 0900 000 001", "gọi 090***01"),
        ("state", Colour.RED, "red"),
        ("count", 5, 5),
        ("count", 2**53, "9007199254740992"),
        ("is_ready", True, True),
        ("waiting_s", 1.5, 1.5),
        ("cause", None, None),
        ("took", timedelta(milliseconds=1500), 1.5),
        ("last_at", datetime(2026, 7, 3, tzinfo=UTC), "2026-07-03T00:00:00+00:00"),
        ("file", Path("a/099000000001.pdf"), "a/0990***001.pdf"),
        ("partners", ("a", "vi.du@example.invalid"), ["a", "v***@example.invalid"]),
        ("partners", list(range(50)), list(range(20))),
        ("event", Letter(), "<Letter>"),
        ("data", {"name": "Nguyễn"}, "<dict>"),
        ("data", b"secret", "<bytes>"),
        ("cause", "x " * 400, "x " * 250 + "…"),
        ("cause", "half \ud800 a pair", "half ? a pair"),
        ("dossier", "260703000123", "260703000123"),
        ("password", "hunter2", "***"),
        ("access_token", "hunter2", "***"),
        ("Authorization", "hunter2", "***"),
        ("client_secret_file", 5, "***"),
        ("message", "field 'họ tên Ví Dụ' is bad", "field '***' is bad"),
    ],
)
def test_values_are_made_safe(name: str, value: object, printed: object):
    """Plain values only, masked and bounded; secrets never; objects by their type."""
    assert printed == safe(name, value)


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("'Nguyễn Thị Ví Dụ' is too long", "'***' is too long"),
        ('input_value="Vi Du", input_type=str', 'input_value="***", input_type=str'),
        ("'national_portal' has no row 'G17-1'", "'national_portal' has no row 'G17-1'"),
        ("KeyError: '099000000001'", "KeyError: '0990***001'"),
        ("it's a day", "it's a day"),
    ],
)
def test_foreign_words_hide_what_they_quote(message: str, masked: str):
    """Validators quote the values they refuse: names of things stay, everything else goes."""
    assert masked == mask_words(message)


def fail(name: str) -> None:
    local_secret = "hunter2"
    raise ValueError(f"cannot take {name!r} for {len(local_secret)}")


def caught(name: str) -> ValueError:
    with pytest.raises(ValueError, match="cannot") as failure:
        fail(name)
    return failure.value


def test_exception_is_rendered_without_its_values():
    """The traceback names files, lines and functions; its message is masked, and there are no locals."""
    rendered = rendered_exception(caught("Nguyễn Thị Ví Dụ"))

    assert "builtins.ValueError" == rendered["exception"]
    assert "in fail" in rendered["traceback"]
    assert "cannot take '***' for 7" in rendered["traceback"]
    assert "hunter2" not in rendered["traceback"].replace('local_secret = "hunter2"', "")


def test_causes_are_masked_too():
    """An exception that was raised from another tells both, masked."""
    try:
        raise RuntimeError("phone 0900000001") from caught("Trần Mẫu")
    except RuntimeError as trouble:
        text = rendered_exception(trouble)["traceback"]

    assert "phone 090***01" in text
    assert "Trần" not in text


def test_exc_info_in_every_spelling(page: Page, log):
    """True, the exception, a triple, nothing: all that structlog and logging allow."""
    trouble = caught("x")
    try:
        raise trouble
    except ValueError:
        log.error("delivery_failed_here", exc_info=True)
        log.exception("delivery_failed_here")
    log.error("delivery_failed_here", exc_info=trouble)
    log.error("delivery_failed_here", exc_info=(ValueError, trouble, None))
    log.error("delivery_failed_here", exc_info=(None, None, None))
    log.error("delivery_failed_here", exc_info=True)
    log.error("delivery_failed_here", exc_info=False)

    assert [True, True, True, True, False, False, False] == ["exception" in line for line in page.lines]
    assert {"error"} == {line["level"] for line in page.lines}


def test_libraries_log_through_the_same_chain(page: Page):
    """What uvicorn and others say becomes one masked line with the library's name."""
    logging.getLogger("uvicorn.error").warning("bad request for %s", "/x?phone=0900000001")
    logging.getLogger("zeep").info("not wanted")

    assert [("library_logged", "warning", "uvicorn.error", "bad request for /x?phone=090***01")] == [
        (line["event"], line["level"], line["logger"], line["message"]) for line in page.lines
    ]


def test_librarys_exception_is_masked(page: Page):
    """A traceback that a library logs is rendered like our own."""
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=caught("Trần Mẫu"))

    assert "builtins.ValueError" == page.lines[0]["exception"]
    assert "Trần" not in page.getvalue()


def test_librarys_broken_message_is_still_a_line(page: Page):
    """Arguments that do not fit their message do not raise, and are not printed."""
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "%d of %s", ("0900000001",), None)

    ours._FromLibraries().emit(record)

    assert "<a message whose arguments do not fit>" == page.lines[0]["message"]


@pytest.mark.parametrize(("number", "level"), [(100, "critical"), (35, "warning"), (41, "error")])
def test_librarys_own_levels_are_rounded(page: Page, number: int, level: str):
    """A level between two of ours is printed as the lower one."""
    logging.getLogger("x").log(number, "hello")

    assert level == page.lines[0]["level"]


def test_libraries_are_silent_unless_everything_is_wanted(page: Page):
    """With `debug` even a library's small talk is printed; configuring twice does not print it twice."""
    stream = Page()
    configure(level="debug", stream=stream, hooks=False)

    logging.getLogger("x").debug("small talk")

    assert 1 == len(stream.lines)
    assert [] == page.lines


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_full_disk_does_not_stop_the_caller(log):
    """A log that cannot be written is no reason not to deliver."""
    configure(stream=Broken(), hooks=False)
    log.info("session_opened", partner="p")
    closed = Page()
    configure(stream=closed, hooks=False)
    closed.close()

    log.info("session_opened", partner="p")


def test_error_stream_is_the_default(capsys: pytest.CaptureFixture[str]):
    """Standard output is for a command's answer alone."""
    configure(hooks=False)

    structlog.get_logger().info("session_opened", partner="p")

    out, err = capsys.readouterr()
    assert "" == out
    assert "session_opened" in err


def test_what_nobody_caught_is_masked():
    """The interpreter's own hooks print through the chain; an interrupt from the keyboard is no failure."""
    stream, trouble = Page(), caught("Trần Mẫu")
    configure(stream=stream)

    sys.excepthook(ValueError, trouble, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    threading.excepthook(SimpleNamespace(exc_type=ValueError, exc_value=trouble, exc_traceback=None, thread=None))
    named = SimpleNamespace(name="sender-1")
    threading.excepthook(SimpleNamespace(exc_type=ValueError, exc_value=None, exc_traceback=None, thread=named))
    sys.unraisablehook(SimpleNamespace(exc_value=trouble))

    assert ["main", "thread", "sender-1", "finalizer"] == [line["where"] for line in stream.lines]
    assert {"uncaught_exception"} == {line["event"] for line in stream.lines}
    assert "Trần" not in stream.getvalue()


def test_warnings_go_through_the_chain():
    """A warning's text may quote a value."""
    stream = Page()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure(stream=stream)
        warnings.warn("odd value 0900000001", UserWarning, stacklevel=1)
        logging.captureWarnings(False)

    assert "odd value 090***01" in stream.lines[0]["message"]


def test_threads_write_whole_lines(page: Page, log):
    """Many threads, one stream: every line is one JSON object."""
    threads = [
        threading.Thread(target=lambda: [log.info("circuit_probed", partner="p") for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 400 == len(page.lines)


def test_catalogue_loads():
    """Every row has a level and words in both languages."""
    catalogue = load_catalogue()

    assert {"debug", "info", "warning", "error", "critical"} >= {entry.level for entry in catalogue.entries.values()}
    assert all(entry.en and entry.vi for entry in catalogue.entries.values())
    assert catalogue.entries.keys() >= ours.OWN_EVENTS
