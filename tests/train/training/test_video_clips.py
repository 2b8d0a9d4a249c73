"""Batches from data sets: by number, in turns, with the model's classes."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_model.config import ClassInfo
from maskstream_model.errors import DatasetError, TrainingError
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.batches import stream_batches
from maskstream_train.training.clip_sampling import ClipSampling, frame_numbers, place_of
from maskstream_train.training.distribution import Share
from maskstream_train.training.video_clips import UNKNOWN, VideoClips, open_sources, taught
from maskstream_train.training.video_plan import VideoPlan
from support.videos import FakeVideos

STILL = FakeVideos(lengths=(1, 1, 1), size=(80, 64), names=("dog", "tree", "cat"), name="stills")
PLAN = VideoPlan(
    videos=FakeVideos(),
    pictures=STILL,
    picture_classes={"cat": "class_1", "cow": "class_0"},
    sampling=ClipSampling(3),
    augmentation=Augmentation(short_sides=(48, 64), crop_short_sides=(56,), crop_range=(40, 56)),
    classes=tuple(ClassInfo(name, "#ffffff") for name in ("class_0", "class_1", "Class 2")),
    model="tiny",
    batch_size=4,
    seed=5,
)


def parts(batch):
    return batch.frames, batch.masks, batch.labels, batch.present


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(parts(one), parts(other), strict=True))


def times(clip):
    """The frame numbers of a clip of `FakeVideos`, read off its dark pixels' blue."""
    return [int(np.median(frame[frame[..., 0] < 9, 2])) for frame in clip.frames]


def test_a_batch_is_a_function_of_its_number():
    assert same(VideoClips(PLAN)[3], VideoClips(PLAN)[3])
    assert same(VideoClips(PLAN)[3], pickle.loads(pickle.dumps(VideoClips(PLAN)))[3])
    assert not same(VideoClips(PLAN)[3], VideoClips(PLAN)[4])
    assert not same(VideoClips(PLAN)[3], VideoClips(replace(PLAN, seed=6))[3])


def test_streaming_can_begin_anywhere():
    stream = stream_batches(PLAN, first=2, workers=0)
    assert same(next(stream), VideoClips(PLAN)[2])
    assert same(next(stream), VideoClips(PLAN)[3])


def test_processes_make_the_whole_batch_between_them():
    whole = VideoClips(PLAN)[1]
    halves = [VideoClips(PLAN, Share(rank, 2))[1] for rank in range(2)]
    assert [len(half.frames) for half in halves] == [2, 2]
    for row in range(4):
        half, place = halves[row // 2], row % 2
        height, width = half.frames.shape[2:4]
        assert torch.equal(half.frames[place], whole.frames[row, :, :height, :width])


def test_more_processes_than_clips_are_refused():
    with pytest.raises(TrainingError, match="8 processes"):
        VideoClips(PLAN, Share(0, 8))[0]


def test_clips_of_different_size_are_padded_with_the_mean_colour_to_multiples_of_32():
    batch = VideoClips(PLAN)[0]
    assert batch.frames.shape[2] % 32 == batch.frames.shape[3] % 32 == 0
    single = VideoClips(PLAN).clip(0)
    height, width = single.frames.shape[1:3]
    assert np.array_equal(batch.frames[0, :, :height, :width].numpy(), single.frames)
    beyond = batch.frames[0, :, height:]
    assert beyond.numel() > 0
    assert (beyond == torch.tensor([124, 116, 104], dtype=torch.uint8)).all()
    assert not batch.masks[0, :, :, height:].any()


def test_videos_and_pictures_take_turns():
    clips = [VideoClips(PLAN).clip(position) for position in range(8)]
    from_pictures = [set(clip.labels.tolist()) == {1} for clip in clips]
    assert from_pictures == [False, True] * 4


def test_a_picture_becomes_a_clip_that_turns():
    clip = VideoClips(PLAN).clip(1)
    assert len(clip.frames) == 3
    assert times(clip) == [0, 0, 0]
    assert not np.array_equal(clip.masks[0], clip.masks[-1])


def test_neighbouring_frames_are_taken_in_order():
    plan = replace(PLAN, pictures=None, videos=FakeVideos(lengths=(9,)))
    for position in range(20):
        first, *rest = times(VideoClips(plan).clip(position))
        assert rest == [first + 1, first + 2]


def test_every_video_is_seen_once_before_one_is_seen_twice():
    places = [place_of(position, [5, 3], seed=1) for position in range(30)]
    assert [source for source, _ in places] == [0, 1] * 15
    videos = [video for source, video in places if source == 0]
    assert all(sorted(videos[at : at + 5]) == [0, 1, 2, 3, 4] for at in (0, 5, 10))
    assert len({tuple(videos[at : at + 5]) for at in (0, 5, 10)}) > 1


@pytest.mark.parametrize("length", [5, 6, 30])
def test_long_videos_give_neighbours_from_anywhere(length):
    drawn = [frame_numbers(length, ClipSampling(5), np.random.default_rng(s)) for s in range(300)]
    assert all(np.diff(numbers).tolist() == [1] * 4 for numbers in drawn)
    assert {numbers[0] for numbers in drawn} == set(range(length - 4))


def test_short_videos_are_completed_at_the_end():
    numbers = frame_numbers(3, ClipSampling(7), np.random.default_rng(0))
    assert numbers[:3] == [0, 1, 2]
    assert len(numbers) == 7
    assert set(numbers) == {0, 1, 2}


def test_clips_are_reversed_as_often_as_asked():
    sampling = ClipSampling(5, reverse_share=0.5)
    drawn = [frame_numbers(20, sampling, np.random.default_rng(seed)) for seed in range(200)]
    assert 70 < sum(numbers[0] > numbers[-1] for numbers in drawn) < 130


def test_crowds_and_unknown_categories_are_not_taught():
    shown = FakeVideos(labels=(0, 2, 1), crowd=(False, True, False)).read(0, [0, 1])
    kept = taught(shown, np.array([4, UNKNOWN, 6]))
    assert kept.labels.tolist() == [4]
    assert kept.masks.shape[1] == 1


def test_a_clip_that_shows_nothing_is_replaced():
    plan = replace(PLAN, videos=Mixed(lengths=(7, 7)), pictures=None)
    assert all(VideoClips(plan).clip(position).labels.size for position in range(6))


def test_a_data_set_that_shows_nothing_is_refused():
    plan = replace(PLAN, videos=FakeVideos(crowd=(True, True)), pictures=None)
    with pytest.raises(DatasetError, match="squares: 50 clips in a row show nothing"):
        VideoClips(plan).clip(0)


class Mixed(FakeVideos):
    """The first video shows crowds only."""

    def read(self, video, numbers):
        shown = super().read(video, numbers)
        return replace(shown, crowd=np.full(2, video == 0))


def test_classes_are_found_by_name_in_any_order():
    names = ("Class-2", "class 0", "class 1")
    opened, _ = open_sources(replace(PLAN, videos=FakeVideos(names=names)))
    assert opened.classes.tolist() == [2, 0, 1]


def test_pictures_teach_the_classes_that_are_wanted_of_them():
    _, opened = open_sources(PLAN)
    assert opened.classes.tolist() == [UNKNOWN, UNKNOWN, 1]
    with pytest.raises(DatasetError, match="no category of the pictures is a class of tiny"):
        open_sources(replace(PLAN, picture_classes={}))


def test_a_data_set_of_other_classes_is_refused():
    with pytest.raises(DatasetError, match="squares: tiny knows 3 classes, the data set has 2"):
        VideoClips(replace(PLAN, videos=FakeVideos(names=("car", "dog"))))[0]


def test_a_plan_without_videos_is_refused():
    with pytest.raises(DatasetError, match="give its folder"):
        VideoClips(replace(PLAN, videos=None))[0]


def test_what_a_worker_cannot_read_is_one_sentence():
    plan = replace(PLAN, videos=FakeVideos(crowd=(True, True)), pictures=None)
    with pytest.raises(DatasetError) as caught:
        next(stream_batches(plan, first=0, workers=1))
    assert str(caught.value) == "squares: 50 clips in a row show nothing to learn from"
