"""Clips of packed pictures: true to what is marked, silent about what nobody marked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maskstream_train.data.packed import DOUBTFUL, KNOWN, UNKNOWN, PackedPictures
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.batches import ClipBatches, stream_batches
from maskstream_train.training.packed_sampling import PackedClips, PackedViews, frames_at_stride
from maskstream_train.training.run_options import BatchPlan, Mix, with_packed
from maskstream_train.training.windows import Views
from support.packed_pictures import BIRD, BLUE, DOG, PERSON, RED, PackedFile, box, small_file

SIZE = 96, 128
PLAIN = PackedViews(colour=0.0, grey_share=0.0, blur_share=0.0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_file(tmp_path_factory.mktemp("packed"))


def plan(file: Path, **changes: float) -> BatchPlan:
    clips = SyntheticConfig(height=64, width=96, num_frames=2)
    mixed = with_packed(BatchPlan(clips, batch_size=4, scales=(1.0,), seed=3), file)
    return replace(mixed, mix=replace(mixed.mix, **changes))


def test_masks_lie_where_the_objects_are_drawn(file: Path) -> None:
    clips = PackedClips(PackedPictures(file), PLAIN)
    for seed in range(30):
        clip = clips.still(SIZE, 2, 20, np.random.default_rng(seed))
        assert clip.frames.shape == (2, *SIZE, 3)
        red = clip.frames[..., 0].astype(int) > clip.frames[..., 2].astype(int) + 90
        people = clip.masks[:, clip.labels == PERSON].any(axis=1)
        small = people.sum(axis=(1, 2)) == 0
        assert (red == people)[~small].mean(axis=(1, 2)).min(initial=1.0) > 0.97


def test_both_frames_of_a_still_show_the_same_objects_elsewhere(file: Path) -> None:
    clips = PackedClips(PackedPictures(file), PLAIN)
    made = [clips.still(SIZE, 2, 20, np.random.default_rng(seed)) for seed in range(20)]
    both = [clip.masks.any(axis=(2, 3)).all(axis=0).mean() for clip in made if len(clip.labels)]
    assert np.mean(both) > 0.8
    assert sum(not np.array_equal(clip.frames[0], clip.frames[1]) for clip in made) > 15


def test_ignored_places_go_with_the_window(tmp_path: Path) -> None:
    packed = PackedFile(tmp_path)
    packed.add(
        [(PERSON, box(60, 60, 120, 60), 1.0), (DOG, box(0, 200, 100, 100), 1.0)],
        [RED, BLUE],
        doubtful=box(120, 200, 100, 100),
    )
    clip = PackedClips(PackedPictures(packed.write()), PLAIN).still(
        SIZE, 1, 20, np.random.default_rng(1)
    )
    assert clip.ignored is not None
    assert (clip.ignored[clip.masks.any(axis=1)] == KNOWN).all()
    assert set(np.unique(clip.ignored)) <= {KNOWN, UNKNOWN, DOUBTFUL}
    whole = replace(PLAIN, still=Views(1.0, 0.0, 0.0, 0.0), flip_share=0.0)
    clip = PackedClips(PackedPictures(tmp_path / "packed.zip"), whole).still(
        (240, 320), 1, 20, np.random.default_rng(1)
    )
    assert (clip.ignored[0] == DOUBTFUL).sum() == box(120, 200, 100, 100).sum()
    assert (clip.ignored[0] == UNKNOWN).sum() == 240 * 320 - 60 * 120 - 2 * 100 * 100


def test_what_is_left_of_an_object_is_unknown_where_it_is_too_small(file: Path) -> None:
    clips, seen = PackedClips(PackedPictures(file), PLAIN), 0
    for seed in range(10):
        clip = clips.still(SIZE, 1, 10**6, np.random.default_rng(seed))
        assert len(clip.labels) == 0
        assert clip.ignored is not None
        red = clip.frames[..., 0].astype(int) > clip.frames[..., 2].astype(int) + 120
        assert (clip.ignored[red] != KNOWN).all()
        seen += red.sum()
    assert seen > 1000


def test_videos_play_their_own_frames(file: Path) -> None:
    still = replace(PLAIN, video=Views(1.0, 0.0, 0.0, 0.0), flip_share=0.0)
    clips = PackedClips(PackedPictures(file), still)
    for seed in range(10):
        clip = clips.video((240, 320), 3, 20, np.random.default_rng(seed))
        assert clip.labels.tolist() == [BIRD]
        left = [int(np.nonzero(mask.any(axis=0))[0][0]) for mask in clip.masks[:, 0]]
        assert len(set(np.diff(left))) == 1
        assert abs(left[1] - left[0]) in (20, 40)


@pytest.mark.parametrize("length", [1, 2, 5, 40])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_frames_of_a_video_are_inside_of_it(length: int, count: int) -> None:
    for seed in range(30):
        chosen = frames_at_stride(length, count, 3, np.random.default_rng(seed))
        assert len(chosen) == count
        assert min(chosen) >= 0
        assert max(chosen) < length


def test_a_share_of_the_clips_is_blurred(file: Path) -> None:
    clips, soft = PackedClips(PackedPictures(file), PLAIN), replace(PLAIN, blur_share=1.0)
    sharp, dull = (
        [one.still(SIZE, 1, 20, np.random.default_rng(seed)).frames for seed in range(6)]
        for one in (clips, PackedClips(PackedPictures(file), soft))
    )
    edges = [np.abs(np.diff(np.stack(each).astype(int), axis=3)).max() for each in (sharp, dull)]
    assert edges[1] < edges[0]


def test_certainties_are_those_of_the_labels(file: Path) -> None:
    clips = PackedClips(PackedPictures(file), PLAIN)
    seen = {0.9: 0, 1.0: 0}
    for seed in range(30):
        clip = clips.still(SIZE, 1, 20, np.random.default_rng(seed))
        for value in clip.certainties:
            seen[float(value)] += 1
    assert min(seen.values()) > 0


@pytest.mark.parametrize(
    ("shares", "kind"),
    [
        ({"still_share": 1.0, "video_share": 0.0}, "still"),
        ({"still_share": 0.0, "video_share": 1.0}, "video"),
        ({"still_share": 0.0, "video_share": 0.0}, "made"),
    ],
)
def test_shares_say_where_clips_come_from(file: Path, shares: dict[str, float], kind: str) -> None:
    batches = ClipBatches(plan(file, **shares))
    made = [batches[index] for index in range(3)]
    if kind == "made":
        assert all(batch.ignored is None and batch.certainties is None for batch in made)
        return
    unknown = [(batch.ignored == UNKNOWN).flatten(1).any(1) for batch in made]
    labels = {int(label) for batch in made for label in batch.labels[batch.present.any(1)]}
    assert labels <= ({BIRD} if kind == "video" else {PERSON, DOG})
    assert torch.cat(unknown).float().mean() > (0.9 if kind == "video" else 0.2)


def test_a_mixed_batch_is_a_function_of_its_number(file: Path) -> None:
    mixed = plan(file)
    batches = ClipBatches(mixed)
    expected = [batches[index] for index in range(4)]
    for batch, wanted in zip(stream_batches(mixed, first=2, workers=0), expected[2:], strict=False):
        assert all(torch.equal(a, b) for a, b in zip(batch.parts, wanted.parts, strict=True))
        assert batch.ignored is None or torch.equal(batch.ignored, wanted.ignored)


def test_a_share_of_the_batches_stands_upright(file: Path) -> None:
    batches = ClipBatches(replace(plan(file), portrait_share=0.5))
    shapes = {tuple(batches[index].frames.shape[2:4]) for index in range(8)}
    assert shapes == {(64, 96), (96, 64)}


def test_the_mix_says_what_the_weights_learned_from(file: Path) -> None:
    assert plan(file).name == "synthetic clips and packed pictures of packed.zip"
    assert plan(file).mix == Mix(file)
