"""Masks at picture size and results of clips, against their plain meaning."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_model.port import TrackStatus
from maskstream_model.tasks.instances import clip_tracks
from maskstream_model.tasks.output import FrameOutput, resize_mask_logits
from support.clip_results import video_result


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def resized_as_the_reference(logits, padded, resized, size):
    """docs/model.md 3.6, every step taken."""
    logits = F.interpolate(logits[None], padded, mode="bilinear", align_corners=False)
    logits = logits[:, :, : resized[0], : resized[1]]
    return F.interpolate(logits, size, mode="bilinear", align_corners=False)[0]


@given(
    cells=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    cut=st.tuples(st.integers(0, 31), st.integers(0, 31)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)) | st.none(),
)
@settings(max_examples=40, deadline=None)
def test_resizing_has_the_references_bits(cells, cut, size):
    padded = tuple(32 * count for count in cells)
    resized = tuple(whole - less for whole, less in zip(padded, cut, strict=True))
    logits = random(0, 3, padded[0] // 4, padded[1] // 4)
    expected = resized_as_the_reference(logits, padded, resized, size or resized)
    assert torch.equal(resize_mask_logits(logits, padded, resized, size or resized), expected)


def test_no_tracks_have_no_masks():
    assert resize_mask_logits(torch.zeros(0, 8, 8), (32, 32), (30, 30), (60, 50)).shape == (
        *(0, 60),
        50,
    )


def frame(ids, logits, status=None, ages=None):
    """A frame of 8 x 8 pixels; every track is visible everywhere."""
    num = len(ids)
    return FrameOutput(
        track_ids=torch.tensor(ids, dtype=torch.int64),
        status=torch.tensor(status or [int(TrackStatus.TRACKED)] * num, dtype=torch.int64),
        logits=torch.tensor(logits, dtype=torch.float32).reshape(num, 3),
        mean_logits=torch.tensor(logits, dtype=torch.float32).reshape(num, 3),
        mask_logits=torch.ones(num, 8, 8),
        scores=torch.zeros(num),
        labels=torch.zeros(num, dtype=torch.int64),
        ages=torch.tensor(ages or [9] * num, dtype=torch.int64),
        resized=(32, 32),
        padded=(32, 32),
    )


GONE = int(TrackStatus.DISAPPEARED)


def test_a_tracks_score_is_that_of_its_mean_logits():
    outputs = [frame([3], [[4.0, 0, 0]]), frame([7, 3], [[0, 0, 9.0], [0, 2.0, 0]])]
    tracks = clip_tracks(outputs)
    assert tracks.track_ids.tolist() == [3, 7]
    assert tracks.mean_logits.tolist() == [[2, 1, 0], [0, 0, 9]]
    assert tracks.stored.tolist() == [[True, True], [False, True]]
    result = video_result(outputs, (32, 32))
    best = torch.tensor([2.0, 1, 0]).softmax(0)
    np.testing.assert_allclose(result.scores[:2], best[:2])
    assert (result.track_ids[:2].tolist(), result.labels[:2].tolist()) == ([3, 3], [0, 1])


def test_a_track_has_no_mask_where_it_was_not():
    outputs = [frame([3], [[4.0, 0, 0]]), frame([7], [[0, 3.0, 0]])]
    result = video_result(outputs, (20, 24))
    assert result.masks.shape == (4, 2, 20, 24)
    for track_id, masks in zip(result.track_ids.tolist(), result.masks, strict=True):
        assert masks.any(2).any(1).tolist() == [track_id == 3, track_id == 7]
        assert masks.all(2).all(1).tolist() == [track_id == 3, track_id == 7]


def test_the_last_mention_of_a_track_is_not_stored():
    outputs = [frame([3], [[4.0, 0, 0]]), frame([3], [[0, 0, 0]], [GONE], [10])]
    tracks = clip_tracks(outputs)
    assert tracks.mean_logits.tolist() == [[4, 0, 0]]
    assert tracks.stored.tolist() == [[True, False]]


def test_a_short_track_that_ended_is_left_out():
    outputs = [frame([3, 4], [[4.0, 0, 0]] * 2, ages=[4, 5]), frame([], [])]
    assert clip_tracks(outputs).track_ids.tolist() == [4]
    assert clip_tracks(outputs[:1]).track_ids.tolist() == [3, 4]


def test_a_clip_without_tracks_has_an_empty_result():
    result = video_result([frame([], []), frame([], [])], (20, 24))
    assert result.scores.shape == (0,)
    assert result.masks.shape == (0, 2, 20, 24)


def test_only_the_best_pairs_are_reported():
    outputs = [frame([1, 2], [[5.0, 4, 0], [3, 2, 0]])]
    result = video_result(outputs, (8, 8), max_results=3)
    assert result.track_ids.tolist() == [1, 2, 1]
    assert (result.scores.diff() <= 0).all()
