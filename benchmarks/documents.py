"""Signed documents a second beside the bare RSA-2048 rate, and what the levels that last cost (F17).

A result of 200 kB of the demo's generator. From its bytes to the signed document, both phases and a key in memory:
B-B invisible, and with the picture of a signature. pyHanko's own signer does the same as a peer. For B-LT and B-LTA the
authorities are not waited for: stamp, answer and list are made beforehand, of the usual size; what is measured is what
it takes to put them in. All in one process, in turn, in processor time.

    python -m benchmarks f17
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.plan import Plan
from benchmarks.spread import spread
from config.demo.result_pdf import SIGNED_BOX, building_permit, result_pdf
from config.demo.result_pictures import signature_picture
from contracts.signing_pki.answers import crl, ocsp_about
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_pki.stamps import token
from signing.appearance import Appearance
from signing.documents import embed, prepare, with_archive_stamp, with_evidence

SIZE: Final = 185_000
"""Of the drawing: the file comes to some 200 kB with it."""
CALLS: Final = 20
ROUNDS: Final = 3
"""Times as many as the plan's."""
_NOW: Final = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    crls: tuple[bytes, ...]
    ocsps: tuple[bytes, ...]
    certificates: tuple[bytes, ...]


def measure(plan: Plan) -> dict[str, Any]:
    """F17: milliseconds of each side, and what share of the bare signatures' rate each reaches, round by round."""
    sides = _sides()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(plan.size(ROUNDS * plan.rounds, 1)):
        for name, call in sides.items():
            times[name].append(_milliseconds(call, plan.size(CALLS, 2)))
    bare = times["bare RSA-2048"]
    return {
        "bytes": len(_pdf()),
        "rounds": plan.size(ROUNDS * plan.rounds, 1),
        "ratios": {
            name: spread([below / above for below, above in zip(bare, times[name], strict=True)])
            for name in (BB, VISIBLE, PEER)
        },
        "a_second": {name: spread([1000 / each for each in times[name]], 0) for name in (BB, VISIBLE, PEER)},
        "ms": {name: spread(each, 2) for name, each in times.items()},
    }


BB: Final = "B-B"
VISIBLE: Final = "B-B, visible"
PEER: Final = "pyHanko's own signer, B-B"


def _sides() -> dict[str, Callable[[], object]]:
    """Who is measured; each makes one whole document."""
    signed, evidence = _signed(), _evidence()
    lasting = with_evidence(signed, evidence)
    peer = _peer()
    return {
        "bare RSA-2048": lambda: _holder().sign_digest(bytes(32)),
        BB: _signed,
        VISIBLE: lambda: _signed(_seen()),
        PEER: peer,
        "B-T, from the unsigned document": lambda: _signed(stamp=_stamp),
        "B-LT, evidence into a signed document": lambda: with_evidence(signed, evidence),
        "B-LTA, archive stamp over that": lambda: with_archive_stamp(lasting, _stamp),
    }


def _milliseconds(call: Callable[[], object], calls: int) -> float:
    call()
    start = time.process_time()  # not the wall: another process on the machine is no part of either side
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls * 1e3


# -- what is signed, and by whom ---------------------------------------------------------------------------------------


@cache
def _pdf() -> bytes:
    return result_pdf(building_permit("H99.24-260703-0007", "Trần Thị Mẫu", drawing=SIZE))


@cache
def _pki() -> SigningPki:
    return SigningPki(lambda: _NOW, base="http://pki.example.invalid")


@cache
def _holder() -> Holder:
    return _pki().official()


@cache
def _token() -> bytes:
    return token(_pki().stamper(), bytes(32), _NOW, nonce=2**62)


def _stamp(digest: bytes) -> bytes:
    return _token()


@cache
def _seen() -> Appearance:
    return Appearance(kind="official", page=1, box=SIGNED_BOX, image=signature_picture("Nguyễn Văn Ví Dụ"))


def _signed(appearance: Appearance | None = None, stamp: Callable[[bytes], bytes] | None = None) -> bytes:
    holder = _holder()
    made = prepare(
        _pdf(), certificate=holder.der, chain=holder.chain_der, at=_NOW, field="KyLanhDao", appearance=appearance
    )
    return embed(made.document, made.plan, holder.sign_digest(made.digest), stamp=stamp)


@cache
def _evidence() -> _Evidence:
    holder = _holder()
    authority = next(
        each for each in _pki().authorities.values() if each.holder.certificate.subject == holder.certificate.issuer
    )
    return _Evidence(
        crls=(crl(authority, _NOW, life=timedelta(days=1)),),
        ocsps=(ocsp_about(authority, holder, _NOW),),
        certificates=(holder.der, *holder.chain_der),
    )


# -- the peer ----------------------------------------------------------------------------------------------------------


def _peer() -> Callable[[], object]:
    """pyHanko's signer with the same key in memory, PAdES, without a check of the document beforehand."""
    from asn1crypto.keys import PrivateKeyInfo
    from asn1crypto.x509 import Certificate
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    holder = _holder()
    key = holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(Certificate.load(each) for each in holder.chain_der)
    signer = SimpleSigner(Certificate.load(holder.der), PrivateKeyInfo.load(key), store)
    metadata = PdfSignatureMetadata(field_name="KyLanhDao", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)

    def sign() -> object:
        writer = IncrementalPdfFileWriter(BytesIO(_pdf()))
        return PdfSigner(metadata, signer).sign_pdf(writer, in_place=True)

    return sign
