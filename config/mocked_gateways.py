"""What `init --for-mocks` adds: the mocks of the payment gateways, with secrets that everybody knows.

The mocks call back to the doors' usual port; their switch `callback_url` says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from config.new_installation import SETTINGS
from config.signing_key import write_new

PLATFORM: Final = "payment-platform-mock.secret"
FILES: Final = (PLATFORM,)

COMMON: Final = """\
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
"""
TABLE: Final = """
# The mock of the national payment platform: fees are paid at its page.
[partners.payment_platform]
init_url = "{url}/payment_platform/init"
query_url = "{url}/payment_platform/query"
bill_url = "{url}/payment_platform/bill"
merchant = "{merchant}"
secret_file = "{secret}"
pay_hosts = ["{host}"]
not_there_codes = ["25"]
{common}"""


def join(folder: Path, url: str) -> list[Path]:
    """Add the tables to fresh settings; the files made."""
    from contracts.payment_platform.mock import MERCHANT, SECRET

    url = url.rstrip("/")
    host = urlsplit(url).hostname or "127.0.0.1"
    text = TABLE.format(url=url, merchant=MERCHANT, secret=PLATFORM, host=host, common=COMMON)
    write_new(folder / PLATFORM, SECRET.encode())
    with (folder / SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(text)
    return [folder / PLATFORM]
