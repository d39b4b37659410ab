"""One-stop systems in the settings: tables by name, keys of every kind, and each mistake by its key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

from adapters.channels.pki import RevocationSource
from adapters.partners.one_stop.adapter import OneStop
from adapters.partners.one_stop.settings import RestKeys, SoapKeys
from bus.dispatch import PartnerWork
from bus.ports import FileStorage, SystemClock
from config import checks, partner_one_stop
from config.key_life import ends
from config.key_making import make_identity
from config.minding import Minding
from config.new_installation import make, prepare_ledger
from config.settings import OneStopKeys, Settings
from config.settings_file import SettingsRefused, load
from config.wiring import Installation, build, real_ports
from contracts.one_stop.pki import ONE_STOP, Leaf
from signing import keys, pkcs11
from signing.asymmetric import PublicKey
from signing.keys import X509Identity
from signing.trust import Trust
from tests.key_pairs import public_pem
from tests.one_stop_kit import SUBJECT, shared_pki

SOAP = f"""
[partners.one_stop]
url = "https://one-stop.h99.example.invalid/lienthong"
signing_key_file = "ours.key"
signing_certificate_file = "ours.pem"
trust_roots_file = "roots.pem"
pinned_subjects = ["{SUBJECT}"]
revocation = "none"
"""
REST = """
[partners.one_stop-rest]
url = "https://one-stop.h99.example.invalid/rest"
protocol = "rest"
keyid = "lienthong"
secret_file = "our.secret"
their_keyid = "one-stop-h99"
their_secret_file = "their.secret"
"""


def private(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings for mocks, and a file of each kind of key beside them."""
    make(tmp_path, for_mocks="http://127.0.0.1:1")
    pki = shared_pki()
    private(tmp_path / "ours.key", pki.caller.key_pem)
    (tmp_path / "ours.pem").write_bytes(pki.caller.certificate_pem)
    (tmp_path / "roots.pem").write_bytes(pki.authority_pem)
    private(tmp_path / "our.secret", b"a-secret-of-lienthong-of-32-byte\n")
    private(tmp_path / "their.secret", b"a-secret-of-the-one-stop-32-byte\n")
    return tmp_path


def read(folder: Path, *tables: str, environ: dict[str, str] | None = None, **changes: str) -> Settings:
    """The settings with these tables; a change replaces the line of its key, or adds it to the first table."""
    text = "".join(tables)
    for name, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
        at = next(n for n, line in enumerate(lines) if line.startswith("["))
        text = "\n".join([*lines[: at + 1], f"{name} = {value}" if value else "", *lines[at + 1 :]]) + "\n"
    file = folder / "with.toml"
    plain = (folder / "lienthong.toml").read_text().partition("[partners.one_stop")[0]
    private(file, (plain + text).encode())
    return load(file, environ or {}).settings


def keys_of(settings: Settings, name: str = "one_stop") -> OneStopKeys:
    found = settings.partner_table()[name]
    assert isinstance(found, OneStopKeys)
    return found


def opened(settings: Settings, name: str = "one_stop") -> SoapKeys | RestKeys:
    """The keys as the adapter gets them."""
    return partner_one_stop.read(name, keys_of(settings, name), real_ports())[0].keys


# -- tables ------------------------------------------------------------------------------------------------------------


def test_tables_by_name(folder: Path) -> None:
    """Each table is a partner under its own name, whatever stands behind the dash; the portal's stays what it was."""
    settings = read(folder, SOAP, REST, REST.replace("one_stop-rest", "one_stop-h99-2"))

    assert ["national_portal", "one_stop", "one_stop-rest", "one_stop-h99-2"] == list(settings.partner_table())
    assert "rest" == keys_of(settings, "one_stop-h99-2").protocol


@pytest.mark.parametrize(
    ("tables", "key", "cure"),
    [
        ((REST.replace("-rest]", "-Rest]"),), "partners.one_stop-Rest", "small letters"),
        ((REST.replace("-rest]", "-]"),), "partners.one_stop-", "small letters"),
        (("[partners.one_stops.one_stop-x]\nurl = 'x'\n",), "partners.one_stops", "no such setting"),
        ((SOAP + "colour = 'red'\n",), "partners.one_stop.colour", "no such setting"),
        (
            (SOAP, REST, REST.replace("-rest]", "-b]") + "keyidd = 'x'\n"),
            "partners.one_stop-b.keyidd",
            "is keyid meant?",
        ),
        (
            (REST.replace("-rest]", "-b]") + "takes_outcomes = ['sent']\n",),
            "partners.one_stop-b.takes_outcomes[0]",
            "sent",
        ),
        ((SOAP.replace("url =", "#"),), "partners.one_stop.url", "is missing"),
        ((SOAP.replace('revocation = "none"', ""),), "partners.one_stop", "crl_urls or revocation_hosts"),
        ((SOAP.replace("signing_key_file", "#"),), "partners.one_stop", "one of signing_key_file"),
        ((SOAP + "signing_pkcs12_file = 'x'\n",), "partners.one_stop", "and only one"),
        ((SOAP.replace("signing_certificate_file", "#"),), "partners.one_stop", "signing_certificate_file is missing"),
        ((SOAP.replace("trust_roots_file", "#"),), "partners.one_stop", "trust_roots_file"),
        ((SOAP.replace("pinned_subjects", "#"),), "partners.one_stop", "pinned_subjects or pinned_keys"),
        ((REST.replace("keyid", "#", 1),), "partners.one_stop-rest", "needs keyid"),
        ((REST.replace("their_secret_file", "#"),), "partners.one_stop-rest", "one of their_secret_file"),
        ((REST + "their_public_key_file = 'x'\n",), "partners.one_stop-rest", "and only one"),
        (("partners = 1\n",), "partners", "expected"),
    ],
)
def test_mistake_names_table_and_key(folder: Path, tables: tuple[str, ...], key: str, cure: str) -> None:
    """A mistake in any of the tables stops the start; table, key and cure are named."""
    if tables[0].startswith("partners"):
        private(folder / "lienthong.toml", b"partners = 1\n")
        tables = ()
    with pytest.raises(SettingsRefused) as refused:
        read(folder, *tables)

    assert key == refused.value.key
    assert cure in refused.value.cure


def test_environment_reaches_named_tables(folder: Path) -> None:
    """One key of one table is overridden by a variable with its name, typed as the key is."""
    environ = {
        "LIENTHONG_PARTNERS__ONE_STOP__TIMEOUT_S": "7",
        "LIENTHONG_PARTNERS__ONE_STOP_REST__TAKES_OUTCOMES_OF": '["one-stop/h99"]',
    }
    settings = read(folder, SOAP, REST, environ=environ)

    assert 7.0 == keys_of(settings).timeout_s
    assert ("one-stop/h99",) == keys_of(settings, "one_stop-rest").takes_outcomes_of


def test_environment_is_typed_in_named_tables(folder: Path) -> None:
    """A variable of the wrong type is refused by its own name."""
    with pytest.raises(SettingsRefused, match="LIENTHONG_PARTNERS__ONE_STOP_REST__TIMEOUT_S"):
        read(folder, REST, environ={"LIENTHONG_PARTNERS__ONE_STOP_REST__TIMEOUT_S": "soon"})


# -- keys --------------------------------------------------------------------------------------------------------------


def container(folder: Path, password: bytes | None) -> None:
    ours = shared_pki().caller
    how = BestAvailableEncryption(password) if password else keys.NoEncryption()
    made = pkcs12.serialize_key_and_certificates(b"ours", ours.key, ours.certificate, None, how)
    private(folder / "ours.p12", made)
    if password:
        private(folder / "p12.password", password + b"\n")


def test_key_from_pem(folder: Path) -> None:
    """Key and certificate from two files; it is the mock's caller."""
    found = opened(read(folder, SOAP))

    assert isinstance(found, SoapKeys)
    assert shared_pki().caller.certificate.public_bytes(Encoding.DER) == found.identity.certificate_der
    assert isinstance(found.trust, Trust)


@pytest.mark.parametrize("password", [None, b"open-sesame"])
def test_key_from_pkcs12(folder: Path, password: bytes | None) -> None:
    """The same from one container, with a password or none."""
    container(folder, password)
    told = {"signing_key_file": "", "signing_certificate_file": "", "signing_pkcs12_file": '"ours.p12"'}
    told |= {"signing_pkcs12_password_file": '"p12.password"'} if password else {}

    assert opened(read(folder, SOAP, **told)).identity.key_id == opened(read(folder, SOAP)).identity.key_id


def test_key_from_a_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token's key is asked for by its label, with the PIN from a file of ours."""
    asked: dict[str, Any] = {}

    def from_token(**members: Any) -> X509Identity:
        asked.update(members)
        return keys.from_pem(folder / "ours.key", members["certificate_file"], name="x")

    monkeypatch.setattr(pkcs11, "from_token", from_token)
    private(folder / "token.pin", b"1234\n")
    table = '{module = "/lib/token.so", token = "t", label = "k", pin_file = "token.pin"}'
    opened(read(folder, SOAP, signing_key_file="", pkcs11=table))

    assert ("/lib/token.so", "t", "k", "1234") == tuple(asked[name] for name in ("module", "token", "key", "pin"))


def test_token_that_does_not_sign(folder: Path) -> None:
    """A token that cannot be reached is a finding of its own setting."""
    private(folder / "token.pin", b"1234\n")
    table = '{module = "/nowhere/token.so", token = "t", label = "k", pin_file = "token.pin"}'

    with pytest.raises(SettingsRefused) as refused:
        opened(read(folder, SOAP, signing_key_file="", pkcs11=table))
    assert "partners.one_stop.pkcs11" == refused.value.key


def test_rest_keys(folder: Path) -> None:
    """Secrets without their line ends, each under its name; theirs may be a public key."""
    (folder / "their.pub").write_bytes(public_pem("ed25519"))
    shared = opened(read(folder, REST), "one_stop-rest")
    own = opened(read(folder, REST, their_secret_file="", their_public_key_file='"their.pub"'), "one_stop-rest")

    assert isinstance(shared, RestKeys)
    assert (b"a-secret-of-lienthong-of-32-byte", b"a-secret-of-the-one-stop-32-byte") == (
        shared.secret,
        shared.their_key,
    )
    assert ("lienthong", "one-stop-h99") == (shared.key_id, shared.their_key_id)
    assert isinstance(own.their_key, PublicKey)


def spoil(folder: Path, name: str, content: bytes, mode: int = 0o600) -> None:
    (folder / name).write_bytes(content)
    (folder / name).chmod(mode)


BAD: list[tuple[str, dict[str, str], tuple[str, bytes, int] | None, str, str]] = [
    (SOAP, {}, ("ours.key", b"nothing", 0o600), "signing_key_file", "not a PEM key"),
    (SOAP, {}, ("ours.key", b"", 0o644), "signing_key_file", "others may read it"),
    (SOAP, {"signing_certificate_file": '"roots.pem"'}, None, "signing_key_file", "not of this key"),
    (SOAP, {}, ("roots.pem", b"nothing", 0o644), "trust_roots_file", "no PEM certificate"),
    (SOAP, {}, ("ours.key", b"nothing", 0o600), "signing_key_file", "`lienthong keys generate identity` makes one"),
    (SOAP, {"signing_key_file": '"gone"'}, None, "signing_key_file", "`lienthong keys generate identity` makes one"),
    (SOAP, {"signing_certificate_file": '"gone"'}, None, "signing_certificate_file", "that the authority made for our"),
    (SOAP, {"trust_roots_file": '"gone"'}, None, "trust_roots_file", "put the certificate of the authority there"),
    (SOAP, {"trust_roots_file": '"ours.pem"'}, None, "trust_roots_file", "has no certificate of an authority"),
    (SOAP, {"pinned_subjects": f'["{SUBJECT}", "nobody"]'}, None, "pinned_subjects", "'nobody' is no subject of"),
    (SOAP, {"pinned_subjects": '[""]'}, None, "pinned_subjects", "write it as CN=one-stop,O=Example,C=VN"),
    (SOAP, {"pinned_keys": '["ab12"]'}, None, "pinned_keys", "write 64 hexadecimal digits"),
    (SOAP, {"url": '"https://x.example.invalid/?a=1"'}, None, "url", "no query"),
    (SOAP, {"url": '"ftp://x.example.invalid/"'}, None, "url", "only https"),
    (SOAP, {"revocation": '"require"', "crl_urls": '["file:///x"]'}, None, "crl_urls", ""),
    (REST, {}, ("our.secret", b"short", 0o600), "secret_file", "16 or more"),
    (REST, {}, ("their.secret", b"demo-only-secret-of-32-bytes-long", 0o600), "their_secret_file", "of the demo"),
    (REST, {"their_secret_file": "", "their_public_key_file": '"ours.key"'}, None, "their_public_key_file", ""),
    (REST, {"their_secret_file": "", "their_public_key_file": '"gone"'}, None, "their_public_key_file", "No such file"),
    (
        REST,
        {"their_secret_file": "", "their_public_key_file": '"gone"'},
        None,
        "their_public_key_file",
        "put the public",
    ),
]


@pytest.mark.parametrize(("table", "changes", "file", "member", "cure"), BAD)
def test_key_that_cannot_be_used(folder, table, changes, file, member, cure) -> None:
    """`check` finds it before the start, by its setting; the start finds it as well."""
    if file:
        spoil(folder, *file)
    settings = read(folder, table, **changes)
    name = "one_stop-rest" if table is REST else "one_stop"

    with pytest.raises(SettingsRefused) as refused:
        opened(settings, name)

    assert f"partners.{name}.{member}" == refused.value.key
    assert cure in refused.value.cure
    (answer,) = [each for each in checks.offline(settings) if each.what == f"partners.{name}"]
    assert f"partners.{name}.{member}: " in answer.detail or partner_url(settings, name) in answer.detail


def partner_url(settings: Settings, name: str) -> str:
    return keys_of(settings, name).url


def test_demo_keys_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published demo key signs nothing outside the demo, nor is a demo's public key believed."""
    spki = keys.spki_of(shared_pki().caller.key.public_key())
    monkeypatch.setattr(keys, "DEMO_KEY", hashlib.sha256(spki).hexdigest())
    with pytest.raises(SettingsRefused, match="published demo key"):
        opened(read(folder, SOAP))

    (folder / "their.pub").write_bytes(public_pem("ed25519"))
    monkeypatch.setattr(PublicKey, "is_of_the_demo", True)
    with pytest.raises(SettingsRefused, match="key of the demo"):
        opened(read(folder, REST, their_secret_file="", their_public_key_file='"their.pub"'), "one_stop-rest")


def test_intermediates_stand_among_the_roots(folder: Path) -> None:
    """A file with a root and what stands below it: only what vouches for itself is an authority of the settings."""
    pki = shared_pki()
    (folder / "roots.pem").write_bytes(pki.one_stop.certificate_pem + pki.authority_pem)

    assert "Trust(1 roots, 0 named)" == repr(opened(read(folder, SOAP)).trust)


def test_leaf_that_vouches_for_itself_is_no_authority(folder: Path) -> None:
    """Beside a certificate signed by itself an authority below another still counts: it is where chains end."""
    pki = shared_pki()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alone.example.invalid")])
    make_identity(folder / "alone.key", subject, is_ecdsa=True, self_signed_for=timedelta(days=30))
    alone = (folder / "alone.key.crt").read_bytes()
    (folder / "roots.pem").write_bytes(alone + pki.authority_pem)
    assert "Trust(1 roots, 0 named)" == repr(opened(read(folder, SOAP)).trust)

    (folder / "roots.pem").write_bytes(alone)
    with pytest.raises(SettingsRefused, match="has no certificate of an authority"):
        opened(read(folder, SOAP))


# -- what is done with them --------------------------------------------------------------------------------------------


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    settings = read(folder, SOAP, REST, revocation='"require"', crl_urls='["http://127.0.0.1:9/x.crl"]')
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
    built = build(settings)
    yield built
    built.close()


def test_worker_gets_an_adapter_for_each(installation: Installation) -> None:
    """Each table is a partner of the worker, by its own adapter, one message a call."""
    found = installation.partners()

    assert {"national_portal", "one_stop", "one_stop-rest"} == found.keys()
    for name in ("one_stop", "one_stop-rest"):
        assert isinstance(found[name], PartnerWork)
        assert isinstance(found[name].adapter, OneStop)
        assert 1 == found[name].batch


def test_revocation_is_renewed_in_the_background(installation: Installation) -> None:
    """Where revocation is required, the worker asks for what ends soon once a minute, beside the messages."""
    installation.partners()
    asked: list[datetime] = []
    (duty,) = installation.minded
    assert isinstance(duty.__self__, RevocationSource)  # type: ignore[attr-defined]
    installation.minded[:] = [asked.append, lambda now: 1 / 0, asked.append]  # type: ignore[list-item, func-returns-value]

    minding = Minding(installation, None)
    for each in minding.of_partners():
        minding._guarded(each)

    assert 2 == len(asked)
    assert all(now.tzinfo is UTC for now in asked)


def test_revocation_that_ran_out_is_a_doubt(installation: Installation) -> None:
    """A list of the settings that does not come is told by /readyz; one that nobody has asked for yet is not."""
    installation.partners()
    (is_stale,), (refresh,) = installation.doubts, installation.minded
    before = is_stale(datetime.now(UTC))
    refresh(datetime.now(UTC))

    assert not before
    assert is_stale(datetime.now(UTC))


def test_keys_are_listed(folder: Path) -> None:
    """Every key file of a table has a row; what is private must be so, what is public may be read by all."""
    (folder / "ours.pem").chmod(0o644)
    (folder / "roots.pem").chmod(0o644)
    settings = read(folder, SOAP, REST)
    rows = {row["name"]: row for row in checks.keys_of(settings)}

    for member in ("signing_key_file", "signing_certificate_file", "trust_roots_file"):
        assert "" == rows[f"partners.one_stop.{member}"]["trouble"]
    assert "" == rows["partners.one_stop-rest.secret_file"]["trouble"]
    (folder / "ours.key").chmod(0o640)
    (folder / "roots.pem").unlink()
    rows = {row["name"]: row for row in checks.keys_of(settings)}
    assert "others may read it" in rows["partners.one_stop.signing_key_file"]["trouble"]
    assert "no such file" in rows["partners.one_stop.trust_roots_file"]["trouble"]


def leaf_for(folder: Path, days: int) -> None:
    leaf: Leaf = shared_pki().issue("lienthong.h99.example.invalid", days=(-1, days))
    private(folder / "ours.key", leaf.key_pem)
    (folder / "ours.pem").write_bytes(leaf.certificate_pem)


def test_certificate_that_ends_soon_is_seen(folder: Path) -> None:
    """Its end is told by setting (metric, /readyz, log), under the table's own name; `check` has it as a finding."""
    leaf_for(folder, 10)
    settings = read(folder, SOAP.replace("one_stop]", "one_stop-soap]"))

    end = ends(settings)["partners.one_stop-soap.signing_certificate_file"]
    assert end is not None
    assert timedelta(days=9) < end - datetime.now(UTC) < timedelta(days=11)
    (answer,) = [each for each in checks.offline(settings) if each.what == "partners.one_stop-soap"]
    assert "our certificate ends on" in answer.detail


def test_container_that_ends_is_seen(folder: Path) -> None:
    """A certificate in a PKCS#12 file is looked at too."""
    container(folder, b"open-sesame")
    told = {"signing_key_file": "", "signing_certificate_file": "", "signing_pkcs12_file": '"ours.p12"'}
    settings = read(folder, SOAP, **told, signing_pkcs12_password_file='"p12.password"')

    end = ends(settings)["partners.one_stop.signing_pkcs12_file"]
    assert end is not None
    assert end.date() == shared_pki().caller.certificate.not_valid_after_utc.date()


def test_check_is_well(folder: Path) -> None:
    """Good keys, and addresses that a call would go to: nothing is found."""
    answers = {each.what: each.detail for each in checks.offline(read(folder, SOAP, REST))}

    assert ("", "") == (answers["partners.one_stop"], answers["partners.one_stop-rest"])


@pytest.mark.parametrize(
    ("url", "found"), [("http://one-stop.example.invalid/x", "is not https"), ("https://127.0.0.1/x", "not public")]
)
def test_check_finds_addresses(folder: Path, url: str, found: str) -> None:
    """Plain HTTP and the machine itself are no addresses unless the settings say so."""
    answers = {each.what: each.detail for each in checks.offline(read(folder, SOAP, url=f'"{url}"'))}

    assert found in answers["partners.one_stop"]


def test_names_are_the_mocks() -> None:
    """The pinned subject of these tests is the mock's own."""
    assert f"CN={ONE_STOP}" == SUBJECT
    assert os.sep not in SUBJECT
