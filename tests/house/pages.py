"""The generated parts of the documents: between `<!-- made: NAME -->` and `<!-- /made -->`, from what the code says.

`make docs` writes them anew; `test_pages.py` says when one is stale. Edit around them, never inside.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.house import notice, promises
from tests.house.blocks import BLOCKS
from tests.house.tree import ROOT, name_of, named

MARKED = re.compile(r"(<!-- made: ([a-z-]+) -->\n)(.*?)(<!-- /made -->)", re.DOTALL)


def documents() -> list[Path]:
    """Every page that may have a made part."""
    return [path for path in named(".md") if path.parent == ROOT or path.is_relative_to(ROOT / "docs")]


def written_anew(text: str) -> str:
    """The page with each made part as the code says it now."""
    return MARKED.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]().strip()}\n\n{found[4]}", text)


def whole_pages() -> dict[Path, str]:
    """Pages that are made from their first line to their last."""
    return {promises.PAGE: promises.page(), notice.PAGE: notice.page()}


def main() -> int:
    """Write what is stale, and say which."""
    # A page that is made whole has no older text to keep, so it comes last.
    fresh = {page: written_anew(page.read_text(encoding="utf-8")) for page in documents()} | whole_pages()
    for page, text in fresh.items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: {name_of(page)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
