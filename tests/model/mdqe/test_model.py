"""What a late model of clips says when: finals, provisional results, ends, windows, limits."""

import numpy as np
import pytest
import torch

from maskstream_model.errors import ConfigError
from maskstream_model.mdqe.config import MdqeRules
from maskstream_model.mdqe.queries import chosen_points, followed
from maskstream_model.port import StepInput
from support.mdqe import tiny_model
from support.tiny import tiny_frames

FRAMES = tiny_frames(14, seed=1)


def heard(model, frames):
    """(frame, final) of the results of each step, and of the flush."""
    state, steps = model.begin(), []
    for frame in frames:
        (output,) = model.step([StepInput([frame], state)])
        state = output.state
        steps.append([(each.index, each.final) for each in output.results])
    rest = model.flush(state)
    return [*steps, [(each.index, each.final) for each in rest.results]], rest.state


def test_a_frame_has_a_provisional_result_at_once_and_a_final_one_in_its_last_clip():
    steps, _ = heard(tiny_model(), FRAMES[:6])
    assert steps == [
        [(1, False)],
        [(2, False)],
        [(1, True), (3, False)],
        [(2, True), (4, False)],
        [(3, True), (5, False)],
        [(4, True), (6, False)],
        [(5, True), (6, True)],
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_shorter_than_a_clip_or_as_long_is_answered_at_its_end(count):
    steps, state = heard(tiny_model(), FRAMES[:count])
    finals = [index for step in steps for index, final in step if final]
    assert finals == list(range(1, count + 1))
    assert tiny_model().committed(state) == count


def test_frames_may_follow_a_flush_with_the_same_identities():
    model, state = tiny_model(), tiny_model().begin()
    ids = []
    for frames in (FRAMES[:5], FRAMES[5:9]):
        (output,) = model.step([StepInput(frames, state)])
        rest = model.flush(output.state)
        state = rest.state
        finals = [each for each in (*output.results, *rest.results) if each.final]
        ids.append({track for each in finals for track in each.tracks.track_ids.tolist()})
    assert model.committed(state) == 9
    assert min(ids[0]) in ids[1]


def test_frames_of_another_size_begin_another_clip():
    model, state = tiny_model(), tiny_model().begin()
    wide = [np.concatenate([frame, frame], 1) for frame in FRAMES[4:8]]
    indices = []
    for frames in (FRAMES[:4], wide):
        (output,) = model.step([StepInput(frames, state)])
        state = output.state
        indices += [(each.index, each.size[1]) for each in output.results if each.final]
    assert indices == [(1, 96), (2, 96), (3, 96), (4, 96), (5, 192), (6, 192)]


def test_each_frame_is_encoded_once():
    model, batches = tiny_model(), []
    encode = model.network.encode

    def counted(images, resized, pause=None):
        batches.append(len(images))
        return encode(images, resized, pause)

    model.network.encode = counted
    heard(model, FRAMES)
    assert batches == [1] * len(FRAMES)


def test_the_limit_of_the_preset_refuses_new_tracks():
    free, state = tiny_model(), tiny_model(tracks_max=2).begin()
    results = free.step([StepInput(FRAMES, free.begin())])[0].results
    assert max(len(each.tracks.track_ids) for each in results) > 2
    few = tiny_model(tracks_max=2).step([StepInput(FRAMES, state)])[0].results
    assert max(len(each.tracks.track_ids) for each in few) == 2
    assert sum(each.num_refused for each in few) > 0


def test_a_window_is_at_least_as_long_as_a_clip():
    with pytest.raises(ConfigError, match="window_frames must be at least clip_frames, not 2 of 3"):
        MdqeRules(clip_frames=3, window_frames=2)


def test_the_best_pixel_of_each_cell_is_chosen_and_the_first_of_equals():
    scores = torch.zeros(1, 7, 14)
    points = chosen_points(scores, 7)
    # Twice the size, fitted to the grid: 21 x 35, so that cells have 3 x 5 pixels.
    assert points.shape == (1, 49, 2)
    x, y = points[0, :, 0].view(7, 7), points[0, :, 1].view(7, 7)
    torch.testing.assert_close(x[3], torch.arange(7) / 7)
    torch.testing.assert_close(y, (torch.arange(7)[:, None] * 3 + x) / 21)


def test_a_query_moves_no_farther_from_frame_to_frame_than_the_window_says():
    embeds = torch.zeros(3, 16, 4)
    embeds[:, :, 0] = 1
    embeds[2, 15] *= 5  # far from the first cell, and most like all of them
    order = followed(embeds, 4, 2)
    assert order[1].tolist() == list(range(16))
    assert order[2, 0] == 0
    assert order[2, 10] == 15
