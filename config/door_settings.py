"""Settings of the doors beside `[web]`: the façade, the SOAP door, and the portal's."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
SourceName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._/~-]+$")]

ADDRESS: Final = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?(?:/[!-\"$->@-~]*)?"
)
"""What others can call as it stands: no user:password@, no query, no fragment."""
_WANTED: Final = "must be a whole http(s) address without user, query and fragment, such as https://10.0.0.7"


class FacadeAccountSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One system that speaks to us as it spoke to the national adapter."""

    username: Annotated[str, Meta(min_length=1, max_length=128)]
    """What it logs in with."""
    password_file: Annotated[str, Meta(min_length=1)]
    """The password that it sends, mode 600."""
    source: SourceName
    """The source that its records and steps are of; no caller may have it too."""
    madonvi: Annotated[str, Meta(min_length=1, max_length=64)]
    """The organisation code that stands in its calls; another one is refused."""
    key_file: str = ""
    """A key that the provincial exchange in front of it sends as `apikey`, where that hides the login; empty: none."""
    rate: NotNegative = 1_000.0
    """Calls a second that each process of the doors takes from it; past that 429. 0: no limit."""


class FacadeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The drop-in façade: the addresses, envelopes and manners of the national adapter."""

    enabled: bool = False
    """Off: none of its addresses is there."""
    session_ttl_s: Positive = 600.0
    """How long a login holds. The portal's own is not documented; ten minutes is what one client assumes."""
    wait_record_s: Annotated[float, Meta(ge=0, le=20)] = 0.0
    """0: a yes to records means accepted here. Else it waits so long for the portal's own answer and passes that on."""
    wait_step_s: Annotated[float, Meta(ge=0, le=20)] = 0.0
    """The same for steps."""
    double_encoded: bool = True
    """Whether the provincial addresses answer with the portal's answer as a text within another envelope."""
    codes: Literal["number", "text"] = "number"
    """How `error_code` is written; clients are seen that compare it with 0, and others with "0"."""
    catalogue: Literal["portal", "tables"] = "portal"
    """Whom catalogue calls ask: the portal, with our own session; or only the province's tables."""
    catalogue_fresh_s: NotNegative = 3_600.0
    """How long an answer of the portal to a catalogue call is given again before it is asked anew."""
    catalogue_kept_s: NotNegative = 604_800.0
    """How old it may be, and says that it is, while the portal does not answer."""
    accounts: dict[Name, FacadeAccountSettings] = {}


class SoapSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SOAP door. It is open to callers that have a `certificate` or an `authority`."""

    identity_file: Annotated[str, Meta(min_length=1)]
    """Our private key, PEM, RSA of 2048 bits or more or P-256, mode 600: signs every answer and every Fault."""
    certificate_file: Annotated[str, Meta(min_length=1)]
    """Its certificate, PEM; what stands above it may follow."""
    url: str = ""
    """The address that callers use: told in the WSDL, and the only one that `wsa:To` may name. Empty: as they asked."""

    def __post_init__(self) -> None:
        if self.url and not ADDRESS.fullmatch(self.url):
            raise ValueError(f"url {_WANTED}/soap/one-stop")


class PortalDoorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The door for what the national portal sends: dossiers that were filed there, and changes of them."""

    enabled: bool = False
    """Off: none of its addresses is there."""
    source: SourceName = "national_portal"
    """The source that its events are of; no caller and no account of the façade may have it too."""
    unit: str = ""
    """The unit whose the filed dossiers are, by its code."""
    networks: tuple[str, ...] = ()
    """Where the portal's adapter stands, `10.0.0.5/32`; calls from elsewhere are turned away. Empty: from anywhere."""
    key_header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "apikey"
    """The header in which the exchange in front of it shows its key."""
    key_file: str = ""
    """That key, mode 600; empty: none is asked for. Without networks and without a key nothing would be let in."""
    rate: NotNegative = 100.0
    """Calls a second that each process of the doors takes; past that they are told to come later. 0: no limit."""
    codes: Literal["number", "text"] = "number"
    """How `error_code` is written in the answers."""
    files_folder: str = "portal-files"
    """Where files are kept that came inside a message, sealed as the ledger is. Back it up with the ledger."""
    files_url: str = ""
    """How the one-stop system reaches these doors, `https://10.0.0.7`: what addresses of such files begin with."""
    files_days: Positive = 90.0
    """How long such an address opens, from when the file came."""
    max_file_bytes: Annotated[int, Meta(ge=1, le=11_000_000)] = 8_000_000
    """The largest file that is taken; a whole call has at most 16 MB."""

    def __post_init__(self) -> None:
        if not self.enabled:
            return
        if not (self.unit and self.files_url):
            raise ValueError("unit and files_url are missing")
        if not ADDRESS.fullmatch(self.files_url):
            raise ValueError(f"files_url {_WANTED}")
        if not (self.networks or self.key_file):
            raise ValueError("networks or key_file must say who may call; anybody could file dossiers otherwise")
