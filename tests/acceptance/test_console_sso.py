"""Signing in at a provider: a real one on a real port, and every way in which its answer must not be believed."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from bus.audit import Act
from bus.rights import Right
from config.console_settings import ConsoleSettings
from config.oidc_settings import OidcSettings
from config.settings_file import SettingsRefused
from config.signing_on import sso_of
from tests.acceptance.desk import place
from tests.console_door import HERE, Bench, bench
from tests.oidc_provider import CLIENT, SECRET, OidcProvider, provider, same
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def there(world: World) -> Iterator[OidcProvider]:
    with provider(world.clock.now) as made:
        yield made


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, OidcProvider]]:
    """A console and its provider, for tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("sso")
    world = World(folder)
    with provider(world.clock.now) as there:
        oidc = OidcSettings(**settings_of(there, folder))
        with bench(folder, world=world, public_url=HERE, oidc=oidc) as made:
            yield made, there


@pytest.fixture
def settings(there: OidcProvider, tmp_path: Path) -> dict[str, Any]:
    return settings_of(there, tmp_path)


def settings_of(there: OidcProvider, folder: Path) -> dict[str, Any]:
    """What the settings say of it."""
    file = folder / "oidc.secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return {
        "issuer": there.issuer,
        "client_id": CLIENT,
        "client_secret_file": str(file),
        "allow_http": True,
        "private_networks": ("127.0.0.0/8",),
        "roles_claim": "realm_access.roles",
        "roles": {"truc": ("operator",), "soat": ("auditor",)},
    }


@pytest.fixture
def here(world: World, settings: dict[str, Any], tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, world=world, public_url=HERE, oidc=OidcSettings(**settings)) as made:
        yield made


def set_out(here: Bench, to: str = "") -> str:
    """Press the button on the sign-in page; where the browser is sent."""
    page = here.get("/login")
    assert "/console/sso/start" in page.text
    answer = here.get("/sso/start", params={"next": to})
    assert 303 == answer.status_code, answer.text
    return str(answer.headers["location"])


def come_back(here: Bench, told: dict[str, str]) -> httpx2.Response:
    return here.get("/sso/back", params=told)


def sign_in(here: Bench, there: OidcProvider, to: str = "") -> httpx2.Response:
    return come_back(here, there.approve(set_out(here, to)))


def is_in(here: Bench) -> bool:
    return here.get("/account").status_code == 200


def test_signing_in_and_what_it_gives(here: Bench, there: OidcProvider) -> None:
    """Whom the provider vouches for is in, with the roles of the claims, under the provider's name, and noted."""
    there.person["realm_access"] = {"roles": ["truc", "unknown there"]}
    answer = sign_in(here, there, "/console/account")

    assert (303, "/console/account") == (answer.status_code, answer.headers["location"])
    assert is_in(here)
    account = here.console.people.account("an.nguyen")
    assert (("operator",), (), "Nguyễn An", "s-1") == (account.roles, account.units, account.shown, account.subject)
    assert account.password is None
    assert "person:an.nguyen" == here.console.audit.find(act=Act.SIGNED_IN).entries[0].actor


def test_role_that_is_given_no_more_is_lost(here: Bench, there: OidcProvider) -> None:
    """A second sign-in finds the same account by its subject, and takes away what the provider gives no more."""
    there.person["realm_access"] = {"roles": ["truc", "soat"]}
    sign_in(here, there)
    there.person |= {"realm_access": {"roles": ["soat"]}, "preferred_username": "renamed"}
    here.client.cookies.clear()
    sign_in(here, there)

    assert ("auditor",) == here.console.people.account("an.nguyen").roles
    assert here.console.people.find("renamed") is None


def test_way_on_is_one_of_ours(here: Bench, there: OidcProvider) -> None:
    """Nobody is sent elsewhere after signing in."""
    answer = sign_in(here, there, "https://evil.example.invalid/")

    assert "/console/" == answer.headers["location"]


def test_local_account_of_that_name_is_not_taken(here: Bench, there: OidcProvider) -> None:
    """The provider's `chi` is not our administrator of that name."""
    there.person["preferred_username"] = "chi"
    sign_in(here, there)
    account = here.console.people.account("chi")

    assert account.password is not None
    assert Right.ADMINISTER not in next(
        here.console.people.rights(one) for one in here.console.people.accounts() if one.subject == "s-1"
    )


# -- attacks on the way back -----------------------------------------------------------------------------------------


def test_answer_is_good_once(here: Bench, there: OidcProvider) -> None:
    """The same answer brought a second time signs nobody in, and its code is not tried again."""
    told = there.approve(set_out(here))
    assert 303 == come_back(here, told).status_code
    here.client.cookies.delete("lienthong")
    before = list(there.asked)

    assert 403 == come_back(here, told).status_code
    assert before == there.asked


def test_code_of_another_sign_in(here: Bench, there: OidcProvider) -> None:
    """A stolen code under a state of our own is refused: it was asked for with another verifier."""
    stolen = there.approve(set_out(here))["code"]
    told = there.approve(set_out(here))

    assert 403 == come_back(here, told | {"code": stolen}).status_code
    assert ["invalid_grant"] == there.refused
    assert not is_in(here)


def test_answer_in_another_browser(here: Bench, there: OidcProvider) -> None:
    """A link with somebody else's answer signs nobody in: it was begun in another browser."""
    told = there.approve(set_out(here))
    here.client.cookies.clear()

    assert 403 == come_back(here, told).status_code
    here.get("/login")
    assert 403 == come_back(here, told).status_code
    assert not is_in(here)


def test_late_answer(here: Bench, there: OidcProvider) -> None:
    """An answer after ten minutes counts no more."""
    told = there.approve(set_out(here))
    here.world.clock.sleep(timedelta(minutes=10).total_seconds())

    assert 403 == come_back(here, told).status_code


def test_mix_up(here: Bench, there: OidcProvider) -> None:
    """An answer that names another issuer is refused, and so is one without a name where ours names itself."""
    told = there.approve(set_out(here))
    assert 403 == come_back(here, told | {"iss": "https://other.example.invalid"}).status_code
    assert 303 == come_back(here, there.approve(set_out(here)) | {"iss": there.issuer}).status_code


def test_issuer_that_names_itself(here: Bench, there: OidcProvider) -> None:
    """Where the provider says that its answers name it (RFC 9207), one that does not is refused."""
    there.described["authorization_response_iss_parameter_supported"] = True

    assert 403 == sign_in(here, there).status_code
    assert 303 == come_back(here, there.approve(set_out(here)) | {"iss": there.issuer}).status_code


# -- attacks on the token --------------------------------------------------------------------------------------------


def other_key(there: OidcProvider, claims: dict[str, Any]) -> str:
    key = ECKey.generate_key("P-256", {"kid": "one"})
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)


def unsigned(there: OidcProvider, claims: dict[str, Any]) -> str:
    parts = [{"alg": "none"}, claims]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts), ""])


def hmac_with_public_key(there: OidcProvider, claims: dict[str, Any]) -> str:
    """By hand: a library refuses to make it."""
    parts = [{"alg": "HS256", "kid": "one"}, claims]
    told = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    made = hmac.digest(there.key.as_pem(private=False), told.encode(), "sha256")
    return f"{told}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def hmac_with_client_secret(there: OidcProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET * 2), algorithms=["HS256"])


def key_in_the_header(there: OidcProvider, claims: dict[str, Any]) -> str:
    key = ECKey.generate_key("P-256", {"kid": "evil"})
    return jwt.encode({"alg": "ES256", "kid": "evil", "jwk": key.as_dict(private=False)}, claims, key)


def changed_afterwards(there: OidcProvider, claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "ES256", "kid": "one"}, claims, there.key).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "s-2"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def test_audience_in_a_list(here: Bench, there: OidcProvider) -> None:
    """Our name alone in a list, or among others with us as the party it was made for, is ours."""
    for change in ({"aud": [CLIENT]}, {"aud": ["api", CLIENT], "azp": CLIENT}):
        there.lie = lambda claims, change=change: claims | change  # type: ignore[misc]
        here.client.cookies.clear()
        assert 303 == sign_in(here, there).status_code


# -- attacks on what the provider says of itself ---------------------------------------------------------------------


def test_provider_away(here: Bench, there: OidcProvider) -> None:
    """A provider that cannot be reached is told as that; passwords here go on."""
    there.answers["/realms/h99/.well-known/openid-configuration"] = (503, b"")
    assert 503 == here.get("/sso/start").status_code
    assert 303 == here.sign_in("an").status_code


def test_new_key_of_the_provider(here: Bench, there: OidcProvider) -> None:
    """A provider that changed its key is believed again without a restart: keys are asked for anew."""
    sign_in(here, there)
    here.client.cookies.clear()
    here.world.clock.sleep(31)
    there.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})

    assert 303 == sign_in(here, there).status_code
    assert 2 == there.asked.count("/keys")
    assert 1 == there.asked.count("/realms/h99/.well-known/openid-configuration")


def test_disabled_account(here: Bench, there: OidcProvider) -> None:
    """An account that was disabled here stays out, whatever the provider says."""
    sign_in(here, there)
    here.console.people.disable("an.nguyen", actor="person:chi", reason="left the office")
    here.client.cookies.clear()

    assert 403 == sign_in(here, there).status_code
    assert not is_in(here)


# -- lies ------------------------------------------------------------------------------------------------------------


class TestUnbelieved:
    """Many lies to one console: none of them signs anybody in."""

    @pytest.fixture
    def there(self, hall: tuple[Bench, OidcProvider]) -> OidcProvider:
        """The provider, telling the truth again."""
        told = hall[1]
        told.lie, told.sign, told.described, told.answers = same, None, {}, {}
        told.asked.clear()
        return told

    @pytest.fixture
    def here(self, hall: tuple[Bench, OidcProvider]) -> Bench:
        """The console, in a browser that is new, half an hour later: it asks the provider anew."""
        hall[0].client.cookies.clear()
        hall[0].world.clock.sleep(1800)
        return hall[0]

    @pytest.mark.parametrize(
        "change",
        [{"state": "made-up"}, {"state": ""}, {"code": ""}, {"code": "x" * 2001}, {"error": "access_denied"}],
        ids=lambda change: next(iter(change)) + "=" + next(iter(change.values()))[:8],
    )
    def test_answer_that_is_none(self, here: Bench, there: OidcProvider, change: dict[str, str]) -> None:
        """Without our state, without a code, or with an error nobody is signed in."""
        told = there.approve(set_out(here))

        assert come_back(here, told | change).status_code in (400, 403)
        assert not is_in(here)

    @pytest.mark.parametrize(
        "sign",
        [
            other_key,
            unsigned,
            hmac_with_public_key,
            hmac_with_client_secret,
            key_in_the_header,
            changed_afterwards,
            lambda there, claims: "no.token",
            lambda there, claims: "",
        ],
    )
    def test_signature_that_is_none(
        self, here: Bench, there: OidcProvider, sign: Callable[[OidcProvider, dict[str, Any]], str]
    ) -> None:
        """A token that no key of the provider signed, by an algorithm that we take, signs nobody in."""
        there.sign = sign

        assert 403 == sign_in(here, there).status_code
        assert not is_in(here)
        assert all(account.subject is None for account in here.console.people.accounts())

    @pytest.mark.parametrize(
        "lie",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"nonce": ""},
            {"aud": "another-client"},
            {"aud": [CLIENT, "another-client"]},
            {"aud": [CLIENT, "another-client"], "azp": "another-client"},
            {"aud": []},
            {"aud": None},
            {"azp": "another-client"},
            {"iss": "https://other.example.invalid"},
            {"iss": None},
            {"exp": 1},
            {"exp": None},
            {"exp": "tomorrow"},
            {"iat": 4_000_000_000},
            {"iat": None},
            {"nbf": 4_000_000_000},
            {"sub": ""},
            {"sub": None},
            {"sub": 7},
            {"sub": "x" * 256},
            {"at_hash": "AAAA"},
            {"realm_access": {"roles": ["x"] * 201}},
        ],
        ids=lambda lie: json.dumps(lie)[:40],
    )
    def test_claim_that_does_not_fit(self, here: Bench, there: OidcProvider, lie: dict[str, Any]) -> None:
        """A token for another sign-in, for somebody else, of another issuer or another time signs nobody in."""
        there.lie = lambda claims: {name: value for name, value in (claims | lie).items() if value is not None}

        assert 403 == sign_in(here, there).status_code
        assert not is_in(here)

    @pytest.mark.parametrize(
        "described",
        [
            {"issuer": "https://other.example.invalid"},
            {"token_endpoint": "http://127.0.0.1:1/token"},
            {"jwks_uri": "https://other.example.invalid/keys"},
            {"jwks_uri": "http://169.254.169.254/latest"},
            {"jwks_uri": "file:///etc/passwd"},
            {"authorization_endpoint": None},
            {"token_endpoint": "//other"},
        ],
        ids=lambda described: str(next(iter(described.values()))),
    )
    def test_description_that_leads_elsewhere(
        self, here: Bench, there: OidcProvider, described: dict[str, Any]
    ) -> None:
        """A description of another issuer, or with addresses at other hosts, is not followed."""
        there.described = described

        assert 403 == here.get("/sso/start").status_code
        assert ["/realms/h99/.well-known/openid-configuration"] == there.asked

    @pytest.mark.parametrize(
        ("path", "answer", "status"),
        [
            ("/realms/h99/.well-known/openid-configuration", (302, b"http://127.0.0.1:1/"), 503),
            ("/realms/h99/.well-known/openid-configuration", (500, b"{}"), 503),
            ("/realms/h99/.well-known/openid-configuration", (200, b"<html>"), 403),
            ("/realms/h99/.well-known/openid-configuration", (200, b"[]"), 403),
            ("/realms/h99/.well-known/openid-configuration", (200, b" " * 300_000), 503),
        ],
    )
    def test_description_that_is_none(
        self, here: Bench, there: OidcProvider, path: str, answer: tuple[int, bytes], status: int
    ) -> None:
        """A redirect is not followed, an endless answer not read on, and what is no description is of no use."""
        there.answers[path] = answer

        assert status == here.get("/sso/start").status_code

    @pytest.mark.parametrize(
        ("path", "answer", "status"),
        [
            ("/keys", (200, b'{"keys": "none"}'), 403),
            ("/keys", (200, b'{"keys": []}'), 403),
            ("/keys", (404, b"{}"), 503),
            ("/token", (200, b"no json"), 403),
            ("/token", (200, b"[]"), 403),
            ("/token", (200, b"{}"), 403),
            ("/token", (400, b'{"error": "invalid_grant"}'), 403),
            ("/token", (500, b"{}"), 503),
            ("/token", (302, b"http://127.0.0.1:1/"), 403),
        ],
    )
    def test_provider_that_falters(
        self, here: Bench, there: OidcProvider, path: str, answer: tuple[int, bytes], status: int
    ) -> None:
        """Whatever else the provider answers, nobody is signed in and a page says how to go on."""
        there.answers[path] = answer
        answered = sign_in(here, there)

        assert status == answered.status_code, answered.text
        assert not is_in(here)


# -- settings --------------------------------------------------------------------------------------------------------


def test_without_a_provider(tmp_path: Path) -> None:
    """Where the settings name no provider its pages are not there, and no button is."""
    with bench(tmp_path) as made:
        assert [404, 404] == [made.get(f"/sso/{name}").status_code for name in ("start", "back")]
        assert "/sso/start" not in made.get("/login").text


def test_claimed_units_and_roles_left_here(
    world: World, there: OidcProvider, settings: dict[str, Any], tmp_path: Path
) -> None:
    """Units come from their claim, at each sign-in anew; without a claim of roles an administrator gives them."""
    told = settings | {"roles_claim": "", "roles": {}, "units_claim": "units"}
    with bench(tmp_path, world=world, public_url=HERE, oidc=OidcSettings(**told)) as made:
        there.person |= {"units": ["H99.12", "H99.11"], "name": 7, "preferred_username": "Ông Không Hợp Lệ"}
        sign_in(made, there)
        (account,) = [one for one in made.console.people.accounts() if one.subject]
        assert ((), ("H99.11", "H99.12")) == (account.roles, account.units)
        there.person["units"] = "H99.13"
        made.client.cookies.clear()
        sign_in(made, there)
        assert ("H99.13",) == made.console.people.account(account.name).units


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"public_url": ""}, "public_url"),
        ({"allow_http": False}, "issuer"),
        ({"private_networks": ("10.0.0.0/99",)}, "private_networks"),
        ({"roles": {"boss": ("administrator",)}}, "may_administer"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file"),
        ({"client_secret_file": "/nowhere/secret"}, "client_secret_file"),
    ],
)
def test_settings_that_are_refused(world: World, settings: dict[str, Any], change: dict[str, Any], said: str) -> None:
    """Settings that could not work, or would make an administrator by accident, stop the start and say which."""
    public_url = change.pop("public_url", HERE)
    told = ConsoleSettings(public_url=public_url, oidc=OidcSettings(**(settings | change)))
    with pytest.raises(SettingsRefused, match=said):
        sso_of(told, _ports(world))


def _ports(world: World) -> Any:
    from tests.console_door import installation_of

    return installation_of(world, ConsoleSettings()).ports


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "id.example.invalid"},
        {"scope": "profile"},
        {"roles_claim": ""},
        {"every_unit": True, "units_claim": "units"},
    ],
)
def test_settings_that_contradict(settings: dict[str, Any], change: dict[str, Any]) -> None:
    """Settings that contradict each other are refused where they are read."""
    with pytest.raises(ValueError, match=r"issuer|openid|roles_claim|units_claim"):
        OidcSettings(**(settings | change))


def test_check_finds_what_the_start_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lienthong check` tells before the start what is wrong with the provider's settings, and knows its secret."""
    with place(tmp_path, capsys) as made:
        file = made.folder / "lienthong.toml"
        told = '\n[console.oidc]\nissuer = "https://id.h99.example.invalid"\nclient_id = "lienthong"\n'
        file.write_text(f'{file.read_text()}{told}client_secret_file = "{tmp_path / "s"}"\n')
        (tmp_path / "s").write_text(SECRET)
        (tmp_path / "s").chmod(0o600)
        answer = made.type("check")
        keys = made.ask("keys", "list")

    assert (1, True) == (answer.code, "console.oidc" in answer.out)
    assert "console.oidc.client_secret_file" in {key["name"] for key in keys}
