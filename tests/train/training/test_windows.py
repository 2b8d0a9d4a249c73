"""Windows stay inside of their picture, move evenly, and cut pictures and masks alike."""

import numpy as np
import pytest

from maskstream_train.training.windows import (
    Views,
    Window,
    blurred,
    cut_frames,
    cut_planes,
    draw_windows,
)


@pytest.mark.parametrize("picture", [(240, 320), (448, 200), (9, 400)])
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_windows_lie_inside_and_move_evenly(picture, size):
    for seed in range(40):
        draw = np.random.default_rng(seed)
        windows = draw_windows(Views(), picture, size, 5, draw, focus=(5.0, 190.0))
        for one in windows:
            assert one.top >= 0
            assert one.top + one.height <= picture[0] + 1e-6
            assert one.left >= 0
            assert one.left + one.width <= picture[1] + 1e-6
        grown = np.diff([one.height for one in windows])
        assert np.allclose(grown, grown[0])


def test_most_windows_show_what_they_are_laid_around():
    place, shown = (40.0, 300.0), 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        (one,) = draw_windows(Views(side_min=0.3), (240, 320), (64, 96), 1, draw, place)
        inside = 0 <= place[0] - one.top <= one.height and 0 <= place[1] - one.left <= one.width
        shown += inside
    assert shown > 140


def test_pictures_and_masks_are_cut_alike():
    mask = np.zeros((100, 150), bool)
    mask[20:60, 50:110] = True
    frame = np.repeat((mask * 255).astype(np.uint8)[..., None], 3, axis=-1)
    windows = [Window(10.5, 30.0, 60.0, 90.0), Window(0.0, 0.0, 100.0, 150.0)]
    frames = cut_frames(windows, [frame, frame], (64, 96))
    masks = cut_planes(windows, np.stack([mask, mask])[:, None], (64, 96))
    assert frames.shape == (2, 64, 96, 3)
    assert masks.shape == (2, 1, 64, 96)
    assert ((frames[..., 0] > 127) == masks[:, 0]).mean() > 0.98
    assert masks[0].sum() > 2 * masks[1].sum()


def test_blur_takes_detail_away_and_keeps_the_mean():
    draw = np.random.default_rng(0)
    frames = draw.integers(60, 200, (2, 64, 96, 3)).astype(np.uint8)
    soft = blurred(frames, 2.0)
    assert soft.shape == frames.shape
    assert soft.std() < 0.6 * frames.std()
    assert abs(soft.mean() - frames.mean()) < 1.5
