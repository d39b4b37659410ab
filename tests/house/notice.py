"""`NOTICE` from its words and the installed packages' own statements of their licences."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

from tests.house.tree import ROOT

PAGE = ROOT / "NOTICE"
ELSEWHERE = {
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "importlib-metadata": "Apache-2.0",
    "tzdata": "Apache-2.0",
    "zipp": "MIT",
}
"""Packages of the lock that only other platforms or Python versions install, and so cannot be asked here."""
IN_ITS_FILE = {"pyreqwest": "Apache-2.0"}
"""Read in the licence file that the package brings; its metadata does not say it."""
WORDS = """Liên Thông
Copyright the Liên Thông authors
Licensed under the EUPL, version 1.2 (see LICENSE)

Data
----

config/tables/ and config/demo/ hold small reference data for trying things out. Codes and names of procedures and
organisations were read in public source-code repositories that transcribe official decisions, or recalled; each row
names its kind of source. They are not official and may be outdated. Holidays were computed by the package "holidays"
(MIT). Names of persons and streets are invented; the province H99 does not exist.

contracts/ was written from public sources that are named by kind in each NOTES.md. No partner's own document or code is
copied here.

Scripts and styles in the console's pages
-----------------------------------------

Copied unchanged into adapters/doors/console/static/vendor/, each with its licence beside it:

- htmx 2.0.11 (0BSD)
- uplot 1.6.32 (MIT)

Packages that run with it
-------------------------

Not part of this work, installed beside it from requirements.lock, each under its own licence as its metadata states it:

"""
NAMES = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Apache 2.0": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "3-Clause BSD License": "BSD-3-Clause",
}


def locked() -> list[str]:
    """The packages of the core lock."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)


def licence_of(package: str) -> str:
    """What the package says, in the short form of SPDX where it says it so."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return ELSEWHERE[package]
    said = about.get("License-Expression") or _classified(about) or about.get("License") or IN_ITS_FILE[package]
    said = said.strip().splitlines()[0]
    return NAMES.get(said, said)


def _classified(about: PackageMetadata) -> str | None:
    found = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License :: OSI")]
    return " AND ".join(NAMES.get(each, each) for each in found if each != "OSI Approved") or None


def page() -> str:
    """The whole file."""
    rows = [(package, licence_of(package)) for package in locked()]
    width = max(len(package) for package, _ in rows)
    return WORDS + "".join(f"  {package:<{width}}  {licence}\n" for package, licence in rows)


if __name__ == "__main__":
    print(page(), end="")
