"""Who asked and who would agree are one person under any spelling of one name, and two under two names."""

from __future__ import annotations

import pytest

from bus.same_person import is_same_person

SHOWN = "Trần Văn Mẫu"


@pytest.mark.parametrize(
    "asked_by",
    [
        "person:mau",
        "person:MAU",
        "one-stop/h99: Trần  văn MẪU",
        "one-stop/h99: Tran Van Mau",
        "one-stop/h99: Trần Văn Mẫu: phòng TC",
        "one-stop/h99: phòng TC: Trần Văn Mẫu",
        "one-stop/h99: Trần Văn Mẫu - kế toán",
        "one-stop/h99: mau (kế toán)",
        "one-stop/h99: kế toán (mau)",
        "one-stop/h99: mau@vidu.example.invalid",
        "one-stop/h99: m\u200ba\u2060u",
        "one-stop/h99: \uff2d\uff21\uff35",
        "one-stop/h99: mau\uff08kế toán\uff09",
    ],
)
def test_one_person_under_many_spellings(asked_by: str) -> None:
    """Capitals, marks, widths, unseen signs, and an office or an address beside the name make no second person."""
    assert is_same_person(asked_by, "mau", SHOWN)
    assert is_same_person(asked_by, "Mau", f"{SHOWN} (kế toán)")


@pytest.mark.parametrize(
    ("asked_by", "account", "shown"),
    [
        ("person:an", "mau", SHOWN),
        ("one-stop/h99: Trần Văn Mẫu", "an", "Lê Thị An"),
        ("one-stop/h99: Lê Thị An (kế toán)", "mau", f"{SHOWN} (kế toán)"),
        ("one-stop/h99: Phòng TC: Lê Thị An", "mau", f"Phòng TC: {SHOWN}"),
        ("one-stop/h99: An", "h99", ""),
        ("person:mau", "", ""),
        ("one-stop/h99: (kế toán)", "an", ""),
    ],
)
def test_two_people(asked_by: str, account: str, shown: str) -> None:
    """One office, one source and nothing at all are no person's name."""
    assert not is_same_person(asked_by, account, shown)
