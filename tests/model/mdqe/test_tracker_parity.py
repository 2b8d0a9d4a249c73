"""The tracker alone against thirty recorded clips: births, gaps, a double, five windows.

The recording has mask logits of instances and no coefficients. A feature for each cell of each
frame makes one of the other: the coefficients are the logits.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from maskstream_model.classes import classes
from maskstream_model.mdqe.config import MdqeConfig, MdqeRules, NetworkConfig
from maskstream_model.mdqe.instances import Instances
from maskstream_model.mdqe.listing import video_scores
from maskstream_model.mdqe.memory import initial_memory
from maskstream_model.mdqe.tracker import link

FRAMES, HEIGHT, WIDTH, CLIPS = 32, 12, 16, 30
CELLS = HEIGHT * WIDTH
NOISE = 2e-6


@dataclass(frozen=True)
class CellNetwork(NetworkConfig):
    """A network with a mask feature for each cell of each frame."""

    width: int = 32

    @property
    def mask_width(self):
        return FRAMES * CELLS


CONFIG = MdqeConfig(
    "recorded",
    classes("a b c d e"),
    CellNetwork(),
    online=MdqeRules(window_frames=6, max_missed_clips=15, instances_max=16, tracks_max=24),
)


@pytest.fixture(scope="module")
def recorded(recordings):
    return recordings.arrays("tracker_only")


@pytest.fixture(scope="module")
def clips(recorded):
    """The memory after each clip; nothing is ever forgotten, as in the reference."""
    memory, after = initial_memory(CONFIG, torch.device("cpu")), []
    for clip in range(CLIPS):
        frames = recorded[f"in{clip}.frames"].tolist()
        found = instances_of(recorded, clip, frames)
        memory = link(memory, found, features(frames), CONFIG).memory
        after.append(memory)
        memory = memory.answered(1 if len(frames) == 4 else len(frames))
    return after


def instances_of(recorded, clip, frames):
    masks = values(recorded[f"in{clip}.masks"])
    coefficients = torch.zeros(len(masks), FRAMES, CELLS)
    coefficients[:, frames] = masks.flatten(2)
    scores, shares, embeds = (
        values(recorded[f"in{clip}.{name}"]) for name in ("scores", "cls", "embeds")
    )
    return Instances(scores, shares, coefficients.flatten(1), masks, embeds)


def features(frames):
    cell = torch.arange(CELLS)
    maps = torch.zeros(len(frames), FRAMES * CELLS, CELLS)
    for place, frame in enumerate(frames):
        maps[place, cell + frame * CELLS, cell] = 1
    return maps.view(len(frames), -1, HEIGHT, WIDTH)


def values(array):
    return torch.from_numpy(array).float()


def test_instances_are_linked_as_recorded(clips, recorded):
    for clip, memory in enumerate(clips):
        where = f"clip {clip}"
        assert memory.num_tracks == recorded[f"out{clip}.num_inst"], where
        assert memory.missed_clips.tolist() == recorded[f"out{clip}.untracked"].tolist(), where
        tracks = (memory.missed_clips == 0).nonzero()[:, 0].tolist()
        assert tracks == recorded[f"out{clip}.track"].tolist(), where
        # The newest entry of the history is the instance's own embedding.
        ours = memory.recent[tracks, -1].numpy()
        theirs = recorded[f"in{clip}.embeds"][recorded[f"out{clip}.inst"]]
        np.testing.assert_array_equal(ours, theirs, where)


def test_tracks_are_remembered_as_recorded(clips, recorded):
    for clip, memory in enumerate(clips):
        gap = np.abs(memory.embeds.numpy() - recorded[f"out{clip}.mem"]).max()
        assert gap <= NOISE, f"clip {clip}"


def test_windows_emit_the_recorded_scores_and_masks(clips, recorded):
    first = 0
    for window in range(5):
        logits, last = recorded[f"emit{window}.logits"], recorded[f"emit{window}.after_clip"]
        gap = np.abs(clips[last].class_means().numpy() - recorded[f"emit{window}.cls"]).max()
        assert gap <= NOISE, f"window {window}"
        for place in range(logits.shape[1]):
            frame = first + place
            ours = mean_logits(clips, frame)
            theirs = logits[: len(ours), place].reshape(len(ours), -1)
            assert np.abs(ours - theirs).max() <= NOISE, f"frame {frame}"
            assert not logits[len(ours) :, place].any(), f"frame {frame}"
        first += logits.shape[1]
    assert first == FRAMES


def mean_logits(clips, frame):
    """Mean mask logits of a frame when it became final, `(N, CELLS)`."""
    memory = clips[min(frame, CLIPS - 1)]
    offset = frame - memory.num_frames
    sums = memory.coefficients[:, offset].view(-1, FRAMES, CELLS)[:, frame]
    return (sums / memory.frame_counts[:, offset].clamp(min=1)[:, None]).numpy()


def test_classes_of_the_video_are_scored_as_recorded(clips, recorded):
    scores = video_scores(clips[-1])
    best = scores.flatten().sort(descending=True).values
    kept = best[best > 0.05]
    theirs = np.sort(recorded["final.scores"])[::-1]
    assert kept.shape == theirs.shape
    assert np.abs(kept.numpy() - theirs).max() <= NOISE
    labels = sorted((scores > 0.05).nonzero()[:, 1].tolist())
    assert labels == sorted(recorded["final.labels"].tolist())
