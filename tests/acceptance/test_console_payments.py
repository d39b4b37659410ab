"""What operators see of payments and do about them: exact sums, masked payers, four eyes, one press, one effect."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bus.payments import TaskKind
from tests.console_door import CHEAP, PASSWORD, Bench, bench
from tests.payment_scene import UNIT, Scene, scene

PEOPLE = {
    "hai": ("Phạm Thị Hai", ("supervisor",), None),
    "bang": ("Ngô Văn Bảng", ("configurer", "operator"), None),
    "so": ("Bùi Thị Sở", ("supervisor",), (UNIT,)),
    "khac": ("Đỗ Văn Khác", ("supervisor",), ("000.00.10.H99",)),
}


class Desk:
    """A console over a scene, and who sits at it."""

    def __init__(self, made: Scene, at: Bench) -> None:
        self.made = made
        self.at = at

    def id(self, name: str) -> int:
        return self.made.payments[name]

    def text(self, path: str, status: int = 200) -> str:
        answer = self.at.get(path)
        assert status == answer.status_code, answer.text[-1_500:]
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))

    def press(self, page: str, action: str, /, **fields: str) -> Any:
        """Fill in the form of a page that goes to this address, and press its button."""
        shown = self.at.get(page).text
        form = re.search(rf'<form[^>]*action="/console{re.escape(action)}".*?</form>', shown, re.DOTALL)
        assert form, f"{page} has no form for {action}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        told = {name: html.unescape(value) for name, value in hidden.items()} | {"reason": "đã đối chiếu"} | fields
        return self.at.post(action, told)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.made.world.rows(sql, *values)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One scene for all: what a test changes in it is its own payment."""
    folder = tmp_path_factory.mktemp("till")
    made = scene(folder)
    with bench(folder, world=made.world) as at:  # type: ignore[arg-type]
        kept = CHEAP.kept(PASSWORD)
        for name, (shown, roles, units) in PEOPLE.items():
            at.console.people.add(
                name, shown=shown, password=kept, roles=roles, units=units, actor="person:chi", reason="tests"
            )
        yield Desk(made, at)


@pytest.fixture
def desk(whole: Desk) -> Desk:
    """An operator sits there."""
    whole.at.sign_in("an")
    return whole


# -- seen -------------------------------------------------------------------------------------------------------------


def test_list_shows_what_needs_a_person_first_and_exact_sums(desk):
    """The list begins with what waits for a decision; its sums are those of the ledger, to the đồng."""
    text = desk.text("/payments")
    total = desk.rows("SELECT count(*), sum(amount), sum(refunded) FROM payments")[0]

    assert text.index("P-008-wrong_amount") < text.index("Mọi khoản thu") < text.index("P-002-paid")
    assert f"Cộng {total[0]} {total[1]:,} {total[2]:,}".replace(",", ".") in text
    assert "12.500.000" in text
    assert f"{desk.at.console.payment_close.count_tasks(None).n} việc cần quyết định" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=failed", {"P-003-failed"}),
        ("state=refunded", {"P-013-refunded"}),
        ("review=1&gateway=till", {"P-008-wrong_amount", "P-009-double", "P-011-contradicted", "P-015-offline"}),
        ("q=P-002-paid", {"P-002-paid"}),
        ("q=H99.09-260703-5002", {"P-002-paid"}),
        ("q=GD-SECOND", set()),
        ("unit=H98", set()),
        ("since=2026-07-04&until=2026-07-05", set()),
    ],
)
def test_filters_stand_in_the_address(desk, query, found):
    """A filtered list can be sent to a colleague: state, review, gateway, unit, days, and every name of a payment."""
    text = desk.text(f"/payments?{query}")

    assert found == set(re.findall(r"P-\d{3}-[a-z_]+", text.partition("Trang lập lúc")[2]))


@pytest.mark.parametrize("query", ["state=nothing", "since=yesterday", f"q={'x' * 300}", "before=1.x"])
def test_unreadable_filter_is_said(desk, query):
    """What cannot be read is left out and told above the list, never taken for something else."""
    assert 'class="note warn"' in desk.at.get(f"/payments?{query}").text


def test_payment_page_tells_its_life_and_masks_the_payer(desk):
    """Attempts with references, all that was told, receipts, deliveries and the code to pay by; the payer masked."""
    shown = desk.at.get(f"/payments/{desk.id('double')}").text
    reference = desk.made.world.reference(desk.id("double"))

    assert reference in shown
    assert "tiền đến lần thứ hai" in shown
    assert "<svg" in shown
    assert "Nguyễn Thị Ví Dụ" not in shown
    assert "0000000000000" in shown
    assert [("payment_seen",)] == desk.rows(
        "SELECT DISTINCT act FROM audit WHERE subject = ?", f"payment {desk.id('double')}"
    )


def test_bytes_of_a_hearing_are_masked_until_a_reason_opens_them(desk):
    """The gateway's bytes are shown masked; opened with a reason they are whole, and both are recorded."""
    number = desk.at.console.payment_close.payment(desk.id("paid")).hearings[-1].id
    path = f"/payments/{desk.id('paid')}/hearings/{number}"
    masked = desk.text(path)
    opened = desk.press(path, path)
    file = desk.press(path, path, **{"as": "file"})

    assert "CONFIRM" in masked or "LoaiBanTin" in masked
    assert "Nguyễn Thị Ví Dụ" not in masked
    assert "Nguyễn Thị Ví Dụ" in html.unescape(opened.text)
    assert b'{"LoaiBanTin":"CONFIRM"' in file.content
    assert 2 == desk.rows("SELECT count(*) FROM audit WHERE act = 'revealed' AND subject LIKE '%hearing%'")[0][0]
    assert 404 == desk.at.get(f"/payments/{desk.id('double')}/hearings/{number}").status_code


def test_receipt_is_taken_for_a_reason(desk):
    """A receipt names the payer: it is given as a file for a reason, never run by the browser, and recorded."""
    payment, receipt = desk.rows("SELECT payment, id FROM payment_receipts")[0]
    path = f"/payments/{payment}/receipts/{receipt}"
    answer = desk.press(f"/payments/{payment}", path)
    unsaid = desk.press(f"/payments/{payment}", path, reason=" ")
    elsewhere = {"csrf": desk.at.csrf(), "reason": "xem"}

    assert b"%PDF-1.7 bien lai" == answer.content
    assert "attachment" in answer.headers["content-disposition"]
    assert ".pdf" in answer.headers["content-disposition"]
    assert 422 == unsaid.status_code
    assert 404 == desk.at.post(f"/payments/{desk.id('open')}/receipts/{receipt}", elsewhere).status_code
    assert [("đã đối chiếu",)] == desk.rows("SELECT reason FROM audit WHERE subject LIKE '%receipt%'")


def test_names_in_reasons_are_masked(desk):
    """A reason that repeats the payer's name is shown without it, and a list shows nobody's words."""
    payment = desk.id("rejected")
    desk.made.world.ask_refund(payment, 1_000, account="khac")
    sql = "UPDATE refunds SET reason = 'Nguyễn Thị Ví Dụ rút hồ sơ', requested_by = 's: Trần Văn Mẫu' WHERE payment = ?"
    desk.made.world.ledger.engine.write(lambda tx: tx.connection.execute(sql, (payment,)))
    desk.at.sign_in("hai")

    for path in (f"/payments/{payment}", f"/payments/{payment}/repair"):
        assert "rút hồ sơ" in desk.text(path)
        assert "Ví Dụ" not in desk.text(path), path
        assert "Văn Mẫu" not in desk.text(path), path
    assert "rút hồ sơ" not in desk.text("/payments/refunds")
    assert "Văn Mẫu" not in desk.text("/payments/refunds")


def test_units_limit_every_page(desk):
    """Who sees another unit finds no payment, no task, no refund; addresses are answered as if nothing were there."""
    desk.at.sign_in("khac")

    assert "P-0" not in desk.text("/payments")
    assert "P-0" not in desk.text("/payments/refunds?state=all")
    assert "P-0" not in desk.text("/payments/tasks")
    for path in (
        f"/payments/{desk.id('paid')}",
        f"/payments/{desk.id('paid')}/repair",
        "/payments/tasks/1",
        "/payments/x",
    ):
        assert 404 == desk.at.get(path).status_code, path
    desk.at.sign_in("so")
    assert "P-002-paid" in desk.text("/payments")


def test_list_is_taken_away_as_a_file(desk):
    """The filtered list as CSV holds whole numbers and nothing of a payer."""
    answer = desk.at.get("/exports/payments.csv?state=refunded")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))

    assert ["P-013-refunded"] == [row["Mã khoản thu"] for row in rows]
    assert ("150000", "150000") == (rows[0]["Số tiền"], rows[0]["Đã hoàn"])
    assert "Nguyễn" not in answer.text
    assert 422 == desk.at.get("/exports/payments.csv?state=nothing").status_code


# -- done -------------------------------------------------------------------------------------------------------------


def test_refund_takes_two_persons(desk):
    """Who asks is offered no approval and is refused when he forges one; another person's yes sends it, once."""
    payment = desk.id("paid")
    page = f"/payments/{payment}/repair"
    desk.at.sign_in("hai")
    asked = desk.press(page, f"/payments/{payment}/refund", amount="2.500.000")
    number = desk.rows("SELECT id FROM refunds WHERE payment = ?", payment)[0][0]
    own_page = desk.text(page)
    forged = desk.at.post(
        f"/payments/{payment}/refunds/{number}/approve", {"csrf": desk.at.csrf(), "reason": "ok", "press": "x"}
    )
    desk.at.sign_in("so")
    approved = desk.press(page, f"/payments/{payment}/refunds/{number}/approve")
    again = desk.press(f"/payments/{payment}/repair", f"/payments/{payment}/refund", amount="99999999999")

    assert 303 == asked.status_code == approved.status_code
    assert "nên không thể tự đồng ý" in own_page
    assert 409 == forged.status_code
    assert [("approved", 2_500_000, "person:so")] == desk.rows(
        "SELECT state, amount, approved_by FROM refunds WHERE id = ?", number
    )
    assert 409 == again.status_code
    assert "nhiều hơn số đã thu" in html.unescape(again.text)


@pytest.mark.parametrize("amount", ["", "0", "-5", "1,5", "1.5", "12a", "1e3", "9" * 20])
def test_amount_is_a_whole_number(desk, amount):
    """An amount that is no whole number of đồng is refused before anything is written, with what was typed kept."""
    payment = desk.id("late")
    answer = desk.press(f"/payments/{payment}/repair", f"/payments/{payment}/refund", amount=amount)

    assert 422 == answer.status_code
    assert "số đồng nguyên" in html.unescape(answer.text)
    assert [] == desk.rows("SELECT 1 FROM refunds WHERE payment = ?", payment)


def test_money_that_came_twice_goes_back(desk):
    """From the task of a double payment accounting's refund is asked for, agreed to, and recorded with its document."""
    payment = desk.id("double")
    page = f"/payments/{payment}/repair"
    desk.press(page, f"/payments/{payment}/refund", amount="150000")
    number = desk.rows("SELECT id FROM refunds WHERE payment = ?", payment)[0][0]
    desk.at.sign_in("hai")
    desk.press(page, f"/payments/{payment}/refunds/{number}/approve")
    without = desk.press(page, f"/payments/{payment}/refunds/{number}/offline", document=" ")
    done = desk.press(page, f"/payments/{payment}/refunds/{number}/offline", document="UNC-12/2026")

    assert (422, 303) == (without.status_code, done.status_code)
    assert [("offline", 150_000, "UNC-12/2026")] == desk.rows(
        "SELECT state, amount, document FROM refunds WHERE id = ?", number
    )
    assert ("paid", 0) == desk.made.world.payment(payment)


def test_unclear_refund_is_settled_by_what_was_found(desk):
    """A refund in doubt is never sent again: another person than the asker says what was found, or nothing happens."""
    payment = desk.id("unclear")
    number = desk.rows("SELECT id FROM refunds WHERE payment = ?", payment)[0][0]
    action = f"/payments/{payment}/refunds/{number}/resolve"
    nothing = desk.press(f"/payments/{payment}/repair", action)
    elsewhere = desk.at.post(
        f"/payments/{desk.id('paid')}/refunds/{number}/resolve", {"csrf": desk.at.csrf(), "reason": "x"}
    )
    own = desk.press(f"/payments/{payment}/repair", action, how="rejected")
    desk.at.sign_in("hai")
    done = desk.press(f"/payments/{payment}/repair", action, how="refunded")

    assert (422, 404) == (nothing.status_code, elsewhere.status_code)
    assert (409, 303) == (own.status_code, done.status_code)
    assert "Người yêu cầu không được tự đồng ý, cũng không tự kết luận kết quả." in own.text
    assert ("refunded", 150_000) == desk.made.world.payment(payment)


def test_requested_refund_is_rejected_or_taken_back(desk):
    """Another person may say no; what the refund took is free again."""
    payment = desk.id("refund_requested")
    number = desk.rows("SELECT id FROM refunds WHERE payment = ?", payment)[0][0]
    desk.at.sign_in("hai")
    answer = desk.press(f"/payments/{payment}/repair", f"/payments/{payment}/refunds/{number}/reject")

    assert 303 == answer.status_code
    assert "rejected" == desk.rows("SELECT state FROM refunds WHERE id = ?", number)[0][0]
    assert 150_000 == desk.at.console.refunds.left(payment)


def test_gateway_is_asked_at_once(desk):
    """Asking sets every attempt that may still bring money to be asked about now; a second press is the first one."""
    payment = desk.id("open")
    page = f"/payments/{payment}/repair"
    shown = desk.at.get(page).text
    key = re.search(rf'action="/console/payments/{payment}/ask".*?name="press" value="([^"]+)"', shown, re.DOTALL)[1]
    form = {"csrf": desk.at.csrf(), "press": key, "reason": "người nộp gọi"}
    first, second = (desk.at.post(f"/payments/{payment}/ask", form) for _ in range(2))
    now = desk.rows("SELECT ask_at FROM payment_attempts WHERE payment = ?", payment)[0][0]

    assert 303 == first.status_code == second.status_code
    assert now <= int(desk.made.world.clock.now().timestamp() * 1_000)
    assert 1 == desk.rows("SELECT count(*) FROM audit WHERE subject = ?", f"payment {payment} ask")[0][0]


def test_fresh_attempt_is_warned_of_and_has_its_own_reference(desk):
    """A fresh attempt stands under its own reference, with a warning where money may still come by the old one; beside
    one that is open at its gateway none is offered."""
    expired, still_open = desk.id("expired"), desk.id("open")
    warned = desk.text(f"/payments/{expired}/repair")
    done = desk.press(f"/payments/{expired}/repair", f"/payments/{expired}/attempt")
    references = desk.rows("SELECT reference FROM payment_attempts WHERE payment = ? ORDER BY n", expired)
    beside = desk.at.get(f"/payments/{still_open}/repair").text

    assert "báo người nộp đừng trả hai lần" in warned
    assert 303 == done.status_code
    assert 2 == len({row[0] for row in references})
    assert f"/payments/{still_open}/attempt" not in beside
    assert "lần trước còn mở ở cổng" in html.unescape(beside)


def test_person_says_what_the_gateway_did_not(desk):
    """Only who may approve says that money came, with evidence; then it is paid, and everybody is told."""
    payment = desk.id("wrong_amount")
    page, action = f"/payments/{payment}/repair", f"/payments/{payment}/judge"
    assert action not in desk.at.get(page).text
    desk.at.sign_in("hai")
    attempt = str(desk.rows("SELECT id FROM payment_attempts WHERE payment = ?", payment)[0][0])
    nothing = desk.press(page, action, attempt_id=attempt)
    strange = desk.press(page, action, attempt_id=attempt, verdict="paid", transaction="<b>")
    nobody = desk.press(page, action, attempt_id="x", verdict="paid")
    gone = desk.press(page, action, attempt_id="999", verdict="paid")
    done = desk.press(page, action, attempt_id=attempt, verdict="paid", transaction="GD-SK-1")

    assert [422, 422, 422, 409, 303] == [one.status_code for one in (nothing, strange, nobody, gone, done)]
    assert "paid" == desk.made.world.payment(payment)[0]
    assert [("person", "recorded")] == desk.rows(
        "SELECT via, effect FROM payment_hearings WHERE transaction_id = 'GD-SK-1'"
    )


def test_task_ends_with_a_reason(desk):
    """A task is closed once, by a name and a reason; it stands among the decided ones from then on."""
    task = desk.rows("SELECT id FROM payment_tasks WHERE kind = ?", TaskKind.WRONG_AMOUNT)[0][0]
    page, action = f"/payments/tasks/{task}", f"/payments/tasks/{task}/close"
    empty = desk.press(page, action, reason=" ")
    form = desk.at.get(page).text
    done = desk.press(page, action)
    key = re.search(r'name="press" value="([^"]+)"', form)[1]
    late = desk.at.post(action, {"csrf": desk.at.csrf(), "reason": "lần nữa", "press": key})

    assert (422, 303, 409) == (empty.status_code, done.status_code, late.status_code)
    assert "Sai số tiền" in desk.text("/payments/tasks?state=closed")
    assert "đã đối chiếu" in desk.text(page)
    assert 404 == desk.at.get("/payments/tasks/999").status_code


def test_first_page_is_not_green_while_money_waits(desk):
    """The first page has a card for money that needs a decision; with open tasks it is never green."""
    shown = desk.at.get("/").text

    assert re.search(r'class="card need m-bad" id="need-money"', shown)
    assert 'href="/console/payments/tasks"' in shown


# -- accounts ---------------------------------------------------------------------------------------------------------


def test_account_takes_two_persons(desk):
    """One proposes, another approves: the old row ends where the new one begins, and nothing holds before."""
    proposed = desk.rows("SELECT id FROM beneficiaries WHERE approved_at IS NULL AND rejected_at IS NULL")[0][0]
    desk.at.sign_in("hai")
    done = desk.press("/beneficiaries", f"/beneficiaries/{proposed}/approve")
    twice = desk.at.post(f"/beneficiaries/{proposed}/approve", {"csrf": desk.at.csrf(), "reason": "x", "press": "y"})
    ends = desk.rows("SELECT valid_until FROM beneficiaries WHERE id = 1")[0][0]

    assert (303, 409) == (done.status_code, twice.status_code)
    assert ends == desk.rows("SELECT valid_from FROM beneficiaries WHERE id = ?", proposed)[0][0]


def test_account_is_proposed_in_a_form(desk):
    """What cannot be read is said beside what was typed; a proposal waits, and its own author may not approve it."""
    desk.at.sign_in("bang")
    told = {
        "unit": "000.00.10.H99",
        "account": "0000000000009",
        "bank": "999999",
        "name": "SO MAU",
        "valid_from": "2026-08-01",
    }
    wrong = desk.press("/beneficiaries", "/beneficiaries", **(told | {"valid_from": "31/8"}))
    backwards = desk.press("/beneficiaries", "/beneficiaries", **told, valid_until="2026-07-01")
    strange = desk.press("/beneficiaries", "/beneficiaries", **told, replaces="x")
    gone = desk.press("/beneficiaries", "/beneficiaries", **told, replaces="999")
    done = desk.press("/beneficiaries", "/beneficiaries", **told, valid_until="2027-07-01")
    page = desk.text("/beneficiaries")

    assert [422, 409, 422, 409, 303] == [one.status_code for one in (wrong, backwards, strange, gone, done)]
    assert "SO MAU" in html.unescape(wrong.text)
    assert "0000000000009" in page
    desk.at.sign_in("an")
    assert 403 == desk.at.post("/beneficiaries", {"csrf": desk.at.csrf()} | told).status_code
    desk.at.sign_in("so")
    number = desk.rows("SELECT max(id) FROM beneficiaries")[0][0]
    limited = desk.at.post(f"/beneficiaries/{number}/reject", {"csrf": desk.at.csrf(), "reason": "x"})
    assert 403 == limited.status_code
    desk.at.sign_in("hai")
    assert 303 == desk.press("/beneficiaries", f"/beneficiaries/{number}/reject").status_code
