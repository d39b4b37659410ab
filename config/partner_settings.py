"""Settings that every partner has: how fast, how patiently, how often it is spoken to."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.door_settings import NotNegative, Positive

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Mode = Literal["live", "shadow"]


class PartnerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every partner has."""

    mode: Mode = "live"
    """`shadow` shapes, checks and records, compares with what the partner has, and sends nothing."""
    rate: NotNegative = 0.0
    """Deliveries a second over all processes; 0: no limit."""
    threads: Annotated[int, Meta(ge=1, le=512)] = 64
    """Calls in flight at once, for each worker process."""
    timeout_s: Positive = 10.0
    """One call, from connecting to the last byte of the reply."""
    connect_timeout_s: Positive = 3.0
    """Until a connection stands, TLS included. Shorter than `timeout_s`: past it nobody knows what left."""
    idle_timeout_s: Positive = 4.0
    """An idle connection is closed after this time: before the partner does it as we write."""
    max_reply_bytes: Count = 2_000_000
    """A longer reply is not read on; its outcome is in doubt."""
    knocks: Count = 2
    """How often one attempt tries to connect before it says that nobody is there."""
    allow_http: bool = False
    """Plain HTTP: only where the network itself is the protection."""
    private_networks: tuple[str, ...] = ()
    """Networks beside the public ones in which this partner may stand, `10.0.0.0/24`; all others are refused."""
    ca_file: str = ""
    """PEM certificates of the only authorities to trust; without it, the machine's own."""
    identity_file: str = ""
    """PEM certificate and key for mutual TLS."""
    in_flight_s: Positive = 30.0
    """How long a call may still land after its reply was lost: asking waits it out."""
    lease_s: Positive = 60.0
    """How long a worker may hold a dossier before another takes it over: longer than any attempt."""
    failures_to_open: Count = 5
    """Attempts in a row that found the partner down, after which only probes go out."""
    probe_every_s: Positive = 5.0
    """How often a probe goes out meanwhile."""
    retry_s: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (2, 5, 15, 30, 60, 120, 300, 600, 900, 1800)
    """Waits after the first, second … attempt that found it not there; the last one repeats."""
    retry_jitter: Share = 0.1
    """Each wait is lengthened by up to this share."""
    drain: Literal["age", "deadline"] = "age"
    """A backlog goes out longest waiting first, or nearest due date first."""
    fresh_share: Share = 0.25
    """The share of each claim that goes to what came last, so that a backlog does not delay today."""
    fresh_for_s: Positive = 30.0
    """What counts as fresh."""

    def __post_init__(self) -> None:
        if self.connect_timeout_s > self.timeout_s:
            raise ValueError("connect_timeout_s must not be longer than timeout_s")
        if self.lease_s <= self.timeout_s:
            raise ValueError("lease_s must be longer than timeout_s: a call must end before its lease does")
