"""zeep as a codec: values in, the envelope of a WSDL's operation out, and the other way. It sends and fetches nothing.

The only file that imports zeep. What comes in was parsed by `signing.xml` and verified before it gets here; what goes
out is signed and sent by others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from lxml import etree

SoapVersion = Literal["1.1", "1.2"]
NAMESPACES: Final[dict[SoapVersion, str]] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}


class CodecTrouble(Exception):
    """zeep could not read this, or does not know the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapFault:
    """A Fault as it stands in the Body."""

    code: str
    """Without its prefix: `Client`, `Receiver` …"""
    text: str
    detail: etree._Element | None


class SoapCodec:
    """One port of one WSDL on this disk. Safe to share between threads: nothing in it changes after it was read."""

    def __init__(self, wsdl: Path, *, service: str, port: str) -> None:
        # Loaded here: zeep brings requests along, and a worker without a SOAP partner needs neither.
        import zeep
        from zeep.transports import Transport

        class Nowhere(Transport):  # type: ignore[misc, unused-ignore]
            """A WSDL that refers to the network is refused, not fetched."""

            def _load_remote_data(self, url: str) -> bytes:
                raise CodecTrouble(f"{url} is not on this disk")

        self._client = zeep.Client(str(wsdl), transport=Nowhere())  # type: ignore[no-untyped-call]
        self._service = self._client.bind(service, port)
        self._nil = zeep.xsd.Nil

    def request(self, operation: str, parameters: Mapping[str, Any]) -> etree._Element:
        """The envelope, unsigned. None becomes `xsi:nil`; what is absent stays absent."""
        filled = {name: self._filled(value) for name, value in parameters.items()}
        made: etree._Element = self._client.create_message(self._service, operation, **filled)
        return made

    def reply(self, operation: str, envelope: etree._Element) -> dict[str, Any]:
        """What an answer's envelope says, member by member; absent and nil are both None. Raises CodecTrouble."""
        from zeep.helpers import serialize_object

        try:
            value = self._binding.get(operation).process_reply(envelope)
            found: dict[str, Any] = serialize_object(value, dict)
        except Exception as trouble:  # zeep fails in many ways over what it did not expect
            raise CodecTrouble(type(trouble).__name__) from trouble
        return found

    def fault(self, envelope: etree._Element) -> SoapFault:
        """The Fault that this envelope holds. Raises CodecTrouble when there is none that can be read."""
        from zeep.exceptions import Fault

        try:
            self._binding.process_error(envelope, None)
        except Fault as fault:
            code = str(fault.code or "").strip().rpartition(":")[2]
            detail = fault.detail if isinstance(fault.detail, etree._Element) else None
            return SoapFault(code=code, text=str(fault.message or ""), detail=detail)
        except Exception as trouble:  # zeep fails in many ways over what it did not expect
            raise CodecTrouble(type(trouble).__name__) from trouble
        raise CodecTrouble("no Fault")

    @property
    def _binding(self) -> Any:
        return self._service._binding

    def _filled(self, value: Any) -> Any:
        if value is None:
            return self._nil
        if isinstance(value, Mapping):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value
