"""Kept segmenter outputs are what the segmenter gave, and of the clips that were asked for."""

import pytest
import torch

from maskstream_model.errors import ConfigError, TrainingError
from maskstream_train.ablation import segmented
from maskstream_train.ablation.segmented import ClipSet, segmented_clips
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.training.run_options import BatchPlan
from maskstream_train.training.segmenter_stage import images_of
from support.tiny import tiny_model

CLIPS = SyntheticConfig(height=64, width=96, num_frames=3, empty_ratio=0.0)
WANTED = ClipSet(CLIPS, seed=4, count=5)


@pytest.fixture(scope="module")
def segmenter():
    return tiny_model().segmenter


@pytest.fixture
def clips(segmenter, tmp_path):
    return segmented_clips(tmp_path / "clips.safetensors", segmenter, "mark", WANTED)


def test_what_is_kept_is_what_the_segmenter_gave(segmenter, clips):
    batch = clips.batch([3])
    clip = ClipGenerator(CLIPS, 4).clip(3)
    with torch.no_grad():
        given = segmenter(images_of(torch.from_numpy(clip.frames)))
    for number, output in enumerate(batch.outputs):
        for name in ("embeddings", "logits"):
            assert torch.equal(vars(output)[name][0], vars(given)[name][number])
        for name in ("mask_logits", "mask_features"):
            assert torch.equal(vars(output)[name][0], vars(given)[name][number].half().float())
    objects = len(clip.labels)
    assert torch.equal(batch.masks[0, :, :objects], torch.from_numpy(clip.masks))
    assert batch.labels[0, :objects].tolist() == clip.labels.tolist()
    assert torch.equal(batch.present, batch.masks.any(-1).any(-1))
    assert batch.num_frames == 3


def test_a_file_that_is_there_is_read_and_not_made_again(segmenter, clips, tmp_path, monkeypatch):
    monkeypatch.delattr(segmented, "_segment_all")
    again = segmented_clips(tmp_path / "clips.safetensors", segmenter, "mark", WANTED)
    for name, part in vars(clips.output).items():
        assert torch.equal(vars(again.output)[name], part)
    assert torch.equal(again.masks, clips.masks)


@pytest.mark.parametrize(
    ("mark", "wanted", "differing"),
    [
        ("other", WANTED, "segmenter"),
        ("mark", ClipSet(CLIPS, 6, 5), "seed"),
        ("mark", ClipSet(CLIPS, 4, 6), "count"),
        ("mark", ClipSet(SyntheticConfig(height=64), 4, 5), "clips"),
    ],
)
def test_a_file_of_other_clips_is_refused(segmenter, clips, tmp_path, mark, wanted, differing):
    with pytest.raises(TrainingError, match=rf"holds other clips \(by {differing}\)"):
        segmented_clips(tmp_path / "clips.safetensors", segmenter, mark, wanted)


def test_a_damaged_file_is_refused_by_name(segmenter, tmp_path):
    path = tmp_path / "clips.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"clips\.safetensors cannot be read"):
        segmented_clips(path, segmenter, "mark", WANTED)


def test_more_clips_than_there_is_room_for_are_refused_at_once(segmenter, tmp_path):
    path = tmp_path / "clips.safetensors"
    with pytest.raises(ConfigError, match="take fewer, smaller or shorter ones"):
        segmented_clips(path, segmenter, "mark", ClipSet(CLIPS, 4, 10**6))
    assert list(tmp_path.iterdir()) == []


def test_batches_are_a_function_of_seed_and_number(clips):
    def labels(seed, first, count):
        stream = clips.stream(BatchPlan(CLIPS, batch_size=2, seed=seed), first, 0)
        return [next(stream).masks.sum().item() for _ in range(count)]

    assert labels(0, 0, 6)[2:] == labels(0, 2, 4)
    assert labels(0, 0, 6) != labels(1, 0, 6)
