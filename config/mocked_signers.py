"""What `init --for-mocks` adds: the mocks of the signing services, their authorities, and where their word is asked.

The authorities' keys are the mocks' own, and everybody's; the mocks call back to the doors' usual port, unless their
switch `callback_url` says otherwise. Documents are fetched from this machine alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from config.new_installation import SETTINGS
from config.signing_key import write_new

ROOTS: Final = "signing-mock-roots.pem"
STAMP_ROOTS: Final = "signing-mock-stamp-roots.pem"
SMARTCA: Final = "smartca-mock.secret"
MYSIGN: Final = "mysign-mock.secret"
MYSIGN_THEIRS: Final = "mysign-mock-theirs.secret"
VNEID_PASSWORD: Final = "vneid-mock.password"  # noqa: S105  # the name of a file
VNEID: Final = "vneid-mock.secret"
VNEID_WEBHOOK: Final = "vneid-mock-webhook.secret"
CSC: Final = "csc-mock.secret"
SOAP_KEY: Final = "soap-signer-mock.key"
SOAP_ROOTS: Final = "soap-signer-mock-authority.pem"
FILES: Final = (
    ROOTS, STAMP_ROOTS, SMARTCA, MYSIGN, MYSIGN_THEIRS, VNEID_PASSWORD, VNEID, VNEID_WEBHOOK, CSC, SOAP_KEY, SOAP_ROOTS,
)  # fmt: skip

COMMON: Final = """\
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
"""
SIGNING: Final = """
# Signatures: whose certificates are believed, and who is asked for time stamps and whether a certificate still holds.
[signing]
roots_file = "{roots}"
citizen_roots_file = "{roots}"
stamp_roots_file = "{stamp_roots}"
tsa_urls = ["{url}/timestamp_authority/"]
revocation_hosts = ["{netloc}"]
private_networks = ["127.0.0.0/8", "::1/128"]

# Documents that are signed: fetched from this machine, handed out by the doors.
[documents]
hosts = ["127.0.0.1"]
public_url = "http://127.0.0.1:8400"
{common}"""
SERVICES: Final = """
# The mocks of the signing services: a person approves at {url}/smartca/approve
[partners.smartca]
url = "{url}/smartca"
sp_id = "{sp_id}"
sp_password_file = "{smartca}"
calls_back = true
{common}
[partners.mysign]
url = "{url}/mysign"
client_id = "{mysign_id}"
client_secret_file = "{mysign}"
their_id = "{mysign_their_id}"
their_secret_file = "{mysign_theirs}"
{common}
[partners.vneid_gateway]
url = "{url}/vneid_gateway"
username = "{vneid_name}"
password_file = "{vneid_password}"
originator_code = "{vneid_originator}"
partner_code = "{vneid_partner}"
secret_file = "{vneid}"
webhook_secret_file = "{vneid_webhook}"
{common}
[partners.csc]
url = "{url}/csc/v1"
client_id = "{csc_id}"
client_secret_file = "{csc}"
{common}"""
SOAP: Final = """
# The mock over signed SOAP, with the keys that it made when it started.
[partners.soap_signer]
url = "{url}/soap_signer/soap"
signing_key_file = "{key}"
signing_certificate_file = "{key}"
trust_roots_file = "{roots}"
pinned_subjects = ["CN={subject}"]
revocation = "none"
{common}"""


def join(folder: Path, url: str) -> list[Path]:
    """Add the tables to fresh settings; the files made."""
    made = write_files(folder)
    text = signing_table(url) + service_tables(url)
    if keys := soap_keys(url):
        made += [folder / name for name in keys]
        for name, content in keys.items():
            write_new(folder / name, content)
        text += soap_table(url)
    with (folder / SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(text)
    return made


def soap_keys(url: str) -> dict[str, bytes]:
    """Key and authority as the SOAP mock hands them out; nothing where it is not there."""
    from config.mocked_one_stop import handed_out

    places = {SOAP_KEY: "caller.pem", SOAP_ROOTS: "authority.pem"}
    return handed_out({file: f"{url.rstrip('/')}/soap_signer/pki/{name}" for file, name in places.items()})


def soap_table(url: str) -> str:
    """The SOAP mock's own table."""
    from contracts.soap_signer.mock import SERVICE

    return SOAP.format(url=url.rstrip("/"), key=SOAP_KEY, roots=SOAP_ROOTS, subject=SERVICE, common=COMMON)


def write_files(folder: Path) -> list[Path]:
    """Roots and secrets, as the mocks have them."""
    from contracts.csc.oauth import Client
    from contracts.mysign.places import Account as Mysign
    from contracts.signing_pki.authorities import DUTY, PUBLIC, STAMPS, roots_pem
    from contracts.smartca.mock import SP_PASSWORD
    from contracts.vneid_gateway.places import Account as Vneid

    mysign, vneid = Mysign(), Vneid()
    contents = {
        ROOTS: roots_pem(PUBLIC, DUTY),
        STAMP_ROOTS: roots_pem(STAMPS),
        SMARTCA: SP_PASSWORD.encode(),
        MYSIGN: mysign.secret.encode(),
        MYSIGN_THEIRS: mysign.their_secret.encode(),
        VNEID_PASSWORD: vneid.password.encode(),
        VNEID: vneid.secret.encode(),
        VNEID_WEBHOOK: vneid.webhook_secret.encode(),
        CSC: Client().secret.encode(),
    }
    for name, content in contents.items():
        write_new(folder / name, content)
    return [folder / name for name in contents]


def signing_table(url: str, *, documents: bool = True) -> str:
    """`[signing]` and, where nobody else writes it, `[documents]`, for mocks at this address."""
    text = SIGNING if documents else SIGNING.partition("\n# Documents")[0] + "\n"
    url = url.rstrip("/")
    return text.format(url=url, netloc=urlsplit(url).netloc, roots=ROOTS, stamp_roots=STAMP_ROOTS, common=COMMON)


def service_tables(url: str) -> str:
    """One table for each service, for mocks at this address."""
    from contracts.csc.oauth import Client
    from contracts.mysign.places import Account as Mysign
    from contracts.smartca.mock import SP_ID
    from contracts.vneid_gateway.places import Account as Vneid

    mysign, vneid = Mysign(), Vneid()
    return SERVICES.format(
        url=url.rstrip("/"),
        sp_id=SP_ID,
        smartca=SMARTCA,
        mysign_id=mysign.client_id,
        mysign=MYSIGN,
        mysign_their_id=mysign.their_id,
        mysign_theirs=MYSIGN_THEIRS,
        vneid_name=vneid.username,
        vneid_password=VNEID_PASSWORD,
        vneid_originator=vneid.originator_code,
        vneid_partner=vneid.partner_code,
        vneid=VNEID,
        vneid_webhook=VNEID_WEBHOOK,
        csc_id=Client().id,
        csc=CSC,
        common=COMMON,
    )
