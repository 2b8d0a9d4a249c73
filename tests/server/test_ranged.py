"""Ranges of files that lie elsewhere, as RFC 9110 wants them."""

from dataclasses import dataclass

import pytest

from maskstream_server.routes.ranged import BeyondError, answer_with, wanted_range

TEXT = b"0123456789"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bytes=0-3", b"0123"),
        ("bytes=7-", b"789"),
        ("bytes=7-100", b"789"),
        ("bytes=-4", b"6789"),
        ("bytes=-100", TEXT),
        ("bytes=9-9", b"9"),
    ],
)
def test_one_range_is_given(asked, wanted):
    found = wanted_range(asked, len(TEXT))
    assert TEXT[found.start : found.stop] == wanted


LONG = "9" * 5000
"""More digits than Python reads."""


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes=-",
        "bytes=5-3",
        "bytes=0-1,3-4",
        "lines=1-2",
        "x",
        "bytes=\xb2-",
        f"bytes={LONG}-",
        f"bytes=0-{LONG}",
        f"bytes=-{LONG}",
    ],
)
def test_what_is_no_such_range_is_passed_over(asked):
    assert wanted_range(asked, len(TEXT)) is None


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(asked):
    with pytest.raises(BeyondError):
        wanted_range(asked, len(TEXT))


@dataclass
class File:
    num_bytes: int = len(TEXT)
    etag: str = '"e"'
    modified_s: float = 0.0

    def blocks(self, start, stop):
        yield TEXT[start:stop]


@pytest.mark.parametrize(
    ("asked", "status", "content_range"),
    [
        ({}, 200, None),
        ({"range": "bytes=2-"}, 206, "bytes 2-9/10"),
        ({"range": "bytes=2-", "if-range": '"e"'}, 206, "bytes 2-9/10"),
        ({"range": "bytes=2-", "if-range": '"other"'}, 200, None),
        ({"range": "bytes=10-"}, 416, "bytes */10"),
    ],
)
def test_an_answer_says_what_it_has(asked, status, content_range):
    answer = answer_with(File(), "ytvis.json", asked)
    assert (answer.status_code, answer.headers.get("content-range")) == (status, content_range)
    if status != 416:
        assert answer.headers["content-length"] == str(8 if status == 206 else 10)
        assert answer.headers["etag"] == '"e"'
