import pytest

from maskstream_protocol.errors import BadHelloError, ForbiddenError, UnauthorizedError
from maskstream_server.config.settings import Settings
from maskstream_server.errors import SettingsError
from maskstream_server.http.access import (
    check_host,
    check_key,
    check_open,
    check_origin,
    check_subprotocol,
)


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


FIRST, OTHER = "the-first-of-two-keys", "the-other-of-two-keys"


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer no", f"Basic {FIRST}", FIRST])
def test_a_wrong_key_is_refused(given):
    headers = {} if given is None else {"authorization": given}
    with pytest.raises(UnauthorizedError):
        check_key(headers, Settings(api_keys=FIRST))


def test_any_of_the_keys_opens_and_says_who_comes_without_the_key():
    settings = Settings(api_keys=f"{FIRST}, {OTHER}")
    other = check_key({"authorization": f"Bearer {OTHER}"}, settings)
    assert check_key({"authorization": f"bearer  {OTHER}"}, settings) == other
    assert check_key({"authorization": f"bearer {FIRST}"}, settings) != other
    assert OTHER not in other


def test_without_keys_everybody_may_come_in():
    assert check_key({}, Settings()) == ""


@pytest.mark.parametrize(
    ("address", "settings"),
    [
        ("127.0.0.1", {}),
        ("127.3.2.1", {}),
        ("::1", {}),
        ("0.0.0.0", {"api_keys": FIRST}),
        ("::", {"insecure": True}),
    ],
)
def test_a_server_listens_to_itself_or_to_holders_of_keys_or_is_meant_to_be_open(address, settings):
    check_open(address, Settings(**settings))


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "fe80::1%eth0", "2001:db8::1"])
def test_an_open_server_that_others_reach_must_be_asked_for_in_so_many_words(address):
    with pytest.raises(SettingsError, match=r"MASKSTREAM_API_KEYS.*--insecure.*\.$"):
        check_open(address, Settings())


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8000", "192.168.1.5:80", "[::1]", "[::1]:8000", "[2001:db8::1]"),
        *("localhost", "LocalHost:8000", "localhost.", "video.example", "VIDEO.example:8443"),
        *("a.sub.example", "a.b.sub.example:1", "port.example:8443"),
    ],
)
def test_numbers_localhost_and_listed_names_are_this_server(host):
    listed = "Video.example, *.sub.example, port.example:8443"
    check_host({"host": host}, Settings(allowed_hosts=listed))


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", ":8000", "evil.example", "evil.example:8000", "localhost.evil.example"),
        *("127.0.0.1.evil.example", "[evil.example]", "::1", "127.0.0.1:8000:evil", "2130706433"),
        *("localhost@evil.example", "sub.example", "notsub.example", "port.example", "localhost:x"),
        *("video.example.evil", "port.example:84", "loc\u0430lhost", "localhost "),
    ],
)
def test_any_other_name_may_be_a_foreign_pages(host):
    listed = "video.example, *.sub.example, port.example:8443"
    headers = {} if host is None else {"host": host}
    with pytest.raises(ForbiddenError, match="MASKSTREAM_ALLOWED_HOSTS"):
        check_host(headers, Settings(allowed_hosts=listed))


def test_a_star_lets_every_name_but_none_in():
    check_host({"host": "any.example:1"}, Settings(allowed_hosts="*"))
    with pytest.raises(ForbiddenError):
        check_host({}, Settings(allowed_hosts="*"))


def test_with_keys_a_server_goes_by_every_name():
    check_host({"host": "any.example"}, Settings(api_keys=FIRST))
