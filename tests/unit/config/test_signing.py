"""Which service asks for a signature, and what `check` has against an installation that signs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.partners.national_portal.tables import Tables
from bus.errors import LedgerUnavailable
from bus.ports import FileStorage, SystemClock
from bus.signatures import ServiceChoice
from config import mocked_one_stop, mocked_signers
from config.checks import keys_of, offline
from config.new_installation import make, prepare_ledger
from config.partner_signers import check_roots
from config.partner_tables import SIGNING, schemas, shipped
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from config.signing import ServiceTable, choose, holes, known_services, rows_on, signature_policy_of
from config.wiring import build
from contracts.signing_pki.authorities import root

URL = "http://127.0.0.1:9100"
HEAD = "unit,procedure,role,service,level,rank,valid_from,valid_to,source_kind\n"
ROWS = """,,official,smartca,B-LT,1,,,province
,,official,csc,B-T,2,,,province
000.00.09.H99,,official,mysign,B-LTA,1,,,province
000.00.09.H99,1.013225,official,csc,B-B,1,,,province
,,citizen,vneid_gateway,B-LT,1,2026-08-01,,province
"""
ALL = frozenset({"smartca", "mysign", "csc", "vneid_gateway"})
DAY = date(2026, 7, 3)
NOON = datetime(2026, 7, 3, 5, tzinfo=UTC)


def tables(rows: str = ROWS) -> Tables:
    return Tables.from_texts(schemas(SIGNING), {"services": HEAD + rows})


@pytest.mark.parametrize(
    ("unit", "procedure", "role", "wish", "service"),
    [
        ("000.00.01.H99", "9", "official", None, "smartca"),
        (None, None, "official", None, "smartca"),
        ("000.00.01.H99", "9", "official", "csc", "csc"),
        ("000.00.01.H99", "9", "official", "mysign", None),
        ("000.00.09.H99", "9", "official", None, "mysign"),
        ("000.00.09.H99", "1.013225", "official", None, "csc"),
        ("000.00.09.H99", "1.013225", "official", "smartca", "smartca"),
        ("000.00.01.H99", "9", "citizen", None, None),
        ("000.00.01.H99", "9", "agency", None, None),
    ],
)
def test_the_row_that_says_most(unit, procedure, role, wish, service):
    """The longest unit, then the procedure, then the lower rank; a wish is granted only where a row allows it."""
    row = choose(rows_on(tables(), DAY), unit, procedure, role, wish, ALL)

    assert service == (None if row is None else row["service"])


def test_a_service_that_is_not_here_is_passed_over():
    """The next row decides, so that one table serves installations with different services."""
    assert "csc" == choose(rows_on(tables(), DAY), None, None, "official", None, {"csc"})["service"]


class Reads:
    """A ledger's tables that can be away."""

    def __init__(self) -> None:
        self.version, self.text, self.is_away = 1, HEAD + ROWS, False

    def tables_version(self) -> int:
        if self.is_away:
            raise LedgerUnavailable("away")
        return self.version

    def table(self, name: str) -> str:
        return self.text


def test_an_import_is_in_use_within_a_second():
    """The table at hand serves until a look finds another one, and while the ledger is away."""
    reads, now = Reads(), [0.0]
    table = ServiceTable(ALL, tick=lambda: now[0])
    assert table(None, None, "official", NOON, None) is None, "nothing before it is bound"
    table.bind(reads)
    assert ServiceChoice(service="smartca", level="B-LT") == table(None, None, "official", NOON, None)
    reads.text, reads.version = HEAD + ",,official,csc,B-B,1,,,province\n", 2
    assert "smartca" == table(None, None, "official", NOON, None).service
    now[0], reads.is_away = 2.0, True
    assert "smartca" == table(None, None, "official", NOON, None).service
    now[0], reads.is_away = 4.0, False

    assert ServiceChoice(service="csc", level="B-B") == table(None, None, "official", NOON, None)
    assert table(None, None, "citizen", NOON, None) is None


def test_what_the_table_leaves_open():
    """Units without a service for officials or seals, and levels that nobody stamps for, are named."""
    found = list(holes(tables(), ["000.00.01.H99"], ALL, DAY, stamps=False))

    assert ["services.csv has no service for agency of 000.00.01.H99"] == found[:1]
    assert "B-LT, B-LTA, B-T" in found[1]
    whole = Tables.from_texts(schemas(SIGNING), shipped(SIGNING))
    assert [] == list(holes(whole, ["000.00.01.H99"], {"smartca"}, DAY, stamps=True))


# -- an installation -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `init --for-mocks` writes of what signs, and who is told of it."""
    make(tmp_path, for_mocks=URL)
    mocked_signers.join(tmp_path, URL)
    mocked_one_stop.join(tmp_path, URL)
    loaded = load(tmp_path / "lienthong.toml", {}).settings
    prepare_ledger(loaded, FileStorage(), SystemClock(), actor="person:test")
    return tmp_path


def changed(folder: Path, *changes: tuple[str, str]) -> Settings:
    """The settings with these texts replaced."""
    file = folder / "lienthong.toml"
    text = file.read_text()
    for old, new in changes:
        assert re.search(old, text)
        text = re.sub(old, new, text, count=1)
    file.write_text(text)
    return load(file, {}).settings


def findings(settings: Settings) -> dict[str, str]:
    """What `check` has against signatures."""
    mine = ("signing.", "tables.signing", "documents.")
    return {
        answer.what: answer.detail
        for answer in offline(settings)
        if not answer.is_well and answer.what.startswith(mine)
    }


def test_what_init_writes_for_the_mocks_is_well(folder):
    """`check` has nothing against it, and says so of every service; every key's file is there."""
    settings = changed(folder)
    asked = {answer.what for answer in offline(settings)}

    assert {} == findings(settings)
    assert {"signing.smartca", "signing.mysign", "signing.vneid_gateway", "signing.csc", "signing.roots_file"} <= asked
    rows = {row["name"]: row["trouble"] for row in keys_of(settings)}
    assert ("", "") == (rows["signing.roots_file"], rows["partners.smartca.sp_password_file"])


FINDINGS = [
    (r'roots_file = "signing-mock-roots.pem"\ncitizen_roots_file = [^\n]*\n', "", "signing.roots_file", "no authority"),
    (r"citizen_roots_file = .*\n", "", "tables.signing", "citizens and offices alike: name official_"),
    (r'\nroots_file = "signing-mock-roots.pem"', '\nroots_file = "gone.pem"', "signing.roots_file", "gone.pem"),
    (r'stamp_roots_file = "[^"]*"\n', "", "signing.roots_file", "stamp_roots_file nobody"),
    (r"revocation_hosts = .*\n", "", "signing.roots_file", "no revocation_hosts"),
    (r"tsa_urls = .*\n", "", "tables.signing", "no time-stamp authority"),
    (r'public_url = "http://127.0.0.1:8400"\n', "", "signing.told", "no address"),
    (r"takes_outcomes_of = .*\n", "", "signing.told", "nobody is told"),
    (r'hosts = \["127.0.0.1"\]\n', "", "documents.hosts", "documents.hosts is empty"),
    (r'sp_password_file = "[^"]*"', 'sp_password_file = "gone"', "signing.smartca", "cannot be read"),
    (r"calls_back = true", 'callback_networks = ["x"]', "signing.smartca", "callback_networks"),
    (r"\[documents\]\n", '[documents]\npictures_folder = "gone"\n', "documents.pictures_folder", "is no folder"),
]


@pytest.mark.parametrize(("old", "new", "what", "says"), FINDINGS)
def test_what_check_finds(folder, old, new, what, says):
    """Each thing without which no document would be made, told or believed has its finding with a cure."""
    assert says in findings(changed(folder, (old, new)))[what]


def test_the_mocks_authorities_are_believed_on_this_machine_only(folder):
    """Everybody can make their keys: an installation that speaks to a real service and believes them does not start."""
    settings = changed(folder, (r'url = "http://127.0.0.1:9100/smartca"', 'url = "https://smartca.example.invalid"'))
    (folder / "smartca-mock.secret").write_bytes(b"what two sides agreed on")
    installation = build(settings)
    try:
        with pytest.raises(SettingsRefused, match="an authority of the mocks"):
            installation.partners()
    finally:
        installation.close()

    assert "an authority of the mocks" in findings(settings)["signing.smartca"]


def test_the_published_demo_key_is_believed_nowhere(folder, demo_certificate):
    """Its private half stands in a document that everybody can read."""
    (folder / "signing-mock-roots.pem").write_bytes(root("public").pem + demo_certificate)
    settings = changed(folder)

    with pytest.raises(SettingsRefused, match="published demo key"):
        check_roots(settings.signing, "smartca", settings.partners.smartca)


@pytest.fixture
def demo_certificate() -> bytes:
    """As the contract's sample has it."""
    import json

    sample = Path(__file__).parents[3] / "contracts" / "smartca" / "samples" / "certificates-answer.json"
    told = json.loads(sample.read_text())["data"]["user_certificates"][0]["cert_data"]
    return f"-----BEGIN CERTIFICATE-----\n{told}\n-----END CERTIFICATE-----\n".encode()


def test_the_ledgers_policy(folder):
    """The ledger knows who calls back, where documents are fetched, and asks the table; the desk wants a console."""
    settings = changed(folder)
    installation = build(settings)
    try:
        policy = signature_policy_of(settings, ServiceTable(known_services(settings)), installation.ledger.master)
        calls = {name for name in ("smartca", "mysign", "csc", "vneid_gateway", "nobody") if policy.has_webhook(name)}
        url = policy.document_url(7, NOON)
    finally:
        installation.close()

    assert {"smartca", "mysign", "vneid_gateway"} == calls
    assert url.startswith("http://127.0.0.1:8400/documents/7?until=")
    assert ("one_stop", "national_portal") == (policy.taker("one-stop/h99"), policy.portal)
    assert "desk" in known_services(settings)
    assert "desk" not in known_services(changed(folder, (r"\[signing\]\n", "[console]\nenabled = false\n[signing]\n")))
