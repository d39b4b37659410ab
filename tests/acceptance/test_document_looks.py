"""`documents verify|show`: what is said of a signed document, in both languages, and by exit codes."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files

import pytest

from config.cli import main
from contracts.signing_pki.authorities import roots_pem
from signing.verdicts import Code, Verdict
from tests.acceptance.test_document_sign import counter
from tests.forged_documents import altered, rewritten
from tests.pdf_kit import one_page, permit
from tests.signed_documents import archived, lasting, signed
from tests.signed_xml import signed as signed_xml
from tests.signing_kit import small_pdf

__all__ = ["counter"]


@pytest.fixture
def type_(tmp_path, capsys, monkeypatch):
    """Type a command about a file that holds these bytes; exit code and output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roots.pem").write_bytes(roots_pem())

    def typed(verb: str, content: bytes, *words: str, lang: str = "vi"):
        (tmp_path / "it.pdf").write_bytes(content)
        trust = ("--trust", "roots.pem") if verb == "verify" else ()
        code = main(["documents", verb, "it.pdf", *trust, *words, "--lang", lang])
        told = capsys.readouterr()
        return code, told.out, told.err

    return typed


@pytest.mark.parametrize(
    ("make", "lang", "code", "said"),
    [
        (archived, "vi", 0, ("hợp lệ", "B-LTA", "dấu thời gian lưu trữ", "official")),
        (archived, "en", 0, ("valid", "B-LTA", "archive time stamp", "Trần Văn Mẫu")),
        (lambda: altered(signed()), "vi", 1, ("không hợp lệ", "Nội dung đã bị sửa", "digest_differs")),
        (lambda: rewritten(lasting()), "en", 1, ("not valid", "changed after it was signed")),
        (signed, "vi", 1, ("chưa kết luận được", "Chưa ai cho biết")),
        (small_pdf, "en", 1, ("not valid", "has no digital signature")),
        (signed_xml, "en", 1, ("cannot be told", "B-B")),
    ],
)
def test_verify(type_, make, lang, code, said):
    """Exit code 0 only where all is proven, 1 otherwise; the reasons are sentences in the reader's language."""
    found, out, _ = type_("verify", make(), lang=lang)

    assert code == found, out
    assert all(words in out for words in said), out


def test_verify_for_a_machine(type_):
    """With --json there is one document: verdict, reasons by their codes, and every signature."""
    _, out, _ = type_("verify", archived(), "--json")
    told = json.loads(out)

    assert ("passed", ["signature", "document_stamp"]) == (
        told["verdict"],
        [each["kind"] for each in told["signatures"]],
    )


@pytest.mark.parametrize("junk", [b"", b"hello", b"%PDF-1.7\nbroken", b"<a><b></a>", b"<!DOCTYPE a []><a/>"])
@pytest.mark.parametrize("verb", ["verify", "show"])
def test_unreadable(type_, verb, junk):
    """What is no document that can be judged ends in exit code 3, with a reason, and without a traceback."""
    code, out, err = type_(verb, junk)

    assert (3, "") == (code, out)
    assert "Traceback" not in err


def test_nobody_is_believed(type_, tmp_path):
    """Without roots in the settings or by name nothing is judged; a file without certificates is said to be one."""
    (tmp_path / "none.pem").write_bytes(b"no certificate")
    code, _, err = type_("verify", signed(), "--trust", "none.pem")

    assert code != 0
    assert "none.pem" in err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (archived, ("pdf", "Ky1", "LuuTru1", "documents verify")),
        (small_pdf, ("pdf", "số chữ ký 0")),
        (signed_xml, ("xml", "Ky1")),
        (lambda: one_page(b"/OpenAction << /S /JavaScript /JS (x) >>"), ("document_has_scripts",)),
    ],
)
def test_show(type_, make, said):
    """What is in it is shown as it says of itself, and that nothing of it was verified."""
    code, out, err = type_("show", make())

    assert 0 == code, err
    assert all(words in out for words in said), out


def test_show_for_a_machine(type_):
    """The same as one JSON document."""
    _, out, _ = type_("show", signed(), "--json")
    told = json.loads(out)

    assert (1, ["Ky1"], 1) == (told["pages"], [each["field"] for each in told["signatures"]], len(told["signatures"]))


def test_with_the_settings(counter):
    """Roots and hosts of the settings: authorities are asked, and what was just signed here is proven; offline not."""
    _, made = counter.signed("--level", "B-T")
    assert made.startswith(permit())
    path = str(counter.folder / "signed.pdf")
    asked = counter.made.type("documents", "verify", path, "--json")
    offline = counter.made.type("documents", "verify", path, "--json", "--offline")

    assert (0, "passed") == (asked.code, asked.told["verdict"]), asked.out
    assert (1, "indeterminate") == (offline.code, offline.told["verdict"])


def test_settings_that_believe_nobody(counter):
    """Settings without roots cannot judge; the command says so, and by exit code 2."""
    settings = counter.folder / "lienthong.toml"
    told = settings.read_text(encoding="utf-8").splitlines()
    settings.write_text("\n".join(line for line in told if "roots_file" not in line), encoding="utf-8")
    answer = counter.made.type("documents", "verify", str(counter.folder / "permit.pdf"))

    assert 2 == answer.code
    assert "--trust" in answer.err


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_reason_has_its_words(language):
    """Every code and verdict that a report can hold is a sentence in both languages, and no sentence is spare."""
    text = files("adapters.doors.console").joinpath("words", f"verdicts.{language}.toml").read_text(encoding="utf-8")
    said = tomllib.loads(text)

    assert {*map(str, Code), *map(str, Verdict), "signature", "document_stamp"} == set(said)
    assert all(sentence.strip() for sentence in said.values())
