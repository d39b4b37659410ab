"""Documents and upload tickets in the ledger: kept once, bound by moves, a ticket used once whatever happens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.documents import DocumentRole, NewDocument
from bus.errors import NotFound
from bus.times import from_ms, to_ms
from bus.upkeep import verify
from bus.upload_tickets import LIFE, Ticket
from tests.builders import DOSSIER, make_event
from tests.world import World

CONTENT = b"%PDF-1.4 a result"
PAPER = NewDocument(
    dossier=DOSSIER,
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    media_type="application/pdf",
    role=DocumentRole.GIVEN,
    came_from="files.h99.example.invalid",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A ledger that knows one dossier."""
    made = World(tmp_path)
    made.accept(make_event())
    yield made
    made.close()


def give(world: World, n: int = 1, account: str = "can-bo-1") -> str:
    """A ticket for document `n` of signature 7."""
    return world.ledger.engine.write(lambda tx: world.ledger.tickets.give(tx, signature=7, n=n, account=account))


def found(world: World) -> list[tuple[str, int | None]]:
    return [(damage.table, damage.row) for damage in verify(world.ledger)]


def change(world: World, sql: str) -> None:
    """Somebody changes the file behind the ledger's back."""
    world.ledger.engine.write(lambda tx: tx.connection.execute(sql))


def test_a_document_is_kept_once(world):
    """The same content in the same role of a dossier is one row, whoever brings it again."""
    book = world.ledger.documents
    first = book.keep(PAPER)
    world.pass_time(60)

    assert first == book.keep(replace(PAPER, came_from="elsewhere.example.invalid"))
    assert [book.get(first)] == book.of(DOSSIER)
    assert ("files.h99.example.invalid", False) == (book.get(first).came_from, book.get(first).is_scanned)


def test_roles_stand_side_by_side(world):
    """What was given and what was made of it are two documents, even where the bytes are the same."""
    book = world.ledger.documents
    given, signed = book.keep(PAPER), book.keep(replace(PAPER, role=DocumentRole.SIGNED))

    assert given != signed
    assert [(DOSSIER, PAPER.sha256, PAPER.size)] == list(book.stored())
    assert (True, False) == (book.names(DOSSIER, PAPER.sha256), book.names(DOSSIER, "0" * 64))


def test_a_document_that_was_scanned_later_is_clean(world):
    """A document that came before there was a scanner counts as clean once one has looked through it, and stays so."""
    book = world.ledger.documents
    kept = book.keep(PAPER)
    book.keep(replace(PAPER, is_scanned=True))
    book.keep(PAPER)

    assert book.get(kept).is_scanned
    assert [] == found(world)


def test_no_document_without_a_dossier(world):
    """A row of a dossier that nobody knows is not made, and one that is not there is not found."""
    with pytest.raises(NotFound):
        world.ledger.documents.keep(replace(PAPER, dossier="H99.09-260703-9999"))
    with pytest.raises(NotFound):
        world.ledger.documents.get(1)


def test_a_document_without_a_signature_has_no_name(world):
    """Names stand in the events that named a document: without one it has none."""
    assert "" == world.ledger.documents.name_of(world.ledger.documents.keep(PAPER))


@pytest.mark.parametrize(
    ("sql", "damage"),
    [
        ("UPDATE documents SET scanned = 'clean'", ("documents", 1)),
        ("DELETE FROM documents", ("documents", 1)),
        ("UPDATE upload_tickets SET account = 'somebody-else'", ("upload_tickets", 1)),
        ("DELETE FROM upload_tickets", ("upload_tickets", 1)),
        ("INSERT INTO upload_tickets (hash, signature, n, account, expires_at) VALUES (x'00', 7, 1, 'x', 9)",
         ("upload_tickets", 2)),
    ],
    ids=["scanned", "gone", "account", "ticket gone", "ticket made"],
)  # fmt: skip
def test_rows_that_were_changed_are_found(world, sql, damage):
    """A document or a ticket that is not as its last move left it is found by `ledger verify`."""
    world.ledger.documents.keep(PAPER)
    give(world)
    assert [] == found(world)

    change(world, sql)

    assert [damage] == found(world)


def test_a_ticket_is_used_once(world):
    """Of sixteen uploads at the same moment one gets the ticket, and after it nobody."""
    told = give(world)
    with ThreadPoolExecutor(16) as pool:
        used = [one for one in pool.map(lambda _: world.ledger.tickets.use(told), range(16)) if one]

    until = from_ms(to_ms(world.clock.now() + LIFE))
    assert [Ticket(id=1, signature=7, n=1, account="can-bo-1", expires_at=until)] == used
    assert (None, None) == (world.ledger.tickets.find(told), world.ledger.tickets.use(told))


def test_a_ticket_ends(world):
    """After ten minutes a ticket opens nothing; until the last moment it does."""
    told = give(world)
    world.clock.time += LIFE - timedelta(milliseconds=1)
    assert world.ledger.tickets.find(told)
    world.clock.time += timedelta(milliseconds=1)

    assert (None, None) == (world.ledger.tickets.find(told), world.ledger.tickets.use(told))


def test_the_newest_ticket_counts(world):
    """A newer ticket of the same document and account ends the older; other documents and accounts keep theirs."""
    old, other, theirs = give(world), give(world, n=2), give(world, account="can-bo-2")
    new = give(world)

    assert [False, True, True, True] == [bool(world.ledger.tickets.find(told)) for told in (old, other, theirs, new)]
    assert [] == found(world)


@pytest.mark.parametrize("told", ["", "x", "A" * 64, "A" * 65, "../../etc/passwd", "\ud800", "%00"])
def test_no_other_text_is_a_ticket(world, told):
    """Whatever is said in place of a ticket opens nothing, and breaks nothing."""
    give(world)

    assert world.ledger.tickets.find(told) is None


def test_nobody_reads_a_ticket_off_the_ledger(world, tmp_path):
    """The ledger keeps the hash of a ticket, never the ticket."""
    told = give(world)
    world.close()

    assert not [file for file in tmp_path.iterdir() if file.is_file() and told.encode() in file.read_bytes()]
    world.open()


def test_what_an_upload_came_to(world):
    """What became of each ticket stands in the ledger: unused, and taken with its document."""
    give(world, n=2)
    told, book = give(world), world.ledger.tickets
    ticket, document = book.use(told), world.ledger.documents.keep(replace(PAPER, role=DocumentRole.UPLOADED))
    world.ledger.engine.write(lambda tx: book.judged(tx, ticket.id, document=document, verdict="taken"))

    uses = [(use.n, use.used_at is not None, use.document, use.verdict) for use in book.of(7)]
    assert [(1, True, document, "taken"), (2, False, None, "")] == uses
    assert [] == found(world)
