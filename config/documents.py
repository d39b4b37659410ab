"""The documents of one installation: store, book, addresses, the way in, and the door that hands them out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.channels.addresses import Network, networks_of
from adapters.documents.links import DocumentLinks
from adapters.documents.room import DocumentRoom
from adapters.stores.documents import DocumentStore, copy_files
from bus.errors import LedgerUnavailable
from bus.ledger import Ledger
from config.document_settings import DocumentSettings
from config.settings_file import SettingsRefused

if TYPE_CHECKING:
    from starlette.routing import Router

    from adapters.documents.fetch import Fetcher
    from adapters.documents.scan import Scanner
    from adapters.doors.refusals import Desk
    from config.wiring import Installation, Ports


def room_of(told: DocumentSettings, ledger: Ledger, ports: Ports) -> DocumentRoom:
    """Store, book and addresses, as the settings say."""
    index_key = ledger.master.index_key
    store = DocumentStore(
        Path(told.folder),
        ledger.bodies,
        index_key,
        ports.clock,
        ports.randomness,
        keep_free=told.keep_free_bytes,
    )
    return DocumentRoom(store=store, book=ledger.documents, links=DocumentLinks.under(index_key, told.public_url))


def documents_of(installation: Installation) -> DocumentRoom:
    """Those of this installation."""
    return room_of(installation.settings.documents, installation.ledger, installation.ports)


def fetcher_of(installation: Installation) -> Fetcher:
    """Who fetches documents, over a channel of his own. Raises SettingsRefused."""
    from adapters.channels.http import HttpChannel, HttpSettings
    from adapters.channels.httpx2_transport import Httpx2Transport
    from adapters.documents.fetch import Fetcher

    told, ports = installation.settings.documents, installation.ports
    timeout = timedelta(seconds=told.timeout_s)
    settings = HttpSettings(
        timeout=timeout,
        connect_timeout=min(timeout, timedelta(seconds=5)),
        max_reply_bytes=told.most_bytes,
        allow_http=told.allow_http,
        hosts=frozenset(told.hosts),
        networks=_networks(told.private_networks, "documents.private_networks"),
        roots_pem=_roots(told.ca_file),
    )
    # Low-rate, and cut off by one deadline however slowly the other side drips.
    return Fetcher(
        HttpChannel(settings, open_transport=Httpx2Transport, clock=ports.clock, crash_point=ports.crash_point)
    )


def scanner_of(told: DocumentSettings) -> Scanner:
    """Who looks documents through."""
    from adapters.documents.scan import Clamd, NoScanner

    if not told.clamav:
        return NoScanner()
    return Clamd(address=told.clamav, timeout=timedelta(seconds=told.clamav_timeout_s))


def add_documents(router: Router, installation: Installation, desk: Desk) -> None:
    """The door by which documents are fetched. Raises SettingsRefused."""
    from adapters.doors.documents import DocumentsDoor
    from adapters.doors.pace import Paces

    told = installation.settings.documents
    room = documents_of(installation)
    room.store.sweep()
    DocumentsDoor(
        room=room,
        desk=desk,
        clock=installation.ports.clock,
        paces=Paces(told.rate, time.monotonic),
        proxies=proxies_of(told),
    ).add_to(router)


def proxies_of(told: DocumentSettings) -> tuple[Network, ...]:
    """Whose word for a caller's address is believed. Raises SettingsRefused."""
    return _networks(told.proxy_networks, "documents.proxy_networks")


def forget_unnamed(installation: Installation) -> int:
    """Files of the store that no row names and that are a day old: whoever put them ended before his row was there."""
    room = documents_of(installation)
    room.store.sweep()
    return room.store.forget_unnamed((dossier, sha256) for dossier, sha256, _size in room.book.stored())


def beside(backup: Path) -> Path:
    """Where a backup's documents are: one folder for all backups that lie there, each document in it once."""
    return backup.parent / "documents-backup"


def back_up(installation: Installation, backup: Path) -> int:
    """Copy what is new in the store, after the ledger: what its copy names is here then. Raises LedgerUnavailable."""
    return _copied(Path(installation.settings.documents.folder), beside(backup))


def bring_back(told: DocumentSettings, backup: Path) -> int:
    """Copy what the store lacks, before the ledger that names it takes its place. Raises LedgerUnavailable."""
    return _copied(beside(backup), Path(told.folder))


def _copied(source: Path, target: Path) -> int:
    try:
        return copy_files(source, target)
    except OSError as trouble:
        raise LedgerUnavailable(f"documents cannot be copied to {target}: {trouble.strerror}") from trouble


def missing_of(installation: Installation) -> Sequence[tuple[str, str]]:
    """Documents that the ledger names and the store has not: dossier and SHA-256."""
    room = documents_of(installation)
    return [(number, sha256) for number, sha256, _size in room.book.stored() if not room.store.has(number, sha256)]


def _networks(texts: Sequence[str], key: str) -> tuple[Network, ...]:
    try:
        return networks_of(texts)
    except ValueError as trouble:
        raise SettingsRefused(key, str(trouble)) from None


def _roots(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as trouble:
        cure = f"{path} cannot be read ({trouble.strerror}); put the authorities' certificates there, PEM"
        raise SettingsRefused("documents.ca_file", cure) from None
