"""Where a call goes and what its envelope says, for every variant of the settings."""

from __future__ import annotations

import msgspec
import pytest

from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import OPERATIONS, Operation
from tests.portal_kit import facade_settings, make_settings

DESTINATION = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
RECORD = {"MaHoSo": "H99.09-260703-0123"}


def sent(operation: Operation, **overrides):
    calls = Calls(make_settings(**overrides))
    match operation:
        case Operation.LOGIN:
            return calls.login()
        case Operation.LOOKUP:
            return calls.lookup("H99.09-260703-0123", "s-1")
        case _:
            return calls.write(operation, [RECORD], "s-1")


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.LOGIN, "mapi/login"),
        (Operation.CREATE, "mapi/integration"),
        (Operation.UPDATE, "mapi/integration"),
        (Operation.STEP, "mapi/integration"),
        (Operation.LOOKUP, "mapi/integration"),
    ],
)
@pytest.mark.parametrize("context", ["VXPAdapter", "XrdAdapter"])
def test_address(operation, path, context):
    """Both contexts live side by side; each service has its endpoint by table."""
    request = sent(operation, context=context, adapter_url="http://10.0.0.5:8080/")

    assert f"http://10.0.0.5:8080/{context}/RestService/forward/{path}" == request.url
    assert ("POST", OPERATIONS[operation].service) == (request.method, request.operation)


def test_destination_in_the_header():
    """`dstcode` travels as a header of that name."""
    request = sent(Operation.STEP)

    assert DESTINATION == request.headers["dstcode"]
    assert "?" not in request.url


def test_destination_in_the_query():
    """Or in the query, percent-encoded, and then not in the header."""
    request = sent(Operation.STEP, dstcode_in="query", provider_url="http://b.example.invalid/x?y")

    assert "dstcode" not in request.headers
    assert request.url.endswith(
        "?dstcode=VN%3AGOV%3A000.00.00.G22%3Avpcpdvcprovider&providerurl=http%3A%2F%2Fb.example.invalid%2Fx%3Fy"
    )


@pytest.mark.parametrize("place", ["header", "query"])
def test_empty_destination_is_left_out(place):
    """A test system that has none gets none."""
    request = sent(Operation.STEP, dstcode="", dstcode_in=place)

    assert "dstcode" not in request.headers
    assert "dstcode" not in request.url


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (Operation.CREATE, {"service": "DongBoHoSoMC", "isUpdating": "False", "data": [RECORD]}),
        (Operation.UPDATE, {"service": "DongBoHoSoMC", "isUpdating": "True", "data": [RECORD]}),
        (Operation.STEP, {"service": "CapNhatTienDoHoSoMC", "data": [RECORD]}),
        (Operation.LOOKUP, {"service": "TraCuuHoSo", "mahoso": "H99.09-260703-0123"}),
    ],
)
def test_envelope(operation, wanted):
    """Session, unit and service in every call; `isUpdating` as the portal's capitalised string."""
    assert {"session": "s-1", "madonvi": "000.00.00.H99"} | wanted == msgspec.json.decode(sent(operation).body)


def test_login_sends_the_password_and_records_a_mask():
    """The password leaves, and is kept nowhere."""
    request = sent(Operation.LOGIN)

    assert {"username": "000.00.00.H99", "password": "s3cret"} == msgspec.json.decode(request.body)
    assert b"s3cret" not in request.recorded_body
    assert "s3cret" not in repr(make_settings())


def test_facade_has_an_address_for_each_verb():
    """Bare arrays, no envelope, no session, no destination."""
    calls = Calls(facade_settings())

    add, update = (calls.write(operation, [RECORD], "") for operation in (Operation.CREATE, Operation.UPDATE))
    step, lookup = calls.write(Operation.STEP, [RECORD], ""), calls.lookup("H99 1", "")

    assert ["ThemHoSo", "CapNhatHoSo", "CapNhatTienDoHoSoMC"] == [r.url.rpartition("/")[2] for r in (add, update, step)]
    assert [RECORD] == msgspec.json.decode(add.body)
    assert "dstcode" not in add.headers
    assert ("GET", b"", True) == (lookup.method, lookup.body, lookup.url.endswith("TraCuuHoSo?mahoso=H99%201"))
    assert (False, True) == (calls.has_login, calls.has_lookup)


def test_facade_with_one_address_says_the_verb_in_the_query():
    """Where add and update share an address, `isUpdating` and the unit travel in the query."""
    settings = facade_settings(
        facade_add_url="http://f.example.invalid/s?v=1",
        facade_update_url="",
        facade_unit_in_query=True,
        facade_updating_in_query=True,
    )
    calls = Calls(settings)

    assert [
        f"http://f.example.invalid/s?v=1&MaDinhDanhDV=000.00.00.H99&isUpdating={word}" for word in ("False", "True")
    ] == [calls.write(operation, [], "").url for operation in (Operation.CREATE, Operation.UPDATE)]
    assert "isUpdating" not in calls.write(Operation.STEP, [], "").url


def test_facade_without_a_lookup_says_so():
    """The adapter must know whether the portal can be asked."""
    assert not Calls(facade_settings(facade_lookup_url="")).has_lookup


@pytest.mark.parametrize("endpoint", ["share", "integration"])
def test_read(endpoint):
    """What only reads goes to its own endpoint, under our session and our code, whatever its parameters are called."""
    told = {"maTTHC": "1.013225", "session": "theirs", "madonvi": "theirs"}
    request = Calls(make_settings()).read("LayThuTuc", endpoint, told, "s-1")
    body = msgspec.json.decode(request.body)

    assert request.url.endswith(f"/RestService/forward/mapi/{endpoint}")
    expected = {"session": "s-1", "madonvi": "000.00.00.H99", "service": "LayThuTuc", "maTTHC": "1.013225"}
    assert expected == body
    assert ("POST", "LayThuTuc", DESTINATION) == (request.method, request.operation, request.headers["dstcode"])


def test_read_from_a_facade():
    """A provincial façade publishes each below one address; without that address it cannot be asked."""
    calls = Calls(facade_settings(facade_read_url="https://lgsp.example.invalid/KetNoi/"))
    request = calls.read("LayThuTuc", "integration", {"maTTHC": "1.013225"}, "")

    assert ("GET", "https://lgsp.example.invalid/KetNoi/LayThuTuc?maTTHC=1.013225") == (request.method, request.url)
    assert [True, False, True] == [each.has_reads for each in (calls, Calls(facade_settings()), Calls(make_settings()))]
