"""What the trackers of `demo` learn from: stills with look-alikes, videos, generated clips."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maskstream_model.classes import EVERYDAY
from maskstream_model.daq.presets import preset
from maskstream_train.data.packed import KNOWN, UNKNOWN, PackedPictures
from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.clip_source import ClipSource
from maskstream_train.training.packed_sampling import PackedClips, PackedViews, frames_at_stride
from maskstream_train.training.presets import training_preset
from maskstream_train.training.run_options import BatchPlan, with_packed
from maskstream_train.training.stage import moment_of
from support.packs import small_pack
from support.small_runs import fresh_stage

SIZE, COUNT = (64, 96), 6


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_pack(tmp_path_factory.mktemp("pack"), EVERYDAY.split())


def tracker_plan(pack: Path, **mix: float) -> BatchPlan:
    plan = training_preset(preset("demo"), "tracker").plan
    assert isinstance(plan, BatchPlan)
    small = replace(plan.clips, height=SIZE[0], width=SIZE[1])
    return with_packed(replace(plan, clips=small, mix=replace(plan.mix, **mix)), pack)


def test_trackers_follow_what_is_marked_everywhere_beside_look_alikes(pack: Path) -> None:
    views = tracker_plan(pack).mix.views
    assert views.followed
    assert views.max_stride == 4
    assert 0 < views.lookalike_share < 1


def test_a_still_becomes_a_clip_in_which_a_look_alike_passes(pack: Path) -> None:
    clips = PackedClips(PackedPictures(pack), PackedViews(lookalike_share=1.0))
    alone = PackedClips(PackedPictures(pack), PackedViews(lookalike_share=0.0))
    twice = 0
    for seed in range(12):
        clip = clips.still(SIZE, COUNT, 20, np.random.default_rng(seed))
        assert clip.frames.shape == (COUNT, *SIZE, 3)
        assert (clip.masks.sum(axis=1) <= 1).all()
        twice += max(Counter(clip.labels.tolist()).values(), default=0) > 1
        other = alone.still(SIZE, COUNT, 20, np.random.default_rng(seed))
        assert max(Counter(other.labels.tolist()).values(), default=0) <= 1
    assert twice >= 8


def test_a_clip_of_a_video_moves_and_knows_nothing_but_its_object(pack: Path) -> None:
    clips = PackedClips(PackedPictures(pack), PackedViews(max_stride=4, followed=True))
    clip = clips.video(SIZE, COUNT, 20, np.random.default_rng(3))
    assert clip.labels.shape == (1,)
    assert clip.ignored is not None
    shown = clip.masks[:, 0]
    assert (clip.ignored[shown] == KNOWN).all()
    assert (clip.ignored[~shown] == UNKNOWN).all()
    assert len({mask.tobytes() for mask in shown}) > 1


@pytest.mark.parametrize(("length", "steps"), [(40, {1, 2, 3, 4}), (12, {1, 2}), (6, {1})])
def test_strides_are_as_long_as_the_video_allows(length: int, steps: set[int]) -> None:
    seen = set()
    for seed in range(60):
        chosen = frames_at_stride(length, COUNT, 4, np.random.default_rng(seed))
        seen |= {abs(int(step)) for step in np.diff(chosen)}
        assert all(0 <= frame < length for frame in chosen)
    assert seen == steps


def test_shares_are_settings(pack: Path) -> None:
    def known(**mix: float) -> list[bool]:
        source = ClipSource(tracker_plan(pack, **mix), SIZE)
        return [source.clip(index).ignored is None for index in range(6)]

    assert known(still_share=0.0, video_share=0.0) == [True] * 6, "the generator knows it all"
    assert known(still_share=1.0, video_share=0.0) == [False] * 6
    assert known(still_share=0.0, video_share=1.0) == [False] * 6


def test_the_tracker_stage_takes_a_batch_of_all_of_them(pack: Path, small_run) -> None:
    plan = replace(tracker_plan(pack), batch_size=6, scales=(1.0,))
    config = replace(small_run.config, classes=preset("demo").classes * 5)
    stage = fresh_stage("tracker", replace(small_run, config=config, plan=plan))
    batch = ClipBatches(plan)[0]
    assert batch.num_frames == COUNT
    assert batch.ignored is not None
    losses = stage.losses(batch, moment_of(0, 1, 0.9, torch.device("cpu")))
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    assert torch.isfinite(total)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in stage.module.parameters())
