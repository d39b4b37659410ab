"""Signing and verifying SOAP messages beside bare RSA-2048 signatures, zeep's plug-in, xmlsec and signxml (F1, F2).

One event of thirty fields; Body and Timestamp are signed. Signing is from the event's values to signed bytes, verifying
from bytes to the Body's element; every side starts from the same. All in one process, in turn, in processor time, so
that the machine's moods meet all alike.

    python -m benchmarks f1 f2
"""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from benchmarks.plan import Plan
from benchmarks.spread import spread
from signing import wsse, xmldsig
from signing.canonical import EXCLUSIVE, Template, exclusive
from signing.envelope import BASE64, SOAP_11, WSSE, WSU, WSU_ID, X509V3
from signing.keys import KeyInMemory, X509Identity
from signing.trust import Trust

FIELDS: Final = 30
SIGN_GOAL: Final = 0.88
VERIFY_GOALS: Final = {"zeep": 3.5, "xmlsec": 2.5}
CALLS: Final = 60
ROUNDS: Final = 3
"""Times as many as the plan's."""

_NOW: Final = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
_NAMES: Final = [f"truong{number:02}" for number in range(FIELDS)]
_EVENT: Final = {name: f"Giá trị số {number} của hồ sơ" for number, name in enumerate(_NAMES)}
_SPACE: Final = "urn:vn:h99:benchmark"
_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_MORE: Final = "http://www.w3.org/2001/04/"
_LISTED: Final = ("soap", "wsse")


def measure(plan: Plan) -> dict[str, Any]:
    """F1: microseconds of each signer, and how much of the bare signatures' rate it reaches, round by round."""
    times = _rounds(signers(), plan)
    bare = times["bare"]
    return {
        "fields": FIELDS,
        "bytes": len(_ours_from_template()),
        "rounds": plan.size(ROUNDS * plan.rounds, 1),
        "goal": SIGN_GOAL,
        "ratios": {name: _ratio(bare, each) for name, each in times.items() if name != "bare"},
        "us": {name: spread(each, 1) for name, each in times.items()},
    }


def measure_verifying(plan: Plan) -> dict[str, Any]:
    """F2: microseconds of each verifier, and how many times ours is as fast as it, round by round."""
    times = _rounds(verifiers(), plan)
    ours = times["ours"]
    return {
        "fields": FIELDS,
        "bytes": len(_ours_from_template()),
        "rounds": plan.size(ROUNDS * plan.rounds, 1),
        "goals": VERIFY_GOALS,
        "ratios": {name: _ratio(each, ours) for name, each in times.items() if name != "ours"},
        "us": {name: spread(each, 1) for name, each in times.items()},
    }


def _rounds(sides: dict[str, Callable[[], object]], plan: Plan) -> dict[str, list[float]]:
    """All sides in turn, round after round: more rounds than elsewhere, for they are short and machines have moods."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(plan.size(ROUNDS * plan.rounds, 1)):
        for name, call in sides.items():
            times[name].append(_microseconds(call, plan.size(CALLS, 3)))
    return times


def signers() -> dict[str, Callable[[], object]]:
    """Who signs; the bare one signs as many bytes as a SignedInfo has, and does nothing else."""
    key, info = _key(), bytes(900)
    sides: dict[str, Callable[[], object]] = {
        "bare": lambda: key.sign(info, padding.PKCS1v15(), SHA256()),
        "ours, template": _ours_from_template,
        "ours, tree": lambda: wsse.sign(_tree(), _identity(), now=_NOW),
        "signxml": _signxml,
    }
    return sides | _xmlsec_signers()


def verifiers() -> dict[str, Callable[[], object]]:
    """Who verifies: ours with every refusal and with trust; the others the signature only."""
    data = _ours_from_template()
    trust = Trust(named=[_identity().certificate_der], revocation="none")
    listed = with_prefix_lists()
    ours: dict[str, Callable[[], object]] = {
        "ours": lambda: wsse.verify(data, trust=trust, now=_NOW),
        "ours, PrefixLists": lambda: wsse.verify(listed, trust=trust, now=_NOW),
    }
    return ours | {"signxml": lambda: _signxml_verify(data)} | _xmlsec_verifiers(data)


def with_prefix_lists() -> bytes:
    """The same message as Java's senders write it: its parts and SignedInfo canonical with the prefixes around them."""
    envelope = etree.fromstring(etree.tostring(_stamped()))
    listed = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="soap wsse"/>'
    parts = [(each.get(WSU_ID) or "", exclusive(each, prefixes=_LISTED)) for each in (envelope[1], envelope[0][0][1])]
    info = xmldsig.signed_info(parts, "rsa-sha256").decode()
    for name in ("CanonicalizationMethod", "Transform"):
        info = info.replace(f"></ds:{name}>", f">{listed}</ds:{name}>")
    pointer = '<wsse:SecurityTokenReference><wsse:Reference URI="#token"/></wsse:SecurityTokenReference>'
    signature = etree.SubElement(envelope[0][0], f"{{{xmldsig.DS}}}Signature", nsmap={"ds": xmldsig.DS})
    signature.append(etree.fromstring(info))
    value = etree.SubElement(signature, f"{{{xmldsig.DS}}}SignatureValue")
    value.text = xmldsig.base64(_identity().sign(exclusive(signature[0], prefixes=_LISTED), "rsa-sha256"))
    around = f'<a xmlns:wsse="{WSSE}">{pointer}</a>'
    etree.SubElement(signature, f"{{{xmldsig.DS}}}KeyInfo").append(etree.fromstring(around)[0])
    return etree.tostring(envelope)


def _ratio(upper: list[float], lower: list[float]) -> dict[str, float]:
    return spread([above / below for above, below in zip(upper, lower, strict=True)])


def _microseconds(call: Callable[[], object], calls: int) -> float:
    call()
    start = time.process_time()  # not the wall: another process on the machine is no part of either side
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls * 1e6


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _certificate() -> x509.Certificate:
    whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    builder = x509.CertificateBuilder(whose, whose, _key().public_key(), 1, start, start + timedelta(days=3650))
    return builder.add_extension(usage, critical=True).sign(_key(), SHA256())


@cache
def _identity() -> X509Identity:
    return X509Identity("benchmark", KeyInMemory(_key()), _certificate())


# -- ours --------------------------------------------------------------------------------------------------------------


@cache
def _template() -> Template:
    inside = "".join(f"<h:{name}>{{{name}}}</h:{name}>" for name in _NAMES)
    return Template(f'<h:GhiNhan xmlns:h="{_SPACE}">{inside}</h:GhiNhan>'.encode())


def _ours_from_template() -> bytes:
    return wsse.sign_canonical(_template().fill(_EVENT), _identity(), now=_NOW)


def _tree(event: Mapping[str, str] = _EVENT) -> etree._Element:
    """The unsigned envelope, as a SOAP library would build it."""
    envelope = etree.Element(f"{{{SOAP_11}}}Envelope", nsmap={"soap": SOAP_11, "wsu": WSU})
    etree.SubElement(envelope, f"{{{SOAP_11}}}Header")
    body = etree.SubElement(envelope, f"{{{SOAP_11}}}Body")
    content = etree.SubElement(body, f"{{{_SPACE}}}GhiNhan", nsmap={"h": _SPACE})
    for name, value in event.items():
        etree.SubElement(content, f"{{{_SPACE}}}{name}").text = value
    return envelope


def _stamped() -> etree._Element:
    """The same with a token and a Timestamp in a Security header: what the peers sign."""
    envelope = _tree()
    security = etree.SubElement(envelope[0], f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
    token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", ValueType=X509V3, EncodingType=BASE64)
    token.text = base64.b64encode(_identity().certificate_der).decode()
    token.set(WSU_ID, "token")
    stamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    etree.SubElement(stamp, f"{{{WSU}}}Created").text = f"{_NOW:%Y-%m-%dT%H:%M:%SZ}"
    etree.SubElement(stamp, f"{{{WSU}}}Expires").text = f"{_NOW + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    stamp.set(WSU_ID, "stamp")
    envelope[1].set(WSU_ID, "body")
    return envelope


# -- signxml -----------------------------------------------------------------------------------------------------------


@cache
def _signxml_signer() -> Any:
    from signxml import CanonicalizationMethod, SignatureConstructionMethod
    from signxml.signer import XMLSigner

    return XMLSigner(
        method=SignatureConstructionMethod.detached,
        signature_algorithm="rsa-sha256",
        digest_algorithm="sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )


def _signxml() -> bytes:
    envelope = _stamped()
    signature = _signxml_signer().sign(
        envelope, key=_key(), cert=[_certificate()], reference_uri=["body", "stamp"], id_attribute="Id"
    )
    envelope[0][0].append(signature)
    return etree.tostring(envelope)


@cache
def _signxml_configuration() -> Any:
    from signxml import SignatureConfiguration

    return SignatureConfiguration(location="./{*}Header/{*}Security/", expect_references=True)


def _signxml_verify(data: bytes) -> object:
    from signxml import XMLVerifier

    return XMLVerifier().verify(
        data, x509_cert=_certificate(), id_attribute="Id", expect_config=_signxml_configuration()
    )


# -- xmlsec, and zeep upon it ------------------------------------------------------------------------------------------


def _xmlsec_signers() -> dict[str, Callable[[], object]]:
    """None where xmlsec is not installed: it is a tool of development only."""
    try:
        import xmlsec
        from zeep.wsse.signature import BinarySignature
    except ImportError:
        return {}
    key, _ = _pems()
    plugin = _plugin(BinarySignature, xmlsec)
    loaded = xmlsec.Key.from_memory(key, xmlsec.KeyFormat.PEM)
    return {"zeep": lambda: _zeep_sign(plugin), "xmlsec": lambda: _xmlsec_sign(xmlsec, loaded)}


def _plugin(kind: Any, xmlsec: Any) -> Any:
    """zeep's own, which reads its key from files, and from them again for each message."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("key.pem", "certificate.pem")]
        for path, pem in zip(paths, _pems(), strict=True):
            path.write_bytes(pem)
        methods = {"signature_method": xmlsec.Transform.RSA_SHA256, "digest_method": xmlsec.Transform.SHA256}
        return kind(*map(str, paths), **methods)


def _pems() -> tuple[bytes, bytes]:
    key = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key, _certificate().public_bytes(Encoding.PEM)


def _zeep_sign(plugin: Any) -> bytes:
    """Its plug-in makes the token itself; the Timestamp must be there before."""
    envelope = _stamped()
    envelope[0][0].remove(envelope[0][0][0])
    return etree.tostring(plugin.apply(envelope, {})[0])


def _xmlsec_sign(xmlsec: Any, key: Any) -> bytes:
    envelope = _stamped()
    template = xmlsec.template.create(envelope, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256, ns="ds")
    envelope[0][0].append(template)
    context = xmlsec.SignatureContext()
    context.key = key
    for element in (envelope[1], envelope[0][0][1]):
        reference = xmlsec.template.add_reference(template, xmlsec.Transform.SHA256, uri=f"#{element.get(WSU_ID)}")
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        context.register_id(element, "Id", WSU)
    context.sign(template)
    return etree.tostring(envelope)


def _xmlsec_verifiers(data: bytes) -> dict[str, Callable[[], object]]:
    try:
        import xmlsec
        from zeep.wsse.signature import BinarySignature
    except ImportError:
        return {}
    pems = _pems()
    loaded = xmlsec.Key.from_memory(pems[1], xmlsec.KeyFormat.CERT_PEM)
    plugin = _plugin(BinarySignature, xmlsec)
    return {
        "zeep": lambda: plugin.verify(etree.fromstring(data)),
        "xmlsec": lambda: _xmlsec_verify(xmlsec, loaded, data),
    }


def _xmlsec_verify(xmlsec: Any, key: Any, data: bytes) -> None:
    envelope = etree.fromstring(data)
    context = xmlsec.SignatureContext()
    context.key = key
    for element in (envelope[1], envelope[0][0][1]):
        context.register_id(element, "Id", WSU)
    context.verify(envelope[0][0][2])
