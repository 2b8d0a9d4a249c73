"""How a client finds its server: addresses, keys and proxies as people give them. Pure but for
the environment, which the tests set."""

import logging
import ssl

import pytest

from maskstream_client import ConnectionFailedError, StreamOptions
from maskstream_client.addresses import Addresses
from maskstream_client.keys import bearer, cleaned
from maskstream_client.network import proxy_for, redacted_logger, shown, trust
from maskstream_client.urls import http_url, resolved, stream_url, without_password
from maskstream_client.watching import watch_url
from maskstream_protocol.messages import Resume


@pytest.mark.parametrize(
    ("url", "stream", "rest"),
    [
        ("here", "ws://here/v1/stream", "http://here/"),
        ("ws://here:8000", "ws://here:8000/v1/stream", "http://here:8000/"),
        ("http://here/", "ws://here/v1/stream", "http://here/"),
        ("https://here/v1/stream", "wss://here/v1/stream", "https://here/"),
        ("https://here/mask", "wss://here/mask/v1/stream", "https://here/mask/"),
        ("https://here/mask/", "wss://here/mask/v1/stream", "https://here/mask/"),
        ("wss://here/a/b/v1/stream/", "wss://here/a/b/v1/stream", "https://here/a/b/"),
    ],
)
def test_the_path_of_a_proxy_is_kept(url, stream, rest):
    assert (stream_url(url), http_url(url)) == (stream, rest)
    assert watch_url(stream, "a/b") == stream.removesuffix("stream") + "sessions/a%2Fb/watch"


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://here", "ws://", "ws:///v1/stream", "ftp://me:pass@here"),
        *("ws://me:pass@here:99999", "ws://here:0", "ws://here:80x", "ws://[::1", ""),
    ],
)
def test_what_is_no_url_of_a_server_is_reported_without_its_password(url):
    with pytest.raises(ValueError, match="is no URL of a server") as raised:
        stream_url(url)
    assert "pass" not in str(raised.value)


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("/v1/models/demo", "https://here/mask/v1/models/demo"),
        ("/mask/v1/models/demo", "https://here/mask/v1/models/demo"),
        ("v1/models/demo", "https://here/mask/v1/models/demo"),
        ("http://here/v1/uploads/1?x=y", "https://here/mask/v1/uploads/1?x=y"),
        ("https://there/v1/uploads/1", "https://there/v1/uploads/1"),
        ("/maskless", "https://here/mask/maskless"),
    ],
)
def test_what_a_server_names_is_found_below_the_path_of_its_proxy(reference, address):
    assert resolved("https://here/mask/", reference) == address


@pytest.mark.parametrize(
    "key",
    [
        "secret",
        "secret\n",
        "secret\r\n",
        "\ufeffsecret\r\n",
        " secret ",
        "\udcef\udcbb\udcbfsecret",
    ],
)
def test_a_key_is_read_from_any_editors_file(key):
    assert bearer(key) == {"Authorization": "Bearer secret"}


@pytest.mark.parametrize("key", [None, "", "\n", "\ufeff", "\ufeff\r\n"])
def test_an_empty_key_is_none(key):
    assert (cleaned(key), bearer(key)) == (None, {})


@pytest.mark.parametrize(
    ("key", "reason"),
    [("one\ntwo", "more than one"), ("one,two", "more than one"), ("schlüssel", "not ASCII")],
)
def test_what_is_no_key_is_reported_without_showing_it(key, reason):
    with pytest.raises(ValueError, match=reason) as raised:
        cleaned(key)
    assert "--api-key" in str(raised.value)
    assert key not in str(raised.value)


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("http", "https", "all", "no", "ws", "wss", "socks"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "ws://here", None),
        ({"HTTP_PROXY": ""}, "ws://here", None),
        ({"HTTP_PROXY": "http://p:1"}, "ws://here", "http://p:1"),
        ({"HTTP_PROXY": "p:1"}, "http://here/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "wss://here", None),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://here", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://here/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "wss://here", "http://p:1"),
        ({"ALL_PROXY": "socks5://p:1", "HTTPS_PROXY": "http://q:2"}, "wss://here", "http://q:2"),
        ({"ALL_PROXY": "socks5://p:1", "NO_PROXY": "here"}, "ws://here:80/v1/stream", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, "ws://here", None),
    ],
)
def test_streams_and_requests_take_the_proxy_of_the_environment(no_proxies, variables, url, proxy):
    for name, value in variables.items():
        no_proxies.setenv(name, value)
    assert proxy_for(url) == proxy


def test_a_proxy_that_is_none_of_http_is_refused_with_what_helps(no_proxies):
    no_proxies.setenv("ALL_PROXY", "socks5://me:word@p:1080")
    with pytest.raises(ConnectionFailedError) as raised:
        Addresses("wss://here")
    assert str(raised.value) == (
        "socks5://p:1080 is no HTTP proxy, and no other is supported: name one in HTTPS_PROXY, "
        "or here in NO_PROXY to do without."
    )


def test_addresses_are_shown_without_passwords():
    assert without_password("wss://me:word@here/a@b") == "wss://here/a@b"
    assert (
        shown("ws://me:word@here", "http://me:word@p") == "ws://here (through the proxy http://p)"
    )


def test_an_empty_certificate_variable_is_the_systems_certificates(monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    usual = trust().cert_store_stats()
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert trust().cert_store_stats() == usual
    assert trust().verify_mode is ssl.CERT_REQUIRED


def test_tokens_are_in_no_picture_of_an_object():
    assert "secret" not in repr(StreamOptions(resume_token="secret"))
    assert "secret" not in repr(Resume("secret", 3))


def test_a_connections_messages_are_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    log = redacted_logger()
    assert not log.isEnabledFor(logging.DEBUG)
    log.info("closed")
    assert [record.message for record in caplog.records] == ["closed"]
