"""Where a partner is, by the settings: it reaches the channel, and mistakes are found before anything is sent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from adapters.channels.addresses import networks_of
from config.checks import _address, _partner
from config.partner_addresses import addresses
from config.partner_one_stop import read
from config.settings import NationalPortalKeys, OneStopKeys
from config.settings_file import SettingsRefused
from config.wiring import national_portal_settings, real_ports

TOKEN = "https://lgsp.h99.example.invalid:8443/token"


def keys(**changes: object) -> NationalPortalKeys:
    """The portal's settings with some changes."""
    tree = {"adapter_url": "https://adapter.example.invalid", "madonvi": "000.00.00.H99"} | changes
    return msgspec.convert(tree, NationalPortalKeys)


def with_token(folder: Path) -> dict[str, object]:
    secret = folder / "secret"
    secret.write_text("hidden")
    secret.chmod(0o600)
    return {"kind": "oauth2", "token_url": TOKEN, "client_id": "lt", "client_secret_file": str(secret)}


def test_every_host_of_the_settings_may_be_called_and_no_other(tmp_path: Path) -> None:
    """The list of hosts is made of the settings' own addresses; a backend's address goes upward as words only."""
    found = national_portal_settings(keys(outer_auth=with_token(tmp_path), provider_url="http://10.0.0.1/backend"))

    assert {"adapter.example.invalid:443", "lgsp.h99.example.invalid:8443"} == found.http.hosts
    assert () == found.http.networks


def test_networks_and_authorities_reach_the_channel(tmp_path: Path) -> None:
    """`private_networks` and `ca_file` are what the channel goes by."""
    (tmp_path / "ca.pem").write_bytes(b"PEM")
    found = national_portal_settings(keys(private_networks=["10.0.0.0/24"], ca_file=str(tmp_path / "ca.pem")))

    assert (networks_of(["10.0.0.0/24"]), b"PEM") == (found.http.networks, found.http.roots_pem)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"private_networks": ["10.0.0.1/24"]}, "partners.national_portal.private_networks"),
        ({"private_networks": ["here"]}, "partners.national_portal.private_networks"),
        ({"adapter_url": "https://adapter.example.invalid@10.0.0.1"}, "partners.national_portal.adapter_url"),
        ({"adapter_url": "https://adapter.example.invalid:x"}, "partners.national_portal"),
    ],
)
def test_unreadable_network_or_address_stops_the_start(changes: dict[str, object], key: str) -> None:
    """A network with a slip, or an address with two readings, is named with its key."""
    with pytest.raises(SettingsRefused) as refused:
        national_portal_settings(keys(**changes))

    assert key == refused.value.key


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"adapter_url": "http://10.0.0.5:8080", "allow_http": True, "private_networks": ["10.0.0.5"]}, ""),
        ({"adapter_url": "http://10.0.0.5:8080", "allow_http": True}, "private_networks"),
        ({"adapter_url": "https://127.1/x"}, "plain address"),
    ],
)
def test_check_finds_an_address_that_would_not_be_called(changes: dict[str, object], words: str) -> None:
    """What the channel would refuse at every delivery is found by `check`, without a look-up."""
    found = _partner("national_portal", keys(**changes))

    assert words in found if words else found == ""


def test_check_online_judges_as_the_channel_does(tmp_path: Path) -> None:
    """The token's address is looked up and judged as well as the adapter's."""
    partner = keys(outer_auth=with_token(tmp_path), private_networks=["127.0.0.0/8"])

    assert {"adapter_url": "https://adapter.example.invalid", "outer_auth.token_url": TOKEN} == addresses(partner)
    assert "127.0.0.1" == _address("http://127.0.0.1:9", partner)
    with pytest.raises(OSError, match="private_networks"):
        _address("http://10.0.0.5", partner)


# -- over X-Road ------------------------------------------------------------------------------------------------------

XROAD = {
    "variant": "xroad",
    "adapter_url": "",
    "xroad_url": "https://ss.example.invalid/",
    "xroad_client": "VN/GOV/000.00.00.H99/one-stop",
}


def test_xroad_has_one_address_and_it_is_the_security_servers() -> None:
    """All services go to the security server: it is the only host, and the only address that `check` looks at."""
    found = keys(**XROAD)

    assert frozenset({"ss.example.invalid:443"}) == national_portal_settings(found).http.hosts
    assert {"xroad_url": "https://ss.example.invalid/"} == addresses(found)
    plain = keys(**XROAD | {"xroad_url": "http://10.0.0.7/"})
    assert "is not https" in _partner("national_portal", plain)


@pytest.mark.parametrize("missing", ["xroad_url", "xroad_client"])
def test_xroad_needs_address_and_client(missing: str) -> None:
    """Without them the settings do not load."""
    with pytest.raises(msgspec.ValidationError, match="xroad_url and xroad_client"):
        keys(**XROAD | {missing: ""})


@pytest.mark.parametrize(
    "changes",
    [
        {"xroad_client": "VN/GOV"},
        {"xroad_service_provider": "VN/GOV/a_b/c"},
        {"xroad_services": {"step": "1/v1"}},
        {"xroad_protocol_version": "3.1"},
    ],
)
def test_xroad_identifier_that_no_server_knows_stops_the_start(changes: dict[str, object]) -> None:
    """The key that is wrong is named, by `check` and by the start."""
    with pytest.raises(SettingsRefused, match=next(iter(changes))):
        national_portal_settings(keys(**XROAD | changes))
    with pytest.raises(SettingsRefused, match=next(iter(changes))):
        _partner("national_portal", keys(**XROAD | changes))


def test_every_address_of_a_facade_is_looked_at() -> None:
    """Each address of a provincial façade that the settings name is checked before the start, and no other."""
    names = [name for name in NationalPortalKeys.__struct_fields__ if name.startswith("facade_") and "url" in name]
    told = {name: f"https://{name.replace('_', '-')}.example.invalid" for name in names}

    assert 6 == len(names)
    assert told == addresses(keys(variant="facade", **told))


# -- the form of an address -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("https://ann:S3cret@host.example.invalid/x", "user:password@ is not allowed"),
        ("http://ann@127.0.0.1/x", "user:password@ is not allowed"),
        ("//ann:S3cret@host.example.invalid", "user:password@ is not allowed"),
        ("ftp://127.0.0.1/x", "only https:// is called (or http://, with allow_http = true)"),
        ("host.example.invalid/x", "only https:// is called"),
    ],
)
def test_address_that_nobody_calls(tmp_path: Path, url: str, cure: str) -> None:
    """Its setting is named and never shown: `check` and the start say the same, of each address."""
    token = with_token(tmp_path) | {"token_url": url}
    one_stop = msgspec.convert(
        {
            "url": url,
            "protocol": "rest",
            "keyid": "k",
            "secret_file": "s",
            "their_keyid": "t",
            "their_secret_file": "u",
        },
        OneStopKeys,
    )
    portal = "partners.national_portal."
    for key, ask in (
        (portal + "adapter_url", lambda: national_portal_settings(keys(adapter_url=url))),
        (portal + "adapter_url", lambda: _partner("national_portal", keys(adapter_url=url, allow_http=True))),
        (portal + "outer_auth.token_url", lambda: national_portal_settings(keys(outer_auth=token))),
        ("partners.one_stop-b.url", lambda: read("one_stop-b", one_stop, real_ports())),
        ("partners.one_stop-b.url", lambda: _partner("one_stop-b", one_stop)),
    ):
        with pytest.raises(SettingsRefused) as refused:
            ask()

        assert key == refused.value.key
        assert cure in refused.value.cure
        assert "S3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://ann.example.invalid:1/S3cret@x", "https://ann:1/S3cret@x", "https://a:S3cret/@x"]
)
def test_no_finding_shows_an_address(url: str) -> None:
    """What was meant as a password may stand anywhere in it."""
    try:
        told = _partner("national_portal", keys(adapter_url=url))
    except SettingsRefused as refused:
        told = str(refused)

    assert "S3cret" not in told
