"""payments list|show|query|refund: what was paid, asked for and told, without a payer's name; approval is not here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.cli import main
from config.new_installation import SETTINGS
from tests.looking import installed_over
from tests.payment_scene import Scene, scene
from tests.payment_town import payment_town

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Payments in every state, in an installation's own folder; what a test changes is its own payment."""
    made = scene(tmp_path_factory.mktemp("town"))
    with installed_over(made.world.ledger):
        yield made
    made.world.close()


@pytest.fixture
def typed(town: Scene, capsys: pytest.CaptureFixture[str]) -> Typed:
    settings = str(Path(town.world.ledger.engine.path).parent / SETTINGS)

    def command(*words: str, lang: str = "en") -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["payments", *words, "--config", settings, "--lang", lang])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


def answer(told: tuple[int, str, str]) -> Any:
    return json.loads(told[1])


def test_list_pages_filters_and_exit_codes(town: Scene, typed: Typed) -> None:
    """Pages join by their last id; exit code 1 says that some of it needs a decision, 2 that the words were wrong."""
    first = answer(typed("list", "--limit", "3", "--json"))
    rest = answer(typed("list", "--before", str(first["before"]), "--json"))
    review = typed("list", "--in-review", "--json")
    calm = typed("list", "--state", "expired", "--state", "failed", "--gateway", "till", "--unit", "000.00.09.H99")
    ids = [row["id"] for row in first["payments"] + rest["payments"]]

    assert sorted(town.payments.values(), reverse=True) == ids
    assert (1, 4) == (review[0], len(answer(review)["payments"]))
    assert 0 == calm[0]
    assert "P-001-expired" in calm[1]
    assert all(isinstance(row["amount"], int) for row in rest["payments"])
    assert "--before" in typed("list", "--limit", "2")[1]
    assert (2, 2) == (typed("list", "--state", "lost")[0], typed("list", "--find", "x" * 300)[0])
    assert "Không có khoản thu nào khớp." in typed("list", "--find", "nothing like it", lang="vi")[1]


def test_show_tells_everything_but_the_payer(town: Scene, typed: Typed) -> None:
    """By its own name, its reference or its transaction the same payment, whole, without a word of its payer."""
    payment = town.payments["double"]
    reference = town.world.reference(payment)
    by_name, by_reference = (answer(typed("show", name, "--json")) for name in ("P-009-double", reference))
    code, said, _err = typed("show", str(payment))

    assert by_name == by_reference
    assert (150_000, "double") == (by_name["line"]["amount"], by_name["hearings"][0]["effect"])
    assert "data" not in by_name
    assert "Ví Dụ" not in said + json.dumps(by_name, ensure_ascii=False)
    assert (0, True, True) == (code, reference in said, "double_payment" in said)
    assert 1 == typed("show", "nobody knows it")[0]


def test_query_has_the_gateway_asked(town: Scene, typed: Typed) -> None:
    """Every attempt that may still bring money is asked about at once, under a name and with a reason."""
    told = answer(typed("query", "P-006-open", "--reason", "the payer called", "--as-person", "an", "--json"))
    done = typed("query", "P-002-paid", "--reason", "once more", "--as-person", "an")

    assert {"id": town.payments["open"], "attempts": 1} == told
    assert (1, True) == (done[0], "could still be paid" in done[2])


def test_refund_is_asked_for_and_waits_for_the_console(town: Scene, typed: Typed) -> None:
    """A refund that is asked for here waits for another person at the console; there is no command that approves."""
    words = ("--reason", "withdrawn", "--as-person", "an")
    code, said, _err = typed("refund", "P-002-paid", "500000", *words)
    too_much = typed("refund", "P-002-paid", "12500000", *words)
    of_task = answer(
        typed(
            *("refund", "P-009-double", "150000", "--json", *words),
            *("--task", str(town.world.rows("SELECT id FROM payment_tasks WHERE kind = 'double_payment'")[0][0])),
        )
    )
    offline = answer(typed("refund", "P-010-late", "1000", "--offline", "--json", *words))

    assert (0, True) == (code, "Another person approves it at the console" in said)
    assert (1, True) == (too_much[0], "more than was paid" in too_much[2])
    assert ("requested", "requested") == (of_task["state"], offline["state"])
    assert 2 == typed("approve", "1")[0]
    assert 2 == typed("refund", "P-002-paid", "1.5", *words)[0]


def test_a_gateway_is_held_like_any_partner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Payments go by a table of their own, not by the routes; yet a gateway can be held, and a restore holds it too."""
    with payment_town(tmp_path) as met:
        assert {"payment_platform", "national_portal"} <= met.here.partner_names
        settings = str(tmp_path / SETTINGS)
        capsys.readouterr()
        for word, is_held in (("hold", True), ("release", False)):
            told = ("partners", word, "payment_platform", "--reason", "bảo trì", "--config", settings, "--json")
            assert 0 == main(list(told))
            assert {"partner": "payment_platform", "is_held": is_held} == json.loads(capsys.readouterr().out)
