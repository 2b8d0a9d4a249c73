"""Where the server may go: lists of hosts, and addresses behind names."""

import pytest

from maskstream_server.errors import AddressRefusedError
from maskstream_server.outbound.rules import HostRules, is_public, read_target

RULES = HostRules(
    ("example.com", "*.cdn.example", "files.example:8443", "10.0.0.5"),
    ("10.0.0.5", "files.example:8443"),
    "MASKSTREAM_VIDEO_URL_HOSTS",
)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.mp4",
        "https://EXAMPLE.com./a.mp4?b=c#d",
        "https://example.com:443",
        "http://a.cdn.example/",
        "https://b.a.cdn.example/",
        "https://files.example:8443/x",
        "http://10.0.0.5/",
    ],
)
def test_hosts_on_the_list_are_allowed(url):
    target = RULES.check(url)
    assert target.path.startswith("/")
    assert "#" not in target.path


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "http://notexample.com/",
        "http://example.com.evil.org/",
        "http://example.com:8080/",
        "http://example.com:443/",
        "http://cdn.example/",
        "http://evilcdn.example/",
        "https://files.example/",
        "http://2130706433/",
        "http://[::1]/",
    ],
)
def test_other_hosts_and_ports_are_refused(url):
    with pytest.raises(AddressRefusedError, match="operator does not let this server go to"):
        RULES.check(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("file:///etc/passwd", "must begin with http"),
        ("ftp://example.com/", "must begin with http"),
        ("gopher://example.com/", "must begin with http"),
        ("//example.com/", "must begin with http"),
        ("example.com", "must begin with http"),
        ("", "no spaces"),
        ("http:///a", "must begin with http"),
        ("http://user:word@example.com/", "user or a password"),
        ("http://example.com@evil.org/", "user or a password"),
        ("http://example.com:0x50/", "cannot be read"),
        ("http://example.com:99999/", "cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("http://example.com/a b", "no spaces"),
        ("http://exam\tple.com/", "no spaces"),
        ("http://example.com/\r\nX: y", "no spaces"),
        ("http://ex\u00e4mple.com/", "ASCII"),
        ("http://example.com/" + "a" * 3000, "2048 characters"),
    ],
)
def test_what_is_no_address_is_refused_in_a_sentence(url, sentence):
    with pytest.raises(AddressRefusedError, match=sentence):
        RULES.check(url)


def test_an_empty_list_allows_nothing_and_names_the_setting():
    with pytest.raises(AddressRefusedError, match="MASKSTREAM_VIDEO_URL_HOSTS is empty"):
        HostRules((), (), "MASKSTREAM_VIDEO_URL_HOSTS").check("https://example.com/")


def test_any_host_means_any_public_one_at_the_usual_ports():
    rules = HostRules(("*",), (), "X")
    target = rules.check("https://anything.example/")
    rules.check_numbers(target, ["93.184.216.34", "2606:2800:220:1::1"])
    with pytest.raises(AddressRefusedError, match="no public address"):
        rules.check_numbers(target, ["10.0.0.1"])
    with pytest.raises(AddressRefusedError):
        rules.check("https://anything.example:22/")


PRIVATE = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1"),
    *("fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1"),
    *("64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "2001:db8::1", "fec0::1"),
]


@pytest.mark.parametrize("number", PRIVATE)
def test_private_and_special_addresses_are_not_public(number):
    assert not is_public(number)
    target = read_target("https://example.com/")
    # One of many is enough: which one a connection would take is not ours to say.
    with pytest.raises(AddressRefusedError, match=r"example\.com is no public address"):
        RULES.check_numbers(target, ["93.184.216.34", number])


@pytest.mark.parametrize("number", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(number):
    assert is_public(number)


def test_a_host_that_is_listed_as_private_may_be_anywhere():
    for url in ("http://10.0.0.5/", "https://files.example:8443/"):
        RULES.check_numbers(RULES.check(url), ["10.0.0.5"])
    with pytest.raises(AddressRefusedError):
        RULES.check_numbers(read_target("http://files.example/"), ["10.0.0.5"])
    with pytest.raises(AddressRefusedError):
        RULES.check_numbers(read_target("http://example.com/"), [])
