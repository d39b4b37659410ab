"""Where the services' descriptions stand: our reconstruction of them (`NOTES.md`)."""

from __future__ import annotations

from pathlib import Path


def wsdl(service: str) -> Path:
    """`PublishService`, `PortalService` or `BusinessService`."""
    return Path(__file__).with_name(f"{service}.wsdl")
