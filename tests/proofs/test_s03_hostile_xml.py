"""S3 and S7 for messages: bombs and hostile bytes are refused in bounded memory, and nothing is fetched."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.house.tree import ROOT

# The most memory that this very program held: what getrusage tells also counts the one that started it.
LARGEST = textwrap.dedent(
    r"""
    import re, sys
    from signing import xml
    from signing.errors import XmlRefused

    inside = {
        "elements": lambda: b"<a/>" * 99_999,
        "pairs": lambda: b"<a></a>" * 99_999,
        "attributes": lambda: b"<a " + b" ".join(b"a%d=''" % n for n in range(99_999)) + b"/>",
        "attributes of many": lambda: b"<a b='' c=''/>" * 49_999,
        "text": lambda: b"x" * (10 * 2**20 - 7),
        "references": lambda: b"&amp;" * 2_000_000,
        "characters": lambda: b"&#65;" * 2_000_000,
        "cdata": lambda: b"<![CDATA[x]]>" * 199_000,
        "comments": lambda: b"<!---->" * 199_000,
        "namespaces": lambda: b"<a " + b" ".join(b"xmlns:a%d='u:%d'" % (n, n) for n in range(99_999)) + b"/>",
        "names": lambda: b"".join(b"<n%d/>" % n for n in range(99_999)),
        "long names": lambda: b"".join(b"<%s/>" % (b"n%d" % n).ljust(90, b"n") for n in range(99_999)),
        "laughs": lambda: b"]><r/>" + b"&x;" * 99_999,
        "deep": lambda: b"<a>" * 60_000 + b"</a>" * 60_000,
        "too large": lambda: b"x" * 20 * 2**20,
    }[sys.argv[1]]()
    try:
        xml.read(b"<r>" + inside + b"</r>")
    except XmlRefused as refused:
        print(refused.code)
    print(int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]) // 1024)
    """
)
KINDS = [line.split('"')[1] for line in LARGEST.splitlines() if line.strip().startswith('"')]


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded(kind):
    """The largest document of each kind that the bounds let through, or stop, needs less than 300 MB."""
    done = subprocess.run([sys.executable, "-c", LARGEST, kind], cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.stderr == ""
    assert int(done.stdout.split()[-1]) <= 300


def test_fuzzed():
    """Thousands of hostile inputs, led by coverage: a tree or a refusal, and never an error that nobody knows."""
    command = [sys.executable, "tests/proofs/fuzz_messages.py", "-runs=4000", "-seed=20260703", "-max_len=400"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


def test_parser_survives_many_names():
    """Names that nobody ever sends again fill no table of a thread for ever: good messages are read after them."""
    program = textwrap.dedent(
        r"""
        import re
        from signing import xml
        from signing.errors import XmlRefused

        for turn in range(60):
            names = b"".join(b"<%s/>" % (b"n%d-%d" % (turn, n)).ljust(100, b"n") for n in range(5_000))
            try:
                xml.read(b"<r>" + names + b"</r>")
            except XmlRefused:
                print("refused")
        assert xml.read(b"<good-message/>").tag == "good-message"
        print(int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]) // 1024)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.stderr == ""
    assert int(done.stdout.split()[-1]) <= 150
    assert "refused" not in done.stdout
