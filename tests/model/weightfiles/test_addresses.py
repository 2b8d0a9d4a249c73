"""Which addresses weights are fetched from, and where the cache is."""

from pathlib import Path

import pytest

from maskstream_model.errors import DownloadError
from maskstream_model.weightfiles.addresses import (
    HUB,
    HUB_HOSTS,
    address_in,
    checked,
    hub_file,
    redirected,
    shown,
)
from maskstream_model.weightfiles.cache import cache_folder


def test_a_source_on_the_hub_is_an_address_and_a_question():
    file = hub_file("hf://zhouyik/DVIS-DAQ/model.pth", HUB)
    assert file.api == f"{HUB}/api/models/zhouyik/DVIS-DAQ/revision/main?blobs=true"
    assert file.address("c0ffee") == f"{HUB}/zhouyik/DVIS-DAQ/resolve/c0ffee/model.pth"
    file = hub_file("hf://me/it@refs/a file.pth", "https://mirror.example/")
    assert file.address("../x") == "https://mirror.example/me/it/resolve/..%2Fx/a%20file.pth"
    assert "/revision/refs?" in file.api


@pytest.mark.parametrize("source", ["hf://a", "hf://a/b", "hf:///b/c", "hf://a//c"])
def test_what_is_no_source_on_the_hub_is_refused(source):
    with pytest.raises(DownloadError, match="is not of the form hf://OWNER/REPOSITORY/PATH"):
        hub_file(source, HUB)


@pytest.mark.parametrize(
    ("mirror", "address"),
    [
        ("https://m.example", "https://m.example/a%20b.pth"),
        ("https://m.example/weights/", "https://m.example/weights/a%20b.pth"),
        ("https://m.example/w?key=1", "https://m.example/w/a%20b.pth?key=1"),
        ("https://m.example/other.pth?key=1", "https://m.example/other.pth?key=1"),
    ],
)
def test_a_mirror_is_a_folder_or_the_file(mirror, address):
    assert address_in(mirror, "a b.pth") == address


@pytest.mark.parametrize(
    "address",
    ["http://example.org/x", "ftp://example.org/x", "file:///etc/passwd", "https://", "https://[x"],
)
def test_nothing_but_https_is_asked(address):
    with pytest.raises(DownloadError, match="is no"):
        checked(address)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:1", "127.8.8.8"])
def test_this_machine_itself_may_be_asked_without_tls(host):
    assert checked(f"http://{host}/x") == f"http://{host}/x"


@pytest.mark.parametrize(
    "target",
    [
        "/elsewhere",
        "https://huggingface.co/x",
        "https://cdn-lfs.huggingface.co/x",
        "https://cas-bridge.xethub.hf.co/x?signature=1",
        "https://us.aws.cdn.hf.co/x",
    ],
)
def test_the_hub_may_redirect_to_its_own_hosts(target):
    assert redirected(f"{HUB}/a/b", target, HUB_HOSTS).startswith("https://")


@pytest.mark.parametrize(
    "target",
    [
        "http://huggingface.co/x",
        "https://evil-hf.co/x",
        "https://hf.co.evil.example/x",
        "https://huggingface.co@evil.example/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1/x",
        "//evil.example/x",
        "file:///etc/passwd",
    ],
)
def test_the_hub_may_redirect_nowhere_else(target):
    with pytest.raises(DownloadError):
        redirected(f"{HUB}/a/b", target, HUB_HOSTS)


def test_another_server_may_redirect_within_its_host_alone():
    assert redirected("https://a.example/x", "https://a.example:8443/y", ())
    with pytest.raises(DownloadError, match=r"^a\.example redirects to b\.a\.example"):
        redirected("https://a.example/x", "https://b.a.example/y", ())


def test_neither_passwords_nor_signatures_are_shown():
    assert shown("https://me:pass@a.example:1/x?sig=1#y") == "https://a.example:1/x"


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"MASKSTREAM_WEIGHTS_DIR": "/mnt/w"}, "linux", "/mnt/w"),
        ({"XDG_CACHE_HOME": "/cache"}, "linux", "/cache/maskstream/weights"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "~/.cache/maskstream/weights"),
        ({"MASKSTREAM_WEIGHTS_DIR": ""}, "linux", "~/.cache/maskstream/weights"),
        ({}, "darwin", "~/Library/Caches/maskstream/weights"),
        ({"LOCALAPPDATA": "/local"}, "win32", "/local/maskstream/weights"),
        ({"MASKSTREAM_WEIGHTS_DIR": "~/w"}, "win32", "~/w"),
    ],
)
def test_the_cache_is_where_users_expect_it(environ, platform, folder):
    assert cache_folder(environ, platform) == Path(folder).expanduser()


def test_a_cache_in_a_relative_folder_does_not_move(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cache_folder({"MASKSTREAM_WEIGHTS_DIR": "w"}) == tmp_path / "w"
