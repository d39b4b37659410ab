"""Attacks on the way: a good message, after somebody had his hands on its tree."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable

from lxml import etree

from tests.wss_kit import (
    DS,
    NAMES,
    SOAP_11,
    SOAP_12,
    WSA,
    WSSE,
    WSU_ID,
    XENC,
    at,
)

Tree = etree._Element
EVIL = '<h:TraCuu xmlns:h="urn:tinh:hoso"><h:MaHoSo>EVIL</h:MaHoSo></h:TraCuu>'


def one(root: Tree, path: str) -> Tree:
    """The only element there."""
    (found,) = root.xpath(path, namespaces=NAMES)
    return found


def _body(root: Tree) -> Tree:
    return one(root, "/*/*[local-name() = 'Body']")


def _header(root: Tree) -> Tree:
    return one(root, "/*/*[local-name() = 'Header']")


def _security(root: Tree) -> Tree:
    return one(root, "//wsse:Security")


def _stamped(root: Tree) -> Tree:
    return one(root, "//wsse:Security/wsu:Timestamp")


def _made(root: Tree, name: str, content: str, **attributes: str) -> Tree:
    """A new element of the envelope's own namespace."""
    made = etree.Element(f"{{{etree.QName(root).namespace}}}{name}")
    made.append(etree.fromstring(content))
    for key, value in attributes.items():
        made.set({"wsu": WSU_ID, "xml": "{http://www.w3.org/XML/1998/namespace}id"}.get(key, key), value)
    return made


def _wrap(where: str, **attributes: str) -> Callable[[Tree], None]:
    """Replace the Body by an evil one with these Ids, and put the signed one somewhere else."""

    def change(root: Tree) -> None:
        body = _body(root)
        evil = _made(root, "Body", EVIL, **attributes)
        root.replace(body, evil)
        _put(root, body, where)

    return change


def _put(root: Tree, element: Tree, where: str) -> None:
    match where:
        case "header" | "first header":
            wrapper = etree.Element("{urn:x}Wrapper")
            wrapper.append(element)
            _header(root).insert(0 if where == "first header" else 99, wrapper)
        case "bare header":
            _header(root).append(element)
        case "security":
            _security(root).append(element)
        case "signature":
            etree.SubElement(one(root, "//ds:Signature"), f"{{{DS}}}Object").append(element)
        case "key info":
            one(root, "//ds:KeyInfo").append(element)
        case "inside":
            _body(root).append(element)
        case "deep inside":
            _body(root)[0].append(element)
        case "after":
            root.append(element)
        case "before":
            root.insert(1, element)
        case "trailer":
            etree.SubElement(root, "{urn:x}Trailer").append(element)
        case "nowhere":
            pass


WRAPPED = [
    ("header", "wrong_parts", {}),
    ("header", "wrong_parts", {"wsu": "other"}),
    ("header", "duplicate_id", {"wsu": "body"}),
    ("header", "duplicate_id", {"Id": "body"}),
    ("header", "duplicate_id", {"ID": "body"}),
    ("header", "duplicate_id", {"xml": "body"}),
    ("header", "wrong_parts", {"id": "body"}),
    ("first header", "wrong_parts", {}),
    ("first header", "duplicate_id", {"wsu": "body"}),
    ("bare header", "wrong_parts", {}),
    ("bare header", "duplicate_id", {"wsu": "body"}),
    ("security", "wrong_envelope", {}),
    ("security", "wrong_envelope", {"wsu": "body"}),
    ("signature", "wrong_envelope", {}),
    ("key info", "wrong_parts", {}),
    ("inside", "wrong_parts", {}),
    ("inside", "duplicate_id", {"wsu": "body"}),
    ("deep inside", "wrong_parts", {}),
    ("deep inside", "duplicate_id", {"wsu": "body"}),
    ("after", "wrong_envelope", {}),
    ("after", "wrong_envelope", {"wsu": "body"}),
    ("before", "wrong_envelope", {}),
    ("trailer", "wrong_envelope", {}),
    ("nowhere", "wrong_parts", {}),
    ("nowhere", "bad_signature", {"wsu": "body"}),
]


def _move_timestamp(where: str, *, identifier: str | None) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        old = _stamped(root)
        new = copy.deepcopy(old)
        new[0].text, new[1].text = at(seconds=-1), at(seconds=299)
        del new.attrib[WSU_ID]
        if identifier:
            new.set(WSU_ID, identifier)
        old.getparent().replace(old, new)
        _put(root, old, where)

    return change


def _set(path: str, text: str) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, path).text = text

    return change


def _remove(path: str) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        found = one(root, path)
        found.getparent().remove(found)

    return change


def _copied(path: str, index: int = 99) -> Callable[[Tree], None]:
    """The element a second time, beside the first, without its Ids."""

    def change(root: Tree) -> None:
        found = one(root, path)
        twin = copy.deepcopy(found)
        for each in twin.iter(etree.Element):
            for name in (WSU_ID, "Id"):
                each.attrib.pop(name, None)
        found.getparent().insert(index, twin)

    return change


def _added(path: str, content: str, index: int = 99) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, path).insert(index, etree.fromstring(content))

    return change


def _moved(path: str, to: str, index: int = 99) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, to).insert(index, one(root, path))

    return change


def _comment(path: str) -> Callable[[Tree], None]:
    """A comment in the middle of a text: its canonical form stays the same."""

    def change(root: Tree) -> None:
        found = one(root, path)
        text, comment = found.text or "", etree.Comment(" ")
        found.text, comment.tail = text[:3], text[3:]
        found.insert(0, comment)

    return change


def _value(change: Callable[[bytes], bytes]) -> Callable[[Tree], None]:
    """The signature's bytes, changed."""

    def edit(root: Tree) -> None:
        found = one(root, "//ds:SignatureValue")
        found.text = base64.b64encode(change(base64.b64decode(found.text))).decode()

    return edit


def _attribute(path: str, name: str, value: str | None) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        found = one(root, path)
        if value is None:
            del found.attrib[name]
        else:
            found.set(name, value)

    return change


def _nested(root: Tree) -> None:
    """The whole signed envelope as content of an unsigned one."""
    inside = copy.deepcopy(root)
    for each in list(_header(root)):
        _header(root).remove(each)
    body = _body(root)
    body.attrib.clear()
    body[:] = [inside]


def _nested_with_security(root: Tree) -> None:
    """The whole signed envelope inside a header, its Security on top, and another Body."""
    inside, security = copy.deepcopy(root), _security(root)
    security_inside = _security(inside)
    security_inside.getparent().remove(security_inside)
    for each in list(_header(root)):
        if each is not security:
            _header(root).remove(each)
    etree.SubElement(_header(root), "{urn:x}Wrapper").append(inside)
    root.replace(_body(root), _made(root, "Body", EVIL))


def _swapped_versions(root: Tree) -> None:
    other = SOAP_12 if etree.QName(root).namespace == SOAP_11 else SOAP_11
    for each in (root, _header(root), _body(root)):
        each.tag = f"{{{other}}}{etree.QName(each).localname}"


_INFO = "//ds:SignedInfo"
_MA = "//h:MaHoSo"
_SIGNATURE = "//ds:Signature"

CHANGED: list[tuple[str, str, Callable[[Tree], object]]] = [
    *(
        (f"wrapping: body to {where}, another with {ids or 'no Id'}", code, _wrap(where, **ids))
        for where, code, ids in WRAPPED
    ),
    ("wrapping: envelope in envelope", "wrong_envelope", _nested),
    ("wrapping: envelope in a header, its Security on top", "wrong_parts", _nested_with_security),
    ("wrapping: timestamp to a header, another without Id", "wrong_parts", _move_timestamp("header", identifier=None)),
    ("wrapping: timestamp to a header, another Id", "wrong_parts", _move_timestamp("header", identifier="t2")),
    ("wrapping: timestamp to a header, the same Id", "duplicate_id", _move_timestamp("header", identifier="ts")),
    ("wrapping: timestamp to the body", "wrong_parts", _move_timestamp("inside", identifier=None)),
    ("wrapping: timestamp to the signature", "wrong_envelope", _move_timestamp("signature", identifier=None)),
    ("wrapping: timestamp twice", "wrong_envelope", _copied("//wsu:Timestamp")),
    ("wrapping: timestamp twice, first", "wrong_envelope", _copied("//wsu:Timestamp", 0)),
    ("wrapping: timestamp moved to the Header", "wrong_envelope", _moved("//wsu:Timestamp", "/*/*[1]")),
    ("wrapping: timestamp moved to the Body", "wrong_envelope", _moved("//wsu:Timestamp", "/*/*[2]")),
    (
        "wrapping: another To, the signed one moved",
        "wrong_parts",
        lambda root: (
            _added("/*/*[1]", f'<a:To xmlns:a="{WSA}">urn:evil</a:To>', 0)(root),
            _put(root, root.xpath("//wsa:To", namespaces=NAMES)[1], "header"),
        ),
    ),
    ("wrapping: a second To", "wrong_envelope", _copied("//wsa:To")),
    ("wrapping: a second Action, first", "wrong_envelope", _copied("//wsa:Action", 0)),
    ("wrapping: a second MessageID", "wrong_envelope", _copied("//wsa:MessageID")),
    ("wrapping: To moved into the body", "wrong_parts", _moved("//wsa:To", "/*/*[2]")),
    ("security: a second one", "wrong_envelope", _added("/*/*[1]", f'<s:Security xmlns:s="{WSSE}"/>')),
    ("security: a second one, first", "wrong_envelope", _added("/*/*[1]", f'<s:Security xmlns:s="{WSSE}"/>', 0)),
    ("security: a copy", "wrong_envelope", _copied("//wsse:Security")),
    ("security: a second one in the body", "wrong_envelope", _added("/*/*[2]", f'<s:Security xmlns:s="{WSSE}"/>')),
    ("security: in the body", "wrong_envelope", _moved("//wsse:Security", "/*/*[2]")),
    ("security: inside another header", "wrong_envelope", _moved("//wsse:Security", "//wsa:To")),
    ("security: absent", "unsigned", _remove("//wsse:Security")),
    ("security: header absent", "unsigned", _remove("/*/*[1]")),
    ("signature: absent", "unsigned", _remove(_SIGNATURE)),
    ("signature: beside Security", "unsigned", _moved(_SIGNATURE, "/*/*[1]")),
    ("signature: in the body", "unsigned", _moved(_SIGNATURE, "/*/*[2]")),
    ("signature: two", "wrong_envelope", _copied(_SIGNATURE)),
    ("signature: two, first", "wrong_envelope", _copied(_SIGNATURE, 0)),
    ("signature: an Object", "wrong_envelope", _added(_SIGNATURE, f'<o:Object xmlns:o="{DS}"/>')),
    ("signature: a text beside", "wrong_envelope", lambda root: setattr(one(root, _INFO), "tail", "x")),
    ("signature: a text in SignedInfo", "wrong_envelope", _set(_INFO, "x")),
    ("signature: a stray attribute", "wrong_envelope", _attribute(_SIGNATURE, "id", "x")),
    (
        "signature: a stray attribute of a digest",
        "wrong_envelope",
        _attribute("//ds:Reference[1]/ds:DigestValue", "Algorithm", "x"),
    ),
    ("signature: no SignedInfo", "wrong_envelope", _remove(_INFO)),
    ("signature: two SignedInfo", "wrong_envelope", _copied(_INFO)),
    ("signature: no value", "wrong_envelope", _remove("//ds:SignatureValue")),
    ("signature: two values", "wrong_envelope", _copied("//ds:SignatureValue")),
    ("signature: no KeyInfo", "wrong_envelope", _remove("//ds:KeyInfo")),
    ("signature: a comment", "wrong_envelope", lambda root: one(root, _SIGNATURE).insert(0, etree.Comment("x"))),
    (
        "signature: a comment in SignedInfo",
        "wrong_envelope",
        lambda root: one(root, _INFO).insert(0, etree.Comment("")),
    ),
    ("signature: a comment in its value", "wrong_envelope", _comment("//ds:SignatureValue")),
    ("signature: a comment in a digest", "wrong_envelope", _comment("//ds:Reference[1]/ds:DigestValue")),
    ("signature: no canonicalization", "wrong_envelope", _remove("//ds:CanonicalizationMethod")),
    ("signature: a stranger in SignedInfo", "wrong_envelope", _added(_INFO, "<x/>")),
    ("signature: no digest method", "wrong_envelope", _remove("//ds:Reference[1]/ds:DigestMethod")),
    ("signature: a reference without URI", "wrong_parts", _attribute("//ds:Reference[1]", "URI", None)),
    ("signature: a reference to all", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "")),
    (
        "signature: a reference by XPointer",
        "wrong_parts",
        _attribute("//ds:Reference[1]", "URI", "#xpointer(id('body'))"),
    ),
    ("signature: a reference to the root", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "#xpointer(/)")),
    (
        "signature: a reference outside",
        "wrong_parts",
        _attribute("//ds:Reference[1]", "URI", "http://evil.example.invalid/body"),
    ),
    ("signature: a reference to a file", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "file:///etc/passwd")),
    ("signature: a reference with a quote", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "#body' or '1")),
    (
        "signature: an algorithm with another attribute",
        "weak_algorithm",
        _attribute("//ds:SignatureMethod", "Parameter", "1"),
    ),
    ("signature: references in another order", "bad_signature", _moved("//ds:Reference[1]", _INFO)),
    ("signature: one reference less", "wrong_parts", _remove("//ds:Reference[2]")),
    ("value: one bit", "bad_signature", _value(lambda value: bytes([value[0] ^ 1]) + value[1:])),
    ("value: empty", "bad_signature", _value(lambda value: b"")),
    ("value: one byte less", "bad_signature", _value(lambda value: value[:-1])),
    ("value: one byte more", "bad_signature", _value(lambda value: b"\0" + value)),
    ("value: zeros", "bad_signature", _value(lambda value: bytes(len(value)))),
    ("value: ones", "bad_signature", _value(lambda value: b"\xff" * len(value))),
    ("value: one", "bad_signature", _value(lambda value: bytes(len(value) - 1) + b"\x01")),
    ("value: not Base64", "wrong_envelope", _set("//ds:SignatureValue", "!!!")),
    (
        "value: Base64 with letters after its end",
        "wrong_envelope",
        lambda root: _set("//ds:SignatureValue", one(root, "//ds:SignatureValue").text + "AAAA")(root),
    ),
    ("value: not ASCII", "wrong_envelope", _set("//ds:SignatureValue", "Nguyễn")),
    (
        "digest: another",
        "bad_signature",
        _set("//ds:Reference[1]/ds:DigestValue", base64.b64encode(bytes(32)).decode()),
    ),
    ("digest: empty", "bad_signature", _set("//ds:Reference[1]/ds:DigestValue", "")),
    ("changed: a text", "bad_signature", _set(_MA, "H99.24-260703-0008")),
    ("changed: an attribute", "bad_signature", _attribute("//h:NguoiNop", "ma", "099000000002")),
    ("changed: an attribute more", "bad_signature", _attribute(_MA, "x", "1")),
    ("changed: an attribute less", "bad_signature", _attribute("//h:NguoiNop", "ma", None)),
    ("changed: an element more", "bad_signature", _added("//h:TraCuu", "<x/>")),
    ("changed: an element less", "bad_signature", _remove("//h:LePhi")),
    ("changed: the order", "bad_signature", _moved(_MA, "//h:TraCuu")),
    ("changed: a space", "bad_signature", _set(_MA, "H99.24-260703-0007 ")),
    ("changed: composed letters", "bad_signature", _set("//h:NguoiNop", "Nguye\u0302\u0303n Va\u0306n A")),
    ("changed: Created", "bad_signature", _set("//wsu:Created", at(seconds=-4))),
    ("changed: Expires", "bad_signature", _set("//wsu:Expires", at(seconds=400))),
    ("changed: To", "bad_signature", _set("//wsa:To", "urn:evil")),
    ("changed: Action", "bad_signature", _set("//wsa:Action", "urn:evil")),
    ("changed: MessageID", "bad_signature", _set("//wsa:MessageID", "urn:again")),
    ("changed: all Ids of the body", "wrong_parts", _attribute("/*/*[2]", WSU_ID, "b2")),
    (
        "changed: a namespace",
        "bad_signature",
        lambda root: [
            setattr(each, "tag", each.tag.replace("urn:tinh:hoso", "urn:tinh:evil"))
            for each in root.iter("{urn:tinh:hoso}*")
        ],
    ),
    (
        "changed: the version of SOAP",
        "must_understand",
        lambda root: (
            _swapped_versions(root),
            _header(root).insert(
                0, etree.fromstring(f'<x xmlns:s="{etree.QName(root).namespace}" s:mustUnderstand="1"/>')
            ),
        ),
    ),
    ("changed: the version of SOAP, quietly", "bad_signature", _swapped_versions),
    ("changed: a comment in a value", "wrong_parts", _comment(_MA)),
    ("changed: a comment in To", "wrong_parts", _comment("//wsa:To")),
    ("changed: a comment in Created", "wrong_parts", _comment("//wsu:Created")),
    ("changed: a comment in the token", "wrong_envelope", _comment("//wsse:BinarySecurityToken")),
    ("token: two", "wrong_envelope", _copied("//wsse:BinarySecurityToken")),
    ("token: absent", "wrong_envelope", _remove("//wsse:BinarySecurityToken")),
    ("token: without Id", "wrong_parts", _attribute("//wsse:BinarySecurityToken", WSU_ID, None)),
    ("token: not Base64", "wrong_envelope", _set("//wsse:BinarySecurityToken", "MII")),
    (
        "security: a user name beside",
        "wrong_envelope",
        _added("//wsse:Security", f'<u:UsernameToken xmlns:u="{WSSE}"/>'),
    ),
    (
        "security: encrypted data beside",
        "wrong_envelope",
        _added("//wsse:Security", f'<e:EncryptedData xmlns:e="{XENC}"/>'),
    ),
    ("envelope: two Headers", "wrong_envelope", _copied("/*/*[1]", 0)),
    ("envelope: Body first", "wrong_envelope", _moved("/*/*[2]", "/*", 0)),
    ("envelope: a text", "wrong_envelope", _set("/*", "x")),
    ("envelope: a text in the Header", "wrong_envelope", _set("/*/*[1]", "x")),
    ("security: a text", "wrong_envelope", lambda root: setattr(one(root, _SIGNATURE), "tail", "x")),
    ("envelope: no Body", "wrong_envelope", _remove("/*/*[2]")),
    ("envelope: a stranger", "wrong_envelope", _added("/*", "<x/>")),
    ("envelope: of nobody", "wrong_envelope", lambda root: setattr(root, "tag", "{urn:x}Envelope")),
    (
        "envelope: not an envelope",
        "wrong_envelope",
        lambda root: setattr(root, "tag", root.tag.replace("Envelope", "Letter")),
    ),
    (
        "envelope: Body of the other version",
        "wrong_envelope",
        lambda root: setattr(
            _body(root), "tag", (f"{{{SOAP_12 if etree.QName(root).namespace == SOAP_11 else SOAP_11}}}Body")
        ),
    ),
    (
        "xml: an inclusion",
        "xml_inclusion",
        _added("/*/*[2]", '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    ),
    (
        "xml: an instruction",
        "xml_instruction",
        lambda root: _body(root).append(etree.ProcessingInstruction("php", "1")),
    ),
    ("xml: too deep", "xml_too_large", _added("/*/*[2]", "<a>" * 70 + "</a>" * 70)),
]
