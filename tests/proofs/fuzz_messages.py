"""A program for atheris: hostile bytes for the parser and the verifier. Run by `test_s03_hostile_xml`.

python tests/proofs/fuzz_messages.py -runs=20000
"""

from __future__ import annotations

import random
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

try:
    import atheris
except ImportError:  # not to be had for every Python: then without being led by coverage
    atheris = None

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["signing"]) if atheris else nullcontext():
    from signing import wsse, xml
    from signing.errors import NotVerified, VerifierFailed, XmlRefused

from tests.message_pki import NOW, pki
from tests.wss_kit import Forge, identity, partner_trust

GOOD = (
    Forge().message(),
    Forge(prefixes="soap wsa").message(),
    wsse.sign_canonical(b"<a></a>", identity(pki().leaf), now=NOW, nonce="n"),
)


def once(data: bytes) -> None:
    """The bytes alone, and in the middle of a good message: a tree or a refusal, and never a stumble."""
    with suppress(XmlRefused):
        xml.read(data)
    good = GOOD[len(data) % len(GOOD)]
    place = (data[0] * 257 + len(data) * 31) % len(good) if data else 0
    try:
        wsse.verify(good[:place] + data[1:] + good[place:], trust=partner_trust(), now=NOW)
    except VerifierFailed:
        raise
    except NotVerified:
        pass


if atheris:
    atheris.Setup([*sys.argv, "-verbosity=0", "-timeout=5"], once)
    atheris.Fuzz()
else:
    dice = random.Random(20260703)
    for _ in range(4000):
        once(dice.randbytes(dice.randrange(40)))
