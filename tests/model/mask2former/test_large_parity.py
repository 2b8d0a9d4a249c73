"""The segmenters with large backbones against recorded outputs of the reference.

Each is built once for this file and let go before the next one comes.
"""

import pytest
import torch

from maskstream_model.tasks.preprocess import normalise
from support.nearness import assert_near, assert_recorded, recorded_calls

pytestmark = pytest.mark.slow  # networks in full size; `backbones/` tests the same code in small

SWINL = "swinl_ovis_64x96"
VITL = "vitl_ovis_64x96"


def run_case(reference, variant, case):
    """What every module did on the first frame of the clip, and the segmenter's output."""
    segmenter = reference.large_segmenter(variant)
    frame = reference.clip("clip_64x96_26f")[0]
    image = normalise(torch.from_numpy(frame).permute(2, 0, 1))[None]
    with torch.inference_mode(), recorded_calls(dict(segmenter.named_modules())) as calls:
        output, heads = segmenter.all_layers(segmenter.features(image))
    assert_near(image, reference.golden(case, "stage_backbone")["image"], 0)
    return calls, output, heads


@pytest.fixture(scope="module")
def swinl(reference):
    return run_case(reference, "daq_swinl_ovis", SWINL)


@pytest.fixture(scope="module")
def vitl(reference):
    return run_case(reference, "daq_vitl_ovis", VITL)


def assert_maps(calls, recorded):
    for name, ours in zip(("res2", "res3", "res4", "res5"), calls["backbone"][1], strict=True):
        assert_near(ours, recorded[name])


def test_every_stage_of_swin_meets_the_recording(swinl, reference):
    calls, _, _ = swinl
    recorded = reference.golden(SWINL, "stage_backbone")
    assert_near(calls["backbone.patch_embed"][1].permute(0, 3, 1, 2), recorded["patch_embed"])
    for ours, theirs in (
        ("blocks.0", "blocks0"),
        ("blocks.1", "blocks1"),
        ("downsample", "downsample"),
    ):
        tokens = calls[f"backbone.layers.0.{ours}"][1].flatten(1, 2)
        assert_near(tokens, recorded[f"layers0_{theirs}"])
    assert_maps(calls, recorded)


def test_every_head_on_swin_meets_the_recording(swinl, reference):
    calls, _, heads = swinl
    recorded = reference.golden(SWINL, "stage_decoder")
    assert len(heads) == 10
    for head, prediction in enumerate(heads):
        assert_near(prediction.logits, recorded[f"head{head}_logits"])
    recorded = reference.golden(SWINL, "stage_pixeldec_encoder")
    for layer in range(6):
        name = f"sem_seg_head.pixel_decoder.transformer.encoder.layers.{layer}"
        assert_near(calls[name][1], recorded[f"enc{layer}"], 2e-5)


def test_what_the_trackers_read_of_swin_meets_the_recording(swinl, reference):
    assert_recorded(swinl[1], reference.golden(SWINL, "seg_f00"))


def test_every_part_of_vit_adapter_meets_the_recording(vitl, reference):
    calls, _, _ = vitl
    recorded = reference.golden(VITL, "stage_backbone")
    block = calls["backbone.vit_module.blocks.0"]
    prior = calls["backbone.spm"][1]
    patches = calls["backbone.vit_module.patch_embed"][1]
    assert_near(patches.flatten(2).transpose(1, 2), recorded["patch_embed"])
    assert_near(block[0][0], recorded["tokens"])
    assert_near(block[1], recorded["block0"])
    assert_near(prior[0], recorded["spm_c1"])
    assert_near(prior[3].flatten(2).transpose(1, 2), recorded["spm_c4"])
    for group in (0, 3):
        (_, read, *_), cells = calls[f"backbone.interactions.{group}"]
        assert_near(read, recorded[f"inter{group}_x"])
        assert_near(cells, recorded[f"inter{group}_c"])


def test_maps_and_what_the_trackers_read_of_vit_adapter_meet_the_recording(vitl, reference):
    recorded = reference.golden(VITL, "seg_f00")
    assert_maps(vitl[0], recorded)
    assert_recorded(vitl[1], recorded)
