"""Pure. A message as a request; its secret is sent, and never recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.channels.http import Request
from adapters.partners.mysign import wire
from adapters.partners.mysign.settings import MysignSettings


def request(settings: MysignSettings, message: str, fields: Mapping[str, Any], *, bearer: str = "") -> Request:
    """One call (contracts/mysign/NOTES.md#r1, #r5)."""
    headers = {"content-type": "application/json; charset=utf-8", "accept": "application/json"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return Request(
        operation=message,
        method="POST",
        url=wire.address(settings, message),
        headers=headers,
        body=wire.as_sent(fields),
        recorded_body=wire.as_kept(fields),
    )
