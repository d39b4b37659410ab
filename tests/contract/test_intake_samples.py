"""The samples of our promise: good ones keep every rule, bad ones break exactly the rule in their name."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.resources import files
from types import SimpleNamespace

import pytest
from http_message_signatures import HTTPSignatureComponentResolver
from jsonschema import Draft202012Validator

from adapters.doors.reading import Malformed, read_event
from contracts.check import breaches, load_schema
from contracts.field_table import page
from signing.asymmetric import public_key
from signing.http import sign_request, verify_request

SAMPLES = files("contracts.intake").joinpath("samples")
NAMES = sorted(each.name for each in SAMPLES.iterdir() if each.name.endswith(".json"))
GOOD = [name for name in NAMES if not name.startswith("bad-")]
BAD = [name for name in NAMES if name.startswith("bad-")]
BODY_RULES = {
    *("malformed_json", "duplicate_member", "too_deep", "not_utf8", "unknown_field", "missing_field", "wrong_type"),
    *("out_of_range", "enum", "not_nfc"),
}


def raw(name):
    """A sample's bytes."""
    return SAMPLES.joinpath(name).read_bytes()


@pytest.mark.parametrize("name", GOOD)
def test_good_sample(name):
    """A good sample keeps the schema and is read as the kind in its name."""
    assert () == breaches(json.loads(raw(name)))
    assert name.startswith(read_event(raw(name)).kind)


@pytest.mark.parametrize("name", BAD)
def test_bad_sample(name):
    """A bad sample breaks one rule, the one in its name, in one place."""
    with pytest.raises(Malformed) as trouble:
        read_event(raw(name))

    rule = name.removeprefix("bad-").removesuffix(".json").partition("-")[0]
    assert rule == trouble.value.code
    assert [rule] == [each.rule for each in trouble.value.errors]


def test_every_rule_of_a_body_has_a_bad_sample():
    """For each code that a body can break there is a sample that breaks it (`too_large` needs no file)."""
    assert BODY_RULES == {name.removeprefix("bad-").removesuffix(".json").partition("-")[0] for name in BAD}


PARTS = {
    "dossier.recorded": (
        *("recorded", "applicant", "identity", "document", "enclosure", "fee", "result", "supplement"),
    ),
    "dossier.progressed": ("progressed", "officer"),
    "payment.requested": ("payment_requested", "payment_fee", "payer"),
    "payment.refund_requested": ("payment_refund_requested",),
    "payment.paid_at_counter": ("payment_paid_at_counter",),
    "signature.requested": ("signature_requested", "signer", "signature_document", "visible_signature"),
}


@pytest.mark.parametrize("kind", PARTS)
def test_the_full_sample_has_every_member(kind):
    """The full samples show every member of their kind once."""
    schema, shown = load_schema(), set()
    _collect(json.loads(raw(f"{kind}.full.json")), schema, schema, shown)

    expected = {(part, name) for part in PARTS[kind] for name in schema["$defs"][part]["properties"]}
    assert expected <= shown
    assert set(schema["properties"]) == {name for part, name in shown if part == ""}


def _collect(value, part, schema, shown, title=""):
    for name, inner in value.items():
        shown.add((title, name))
        member = part["properties"][name]
        if name == "data":
            told = PARTS[value["type"].removeprefix("vn.lienthong.").removesuffix(".v1")][0]
            _collect(inner, schema["$defs"][told], schema, shown, told)
            continue
        for item in inner if isinstance(inner, list) else [inner]:
            target = (member.get("items", member)).get("$ref", "").rpartition("/")[2]
            if isinstance(item, dict):
                _collect(item, schema["$defs"][target], schema, shown, target)


def test_the_schema_is_one():
    """The schema is valid JSON Schema 2020-12, closes every object, and names what each member feeds."""
    schema = load_schema()

    Draft202012Validator.check_schema(schema)

    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            assert part["additionalProperties"] is False
            assert all({"title", "description", "x-feeds"} <= member.keys() for member in part["properties"].values())


def test_the_field_table_is_the_schemas(root):
    """The page of members says what the schema says; write it anew with `python -m contracts.field_table`."""
    assert page() == (root / "docs/reference/event-fields.md").read_text(encoding="utf-8")


def test_every_field_of_the_portal_is_fed():
    """Every field of the three national messages that the contract's notes list is fed by some member."""
    fed = {field for part in _parts() for member in part.values() for field in member.get("x-feeds", ())}

    assert {f"DongBoHoSoMC.{field}" for field in RECORD} <= fed
    assert {f"CapNhatTienDoHoSoMC.{field}" for field in STEP} <= fed
    assert {f"DongBoTrangThaiHoSo.{field}" for field in STATUS} <= fed


def _parts():
    schema = load_schema()
    return [part["properties"] for part in (schema, *schema["$defs"].values()) if "properties" in part]


RECORD = [
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "SoBienNhan",
    "KenhThucHien",
    "SoGiayToChuHoSo",
    "ChuHoSo",
    "LoaiDoiTuong",
    "MaDoiTuong",
    "ThongTinKhac",
    "Email",
    "Fax",
    "SoDienThoai",
    "TrichYeuHoSo",
    "NgayTiepNhan",
    "NgayHenTra",
    "TrangThaiHoSo",
    "NgayTra",
    "ThongTinTra",
    "HinhThuc",
    "NgayKetThucXuLy",
    "DonViXuLy",
    "GhiChu",
    "TaiLieuNop[]",
    "DanhSachLePhi[]",
    "DanhSachTepDinhKemKhac[]",
    "DanhSachHoSoBoSung[]",
    "DanhSachGiayToKetQua[]",
    "NoiNopHoSo",
    "HoSoCoThanhPhanSoHoa",
    "TaiKhoanDuocXacThucVoiVNeID",
    "DuocThanhToanTrucTuyen",
    "NgayTuChoi",
    "DinhDanhCHS[]",
    "NgayNopHoSo",
    "DSKetNoiCSDL[].MaCSDL",
]
STEP = [
    "MaHoSo",
    "NguoiXuLy",
    "ChucDanh",
    "ThoiDiemXuLy",
    "PhongBanXuLy",
    "NoiDungXuLy",
    "TrangThai",
    "NgayBatDau",
    "NgayKetThucTheoQuyDinh",
]

STATUS = [
    "MaHoSo",
    "MaHoSoDonVi",
    "MaDoiTuong",
    "NoiDung",
    "NgayXuLy",
    "TrangThai",
    "TaiLieuXuLy[]",
    *(f"TaiLieuXuLy[].{name}" for name in ("TepDinhKemId", "TenTepDinhKem", "MaThanhPhanHoSo", "DuongDanTaiTepTin")),
]


def signed_request(name="signed-request.txt"):
    """The vector's parts: what its comments say, request line, headers, body."""
    text = raw(name).decode()
    comments, _, request = text.partition("\n\n")
    head, _, body = request.partition("\n\n")
    line, *headers = head.split("\n")
    told = dict(comment.removeprefix("# ").split(": ", 1) for comment in comments.split("\n") if ": " in comment)
    pairs = [tuple(header.split(": ", 1)) for header in headers]
    return told, line.split(" "), pairs, body.removesuffix("\n").encode()


def test_the_signed_request_verifies():
    """The vector's request is verified with its secret at its time, and its body is a good event."""
    told, (method, path, _), headers, body = signed_request()

    proof = verify_request(
        *(method, path, "", headers, body),
        keys={"one-stop-h99": told["secret (UTF-8)"].encode()},
        now=datetime.fromisoformat(told["time"]),
    )

    assert dict(headers)["Idempotency-Key"] == read_event(body).id
    assert ("one-stop-h99", "n-0001") == (proof.key_id, proof.nonce)


@pytest.mark.parametrize("kind", ["ed25519", "p256", "rsa"])
def test_the_same_request_under_key_pairs(kind):
    """The vectors under key pairs are the same request; each holds under its printed public key, by its algorithm."""
    told, (method, path, _), headers, body = signed_request(f"signed-request-{kind}.txt")
    text = told["public key (PEM, without its first and last line)"]
    key = public_key(f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode())

    proof = verify_request(
        *(method, path, "", headers, body), keys={"one-stop-h99": key}, now=datetime.fromisoformat(told["time"])
    )

    assert told["algorithm"] == proof.algorithm
    assert signed_request()[3] == body
    assert proof.base.decode().count("\n") == 6


def test_the_signed_request_is_made_again():
    """Signing the vector's request with its secret and times gives its headers byte for byte."""
    told, (method, path, _), pairs, body = signed_request()
    headers = {name.lower(): value for name, value in pairs}
    created = datetime.fromisoformat(told["time"])

    again = sign_request(
        *(method, path, "", "application/json", body),
        key_id="one-stop-h99",
        secret=told["secret (UTF-8)"].encode(),
        created=created,
        expires=created.replace(minute=created.minute + 5),
        nonce="n-0001",
        idempotency_key=headers["idempotency-key"],
    )

    assert again.items() <= headers.items()


def test_the_signed_requests_base_is_the_oracles():
    """An independent implementation resolves the vector's covered components to the lines that we signed."""
    told, (method, path, _), pairs, body = signed_request()
    url = f"https://bus.h99.example.invalid{path}"
    oracle = HTTPSignatureComponentResolver(SimpleNamespace(method=method, url=url, headers=dict(pairs)))
    proof = verify_request(
        *(method, path, "", pairs, body),
        keys={"one-stop-h99": told["secret (UTF-8)"].encode()},
        now=datetime.fromisoformat(told["time"]),
    )

    lines = proof.base.decode().split("\n")[:-1]

    assert [f'"{name}": {_resolved(oracle, name)}' for name in proof.covered] == lines


def _resolved(oracle, name):
    derived = {"@method": oracle.get_method, "@path": oracle.get_path, "@query": oracle.get_query}
    return derived[name]() if name in derived else oracle.headers[name]
