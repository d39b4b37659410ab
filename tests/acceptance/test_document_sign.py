"""`documents sign`: a key of the installation signs a PDF, up to the level that lasts; what goes wrong is said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from bus.ports import SystemClock
from config.demo.result_pictures import seal_picture
from config.mocked_signers import ROOTS, STAMP_ROOTS, signing_table
from contracts.serve import serve
from contracts.signing_pki.authorities import DUTY, PUBLIC, STAMPS, SigningPki, roots_pem
from contracts.signing_pki.mock import SigningAuthorities
from contracts.timestamp_authority.mock import TimestampAuthority
from signing.documents import look
from signing.verification_pdf import open_pdf
from tests.acceptance.desk import place
from tests.pdf_kit import one_page, pdfsig, permit
from tests.signed_xml import RESULT, xmlsec_says
from tests.unit.signing.test_pkcs11 import module

PASSWORD = b"mat khau thu"


class Counter:
    """The installation, the authorities, and an agency with its key in every form."""

    def __init__(self, made, authorities, stamps, pki):
        self.made, self.authorities, self.stamps, self.pki = made, authorities, stamps, pki
        self.folder = made.folder
        self.write("permit.pdf", permit())
        seal = pki.agency()
        self.key = seal.key
        self.keep(seal, "dau")

    def write(self, name, content):
        path = self.folder / name
        path.touch(0o600)
        path.write_bytes(content)
        return str(path)

    def keep(self, holder, name):
        chain = b"".join(each.public_bytes(Encoding.PEM) for each in holder.chain)
        locked = BestAvailableEncryption(PASSWORD)
        self.write(f"{name}.pem", holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
        self.write(f"{name}.crt", holder.pem + chain)
        packed = serialize_key_and_certificates(b"dau", holder.key, holder.certificate, list(holder.chain), locked)
        self.write(f"{name}.p12", packed)
        self.write("mat-khau", PASSWORD + b"\n")

    def sign(self, *words, file="permit.pdf", out="signed.pdf", p12="dau.p12"):
        key = ("--p12", str(self.folder / p12), "--password-file", str(self.folder / "mat-khau")) if p12 else ()
        return self.made.type(
            "documents", "sign", str(self.folder / file), "--out", str(self.folder / out), *key, *words
        )

    def signed(self, *words, **more):
        answer = self.sign(*words, "--json", **more)
        assert 0 == answer.code, answer.out + answer.err
        return answer.told, (self.folder / "signed.pdf").read_bytes()


@pytest.fixture
def counter(tmp_path, capsys):
    pki = SigningPki(SystemClock().now)
    authorities, stamps = SigningAuthorities(pki), TimestampAuthority(pki)
    with place(tmp_path, capsys) as made, serve([authorities, stamps]) as url:
        pki.reached_at(url)
        (made.folder / ROOTS).write_bytes(roots_pem(PUBLIC, DUTY))
        (made.folder / STAMP_ROOTS).write_bytes(roots_pem(STAMPS))
        with (made.folder / "lienthong.toml").open("a", encoding="utf-8") as settings:
            settings.write(signing_table(url))
        yield Counter(made, authorities, stamps, pki)


@pytest.mark.needs("pdfsig")
def test_every_level(counter, tmp_path):
    """From B-B to B-LTA the document holds, another program says valid, and what was given is a prefix of it."""
    for level, fields, has_evidence in (("B-B", 1, False), ("B-T", 1, False), ("B-LT", 1, True), ("B-LTA", 2, True)):
        told, made = counter.signed("--level", level)
        found = open_pdf(made)

        assert (level, len(made)) == (told["level"], told["size"])
        assert made.startswith(permit())
        assert "Signature is Valid" in pdfsig(made, tmp_path)
        assert (fields, has_evidence) == (len(found.found), bool(found.answers or found.crls))
        (counter.folder / "signed.pdf").unlink()


def test_key_in_files_with_a_seal(counter):
    """A key in PEM files signs as well; a picture stands where it was asked for."""
    seal = counter.write("dau.png", seal_picture("UBND TỈNH H99"))
    words = ("--key", str(counter.folder / "dau.pem"), "--certificate", str(counter.folder / "dau.crt"))
    words += ("--password-file", str(counter.folder / "mat-khau"), "--visible", "agency", "--picture", seal)
    _, made = counter.signed(*words, "--box", "300,180,402,282", "--field", "DongDau", "--reason", "Phát hành", p12="")
    (seen,) = look(made).signatures

    assert ("DongDau", 1, (300, 180, 402, 282)) == (seen.field, seen.page, seen.box)


def test_data(counter):
    """XML is signed by XAdES, with a stamp where that is asked for; it shows nothing, and lasts no longer than B-T."""
    counter.write("data.xml", RESULT)
    for level, stamps in (("B-B", 0), ("B-T", 1)):
        told, made = counter.signed("--level", level, "--field", "DongDau", "--reason", "Phát hành", file="data.xml")
        assert (level, stamps) == (told["level"], made.count(b"<xades:EncapsulatedTimeStamp>"))
        assert xmlsec_says(made, counter.pki.agency(key=counter.key))
        (counter.folder / "signed.pdf").unlink()

    for words in (("--level", "B-LT"), ("--visible", "agency")):
        answer = counter.sign(*words, file="data.xml")
        assert (1, True) == (answer.code, "document_not_pdf" in answer.out + answer.err)


def test_words_of_its_own(counter):
    """Without picture and words, a copy says what it is, whose, and when; a signature says by whom."""
    counter.signed("--visible", "copy")
    answer = counter.sign("--visible", "official", "--field", "Hai", file="signed.pdf", out="two.pdf")
    seen = look((counter.folder / "two.pdf").read_bytes()).signatures

    assert 0 == answer.code
    assert "is signed by" in answer.out
    assert [True, False] == [each.box[3] > 800 for each in seen]


@pytest.mark.needs("softhsm2-util")
def test_key_in_a_token(counter, monkeypatch):
    """A key that never leaves its token signs a document."""
    (counter.folder / "tokens").mkdir()
    counter.write(
        "softhsm2.conf", f"directories.tokendir = {counter.folder / 'tokens'}\nobjectstore.backend = file\n".encode()
    )
    environment = os.environ | {"SOFTHSM2_CONF": str(counter.folder / "softhsm2.conf")}
    holder = counter.pki.agency()
    counter.write("open.pem", holder.key_pem)
    for words in (
        ("--init-token", "--free", "--label", "dau", "--so-pin", "12345678", "--pin", "1234"),
        (
            "--import",
            str(counter.folder / "open.pem"),
            "--token",
            "dau",
            "--pin",
            "1234",
            "--label",
            "seal",
            "--id",
            "01",
        ),
    ):
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, env=environment)
    counter.write("pin", b"1234\n")
    counter.write("seal.crt", holder.pem)
    words = ["documents", "sign", counter.folder / "permit.pdf", "--out", counter.folder / "signed.pdf"]
    words += ["--module", module(), "--token", "dau", "--key", "seal", "--certificate", counter.folder / "seal.crt"]
    words += ["--password-file", counter.folder / "pin"]
    # In a process of its own: the library reads its settings once.
    program = "import sys; from config.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, *map(str, words)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stderr
    assert 1 == len(look((counter.folder / "signed.pdf").read_bytes()).signatures)


REFUSED = {
    "no key": ((), {"p12": ""}, 2, "--p12"),
    "box": (("--visible", "official", "--box", "1,2,x"), {}, 2, "--box"),
    "no such file": ((), {"file": "none.pdf"}, 3, "none.pdf"),
    "scripts": ((), {"file": "scripts.pdf"}, 1, "document_has_scripts"),
    "password": (("--password-file", "wrong"), {}, 1, "password"),
    "no such key": ((), {"p12": "none.p12"}, 1, "none.p12"),
    "large": ((), {"file": "large.pdf"}, 1, "document_too_large"),
    "there already": ((), {"out": "permit.pdf"}, 1, "permit.pdf"),
}


@pytest.mark.parametrize(("words", "more", "code", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(counter, words, more, code, said):
    """What cannot be signed is said in a sentence, nothing is written, and the document is as it was."""
    counter.write("scripts.pdf", one_page(b"/OpenAction << /S /JavaScript /JS (x) >>"))
    wrong = counter.write("wrong", b"khac")
    with (counter.folder / "large.pdf").open("wb") as large:
        large.truncate(50_000_001)
    answer = counter.sign(*(wrong if word == "wrong" else word for word in words), **more)

    assert (code, True) == (answer.code, said in answer.err), answer.err
    assert not (counter.folder / "signed.pdf").exists()
    assert permit() == (counter.folder / "permit.pdf").read_bytes()


def test_no_stamp(counter):
    """While no time-stamp authority answers, no B-T is made, and B-B still is."""
    counter.stamps.switches.turn({"answer": "down"})
    answer = counter.sign("--level", "B-T")

    assert 3 == answer.code
    assert "503" in answer.err
    assert 0 == counter.sign().code


def test_nothing_to_keep_for_years(counter):
    """Whom nobody here vouches for cannot sign at a level that promises years: the reason is said."""
    counter.keep(counter.pki.stranger(), "la")
    answer = counter.sign("--level", "B-LT", p12="la.p12")

    assert 1 == answer.code
    assert "untrusted" in answer.err
