"""The segmenter against recorded outputs of the reference (docs/model.md 8)."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from maskstream_model.daq.presets import preset
from maskstream_model.mask2former.positions import sine_positions
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.tasks.preprocess import normalise, prepare
from support.nearness import MASK_LOGITS, assert_near, assert_recorded, recorded_calls
from support.runs import difference
from support.ties import ON_ZERO, turn_ties

MAIN = "r50_ovis_96x160"
TINY = "r50_ovis_allmasked_32x32"
CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=[MAIN, TINY])
def stages(request, reference):
    """One run of the first frame: the case, its recordings, and what each module did."""
    segmenter = reference.segmenter("daq_r50_ovis")
    clip = reference.clip("clip_96x160")
    frame = clip[0] if request.param == MAIN else clip[0, :32, :32]
    image = normalise(torch.from_numpy(frame).permute(2, 0, 1))[None]
    expected = reference.golden(request.param, "stage_seg_out")["pred_embds"]

    def run():
        with torch.inference_mode(), recorded_calls(dict(segmenter.named_modules())) as calls:
            return request.param, calls, image, *segmenter.all_layers(segmenter.features(image))

    return turn_ties(run, lambda stages: difference(stages[3].embeddings, expected[None]))[0]


def test_every_backbone_stage_meets_the_recording(stages, reference):
    case, calls, image, _, _ = stages
    recorded = reference.golden(case, "stage_backbone")
    assert_near(image, recorded["image"], 0)
    for name in ("stem", "res2.0", "res2", "res3", "res4", "res5"):
        assert_near(calls[f"backbone.{name}"][1], recorded[name.replace(".", "_")])


def test_every_pixel_decoder_stage_meets_the_recording(stages, reference):
    case, calls, _, output, _ = stages
    name = "sem_seg_head.pixel_decoder"
    recorded = reference.golden(case, "stage_pixeldec_encoder")
    layers = f"{name}.transformer.encoder.layers"
    for level in range(3):
        assert_near(calls[f"{name}.input_proj.{level}"][1], recorded[f"input_proj{level}"], 2e-5)
        height, width = recorded[f"pos{level}"].shape[1:]
        assert_near(sine_positions(height, width, 256, CPU), recorded[f"pos{level}"], 1e-6)
    for layer in range(6):
        assert_near(calls[f"{layers}.{layer}"][1], recorded[f"enc{layer}"], 2e-5)
    attention = f"{layers}.0.self_attn"
    assert_near(calls[attention][1], recorded["enc0_attn"])
    query = calls[attention][0][0]
    layer = reference.segmenter("daq_r50_ovis").get_submodule(attention)
    with torch.inference_mode():
        assert_near(layer.sampling_offsets(query), recorded["enc0_sampling_offsets"])
    recorded = reference.golden(case, "stage_pixeldec_out")
    assert_near(calls[f"{name}.adapter_1"][1], recorded["adapter_1"])
    assert_near(calls[f"{name}.layer_1"][1].relu(), recorded["layer_1"])
    assert_near(output.mask_features, recorded["mask_features"])
    for level, ours in enumerate(calls[name][1][1]):
        assert_near(ours, recorded[f"ms{level}"], 2e-5)


def test_every_decoder_layer_and_head_meets_the_recording(stages, reference):
    case, calls, _, output, heads = stages
    name = "sem_seg_head.predictor.transformer"
    recorded = reference.golden(case, "stage_decoder")
    for layer in range(9):
        for kind, part in (
            ("cross", "cross_attention"),
            ("self", "self_attention"),
            ("ffn", "ffn"),
        ):
            ours = calls[f"{name}_{part}_layers.{layer}"][1]
            assert_near(ours, recorded[f"dec{layer}_{kind}"])
    assert len(heads) == 10
    for head, prediction in enumerate(heads):
        assert_near(prediction.logits, recorded[f"head{head}_logits"])
    masks = reference.golden(case, "stage_decoder_masks") if case == MAIN else {}
    for array, values in masks.items():
        head = int(array.removeprefix("head").removesuffix("_masks"))
        assert_near(heads[head].mask_logits, values, MASK_LOGITS)
    recorded = reference.golden(case, "stage_seg_out")
    assert_near(output.logits, recorded["pred_logits"])
    assert_near(output.embeddings, recorded["pred_embds"])
    final = calls[f"{name}_ffn_layers.8"][1]
    assert_near(final, recorded["pred_embds_without_norm"])
    reid_embed = reference.segmenter("daq_r50_ovis").sem_seg_head.predictor.reid_embed
    with torch.inference_mode():
        assert_near(reid_embed(output.embeddings), recorded["pred_reid_embed"])


def test_attention_masks_meet_the_recording_bit_by_bit(stages, reference):
    case, calls, _, _, heads = stages
    recorded = reference.golden(case, "stage_decoder")
    for layer in range(9):
        args, _ = calls[f"sem_seg_head.predictor.transformer_cross_attention_layers.{layer}"]
        ours = args[4][0].numpy()
        columns = int(recorded[f"head{layer}_attn_mask_hw"][0])
        packed = recorded[f"head{layer}_attn_mask_packed"]
        blocked = np.unpackbits(packed, axis=1, count=columns).astype(bool)
        opened = recorded[f"head{layer}_allmasked_rows"]
        np.testing.assert_array_equal(blocked.all(1), opened)
        tied = np.abs(resized(heads[layer], layer)) < ON_ZERO
        assert not ((ours != blocked & ~opened[:, None]) & ~tied).any()


def test_the_final_head_would_block_what_was_recorded(stages, reference):
    case, _, _, _, heads = stages
    recorded = reference.golden(case, "stage_decoder")
    # Nobody reads it; it is made here, as the reference does, for the coarsest level.
    logits = resized(heads[9], 9)
    packed, columns = recorded["head9_attn_mask_packed"], int(recorded["head9_attn_mask_hw"][0])
    blocked = np.unpackbits(packed, axis=1, count=columns).astype(bool)
    assert not (((logits < 0) != blocked) & (np.abs(logits) >= ON_ZERO)).any()
    np.testing.assert_array_equal(blocked.all(1), recorded["head9_allmasked_rows"])


def test_the_recording_has_queries_that_would_be_blocked_everywhere(reference):
    opened = reference.golden(TINY, "stage_decoder")["head0_allmasked_rows"]
    assert opened.sum() == 43


@pytest.mark.parametrize("index", [0, 2, 4, 6, 8, 9])
def test_frames_of_the_main_clip_meet_the_recording(index, reference):
    recorded = [reference.golden(MAIN, f"seg_f{index:02d}")]
    assert_recorded(segmented(reference, "clip_96x160", [index], recorded), recorded[0])


def test_a_frame_that_needs_padding_meets_the_recording(reference):
    recorded = [reference.golden("r50_ovis_100x150", "seg_f00")]
    assert_recorded(segmented(reference, "clip_100x150", [0], recorded), recorded[0])


def test_frames_of_one_batch_do_not_see_one_another(reference):
    indices = [1, 3, 5, 7]
    recorded = [reference.golden(MAIN, f"seg_f{index:02d}") for index in indices]
    together = segmented(reference, "clip_96x160", indices, recorded)
    for place, expected in enumerate(recorded):
        assert_recorded(together.frame(place), expected)


@pytest.mark.parametrize("variant", ["daq_r50_ovis", "daq_r50_ytvis19", "daq_r50_ytvis21"])
def test_names_and_shapes_are_those_of_the_released_files(variant, reference):
    config = preset(variant)
    with torch.device("meta"):
        segmenter = Segmenter(config.segmenter, config.num_classes)
    ours = {name: tuple(value.shape) for name, value in segmenter.state_dict().items()}
    released = reference.shapes(variant)
    assert ours == {k: v for k, v in released.items() if not k.startswith("tracker.")}


def resized(head, layer):
    """Mask logits `(Q, cells)` of the only frame at the level that a layer looks at."""
    size = tuple(side // (8, 4, 2)[layer % 3] for side in head.mask_logits.shape[2:])
    small = F.interpolate(head.mask_logits, size, mode="bilinear", align_corners=False)
    return small[0].flatten(1).numpy()


def segmented(reference, clip, indices, recorded):
    config = preset("daq_r50_ovis").online.override(min_size=None)
    images = prepare([reference.clip(clip)[index] for index in indices], config).images
    expected = np.stack([arrays["pred_embds"] for arrays in recorded])

    def run():
        with torch.inference_mode():
            return reference.segmenter("daq_r50_ovis")(images)

    return turn_ties(run, lambda output: difference(output.embeddings, expected))[0]
