"""What `init --for-mocks` adds: the mock of the receipt issuer, with its own account, which everybody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.new_installation import SETTINGS
from config.signing_key import write_new

STAFF: Final = "receipt-issuer-mock-staff.secret"
SERVICE: Final = "receipt-issuer-mock-service.secret"
FILES: Final = (STAFF, SERVICE)

TABLE: Final = """
# The mock of the receipt issuer: a receipt for each kind of fee that was paid.
[partners.receipt_issuer]
url = "{url}/receipt_issuer"
account = "{account}"
ac_pass_file = "{staff}"
username = "{username}"
password_file = "{service}"
pattern = "{pattern}"
serial = "{serial}"
tax_code = "{tax_code}"
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
"""


def join(folder: Path, url: str) -> list[Path]:
    """Add the table to fresh settings; the files made."""
    made = write_secrets(folder)
    with (folder / SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(table_for(url))
    return made


def write_secrets(folder: Path) -> list[Path]:
    """Both passwords of the mock, each in its file."""
    from contracts.receipt_issuer.mock import ACCOUNT

    for name, text in ((STAFF, ACCOUNT.ac_pass), (SERVICE, ACCOUNT.password)):
        write_new(folder / name, text.encode())
    return [folder / name for name in FILES]


def table_for(url: str) -> str:
    """The table of a mock at this address."""
    from contracts.receipt_issuer.mock import ACCOUNT

    return TABLE.format(
        url=url.rstrip("/"),
        account=ACCOUNT.account,
        staff=STAFF,
        username=ACCOUNT.username,
        service=SERVICE,
        pattern=ACCOUNT.pattern,
        serial=ACCOUNT.serial,
        tax_code=ACCOUNT.tax_code,
    )
