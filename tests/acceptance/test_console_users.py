"""The pages of users and of the audit, and what signing in costs whoever guesses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.console.answers import Wrong
from adapters.doors.console.passwords import Passwords, require_good
from adapters.doors.console.signing_in import Denied, Wait, sign_in
from bus.audit import Act
from bus.rights import Right
from bus.sessions import Opened
from tests.console_door import CHEAP, PASSWORD, Bench, bench

REASON = "theo công văn số 12"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bench]:
    """The administrator has signed in."""
    with bench(tmp_path) as made:
        made.sign_in("chi")
        yield made


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The same, for tests that leave nothing behind."""
    with bench(tmp_path_factory.mktemp("users")) as made:
        made.sign_in("chi")
        yield made


def press(here: Bench, path: str, *fields: tuple[str, str]) -> Any:
    return here.post(path, [("csrf", here.csrf("/users")), *fields, ("reason", REASON)])


def said(answer: Any) -> str:
    """What is told as wrong."""
    found = re.search(r'class="note bad".*?<div>(.*?)</div>', answer.text, re.DOTALL)
    return unescape(found[1]) if found else ""


NEW = (
    ("name", "Dung.Le"),
    ("shown", "Lê Thị Dung"),
    ("password", "cò bay thẳng cánh đồng"),
    ("roles", "viewer"),
    ("roles", "auditor"),
    ("scope", "units"),
    ("units", "H99.11; H99.12 H99.11"),
)

# -- users -----------------------------------------------------------------------------------------------------------


def test_new_account_can_sign_in(here: Bench) -> None:
    """An account made by an administrator has its roles and units, and its person signs in at once."""
    made = here.told(press(here, "/users", *NEW))
    account = here.console.people.account("dung.le")

    assert "Đã tạo tài khoản dung.le" in made.text
    assert (("auditor", "viewer"), ("H99.11", "H99.12")) == (account.roles, account.units)
    here.client.cookies.clear()
    assert 303 == here.sign_in("Dung.Le", "cò bay thẳng cánh đồng").status_code


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "an"}, "Đã có tài khoản"),
        ({"name": "Dũng"}, "Tên không hợp lệ"),
        ({"shown": " "}, "Tên hiển thị"),
        ({"password": "tíhon"}, "quá ngắn"),
        ({"password": "x" * 201}, "quá dài"),
        ({"password": "dung.le dung.le"}, "bị thử đầu tiên"),
        ({"units": "H99 !!"}, "mã đơn vị"),
        ({"roles": "king"}, "Vai trò này không còn"),
        ({"reason": " "}, "Hãy ghi lý do"),
    ],
)
def test_what_was_typed_stays(hall: Bench, change: dict[str, str], told: str) -> None:
    """A form that is refused says why and holds everything that was typed, but the password; nothing is kept."""
    fields = [("csrf", hall.csrf("/users")), *NEW, ("reason", REASON)]
    fields = [(name, change.get(name, value)) for name, value in fields]
    answer = hall.post("/users", fields)

    assert (422, True) == (answer.status_code, told in said(answer)), said(answer)
    if "shown" not in change:
        assert 'value="Lê Thị Dung"' in answer.text
    assert dict(fields)["password"] not in answer.text
    assert hall.console.people.find("dung.le") is None


def test_changes_of_an_account(here: Bench) -> None:
    """Roles, name, password, sessions, out of use and in use again: each is told on the account's page."""
    for path, fields, told in (
        ("grant", [("roles", "operator"), ("scope", "every")], "Đã đổi vai trò"),
        ("describe", [("shown", "Bình Trần"), ("language", "en")], "Đã đổi tên"),
        ("password", [("password", "một cụm từ khác nữa")], "mật khẩu mới"),
        ("disable", [], "Đã khóa"),
        ("enable", [], "Đã mở lại"),
    ):
        page = here.told(press(here, f"/users/binh/{path}", *fields))
        assert told in page.text, path
    account = here.console.people.account("binh")

    assert (("operator",), None, "Bình Trần", "en") == (account.roles, account.units, account.shown, account.language)
    assert CHEAP.fits(account.password, "một cụm từ khác nữa")
    actors = {entry.actor for entry in here.console.audit.find(act=Act.ACCOUNT_CHANGED).entries[:5]}
    assert {"person:chi"} == actors


def test_sessions_are_shown_and_ended(here: Bench) -> None:
    """An administrator sees where somebody is signed in, and ends one session or all of them."""
    first = here.console.people.sign_in("an", address="192.0.2.7", agent="<b>a browser</b>")
    here.console.people.sign_in("an", address="192.0.2.8", agent="x")
    page = here.get("/users/an")
    assert "192.0.2.7" in page.text
    assert "&lt;b&gt;a browser" in page.text

    here.told(press(here, "/users/an/revoke", ("session", str(first.id))))
    assert 1 == len(here.console.people.sessions("an"))
    here.told(press(here, "/users/an/revoke", ("session", "all")))
    assert [] == here.console.people.sessions("an")
    for wrong in (str(first.id), "x", "", "9" * 30):
        assert "Phiên này không còn" in said(press(here, "/users/an/revoke", ("session", wrong)))


def test_last_administrator_is_told(here: Bench) -> None:
    """Who would lock everybody out is told so, and stays."""
    for path, fields in (("disable", ()), ("grant", (("roles", "viewer"), ("scope", "every")))):
        assert "không còn quản trị viên" in said(press(here, f"/users/chi/{path}", *fields))

    assert Right.ADMINISTER in here.console.people.rights(here.console.people.account("chi"))


def test_nobody_gives_himself_more(here: Bench) -> None:
    """An administrator gains nothing by his own form, nor by a role that he has; he may give up, and give others."""
    own = press(here, "/users/chi/grant", ("roles", "administrator"), ("roles", "supervisor"), ("scope", "every"))
    role = press(here, "/roles", ("role", "administrator"), ("rights", "administer"), ("rights", "reveal"))
    assert [422, 422] == [own.status_code, role.status_code]
    assert ["Không ai tự cấp"] * 2 == [said(each)[:15] for each in (own, role)]
    assert ("administrator",) == here.console.people.account("chi").roles

    here.told(press(here, "/users/chi/grant", ("roles", "administrator"), ("scope", "units"), ("units", "H99.11")))
    for units in ((("scope", "every"),), (("scope", "units"), ("units", "H99.12"))):
        assert "Không ai tự cấp" in said(press(here, "/users/chi/grant", ("roles", "administrator"), *units))
    here.told(press(here, "/users/chi/grant", ("roles", "administrator"), ("scope", "units"), ("units", "H99.11.2")))
    here.told(press(here, "/users/an/grant", ("roles", "supervisor"), ("scope", "every")))


def test_roles_are_set_and_dropped(here: Bench) -> None:
    """A role of the house's own is made, changed and dropped; a built-in one stays."""
    page = here.told(press(here, "/roles", ("role", "clerk"), ("rights", "list"), ("rights", "no-such-right")))
    assert "Đã lưu vai trò clerk" in page.text
    assert frozenset({Right.LIST}) == here.console.people.roles()["clerk"]
    assert "clerk" not in here.told(press(here, "/roles/drop", ("role", "clerk"))).text.split("<table")[-1]

    assert "có sẵn" in said(press(here, "/roles/drop", ("role", "viewer")))
    assert "không còn nữa" in said(press(here, "/roles/drop", ("role", "clerk")))
    assert "quản trị viên" in said(press(here, "/roles", ("role", "administrator"), ("rights", "list")))


def test_long_list_of_accounts(here: Bench) -> None:
    """Accounts come fifty to a page."""
    for n in range(50):
        here.console.people.add(
            f"p{n:02}", shown="P", password="kept", roles=[], units=(), actor="person:chi", reason=REASON
        )
    page = here.get("/users")
    following = re.search(r'rel="next" href="([^"]+)"', page.text)

    assert following
    assert ">p49<" not in page.text
    assert ">p49<" in here.client.get(unescape(following[1])).text


def test_account_that_is_not_there(here: Bench) -> None:
    """A name that nobody has is a page that says so."""
    assert 404 == here.get("/users/gone").status_code
    assert 404 == press(here, "/users/gone/disable").status_code


def test_account_of_the_provider(here: Bench) -> None:
    """An account that signs in at the provider has no password to set here."""
    from bus.accounts import Identity

    who = Identity(issuer="https://id.example.invalid", subject="s", wanted_name="ngoai", shown="Ngoài", roles=None)
    here.console.people.welcome(who, address="192.0.2.7", agent="x")

    assert 'id="password"' not in here.get("/users/ngoai").text
    answer = press(here, "/users/ngoai/password", ("password", "một cụm từ khác nữa"))
    assert 422 == answer.status_code


# -- the audit -------------------------------------------------------------------------------------------------------


def test_audit_tells_who_did_what(here: Bench) -> None:
    """Signing in, looking and changing stand there with time and reason; hostile words as text."""
    here.console.audit.note(
        actor="person:an", act=Act.REVEALED, dossier="H99.1", delivery=7, reason="<script>x</script>"
    )
    here.console.audit.note(actor="stranger", act=Act.SIGN_IN_FAILED, address="192.0.2.9")
    page = here.get("/audit").text

    assert all(word in page for word in ("H99.1", "&lt;script&gt;x", "192.0.2.9", "người lạ", "lượt chuyển 7"))
    assert "<script>x" not in page
    assert Act.AUDIT_SEEN == here.console.audit.find().entries[0].act


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"who": "an"}, 2),
        ({"who": "stranger"}, 1),
        ({"who": "person:an"}, 2),
        ({"act": "revealed"}, 1),
        ({"dossier": "H99.2"}, 1),
        ({"since": "2026-07-03", "until": "2026-07-03"}, 3),
        ({"since": "2026-07-05"}, 0),
        ({"who": "nobody"}, 0),
    ],
)
def test_audit_filters(here: Bench, filters: dict[str, str], count: int) -> None:
    """By person, act, dossier and day; an empty list says what that means."""
    here.console.audit.note(actor="person:an", act=Act.REVEALED, dossier="H99.1")
    here.console.audit.note(actor="person:an", act=Act.SEARCHED, dossier="H99.2")
    here.console.audit.note(actor="stranger", act=Act.SIGN_IN_FAILED)
    page = here.get("/audit", params=filters).text
    shown = len(re.findall("<tr>", page)) - 1 if "<table" in page else 0

    assert (count if "since" not in filters or not count else shown) == shown
    assert (shown == 0) == ("Không có dòng nào khớp" in page)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"since": "2026-07-04", "until": "2026-07-03"}, "nằm sau"),
        ({"since": "hôm qua"}, "không phải là một ngày"),
        ({"until": "2026-02-31"}, "không phải là một ngày"),
        ({"until": "1900-01-01"}, "không phải là một ngày"),
        ({"act": "flown"}, "Không có việc"),
    ],
)
def test_audit_filters_that_are_none(hall: Bench, filters: dict[str, str], told: str) -> None:
    """A filter that cannot be is told, with how to go on."""
    answer = hall.get("/audit", params=filters)

    assert (422, True) == (answer.status_code, told in unescape(answer.text))


def test_audit_pages_and_cursors(here: Bench) -> None:
    """The next page goes on where this one ended; another account's cursor, or a changed one, shows the first page."""
    for n in range(60):
        here.console.audit.note(actor="person:an", act=Act.DOSSIER_SEEN, dossier=f"H99.{n}")
    page = here.get("/audit", params={"who": "an"}).text
    following = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    second = here.client.get(following).text
    assert "H99.10<" in page
    assert "H99.9<" in second
    assert "H99.10<" not in second

    here.console.people.grant("an", roles=["auditor"], units=None, actor="person:chi", reason=REASON)
    lost = [here.client.get(re.sub(r"cursor=[^&]+", f"cursor={cursor}", following)) for cursor in ("1.x", "x", "-5")]
    here.client.cookies.clear()
    here.sign_in("an")
    lost.append(here.client.get(following))
    for answer in lost:
        assert "trang đầu tiên" in answer.text
        assert "H99.59<" in answer.text


def test_audit_of_ones_units(here: Bench) -> None:
    """An auditor of some units is told that the others are not shown."""
    here.console.people.grant("binh", roles=["auditor"], units=["H99.11"], actor="person:chi", reason=REASON)
    here.client.cookies.clear()
    here.sign_in("binh")

    assert "đơn vị mình" in here.get("/audit").text


def test_audit_that_looked_far_back(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare filter says how far back was looked, and offers to look on."""
    monkeypatch.setattr("bus.audit.BUDGET", 4)
    monkeypatch.setattr("bus.audit.CHUNK", 2)
    for n in range(9):
        here.console.audit.note(actor="person:an", act=Act.DOSSIER_SEEN, dossier=f"H99.{n}")
    page = here.get("/audit", params={"who": "an", "act": "revealed"}).text

    assert "Đã tìm ngược về đến" in page
    assert 'rel="next"' in page


def test_what_cannot_be_noted_is_not_shown(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the note of a look cannot be written the page is not shown."""
    from bus.errors import LedgerUnavailable

    def fails(**told: Any) -> int:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(here.console.audit, "note", fails)
    answer = here.get("/audit")

    assert 503 == answer.status_code
    assert "chi" not in re.sub(r"<header.*?</header>", "", answer.text, flags=re.DOTALL).split("<main")[1]


# -- what guessing costs ---------------------------------------------------------------------------------------------


class Counting(Passwords):
    """Passwords that count how often they worked."""

    worked = 0

    def fits(self, kept: str | None, password: str) -> bool:
        self.worked += 1
        return super().fits(kept, password)


def try_it(here: Bench, passwords: Passwords, name: str, password: str) -> tuple[object, list[str]]:
    told: list[str] = []
    result = sign_in(here.console.people, passwords, name, password, address="192.0.2.7", agent="x", count=told.append)
    return result, told


def test_same_work_for_every_name(here: Bench) -> None:
    """A wrong password, a name that nobody has, a disabled account and one of the provider cost one hash each, and as
    many rows are written for each."""
    passwords = Counting(passes=1, memory_kib=8, lanes=1)
    people = here.console.people
    people.disable("binh", actor="person:chi", reason=REASON)
    written = []
    for n, (name, password) in enumerate((("an", "sai mất rồi"), ("nobody", PASSWORD), ("binh", PASSWORD))):
        before = len(here.console.audit.find(limit=200).entries)
        result, told = try_it(here, passwords, name, password)
        written.append(len(here.console.audit.find(limit=200).entries) - before)
        assert (Denied(), ["denied"], n + 1) == (result, told, passwords.worked)
    assert [1, 1, 1] == written


def test_no_work_while_it_waits(here: Bench) -> None:
    """Who has to wait costs no hash, whatever he types."""
    passwords = Counting(passes=1, memory_kib=8, lanes=1)
    for _ in range(8):
        result, told = try_it(here, passwords, "an", "sai mất rồi")
        if isinstance(result, Wait):
            break
        here.world.clock.sleep(0)
    worked = passwords.worked
    result, told = try_it(here, passwords, "an", PASSWORD)

    assert (True, ["waiting"], worked) == (isinstance(result, Wait), told, passwords.worked)
    here.world.clock.sleep(timedelta(days=1).total_seconds())
    assert isinstance(try_it(here, passwords, "an", PASSWORD)[0], Opened)


def test_old_string_is_made_anew(here: Bench) -> None:
    """Who signs in with a string of other parameters has a new one afterwards, for the same password."""
    stronger = Passwords(passes=2, memory_kib=16, lanes=1)
    before = here.console.people.account("an").password
    result, told = try_it(here, stronger, " AN ", PASSWORD)
    after = here.console.people.account("an").password

    assert (True, ["opened"]) == (isinstance(result, Opened), told)
    assert before != after
    assert stronger.fits(after, PASSWORD)
    assert not stronger.is_outdated(str(after))


def test_disabled_between_the_check_and_the_session(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is disabled while its password is being looked at does not come in."""

    class Slow(Passwords):
        def fits(self, kept: str | None, password: str) -> bool:
            here.console.people.disable("an", actor="person:chi", reason=REASON)
            return super().fits(kept, password)

    result, _ = try_it(here, Slow(passes=1, memory_kib=8, lanes=1), "an", PASSWORD)
    assert Denied() == result
    assert [] == here.console.people.sessions("an")


def test_long_lock_is_told_in_the_log(here: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A wait that no person's slips come to is a line in the log, without what was typed."""
    for _ in range(30):
        result, _ = try_it(here, CHEAP, "an", "sai mất rồi")
        if isinstance(result, Wait):
            if result.seconds > 30:
                break
            here.world.clock.sleep(result.seconds)
    told = capsys.readouterr().err

    assert "sign_in_locked" in told
    assert "sai mất rồi" not in told


def test_composed_and_decomposed_are_one_password() -> None:
    """ế as one letter or as three is the same password; cost and kind stand in the string."""
    kept = CHEAP.kept("bốn từ thật dài nhé")

    assert CHEAP.fits(kept, unicodedata.normalize("NFD", "bốn từ thật dài nhé"))
    assert not CHEAP.fits(kept, "bon tu that dai nhe")
    assert not CHEAP.fits("no argon2 string", "bốn từ thật dài nhé")
    assert kept.startswith("$argon2id$v=19$m=8,t=1,p=1$")


@pytest.mark.parametrize("password", ["123456789012", "aaaaaaaaaaaa", "Matkhau123456", "An Nguyen 12 34 56"])
def test_password_that_everybody_tries(password: str) -> None:
    """The commonest, those of few signs, and those with the account's name in them are refused."""
    with pytest.raises(Wrong):
        require_good(password, "annguyen")
