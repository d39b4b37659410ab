"""What is installed elsewhere is whole: the built wheel holds every data file of the five packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.tree import ROOMS, ROOT, files, name_of


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names inside the wheel. Built by the installed hatchling: nothing is downloaded, nothing installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    with ZipFile(next(folder.glob("lienthong-*.whl"))) as built:
        return set(built.namelist())


def test_wheel_holds_every_file_of_the_rooms(wheel):
    """No schema, template, table or sample is forgotten: a missing one is found here and not in production."""
    ours = {name_of(path) for path in files() if path.relative_to(ROOT).parts[0] in ROOMS}

    assert set() == ours - wheel


def test_wheel_holds_only_rooms_and_papers(wheel):
    """Tests, documents and settings of this machine stay at home; licence and notice travel along."""
    tops = {Path(name).parts[0] for name in wheel}
    papers = {Path(name).name for name in wheel if ".dist-info/licenses/" in name}

    assert set(ROOMS) == {top for top in tops if not top.endswith(".dist-info")}
    assert {"LICENSE", "NOTICE"} == papers
