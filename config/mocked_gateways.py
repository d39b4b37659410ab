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
KEYPAY: Final = "keypay-mock.secret"
KEYPAY_THEIRS: Final = "keypay-mock-theirs.secret"
VNPAY: Final = "vnpay-mock.secret"
FILES: Final = (PLATFORM, KEYPAY, KEYPAY_THEIRS, VNPAY)

COMMON: Final = """\
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
"""
TABLE: Final = """
# Fees that are paid online. Where browsers reach the doors: gateways send citizens back there.
[payments]
public_url = "http://127.0.0.1:8400"
receipt_issuer = "receipt_issuer"

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

SIBLINGS: Final = """
# The mocks of KeyPay and of VNPAY. The table `payments.gateways` says what they take; as shipped: nothing.
[partners.keypay]
create_url = "{url}/keypay/create"
detail_url = "{url}/keypay/detail"
refund_url = "{url}/keypay/refund"
refund_detail_url = "{url}/keypay/refund/detail"
client_id = "{client}"
secret_file = "{keypay}"
their_secret_file = "{theirs}"
pay_hosts = ["{host}"]
{common}
[partners.vnpay]
pay_url = "{url}/vnpay/paymentv2/vpcpay.html"
api_url = "{url}/vnpay/merchant_webapi/api/transaction"
tmn_code = "{merchant}"
secret_file = "{vnpay}"
{common}"""


def join(folder: Path, url: str) -> list[Path]:
    """Add the tables to fresh settings; the files made."""
    from contracts.keypay.mock import ACCOUNT as KEYPAY_ACCOUNT
    from contracts.payment_platform.mock import MERCHANT, SECRET
    from contracts.vnpay.mock import ACCOUNT as VNPAY_ACCOUNT

    url = url.rstrip("/")
    host = urlsplit(url).hostname or "127.0.0.1"
    text = TABLE.format(url=url, merchant=MERCHANT, secret=PLATFORM, host=host, common=COMMON)
    text += SIBLINGS.format(
        url=url,
        client=KEYPAY_ACCOUNT.client_id,
        keypay=KEYPAY,
        theirs=KEYPAY_THEIRS,
        merchant=VNPAY_ACCOUNT.tmn_code,
        vnpay=VNPAY,
        host=host,
        common=COMMON,
    )
    secrets = (SECRET, KEYPAY_ACCOUNT.key_1, KEYPAY_ACCOUNT.key_2, VNPAY_ACCOUNT.secret)
    for name, value in zip(FILES, secrets, strict=True):
        write_new(folder / name, value.encode())
    with (folder / SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(text)
    return [folder / name for name in FILES]
