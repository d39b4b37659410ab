"""A mock of the signing agent on an official's PC: a small WebSocket server that really fetches, signs and uploads.

It signs with pyHanko in one go, as a program of somebody else would, and never through `signing/`. `mood` says how it
misbehaves; what it was asked and how its uploads were answered stands in `seen`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.signing_pki.authorities import Holder
from contracts.vgca.websocket import NoWebSocket, read_text, send_text, shake_hands

PORT: Final = 8987
SIGNS: Final = frozenset({"SignApproved", "SignIssued", "SignCopy"})
WELL: Final = 0
BOUNDARY: Final = "VgcaSign-5d0f7a"
PATIENCE: Final = 30.0


@dataclass(kw_only=True)
class DeskAgent:
    """One agent with one token in it."""

    holder: Holder | None
    """Whose token it is; None: none is plugged in."""
    mood: str = "well"
    """`well`, `silent`, `cancelled`; or of `SPOILS`: what it uploads is not what it should be."""
    seen: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=list)
    """Operation, request, and how the upload was answered (empty where there was none)."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends the silence of a silent one."""

    def answer(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The reply to one text; None: it says nothing."""
        if operation == "GetVersion":
            return {"Status": WELL, "Message": "", "Version": "mock-1.0"}
        if self.holder is None:
            return _no("Không tìm thấy thiết bị ký số")
        if operation == "GetCertInfo":
            told = base64.b64encode(self.holder.der).decode()
            return {"Status": WELL, "Message": "", "CertBase64": told, "Base64Data": told, "Email": ""}
        if operation not in SIGNS:
            return _no(f"{operation} is not spoken here (NOTES r1)")
        if self.mood == "silent":
            self.released.wait(PATIENCE)
            return None
        return _no("Người dùng huỷ bỏ") if self.mood == "cancelled" else self._sign(operation, asked, self.holder)

    def _sign(self, operation: str, asked: Mapping[str, Any], holder: Holder) -> dict[str, Any]:
        try:
            document = _fetched(str(asked["FileName"]))
        except OSError as trouble:
            return _no(f"Không tải được tài liệu: {trouble}")
        made = SPOILS[self.mood](document, holder)
        told = _uploaded(str(asked["FileUploadHandler"]), made, str(asked.get("SessionId", "")))
        self.seen.append((operation, dict(asked), told))
        if told.get("Status") is not True:
            return _no(str(told.get("Message", "")))
        return {
            "Status": WELL,
            "Message": "",
            "FileName": str(told.get("FileName", "")),
            "FileServer": str(told.get("FileServer", "")),
            "DocumentNumber": "",
            "DocumentDate": "",
            "CustomSignatureText": "",
        }


def _no(message: str) -> dict[str, Any]:
    return {"Status": 1, "Message": message, "FileName": "", "FileServer": "", "DocumentNumber": "", "DocumentDate": ""}


# -- signing, rightly and wrongly --------------------------------------------------------------------------------------


def signed(
    document: bytes,
    holder: Holder,
    *,
    field_name: str = "VGCA1",
    box: tuple[int, int, int, int] = (340, 120, 510, 190),
) -> bytes:
    """The document with one visible signature, as one more revision."""
    from asn1crypto import keys
    from asn1crypto import x509 as asn1_x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    for der in holder.chain_der:
        chain.register(asn1_x509.Certificate.load(der))
    key = holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(holder.der),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=chain,
    )
    told = signers.PdfSignatureMetadata(field_name=field_name, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    where = SigFieldSpec(field_name, on_page=-1, box=box)
    made = BytesIO()
    signers.sign_pdf(
        IncrementalPdfFileWriter(BytesIO(document)), told, signer=signer, new_field_spec=where, output=made
    )
    return made.getvalue()


def _changed(document: bytes, holder: Holder) -> bytes:
    """A byte of what was handed out is another one."""
    made = bytearray(signed(document, holder))
    made[len(document) // 2] ^= 1
    return bytes(made)


def _replaced(document: bytes, holder: Holder) -> bytes:
    """The document has another text; its signature is good."""
    return signed(document.replace(b"Giay phep", b"Giay mep!", 1), holder)


def _rewritten(document: bytes, holder: Holder) -> bytes:
    """The page shows something else: added as a revision before the signature, so that its beginning is untouched."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(document))
    page = writer.root["/Pages"]["/Kids"][0]
    text = generic.StreamObject(stream_data=b"BT /F1 18 Tf 72 700 Td (Mot noi dung khac) Tj ET")
    page["/Contents"] = writer.add_object(text)
    writer.update_container(page)
    made = BytesIO()
    writer.write(made)
    return signed(made.getvalue(), holder)


def _appended(document: bytes, holder: Holder) -> bytes:
    """Something stands behind the signed revision."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(signed(document, holder)))
    writer.root["/Lang"] = generic.pdf_string("vi")
    writer.update_root()
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def _sealed(document: bytes, holder: Holder) -> bytes:
    """Number and date said about the document, then the seal: the signature that is there stays as it was."""
    return signed(_told(document, holder), holder, field_name="VGCA2")


def _told(document: bytes, holder: Holder) -> bytes:
    """Saved with a title and without a signature."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(document))
    about = generic.DictionaryObject({generic.NameObject("/Title"): generic.pdf_string("So 12/GP-UBND")})
    writer.set_info(writer.add_object(about))
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


SPOILS: Final[Mapping[str, Callable[[bytes, Holder], bytes]]] = {
    "well": signed,
    "sealed": _sealed,
    "unsigned": _told,
    "as_it_was": lambda document, _: document,
    "changed": _changed,
    "replaced": _replaced,
    "rewritten": _rewritten,
    "appended": _appended,
    "twice": lambda document, holder: signed(signed(document, holder), holder, field_name="VGCA2"),
    "cut": lambda document, holder: signed(document, holder)[:-200],
    "no_pdf": lambda document, _: b"PK\x03\x04" + document,
}


# -- fetching and uploading --------------------------------------------------------------------------------------------


def _fetched(url: str) -> bytes:
    _require_http(url)
    with urllib.request.urlopen(url, timeout=PATIENCE) as reply:  # noqa: S310  # checked above
        return bytes(reply.read())


def _uploaded(url: str, content: bytes, session: str) -> dict[str, Any]:
    _require_http(url)
    headers = {"content-type": f'multipart/form-data; boundary="{BOUNDARY}"'} | ({"cookie": session} if session else {})
    request = urllib.request.Request(url, data=form_of(content), headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310
            told: dict[str, Any] = json.loads(reply.read())
            return told
    except (OSError, ValueError) as trouble:
        return {"Status": False, "Message": str(trouble)}


def form_of(content: bytes, name: str = "giay-phep.signed.pdf") -> bytes:
    """One file in a form."""
    head = f'Content-Disposition: form-data; name="uploadfile"; filename="{name}"\r\nContent-Type: application/pdf'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _require_http(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise OSError(f"{url} is no address of the web")


# -- the server --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serve_agent(agent: DeskAgent, *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[str]:
    """The agent on this machine; its address, to which `/<Operation>` is added."""
    listener = socket.create_server(("127.0.0.1", port))
    url = f"{'wss' if tls else 'ws'}://127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []

    def loop() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=_talk, args=(agent, line, tls), daemon=True))
            threads[-1].start()

    main = threading.Thread(target=loop, name="vgca-agent", daemon=True)
    main.start()
    try:
        yield url
    finally:
        agent.released.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (main, *threads):
            thread.join(PATIENCE)


def _talk(agent: DeskAgent, line: socket.socket, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError, NoWebSocket, ValueError), line:
        line.settimeout(PATIENCE)
        talking = tls.wrap_socket(line, server_side=True) if tls else line
        with talking:
            opened = shake_hands(talking)
            told = agent.answer(opened.path.strip("/"), json.loads(read_text(talking)))
            if told is not None:
                send_text(talking, json.dumps(told, ensure_ascii=False))
