"""A whole video through the port against what the authors' code writes for it.

Where one cell of the grid has two pixels that are as good, another CPU may choose the other: the
places of queries are the recorded ones, all else is computed.
"""

import numpy as np
import pytest
import torch

from maskstream_model.mdqe.model import MdqeModel
from maskstream_model.mdqe.presets import preset
from maskstream_model.mdqe.queries import features_at
from maskstream_model.port import StepInput
from support.mdqe import CPU, recorded_network

SCORES, EMBEDS, SHARE = 2e-5, 5e-5, 2e-5
EARLY = 3
"""Short clips before the first full one, for provisional results alone: none are recorded."""


@pytest.fixture(scope="module")
def recorded(recordings):
    return recordings.arrays("r50_ovis_8f_w30")


@pytest.fixture(scope="module")
def video(recordings, recorded):
    """The final results, and the memory after each clip."""
    network = recorded_network(recordings)
    choose, clips = network.transformer_dec.begin, iter(range(-EARLY, 6))

    def begin(clip):
        if (number := next(clips)) < 0:
            return choose(clip)
        points = torch.from_numpy(recorded[f"c{number}.coords_aligned"])
        return features_at(clip.levels(), points), points

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network.transformer_dec, "begin", begin)
        config = preset("mdqe_r50_ovis").override(min_size=None)
        model = MdqeModel(config, network, CPU, "recorded")
        state, outputs = model.begin(), []
        for frame in recorded["frames"]:
            (output,) = model.step([StepInput([frame], state)])
            outputs.append(output)
            state = output.state
        outputs.append(model.flush(state))
    results = [result for output in outputs for result in output.results if result.final]
    return results, [output.state.memory for output in outputs[3:]]


@pytest.fixture(scope="module")
def finals(video):
    return video[0]


def test_each_clip_links_the_recorded_tracks(video, recorded):
    for clip, memory in enumerate(video[1]):
        assert memory.num_tracks == recorded[f"c{clip}.num_inst"]
        assert memory.missed_clips.tolist() == recorded[f"c{clip}.untracked"].tolist()
        assert np.abs(memory.embeds.numpy() - recorded[f"c{clip}.mem_embed"]).max() <= EMBEDS


def test_classes_are_scored_as_recorded(finals, recorded):
    last = finals[-1].tracks
    scores = last.class_scores[last.track_ids.argsort()]
    assert np.abs(scores - recorded["emit0.cls"]).max() <= SCORES


def test_masks_at_the_size_of_the_pictures_are_the_recorded_ones(finals, recorded):
    size = tuple(recorded["final.size"].tolist())
    ours = np.zeros((8, len(finals), *size), bool)
    for time, result in enumerate(finals):
        masks = result.masks.crops(np.arange(len(result.tracks.track_ids)), size).whole()
        ours[result.tracks.track_ids - 1, time] = masks
    shape = tuple(recorded["final.masks_shape"])
    bits = np.unpackbits(recorded["final.masks_packed"], count=int(np.prod(shape)))
    theirs = bits.reshape(shape).astype(bool)
    tracks, labels = pairs(recorded["emit0.cls"])
    assert sorted(labels.tolist()) == sorted(recorded["final.labels"].tolist())
    rows = matched(recorded["emit0.cls"][tracks, labels], labels, recorded)
    assert (ours[tracks] != theirs[rows]).mean() <= SHARE


def pairs(scores):
    """Tracks and classes that the authors report."""
    return np.nonzero(scores > 0.05)


def matched(scores, labels, recorded):
    """The recorded rows of pairs, by their class and score."""
    rows = []
    for score, label in zip(scores, labels, strict=True):
        away = np.abs(recorded["final.scores"] - score)
        away[recorded["final.labels"] != label] = np.inf
        rows.append(int(away.argmin()))
    assert sorted(rows) == list(range(len(recorded["final.scores"])))
    return rows
