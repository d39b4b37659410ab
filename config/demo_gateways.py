"""What a demo's folder holds for payments: three gateways and a receipt issuer, all mocks, and who takes what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bus.beneficiaries import Beneficiaries, Proposal
from bus.payments import Beneficiary
from config.demo.paying import GATEWAYS
from config.demo.province import LOCAL
from config.demo_mocks import Control
from config.demo_people import FIRST, SECOND
from config.partner_tables import PAYMENTS, ledger_name
from config.payments import GATEWAYS as TABLE
from config.signing_key import write_new
from config.wiring import Installation
from contracts.keypay.mock import ACCOUNT as KEYPAY
from contracts.payment_platform.mock import MERCHANT, SECRET
from contracts.receipt_issuer.mock import ACCOUNT as ISSUER
from contracts.vnpay.mock import ACCOUNT as VNPAY

PLACES: Final = {
    "payment_platform": "payment_platform/confirm",
    "keypay": "keypay/result",
    "vnpay": "vnpay/ipn",
}
"""Where each calls us back."""
RECEIPTS: Final = ("payment_platform-receipts", "receipt_issuer")
PARTNERS: Final = (*GATEWAYS, *RECEIPTS)
"""Whom a demo's payments are sent to, beside the one-stop system and the portal."""
ROWS: Final = """\
unit,procedure,fee_kind,gateway,rank,receipts,valid_from,valid_to,source_kind
,,,payment_platform,1,gateway,,,invented
,,,keypay,2,issuer,,,invented
,,,vnpay,3,none,,,invented
"""
ACCOUNT: Final = Proposal(
    unit="",
    beneficiary=Beneficiary(account="0000000000000", bank="999999", name="KHO BAC MAU TINH H99"),
    valid_from=datetime(2026, 1, 1, tzinfo=LOCAL),
)
HASTE: Final = """\
allow_http = true
private_networks = ["127.0.0.0/8"]
threads = 2
timeout_s = 5
connect_timeout_s = 1
in_flight_s = 1
lease_s = 15
probe_every_s = 1
retry_s = [0.5, 1, 2, 4]
"""
TOML: Final = """
# Fees are paid at the mocks of three gateways; two of them have receipts.
[payments]
receipt_issuer = "receipt_issuer"
public_url = "{bus}"

[partners.payment_platform]
init_url = "{mocks}/payment_platform/init"
query_url = "{mocks}/payment_platform/query"
bill_url = "{mocks}/payment_platform/bill"
merchant = "{merchant}"
secret_file = "payment-platform.secret"
pay_hosts = ["{host}"]
not_there_codes = ["25"]
{haste}
[partners.keypay]
create_url = "{mocks}/keypay/create"
detail_url = "{mocks}/keypay/detail"
refund_url = "{mocks}/keypay/refund"
refund_detail_url = "{mocks}/keypay/refund/detail"
client_id = "{client_id}"
secret_file = "keypay-1.secret"
their_secret_file = "keypay-2.secret"
pay_hosts = ["{host}"]
{haste}
[partners.vnpay]
pay_url = "{mocks}/vnpay/paymentv2/vpcpay.html"
api_url = "{mocks}/vnpay/merchant_webapi/api/transaction"
tmn_code = "{tmn_code}"
secret_file = "vnpay.secret"
{haste}
[partners.receipt_issuer]
url = "{mocks}/receipt_issuer"
account = "{issuer.account}"
ac_pass_file = "receipt-staff.secret"
username = "{issuer.username}"
password_file = "receipt-service.secret"
pattern = "{issuer.pattern}"
serial = "{issuer.serial}"
tax_code = "{issuer.tax_code}"
{haste}
"""


def text(mocks: str, bus: str) -> str:
    """The tables of the settings file."""
    return TOML.format(
        mocks=mocks,
        bus=bus,
        host=urlsplit(mocks).hostname,
        merchant=MERCHANT,
        client_id=KEYPAY.client_id,
        tmn_code=VNPAY.tmn_code,
        issuer=ISSUER,
        haste=HASTE,
    )


def write_secrets(folder: Path) -> None:
    """What the mocks expect; everybody knows it."""
    told = {
        "payment-platform.secret": SECRET,
        "keypay-1.secret": KEYPAY.key_1,
        "keypay-2.secret": KEYPAY.key_2,
        "vnpay.secret": VNPAY.secret,
        "receipt-staff.secret": ISSUER.ac_pass,
        "receipt-service.secret": ISSUER.password,
    }
    for name, secret in told.items():
        write_new(folder / name, secret.encode())


def use_gateways(installation: Installation) -> None:
    """All three may be wished for; the platform takes what nobody wished elsewhere. One account takes all fees."""
    name = ledger_name(PAYMENTS, TABLE)
    installation.repairs.import_tables([(name, ROWS)], actor=f"person:{FIRST}", reason="three gateways side by side")
    accounts, engine = Beneficiaries(installation.ledger), installation.ledger.engine
    number = engine.write(lambda tx: accounts.propose(tx, ACCOUNT, account=FIRST, reason="the treasury's letter"))
    engine.write(lambda tx: accounts.approve(tx, number, account=SECOND, reason="as in the letter"))


def listen(mocks: str, bus: str) -> None:
    """Register at each gateway where it is to call back."""
    for gateway, place in PLACES.items():
        control = Control(mocks, gateway)
        try:
            control.post("switches", {"callback_url": f"{bus}/callbacks/{place}"})
        finally:
            control.close()
