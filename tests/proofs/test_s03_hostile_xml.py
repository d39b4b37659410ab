"""S3 and S7 for messages: bombs and hostile bytes are refused in bounded memory, and nothing is fetched."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import textwrap
import time

import pytest

from signing import wsse
from signing.errors import NotVerified, VerifierFailed
from tests.contract import wss_attacks
from tests.house.tree import ROOT
from tests.message_pki import NOW
from tests.wss_kit import Forge, partner_trust

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


def hostile(address: str, path: str) -> dict[str, bytes]:
    """Documents that ask for something outside of them, in every way that XML and its signatures know."""
    entity = '[<!ENTITY x SYSTEM "{}">]'
    xi = f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{address}" parse="text"/>'
    schema = f'<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:a {address}"/>'
    good = Forge().message()
    return {
        "an external DTD": f'<!DOCTYPE a SYSTEM "{address}"><a/>'.encode(),
        "a public DTD": f'<!DOCTYPE a PUBLIC "-//x" "{address}"><a/>'.encode(),
        "an address as entity": f"<!DOCTYPE a {entity.format(address)}><a>&x;</a>".encode(),
        "a file as entity": f"<!DOCTYPE a {entity.format(path)}><a>&x;</a>".encode(),
        "a file's address as entity": f"<!DOCTYPE a {entity.format(f'file://{path}')}><a>&x;</a>".encode(),
        "a parameter entity": f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{address}"> %x;]><a/>'.encode(),
        "an inclusion": good.replace(b"150000", xi.encode()),
        "an included file": good.replace(b"150000", xi.replace(address, f"file://{path}").encode()),
        "a style sheet": f'<?xml-stylesheet type="text/xsl" href="{address}"?><a/>'.encode(),
        "a place of a schema": good.replace(b"150000", schema.encode()),
        "a reference outside": Forge(signed=("body", "ts"))
        .message()
        .replace(b'URI="#body"', f'URI="{address}"'.encode()),
        "a key to fetch": Forge(key_info=f'<ds:RetrievalMethod URI="{address}"/>').message(),
        "a token to fetch": Forge(
            key_info=f'<wsse:SecurityTokenReference><wsse:Reference URI="{address}"/></wsse:SecurityTokenReference>'
        ).message(),
        "a base": good.replace(b"<h:LePhi>", f'<h:LePhi xml:base="{address}">'.encode()),
    }


def test_nothing_is_fetched(tmp_path):
    """No document makes us call an address or read a file; every one is refused, and no refusal holds a byte of it."""
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET-OF-THE-HOST", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/x.dtd"
        for name, data in hostile(address, str(secret)).items():
            with pytest.raises(NotVerified) as refused:
                wsse.verify(data, trust=partner_trust(), now=NOW)
            assert not isinstance(refused.value, VerifierFailed), name
            assert "SECRET-OF-THE-HOST" not in f"{refused.value} {refused.value.base!r} {refused.value.__cause__}", name
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_refusals_are_quick():
    """By the processor's time, so that load cannot fail it: half of all attacks within 50 ms, the worst within 5 s."""
    spent = []
    for case in wss_attacks.cases():
        if case.code:
            started = time.process_time()
            with pytest.raises(NotVerified):
                wsse.verify(case.data, trust=partner_trust(), now=NOW)
            spent.append(time.process_time() - started)

    assert statistics.median(spent) <= 0.05
    assert max(spent) <= 5
