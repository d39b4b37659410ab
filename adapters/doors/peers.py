"""Who calls, as the network says: the connection's other end, or whom a proxy that we know names."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

from adapters.channels.addresses import Network


def peer_of(request: Request, proxies: Sequence[Network] = ()) -> str:
    """The caller's address. `X-Forwarded-For` counts only from a proxy of these networks, read from its end: what a
    caller wrote there himself stands before what the proxy added."""
    peer = request.client.host if request.client else ""
    if not is_in(peer, proxies):
        return peer
    # Some proxies append to the header, others add a line of their own below the caller's.
    told = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    return next((each for each in reversed(told) if is_address(each) and not is_in(each, proxies)), peer)


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether a caller stands in one of these networks."""
    return is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
