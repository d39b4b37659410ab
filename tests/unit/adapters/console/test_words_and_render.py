"""Words and templates: a missing word is an error here, and nothing reaches a page unescaped."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jinja2 import DictLoader, UndefinedError
from structlog.testing import capture_logs

from adapters.doors.console import static, words
from adapters.doors.console.frame import ConsoleFacts
from adapters.doors.console.render import Renderer, when_text
from adapters.doors.console.words import WordMissing, Words, WordsRefused, read
from bus.messages import State
from tests.builders import NOON
from tests.visits import visit

AT = datetime(2026, 11, 22, 10, 5, 12, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>\u202e"


def renderer(**templates: str) -> Renderer:
    made = Renderer(words.load(strict=True), ConsoleFacts(), static.load())
    made._environment.loader = DictLoader(templates)
    return made


def page(source: str, view: object = None, **more: object) -> str:
    return renderer(t=source).page("t", view, visit(**more))


# -- words -------------------------------------------------------------------------------------------------------------


def test_words_with_their_facts() -> None:
    """A sentence has its facts in place, in the visitor's language."""
    made = Words({"vi": {"a.n": "{n} hồ sơ"}, "en": {"a.n": "{n} dossiers"}}, strict=True)

    assert ("3 hồ sơ", "3 dossiers") == (made.say("vi", "a.n", n=3), made.say("en", "a.n", n=3))
    assert made.has("a.n")
    assert {"a.n"} == made.keys("vi")
    assert "{n} hồ sơ" == made.text("vi", "a.n")


def test_missing_word() -> None:
    """In tests a missing word is an error; on an operator's page it is its key, and a line of the log."""
    tables = {"vi": {}, "en": {}}
    with pytest.raises(WordMissing):
        Words(tables, strict=True).say("vi", "a.b")
    with capture_logs() as lines:
        said = Words(tables).say("vi", "a.b")

    assert "a.b" == said
    assert ["a.b"] == [line["key"] for line in lines]


def test_words_that_are_not_composed() -> None:
    """A catalogue whose letters are in parts is refused: a search would not find what it reads."""
    with pytest.raises(WordsRefused, match="NFC"):
        read("a", 'b = "' + unicodedata.normalize("NFD", "ế") + '"')
    with pytest.raises(WordsRefused, match="text"):
        read("a", "b = 1")


def test_tables_within_a_catalogue() -> None:
    """A table's name stands between the file's and the key's."""
    assert {"a.b": "1", "a.c.d": "2"} == read("a", 'b = "1"\n[c]\nd = "2"')


# -- templates ---------------------------------------------------------------------------------------------------------


def test_everything_is_escaped() -> None:
    """Text from outside is text, as a value, as a fact of a sentence, and in an attribute; hidden marks are shown."""
    shown = page('{{ view }}{{ t("common.copy_what", what=view) }}<a title="{{ view }}">{{ view | seen }}', EVIL)

    assert "<img" not in shown
    assert "⟨U+202E⟩" in shown


def test_unknown_name_in_a_template() -> None:
    """A name that nobody gave is an error, not an empty place."""
    with pytest.raises(UndefinedError):
        page("{{ nothing }}")


@pytest.mark.parametrize(
    ("language", "text"),
    [("vi", "22/11/2026 17:05:12 +07:00"), ("en", "22 Nov 2026 17:05:12 +07:00")],
)
def test_times_show_their_zone(language: str, text: str) -> None:
    """A time is Vietnam's, to the second, with its offset; machines read the very instant."""
    assert text == when_text(AT, language)
    shown = page("{{ view | when }}", AT.isoformat(), language=language)
    assert f'<time datetime="2026-11-22T10:05:12+00:00">{text}</time>' == shown
    assert text.rsplit(" ", 2)[0] in page("{{ view | day }}", AT, language=language)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=0.4), "chưa đến 1 giây"),
        (timedelta(seconds=59), "59 giây"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 giờ 5 phút"),
        (timedelta(days=3, minutes=1), "3 ngày"),
        (timedelta(days=1, hours=1), "1 ngày 1 giờ"),
    ],
)
def test_lengths_of_time(span: timedelta, text: str) -> None:
    """A length of time is told in its two largest parts; before and after now are told apart."""
    assert text == page("{{ view | span }}", span)
    assert f">{text} trước<" in page("{{ view | ago }}", NOON - span)
    assert f">{text} nữa<" in page("{{ view | ago }}", NOON + span) or span < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("value", "vi", "en"), [(1234567, "1.234.567", "1,234,567"), (1234.5, "1.234,5", "1,234.5"), (None, "–", "–")]
)
def test_numbers(value: float | None, vi: str, en: str) -> None:
    """Large numbers are grouped as each language does it."""
    assert (vi, en) == (page("{{ view | number }}", value), page("{{ view | number }}", value, language="en"))


@pytest.mark.parametrize("state", State)
def test_state_is_a_mark_and_a_word(state: State) -> None:
    """No state is a colour alone: each has a mark of its own in the stylesheet, and a word."""
    shown = page("{{ view | state }}", state)
    css = Path(str(static.__file__)).parent.joinpath("static", "console.css").read_text()

    assert f'class="state s-{state.value}"' in shown
    assert f".s-{state.value} .mark::before" in css
    assert state.value not in shown.replace(f"s-{state.value}", "")


def test_state_that_nobody_knows() -> None:
    """A state of a later version, or no state at all, is shown as text."""
    assert "s-unknown" in page("{{ view | state }}", EVIL)
    assert "<img" not in page("{{ view | state }}", EVIL)
    assert "–" == page("{{ view | cause }}", None)
    assert "made_up" == page("{{ view | cause }}", "made_up")


@pytest.mark.parametrize("filter_", ["when", "day", "ago", "span"])
def test_nothing_is_a_dash(filter_: str) -> None:
    """Where there is no time there is a dash, not an error and not an empty cell."""
    assert "–" == page("{{ view | " + filter_ + " }}", None)


UI = '{% import "_partials/ui.html" as ui with context %}'


def with_ui(source: str, view: object = None) -> str:
    made = Renderer(words.load(strict=True), ConsoleFacts(), static.load())
    return made._environment.from_string(UI + source).render(made._context(view, visit()))


def test_form_of_a_repair() -> None:
    """A repair's form tells its consequence before its button, asks for a reason, and carries proof and press key."""
    shown = with_ui('{{ ui.reason_form("/console/x", "Sẽ gửi lại", "Gửi", press="k", fields={"n": view}) }}', EVIL)

    assert shown.index("Sẽ gửi lại") < shown.index("<button")
    for part in ('name="csrf" value="x"', 'name="press" value="k"', 'name="reason"', "required", 'method="post"'):
        assert part in shown
    assert "<img" not in shown


def test_field_tells_what_is_wrong_with_it() -> None:
    """A field's hint and fault are bound to it, so that they are read out with it."""
    shown = with_ui('{{ ui.field("a", "Nhãn", hint="Gợi ý", wrong="Sai", required=true, max_length=None) }}')

    assert 'aria-describedby="f-a-hint f-a-wrong"' in shown
    assert 'aria-invalid="true"' in shown
    assert '<label for="f-a">' in shown


def test_table_can_be_reached_and_named() -> None:
    """A table has a caption, heads for its columns, and a region that the keyboard can scroll."""
    shown = with_ui('{% call ui.table("Tên", ["A", ("B", "num")], id="t") %}<tr><td>1</td></tr>{% endcall %}')

    assert "<caption>Tên</caption>" in shown
    assert 'role="region"' in shown
    assert 'tabindex="0"' in shown
    assert 2 == shown.count('scope="col"')


def test_chart_is_always_a_table_too() -> None:
    """The numbers of a chart stand in a table; drawing it is the script's extra."""
    shown = with_ui('{{ ui.chart("c", "Biểu đồ", ["Giờ", "Đã gửi"], view) }}', [(AT, 1200), (AT, None)])

    assert "1.200" in shown
    assert 'data-value="1200"' in shown
    assert 'data-value=""' in shown
