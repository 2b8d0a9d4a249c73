"""Outputs of the authors' code, frame by frame, against its runs of whole clips.

There is no threshold inside of the network: other CPUs move its outputs by rounding alone. Where a
result asks for a sign or a winner, pixels within that rounding of a tie are left out.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_model.tasks.panoptic import panoptic_video
from maskstream_model.tasks.preprocess import padded_size, prepare
from maskstream_model.tasks.probabilities import Placement, mask_probabilities
from maskstream_model.videomt.model import VideomtModel
from support.clip_results import semantic_video, video_result
from support.videomt import (
    OFFICIAL_RULES,
    THINGS_58,
    network_with_weights,
    packed_masks,
    recorded_model,
    small_config,
    vits_config,
)

# AVX2 kernels move class logits by 1.2e-5, mask logits by 1e-4, queries by 7e-6.
LOGITS, MASKS, QUERIES = 5e-5, 5e-4, 3e-5
PROBABILITY = 1e-5


@pytest.fixture(scope="module")
def small(recordings):
    return recordings.arrays("small")


@pytest.fixture(scope="module")
def vits():
    return recorded_model(vits_config())


@pytest.fixture(scope="module")
def clip(recordings):
    return recordings.arrays("vits_ytvis19_clip")


def run(model, frames):
    """Step frame by frame; the memory goes through bytes into a newly read one each time."""
    outputs, states, state = [], [], model.begin()
    for frame in frames:
        output, state = model.track_frame(frame, model.from_parts(model.to_parts(state)))
        outputs.append(output)
        states.append(state)
    return outputs, states


def raw_runs(model, frames):
    """What the network says of each frame, every query of it."""
    queries, outputs = model.network.first_queries()[None], []
    with torch.no_grad():
        for frame in frames:
            outputs.append(model.network(prepare([frame], OFFICIAL_RULES).images, queries))
            queries = outputs[-1].queries
    return outputs


def stacked(values):
    return torch.cat(list(values)).numpy()


def assert_near(ours, recorded, tolerance):
    assert ours.shape == recorded.shape
    assert np.abs(ours - recorded).max() <= tolerance


@pytest.fixture(scope="module")
def vits_outputs(vits, clip):
    return raw_runs(vits, clip["frames"])


def test_vit_small_says_of_each_frame_what_the_official_clip_run_says(vits_outputs, clip):
    masks = stacked(output.mask_logits for output in vits_outputs)
    assert_near(stacked(output.logits for output in vits_outputs), clip["class_logits"], LOGITS)
    assert_near(masks[0], clip["mask_logits_f0"], MASKS)
    assert_near(masks[:, ::10], clip["mask_logits_every10th"], MASKS)
    assert_near(stacked(output.queries for output in vits_outputs), clip["fused_query"], QUERIES)


def test_vit_small_has_the_recorded_tokens_before_queries_join_and_after_the_last_block(vits, clip):
    network, tokens, last = vits.network, [], []
    first_of_queries = network.vit.blocks[network.config.depth - network.config.query_blocks]
    handles = [
        first_of_queries.register_forward_pre_hook(lambda module, args: tokens.append(args[0])),
        network.vit.blocks[-1].register_forward_hook(lambda module, args, out: last.append(out)),
    ]
    raw_runs(vits, clip["frames"])
    for handle in handles:
        handle.remove()
    count = network.config.num_queries
    own = torch.cat(tokens)[:, count:].numpy()
    assert_near(own[0], clip["tokens_f0"], QUERIES)
    assert_near(own.mean(1), clip["tokens_mean"], QUERIES)
    assert_near(torch.cat(last)[:, :count:8].numpy(), clip["raw_query_every8th"], QUERIES)


@pytest.mark.parametrize(("case", "size"), [("vis", (96, 160)), ("vis_larger", (120, 200))])
def test_vit_small_gives_the_official_results_of_a_clip(vits, clip, case, size):
    outputs, _ = run(vits, clip["frames"])
    assert_instances(outputs, size, 10, clip, case)


def assert_instances(outputs, size, count, recorded, case):
    """The best pairs are the recorded ones, and each pixel that is not within rounding of 0."""
    result = video_result(outputs, size, count, min_frames=1)
    order = np.argsort(-recorded[f"{case}.scores"], kind="stable")
    assert_near(result.scores.numpy(), recorded[f"{case}.scores"][order], PROBABILITY)
    ours = zip((result.track_ids - 1).tolist(), result.labels.tolist(), strict=True)
    ids, labels = (recorded[f"{case}.{name}"][order].tolist() for name in ("ids", "labels"))
    places = {pair: row for row, pair in enumerate(zip(ids, labels, strict=True))}
    rows = [places[pair] for pair in ours]
    assert sorted(rows) == list(range(count))
    masks = packed_masks(recorded, case)[order][rows]
    logits = torch.stack([output.resized_logits(*size) for output in outputs], 1)
    positions = torch.searchsorted(outputs[0].track_ids, result.track_ids)
    certain = (logits[positions].abs() > MASKS).numpy()
    assert certain.mean() > 0.999
    np.testing.assert_array_equal(result.masks.numpy()[certain], masks[certain])


def test_frames_are_padded_as_the_official_code_does(vits, recordings):
    recorded = recordings.arrays("vits_padding")
    frames = recorded["frames"]
    assert padded_size(*frames.shape[1:3]) == tuple(recorded["padded_shape"][2:])
    outputs = raw_runs(vits, frames)
    assert_near(stacked(each.logits for each in outputs), recorded["class_logits"], LOGITS)
    masks = stacked(each.mask_logits[:, ::8] for each in outputs)
    assert_near(masks, recorded["mask_logits_every8th"], MASKS)
    queries = stacked(each.queries[:, ::8] for each in outputs)
    assert_near(queries, recorded["fused_query_every8th"], QUERIES)
    size = tuple(recorded["vis.output_size"].tolist())
    assert_instances(run(vits, frames)[0], size, 10, recorded, "vis")


@pytest.mark.slow
def test_positions_of_their_own_grid_are_taken_as_they_are(vits, clip, recordings):
    recorded = recordings.arrays("vits_native_640")
    large = clip["frames"][:2].repeat(7, 1)[:, :640].repeat(4, 2)
    assert large.shape == (2, 640, 640, 3)
    outputs = raw_runs(vits, large)
    logits = stacked(output.logits for output in outputs)
    masks = stacked(output.mask_logits for output in outputs)[:, ::20, ::4, ::4]
    queries = stacked(output.queries for output in outputs)[:, ::10]
    assert_near(logits, recorded["class_logits"], LOGITS)
    assert_near(logits, recorded["hf_class_logits"], LOGITS)
    assert_near(masks, recorded["mask_logits_sampled"], MASKS)
    assert_near(masks, recorded["hf_mask_logits_sampled"], MASKS)
    assert_near(queries, recorded["fused_query_every10th"], QUERIES)


SMALL_CASES = {
    "native": small_config(),
    "interpolated": small_config(grid=(8, 8)),
    "norm_queries": small_config(norm_queries=True),
    "vipseg": replace(small_config(), classes=THINGS_58, task="panoptic"),
}


@pytest.mark.parametrize("case", SMALL_CASES)
def test_the_small_network_says_what_was_recorded(small, case):
    outputs = raw_runs(recorded_model(SMALL_CASES[case]), small["frames"])
    assert_near(stacked(each.logits for each in outputs), small[f"{case}.cls"], LOGITS)
    assert_near(stacked(each.mask_logits for each in outputs), small[f"{case}.masks"], MASKS)
    assert_near(stacked(each.queries for each in outputs), small[f"{case}.fused"], QUERIES)


def test_the_small_network_gives_the_official_results_of_a_clip(small):
    outputs, _ = run(recorded_model(SMALL_CASES["native"]), small["frames"])
    assert_instances(outputs, (64, 96), 20, small, "native.vis")


@pytest.mark.parametrize("rules", [(0.8, 0.8), (0.1, 0.8), (0.1, 0.2)])
def test_panoptic_pictures_of_a_clip_are_the_official_ones(small, rules):
    names = dict(zip(("object_score_min", "overlap_min"), rules, strict=True))
    model = recorded_model(SMALL_CASES["vipseg"], **names)
    recorded = f"vipseg.vps_{rules[0]}_{rules[1]}"
    size = tuple(small["vipseg.output_size"].tolist())
    outputs, _ = run(model, small["frames"])
    video = panoptic_video(outputs, size, model.config, min_frames=1)
    segments = [(each.id, each.label, each.thing) for each in video.segments]
    assert segments == [tuple(row) for row in small[f"{recorded}.segments"].tolist()]
    certain = ~near_a_tie(outputs, size, rules[0])
    assert certain.mean() > 0.99
    ours, theirs = video.segment_map.numpy(), small[f"{recorded}.panoptic"]
    np.testing.assert_array_equal(ours[certain], theirs[certain])


def near_a_tie(outputs, size, score_min):
    """Pixels with two winners, or on the edge of a mask, up to rounding."""
    logits = torch.stack([output.logits for output in outputs]).mean(0)
    scores, labels = logits.softmax(-1).max(-1)
    rows = ((labels < logits.shape[1] - 1) & (scores > score_min)).nonzero()[:, 0]
    near = []
    for output in outputs:
        place = Placement.of(output, size)
        shares = mask_probabilities(output.mask_logits[rows], place)
        claims = (scores[rows, None, None] * shares).sort(0, descending=True).values
        tied = claims[0] - claims[1] < PROBABILITY
        near.append(tied | ((shares - 0.5).abs() < PROBABILITY).any(0))
    return torch.stack(near).numpy()


def test_semantic_pictures_of_a_clip_are_the_official_ones(small):
    config = SMALL_CASES["vipseg"].for_task("semantic")
    size = tuple(small["vipseg.output_size"].tolist())
    outputs, _ = run(recorded_model(config), small["frames"])
    ours, theirs = semantic_video(outputs, size, min_frames=1), small["vipseg.vss.classes"]
    logits = torch.stack([output.logits for output in outputs]).mean(0)
    shares = logits.softmax(-1)[:, :-1]
    for time, output in enumerate(outputs):
        masks = mask_probabilities(output.mask_logits, Placement.of(output, size))
        best = torch.einsum("qk,qhw->khw", shares, masks).topk(2, 0).values
        certain = (best[0] - best[1] > PROBABILITY).numpy()
        assert certain.mean() > 0.99
        np.testing.assert_array_equal(ours[time].numpy()[certain], theirs[time][certain])


def test_both_implementations_of_the_reference_agree_with_ours(recordings):
    recorded = recordings.arrays("small_square_transformers")
    outputs = raw_runs(recorded_model(small_config(grid=(4, 4))), recorded["frames"])
    logits = stacked(output.logits for output in outputs)
    masks = stacked(output.mask_logits for output in outputs)
    assert_near(logits, recorded["official.cls"], LOGITS)
    assert_near(masks, recorded["official.masks"], MASKS)
    queries = stacked(output.queries for output in outputs)
    assert_near(queries, recorded["official.fused"], QUERIES)
    assert_near(logits, recorded["transformers.cls"], LOGITS)
    assert_near(masks[0], recorded["transformers.masks_f0"], MASKS)
    assert_near(masks[-1], recorded["transformers.masks_last"], MASKS)


def test_a_table_for_one_grid_computes_what_the_resized_one_does(small):
    config = small_config(grid=(8, 8))
    network = network_with_weights(config.network, config.num_classes)
    fixed = VideomtModel(config, network.with_grid(4, 6), torch.device("cpu"), "fixed")
    first, second = (raw_runs(model, small["frames"]) for model in (recorded_model(config), fixed))
    for one, other in zip(first, second, strict=True):
        assert_near(one.logits.numpy(), other.logits.numpy(), LOGITS)
        assert_near(one.mask_logits.numpy(), other.mask_logits.numpy(), MASKS)
