"""Outputs of the authors' code, stage by stage and as a whole (docs/model.md 15).

The segmenter asks for the sign of logits; runs that meet a tie there are tried again with it on its
other side (`support/ties.py`). After the segmenter there is no threshold but that of the masks:
pixels within rounding of it are left out.
"""

import numpy as np
import pytest
import torch

from maskstream_model.port import StepInput
from maskstream_model.tasks.preprocess import padded_size, prepare
from support.genvis import recorded_model
from support.nearness import HALF_STEP
from support.runs import difference
from support.ties import turn_ties

# Default kernels and those of AVX2 are both off by up to 4.1e-6.
VALUES, SCORES, MASKS = 1.5e-5, 2e-6, 2e-4
STEPS = range(6)


@pytest.fixture(scope="module")
def model():
    return recorded_model()


@pytest.fixture(scope="module")
def encoded(model, recorded):
    """Each frame after the encoder; where frame queries are recorded, with ties turned."""
    return [encode(model, recorded, step) for step in STEPS]


def encode(model, recorded, step):
    images = prepare([recorded["frames"][step]], model.config.online).images

    def run():
        with torch.no_grad():
            return model.encoder(images)

    expected = recorded.get(f"s{step}.frame_queries")
    if expected is None:
        return run()
    return turn_ties(run, lambda encoded: difference(encoded.queries, expected))[0]


def assert_near(ours, expected, tolerance=VALUES):
    ours = ours.detach().numpy()
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= tolerance


def past_of(model, prototypes):
    return torch.stack(prototypes) if prototypes else model.clips.first_queries()[None][:0]


def said_of(model, queries, prototypes, frame_queries):
    """What the clip module says of a clip of one frame."""
    with torch.no_grad():
        recalled = model.clips.recall(queries, past_of(model, prototypes))
        return model.clips(frame_queries[None], recalled[None])


def test_frames_have_the_recorded_queries_and_mask_features(encoded, recorded):
    for step in (0, 1):
        assert_near(encoded[step].queries, recorded[f"s{step}.frame_queries"])
    features = recorded["s0.mask_features"].astype(np.float32)
    # Every other channel, in half precision.
    gap = np.abs(encoded[0].mask_features[:, ::2].numpy() - features)
    assert (gap <= VALUES + HALF_STEP * np.abs(features)).all()


def test_each_clip_meets_its_recording_from_the_recorded_state_before_it(model, encoded, recorded):
    """A step from the recorded queries; the memory is ours, since only outputs were recorded."""
    prototypes = []
    for step in STEPS:
        before = recorded.get(f"s{step - 1}.query_out")
        queries = model.clips.first_queries() if before is None else torch.from_numpy(before)
        output = said_of(model, queries, prototypes, encoded[step].queries)
        assert len(prototypes) == recorded[f"s{step}.memory_len"]
        assert_near(output.logits, recorded[f"s{step}.logits"])
        assert_near(output.mask_embeddings, recorded[f"s{step}.mask_embed"])
        assert_near(output.queries[0], recorded[f"s{step}.query_out"])
        with torch.no_grad():
            prototypes.append(
                model.clips.decoder_norm(torch.from_numpy(recorded[f"s{step}.query_out"]))
            )


def test_keys_and_values_of_the_memory_are_linear_in_what_ours_keeps(model, recorded):
    for step in (0, 1):
        queries = torch.from_numpy(recorded[f"s{step}.query_out"])
        with torch.no_grad():
            prototypes = model.clips.decoder_norm(queries)
            assert_near(model.clips.pre_memory_embed_k(prototypes), recorded[f"s{step}.mem_k"])
            assert_near(model.clips.pre_memory_embed_v(prototypes), recorded[f"s{step}.mem_v"])


def test_reading_prototypes_is_reading_keys_and_values(model, recorded):
    """The specification's own form of the memory's reading, in double precision."""
    past = [torch.from_numpy(recorded[f"s{step}.query_out"]) for step in range(5)]
    clips = model.clips
    with torch.no_grad():
        prototypes = torch.stack([clips.decoder_norm(each) for each in past])
        ours = clips.recall(past[-1], prototypes)

        def linear(module, values):
            return values.double() @ module.weight.double().T + module.bias.double()

        key = linear(clips.pre_query_embed_k, past[-1])
        keys = linear(clips.pre_memory_embed_k, prototypes)
        values = linear(clips.pre_memory_embed_v, prototypes)
        weights = (keys * key).sum(-1).softmax(0)[..., None]
        own = linear(clips.pre_query_embed_v, past[-1])
        expected = past[-1].double() + own + (weights * values).sum(0)
    assert_near(ours, expected.numpy(), 5e-5)


@pytest.fixture(scope="module")
def played(model, recorded):
    """Results of the whole model, and the last state; memory goes through bytes at each frame."""
    results, state = [], model.begin()
    for frame in recorded["frames"]:
        (output,) = model.step([StepInput([frame], model.from_parts(model.to_parts(state)))])
        results += output.results
        state = output.state
    return results, state


def pairs_of(played, recorded):
    """Rows, classes and scores of the pairs that the reference takes, best score first.

    It takes the best by probability, and multiplies by the masks' confidence afterwards.
    """
    results, state = played
    best = np.argsort(-state.best.numpy(), None, kind="stable")[: len(recorded["final.scores"])]
    rows, labels = np.divmod(best, state.best.shape[1])
    scores = results[-1].tracks.class_scores[rows, labels]
    order = np.argsort(-scores, kind="stable")
    return rows[order], labels[order], scores[order]


def test_the_best_pairs_of_the_clip_are_the_recorded_ones(played, recorded):
    _, labels, scores = pairs_of(played, recorded)
    order = np.argsort(-recorded["final.scores"], kind="stable")
    assert np.abs(scores - recorded["final.scores"][order]).max() <= SCORES
    assert sorted(labels) == sorted(recorded["final.labels"])


def test_masks_of_the_clip_are_the_recorded_ones_but_for_pixels_on_zero(played, recorded):
    resized = recorded["frames"].shape[1:3]
    shape = recorded["final.masks_shape"]
    bits = np.unpackbits(recorded["final.masks_packed"], count=int(np.prod(shape)))
    expected = bits.reshape(shape).astype(bool)[np.argsort(-recorded["final.scores"])]
    rows, _, _ = pairs_of(played, recorded)
    for time, result in enumerate(played[0]):
        logits = result.masks.mask_logits[torch.from_numpy(rows)]
        whole = picture(logits, padded_size(*resized), resized, tuple(shape[2:]))
        certain = np.abs(whole) > MASKS
        assert certain.mean() > 0.999
        np.testing.assert_array_equal((whole > 0)[certain], expected[:, time][certain])


def picture(logits, padded, resized, size):
    """The specification's two resizes, said once more."""
    resize = torch.nn.functional.interpolate
    whole = resize(logits[None], padded, mode="bilinear", align_corners=False)
    whole = whole[..., : resized[0], : resized[1]]
    return resize(whole, size, mode="bilinear", align_corners=False)[0].numpy()
