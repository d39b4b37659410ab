"""Settings: whole, typed, shy, and never silently other than what was written."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from config.file_settings import ColumnSettings
from config.settings import PartnerSettings, PartnersSettings, Settings
from config.settings_file import DEMO_MARK, SettingsRefused, find, load, secret

SOAP_DOOR = '[soap]\nidentity_file = "k"\ncertificate_file = "c"\n'
PORTAL_DOOR = '[portal_door]\nenabled = true\nunit = "000.00.04.H99"\nnetworks = ["127.0.0.0/8"]\n'
NO_ADDRESSES = (
    "not a url", "java://10.0.0.7", "//10.0.0.7", "https://ann:S3cret@10.0.0.7", "https://10.0.0.7/?x=1",
    "https://10.0.0.7/#x", "https://", "https://10.0.0.7/a b",
)  # fmt: skip
PORTAL = '[partners.national_portal]\nmadonvi = "000.00.00.H99"\nadapter_url = "https://adapter.example.invalid"\n'
CALLER = '[callers.one-stop]\nsecret_file = "s"\nsources = ["one-stop/h99"]\n'
EXAMPLE = files("config").joinpath("example.toml").read_text(encoding="utf-8")


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file = folder / "lienthong.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return load(file, environ or {}).settings


def fields_of(kind: Any) -> dict[str, Any]:
    """The keys of a table: name → field."""
    for one in get_args(kind) or (kind,):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return {field.name: field for field in msgspec.structs.fields(one)}
    raise AssertionError(kind)


def tables() -> dict[str, tuple[dict[str, Any], Any]]:
    """Each table of the example beside the shape that it shows."""
    tree, shape = tomllib.loads(EXAMPLE), fields_of(Settings)
    plain = ("ledger", "web", "worker", "log", "calendar", "notices", "keys")
    found = {name: (tree[name], shape[name].type) for name in plain}
    for way in ("email", "webhook"):
        found[f"notices.{way}"] = (tree["notices"][way], fields_of(shape["notices"].type)[way].type)
    found["callers"] = (tree["callers"]["one-stop"], get_args(shape["callers"].type)[1])
    found["callers.authority"] = (found["callers"][0]["authority"], fields_of(found["callers"][1])["authority"].type)
    accounts = fields_of(shape["facade"].type)["accounts"].type
    found["facade"] = (tree["facade"], shape["facade"].type)
    found["facade.accounts"] = (tree["facade"]["accounts"]["old-one-stop"], get_args(accounts)[1])
    found["soap"] = (tree["soap"], shape["soap"].type)
    found["files"] = (tree["files"]["day-list"], get_args(shape["files"].type)[1])
    found["payments"] = (tree["payments"], shape["payments"].type)
    found["signing"] = (tree["signing"], shape["signing"].type)
    found["payments.lookup"] = (tree["payments"]["lookup"], fields_of(shape["payments"].type)["lookup"].type)
    settled = fields_of(shape["payments"].type)["settlement"].type
    told = tree["payments"]["settlement"]
    found["payments.settlement"] = (told, settled)
    found["payments.settlement.one_stop"] = (told["one_stop"], fields_of(settled)["one_stop"].type)
    found["payments.settlement.files"] = (told["files"]["keypay"], get_args(fields_of(settled)["files"].type)[1])
    for name, field in fields_of(PartnersSettings).items():
        if name != "one_stops":  # [partners.one_stop-NAME] is [partners.one_stop] under another name
            found[name] = (tree["partners"][name], field.type)
    return found


BESIDE = (
    "one_stop", "payment_platform", "keypay", "vnpay", "receipt_issuer", "smartca", "mysign", "vneid_gateway", "csc",
    "soap_signer",
)  # fmt: skip
"""Partners whose table shows only some of the keys that every partner has."""


def section(table: str) -> str:
    """The lines of one table of the example."""
    _, _, text = EXAMPLE.partition(f"\n[{'signing' if table == 'signing' else f'partners.{table}'}]\n")
    return text.partition("\n[")[0]


# -- the example ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", tables())
def test_every_setting_is_in_the_example(table: str) -> None:
    """`example.toml` shows every key of every table, and no other; those that are off stand behind a '#'."""
    shown, kind = tables()[table]
    off = set(re.findall(r"^# (\w+) = ", section(table), flags=re.MULTILINE))
    of_every_partner = set(fields_of(PartnerSettings)) if table in BESIDE else set()

    assert set(fields_of(kind)) == set(shown) | off | of_every_partner


@pytest.mark.parametrize("table", tables())
def test_example_shows_the_defaults(table: str) -> None:
    """What the example shows is the default, except where it says 'example'."""
    shown, kind = tables()[table]
    for name, value in shown.items():
        if name in ("accounts", "authority", "email", "webhook", "files", "lookup", "settlement") or value == {}:
            continue  # tables of their own
        default = fields_of(kind)[name].default
        lines = (section(table) or EXAMPLE).splitlines()
        line = next((line for line in lines if line.startswith(f"{name} =")), "")
        if default is not msgspec.NODEFAULT and "# example:" not in line:
            factory = fields_of(kind)[name].default_factory
            default = factory() if default is msgspec.UNSET or default is msgspec.NODEFAULT else default
            assert json.loads(msgspec.json.encode(default)) == value, name


def test_every_key_of_a_column_is_in_the_example() -> None:
    """The columns of the example's file show between them all that can be said of a column."""
    columns = tomllib.loads(EXAMPLE)["files"]["day-list"]["columns"].values()
    shown = {key for column in columns if isinstance(column, dict) for key in column}

    assert set(fields_of(ColumnSettings)) == shown


def test_every_line_of_the_example_is_explained() -> None:
    """Each number and each switch has a comment that says what it does."""
    bare = [line for line in EXAMPLE.splitlines() if re.match(r"\w+ = (\d|true|false|\[)", line) and "#" not in line]

    assert [] == bare


def test_example_is_taken(tmp_path: Path) -> None:
    """The example is a settings file that works as it stands."""
    assert 8400 == read(tmp_path, EXAMPLE).web.port


@pytest.mark.parametrize("url", ["https://10.0.0.7", "http://[fd00::7]:8400/", "https://door.example.invalid/a/b@c~"])
def test_address_of_a_door(tmp_path: Path, url: str) -> None:
    """How others reach us, as they would type it: a host, perhaps a port and a path."""
    found = read(tmp_path, f'{SOAP_DOOR}url = "{url}"\n{PORTAL_DOOR}files_url = "{url}"')

    assert found.soap is not None
    assert (url, url) == (found.soap.url, found.portal_door.files_url)


# -- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "cure"),
    [
        ("[web]\nprot = 1", "web.prot", "is port meant?"),
        ("nothing = 1", "nothing", "no such setting"),
        ('[web]\nport = "8400"', "web.port", "expected `int`"),
        ("[web]\nport = 70000", "web.port", "<= 65535"),
        (CALLER + 'colour = "red"', "callers.one-stop.colour", "no such setting"),
        ('[callers.one-stop]\nsecret_file = "s"', "callers.one-stop.sources", "is missing"),
        ('[callers.one-stop]\nsources = ["a"]', "callers.one-stop", "one of secret_file, public_key_file"),
        (CALLER + 'public_key_file = "p"', "callers.one-stop", "and only one"),
        (CALLER + "also = [{}]", "callers.one-stop.also[0]", "one of secret_file, public_key_file"),
        (CALLER + 'also = [{secret = "x"}]', "callers.one-stop.also[0].secret", "no such setting"),
        (CALLER + 'order = "random"', "callers.one-stop.order", "invalid enum value"),
        (PORTAL + "timeout_s = 0", "partners.national_portal.timeout_s", "> 0"),
        (PORTAL + "lease_s = 5", "partners.national_portal", "lease_s must be longer than timeout_s"),
        ('[partners.national_portal]\nmadonvi = "x"', "partners.national_portal", "adapter_url is missing"),
        ("[partners.nobody]", "partners.nobody", "no such setting"),
        ('[ledger]\nurl = "mysql://x"', "ledger", "sqlite:///"),
        ('[worker]\nmetrics_listen = "9464"', "worker", "host:port, such as"),
        ('[worker]\nmetrics_listen = "127.0.0.1:99999"', "worker", "host:port, such as"),
        *((f'{SOAP_DOOR}url = "{url}"', "soap", "url must be a whole http(s) address") for url in NO_ADDRESSES),
        *((f'{PORTAL_DOOR}files_url = "{url}"', "portal_door", "files_url must be a whole") for url in NO_ADDRESSES),
        ("[web", "lienthong.toml", "is not TOML"),
    ],
)
def test_mistake_names_key_and_cure(tmp_path: Path, text: str, key: str, cure: str) -> None:
    """A mistake stops the start; the key and what to do are named."""
    with pytest.raises(SettingsRefused) as refused:
        read(tmp_path, text)

    assert refused.value.key.endswith(key)
    assert cure in refused.value.cure
    assert "S3cret" not in refused.value.cure


def test_who_may_speak_for_whom(tmp_path: Path) -> None:
    """A source speaks for its caller's sources and those that the caller names; a shared one as each caller allows."""
    text = """
[callers.a]
secret_file = "a"
sources = ["x", "shared"]
may_speak_for = ["z"]
[callers.b]
secret_file = "b"
sources = ["y", "shared"]
may_speak_for = ["z"]
"""
    speakers = read(tmp_path, text).speakers()

    assert {"x", "shared", "z"} == speakers["x"]
    assert {"y", "shared", "z"} == speakers["y"]
    assert {"shared", "z"} == speakers["shared"]


def test_who_is_handed_filed_dossiers_may_speak_of_them(tmp_path: Path) -> None:
    """Where the one-stop system keeps the portal's number, its sources may speak under it; nobody else's may."""
    text = """
[callers.a]
secret_file = "a"
sources = ["town"]
[callers.b]
secret_file = "b"
sources = ["wards"]
[portal_door]
enabled = {enabled}
unit = "000.00.04.H99"
networks = ["10.0.0.5/32"]
files_url = "https://10.0.0.7"
[partners.one_stop]
url = "https://one-stop.h99.example.invalid"
protocol = "rest"
keyid = "k"
secret_file = "s"
their_keyid = "t"
their_secret_file = "t"
takes_outcomes_of = ["town", "nobody"]
takes_filed = true
"""
    speakers = read(tmp_path, text.replace("{enabled}", "true")).speakers()

    assert {"town": {"town", "national_portal"}, "wards": {"wards"}} == speakers
    assert {"town"} == read(tmp_path, text.replace("{enabled}", "false")).speakers()["town"]


@pytest.mark.parametrize(
    ("told", "place"),
    [("", None), ("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0))],
)
def test_where_a_worker_is_watched(tmp_path: Path, told: str, place: tuple[str, int] | None) -> None:
    """Host and port in one text; empty is nowhere."""
    assert place == read(tmp_path, f'[worker]\nmetrics_listen = "{told}"\n').worker.metrics_at


def test_several_files_are_taken_from_the_folder(tmp_path: Path) -> None:
    """Each path of a list of files is taken from the settings file's own folder."""
    settings = read(tmp_path, '[ledger]\nretired_signing_key_files = ["a.key", "/b.key"]\n')

    assert (str(tmp_path / "a.key"), "/b.key") == settings.ledger.retired_signing_key_files


def test_two_orders_for_one_source(tmp_path: Path) -> None:
    """A source tells its order in one way, whoever speaks for it."""
    other = '[callers.other]\nsecret_file = "o"\nsources = ["one-stop/h99"]\norder = "sequence"\n'

    with pytest.raises(SettingsRefused, match="one-stop/h99 has two orders"):
        read(tmp_path, CALLER + other)


# -- environment, place, paths ------------------------------------------------------------------------------------


def test_environment_overrides(tmp_path: Path) -> None:
    """One variable for one key: numbers, switches, lists and tables are read as the key wants them."""
    settings = read(
        tmp_path,
        CALLER + PORTAL,
        {
            "LIENTHONG_PARTNERS__NATIONAL_PORTAL__TIMEOUT_S": "4.5",
            "LIENTHONG_PARTNERS__NATIONAL_PORTAL__ALLOW_HTTP": "true",
            "LIENTHONG_PARTNERS__NATIONAL_PORTAL__RETRY_S": "[1, 2]",
            "LIENTHONG_PARTNERS__NATIONAL_PORTAL__BATCH": "{update = 50}",
            "LIENTHONG_PARTNERS__NATIONAL_PORTAL__USERNAME": "123",
            "LIENTHONG_CALLERS__ONE_STOP__ORDER": "sequence",
            "LIENTHONG_CONFIG": "elsewhere.toml",
            "LIENTHONG_LANG": "en",
        },
    )
    portal = settings.partners.national_portal

    assert portal is not None
    assert (4.5, True, (1, 2), {"update": 50}, "123") == (
        portal.timeout_s,
        portal.allow_http,
        portal.retry_s,
        portal.batch,
        portal.username,
    )
    assert {"one-stop/h99": "sequence"} == settings.orders()


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("LIENTHONG_WEB__PORT", "many", "Expected `int`"),
        ("LIENTHONG_WEB__PROT", "1", "no such setting"),
        ("LIENTHONG_WEB_PORT", "1", "no such setting"),
    ],
)
def test_misspelt_variable_stops_the_start(tmp_path: Path, name: str, value: str, cure: str) -> None:
    """A variable that means nothing is a mistake, not a wish that is overheard."""
    with pytest.raises(SettingsRefused, match=cure):
        read(tmp_path, "", {name: value})


def test_settings_file_is_found() -> None:
    """As given, else $LIENTHONG_CONFIG, else ./lienthong.toml."""
    assert Path("a") == find(Path("a"), {"LIENTHONG_CONFIG": "b"})
    assert Path("b") == find(None, {"LIENTHONG_CONFIG": "b"})
    assert Path("lienthong.toml") == find(None, {})


def test_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    """Wherever the command is typed, a path means the same file."""
    settings = read(tmp_path, CALLER + PORTAL + 'password_file = "/run/secrets/portal"')
    portal = settings.partners.national_portal

    assert tmp_path / "ledger.db" == settings.ledger.path
    assert str(tmp_path / "s") == settings.callers["one-stop"].secret_file
    assert portal is not None
    assert "/run/secrets/portal" == portal.password_file


# -- secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o644])
def test_settings_that_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    """Mode 0600 or the start is refused, with the command that mends it."""
    file = tmp_path / "lienthong.toml"
    file.write_text("")
    file.chmod(mode)

    with pytest.raises(SettingsRefused, match="chmod 600"):
        load(file, {})


def test_secret_never_prints(tmp_path: Path) -> None:
    """Neither a secret nor the settings that name it show what it is."""
    (tmp_path / "s").write_bytes(b"correct horse battery\r\n")
    (tmp_path / "s").chmod(0o600)
    found = secret(str(tmp_path / "s"), "callers.one-stop.secret_file")

    assert b"correct horse battery" == found.reveal()
    assert "horse" not in f"{found!r} {found} {read(tmp_path, CALLER)!r}"


@pytest.mark.parametrize(
    ("content", "mode", "cure"),
    [(b"", 0o600, "is empty"), (b"x" * 20, 0o644, "chmod 600"), (DEMO_MARK.encode() + b"x", 0o600, "of the demo")],
)
def test_unusable_secret(tmp_path: Path, content: bytes, mode: int, cure: str) -> None:
    """An empty secret, one that others may read, and one of a demo start nothing."""
    file = tmp_path / "s"
    file.write_bytes(content)
    file.chmod(mode)

    with pytest.raises(SettingsRefused, match=cure):
        secret(str(file), "key")


def test_missing_secret(tmp_path: Path) -> None:
    """The key and the path are named."""
    with pytest.raises(SettingsRefused, match="cannot be read"):
        secret(str(tmp_path / "none"), "key")


def test_demo_secret_serves_the_demo(tmp_path: Path) -> None:
    """In the demo itself its secrets are taken."""
    file = tmp_path / "s"
    file.write_text(DEMO_MARK + "x")
    file.chmod(0o600)

    assert secret(str(file), "key", is_demo=True).reveal().endswith(b"x")


def test_settings_that_are_not_utf8(tmp_path: Path):
    """A file saved in another encoding is named, with the line where it shows."""
    file = tmp_path / "lienthong.toml"
    file.write_bytes(b"[ledger]\n# \xe0\n")
    file.chmod(0o600)

    with pytest.raises(SettingsRefused, match=r"lienthong\.toml: is not UTF-8 \(line 2\)"):
        load(file, {})
