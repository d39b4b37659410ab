"""From a template and a view to a page: what every template may use, and nothing that is not escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from adapters.doors.console import static
from adapters.doors.console.frame import ConsoleFacts
from adapters.doors.console.links import PREFIX, is_page, url_for
from adapters.doors.console.navigation import Group, navigation
from adapters.doors.console.visible import one_line, visible
from adapters.doors.console.visit import Visit
from adapters.doors.console.words import Words

ZONE: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: no summer time since 1975, so a fixed offset is exact and needs no data of zones."""
Say = Callable[..., str]


class Renderer:
    """Holds the templates; one for a process."""

    def __init__(self, words: Words, facts: ConsoleFacts, files: Mapping[str, static.File]) -> None:
        self._words = words
        self._facts = facts
        self._files = files
        self._environment = Environment(
            loader=PackageLoader("adapters.doors.console"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.do"],
        )
        self._environment.filters |= FILTERS

    def page(self, template: str, view: Any, visit: Visit, *, said: str = "", **more: Any) -> str:
        """The document."""
        context = self._context(view, visit) | {"said": said} | more
        return self._environment.get_template(template).render(context)

    def _context(self, view: Any, visit: Visit) -> dict[str, Any]:
        def t(key: str, /, **facts: object) -> str:
            return self.say(visit, key, facts)

        def word(key: str, otherwise: str) -> str:
            return t(key) if self._words.has(key) else otherwise

        return {
            "view": view,
            "visit": visit,
            "lang": visit.language,
            "t": t,
            "word": word,
            "url": url_for,
            "is_page": is_page,
            "file": self.file,
            "facts": self._facts,
            "groups": self.groups(visit),
        }

    def say(self, visit: Visit, key: str, facts: Mapping[str, object]) -> str:
        """Words in the visitor's language; nothing that was said from outside hides in its facts."""
        seen = {name: visible(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        return self._words.say(visit.language, key, **seen)

    def groups(self, visit: Visit) -> tuple[Group, ...]:
        """The navigation that this person's rights leave."""
        return navigation(visit)

    def file(self, name: str) -> Loaded:
        """A file of ours, to be loaded by a page."""
        found = self._files[name]
        return Loaded(address=f"{PREFIX}/static/{name}?v={found.version}", integrity=found.integrity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Where a page loads a file from, and what must come."""

    address: str
    integrity: str


# -- filters -----------------------------------------------------------------------------------------------------------


def moment_of(value: datetime | str) -> datetime:
    """A time as the ledger's reads give it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def when_text(value: datetime | str, language: str, *, seconds: bool = True) -> str:
    """22/11/2026 17:05:12 +07:00; in English the month by its name, since 05/11 is two days there."""
    at = moment_of(value).astimezone(ZONE)
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    day = f"{at:%d/%m/%Y}" if language == "vi" else f"{at.day} {months[at.month - 1]} {at.year}"
    return f"{day} {at:%H:%M:%S} +07:00" if seconds else f"{day} {at:%H:%M} +07:00"


@pass_context
def when(context: Context, value: datetime | str | None) -> Markup:
    """A time with its zone; a dash where there is none."""
    if value is None or value == "":
        return Markup("–")
    iso = moment_of(value).isoformat()
    return Markup('<time datetime="{}">{}</time>').format(iso, when_text(value, context["lang"]))


@pass_context
def stamp(context: Context, value: datetime | str) -> str:
    """A time as bare text, for pictures and for facts inside a sentence."""
    return when_text(value, context["lang"])


@pass_context
def day(context: Context, value: datetime | str | None) -> Markup:
    """The day alone."""
    if value is None or value == "":
        return Markup("–")
    text = when_text(value, context["lang"]).rsplit(" ", 2)[0]
    return Markup('<time datetime="{}">{}</time>').format(moment_of(value).isoformat(), text)


@pass_context
def ago(context: Context, value: datetime | str | None, parts: int = 2) -> Markup:
    """How long ago, or in how long; the exact time can be read where the pointer rests."""
    if value is None or value == "":
        return Markup("–")
    at = moment_of(value)
    apart = context["visit"].now - at
    key = "common.ago" if apart >= timedelta(0) else "common.in"
    text = context["t"](key, span=span_text(abs(apart), context["t"], parts))
    exact = when_text(at, context["lang"])
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, text)


@pass_context
def span(context: Context, value: timedelta | float | None) -> str:
    """A length of time in its largest two parts' words."""
    if value is None:
        return "–"
    return span_text(value if isinstance(value, timedelta) else timedelta(seconds=value), context["t"])


def span_text(length: timedelta, t: Say, most: int = 2) -> str:
    """`2 giờ 5 phút`; two parts tell an operator enough, and one where many stand below each other."""
    whole = int(length.total_seconds())
    if whole < 1:
        return t("common.moment")
    sizes = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
    parts: list[str] = []
    for name, size in sizes:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(t(f"common.{name}", n=count) if count else "")
        if len(parts) == most:
            break
    return " ".join(part for part in parts if part)


@pass_context
def number(context: Context, value: float | None) -> str:
    """1.234 in Vietnamese, 1,234 in English."""
    if value is None:
        return "–"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.translate(str.maketrans(",.", ".,")) if context["lang"] == "vi" else text


def _glossary(kind: str) -> Callable[[Context, object], str]:
    @pass_context
    def say(context: Context, value: object) -> str:
        if value is None or value == "":
            return "–"
        name = str(getattr(value, "value", value))
        return str(context["word"](f"glossary.{kind}.{name}", name))

    return say


@pass_context
def state(context: Context, value: object) -> Markup:
    """A state is a word and a mark, never a colour alone."""
    name = str(getattr(value, "value", value))
    words = context["word"](f"glossary.states.{name}", name)
    safe = name if name.replace("_", "").isalpha() and name.isascii() else "unknown"
    return Markup('<span class="state s-{}"><span class="mark" aria-hidden="true"></span>{}</span>').format(safe, words)


def _marked(words_of: str, letter: str) -> Callable[[Context, object], Markup]:
    """A state of a room's own: a word of `<words_of>`, and a mark by its class."""

    @pass_context
    def say(context: Context, value: object) -> Markup:
        name = str(getattr(value, "value", value))
        words = context["word"](f"{words_of}.{name}", name)
        safe = name if name.replace("_", "").isalpha() and name.isascii() else "unknown"
        return Markup('<span class="state {}-{}"><span class="mark" aria-hidden="true"></span>{}</span>').format(
            letter, safe, words
        )

    return say


@pass_context
def partner(context: Context, value: str) -> str:
    """A partner as people call it; what stands after its name in the settings tells two of one kind apart."""
    base, _, more = value.partition("-")
    name = str(context["word"](f"dossier.partner_{base}", ""))
    return one_line(value) if not name else f"{name} ({one_line(more)})" if more else name


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "seen": one_line,
    "seen_lines": visible,
    "when": when,
    "stamp": stamp,
    "day": day,
    "ago": ago,
    "span": span,
    "number": number,
    "num_head": lambda head: (head, "num"),
    "state": state,
    "payment_state": _marked("money.states", "p"),
    "refund_state": _marked("money.refunds", "r"),
    "signature_state": _marked("signing.states", "g"),
    "partner": partner,
    "cause": _glossary("causes"),
    "kind": _glossary("kinds"),
    "right": _glossary("rights"),
    "role": _glossary("roles"),
}
