"""What an installation says about its national portal: nothing of this is decided in code.

Every field is a key of `[partners.national_portal]`; `config/settings.py` reads them, secrets by file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from adapters.channels.http import HttpSettings
from adapters.channels.outer_auth import OuterAuth
from adapters.partners.national_portal.codes import REPLIES, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionError:
    """A shape of "your session is not valid" (NOTES.md#r25: not documented, so it is data). Empty members fit any."""

    code: str = ""
    """`error_code`, in one spelling: `-1`, `401`. Never 0: a yes is a yes."""
    text: str = ""
    """Words in the message."""

    def __post_init__(self) -> None:
        if self.code in ("0", "00") or not (self.code or self.text):
            raise ValueError("session_errors: a code other than 0, or a text, must say what it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalPortalSettings:
    """One installation's way to the portal."""

    adapter_url: str = ""
    """The adapter's base address, without the context: `http://10.0.0.5:8080`."""
    madonvi: str = ""
    """The installation's organisation code in the old form, `000.00.00.H99` (NOTES.md#r31)."""
    username: str = ""
    password: str = field(default="", repr=False)
    context: Literal["VXPAdapter", "XrdAdapter"] = "VXPAdapter"
    """Newer adapters have the first, older ones the second (NOTES.md#r1)."""
    auth_endpoint: str = "mapi/login"
    share_endpoint: str = "mapi/share"
    integration_endpoint: str = "mapi/integration"
    dstcode: str = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
    """The destination; an empty one is left out (NOTES.md#r3)."""
    dstcode_in: Literal["header", "query"] = "header"
    """NOTES.md#r4: both are seen."""
    provider_url: str = ""
    """Address of one backend behind the provider, sent as `providerurl` (NOTES.md#r7)."""

    variant: Literal["adapter", "facade", "xroad"] = "adapter"
    facade_add_url: str = ""
    facade_update_url: str = ""
    facade_progress_url: str = ""
    facade_lookup_url: str = ""
    """Empty: this façade has no `TraCuuHoSo`, so an unclear create stays in doubt until a person looks."""
    facade_read_url: str = ""
    """The address below which it publishes what only reads, `…/LayThuTuc?maTTHC=`; empty: it cannot be asked."""
    facade_status_url: str = ""
    """`DongBoTrangThaiHoSoKM` (NOTES.md#r309); empty: dossiers born on the portal are held."""
    facade_unit_in_query: bool = False
    """Adds `MaDinhDanhDV=<madonvi>` (NOTES.md#r131)."""
    facade_updating_in_query: bool = False
    """Adds `isUpdating=True|False` where add and update share one address (NOTES.md#r131)."""

    xroad_url: str = ""
    """The security server that we call, `https://10.0.0.7/` (NOTES.md#r200)."""
    xroad_client: str = ""
    """Who calls: instance/class/member/subsystem, the last may be missing (NOTES.md#r204)."""
    xroad_service_provider: str = "VN/GOV/000.00.00.G22/vpcpdvcprovider"
    """Who is called; `dstcode` in X-Road's own form (NOTES.md#r3, #r209)."""
    xroad_services: Mapping[str, str] = field(default_factory=dict)
    """Operation → service code/version, where it is not the portal's name and `v1` (NOTES.md#r206)."""
    xroad_namespace: str = "urn:vn:lienthong:national-portal:v1"
    """Of the elements in the Body: the provider's own (NOTES.md#r207)."""
    xroad_user_id: str = ""
    """`userId`; empty: the country and `madonvi`, and so no person (NOTES.md#r205)."""
    xroad_protocol_version: str = "4.0"
    xroad_issue: bool = False
    """Whether `issue` tells the dossier's number: security servers keep it in their monitoring data."""

    outer_auth: OuterAuth | None = None
    """The provincial LGSP's own authentication (NOTES.md#r27)."""

    session_ttl: timedelta = timedelta(minutes=10)
    """Not documented; ten minutes is what one client assumes (NOTES.md#r24)."""
    session_errors: tuple[SessionError, ...] = ()
    """How this installation's portal says that a session is not valid, beside the words of `codes.REPLIES`."""
    lookup_before_create: bool = True
    """Ask `TraCuuHoSo` before the create of a dossier that nobody has asked about yet (NOTES.md#r141)."""
    lookup_proves: Literal["existence", "entries"] = "existence"
    """`entries` only where a province has shown that the look-up lists every step (NOTES.md#r121)."""
    lookup_entries_field: str = "TIENDO"
    lookup_step_keys: tuple[str, ...] = ("ThoiDiemXuLy", "TrangThai", "NoiDungXuLy")
    """What an entry must show to prove that it is our step. Two steps of one dossier may well share time and status."""
    write_success: Literal["code", "code_and_text"] = "code"
    """Whether a write's yes must also say "thành công" (NOTES.md#r37)."""
    reply_types: tuple[str, ...] = ("application/json", "text/json")
    """Content types of a readable reply; add `text/plain` for a façade that labels its JSON so."""
    reply_overrides: Mapping[str, str] = field(default_factory=dict)
    """Row id of `codes.REPLIES` → another verdict, once a province knows better."""
    batch: Mapping[str, int] = field(default_factory=dict)
    """Operation (`create`, `update`, `step`) → most records in one call, where the next setting allows arrays."""
    batch_answer: Mapping[str, Literal["none", "atomic", "named"]] = field(default_factory=dict)
    """Operation → whether a yes counts for each record; where it is missing the contract table decides (one by one)."""
    limit_unit: Literal["characters", "bytes"] = "characters"
    """NOTES.md#r71: not known; bytes of UTF-8 is the stricter one."""
    fees_sent: Literal["paid", "all"] = "paid"
    """Decision: only paid fees above zero, as the newest client does; the index counts payments by them."""
    portal_born_unnumbered: Literal["hold", "sync"] = "hold"
    """What becomes of a record that says it was born on the portal, under no known number (NOTES.md#r318)."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""


def check_settings(settings: NationalPortalSettings) -> None:
    """Refuse what would break a promise. Raises `ValueError`."""
    if settings.variant == "facade" and not (settings.facade_update_url or settings.facade_updating_in_query):
        raise ValueError("facade_update_url: missing; an update sent to the address for adding would be a create")
    known = {row.id for row in REPLIES}
    for row, verdict in settings.reply_overrides.items():
        # An override may make a reply stricter or more exact; it may never make a yes of what is not one.
        if row not in known or verdict not in set(Verdict) or (verdict == Verdict.YES and row != "yes"):
            raise ValueError(f"reply_overrides: {row} = {verdict!r} is not possible")
