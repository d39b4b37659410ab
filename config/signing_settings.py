"""Settings of signatures: what is common to them, and one table for each signing service.

`[signing]`, `[partners.smartca]` …; what a service's own keys mean to it stands in
`adapters/partners/<service>/settings.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from config.door_settings import NotNegative, Positive
from config.partner_settings import PartnerSettings

Text = Annotated[str, Meta(min_length=1)]
Host = Annotated[str, Meta(max_length=255, pattern=r"^[a-z0-9.\-\[\]:]+$")]


class SigningSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is common to all signatures. Which service is asked is a table (`tables export --partner signing`)."""

    roots_file: str = ""
    """The authorities that may vouch for signers, PEM; what stands between them and signers may be there too.
    Of every role that has no file of its own: who vouches for citizens vouches for officials then."""
    official_roots_file: str = ""
    """In its place for officials: the public-duty authorities."""
    agency_roots_file: str = ""
    """In its place for agencies' seals."""
    citizen_roots_file: str = ""
    """In its place for citizens."""
    stamp_roots_file: str = ""
    """The authorities that may vouch for time stamps, PEM."""
    tsa_urls: tuple[str, ...] = ()
    """Time-stamp authorities (RFC 3161), asked one after the other until one gives a stamp. None: level B-B is all."""
    tsa_partner: str = ""
    """A CSC service of these settings that is asked for a stamp where none of those gave one: its name, `csc`."""
    crl_urls: tuple[str, ...] = ()
    """Where lists are, for authorities whose certificates do not say it."""
    revocation_hosts: tuple[Host, ...] = ()
    """Hosts of lists and OCSP answers that certificates name; no other is asked."""
    private_networks: tuple[str, ...] = ()
    """Networks beside the public ones in which these hosts and time-stamp authorities may stand, `10.0.0.0/24`."""
    timeout_s: Positive = 10.0
    """How long one of them may take to answer."""
    window_s: Annotated[float, Meta(ge=60, le=86_400)] = 300.0
    """How long a person may approve, where neither the source nor the service names a time."""
    patience_hours: Annotated[float, Meta(gt=0, le=720)] = 24.0
    """How long stamps and revocation are tried for by themselves; then a person looks."""
    proxy_networks: tuple[str, ...] = ()
    """Proxies in front whose `X-Forwarded-For` is believed: `10.0.0.2/32`."""


class SignerSettings(PartnerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every signing service has beside what every partner has."""

    called: ClassVar[tuple[str, ...]] = ("url",)
    """Names of the settings that hold addresses which we call."""

    url: Text
    """The address below which all of its own are."""
    timeout_s: Positive = 30.0
    connect_timeout_s: Positive = 5.0
    lease_s: Positive = 300.0
    """How long a worker may hold a dossier: ten documents are fetched, looked through and frozen meanwhile."""
    in_flight_s: Positive = 30.0
    """How long a call may still land after its reply was lost: asking waits it out."""
    retry_s: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (2, 5, 10, 20, 30, 60)
    """A signature lives for minutes: waits are short."""
    callback_networks: tuple[str, ...] = ()
    """Where it calls back from: `203.0.113.5/32`; empty: anywhere, for only what proves itself is believed."""
    callback_rate: NotNegative = 100.0
    """Calls back a second that each process of the doors takes from one address; past that 429. 0: no limit."""

    @property
    def is_called_back(self) -> bool:
        """Whether it tells us itself: it is asked less often then."""
        return False


class SmartCaKeys(SignerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """VNPT SmartCA: `[partners.smartca]`."""

    sp_id: Text
    """Our name there."""
    sp_password_file: Text
    """A file with its password; it travels in every body, and is masked in what is kept."""
    status_id: Literal["transaction_id", "tran_code"] = "transaction_id"
    """Which id the status question is put with."""
    messages: dict[str, Literal["declined", "expired", "failed", "not_there"]] = {}
    """Further messages of a status, by what they mean."""
    life_s: Positive = 300.0
    """How long a transaction lives there."""
    calls_back: bool = False
    """Whether it was told our address, `<doors>/callbacks/smartca/result`: it is asked less often then."""

    @property
    def is_called_back(self) -> bool:
        return self.calls_back


class MysignKeys(SignerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Viettel MySign: `[partners.mysign]`."""

    client_id: Text
    """Our name there."""
    client_secret_file: Text
    """A file with the secret that goes with it."""
    profile_id: str = "adss:ras:profile:001"
    """Which of its profiles signers log in to."""
    their_id: str = ""
    """The client id that we issued to MySign for its calls to us; empty: it does not call."""
    their_secret_file: str = ""
    """A file with the secret that we issued with it, 16 bytes or more."""
    previous_secret_files: tuple[str, ...] = ()
    """Secrets that it may still use while one follows the other."""

    @property
    def is_called_back(self) -> bool:
        return bool(self.their_id)


class VneidGatewayKeys(SignerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The central signing gateway of VNeID: `[partners.vneid_gateway]`."""

    username: Text
    """Our name there."""
    password_file: Text
    """A file with its password."""
    originator_code: Text
    """`originatorCode`: who asks for signatures."""
    partner_code: str = ""
    """`X-Partner-Code`; empty: calls carry no HMAC."""
    secret_file: str = ""
    """A file with the secret of that HMAC, 16 bytes or more."""
    webhook_secret_file: str = ""
    """A file with the secret of the gateway's own calls; empty: it does not call."""
    previous_webhook_secret_files: tuple[str, ...] = ()
    """Secrets that it may still use while one follows the other."""
    string_to_sign: str = "{method}\n{path}\n{timestamp}\n{nonce}\n{body_sha256}"
    """What the HMAC is made over: an assumption, until the gateway says it."""
    signature_encoding: Literal["hex", "base64"] = "hex"
    """How the HMAC is written."""

    @property
    def is_called_back(self) -> bool:
        return bool(self.webhook_secret_file)


class CscKeys(SignerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service by the API of the Cloud Signature Consortium, v1 or v2 by its address: `[partners.csc]`."""

    lease_s: Positive = 900.0
    """Longer than `signing_timeout_s`, and the documents of one signature besides."""
    client_id: Text
    """Our name there."""
    client_secret_file: Text
    """A file with the secret that goes with it."""
    oauth2_url: str = ""
    """The address below which `oauth2/token` is; empty: what `info` says, on a host of these settings."""
    pin_file: str = ""
    """A file with the PIN of an agency's seal, for credentials that ask for one."""
    is_asynchronous: bool = False
    """Whether v2's mode A is asked for, where the service offers it."""
    redirect_uri: str = ""
    """For credentials that a person authorises in a browser: the address that the service knows of us."""
    issuer: str = ""
    """`iss` of an account token; empty: none is sent."""
    otp_tries: Annotated[int, Meta(ge=1, le=5)] = 3
    """How often a signer is asked for a one-time password."""
    most_hashes: Annotated[int, Meta(ge=1, le=100)] = 10
    """Of one call; more go in further calls of the same authorisation."""
    signing_timeout_s: Positive = 300.0
    """How long a signing may take in which a person answers meanwhile."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lease_s <= self.signing_timeout_s:
            raise ValueError("lease_s must be longer than signing_timeout_s: a call must end before its lease does")


class SoapSignerKeys(SignerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service over SOAP, as older provincial ones are: `[partners.soap_signer]`; `url` is its own address."""

    signing_key_file: Text
    """Our private key for messages, PEM, RSA of 2048 bits or more or P-256. Documents are signed with other keys."""
    signing_certificate_file: Text
    """Its certificate, PEM."""
    trust_roots_file: Text
    """The authorities that may vouch for the certificate of its answers, PEM."""
    pinned_subjects: tuple[str, ...] = ()
    """Whose certificate it must be: `CN=ky-so,O=Example,C=VN`. With `pinned_keys` both must fit."""
    pinned_keys: tuple[str, ...] = ()
    """SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal."""
    revocation: Literal["require", "none"] = "require"
    """`require`: a current list or OCSP answer must vouch for its certificate, or nothing it says is believed."""
    revocation_grace_s: NotNegative = 86_400.0
    """How long past its end such a statement still counts."""
    crl_urls: tuple[str, ...] = ()
    """Where lists are, for authorities whose certificates do not say it."""
    revocation_hosts: tuple[str, ...] = ()
    """Hosts of lists and OCSP answers that certificates name; no other is asked."""
    max_skew_s: Annotated[float, Meta(ge=0, le=600)] = 300.0
    """How far its clock and ours may differ."""
    asks_verify: bool = False
    """Whether its `Verify` is asked for a second opinion: it ends nothing, and an operator is told where it differs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.pinned_subjects or self.pinned_keys):
            raise ValueError("pinned_subjects or pinned_keys is missing: whose answers are believed?")
        if self.revocation == "require" and not (self.crl_urls or self.revocation_hosts):
            raise ValueError('revocation = "require" needs crl_urls or revocation_hosts')
