"""Mask2Former as mmdetection publishes it, against its recorded outputs (docs/model.md 11)."""

import numpy as np
import pytest
import torch

from maskstream_model.association.detections import instances
from maskstream_model.association.model import AssociatedSegmenter
from maskstream_model.association.presets import preset
from maskstream_model.association.weight_format import adapted, targets
from maskstream_model.backbones.build import build_backbone
from maskstream_model.port import StepInput
from maskstream_model.tasks.bilinear import bilinear_floats
from maskstream_model.tasks.output import resize_mask_logits
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size
from support.mmdetection import KEYS, Mmdetection
from support.nearness import recorded_calls
from support.runs import difference
from support.ties import turn_ties

R50, SWINT, PANOPTIC = (
    "mask2former_r50_coco",
    "mask2former_swint_coco",
    "mask2former_r50_coco_panoptic",
)
# What another order of sums may move, as the recordings' page suggests it.
MAPS, CLASSES, MASKS, SCORES = 5e-5, 5e-5, 5e-4, 5e-5
NEAR_TIE = 1e-5
"""Attention margin below which a recorded frame is tied."""
TIED = 5e-2
PIXELS = 1e-5
"""Share of the pixels of masks that may lie on the other side of 0."""
VOID, OFFSET = 133, 1000


@pytest.fixture(scope="module")
def mmdetection(test_data):
    return Mmdetection(test_data / "reference" / "mask2former_mmdet")


@pytest.mark.parametrize("name", KEYS)
def test_every_tensor_of_a_published_file_has_its_place(name, mmdetection):
    ours = adapted(name, {key: torch.empty(size) for key, size in mmdetection.shapes(name).items()})
    wanted = {key: tuple(tensor.shape) for key, tensor in targets(name).items()}
    assert {key: tuple(tensor.shape) for key, tensor in ours.items()} == wanted


def test_tensors_under_our_own_names_stay_as_they_are(mmdetection):
    ours = adapted(SWINT, mmdetection.weights(SWINT))
    assert adapted(SWINT, ours) is ours


def test_swins_index_of_positions_is_ours(mmdetection):
    weights = adapted(SWINT, mmdetection.weights(SWINT))
    fresh = build_backbone(preset(SWINT).segmenter.backbone).state_dict()
    indices = [key for key in fresh if key.endswith("relative_position_index")]
    assert len(indices) == 12
    assert all(torch.equal(weights[f"backbone.{key}"], fresh[key]) for key in indices)


@pytest.fixture(scope="module")
def clip(mmdetection):
    """The clip of the ResNet: recordings, calls of modules, output, and all heads."""
    recorded, stages = (
        mmdetection.recorded("r50_instance_clip"),
        mmdetection.recorded("r50_instance_clip_stages"),
    )
    output, heads, calls = segmented(mmdetection, R50, recorded["frames"], recorded["emb_last"])
    return recorded, stages, output, heads, calls


def test_every_stage_meets_the_recording(clip):
    _, stages, output, _, calls = clip
    assert_near(calls["backbone"][0][0][0, :, ::2, ::2], stages["input_f0"], 0)
    maps = dict(zip(("res2", "res3", "res4", "res5"), calls["backbone"][1], strict=True))
    for (name, values), step in zip(maps.items(), (8, 4, 4, 4), strict=True):
        end = {8: "8th", 4: "4th"}[step]
        assert_near(values[0, ::step], stages[f"{name}_f0_every{end}"], MAPS)
        assert_near(values.mean((2, 3)), stages[f"{name}_mean_per_channel"], MAPS)
    levels = calls["sem_seg_head.pixel_decoder"][1][1]
    for stride, level in zip((32, 16, 8), levels, strict=True):
        assert_near(level[0], stages[f"level_s{stride}_f0"], MAPS)
    features = output.mask_features
    assert_near(features[0, ::2], stages["mask_features_f0_every2nd"], MAPS)
    assert_near(features.mean((2, 3)), stages["mask_features_mean_per_channel"], MAPS)


def test_every_head_meets_the_recording(clip):
    _, stages, _, heads, _ = clip
    assert len(heads) == 10
    for index, (embeddings, prediction) in enumerate(heads):
        assert_near(embeddings[0], stages["embeddings_all_f0"][index], MAPS)
        assert_near(prediction.logits[0], stages["cls_all_f0"][index], CLASSES)
        masks = prediction.mask_logits[0, ::4, ::2, ::2]
        assert_near(masks, stages["masks_all_f0_sampled"][index], MASKS)


def test_every_frame_of_the_clip_meets_the_recording(clip):
    recorded, _, output, _, _ = clip
    assert_near(output.mask_logits[0], recorded["masks_last_f0"], MASKS)
    for frame, margins in enumerate(recorded["attention_margin"]):
        tied = margins.min() < NEAR_TIE
        assert tied == (frame == 2)
        assert_near(output.logits[frame], recorded["cls_last"][frame], TIED if tied else CLASSES)
        masks = recorded["masks_last_every5th"][frame]
        assert_near(output.mask_logits[frame, ::5], masks, TIED if tied else MASKS)


@pytest.mark.parametrize("frame", [0, 1, 3])
def test_instances_of_the_clip_are_those_recorded(frame, clip):
    recorded, _, output, _, _ = clip
    assert_instances(output.frame(frame), (96, 160), (96, 160), recorded, frame)


def test_a_frame_that_needs_padding_meets_the_recording(mmdetection):
    recorded = mmdetection.recorded("r50_instance_padding")
    output, _, calls = segmented(mmdetection, R50, recorded["frames"])
    assert tuple(calls["backbone"][0][0].shape) == tuple(recorded["input_shape"])
    assert_near(output.logits, recorded["cls_last"], CLASSES)
    assert_near(output.mask_logits[:, ::2], recorded["masks_last"], MASKS)
    assert_instances(output, (100, 150), (120, 180), recorded)


def test_a_frame_of_swin_meets_the_recording(mmdetection):
    recorded = mmdetection.recorded("swint_instance_frame")
    output, _, calls = segmented(mmdetection, SWINT, recorded["frames"])
    for index, name in enumerate(("res2", "res3", "res4", "res5")):
        assert_near(calls["backbone"][1][index][0], recorded[name], MAPS)
    assert_near(output.logits, recorded["cls_last"], CLASSES)
    assert_near(output.mask_logits, recorded["masks_last"], MASKS)
    assert_instances(output, (64, 96), (64, 96), recorded)


def test_a_resized_frame_is_the_recorded_one(mmdetection):
    recorded = mmdetection.recorded("r50_instance_test_pipeline")
    frame = recorded["frame"]
    assert resized_size(100, 150, 800, 1333) == tuple(recorded["resized_shape"][1:])
    resized = bilinear_floats(frame, (800, 1200))
    assert_near(
        torch.from_numpy(resized[::16, ::16, ::-1].transpose(2, 0, 1).copy()),
        recorded["resized_bgr_sampled"],
        1e-4,
    )
    rules = preset(R50).online.override(min_size=800)
    images = prepare([frame], rules, resize=bilinear_floats).images
    assert tuple(images.shape) == tuple(recorded["padded_shape"])
    assert_near(images[0, :, ::16, ::16], recorded["input_sampled"], 1e-5)


@pytest.mark.slow
def test_a_frame_of_full_size_meets_the_recording(mmdetection):
    """Of the many cells of each query's attention some are within rounding of 0."""
    recorded = mmdetection.recorded("r50_instance_test_pipeline")
    output, _, _ = segmented(mmdetection, R50, [recorded["frame"]], min_size=800)
    moved = (output.logits[0] - torch.from_numpy(recorded["cls_last"][0])).abs().amax(-1)
    assert moved.median() < CLASSES
    assert (moved > TIED).sum() <= 3
    masks = output.mask_logits[0, ::4, ::4, ::4]
    far = (masks - torch.from_numpy(recorded["masks_last_sampled"])).abs().amax((1, 2))
    assert (far > TIED).sum() <= 2


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ({}, ""),
        ({"object_score_min": 0.5, "overlap_min": 0.3}, "thr0.5_iou0.3_low1."),
        ({"object_score_min": 0.2, "overlap_min": 0.1}, "thr0.2_iou0.1_low1."),
    ],
)
def test_panoptic_pictures_are_those_recorded(rules, name, mmdetection):
    """Each as the first frame of a session whose queries all become tracks."""
    recorded = mmdetection.recorded("r50_panoptic_clip")
    everything = {
        "first_frame_score_min": 0.15,
        "tracked_score_min": 0.1,
        "double_iou_max": None,
        "contained_min": None,
        "min_size": None,
    }
    config = preset(PANOPTIC).override(**everything, **rules)
    segmenter, device = mmdetection.segmenter(PANOPTIC), torch.device("cpu")
    model = AssociatedSegmenter(config, segmenter, device, "recorded", bilinear_floats)
    for frame in range(2):
        pictures = [StepInput([recorded["frames"][frame]], model.begin())]
        (result,) = model.step(pictures)[0].results
        expected = recorded[f"{name}f{frame}.panoptic"]
        assert_same_segments(panoptic_map(result), expected)
        assert (expected == VOID).all() == (frame == 0 and not rules) or frame == 1


def test_heads_of_the_panoptic_model_meet_the_recording(mmdetection):
    recorded = mmdetection.recorded("r50_panoptic_clip")
    output, _, _ = segmented(mmdetection, PANOPTIC, recorded["frames"])
    assert recorded["attention_margin"].min() > NEAR_TIE
    assert_near(output.logits, recorded["cls_last"], CLASSES)
    assert_near(output.mask_logits[0], recorded["masks_last_f0"], MASKS)
    assert_near(output.mask_logits[1, ::4], recorded["masks_last_f1_every4th"], MASKS)
    for frame in range(2):
        assert_instances(output.frame(frame), (96, 160), (96, 160), recorded, frame, PANOPTIC)


def segmented(mmdetection, name, frames, embeddings=None, min_size=None):
    """Segment frames; where embeddings are recorded, with ties turned so that they are met."""
    segmenter = mmdetection.segmenter(name)
    rules = preset(name).online.override(min_size=min_size)
    images = prepare(list(frames), rules, resize=bilinear_floats).images

    def run():
        modules = {
            "backbone": segmenter.backbone,
            "sem_seg_head.pixel_decoder": segmenter.sem_seg_head.pixel_decoder,
        }
        with torch.inference_mode(), recorded_calls(modules) as calls:
            predictor = segmenter.sem_seg_head.predictor
            features = segmenter.features(images)
            states = predictor(features.levels, features.mask_features)
            output, predictions = segmenter.all_layers(features)
            return output, list(zip(states, predictions, strict=True)), calls

    if embeddings is None:
        return run()
    return turn_ties(run, lambda outcome: difference(outcome[0].embeddings, embeddings))[0]


def assert_near(ours, recorded, tolerance):
    assert tuple(ours.shape) == recorded.shape
    assert np.abs(ours.numpy() - recorded).max() <= tolerance


def assert_instances(output, resized, size, recorded, frame=0, name=R50):
    """Hold the instances of the only frame of `output`, in any order."""
    padded = padded_size(*resized)
    logits = resize_mask_logits(output.mask_logits[0], padded, resized, size)
    things = torch.tensor([info.thing for info in preset(name).classes])
    found = instances(output.logits[0], logits, things)
    ours = found.scores.numpy(), found.labels.numpy(), (logits > 0)[found.queries].numpy()
    shape = recorded[f"f{frame}.masks_shape"]
    bits = np.unpackbits(recorded[f"f{frame}.masks_packed"], count=int(np.prod(shape)))
    theirs = (
        recorded[f"f{frame}.scores"],
        recorded[f"f{frame}.labels"],
        bits.reshape(shape).astype(bool),
    )
    ours, theirs = in_order(*ours), in_order(*theirs)
    np.testing.assert_array_equal(ours[1], theirs[1])
    assert np.abs(ours[0] - theirs[0]).max() <= SCORES
    assert (ours[2] != theirs[2]).mean() <= PIXELS


def in_order(scores, labels, masks):
    """Sort instances by class, and those of one class by mask and score: some are equal."""
    order = np.lexsort((np.round(scores, 3), masks.sum((1, 2)), labels))
    return scores[order], labels[order], masks[order]


def panoptic_map(result):
    """Return the ids of segments as mmdetection writes them: stuff is its class, void 133."""
    table = result.tracks
    crops = result.masks.crops(np.arange(len(table.track_ids)), result.size)
    picture = np.full(result.size, VOID)
    for row, mask in enumerate(crops.whole()):
        label = table.labels[row]
        picture[mask] = label + OFFSET * (row + 1) if table.things[row] else label
    return picture


def assert_same_segments(ours, theirs):
    """Hold classes pixel by pixel, and segments up to their numbers."""
    np.testing.assert_array_equal(ours % OFFSET, theirs % OFFSET)
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
