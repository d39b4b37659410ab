"""Pure. Where a citizen may be sent: an open redirect from a state's page is what a fraudster wants."""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.channels.addresses import AddressRefused, origin_of


def is_page_of(url: str, hosts: frozenset[str], *, allow_http: bool = False) -> bool:
    """Whether it is https, can be read in one way only, and is on a listed host. Plain HTTP: where calls are, too."""
    try:
        is_listed = origin_of(url).is_in(hosts)
    except AddressRefused:
        return False
    return is_listed and (allow_http or urlsplit(url).scheme == "https")
