"""What this program publishes is no secret: the mocks' own are good on this machine, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import checks, partner_one_stop
from config.caller_keys import keys_of_callers
from config.facade import accounts_of
from config.mocked_one_stop import join
from config.new_installation import MOCK_PASSWORD, make
from config.partner_addresses import addresses
from config.portal_door import manners_of
from config.settings import NationalPortalKeys, OneStopKeys, Settings
from config.settings_file import MOCK_MARK, SettingsRefused, load, secret
from config.wiring import national_portal_settings, real_ports
from contracts.national_portal.gate import Account as Portal
from contracts.one_stop.gate import Account as OneStop

HERE = "http://127.0.0.1:1"
THEIRS = "https://wards.h99.example.invalid"
SECRET_TO_THE_PORTAL = ("password", "client_secret", "api_key")
DOORS = """
[facade]
enabled = true
[facade.accounts.old]
username = "old"
password_file = "national-portal.password"
source = "old/h99"
madonvi = "000.00.00.H99"
[portal_door]
enabled = true
unit = "000.00.04.H99"
key_file = "national-portal.password"
files_url = "https://10.0.0.7"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `init --for-mocks` writes."""
    make(tmp_path, for_mocks=HERE)
    join(tmp_path, HERE)
    return tmp_path


def changed(folder: Path, old: str, new: str, more: str = "") -> Settings:
    """The settings with one text in place of another."""
    file = folder / "lienthong.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1) + more)
    return load(file, {}).settings


def portal_of(settings: Settings) -> NationalPortalKeys:
    assert settings.partners.national_portal is not None
    return settings.partners.national_portal


def one_stop_of(settings: Settings) -> OneStopKeys:
    assert settings.partners.one_stop is not None
    return settings.partners.one_stop


def finding(settings: Settings, what: str) -> str:
    (found,) = [each.detail for each in checks.offline(settings) if each.what == what]
    return found


def test_every_secret_of_the_mocks_is_marked() -> None:
    """What the mocks' source says begins with the mark by which it is known; another would pass for a real one."""
    portal = [getattr(Portal(), name).encode() for name in SECRET_TO_THE_PORTAL]
    one_stop = [OneStop().answer_secret, *OneStop().secrets.values()]

    assert MOCK_PASSWORD.startswith(MOCK_MARK)
    assert all(each.startswith(MOCK_MARK.encode()) for each in (*portal, *one_stop))


def test_the_mocks_are_spoken_to(folder: Path) -> None:
    """As `init --for-mocks` wrote them, at this machine's own address, the settings are taken."""
    settings = load(folder / "lienthong.toml", {}).settings

    assert MOCK_PASSWORD == national_portal_settings(portal_of(settings)).password
    assert partner_one_stop.read("one_stop", one_stop_of(settings), real_ports())
    assert "" == finding(settings, "partners.one_stop") == finding(settings, "partners.national_portal")


@pytest.mark.parametrize(
    ("file", "member"),
    [("one-stop-mock.secret", "secret_file"), ("one-stop-mock-answers.secret", "their_secret_file")],
)
def test_no_one_stop_system_shares_them(folder: Path, file: str, member: str) -> None:
    """Whoever reads the source could sign a yes of the real system: refused by the start and told by `check`."""
    settings = changed(folder, f"{HERE}/one_stop/rest", f"{THEIRS}/lienthong")
    other = "one-stop-mock-answers.secret" if file == "one-stop-mock.secret" else "one-stop-mock.secret"
    (folder / other).write_bytes(b"a-secret-of-both-sides-of-32-byte")

    with pytest.raises(SettingsRefused, match="everybody can read in the source; agree on another") as refused:
        partner_one_stop.read("one_stop", one_stop_of(settings), real_ports())
    assert f"partners.one_stop.{member}" == refused.value.key
    assert f"partners.one_stop.{member}: " in finding(settings, "partners.one_stop")


def test_no_portal_takes_the_mocks_password(folder: Path) -> None:
    """The real portal's adapter is not logged in to with what the mock expects."""
    settings = changed(folder, f"{HERE}/national_portal", THEIRS)

    with pytest.raises(SettingsRefused, match="secret of the mocks") as refused:
        national_portal_settings(portal_of(settings))
    assert "partners.national_portal.password_file" == refused.value.key
    assert "secret of the mocks" in finding(settings, "partners.national_portal")


def test_every_address_must_be_here(folder: Path) -> None:
    """A password for the mock at one address and a real exchange at another: it would be sent to both."""
    table = f'{{kind = "oauth2", token_url = "{THEIRS}/t", client_id = "c", client_secret_file = "one-stop.secret"}}'
    settings = changed(folder, 'username = "000', f'outer_auth = {table}\nusername = "000')

    assert {"adapter_url", "outer_auth.token_url"} == addresses(portal_of(settings)).keys()
    with pytest.raises(SettingsRefused, match="secret of the mocks"):
        national_portal_settings(portal_of(settings))


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.9:80/x", True),
        ("http://[::1]:80", True),
        ("http://localhost:9100", True),
        ("http://10.0.0.7", False),
        ("http://localhost.h99.example.invalid", False),
        ("http://127.0.0.1.h99.example.invalid", False),
        ("http://127.0.0.1@wards.example.invalid", False),
        ("http://127.1", False),
    ],
)
def test_what_this_machine_is(tmp_path: Path, url: str, is_here: bool) -> None:
    """Loopback as the channel reads addresses: what only looks like it is somebody else."""
    file = tmp_path / "s"
    file.write_bytes(OneStop().answer_secret)
    file.chmod(0o600)
    if is_here:
        assert secret(str(file), "key", urls=[url])
        return
    with pytest.raises(SettingsRefused, match="of the mocks"):
        secret(str(file), "key", urls=[url])


def test_no_door_opens_to_them(folder: Path) -> None:
    """A caller, an account or the portal with such a secret: whatever address the doors listen at, a proxy may stand
    before it.
    """
    settings = changed(folder, '"one-stop.secret"', '"one-stop-mock.secret"', DOORS)

    for ask in (
        lambda: keys_of_callers(settings),
        lambda: accounts_of(settings),
        lambda: manners_of(settings.portal_door),
    ):
        with pytest.raises(SettingsRefused, match="of the mocks"):
            ask()
    for what in ("callers.one-stop.secret_file", "facade.accounts", "portal_door"):
        assert "of the mocks" in finding(settings, what)
