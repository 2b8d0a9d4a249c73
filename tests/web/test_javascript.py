"""The client in JavaScript: its types, its own tests by Node's runner, and that it is Python's."""

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_drawing.painting import track_color
from maskstream_protocol.masks import decode_mask
from maskstream_protocol.records import MaskCodec, ObjectRecord, Status
from maskstream_protocol.results import ResultMessage, decode_result
from maskstream_web import web_folder
from protocol.strategies import mask_stacks
from support.examples import examples
from support.javascript import (
    NO_NODE,
    NODE,
    NOT_INSTALLED,
    PACKAGE,
    TSC,
    Bridge,
    base64_of,
    bridge,
    run_node,
)
from support.masks import encode_masks

MAX_LINES = 300
with_masks = st.sampled_from([codec for codec in MaskCodec if codec is not MaskCodec.NONE])

pytestmark = pytest.mark.skipif(NODE is None, reason=NO_NODE)


@pytest.fixture(scope="module")
def core() -> Iterator[Bridge]:
    with bridge() as running:
        yield running


def test_the_python_package_gives_the_folder_of_the_sources():
    assert (web_folder() / "client" / "index.js").is_file()


def test_no_source_is_too_long_and_none_takes_text_as_html():
    for path in (*(PACKAGE / "maskstream_web").rglob("*.js"), *(PACKAGE / "tests").glob("*.js")):
        source = path.read_text()
        assert source.count("\n") <= MAX_LINES, path.name
        assert "innerHTML" not in source, path.name


@pytest.mark.skipif(not TSC.exists(), reason=NOT_INSTALLED)
def test_the_types_are_right():
    run_node(str(TSC.resolve()))


def test_nodes_own_tests_pass():
    tests = sorted(map(str, (PACKAGE / "tests").glob("*.test.js")))
    run_node("--test", "--test-timeout=60000", *tests)


def test_tracks_have_the_colours_of_pythons_drawings(core: Bridge):
    colors = core.call("colors", count=3000)
    assert [tuple(color) for color in colors] == [track_color(each) for each in range(3000)]


@examples(80)
@given(masks=mask_stacks(), codec=with_masks, seed=st.integers(0, 9))
def test_masks_are_decoded_as_python_decodes_them(core: Bridge, masks, codec, seed):
    logits = np.random.default_rng(seed).normal(size=masks.shape).astype(np.float32)
    encoded = encode_masks(masks, codec, logits)
    objects = [
        ObjectRecord(row + 1, 0, 0, 1, Status.TRACKED, mask=span)
        for row, span in enumerate(encoded.spans)
    ]
    size = masks.shape[1:]
    message = ResultMessage(1, 1, size, tuple(objects), encoded.blob, encoded.codec).encode()
    result = decode_result(message)
    expected = [decode_mask(result, record) for record in result.objects]
    decoded = core.call("masks", bytes=base64_of(message))
    ours = [np.frombuffer(base64.b64decode(each), np.uint8).reshape(size) for each in decoded]
    assert len(ours) == len(expected)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(ours, expected, strict=True))
