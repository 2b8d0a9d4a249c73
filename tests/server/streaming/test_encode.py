import numpy as np
import pytest

from maskstream_model.port import Crops, TrackTable
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.masks import decode_mask
from maskstream_protocol.records import MaskCodec, Status, Task
from maskstream_protocol.results import Timings, decode_result
from maskstream_server.session.actions import Encode
from maskstream_server.session.reporting import ReportedFrame
from maskstream_server.streaming.encode import ResultFormat, encode_result

SIZE = (12, 17)


def blobs() -> np.ndarray:
    """Three masks: a disc, one that overlaps it, and an empty one."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (rows - 5) ** 2 + (columns - 6) ** 2 <= 16
    bar = (rows >= 4) & (rows < 7) & (columns >= 5)
    return np.stack([disc, bar, np.zeros(SIZE, bool)])


def crops_of(masks: np.ndarray, logits: np.ndarray) -> Crops:
    boxes = np.zeros((len(masks), 4), np.int32)
    windows = []
    for row, mask in enumerate(masks):
        ys, xs = np.nonzero(mask)
        if len(ys):
            boxes[row] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
        x0, y0, x1, y1 = boxes[row]
        windows.append((slice(y0, y1), slice(x0, x1)))
    return Crops(
        size=SIZE,
        boxes=boxes,
        areas=masks.sum((1, 2)),
        bitmaps=tuple(mask[window] for mask, window in zip(masks, windows, strict=True)),
        logits=tuple(each[window] for each, window in zip(logits, windows, strict=True)),
    )


def encode(masks: str, with_masks: bool = True):
    found = blobs()
    logits = np.where(found, np.array([2.0, 1.0, 0.0])[:, None, None], -1).astype(np.float32)
    tracks = TrackTable(
        track_ids=np.array([1, 7, 9]),
        labels=np.array([0, 1, 1]),
        scores=np.array([0.5, 1.0, 0.25], np.float32),
        status=np.array([0, 1, 3]),
        ages=np.array([1, 5, 70_000]),
        things=np.array([True, False, False]),
        mentionable=np.ones(3, bool),
    )
    crops = crops_of(found, logits) if with_masks else None
    report = ReportedFrame(3, True, SIZE, tracks, crops, frozenset({1, 7}), 2, 0)
    frame = FrameMessage(3, 2, 0, b"", pts_us=55, last=True)
    form = ResultFormat(masks, 1.0, Task.INSTANCES)
    message = encode_result(Encode(frame, report, Timings(1, 2, 3, 4)), form)
    return decode_result(message.encode())


@pytest.mark.parametrize("masks", ["rle", "bits", "polygons"])
def test_every_mask_comes_back_as_it_was(masks):
    result = encode(masks)
    for record, mask in zip(result.objects, blobs(), strict=True):
        assert np.array_equal(decode_mask(result, record), mask)
        assert record.mask.area == mask.sum()


def test_in_a_label_map_the_larger_logit_is_in_front_and_areas_are_of_whole_masks():
    result = encode("labelmap")
    disc, bar, _ = blobs()
    assert result.mask_codec is MaskCodec.LABELMAP8
    assert np.array_equal(decode_mask(result, result.objects[0]), disc)
    assert np.array_equal(decode_mask(result, result.objects[1]), bar & ~disc)
    assert result.objects[1].mask.area == bar.sum()


def test_without_masks_the_grid_is_reported_all_the_same():
    result = encode("none", with_masks=False)
    assert (result.mask_codec, result.mask_size, len(result.blob)) == (MaskCodec.NONE, SIZE, 0)
    assert all(record.mask.box == (0, 0, 0, 0) for record in result.objects)


def test_the_object_table_says_what_the_engine_found():
    result = encode("rle")
    assert [record.track_id for record in result.objects] == [1, 7, 9]
    assert [record.status for record in result.objects] == [
        Status.EMERGED,
        Status.TRACKED,
        Status.DISAPPEARED,
    ]
    assert [record.score_u16 for record in result.objects] == [32768, 65535, 16384]
    assert [record.age for record in result.objects] == [1, 5, 65535]
    assert [record.thing for record in result.objects] == [True, False, False]
    assert (result.sequence, result.epoch, result.pts_us, result.last) == (3, 2, 55, True)
    assert (result.timings.wait_us, result.timings.infer_us) == (1, 3)
    assert result.timings.encode_us >= 4
