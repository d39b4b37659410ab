"""Settings of payments: what is common to them, and one table for each gateway.

`[payments]`, `[partners.payment_platform]` …; what a gateway's own keys mean to it stands in
`adapters/partners/<gateway>/settings.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta, Struct

from config.door_settings import ADDRESS, NotNegative, Positive
from config.partner_settings import PartnerSettings
from config.settlement_settings import SettlementSettings

Text = Annotated[str, Meta(min_length=1)]
Host = Annotated[str, Meta(max_length=255, pattern=r"^[a-z0-9.\-\[\]:]+$")]


class LookUpSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The portal asks what is due for a dossier: `POST /callbacks/payment_platform/lookup`. It shows personal data."""

    enabled: bool = False
    networks: tuple[str, ...] = ()
    """Where the asker stands: `10.0.0.5/32`. At least one, loopback where a proxy of this machine is in front."""
    key_header: str = "apikey"
    """The header in which it shows its key."""
    key_file: str = ""
    """That key, mode 600."""
    certificate_header: str = ""
    """In place of a key: the header in which our proxy tells the subject of the client certificate that it verified."""
    certificate_subjects: tuple[str, ...] = ()
    """Whose certificate it must be, as the proxy writes it."""
    rate: Positive = 5.0
    """Questions a second that each process of the doors answers."""

    def __post_init__(self) -> None:
        if not self.enabled:
            return
        if not self.networks:
            raise ValueError("networks must say where the look-up's asker stands")
        if bool(self.key_file) == bool(self.certificate_header and self.certificate_subjects):
            raise ValueError(
                "the look-up needs a key_file, or certificate_header with certificate_subjects, one of both"
            )


class PaymentsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is common to all payments. Which gateway takes what is a table (`tables export --partner payments`)."""

    window_hours: Annotated[float, Meta(gt=0, le=72)] = 24.0
    """How long a payment may be paid when its source names no time."""
    refund_approval_above: Annotated[int, Meta(ge=0)] = 0
    """Đồng: a refund of more waits for a second person. 0: every refund does."""
    receipt_issuer: str = ""
    """The partner that writes receipts where the table says `issuer`."""
    public_url: str = ""
    """How browsers reach these doors: gateways send citizens back to `<public_url>/callbacks/<gateway>/return/…`."""
    proxy_networks: tuple[str, ...] = ()
    """Proxies in front whose `X-Forwarded-For` is believed: `10.0.0.2/32`. Without them `callback_networks` and
    `lookup.networks` are held against the proxy's own address."""
    return_hosts: tuple[Host, ...] = ()
    """Hosts that a payment's `return_url` may name; any other is not linked to."""
    lookup: LookUpSettings = LookUpSettings()
    settlement: SettlementSettings = SettlementSettings()

    def __post_init__(self) -> None:
        if self.public_url and not ADDRESS.fullmatch(self.public_url):
            raise ValueError("public_url must be a whole http(s) address without user, query and fragment")


class GatewaySettings(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every payment gateway has beside what every partner has."""

    called: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that hold addresses which we call."""

    timeout_s: Positive = 60.0
    """One call: the field reads for 60 s before it gives up."""
    connect_timeout_s: Positive = 5.0
    lease_s: Positive = 180.0
    """How long a worker may hold a dossier before another takes it over: longer than any attempt."""
    in_flight_s: Positive = 60.0
    """How long a call may still land after its reply was lost: asking waits it out."""
    secret_file: Text
    """The secret shared with it, 16 bytes or more."""
    previous_secret_files: tuple[str, ...] = ()
    """Secrets that it may still use while one follows the other: its calls are believed under each of them."""
    callback_networks: tuple[str, ...] = ()
    """Where it calls back from: `203.0.113.5/32`; empty: anywhere, its checksum is the proof."""
    callback_rate: NotNegative = 500.0
    """Calls back a second that each process of the doors takes from one address; past that 429. 0: no limit."""


class PaymentPlatformKeys(GatewaySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The national payment platform, 1.0.6: `[partners.payment_platform]`."""

    called: ClassVar[tuple[str, ...]] = ("init_url", "query_url", "bill_url")

    init_url: Text
    """Opening a payment (INIT)."""
    query_url: Text
    """Asking about one (QUERY)."""
    bill_url: Text
    """Its receipt (GET_BILL)."""
    merchant: Annotated[str, Meta(min_length=1, max_length=50)]
    """`MaDoiTac`, where an agency has none of its own."""
    merchants: dict[str, str] = {}
    """Unit → its own `MaDoiTac`."""
    access_token_file: str = ""
    """A bearer token, where an exchange stands in front."""
    pay_hosts: Annotated[tuple[Host, ...], Meta(min_length=1)]
    """The only hosts that a citizen is sent to for paying."""
    ip: Annotated[str, Meta(pattern=r"^(\d{1,3}\.){3}\d{1,3}$")] = "127.0.0.1"
    """`Ip`: this server's, so that no citizen's is passed on."""
    service_suffix: str = ".01"
    """`MaDVC` is the procedure's code and this."""
    fee_kinds: dict[Literal["fee", "charge"], str] = msgspec.field(default_factory=lambda: {"fee": "1", "charge": "2"})
    """`LoaiPhiLePhi` of phí and of lệ phí, as the onboarding document says."""
    fee_code: str = "2"
    """`MaPhiLePhi` of every row; empty: the fee's own code."""
    both_kinds: bool = True
    """A row for phí and one for lệ phí, also with 0."""
    province: str = ""
    """`TinhNguoiNop`."""
    confirm_types: tuple[str, ...] = ("CONFIRM",)
    """`LoaiBanTin` of a call back."""
    ask_above: Annotated[int, Meta(ge=0)] | None = None
    """Đồng: a success of more that is called back is asked about, at once, before it counts. Unset: none is."""
    not_there_codes: tuple[str, ...] = ()
    """`MaLoi` of a question that mean: this reference is not known. Only then is a lost opening opened anew."""
    query_checksum: Literal["unchecked", "confirm"] = "unchecked"
    """`confirm`: answers to questions must be hashed in the order of a call back."""
    bill_time: Literal["opening", "payment"] = "opening"
    """`ThoiGianGD` of GET_BILL."""
    bill_hosts: tuple[Host, ...] = ()
    """Hosts that a receipt is fetched from, where the answer is only its address."""

    def __post_init__(self) -> None:
        PartnerSettings.__post_init__(self)
        if set(self.fee_kinds) != {"fee", "charge"}:
            raise ValueError("fee_kinds must name both, fee and charge")


class VietQrSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A VietQR code of our own beside the gateway's page, where the gateway watches the account."""

    bank_bin: Annotated[str, Meta(pattern=r"^[0-9]{6}$")]
    """The bank's six digits at Napas."""
    account: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{0,19}$")] = ""
    """Empty: the beneficiary's."""


KeypayMessage = Literal["create", "detail", "refund", "refund_detail"]
KEYPAY_COMMANDS: Final[dict[KeypayMessage, str]] = {
    "create": "PAY",
    "detail": "DETAIL",
    "refund": "REFUND",
    "refund_detail": "REFUND_DETAIL",
}


class KeypayKeys(GatewaySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """KeyPay v3, or its PayLater: `[partners.keypay]`. `secret_file` is key 1, for what we send."""

    called: ClassVar[tuple[str, ...]] = ("create_url", "detail_url", "refund_url", "refund_detail_url")

    create_url: Text
    """Opening a payment."""
    detail_url: Text
    """Asking about one."""
    refund_url: Text
    """Paying back."""
    refund_detail_url: Text
    """Asking about that."""
    client_id: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[^|]*$")]
    """Our name there."""
    their_secret_file: Text
    """Key 2, for what KeyPay sends. `previous_secret_files` are former ones of this."""
    flow: Literal["pay", "pay_later"] = "pay"
    """Which of both was agreed on: they differ in answers, states and acknowledgements."""
    commands: dict[KeypayMessage, str] = {}
    """`command` of a message, where KeyPay agreed on another than `PAY`, `DETAIL`, `REFUND`, `REFUND_DETAIL`."""
    pay_hosts: Annotated[tuple[Host, ...], Meta(min_length=1)]
    """The only hosts that a citizen is sent to for paying."""
    environment: Literal["1", "2"] = "1"
    """Web, or app."""
    addition_fee: Annotated[int, Meta(ge=0)] = 0
    """Đồng that KeyPay takes from the citizen on top: both sides sign it."""
    confirm_callbacks: bool = True
    """A call back only makes us ask: no checksum covers its `status`. `false` believes it."""
    signed_answers: bool = True
    """Whether answers carry a checksum under key 2."""
    vietqr: VietQrSettings | None = None
    """Show a code of our own too: `{bank_bin = "999999", account = ""}`."""


class VnpayKeys(GatewaySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """VNPAY 2.1.0: `[partners.vnpay]`."""

    called: ClassVar[tuple[str, ...]] = ("pay_url", "api_url")

    pay_url: Text
    """The page that the citizen's browser opens, `…/paymentv2/vpcpay.html`."""
    api_url: Text
    """Questions and refunds, `…/merchant_webapi/api/transaction`."""
    tmn_code: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{8}$")]
    """The merchant."""
    ip: Annotated[str, Meta(pattern=r"^(\d{1,3}\.){3}\d{1,3}$")] = "127.0.0.1"
    """`vnp_IpAddr`: this server's; the citizen's is not known when the address is made."""
    locale: Literal["vn", "en"] = "vn"
    """The page's language."""
    order_type: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,50}$")] = "other"
    """VNPAY's category of goods."""
    bank_code: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{0,20}$")] = ""
    """Empty: VNPAY shows its list."""
    created_by: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,245}$")] = "lienthong"
    """`vnp_CreateBy` of a refund: the system. Who asked for it stands in the ledger."""
