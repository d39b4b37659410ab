"""Two settlements in the console's world: a file that cannot be taken, and one in which much differs; hostile words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from bus.payments import LOCAL
from config.settling_days import one_stop_file, platform_file, settlement_repairs_of, settlements_of
from config.wiring import Installation
from tests.settlement_kit import FileRow, export_text, platform_text

PARTNER: Final = "payment_platform"
HOSTILE: Final = "<script>alert('s13')</script>\"'><img/src=x>{{7*7}}=cmd"
WHO: Final = "person:operator"


def settle(installation: Installation, folder: Path) -> None:
    """Run 1 is refused; run 2 has differences of several classes, one of which waits for another person's yes."""
    now = installation.ports.clock.now().astimezone(LOCAL)
    merchant = getattr(installation.settings.partner_table()[PARTNER], "merchant")  # noqa: B009  # of a gateway's keys
    rows = _rows(installation, now)
    cut = folder / f"{merchant}_{now:%Y%m%d}_DS_01.txt"
    cut.write_bytes(platform_text(rows, day=now.date(), merchant=merchant).replace(b"|VCB|", b"|V|CB|", 1)[:-20])
    whole = folder / f"{merchant}_{now:%Y%m%d}_DS_02.txt"
    whole.write_bytes(platform_text(rows, day=now.date(), merchant=merchant))
    export = folder / "one-stop.csv"
    export.write_bytes(export_text([("one-stop/h99", "P-KHONG-CO", 20_000, "paid")]))
    settlements = settlements_of(installation)
    for path in (cut, whole):
        file, book, day = platform_file(installation, PARTNER, path, None)
        one_stop = one_stop_file(installation, export)
        run = settlements.compare(book, day, file, one_stop=one_stop, actor=WHO).run
    repairs = settlement_repairs_of(installation)
    plan = repairs.plan(run.id, [one.kind for one in settlements.counts(run.id)][:2])
    installation.ledger.engine.write(
        lambda tx: repairs.ask(
            tx,
            run.id,
            plan.classes,
            digest=plan.digest,
            actor=WHO,
            reason=f"đã xem sao kê {HOSTILE}",
            four_eyes_above=0,
        )
    )


def _rows(installation: Installation, now: datetime) -> list[FileRow]:
    """What the gateway says: some as here, some with another amount, some that nobody knows, one in hostile words."""
    found = installation.ledger.engine.read().connection.execute(
        "SELECT a.reference, coalesce(a.transaction_id, 'GD-' || a.id), p.amount FROM payment_attempts a "
        "JOIN payments p ON p.id = a.payment WHERE a.partner = ? ORDER BY a.id",
        (PARTNER,),
    )
    known = [FileRow(reference=row[0], transaction=row[1], amount=row[2] + 500 * (n % 3 == 2), at=now)
             for n, row in enumerate(found.fetchall())]  # fmt: skip
    odd = [FileRow(reference=f"TT99999999999999{n:04d}01", transaction=f"GD99{n:04d}", at=now) for n in range(3)]
    return [*known[:-2], *odd, FileRow(reference="TT-HOSTILE", transaction=HOSTILE, bank="B" * 90, at=now)]
