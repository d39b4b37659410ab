"""The console's made parts of the documents: its words."""

from __future__ import annotations

import re
from typing import Any

WORD_TABLES = {
    "terms": "Words",
    "states": "States of a delivery",
    "outcomes": "Outcomes of an attempt",
    "kinds": "Kinds of events",
    "statuses": "Statuses of a dossier",
    "circuits": "A partner's circuit",
    "rights": "Rights",
    "roles": "Roles",
    "acts": "Acts in the audit",
    "causes": "Causes",
}
"""Tables of the glossary, in the order of the page, each with its heading."""


def words() -> str:
    """The glossary, table by table: the Vietnamese word, the English one, and what it means."""
    from tests.house.blocks import read_toml

    vi = read_toml("adapters/doors/console/words/glossary.vi.toml")
    en = read_toml("adapters/doors/console/words/glossary.en.toml")
    return "\n\n".join(f"## {head}\n\n{_table(name, vi, en)}" for name, head in WORD_TABLES.items())


def _table(name: str, vi: dict[str, Any], en: dict[str, Any]) -> str:
    from tests.house.blocks import code, table

    words_vi, words_en = flat(vi[name]), flat(en[name])
    told_vi, told_en = (flat(each.get(f"{name}_told", {})) for each in (vi, en))
    if name == "causes":
        rows = [[code(key), words_vi[key], words_en[key]] for key in sorted(words_vi)]
        return table(["code", "tiếng Việt", "English"], rows)
    if not told_vi:
        return table(["code", "tiếng Việt", "English"], [[code(k), words_vi[k], words_en[k]] for k in words_vi])
    rows = [[words_vi[k], words_en[k], told_vi.get(k, ""), told_en.get(k, "")] for k in words_vi]
    return table(["tiếng Việt", "English", "nghĩa", "meaning"], rows)


def flat(names: dict[str, Any], before: str = "") -> dict[str, str]:
    """A table's words, names of inner tables joined with points."""
    found: dict[str, str] = {}
    for name, value in names.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found


def states_vi() -> str:
    """What each state means and what to do, for operators, in Vietnamese."""
    from tests.house.blocks import read_toml, table

    vi = read_toml("adapters/doors/console/words/glossary.vi.toml")
    rows = [[f"**{word}**", vi["states_told"][name], vi["states_do"][name]] for name, word in vi["states"].items()]
    return table(["trạng thái", "nghĩa là", "phải làm gì"], rows)


def roles_vi() -> str:
    """Which role may do what, as every new ledger begins, in Vietnamese."""
    from bus.rights import ROLES, Right
    from tests.house.blocks import read_toml, table

    vi = read_toml("adapters/doors/console/words/glossary.vi.toml")
    head = ["quyền", *(vi["roles"][role] for role in ROLES)]
    rows = [
        [f"**{vi['rights'][right.value]}**: {vi['rights_told'][right.value]}", *_crosses(right, ROLES)]
        for right in Right
    ]
    return table(head, rows)


def _crosses(right: Any, roles: Any) -> list[str]:
    return ["✓" if right in rights else "" for rights in roles.values()]


def pages() -> str:
    """Every page of the console: its address, the right it asks for, and whether looking is recorded."""
    from adapters.doors.console.links import PREFIX
    from adapters.doors.console.pages import PAGES
    from tests.house.blocks import code, table

    rows = [
        [
            code(f"{page.method} {PREFIX}{page.path}"),
            page.name.replace("_", " ").replace("-", " "),
            _open(page) if page.right is None else code(page.right.value),
            "yes" if page.is_body else "",
            _told(page),
        ]
        for page in PAGES
    ]
    return table(["address", "name", "right", "is a body", "what its module says of it"], rows)


def _told(page: Any) -> str:
    """What its module says of it, without repeating the address."""
    line = next(iter((page.endpoint.__doc__ or "").strip().splitlines()), "")
    said = re.sub(rf"^{page.method} \S+?[.:]?(?: |$)", "", line).strip()
    return said[:1].upper() + said[1:]


def _open(page: Any) -> str:
    return "anybody, before sign-in" if page.is_open else "anybody signed in"


def roles() -> str:
    """Which role may do what, as every new ledger begins."""
    from bus.rights import ROLES, Right
    from tests.house.blocks import code, read_toml, table

    en = read_toml("adapters/doors/console/words/glossary.en.toml")
    rows = [[code(right.value), en["rights_told"][right.value], *_crosses(right, ROLES)] for right in Right]
    return table(["right", "", *(code(role) for role in ROLES)], rows)
