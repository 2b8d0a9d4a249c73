"""Clips: determinism, shapes, disjoint masks, presence, events."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maskstream_model.errors import ConfigError
from maskstream_train.data.synthetic import Clip, ClipGenerator, SyntheticConfig
from maskstream_train.data.synthetic.config import LABELS
from support.sample_clip import sample_clip

SMALL = SyntheticConfig(height=48, width=80, num_frames=4, min_visible_ratio=1 / 320)


def same(one: Clip, other: Clip) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("frames", "masks", "labels")
    )


def presence(clip: Clip) -> NDArray[np.bool_]:
    return np.asarray(clip.masks.any(axis=(2, 3)))


def clips(config: SyntheticConfig, count: int, seed: int = 3) -> list[Clip]:
    generator = ClipGenerator(config, seed)
    return [generator.clip(index) for index in range(count)]


@pytest.fixture(scope="module")
def many() -> list[Clip]:
    """Enough clips to count things in, made once."""
    return clips(replace(SMALL, num_frames=6), 90)


def test_a_clip_depends_on_configuration_seed_and_index_alone() -> None:
    first, second = ClipGenerator(SMALL, 3), ClipGenerator(SMALL, 3)
    forwards = [first.clip(index) for index in range(6)]
    backwards = [second.clip(index) for index in reversed(range(6))]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


def test_a_pickled_generator_makes_the_same_clips() -> None:
    generator = ClipGenerator(SMALL, 3)
    generator.clip(0)
    assert same(pickle.loads(pickle.dumps(generator)).clip(2), generator.clip(2))


def test_other_indices_and_other_seeds_give_other_clips() -> None:
    generator = ClipGenerator(SMALL, 3)
    assert not np.array_equal(generator.clip(0).frames, generator.clip(1).frames)
    assert not np.array_equal(generator.clip(0).frames, ClipGenerator(SMALL, 4).clip(0).frames)


@pytest.mark.parametrize(
    ("height", "width", "num_frames"), [(45, 77, 1), (64, 48, 3), (33, 90, 20)]
)
def test_any_size_and_length_has_the_stated_shapes_and_types(
    height: int, width: int, num_frames: int
) -> None:
    config = replace(SMALL, height=height, width=width, num_frames=num_frames)
    for clip in clips(config, 4):
        count = len(clip.labels)
        assert clip.frames.shape == (num_frames, height, width, 3)
        assert clip.masks.shape == (num_frames, count, height, width)
        kinds = [array.dtype.name for array in (clip.frames, clip.masks, clip.labels)]
        assert kinds == ["uint8", "bool", "int64"]
        assert set(clip.labels.tolist()) <= set(LABELS.values())


def test_a_pixel_belongs_to_at_most_one_object() -> None:
    crowd = replace(SMALL, max_objects=8, empty_ratio=0.0)
    made = clips(crowd, 6)
    assert max(len(clip.labels) for clip in made) >= 4
    assert all((clip.masks.sum(axis=1) <= 1).all() for clip in made)


def test_an_object_is_present_with_enough_pixels_or_not_at_all(many: list[Clip]) -> None:
    for clip in many:
        areas = clip.masks.sum(axis=(2, 3))
        assert ((areas == 0) | (areas >= SMALL.min_visible_px)).all()
        assert (areas.max(axis=0, initial=0) >= SMALL.min_visible_px).all()


def test_objects_emerge_and_disappear_inside_clips(many: list[Clip]) -> None:
    present = [presence(clip) for clip in many]
    total = sum(p.shape[1] for p in present)
    emerged = sum(int((~p[0]).sum()) for p in present)
    disappeared = sum(int((~p[-1]).sum()) for p in present)
    assert total > 120
    assert emerged > 0.12 * total
    assert disappeared > 0.08 * total
    assert emerged + disappeared < 0.8 * total


def test_without_events_hardly_any_object_comes_or_goes() -> None:
    calm = replace(SMALL, event_ratio=0.0, speed=0.0)
    present = [presence(clip) for clip in clips(calm, 12)]
    changes = sum(int((p[0] != p[-1]).sum()) for p in present)
    assert changes <= 0.1 * sum(p.shape[1] for p in present)


def test_about_the_wanted_share_of_clips_is_empty(many: list[Clip]) -> None:
    assert 0.03 < np.mean([len(clip.labels) == 0 for clip in many]) < 0.3
    assert all(len(clip.labels) == 0 for clip in clips(replace(SMALL, empty_ratio=1.0), 5))


def test_all_drawn_classes_occur(many: list[Clip]) -> None:
    assert {label for clip in many for label in clip.labels.tolist()} == set(LABELS.values())


def test_objects_move_slowly_enough_in_long_clips() -> None:
    config = replace(SMALL, num_frames=60, empty_ratio=0.0)
    shares = [presence(clip).mean(axis=0) for clip in clips(config, 6)]
    assert np.concatenate(shares).mean() > 0.3


def test_masks_follow_the_pixels() -> None:
    """Inside and outside of masks differ in colour far more often than by chance."""
    clear = replace(SMALL, degradation=0.0, num_frames=1, empty_ratio=0.0)
    differences = [
        np.abs(clip.frames[0][mask].mean(axis=0) - clip.frames[0][~mask].mean(axis=0)).max()
        for clip in clips(clear, 20)
        for mask in clip.masks[0]
    ]
    assert np.median(differences) > 25


@pytest.mark.parametrize("height", [64, 128])
def test_the_sample_clip_shows_objects_that_come_and_go(height: int) -> None:
    present = presence(sample_clip(height, height * 7 // 4))
    assert present.shape[1] >= 4
    assert (~present[0]).sum() >= 2
    assert not present[-1].all()
    assert present.any(axis=1).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [("height", 8), ("num_frames", 0), ("empty_ratio", 1.5), ("speed", -1.0), ("max_objects", 0)],
)
def test_a_configuration_that_cannot_be_is_refused_by_name(field: str, value: float) -> None:
    change: dict[str, Any] = {field: value}
    with pytest.raises(ConfigError, match=field):
        replace(SMALL, **change)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed"):
        ClipGenerator(SMALL, -1)
