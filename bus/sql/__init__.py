"""The ledger's SQL, by name.

Each query stands under a line `-- name -- what it is for`; where two databases differ, a file `<topic>.<engine>.sql`
holds the other one under the same name.
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import Final, NamedTuple

_HEADER: Final = re.compile(r"^-- (?P<name>[a-z_]+) -- (?P<purpose>.+)$", re.MULTILINE)
_MIGRATION: Final = re.compile(r"^(?P<version>\d{4})_(?P<name>\w+)\.(?P<engine>\w+)\.sql$")


class Migration(NamedTuple):
    """One numbered, forward-only step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """Of its text, as the ledger keeps it: a step that was changed after it was applied is another one."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_queries(engine: str) -> dict[str, str]:
    """Every query this engine runs, by its name. A name that stands twice is a mistake, and raises ValueError."""
    queries: dict[str, str] = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda item: item.name):
        if (entry.name.endswith(".sql") and entry.name.count(".") == 1) or entry.name.endswith(f".{engine}.sql"):
            _add(queries, entry.read_text("utf-8"), entry.name)
    return queries


def _add(queries: dict[str, str], text: str, where: str) -> None:
    parts = _HEADER.split(text)[1:]
    for name, _purpose, sql in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        if name in queries:
            raise ValueError(f"query {name} stands twice, again in {where}")
        queries[name] = sql.strip().rstrip(";")


def load_migrations(engine: str) -> list[Migration]:
    """The engine's migrations, oldest first."""
    found = []
    for entry in files(__name__).joinpath("migrations").iterdir():
        match = _MIGRATION.match(entry.name)
        if match and match["engine"] == engine:
            found.append(Migration(int(match["version"]), match["name"], entry.read_text("utf-8")))
    return sorted(found)
