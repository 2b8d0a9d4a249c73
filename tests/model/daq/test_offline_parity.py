"""The offline model against the reference's recording of a whole clip (docs/model.md 4).

Row order is undefined there (docs/model.md 8): tracks are paired by their ids, naive sequences,
which have none, by what they hold. Weights are those of the online cases and a refiner's.

Mask pixels within rounding of 0 may fall on either side, each in the appearance of one track of 283
(goldens/README.md): `support.ties` turns them where one of the 100 refined rows is moved.
"""

import numpy as np
import pytest
import torch

from maskstream_model.daq.clip_rows import clip_rows
from maskstream_model.port import StepInput
from support.clip_results import best_pairs
from support.offline import tracked_frames
from support.recorded import MAIN
from support.ties import turn_ties

CASE, VARIANT = "r50_ovis_offline_96x160", "daq_r50_ovis_offline"
VALUES, STATES, MASKS, SCORES = 1e-4, 1e-3, 2e-3, 1e-4
MOMENTUM, MAX_MOVED = 1e-1, 0.05
MAX_DIFFERING = 1e-3  # pixels within 2e-3 of 0 are 2.6e-4 of all


@pytest.fixture(scope="module")
def arrays(recorded):
    return lambda name: recorded.reference.golden(CASE, name)


@pytest.fixture(scope="module")
def model(recorded):
    with torch.no_grad():
        yield recorded.offline_model(VARIANT)


@pytest.fixture(scope="module")
def frames(recorded):
    return recorded.reference.clip("clip_96x160")


@pytest.fixture(scope="module")
def tracked(model, frames, arrays):
    def missed(tracked):
        rows = clip_rows(tracked, model.config.offline.max_kept)
        ours, theirs = rows.features[pairs_of(rows, arrays)], inputs(arrays)[0]
        return float((ours - theirs).abs().max())

    return turn_ties(lambda: tracked_frames(model, frames), missed)[0]


@pytest.fixture(scope="module")
def rows(tracked, model):
    return clip_rows(tracked, model.config.offline.max_kept)


@pytest.fixture(scope="module")
def pairs(rows, arrays):
    return pairs_of(rows, arrays)


def pairs_of(rows, arrays):
    """Indices of our rows in the order of the recorded ones."""
    ids, features = arrays("refiner_inputs")["seq_ids"], inputs(arrays)[0]
    ours = rows.row_ids.tolist()
    naive = [index for index, row_id in enumerate(ours) if row_id < 0]
    return [
        ours.index(row_id + 1)
        if row_id >= 0
        else min(naive, key=lambda index: (rows.features[index] - features[row]).abs().max())
        for row, row_id in enumerate(ids)
    ]


def inputs(arrays):
    """The recorded inputs of the refiner: rows `(R, T, C)`, embeddings `(T, Q, C)`."""
    recorded = arrays("refiner_inputs")
    features = torch.from_numpy(recorded["instance_embeds"]).permute(2, 1, 0)
    return features, torch.from_numpy(recorded["frame_embeds"]).permute(1, 2, 0)


def difference(ours, theirs):
    """The differences beyond the rounding of a recording in half precision."""
    half = theirs.dtype == np.float16
    theirs = theirs.astype(np.float32)
    return np.abs(ours.numpy() - theirs) - (1e-3 * np.abs(theirs) if half else 0)


def test_tracks_are_those_recorded_at_the_end(tracked, arrays):
    expected, last = arrays("trk_f09"), tracked[-1]
    np.testing.assert_array_equal(last.track_ids - 1, expected["alive_ids"])
    alive = last.output.status < 3
    np.testing.assert_array_equal((last.output.status < 2)[alive], expected["visible"])
    np.testing.assert_array_equal(last.output.ages[alive], expected["seq_len"])
    assert difference(last.queries, expected["track_queries"]).max() < 3e-2
    moved = difference(last.positions, expected["track_pos"]).max(1)
    assert moved.max() < MOMENTUM
    assert (moved > 2e-3).mean() <= MAX_MOVED


def test_the_refiner_is_given_the_recorded_rows(rows, pairs, arrays):
    expected = arrays("refiner_inputs")
    assert sorted(pairs) == list(range(100))
    ids = np.where(expected["seq_ids"] < 0, -1, expected["seq_ids"] + 1)
    np.testing.assert_array_equal(rows.row_ids[pairs].clamp(min=-1), ids)
    np.testing.assert_array_equal(rows.padded[pairs], expected["padding_masks"])
    assert difference(rows.features[pairs], inputs(arrays)[0].numpy()).max() < VALUES
    assert difference(rows.logits[pairs], arrays("online_part")["online_logits"]).max() < VALUES


def test_the_refiner_is_given_the_recorded_embeddings(tracked, arrays):
    embeddings = torch.stack([frame.embeddings for frame in tracked])
    assert difference(embeddings, inputs(arrays)[1].numpy()).max() < VALUES


def test_the_refiner_answers_recorded_inputs_as_recorded(model, recorded, arrays):
    expected, (features, embeddings) = arrays("refiner_outputs"), inputs(arrays)
    first = model.refiner.transformer_time_self_attention_layers[0](features)
    assert difference(first.transpose(0, 1), expected["time_attn_layer0"]).max() < STATES
    states = model.refiner.decode(features, embeddings)
    assert difference(states[1], expected["ffn_layer0"]).max() < STATES
    assert difference(states[6], expected["ffn_layer5"]).max() < STATES
    refined = model.refiner.predict(states[-1])
    assert difference(refined.logits, expected["pred_logits"]).max() < VALUES
    for time in range(10):
        features = torch.from_numpy(
            recorded.reference.golden(MAIN, f"seg_f{time:02d}")["mask_features"]
        )
        masks = refined.segment(time, features, torch.arange(100))
        assert difference(masks, expected["pred_masks"][:, time]).max() < MASKS


def test_a_window_that_holds_the_whole_clip_gives_the_recorded_result(model, frames, arrays):
    expected = arrays("result")
    (output,) = model.step([StepInput(list(frames), model.begin())])
    assert output.results == []
    video = model.flush(output.state)
    size = tuple(expected["image_size"].tolist())
    assert [result.index for result in video.results] == list(range(1, 11))
    count = int(np.prod(expected["mask_shape"]))
    masks = np.unpackbits(expected["masks_packed"])[:count].reshape(expected["mask_shape"])
    theirs = list(
        zip(
            expected["seq_ids"][expected["seq_index"]],
            expected["labels"],
            expected["scores"],
            masks.astype(bool),
            strict=True,
        )
    )
    theirs.sort(key=lambda pair: -pair[2])
    rows, tracks = zip(*video.state.tracks.rows.items(), strict=True)
    votes = torch.from_numpy(np.stack([track.vote.mean for track in tracks]))
    ours = zip(*(values.tolist() for values in best_pairs(votes, 20)), strict=True)
    tubes = masks_by_id(video.results, size)
    assert len(theirs) == 20
    for (score, row, label), (row_id, theirs_label, theirs_score, mask) in zip(
        ours, theirs, strict=True
    ):
        assert max(rows[row], 0) == row_id + 1
        assert (label, score) == (theirs_label, pytest.approx(theirs_score, abs=SCORES))
        assert (tubes[tracks[row].track_id] != mask).mean() <= MAX_DIFFERING


def masks_by_id(results, size):
    """Masks `(T, height, width)` of each track of a video."""
    tubes = {}
    for time, result in enumerate(results):
        ids = result.tracks.track_ids
        for track, mask in zip(
            ids.tolist(), result.masks.crops(np.arange(len(ids)), size).whole(), strict=True
        ):
            tubes.setdefault(track, np.zeros((len(results), *size), bool))[time] = mask
    return tubes
