"""A video of several windows against the specification's own bookkeeping.

The network and the choice of instances are ours, and compared with recordings elsewhere. What is
said again here is what is kept of clips: mask logits of every clip of a window, as the reference
keeps them, and what of them goes over into the next window.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from maskstream_model.mdqe.instances import Instances, instances
from maskstream_model.mdqe.matching import embed_scores, mask_scores, match
from maskstream_model.tasks.preprocess import prepare
from maskstream_model.video import segment_video
from support.mdqe import tiny_model
from support.tiny import tiny_frames

FRAMES = tiny_frames(14, seed=1)
RECENT, MATCHED, GROWTH = 5, 15, 0.25
NOISE = 1e-4


@dataclass
class DenseTrack:
    """All that clips of this window said of a track, and its scores in the windows before."""

    windows: list[Tensor]
    age: int = 0
    memory: Tensor | None = None
    embeds: list[Tensor | None] = field(default_factory=list)
    masks: dict[int, list[Tensor]] = field(default_factory=dict)
    scores: list[Tensor] = field(default_factory=list)

    def weighted(self) -> Tensor:
        """The mean of the embeddings of the last three clips, of which newer ones count more."""
        last = self.embeds[-3:]
        pairs = [(np.exp(GROWTH * n), each) for n, each in enumerate(last) if each is not None]
        return sum(weight * each for weight, each in pairs) / max(1.0, sum(w for w, _ in pairs))


class DenseVideo:
    """The specification's tracker; `emitted` are mean logits by frame and track."""

    def __init__(self, classes: int) -> None:
        self.classes, self.num_windows, self.num_seen = classes, 0, 0
        self.tracks: list[DenseTrack] = []
        self.emitted: dict[tuple[int, int], Tensor] = {}

    def update(self, frames: list[int], found: Instances, new_min: float) -> None:
        pairs = self._pairs(frames, found)
        likely = [n for n in pairs.others.tolist() if not self.tracks or found.scores[n] > new_min]
        rows = pairs.tracks.tolist() + list(range(len(self.tracks), len(self.tracks) + len(likely)))
        zeros = torch.zeros(self.classes)
        self.tracks += [DenseTrack([zeros] * self.num_windows) for _ in likely]
        chosen = dict(zip(rows, pairs.instances.tolist() + likely, strict=True))
        for row, track in enumerate(self.tracks):
            track.age += 1
            place = chosen.get(row)
            track.embeds.append(None if place is None else found.embeds[place])
            if place is None:
                continue
            track.age = 0
            track.scores.append(found.class_scores[place])
            for frame, logits in zip(frames, found.mask_logits[place], strict=True):
                track.masks.setdefault(frame, []).append(logits)
            track.memory = track.weighted()

    def _pairs(self, frames: list[int], found: Instances):
        known = [frame for frame in frames if frame < self.num_seen]
        self.num_seen = frames[-1] + 1
        new = found.mask_logits[:, : len(known)]
        nothing = torch.zeros_like(found.mask_logits[0, 0])
        stored = [
            torch.stack([sum(track.masks.get(frame, []), nothing) for frame in known])
            for track in self.tracks
        ]
        ages = torch.tensor([track.age for track in self.tracks])
        memory = [track.memory for track in self.tracks]
        logits = torch.stack(stored) if stored else new[:0]
        embeds = torch.stack(memory) if memory else found.embeds[:0]
        return match(
            mask_scores(logits, new),
            embed_scores(embeds, found.embeds, ages < MATCHED, ages < RECENT),
        )

    def emit(self, upto: int) -> None:
        """End a window: frames up to this one are said, the mean of later ones is one clip."""
        for row, track in enumerate(self.tracks):
            means = {frame: sum(each) / len(each) for frame, each in track.masks.items()}
            said = sum(track.scores, torch.zeros(self.classes)) / max(1, len(track.scores))
            track.windows.append(said)
            self.emitted |= {(frame, row): m for frame, m in means.items() if frame <= upto}
            track.masks = {frame: [m] for frame, m in means.items() if frame > upto}
            track.scores = [said] if track.masks else []
            track.embeds = [track.weighted() if track.masks else None]
        self.num_windows += 1

    def class_scores(self) -> Tensor:
        windows = torch.stack([torch.stack(track.windows) for track in self.tracks])
        return 0.75 * windows.mean(1) + 0.25 * windows.amax(1)


def dense(model) -> DenseVideo:
    """The whole video: clips from every frame on, the last one short."""
    rules, network = model.config.online, model.network
    prepared = prepare(FRAMES, rules)
    with torch.no_grad():
        encoded = network.encode(prepared.images, prepared.resized)
        video, last = DenseVideo(model.config.num_classes), len(FRAMES) - rules.clip_frames + 1
        for start in range(last + 1):
            numbers = list(range(start, min(start + rules.clip_frames, len(FRAMES))))
            clip = encoded[numbers[0] : numbers[-1] + 1]
            found = instances(network(clip), clip.mask_features, rules)
            video.update(numbers, found, 2 * rules.instance_score_min)
            if start == last:
                video.emit(len(FRAMES))
            elif start + 1 >= rules.window_frames * (video.num_windows + 1):
                video.emit(start)
    return video


@pytest.fixture(scope="module")
def model():
    """Windows of four frames, so that the video has three of them and a part of another."""
    return tiny_model(max_missed_clips=None)


@pytest.fixture(scope="module")
def expected(model):
    return dense(model)


@pytest.fixture(scope="module")
def results(model):
    return list(segment_video(model, FRAMES))


def test_tracks_and_their_class_scores_are_those_of_all_windows(results, expected):
    assert expected.num_windows > 2
    last = results[-1].tracks
    rows = last.track_ids - 1
    shown = {row for (_, row), logits in expected.emitted.items() if (logits > 0).any()}
    assert set(rows.tolist()) == shown
    theirs = expected.class_scores()[torch.from_numpy(rows)].numpy()
    assert np.abs(last.class_scores - theirs).max() <= NOISE


def test_masks_are_the_means_over_the_clips_of_their_window(results, expected):
    for frame, result in enumerate(results):
        for row, logits in zip(result.tracks.track_ids - 1, result.masks.mask_logits, strict=True):
            theirs = expected.emitted.get((frame, int(row)), torch.zeros_like(logits))
            assert (logits - theirs).abs().max() <= NOISE, (frame, row)


def test_a_window_changes_what_is_said(results):
    """Without windows the same video has other scores: the test above sees them."""
    whole = list(segment_video(tiny_model(max_missed_clips=None, window_frames=30), FRAMES))
    assert np.abs(whole[-1].tracks.scores - results[-1].tracks.scores).max() > 10 * NOISE
