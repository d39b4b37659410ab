"""Settings in, one installation out: each key reaches the piece that it is for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from adapters.channels.outer_auth import ClientCredentials, KeyHeader
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.errors import LedgerUnsafe, SchemaBehind
from bus.messages import ForeignDossier, State
from bus.ports import FileStorage, SystemClock
from bus.upkeep import checkpoint, verify
from config.checks import keys_of, offline
from config.new_installation import AlreadyThere, make, prepare_ledger
from config.partner_tables import WithFreshTables, in_force, shipped
from config.settings import NationalPortalKeys, Settings
from config.settings_file import SettingsRefused, load
from config.signing_key import InstallationKey, generate, is_signed_here
from config.wiring import Installation, build, load_routes, manners_of, national_portal_settings, patience_of
from tests.builders import make_event, make_step

URL = "http://127.0.0.1:1"


def keys(**changes: object) -> NationalPortalKeys:
    """The portal's settings with some changes."""
    tree = {"adapter_url": "https://adapter.example.invalid", "madonvi": "000.00.00.H99"} | changes
    return msgspec.convert(tree, NationalPortalKeys)


def private(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a fresh installation that speaks to mocks."""
    make(tmp_path, for_mocks=URL)
    loaded = load(tmp_path / "lienthong.toml", {}).settings
    prepare_ledger(loaded, FileStorage(), SystemClock(), actor="person:test")
    return loaded


@pytest.fixture
def installation(settings: Settings) -> Iterator[Installation]:
    """Put together, and closed at the end."""
    built = build(settings)
    yield built
    built.close()


# -- each key reaches its piece ---------------------------------------------------------------------------------------


def test_adapter_has_no_setting_that_cannot_be_set() -> None:
    """Every field of the adapter's settings has a key in the file, or is made of keys."""
    made = {"password": "password_file", "session_ttl": "session_ttl_s", "http": "timeout_s"}
    fields = {field.name for field in dataclasses.fields(NationalPortalSettings)}

    assert set() == {made.get(name, name) for name in fields} - set(NationalPortalKeys.__struct_fields__)


def test_defaults_are_the_adapters_own() -> None:
    """A key that is not written means what the adapter means by it."""
    plain = national_portal_settings(keys())
    own = NationalPortalSettings(adapter_url=plain.adapter_url, madonvi=plain.madonvi)
    apart = {"http", "batch"}
    for field in dataclasses.fields(NationalPortalSettings):
        if field.name not in apart:
            assert getattr(own, field.name) == getattr(plain, field.name), field.name


def test_times_and_limits(tmp_path: Path) -> None:
    """Seconds in the file are durations inside."""
    partner = keys(timeout_s=2, connect_timeout_s=1, session_ttl_s=60, threads=5, allow_http=True, batch={"update": 9})
    found = national_portal_settings(partner)

    assert (timedelta(seconds=2), timedelta(seconds=1)) == (found.http.timeout, found.http.connect_timeout)
    assert (5, True) == (found.http.max_connections, found.http.allow_http)
    assert timedelta(seconds=60) == found.session_ttl
    assert {"create": 1, "update": 9, "step": 1} == found.batch


def test_secrets_come_from_their_files(tmp_path: Path) -> None:
    """Password and outer secrets are read at the start, and do not print."""
    password = private(tmp_path, "p", "open sesame\n")
    secret = private(tmp_path, "c", "hidden")
    oauth = {"kind": "oauth2", "token_url": URL, "client_id": "lt", "client_secret_file": secret}
    key = {"kind": "key", "header": "apikey", "value_file": secret}
    first = national_portal_settings(keys(password_file=password, outer_auth=oauth))
    second = national_portal_settings(keys(outer_auth=key))

    assert "open sesame" == first.password
    assert isinstance(first.outer_auth, ClientCredentials)
    assert KeyHeader(name="apikey", value="hidden") == second.outer_auth
    assert "sesame" not in repr(first) + repr(second)
    assert "hidden" not in repr(first) + repr(second)


def test_manners_and_patience() -> None:
    """The ledger and the worker treat the partner as the settings say."""
    partner = keys(rate=7, drain="deadline", in_flight_s=3, lease_s=11, retry_s=[1, 4], retry_jitter=0)

    assert (7.0, "deadline", timedelta(seconds=11)) == (
        manners_of(partner).rate,
        manners_of(partner).drain,
        manners_of(partner).lease,
    )
    assert (timedelta(seconds=1), timedelta(seconds=4)) == tuple(patience_of(partner).schedule)
    assert timedelta(seconds=3) == patience_of(partner).in_flight == manners_of(partner).in_flight


def test_shadow_and_order_reach_the_ledger(tmp_path: Path) -> None:
    """A partner in shadow is only watched; a numbered source is taken by its numbers."""
    make(tmp_path)
    text = (tmp_path / "lienthong.toml").read_text()
    (tmp_path / "lienthong.toml").write_text(text.replace('order = "arrival"', 'order = "sequence"'))
    settings = load(tmp_path / "lienthong.toml", {}).settings
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
    built = build(settings)
    try:
        assert "sequence" == built.ledger.order_of("one-stop/h99")
        built.intake.accept(make_event(source="one-stop/h99", sequence=1))
        claimed = built.ledger.claim("national_portal", 1, "w", SystemClock().now())
        assert [True] == [delivery.is_shadow for delivery in claimed]
    finally:
        built.close()


# -- trouble before the start -----------------------------------------------------------------------------------------


def test_new_installation_never_overwrites(tmp_path: Path) -> None:
    """A second `init` in the same folder writes nothing."""
    made = {path: path.read_bytes() for path in make(tmp_path)}

    with pytest.raises(AlreadyThere):
        make(tmp_path)
    assert made == {path: path.read_bytes() for path in made}
    assert {0o600} == {path.stat().st_mode & 0o777 for path in made}


def test_ledger_without_schema(tmp_path: Path) -> None:
    """An unmigrated ledger is not opened; the message says what to run."""
    make(tmp_path, for_mocks=URL)

    with pytest.raises(SchemaBehind, match="lienthong migrate"):
        build(load(tmp_path / "lienthong.toml", {}).settings)


def test_another_master_key(settings: Settings, tmp_path: Path) -> None:
    """A ledger is opened under its own key only."""
    make(tmp_path / "other", for_mocks=URL)
    (tmp_path / "other" / "master.key").replace(tmp_path / "master.key")

    with pytest.raises(LedgerUnsafe):
        build(settings)


@pytest.mark.parametrize("text", ["[[route]]\nkind = 'a'", "[[route]]\nrule = 'latest_wins'\nwhat = 1", "["])
def test_bad_routes(tmp_path: Path, text: str) -> None:
    """A table of routes that cannot be read stops the start and is named."""
    path = private(tmp_path, "routes.toml", text)

    with pytest.raises(SettingsRefused, match="routes_file"):
        load_routes(Settings(routes_file=path))


def test_unknown_verdict_in_overrides(installation: Installation) -> None:
    """An override of the reply table that names nothing stops the start."""
    partner = keys(reply_overrides={"no_such_row": "yes"})
    from config.wiring import national_portal

    with pytest.raises(SettingsRefused, match=r"partners\.national_portal"):
        national_portal(installation, partner)


# -- tables -----------------------------------------------------------------------------------------------------------


class Taking:
    """An adapter that says which tables it was given."""

    def __init__(self) -> None:
        self.versions: list[str] = []

    def use_tables(self, tables: object) -> None:
        self.versions.append(tables.version)  # type: ignore[attr-defined]

    def check(self, delivery: object) -> None: ...

    def deliver(self, batch: object) -> list[object]:
        return []

    def ask(self, delivery: object) -> None: ...


def test_imported_tables_are_in_use_within_a_second(installation: Installation) -> None:
    """The ledger is asked at most once a second; a change is taken up with the next call."""
    now = [100.0]
    adapter = Taking()
    fresh = WithFreshTables(adapter, installation.reads, "national_portal", tick=lambda: now[0])  # type: ignore[arg-type]
    shorter = "".join(shipped("national_portal")["owners"].splitlines(keepends=True)[:-1])
    installation.repairs.import_tables([("national_portal.owners", shorter)], actor="person:test", reason="test")

    fresh.deliver([])
    assert [] == adapter.versions
    now[0] += 1.0
    fresh.deliver([])
    fresh.deliver([])
    assert [in_force(installation.reads, "national_portal").version] == adapter.versions


def test_first_content_is_shipped(installation: Installation) -> None:
    """A fresh ledger has every table of the package in force, each a version of its own."""
    assert {f"national_portal.{name}" for name in shipped("national_portal")} == {
        table["name"] for table in installation.reads.tables()
    }


def test_worker_delivers_nothing_to_a_closed_port(installation: Installation) -> None:
    """The whole is put together: a worker's dispatcher tries, finds nobody there, and the delivery waits."""
    from bus.dispatch import Dispatcher

    installation.intake.accept(make_event(source="one-stop/h99"))
    ports = installation.ports
    partners = installation.partners()
    Dispatcher(installation.ledger, partners, name="w", clock=ports.clock, randomness=ports.randomness).run_once()

    assert [State.WAITING] == [row["state"] for row in installation.reads.deliveries()]
    assert ["unreachable"] == [row["cause"] for row in installation.reads.deliveries()]


# -- who speaks, and which key signs ----------------------------------------------------------------------------------


def test_installation_refuses_anothers_dossier(settings: Settings) -> None:
    """Put together by settings, the ledger takes a dossier's events from the source that spoke of it first."""
    built = build(settings)
    built.intake.accept(make_event(source="one-stop/h99"))
    foreign = built.intake.accept(make_step(source="other/h99"))
    built.close()

    assert ForeignDossier(owner="one-stop/h99") == foreign


def test_installation_remembers_its_key(settings: Settings, tmp_path: Path) -> None:
    """The key of each start is known to the ledger; `check` names one that was not kept, and is well when it was."""
    ledger, first = settings.ledger, InstallationKey.from_file(settings.ledger.signing_key_file)
    build(settings).close()
    second = generate(tmp_path / "second.key")
    changed = replace(ledger, signing_key_file=str(tmp_path / "second.key"))
    rotated = replace(settings, ledger=changed)
    kept = replace(settings, ledger=replace(changed, retired_signing_key_files=(ledger.signing_key_file,)))
    built = build(rotated)
    names = built.reads.receipt_keys()
    built.close()
    lost = [answer.detail for answer in offline(rotated) if answer.what == "ledger.receipts"]

    assert [first.key_id, second.key_id] == names
    assert first.key_id in lost[0]
    assert [""] == [answer.detail for answer in offline(kept) if answer.what == "ledger.receipts"]
    assert [first.key_id] == [row["key_id"] for row in keys_of(kept) if row["name"].endswith("key_files")]


def test_ledger_without_a_readable_key(settings: Settings) -> None:
    """A command that signs nothing works without the signing key; what it takes in belongs to the first key."""
    first = InstallationKey.from_file(settings.ledger.signing_key_file)
    build(settings).close()
    Path(settings.ledger.signing_key_file).unlink()
    built = build(settings)
    event = make_event(source="one-stop/h99")
    built.intake.accept(event)

    assert first.key_id == built.reads.event(event.source, event.id)["receipt_key"]
    built.close()


def test_old_checkpoints_verify_with_the_old_key(settings: Settings, tmp_path: Path) -> None:
    """After a new signing key, checkpoints of before verify by the retired one, and not without it."""
    built = build(settings)
    built.intake.accept(make_event(source="one-stop/h99"))
    old = InstallationKey.from_file(settings.ledger.signing_key_file)
    checkpoint(built.ledger, old.sign, old.key_id)
    generate(tmp_path / "second.key")
    alone = replace(settings.ledger, signing_key_file=str(tmp_path / "second.key"))
    both = replace(alone, retired_signing_key_files=(settings.ledger.signing_key_file,))

    assert list(verify(built.ledger, is_signed=is_signed_here(alone)))
    assert [] == list(verify(built.ledger, is_signed=is_signed_here(both)))
    built.close()
