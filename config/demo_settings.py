"""What a demo's folder holds before anything runs: keys, secrets, certificates, and the settings that name them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from adapters.channels.http import HttpSettings, open_fastest
from bus.follow_ups import TOLD
from bus.messages import State
from bus.ports import SystemRandomness
from bus.seal import MasterKey
from config import demo_signers
from config.demo.day import SOURCES
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS, WARDS_UNITS
from config.demo_gateways import HASTE, write_secrets
from config.demo_gateways import text as payments_text
from config.key_making import make_identity
from config.new_installation import MASTER, MOCK_PASSWORD, PASSWORD, SETTINGS, SIGNING
from config.settings_file import DEMO_MARK
from config.signing_key import generate, write_new
from contracts.one_stop.gate import Account
from contracts.one_stop.pki import ONE_STOP as THEIR_NAME

CALLERS: Final = {ONE_STOP: "one-stop", COMMUNES: "communes"}
"""Source → the caller that speaks for it."""
PORTAL: Final = "national_portal"
WARDS_PARTNER: Final = "one_stop"
PROVINCE_PARTNER: Final = "one_stop-province"
TELLS: Final = {
    WARDS_PARTNER: ((WARDS,), TOLD),
    PROVINCE_PARTNER: ((ONE_STOP, COMMUNES), frozenset({State.HELD, State.REFUSED})),
}
"""Partner → the sources whose outcomes it is told, and which."""
SOAP: Final = "soap"
WARDS_CALLER: Final = "wards"
OLD_ACCOUNT: Final = "old"
MADONVI: Final = "000.00.00.H99"
OLD_USER: Final = "old.h99"
OUTCOMES: Final = "outcomes.pem"
AUTHORITY: Final = "one-stop-authority.pem"
ACCOUNT: Final = Account()
"""What the mock of the one-stop system expects; everybody knows it."""
KEY_ID, MOCKS_SECRET = next(iter(ACCOUNT.secrets.items()))
OUR_SECRET: Final = "outcomes.secret"  # noqa: S105  # the name of a file
THEIR_SECRET: Final = "one-stop-answers.secret"  # noqa: S105  # the name of a file

TOML: Final = """\
# Made by `lienthong demo`, for this demo only: its secrets are known to everybody who saw it.
[ledger]
url = "sqlite:///ledger.db"
master_key_file = "{master}"
signing_key_file = "{signing}"
checkpoint_every_s = 5

[web]
port = {port}

[callers.one-stop]
secret_file = "one-stop.secret"
sources = {sources}
order = "arrival"

[callers.communes]
secret_file = "communes.secret"
sources = ["{communes}"]
order = "sequence"

{others}[partners.national_portal]
mode = "live"
adapter_url = "{mocks}/national_portal"
allow_http = true
private_networks = ["127.0.0.0/8"]
madonvi = "000.00.00.H99"
username = "000.00.00.H99"
password_file = "{password}"
# Short, so that lost replies are asked about within the time that somebody watches.
threads = 16
timeout_s = 2
connect_timeout_s = 1
in_flight_s = 3
lease_s = 10
probe_every_s = 1
retry_s = [0.5, 1, 2, 4]
"""
OTHERS: Final = f"""\
# A second one-stop system: signed SOAP. POST /soap/one-stop, GET /soap/one-stop?wsdl
[callers.{WARDS_CALLER}]
certificate = "{WARDS_CALLER}.key.crt"
sources = ["{WARDS}"]
order = "{SOURCES[WARDS]}"

[soap]
identity_file = "{SOAP}.key"
certificate_file = "{SOAP}.key.crt"

# A third, old one: the portal's own API. POST /VXPAdapter/RestService/forward/mapi/login
[facade]
enabled = true
[facade.accounts.{OLD_ACCOUNT}]
username = "{OLD_USER}"
password_file = "{OLD_ACCOUNT}.password"
source = "{OLD}"
madonvi = "{MADONVI}"

# What citizens file on the portal comes in here, and goes to the wards' system.
[portal_door]
enabled = true
unit = "{WARDS_UNITS[0]}"
networks = ["127.0.0.0/8"]
files_url = "http://127.0.0.1:{{port}}"

# What became of their events is told to the wards' system over SOAP, and to the province's over REST.
[partners.{WARDS_PARTNER}]
protocol = "soap"
soap_version = "1.2"
url = "{{mocks}}/one_stop/soap"
signing_key_file = "{OUTCOMES}"
signing_certificate_file = "{OUTCOMES}"
trust_roots_file = "{AUTHORITY}"
pinned_subjects = ["CN={THEIR_NAME}"]
revocation = "none"
takes_outcomes_of = ["{WARDS}"]
takes_filed = true
{HASTE}
[partners.{PROVINCE_PARTNER}]
protocol = "rest"
url = "{{mocks}}/one_stop/rest"
keyid = "{KEY_ID}"
secret_file = "{OUR_SECRET}"
their_keyid = "{ACCOUNT.answer_key_id}"
their_secret_file = "{THEIR_SECRET}"
takes_outcomes_of = ["{ONE_STOP}", "{COMMUNES}"]
takes_outcomes = ["held", "refused"]
{HASTE}
"""


def write_folder(folder: Path, mocks: str, port: int, sources: Sequence[str] | None) -> dict[str, bytes]:
    """All of it; the secrets by caller, the old system's password by its account.

    With `sources`, those of a file, all that comes comes over REST; without, three systems speak, each in its way.
    """
    names = [*CALLERS.values(), *([OLD_ACCOUNT] if sources is None else [])]
    keys = {name: f"{DEMO_MARK}{secrets.token_urlsafe(24)}".encode() for name in names}
    MasterKey.generate(SystemRandomness()).save(folder / MASTER)
    generate(folder / SIGNING)
    for name, secret in keys.items():
        write_new(folder / f"{name}.{'password' if name == OLD_ACCOUNT else 'secret'}", secret + b"\n")
    write_new(folder / PASSWORD, MOCK_PASSWORD.encode())
    if sources is None:
        _make_certificates(folder)
        _fetch_keys(folder, mocks)
        write_secrets(folder)
        demo_signers.write_secrets(folder)
    write_new(folder / SETTINGS, _text(mocks, port, sources).encode())
    return keys


def _text(mocks: str, port: int, sources: Sequence[str] | None) -> str:
    arriving = sorted({ONE_STOP, *(source for source in sources or () if SOURCES.get(source) != "sequence")})
    told = TOML.format(
        master=MASTER,
        signing=SIGNING,
        password=PASSWORD,
        mocks=mocks,
        port=port,
        sources=json.dumps(arriving),
        communes=COMMUNES,
        others=OTHERS.format(mocks=mocks, port=port) if sources is None else "",
    )
    if sources is not None:
        return told
    bus = f"http://127.0.0.1:{port}"
    return told + payments_text(mocks, bus) + demo_signers.text(mocks, bus)


def _make_certificates(folder: Path) -> None:
    """For the SOAP door and for the system that speaks to it, each vouching for itself and known to the other by name.

    On P-256: an RSA key can take a second to find, and the first dossier is waited for.
    """
    for name, common in ((SOAP, "lien-thong.h99.example.invalid"), (WARDS_CALLER, "wards.h99.example.invalid")):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        make_identity(folder / f"{name}.key", subject, is_ecdsa=True, self_signed_for=timedelta(days=30))


def _fetch_keys(folder: Path, mocks: str) -> None:
    """What the mock of the one-stop system hands to whoever plays Liên Thông (contracts/one_stop/NOTES.md#r120)."""
    transport = open_fastest(HttpSettings(allow_http=True))
    try:
        for name, file in (("caller.pem", OUTCOMES), ("authority.pem", AUTHORITY)):
            reply = transport.perform("GET", f"{mocks}/one_stop/pki/{name}", {}, b"")
            if reply.status != 200:
                raise OSError(f"the mocks have no {name}")
            write_new(folder / file, reply.body)
    finally:
        transport.close()
    write_new(folder / OUR_SECRET, MOCKS_SECRET)
    write_new(folder / THEIR_SECRET, ACCOUNT.answer_secret)
