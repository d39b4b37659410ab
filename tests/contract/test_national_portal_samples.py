"""The national portal's samples, both ways: every operation and situation has one, and fields and answers hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from contracts.mock_notes import rules_of
from contracts.national_portal import fields, filed_fields
from contracts.national_portal.checks import Inspection
from contracts.national_portal.filing import FileOrder, letters
from contracts.national_portal.gate import ENDPOINTS
from contracts.national_portal.mock import Portal
from contracts.national_portal.places import FACADE_WRITES, WRITES
from tests.contract.national_portal_calls import SAMPLES, Caller, answered, sample

SITUATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "the way there": {
        "no": "outer-unauthorized unknown-destination refused-method refused-body refused-envelope refused-unit "
        "refused-service refused-endpoint",
        "no session": "expired-session expired-session-other-code",
        "later": "rate-limited",
        "unclear": "half-body html-200 http-500 wrong-content-type lost-request soap-fault",
    },
    "login": {"yes": "login-accepted", "no": "login-refused"},
    "DongBoHoSoMC": {
        "yes": "create-accepted create-accepted-double-zero create-accepted-other-encoding create-full "
        "create-not-accepted update-accepted noted-only",
        "repeat": "already-exists already-exists-code-0 already-exists-code-3",
        "no": "refused-boolean refused-empty-field refused-procedure refused-procedure-form refused-status-11 "
        "refused-too-long refused-no-array refused-type refused-time refused-member-absent refused-deleted "
        "refused-null-array refused-too-many",
        "unknown dossier": "update-unknown",
        "filed on the portal": "born-create-exists born-update-refused",
        "several": "batch-one-bad-rejected batch-one-bad-skipped batch-results-named",
        "unclear": "lost-reply skipped-says-yes",
    },
    "CapNhatTienDoHoSoMC": {
        "yes": "progress-accepted",
        "no": "progress-empty-content progress-too-many",
        "unknown dossier": "progress-unknown-dossier",
        "filed on the portal": "born-step-refused",
        "unclear": "progress-lost-reply",
    },
    "DongBoTrangThaiHoSo": {
        "yes": "status-accepted status-with-papers status-supplement status-own-code status-without-words",
        "repeat": "status-accepted-again",
        "no": "status-refused-code status-refused-member-absent status-refused-empty-time "
        "status-refused-empty-own-number status-refused-array status-refused-type",
        "unknown dossier": "status-unknown-number",
        "unclear": "status-lost-reply",
    },
    "TraCuuHoSo": {
        "yes": "lookup-found lookup-found-with-status lookup-found-with-entries",
        "none": "lookup-empty",
        "no": "lookup-parameter-spelling",
        "filed on the portal": "lookup-born lookup-born-with-entries",
    },
    "LayDanhSachTTHC": {"yes": "catalogue-procedures"},
    "LayThuTuc": {
        "yes": "catalogue-procedure",
        "none": "catalogue-procedure-unknown",
        "no": "catalogue-procedure-unnamed",
    },
    "LayDVC": {"yes": "catalogue-services"},
    "LayDanhMucCoQuan": {"yes": "catalogue-agencies"},
    "LayDanhMucLinhVuc": {"yes": "catalogue-sectors"},
    "TraCuuTechID": {"yes": "tech-id-found", "none": "tech-id-nobody", "no": "tech-id-parameter-missing"},
    "LayQDCB": {"no": "catalogue-other-service"},
    "facade/ThemHoSo": {
        "yes": "facade-add-accepted",
        "repeat": "facade-already-exists",
        "no": "facade-refused-envelope",
    },
    "facade/DongBoHoSoMC": {"yes": "facade-sync-accepted"},
    "facade/CapNhatHoSo": {"yes": "facade-update-accepted"},
    "facade/CapNhatTienDoHoSoMC": {"yes": "facade-plain"},
    "facade/DongBoTrangThaiHoSoKM": {
        "yes": "facade-status-accepted",
        "no": "facade-status-refused-array",
        "unknown dossier": "facade-status-unknown-number",
    },
    "facade/TraCuuHoSo": {"yes": "facade-lookup-found", "no": "facade-lookup-absent"},
    "facade/LayDanhSachTTHC": {"yes": "facade-catalogue-procedures"},
    "facade/LayThuTuc": {"yes": "facade-catalogue-procedure"},
}
"""What we say to the portal: operation → situation → its samples."""
FROM_PORTAL: Final[Mapping[str, Mapping[str, str]]] = {
    "addtthcKhuyenMai": {
        "0": "notice-taken notice-taken-older-context notice-taken-bare-address notice-taken-without-files",
        "0 again": "notice-repeated",
        "1": "notice-contradicted",
        "-1": "notice-refused-tax-code notice-refused-number notice-refused-procedure notice-refused-name "
        "notice-refused-time notice-refused-file notice-refused-file-kind notice-refused-body notice-refused-key",
    },
    "nhanhsdvcqg": {
        "0": "change-taken change-taken-flag-as-text",
        "0 again": "change-repeated",
        "1": "change-not-updating",
        "-1": "change-unknown change-refused-number change-refused-address change-refused-flag",
        "-1, a receipt": "receipt-turned-away receipt-turned-away-unknown",
    },
}
"""What the portal says to us: service → our answer → its samples."""
OF_X_ROAD: Final = re.compile(r"r2\d\d")
"""Rules of section 15 have samples of their own, under `xroad/`."""
NEEDS: Final = {name: {"yes", "repeat", "no", "unknown dossier", "unclear"} for name in WRITES} | {
    "CapNhatTienDoHoSoMC": {"yes", "no", "unknown dossier", "unclear"},
    "TraCuuHoSo": {"yes", "none", "no"},
    "LayThuTuc": {"yes", "none", "no"},
    "TraCuuTechID": {"yes", "none", "no"},
    "LayQDCB": {"no"},
}
"""Situations that an operation must show; of any other a yes is enough."""
SCHEMA: Final = json.loads((SAMPLES.parent / "replies.schema.json").read_text(encoding="utf-8"))


def names_of(table: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [name for situations in table.values() for names in situations.values() for name in names.split()]


def there(folder: str = ".") -> list[str]:
    return sorted(path.stem for path in (SAMPLES / folder).glob("*.json"))


OURS: Final = [(op, case, name) for op, cases in SITUATIONS.items() for case in cases for name in cases[case].split()]


@pytest.mark.parametrize(("table", "folder"), [(SITUATIONS, "."), (FROM_PORTAL, "from_portal")])
def test_every_situation_has_its_samples(table, folder):
    """The tables name each sample once, and none that is not there."""
    assert there(folder) == sorted(names_of(table))


def test_every_operation_has_its_situations():
    """Each service that the portal's door knows, and each address of the façade, shows what it can answer."""
    operations = {"login", *ENDPOINTS, *(f"facade/{name}" for name in FACADE_WRITES)}
    missing = {name: NEEDS.get(name, {"yes"}) - SITUATIONS.get(name, {}).keys() for name in operations}

    assert {} == {name: lacks for name, lacks in missing.items() if lacks}


def test_samples_stand_under_their_operation():
    """A sample is a call of the operation under which the table has it."""
    for operation, _, name in OURS:
        request = sample(name)["request"]
        service = request["body"].get("service") if isinstance(request["body"], dict) else None
        called = "facade/" * ("/facade/" in request["path"]) + (service or request["path"].rpartition("/")[2])
        if operation not in ("the way there", "facade/ThemHoSo"):
            assert operation == called, name
    for service, cases in FROM_PORTAL.items():
        for name in names_of({service: cases}):
            assert sample(f"from_portal/{name}")["request"]["path"].endswith(f"/{service}"), name


def test_every_refusal_of_the_notes_has_a_sample():
    """For each rule that the notes say the portal refuses on, some sample breaks it and names it."""
    refused = {rule for rule, says in rules_of(Portal.notes).items() if "**refused**" in says.lower()}
    shown = set()
    for name in there():
        caller, wanted = Caller(), sample(name)
        answered(caller, wanted)
        last = caller.portal.log.page()[-1]
        shown |= {broken.rule for broken in last.broken if broken.refused} & set(wanted["rules"])

    assert set() == {rule for rule in refused if not OF_X_ROAD.fullmatch(rule)} - shown


def test_every_field_is_shown():
    """Together the samples show each member of each field table with a value in it."""
    shown = {name for each in there() for name in _filled(sample(each)["request"]["body"])}
    inbound = {name for each in there("from_portal") for name in _filled(sample(f"from_portal/{each}")["request"])}
    tables = (fields.RECORD, fields.STEP, fields.DOCUMENT, fields.FEE, fields.ENCLOSURE, fields.SUPPLEMENT)
    more = (fields.RESULT, fields.IDENTITY, fields.DATABASE, fields.PAPER, fields.TOLD["own"])
    theirs = (filed_fields.NOTICE, filed_fields.PLACE, filed_fields.ATTACHED, filed_fields.CHANGE)

    assert set() == {name for table in (*tables, *more) for name in table} - shown
    empty_in_life = {"Fax", "CoCauGiaiThuong", "TenCacThuongNhanCungThucHien", "NoiDungCamKetKhac"}
    receipt = (filed_fields.RECEIPT, filed_fields.PAYMENT)
    assert empty_in_life >= {name for table in (*theirs, *receipt) for name in table} - inbound


def _filled(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _filled(item)
    if isinstance(value, dict):
        for name, item in value.items():
            if item not in ("", None, [], {}):
                yield name
            yield from _filled(item)


# What is answered.


def _keeps(body: Any, shape: str) -> list[str]:
    schema = {"$ref": f"#/$defs/{shape}", "$defs": SCHEMA["$defs"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(body)]


def test_schema_of_replies_is_one():
    """The schema of replies is valid JSON Schema, and cites rules that stand."""
    Draft202012Validator.check_schema(SCHEMA)
    cited = set(re.findall(r"\br\d+\b", json.dumps(SCHEMA)))

    assert set() == cited - rules_of(Portal.notes).keys()


@pytest.mark.parametrize(("operation", "case", "name"), OURS, ids=[name for _, _, name in OURS])
def test_answer_keeps_its_schema(operation, case, name):
    """A yes keeps the schema of its operation, a no that of refusals; what is unclear never looks like a plain yes."""
    reply = sample(name)["reply"]
    body = reply.get("body")
    if case == "unclear" and name != "skipped-says-yes":
        is_yes = reply["status"] == 200 and reply["ending"] == "whole" and reply["content_type"].startswith("app")
        assert body is None or not is_yes
        return
    if reply["status"] != 200:
        assert {"message"} == body.keys()
        return
    if operation.startswith("facade/") and isinstance(body["message"], str) and body["message"].startswith("{"):
        assert [] == _keeps(body, "envelope")
        body = json.loads(body["message"])
    is_yes = str(body["error_code"]) in ("0", "00") and "đã tồn tại" not in body["message"]
    service = operation.removeprefix("facade/")
    shape = service if service in SCHEMA["$defs"] else "write"
    assert [] == _keeps(body, shape if is_yes else "refused")
    assert is_yes == (case in ("yes", "none", "unclear") or name in MEANT_YES)


MEANT_YES: Final = {
    *("status-accepted-again", "lookup-born", "lookup-born-with-entries"),
    *("batch-one-bad-skipped", "batch-results-named"),
}
"""A yes, though its situation may as well be a no."""


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("write", {"error_code": 0, "message": "Hồ sơ đã tồn tại"}),
        ("write", {"error_code": -1, "message": "thành công"}),
        ("login", {"error_code": 0, "message": ""}),
        ("refused", {"error_code": -1, "message": ""}),
        ("refused", {"error_code": True, "message": "x"}),
        ("TraCuuHoSo", {"error_code": 0, "message": "", "result": [{"MaHoSo": "1"}]}),
        ("LayDVC", {"error_code": 0, "message": "", "result": []}),
        ("ours", {"error_code": 0, "message": "Đã tiếp nhận"}),
        ("ours", {"error_code": "0", "message": "1| x"}),
    ],
)
def test_schema_of_replies_says_no(shape, body):
    """An answer that is not of its shape breaks the schema."""
    assert [] != _keeps(body, shape)


# What the portal sends.


def looked_at(service: str, body: Any) -> list[tuple[str, str]]:
    seen = Inspection(in_bytes=False, procedures=None)
    filed_fields.look_at_sent(seen, service, body)
    return [(broken.rule, broken.field) for broken in seen.found]


FIELDS_BROKEN: Final = {
    "notice-refused-tax-code": ("r322", "MaSoThue"),
    "notice-refused-number": ("r322", "MaHoSo"),
    "notice-refused-name": ("r322", "TenThuongNhan"),
    "notice-refused-time": ("r322", "NgayNopHoSo"),
    "notice-refused-file": ("r321", "TepDonDangKy"),
    "change-refused-number": ("r325", "data.MaHoSoQG"),
    "change-refused-address": ("r75", "data.URLTepDangKy"),
    "change-refused-flag": ("r324", "isUpdating"),
}
"""What a sample breaks by its fields alone; every other keeps the tables."""


@pytest.mark.parametrize("name", there("from_portal"))
def test_what_the_portal_sends_keeps_the_fields(name):
    """A sample of the portal's keeps the field tables, or breaks them where its name says; the door agrees."""
    wanted = sample(f"from_portal/{name}")
    body, reply = wanted["request"]["body"], wanted["reply"]["body"]
    broken = looked_at(wanted["request"]["path"].rpartition("/")[2], body) if body else []

    expected = [FIELDS_BROKEN[name]] if name in FIELDS_BROKEN else []

    assert expected == broken
    assert not broken or (reply["error_code"] == -1 and broken[0][1] in reply["message"])
    assert [] == _keeps(reply, "ours")
    assert name == wanted["situation"]
    assert wanted["rules"]
    assert set(wanted["rules"]) <= rules_of(Portal.notes).keys()


@pytest.mark.parametrize("answer", ["0", "0 again", "1", "-1", "-1, a receipt"])
def test_our_answers_are_those_of_the_table(answer):
    """The code of each answer is the one under which the table has its sample."""
    for cases in FROM_PORTAL.values():
        for name in cases.get(answer, "").split():
            assert (
                int(answer.partition(",")[0].split()[0]) == sample(f"from_portal/{name}")["reply"]["body"]["error_code"]
            )


@pytest.mark.parametrize("kind", ["promotion", "amendment", "land_tax"])
def test_mock_sends_what_the_samples_show(kind):
    """What the mock files by itself keeps the same tables, whatever the seed."""
    for seed in range(5):
        for letter in letters(FileOrder(to="http://127.0.0.1:1", kind=kind, count=3, seed=seed)):
            assert [] == looked_at(letter.service, letter.content)


@pytest.mark.parametrize(
    ("name", "changed", "broken"),
    [
        ("notice-taken", {"MaHoSo": None}, ("r50", "MaHoSo")),
        ("notice-taken", {"DiaChiDoanhNghiep": "x"}, ("r321", "DiaChiDoanhNghiep")),
        ("notice-taken", {"TepDonDangKy": 7}, ("r321", "TepDonDangKy")),
        ("notice-taken", {"TruongMoi": "x"}, ("r35", "TruongMoi")),
        ("change-taken", {"ThongTinDaNop": {}}, ("r325", "data.ThongTinDaNop")),
        ("change-taken", {"NgayNopHoSo": "2024"}, ("r51", "data.NgayNopHoSo")),
        ("receipt-turned-away", {"ThongTinThanhToan": {"TrangThaiThanhToan": "1"}}, ("r326", "TrangThaiThanhToan")),
    ],
)
def test_tables_of_what_is_sent_say_no(name, changed, broken):
    """Each kind of check finds what breaks it; so does a member that is absent."""
    request = sample(f"from_portal/{name}")["request"]
    service, body = request["path"].rpartition("/")[2], request["body"]
    inside = body.get("data", body)
    inside |= changed
    ((rule, field),) = looked_at(service, body)
    assert (broken[0], True) == (rule, field.endswith(broken[1]))

    del inside[next(iter(changed))]
    left = looked_at(service, body)
    assert (0 if "TruongMoi" in changed else 1) == len(left)
