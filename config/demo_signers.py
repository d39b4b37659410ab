"""What a demo's folder holds for signatures: four signing services, all mocks, and whom it believes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.demo.approving import LEADER, SERVICES, SIGNERS
from config.demo.result_pictures import seal_picture, signature_picture
from config.demo_gateways import HASTE
from config.demo_mocks import Control
from config.mocked_signers import COMMON, service_tables, signing_table, write_files

CALLED: Final = ("smartca", "mysign", "vneid_gateway")
"""Services that call back."""
PARTNERS: Final = SERVICES
"""Whom a demo's signatures are asked of."""
DOCUMENTS: Final = """
[documents]
hosts = ["127.0.0.1"]
allow_http = true
private_networks = ["127.0.0.0/8"]
public_url = "{bus}"
keep_free_bytes = 0
pictures_folder = "pictures"
"""
LIFE_S: Final = 3_600
"""How long the leader may approve: whoever looks at the demo has time to find the page."""
OWN_LIMITS: Final = {"csc": "signing_timeout_s = 10", "smartca": f"life_s = {LIFE_S}"}
"""What must be shorter where leases are, and longer where a person is to press something."""


def text(mocks: str, bus: str) -> str:
    """The tables of the settings file."""
    services = service_tables(mocks).replace(COMMON, HASTE)
    for name, line in OWN_LIMITS.items():
        services = services.replace(f"[partners.{name}]\n", f"[partners.{name}]\n{line}\n")
    return signing_table(mocks, documents=False) + DOCUMENTS.format(bus=bus) + services


def write_secrets(folder: Path) -> None:
    """What the mocks expect, and their authorities, which everybody knows; and the pictures of visible signatures."""
    write_files(folder)
    pictures = folder / "pictures"
    pictures.mkdir()
    for signer in SIGNERS:
        drawn = seal_picture(signer.name) if signer.role == "agency" else signature_picture(signer.name)
        (pictures / f"{signer.user}.png").write_bytes(drawn)


def listen(mocks: str, bus: str) -> None:
    """Register at each service where it is to call back."""
    for service in CALLED:
        control = Control(mocks, service)
        try:
            more = {"life_s": LIFE_S} if service == LEADER.service else {}
            control.post("switches", {"callback_url": f"{bus}/callbacks/{service}/result", **more})
        finally:
            control.close()
