import pytest

from maskstream_protocol.errors import BadHelloError, ForbiddenError, UnauthorizedError
from maskstream_server.access import check_key, check_origin, check_subprotocol
from maskstream_server.settings import Settings


@pytest.mark.parametrize("offered", [[], ["maskstream"], ["maskstream.v2"], ["MASKSTREAM.V1"]])
def test_the_major_version_must_be_offered(offered):
    with pytest.raises(BadHelloError):
        check_subprotocol(offered)


def test_other_subprotocols_beside_it_are_left_alone():
    check_subprotocol(["maskstream.ticket.abc", "maskstream.v1"])


@pytest.mark.parametrize("origin", [None, "http://host:8000", "https://listed.example"])
def test_no_origin_the_own_and_listed_ones_may_come_in(origin):
    headers = {"host": "host:8000"} | ({"origin": origin} if origin else {})
    check_origin(headers, Settings(allowed_origins="https://listed.example"))


@pytest.mark.parametrize(
    "origin", ["null", "http://host:9000", "https://listed.example.evil", "http://["]
)
def test_foreign_origins_may_not(origin):
    with pytest.raises(ForbiddenError):
        check_origin({"host": "host:8000", "origin": origin}, Settings(allowed_origins="x"))


def test_a_star_lets_every_origin_in():
    check_origin({"host": "h", "origin": "https://any.example"}, Settings(allowed_origins="*"))


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer no", "Basic key", "key"])
def test_a_wrong_key_is_refused(given):
    headers = {} if given is None else {"authorization": given}
    with pytest.raises(UnauthorizedError):
        check_key(headers, Settings(api_keys="key"))


def test_any_of_the_keys_opens():
    settings = Settings(api_keys="one, two")
    check_key({"authorization": "Bearer two"}, settings)
    check_key({"authorization": "bearer one"}, settings)


def test_without_keys_everybody_may_come_in():
    check_key({}, Settings())
