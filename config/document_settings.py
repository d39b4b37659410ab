"""Settings of documents by reference: where they are kept, from where they may be fetched, who sees them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from config.door_settings import ADDRESS, NotNegative, Positive

Host = Annotated[str, Meta(max_length=255, pattern=r"^[a-z0-9.\-\[\]:]+$")]
Clamd = Annotated[str, Meta(max_length=255, pattern=r"^(|unix:/[!-~]+|[a-z0-9.\-\[\]:]+:[0-9]{1,5})$")]


class DocumentSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The store of documents, its doors, and the way in."""

    folder: str = "documents"
    """Where documents are kept, sealed as the ledger is. `lienthong backup` copies it beside the ledger's copy."""
    keep_free_bytes: Annotated[int, Meta(ge=0)] = 500_000_000
    """Room that stays free on that disk: with less of it no document is taken, and the ledger goes on."""
    hosts: tuple[Host, ...] = ()
    """The only hosts that documents are fetched from, `files.h99.example.invalid` or with a port; no others, ever."""
    private_networks: tuple[str, ...] = ()
    """Networks beside the public ones in which those hosts may stand, `10.0.0.0/24`; all others are refused."""
    allow_http: bool = False
    """Plain HTTP: only where the network itself is the protection. The digest is compared all the same."""
    ca_file: str = ""
    """PEM certificates of the only authorities to trust for them; without it, the machine's own."""
    timeout_s: Positive = 30.0
    """How long fetching one document may take, to its last byte."""
    most_bytes: Annotated[int, Meta(ge=1, le=200_000_000)] = 50_000_000
    """The largest document that is taken; what a desk uploads has at most 30 MB besides."""
    clamav: Clamd = ""
    """A clamd that looks through every document: `unix:/run/clamav/clamd.ctl` or `127.0.0.1:3310`. It fails closed."""
    clamav_timeout_s: Positive = 60.0
    """How long it may look at one."""
    pictures_folder: str = ""
    """Images for visible signatures, PNG without background, named by the signer's number: `099000000001.png`."""
    public_url: str = ""
    """How others reach these doors: what addresses of documents begin with. Empty: nobody is told any."""
    url_life_days: Positive = 7.0
    """How long an address opens that the one-stop system is told."""
    portal_url_life_days: Positive = 3_650.0
    """How long one opens that the portal is told: results are looked at for years."""
    rate: NotNegative = 50.0
    """Documents a second that each process of the doors hands to one address; past that 429. 0: no limit."""
    proxy_networks: tuple[str, ...] = ()
    """Proxies in front whose `X-Forwarded-For` is believed: `10.0.0.2/32`."""

    def __post_init__(self) -> None:
        if self.public_url and not ADDRESS.fullmatch(self.public_url):
            raise ValueError("public_url must be a whole http(s) address without user, query and fragment")
