"""Reading the settings: the file, the environment over it, the secrets beside it; every mistake names key and cure."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import msgspec

from config.settings import OneStopKeys, OneStopName, PartnersSettings, Settings, anchored

DEFAULT: Final = "lienthong.toml"
PREFIX: Final = "LIENTHONG_"
NOT_SETTINGS: Final = frozenset({"LIENTHONG_CONFIG", "LIENTHONG_LANG", "LIENTHONG_AS_PERSON"})
"""Variables that choose the file, the language and the person; they override nothing in the file."""
DEMO_MARK: Final = "demo-only-"
"""How every secret of a demo begins: everybody has seen it, so nothing but a demo starts with it."""
MOCK_MARK: Final = "mock-"
"""How every secret of the mocks begins: it stands in this program's source, so it is good on this machine only."""

_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
_PLACE: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")


class SettingsRefused(Exception):
    """The settings cannot be used; the key and its cure are named, and nothing was started."""

    def __init__(self, key: str, cure: str) -> None:
        self.key = key
        self.cure = cure
        super().__init__(f"{key}: {cure}")


class Secret:
    """A secret that never prints."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The secret itself, for the one place that uses it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings and the file they came from."""

    settings: Settings
    file: Path


def find(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The settings file: as given, else by `$LIENTHONG_CONFIG`, else `./lienthong.toml`."""
    return Path(given or environ.get("LIENTHONG_CONFIG") or DEFAULT)


def load(file: Path, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings, or refuse them with the first mistake's key and cure."""
    raw = read_private(file, "settings", "make one with `lienthong init`, or name it with --config")
    try:
        tree = tomllib.loads(raw.decode())
    except UnicodeDecodeError as trouble:
        line = raw.count(b"\n", 0, trouble.start) + 1
        raise SettingsRefused(str(file), f"is not UTF-8 (line {line}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as trouble:
        raise SettingsRefused(str(file), f"is not TOML: {trouble}") from None
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            _override(tree, name, environ[name])
    gather_one_stops(tree)
    try:
        settings = msgspec.convert(tree, Settings, strict=True)
    except msgspec.ValidationError as trouble:
        raise _refused(str(trouble), tree) from None
    whole = anchored(settings, file.absolute().parent)
    assert isinstance(whole, Settings)
    return Loaded(settings=whole, file=file)


def read_private(path: str | Path, key: str, cure: str) -> bytes:
    """A file that only its owner may read. Raises SettingsRefused."""
    try:
        with Path(path).open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SettingsRefused(key, f"{path} has mode {mode:04o}, others may read it; run: chmod 600 {path}")
            return file.read(1_000_000)
    except OSError as trouble:
        raise SettingsRefused(key, f"{path} cannot be read ({trouble.strerror}); {cure}") from None


def secret(path: str, key: str, *, is_demo: bool = False, urls: Collection[str] = ()) -> Secret:
    """A secret from its file, without the line end; `urls` are the addresses that it is for, of a partner.

    What this program publishes proves nothing: secrets of a demo are refused outside it, and those of the mocks where
    they are for anything but this machine. A door's have no address: behind a proxy, loopback is everybody.
    """
    value = read_private(path, key, "write the secret there, mode 600").rstrip(b"\r\n")
    if not value:
        raise SettingsRefused(key, f"{path} is empty; write the secret there")
    if value.startswith(DEMO_MARK.encode()) and not is_demo:
        raise SettingsRefused(key, f"{path} holds a secret of the demo; make one with `lienthong keys generate`")
    if value.startswith(MOCK_MARK.encode()) and not is_demo and not (urls and all(map(is_this_machine, urls))):
        cure = (
            "holds a secret of the mocks, which everybody can read in the source; agree on another with the other side"
        )
        raise SettingsRefused(key, f"{path} {cure}, or name an address of this machine (127.0.0.1)")
    return Secret(value)


def is_this_machine(url: str) -> bool:
    """Whether an address is this machine's, as the channel reads it."""
    from ipaddress import ip_address  # only when a secret of the mocks is met

    from adapters.channels.addresses import AddressRefused, is_number, origin_of

    try:
        host = origin_of(url).host
    except AddressRefused:
        return False
    return host == "localhost" or (is_number(host) and ip_address(host).is_loopback)


ONE_STOP: Final = "one_stop-"
ONE_STOPS: Final = "one_stops"


def gather_one_stops(tree: dict[str, Any]) -> None:
    """Every `[partners.one_stop-NAME]` to where the shape has them: a table's name is not known to a shape."""
    partners = tree.get("partners")
    if not isinstance(partners, dict):
        return
    if ONE_STOPS in partners:
        raise SettingsRefused(f"partners.{ONE_STOPS}", "there is no such setting; is one_stop meant?")
    named = {name: partners.pop(name) for name in list(partners) if name.startswith(ONE_STOP)}
    for name in named:
        try:
            msgspec.convert(name, OneStopName)
        except msgspec.ValidationError:
            cure = "one_stop-NAME wants a name of small letters, digits and single dashes"
            raise SettingsRefused(f"partners.{name}", cure) from None
    if named:
        partners[ONE_STOPS] = named


# -- the environment ---------------------------------------------------------------------------------------------------


def _override(tree: dict[str, Any], name: str, text: str) -> None:
    """Put one variable's value where its name points."""
    *tables, last = name.removeprefix(PREFIX).split("__")
    place: dict[str, Any] = tree
    kind: Any = Settings
    for part in tables:
        key = _key(part, place)
        kind = _member(kind, key)
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise SettingsRefused(name, f"{key} is no table")
    key = _key(last, place)
    place[key] = _typed(name, text, _member(kind, key))


def _key(part: str, place: Mapping[str, Any]) -> str:
    """A caller's name may have capitals or dashes; the variable's name has neither."""
    for known in place:
        if known.upper().replace("-", "_").replace(".", "_") == part.upper():
            return known
    return part.lower()


def _member(kind: Any, key: str) -> Any:
    """The type of a key, or Any where the shape does not know it (then the whole refuses it by name)."""
    if kind is PartnersSettings and key.startswith(ONE_STOP):
        return OneStopKeys
    for one in get_args(kind) or (kind,):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return next((each.type for each in msgspec.structs.fields(one) if each.name == key), Any)
    return get_args(kind)[1] if get_origin(kind) is dict else Any


def _typed(name: str, text: str, kind: Any) -> Any:
    for value in _readings(text):
        try:
            return msgspec.to_builtins(msgspec.convert(value, kind, strict=False))
        except msgspec.ValidationError as trouble:
            problem = str(trouble)
    raise SettingsRefused(name, problem)


def _readings(text: str) -> list[Any]:
    """As it stands, and as a value of TOML (a list, a table)."""
    try:
        return [text, tomllib.loads(f"value = {text}")["value"]]
    except tomllib.TOMLDecodeError:
        return [text]


# -- mistakes ----------------------------------------------------------------------------------------------------------


def _refused(said: str, tree: Mapping[str, Any]) -> SettingsRefused:
    place = _PLACE.search(said)
    if place and place[1].startswith("callers[...]") and isinstance(tree.get("callers"), dict):
        return _refused_caller(said, tree["callers"])
    if place and place[1].startswith(f"partners.{ONE_STOPS}[...]"):
        return _refused_one_stop(said, tree["partners"][ONE_STOPS])
    return _told(said, place)


def _refused_one_stop(said: str, tables: Mapping[str, Any]) -> SettingsRefused:
    """The same for the tables of further one-stop systems."""
    for name, table in tables.items():
        try:
            msgspec.convert({"partners": {"one_stop": table}}, Settings)
        except msgspec.ValidationError as trouble:
            found = _told(str(trouble), _PLACE.search(str(trouble)))
            return SettingsRefused(found.key.replace("partners.one_stop", f"partners.{name}", 1), found.cure)
    return _told(said, _PLACE.search(said))


def _refused_caller(said: str, callers: Mapping[str, Any]) -> SettingsRefused:
    """msgspec does not say which of the callers it was: try them one by one."""
    for name, caller in callers.items():
        try:
            msgspec.convert({"callers": {name: caller}}, Settings)
        except msgspec.ValidationError as trouble:
            found = _told(str(trouble), _PLACE.search(str(trouble)))
            return SettingsRefused(found.key.replace("callers.*", f"callers.{name}", 1), found.cure)
    return _told(said, _PLACE.search(said))


def _told(said: str, place: re.Match[str] | None) -> SettingsRefused:
    table = place[1].replace("[...]", ".*") if place else ""
    plain = said[: place.start()] if place else said
    if unknown := _UNKNOWN.search(plain):
        key = f"{table}.{unknown[1]}".lstrip(".")
        import difflib  # only when something is misspelt

        near = difflib.get_close_matches(unknown[1], _known(table), n=1)
        return SettingsRefused(key, f"there is no such setting{f'; is {near[0]} meant?' if near else ''}")
    if missing := _MISSING.search(plain):
        return SettingsRefused(f"{table}.{missing[1]}".lstrip("."), "is missing; config/example.toml shows it")
    return SettingsRefused(table or "settings", plain[:1].lower() + plain[1:])


def _known(table: str) -> list[str]:
    kind: Any = Settings
    for part in filter(None, table.split(".")):
        kind = _member(kind, part)
    for one in get_args(kind) or (kind,):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return [each.name for each in msgspec.structs.fields(one)]
    return []
