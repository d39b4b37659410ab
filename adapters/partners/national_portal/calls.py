"""Pure. Records and steps in, requests out, to the adapter, a façade or a security server, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, urlencode

import msgspec

from adapters.channels.addresses import host_of
from adapters.channels.http import MASK, Request
from adapters.channels.outer_auth import ClientCredentials
from adapters.partners.national_portal.codes import OPERATIONS, Operation
from adapters.partners.national_portal.settings import NationalPortalSettings

if TYPE_CHECKING:
    from adapters.partners.national_portal.xroad import Envelopes

UPDATING: Final = {Operation.CREATE: "False", Operation.UPDATE: "True"}
"""NOTES.md#r33: the string, with its capital letter."""
STATUS_TYPE: Final = "2"
"""NOTES.md#r300."""
HEADERS: Final = {"accept": "application/json", "content-type": "application/json", "charset": "utf-8"}
"""NOTES.md#r9."""

_encode: Final = msgspec.json.Encoder().encode
_NO_HEADERS: Final[Mapping[str, str]] = {}


def hosts_of(settings: NationalPortalSettings) -> frozenset[str]:
    """Every host that these settings name, and so all that is ever called. Raises AddressRefused."""
    urls = [*Calls(settings)._urls.values(), settings.facade_read_url]
    if isinstance(settings.outer_auth, ClientCredentials):
        urls.append(settings.outer_auth.token_url)
    return frozenset(host_of(url) for url in urls if url)


class Calls:
    """The addresses and envelopes of one installation, worked out once."""

    def __init__(self, settings: NationalPortalSettings, *, secret_headers: frozenset[str] = frozenset()) -> None:
        self._settings = settings
        self._secret = secret_headers
        self._is_facade = settings.variant == "facade"
        self._xroad = _envelopes(settings)
        self._headers = _headers(settings)
        self._urls = {operation: self._url(operation) for operation in Operation}

    @property
    def has_login(self) -> bool:
        """A façade hides the session (NOTES.md#r130); to a security server our certificate says who we are (#r208)."""
        return self._settings.variant == "adapter"

    @property
    def has_status(self) -> bool:
        """Whether statuses of dossiers born on the portal have an address (NOTES.md#r309)."""
        return bool(self._urls[Operation.STATUS])

    @property
    def has_lookup(self) -> bool:
        """Whether the portal can be asked at all."""
        return bool(self._urls[Operation.LOOKUP])

    def login(self, extra: Mapping[str, str] = _NO_HEADERS) -> Request:
        """NOTES.md#r20. The password is sent and never recorded."""
        name = {"username": self._settings.username}
        body = _encode(name | {"password": self._settings.password})
        recorded = _encode(name | {"password": MASK})
        return self._request(Operation.LOGIN, body, extra, recorded=recorded)

    def write(
        self,
        operation: Operation,
        records: Sequence[Mapping[str, Any]],
        session: str,
        extra: Mapping[str, str] = _NO_HEADERS,
    ) -> Request:
        """Create, update, step or status: one call with one record or more; a status goes alone."""
        data: Any = records[0] if operation is Operation.STATUS else records  # r300, r309: one object
        if self._is_facade:
            return self._request(operation, _encode(data), extra)  # r131, r132: a bare array
        envelope: dict[str, Any] = self._envelope(operation, session)
        if operation in UPDATING:
            envelope["isUpdating"] = UPDATING[operation]
        if operation is Operation.STATUS:
            envelope["type"] = STATUS_TYPE
        envelope["data"] = data
        return self._request(operation, self._written(operation, envelope), extra)

    def check(self, body: Mapping[str, Any]) -> None:
        """Whether this record or step can be written at all. Raises `Unmappable`."""
        if self._xroad is not None:
            self._xroad.check(body)

    def lookup(self, number: str, session: str, extra: Mapping[str, str] = _NO_HEADERS) -> Request:
        """NOTES.md#r120: `mahoso` in lower case."""
        if self._is_facade:
            url = _with_query(self._urls[Operation.LOOKUP], {"mahoso": number})
            return self._request(Operation.LOOKUP, b"", extra, url=url, method="GET")  # r136
        envelope = self._envelope(Operation.LOOKUP, session) | {"mahoso": number}
        return self._request(Operation.LOOKUP, self._written(Operation.LOOKUP, envelope), extra)

    @property
    def has_reads(self) -> bool:
        """Whether the catalogue and the other services that only read can be asked for."""
        return self._settings.variant == "adapter" or (self._is_facade and bool(self._settings.facade_read_url))

    def read(
        self,
        service: str,
        endpoint: Literal["share", "integration"],
        parameters: Mapping[str, str],
        session: str,
        extra: Mapping[str, str] = _NO_HEADERS,
    ) -> Request:
        """A service that only reads (NOTES.md#r11, #r133): nothing but its parameters is somebody else's."""
        settings = self._settings
        if self._is_facade:
            method, body = "GET", b""
            url = _with_query(f"{settings.facade_read_url.rstrip('/')}/{service}", parameters)
        else:
            path = settings.share_endpoint if endpoint == "share" else settings.integration_endpoint
            method, url = "POST", self._address(path)
            body = _encode({**parameters, "session": session, "madonvi": settings.madonvi, "service": service})
        headers = {**self._headers, **extra}
        return Request(
            operation=service, method=method, url=url, headers=headers, body=body, secret_headers=self._secret
        )

    def _written(self, operation: Operation, envelope: Mapping[str, Any]) -> bytes:
        return _encode(envelope) if self._xroad is None else self._xroad.document(operation, envelope)

    def _envelope(self, operation: Operation, session: str) -> dict[str, Any]:
        return {"session": session, "madonvi": self._settings.madonvi, "service": OPERATIONS[operation].service}

    def _request(
        self,
        operation: Operation,
        body: bytes,
        extra: Mapping[str, str],
        *,
        recorded: bytes | None = None,
        url: str = "",
        method: str = "POST",
    ) -> Request:
        return Request(
            operation=OPERATIONS[operation].service,
            method=method,
            url=url or self._urls[operation],
            headers={**self._headers, **extra} if extra else self._headers,
            body=body,
            recorded_body=recorded,
            secret_headers=self._secret,
        )

    def _url(self, operation: Operation) -> str:
        if self._xroad is not None:
            return "" if operation is Operation.LOGIN else self._settings.xroad_url  # r200: one address for all
        return self._facade_url(operation) if self._is_facade else self._adapter_url(operation)

    def _adapter_url(self, operation: Operation) -> str:
        """NOTES.md#r1 to #r7."""
        settings = self._settings
        paths = {
            "auth": settings.auth_endpoint,
            "share": settings.share_endpoint,
            "integration": settings.integration_endpoint,
        }
        return self._address(paths[OPERATIONS[operation].endpoint])

    def _address(self, path: str) -> str:
        settings = self._settings
        url = f"{settings.adapter_url.rstrip('/')}/{settings.context}/RestService/forward/{path.strip('/')}"
        query = {"dstcode": settings.dstcode} if settings.dstcode and settings.dstcode_in == "query" else {}
        if settings.provider_url:
            query["providerurl"] = settings.provider_url
        return _with_query(url, query)

    def _facade_url(self, operation: Operation) -> str:
        """NOTES.md#r130 to #r136: an address for each verb, what the façade wants to know in the query."""
        settings = self._settings
        url = {
            Operation.LOGIN: "",
            Operation.CREATE: settings.facade_add_url,
            Operation.UPDATE: settings.facade_update_url or settings.facade_add_url,
            Operation.STEP: settings.facade_progress_url,
            Operation.STATUS: settings.facade_status_url,
            Operation.LOOKUP: settings.facade_lookup_url,
        }[operation]
        query = {"MaDinhDanhDV": settings.madonvi} if settings.facade_unit_in_query else {}
        if settings.facade_updating_in_query and operation in UPDATING:
            query["isUpdating"] = UPDATING[operation]
        return _with_query(url, query) if url else ""


def _headers(settings: NationalPortalSettings) -> Mapping[str, str]:
    if settings.variant == "xroad":
        from adapters.partners.national_portal.xroad import HEADERS as SOAP_HEADERS

        return SOAP_HEADERS
    in_header = bool(settings.dstcode) and settings.dstcode_in == "header" and settings.variant == "adapter"
    return HEADERS | ({"dstcode": settings.dstcode} if in_header else {})


def _envelopes(settings: NationalPortalSettings) -> Envelopes | None:
    """Raises `ValueError` for identifiers that no security server knows."""
    if settings.variant != "xroad":
        return None
    # Loaded only here: a worker that speaks JSON need not load an XML library.
    from adapters.partners.national_portal.xroad import Envelopes

    return Envelopes(settings)


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query, quote_via=quote, safe='')}"
