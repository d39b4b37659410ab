"""Evidence handed out: one file for one dossier, checked by somebody who has nothing of ours."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bus.engines.sqlite import Tx
from config.bundling import write_bundle
from config.signing_key import InstallationKey, generate
from tests.acceptance.desk import Place, place
from tests.acceptance.test_commands import NUMBER, feed, lose_step, record, step

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_bundle.py"
OTHER = "H99.01-260703-0002"
WHY = ("--reason", "thanh tra yêu cầu", "--as-person", "Mai")


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """Eighteen dossiers, one with a lost reply, and a person who settled it."""
    with place(tmp_path, capsys) as made:
        lose_step(made)
        feed(made, record(), step(), record(number=OTHER), step(number=OTHER), record("r2", 20, note="sau cùng"))
        for row in made.ask("deliveries", "list", "--state", "in_doubt"):
            made.ask("deliveries", "resolve", str(row["id"]), "--as", "arrived", "--reason", "đã xem trên Cổng")
        # So many that one of them shares its chain with the first.
        feed(made, *(record(number=f"H99.01-260703-{n:04}") for n in range(3, 19)))
        yield made


@pytest.fixture(scope="module")
def independent() -> ModuleType:
    """The verifier that a third party runs."""
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bundle(here: Place, *more: str, number: str = NUMBER) -> Path:
    out = here.folder / f"{number}{''.join(more[:1])}.zip"
    here.ask("ledger", "bundle", number, "--out", str(out), *(more or WHY))
    return out


def read(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: Mapping[str, bytes]) -> Path:
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def public_key(here: Place) -> Path:
    path = here.folder / "public.pem"
    path.write_text(InstallationKey.from_file(here.folder / "signing.key").public_pem())
    return path


def signed_anew(here: Place, members: dict[str, bytes]) -> dict[str, bytes]:
    """As somebody with the signing key could do it, after changing members."""
    manifest = json.loads(members.pop("manifest.json"))
    members.pop("manifest.sig")
    manifest["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    text = json.dumps(manifest).encode()
    key = load_pem_private_key((here.folder / "signing.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return members | {"manifest.json": text, "manifest.sig": key.sign(text)}


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def test_p11_a_bundle_holds_the_exact_bytes_and_verifies_without_us(here: Place) -> None:
    """One command; a program of 150 lines that has nothing of ours says that every member fits."""
    path = bundle(here)
    command = [sys.executable, "-I", str(SCRIPT), str(path), str(public_key(here))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    members = read(path)

    assert (0, "every member fits\n") == (done.returncode, done.stdout), done.stdout + done.stderr
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert NUMBER in members["README.txt"].decode()
    assert "TIẾNG VIỆT" in members["README.txt"].decode()
    assert {NUMBER} == {row["dossier"] for row in lines(members["events.ndjson"])}
    assert any("Nguyễn Thử" in members[name].decode() for name in members if name.endswith("request-body"))
    assert not any(OTHER.encode() in content for content in members.values())
    assert lines(members["links.ndjson"])
    assert [] == list(here.folder.glob("*.partial"))


def test_handing_it_out_is_recorded(here: Place) -> None:
    """Who got personal data out, of what and why, is a move of the ledger."""
    bundle(here)
    with here.open() as installation:
        moves = installation.ledger.engine.read().all("all_moves")

    assert ("revealed", f"bundle of dossier {NUMBER}: thanh tra yêu cầu", "person:Mai") in [row[8:11] for row in moves]


def test_p11_one_byte_changed_in_any_member_is_found(here: Place, independent: ModuleType, tmp_path: Path) -> None:
    """Every member in turn: the verifier names it, or the signature that no longer fits."""
    members, copy = read(bundle(here)), tmp_path / "copy.zip"
    for name, content in members.items():
        if not content:
            continue
        place = len(content) // 2
        harmed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        found = independent.verify(write(copy, members | {name: harmed}), public_key(here))

        assert found, name
        assert name in found[0] or name.startswith("manifest."), (name, found[0])


def test_member_missing_added_or_doubled_is_found(here: Place, independent: ModuleType, tmp_path: Path) -> None:
    """The list of members is signed too."""
    members, copy = read(bundle(here)), tmp_path / "copy.zip"
    less = {name: content for name, content in members.items() if name != "moves.ndjson"}
    assert ["moves.ndjson: it is not what was signed"] == independent.verify(write(copy, less))
    assert ["more.txt: it is not what was signed"] == independent.verify(write(copy, members | {"more.txt": b"x"}))
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(write(copy, members), "a") as archive:
        archive.writestr("README.txt", members["README.txt"])
    assert ["README.txt: it is not what was signed"] == independent.verify(copy)
    copy.write_bytes(b"PK")
    assert independent.verify(copy)[0].startswith("manifest.json: the bundle cannot be read")


def test_another_installations_key_does_not_do(here: Place, independent: ModuleType, tmp_path: Path) -> None:
    """A bundle that is whole in itself but signed by a stranger is refused by who knows the key."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(generate(tmp_path / "stranger.key").public_pem())
    path = bundle(here)

    assert [] == independent.verify(path)
    assert "not with the key" in independent.verify(path, stranger)[0]


def changed(name: str, at: int, **values: Any) -> Callable[[dict[str, bytes]], None]:
    def harm(members: dict[str, bytes]) -> None:
        rows = lines(members[name])
        rows[at] |= values
        members[name] = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)

    return harm


def dropped(name: str, at: int) -> Callable[[dict[str, bytes]], None]:
    def harm(members: dict[str, bytes]) -> None:
        kept = members[name].splitlines(keepends=True)
        del kept[at]
        members[name] = b"".join(kept)

    return harm


def replaced(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    def harm(members: dict[str, bytes]) -> None:
        found = next(each for each in sorted(members) if each.endswith(name))
        members[found] = content

    return harm


HARMS = {
    "move edited": (changed("moves.ndjson", 1, cause="x"), "moves.ndjson"),
    "move dropped": (dropped("moves.ndjson", 0), "events.ndjson"),
    "link edited": (changed("links.ndjson", -1, content="00" * 32), "moves.ndjson"),
    "link dropped": (dropped("links.ndjson", -1), "links.ndjson"),
    "checkpoint edited": (changed("checkpoints.ndjson", 0, signature="00" * 64), "checkpoints.ndjson"),
    "event edited": (changed("events.ndjson", 0, kind="x"), "events.ndjson"),
    "event dropped": (dropped("events.ndjson", 0), "events.ndjson"),
    "event's body": (replaced("/body.json", b"{}"), "events/"),
    "attempt edited": (changed("attempts.ndjson", 0, outcome="Refused"), "attempts.ndjson"),
    "attempt dropped": (dropped("attempts.ndjson", 0), "attempts.ndjson"),
    "exchange edited": (changed("exchanges.ndjson", 0, status=599), "attempts.ndjson"),
    "reply's bytes": (replaced("/reply-body", b"{}"), "exchanges/"),
    "delivery edited": (changed("deliveries.ndjson", 0, state="refused"), "deliveries.ndjson"),
    "delivery dropped": (dropped("deliveries.ndjson", 0), "deliveries.ndjson"),
}


def test_p11_who_holds_the_signing_key_cannot_change_a_bundle(
    here: Place, independent: ModuleType, tmp_path: Path
) -> None:
    """Signed anew after a change: the chain up to the old checkpoint still says what was written."""
    whole = read(bundle(here))
    for what, (harm, member) in HARMS.items():
        members = dict(whole)
        harm(members)
        found = independent.verify(write(tmp_path / "copy.zip", signed_anew(here, members)), public_key(here))

        assert any(each.startswith(member) for each in found), (what, found)


def test_p11_destroyed_bodies_leave_a_bundle_that_verifies(here: Place, independent: ModuleType) -> None:
    """What retention took is said to be gone; the rest verifies as before."""
    with here.open() as installation:
        installation.ledger.engine._writer.execute("UPDATE bodies SET sealed = NULL WHERE id % 2 = 0")  # type: ignore[union-attr]
    members = read(path := bundle(here))
    rows = lines(members["events.ndjson"]) + lines(members["exchanges.ndjson"])

    assert [] == independent.verify(path, public_key(here))
    assert {None, "destroyed"} == {row["left_out"] for row in rows}


def test_masked_bundle_needs_no_reason_and_holds_no_bytes(here: Place, independent: ModuleType) -> None:
    """Digests only: whoever has the bytes already can hold them against it."""
    members = read(path := bundle(here, "--masked"))

    assert [] == independent.verify(path, public_key(here))
    assert not any(name.startswith(("events/", "exchanges/")) for name in members)
    assert not any("Nguyễn Thử".encode() in content for content in members.values())
    assert {"masked"} == {row["left_out"] for row in lines(members["events.ndjson"])}


def test_a_dossier_that_moves_meanwhile(here: Place, independent: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A move between checkpoint and look has nobody's signature yet: another checkpoint is made for it."""
    with here.open() as installation:
        engine = installation.ledger.engine
        looks: list[int] = []
        snapshot = engine.snapshot

        def busy() -> AbstractContextManager[Tx]:
            if not looks:
                number = installation.reads.dossier(NUMBER)["timeline"][0]["delivery"]
                installation.repairs.resync(NUMBER, "national_portal", actor="person:Lan", reason=f"sau {number}")
            looks.append(1)
            return snapshot()

        monkeypatch.setattr(engine, "snapshot", busy)
        out = here.folder / "busy.zip"
        write_bundle(installation, NUMBER, out, is_masked=True)

    assert 2 == len(looks)
    assert "person:Lan" in {row["actor"] for row in lines(read(out)["moves.ndjson"])}
    assert [] == independent.verify(out, public_key(here))


def test_checkpoints_of_a_retired_key_count(here: Place, independent: ModuleType) -> None:
    """After the key was changed, what the old one signed still holds, as long as the settings name it."""
    here.ask("ledger", "checkpoint")
    (here.folder / "signing.key").rename(here.folder / "old.key")
    generate(here.folder / "signing.key")
    here.set(r"(signing_key_file = .*)", r'\1\nretired_signing_key_files = ["old.key"]')
    members = read(path := bundle(here))

    assert [] == independent.verify(path, public_key(here))
    assert 2 == len([name for name in members if name.startswith("keys/")])


def test_what_is_not_done(here: Place) -> None:
    """An unknown dossier, no reason, a file that is there: said, and nothing is written."""
    out = here.folder / "out.zip"
    assert 1 == here.type("ledger", "bundle", "H99.01-000000-0000", "--out", str(out), *WHY).code
    assert 2 == here.type("ledger", "bundle", NUMBER, "--out", str(out)).code
    assert 3 == here.type("ledger", "bundle", NUMBER, "--out", str(here.folder / "no" / "o.zip"), *WHY).code
    assert not out.exists()
    out.write_text("mine")
    assert 1 == here.type("ledger", "bundle", NUMBER, "--out", str(out), *WHY).code
    assert 1 == here.type("ledger", "export", "--since", "2020-01-01T00:00Z", "--until", "2020-01-02T00:00Z",
                          "--out", str(out)).code  # fmt: skip
    assert "mine" == out.read_text()


def test_p12_export_tells_numbers_and_no_person(here: Place) -> None:
    """Deliveries and moves of a time as NDJSON: no bodies, no reasons, no names."""
    out = here.folder / "out.ndjson"
    span = ("--since", "2020-01-01T00:00Z", "--until", "2090-01-01T00:00Z")
    told = here.ask("ledger", "export", *span, "--out", str(out))
    rows = lines(out.read_bytes())

    assert told["rows"] == len(rows)
    assert {"delivery", "move"} == {row["row"] for row in rows}
    assert {NUMBER, OTHER} < {row["dossier"] for row in rows if row["row"] == "delivery"}
    assert "person" in {row.get("actor") for row in rows}
    assert not any(word in out.read_text() for word in ("Nguyễn", "Trần", "đã xem", "person:"))
    assert 0o600 == stat.S_IMODE(out.stat().st_mode)


def test_export_of_one_partner_and_time(here: Place) -> None:
    """What was before `--since` or goes to somebody else is left out."""
    early = ("--since", "2020-01-01T00:00Z", "--until", "2020-01-02T00:00Z")
    nobody = ("--since", "2020-01-01T00:00Z", "--until", "2090-01-01T00:00Z", "--partner", "nobody")

    assert 0 == here.ask("ledger", "export", *early, "--out", str(here.folder / "a"))["rows"]
    assert 0 == here.ask("ledger", "export", *nobody, "--out", str(here.folder / "b"))["rows"]


def test_script_is_short_and_needs_nothing_of_ours() -> None:
    """A hundred and fifty lines at most, the standard library and `cryptography`: it is read before it is trusted."""
    text = SCRIPT.read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}

    assert 150 >= len(text.splitlines())
    assert imported <= sys.stdlib_module_names | {"cryptography"}
