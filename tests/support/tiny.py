"""A real model that is small enough for tests that step it thousands of times."""

from dataclasses import replace

import numpy as np
import torch

from maskstream_model.aliases import Frame
from maskstream_model.association.model import AssociatedSegmenter
from maskstream_model.association.rules import AssociationRules
from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.config import (
    ClassInfo,
    ModelConfig,
    OfflineConfig,
    OnlineConfig,
    RefinerConfig,
    ResNetConfig,
    SegmenterConfig,
    TrackerConfig,
)
from maskstream_model.daq.hungarian import OnlineHungarian
from maskstream_model.daq.networks import Networks, build_networks
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.tasks.preprocess import pillow

SIZE = (64, 96)


def tiny_config(**online: object) -> ModelConfig:
    """Three classes, eight queries, one or two layers; frames keep their own size."""
    rules = OnlineConfig(
        first_frame_score_min=0.45,
        tracked_score_min=0.45,
        emergence_score_min=0.8,
        keep_score_min=0.3,
        max_missed_frames=3,
        appearance_window=4,
        min_size=None,
        report_score_min=0.3,
    )
    return ModelConfig(
        name="tiny",
        classes=tuple(ClassInfo(f"class {index}", f"#{index + 1:06x}") for index in range(3)),
        segmenter=SegmenterConfig(
            backbone=ResNetConfig("basic", 8, (8, 16, 16, 32), (1, 1, 1, 1)),
            num_queries=8,
            hidden_dim=32,
            num_heads=4,
            pixel_layers=1,
            pixel_heads=4,
            pixel_ffn_dim=32,
            decoder_layers=2,
            decoder_ffn_dim=32,
        ),
        tracker=TrackerConfig(num_layers=2, num_heads=4, ffn_dim=32, num_background=2),
        online=rules.override(**online),
    )


def tiny_model(seed: int = 0, device: str = "cpu", **online: object) -> OnlineDaq:
    """A tiny model with random weights, sharpened so that tracks emerge, are missed and disappear.

    Args:
        seed: of the weights.
        device: where it runs.
        online: fields of `OnlineConfig` to replace.
    """
    return sharpened(_online(tiny_config(**online), seed, device)[0])


def tiny_hungarian_model(seed: int = 0, **online: object) -> OnlineHungarian:
    """The segmenter of `tiny_model`, with tracks linked by similarity."""
    daq = tiny_model(seed, **online)
    return OnlineHungarian(daq.config, daq.segmenter, daq.device, daq.fingerprint)


def tiny_associated_model(
    task: str = "instances", seed: int = 0, **rules: object
) -> AssociatedSegmenter:
    """The segmenter of `tiny_model`, with queries associated, and a gallery of two tracks.

    Args:
        task: "instances" or "panoptic"; class 0 is then a thing, the others are stuff.
        seed: of the weights.
        rules: fields of `AssociationRules` to replace.
    """
    chosen = AssociationRules(
        first_frame_score_min=0.45,
        tracked_score_min=0.45,
        emergence_score_min=0.5,
        similarity_min=0.7,
        max_missed_frames=1,
        min_size=None,
        report_score_min=0.3,
        double_iou_max=0.95,
        contained_min=None,
        gallery_frames=4,
        gallery_size=2,
        object_score_min=0.4,
        overlap_min=0.1,
        confirm_frames=1,
    ).override(**rules)
    base = tiny_panoptic_model(task, seed) if task != "instances" else tiny_model(seed)
    config = replace(base.config, online=chosen)
    return AssociatedSegmenter(config, base.segmenter, base.device, base.fingerprint, pillow)


def tiny_panoptic_model(task: str = "panoptic", seed: int = 0, **online: object) -> OnlineDaq:
    """The same for pictures without overlap: class 0 is a thing, the others are stuff.

    Args:
        task: "panoptic", "semantic" or "instances".
        seed: of the weights.
        online: fields of `OnlineConfig` to replace.
    """
    config = tiny_config(**{"object_score_min": 0.4, "overlap_min": 0.1, **online})
    classes = tuple(replace(info, thing=index == 0) for index, info in enumerate(config.classes))
    config = replace(config, classes=classes).for_task(task)
    return sharpened(_online(config, seed)[0])


def sharpened(model: OnlineDaq) -> OnlineDaq:
    """Change the weights of a tiny model so that tracks emerge, are missed and disappear."""
    with torch.no_grad():
        model.segmenter.sem_seg_head.predictor.class_embed.weight.mul_(8)
        model.tracker.class_embed.weight.mul_(8)
        model.tracker.new_ins_embeds.weight.mul_(0.3)
    return model


def tiny_offline_model(
    num_layers: int = 2, local_attention: bool = False, **rules: object
) -> OfflineDaq:
    """A tiny model with a refiner; its online part is `tiny_model()`.

    Args:
        num_layers: of the refiner; without any, frames and rows do not see one another.
        local_attention: of the refiner.
        rules: fields of `OnlineConfig` and `OfflineConfig` to replace.
    """
    refiner = RefinerConfig(num_layers, 4, 32, local_attention)
    offline = OfflineConfig(refiner, max_kept=5, window=6, overlap=2)
    config = replace(tiny_config(), offline=offline).override(**rules)
    online, networks = _online(config)
    return OfflineDaq(sharpened(online), networks.refiner)


def _online(config: ModelConfig, seed: int = 0, device: str = "cpu") -> tuple[OnlineDaq, Networks]:
    """A model with random weights, the same on every call; and its networks."""
    refiner = None if config.offline is None else config.offline.refiner
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = build_networks(config.segmenter, config.tracker, config.num_classes, refiner)
    digest, place = fingerprint(state_of(networks.parts), config), torch.device(device)
    return OnlineDaq(config, networks.segmenter, networks.tracker, place, digest), networks


def tiny_frames(num_frames: int, seed: int = 0, size: tuple[int, int] = SIZE) -> list[Frame]:
    """Frames of six coloured rectangles that move, come and go; a function of its arguments."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 255, 3, dtype=np.uint8)
    rectangles = [_Rectangle(rng, size) for _ in range(6)]
    frames = []
    for time in range(num_frames):
        frame = np.empty((*size, 3), np.uint8)
        frame[:] = ground
        for rectangle in rectangles:
            rectangle.draw(frame, time)
        frames.append(frame)
    return frames


class _Rectangle:
    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.start, self.speed = rng.uniform(0, size), rng.uniform(-5, 5, 2)
        self.extent = rng.integers(10, 40, 2)
        self.color = rng.integers(0, 255, 3)
        self.phase, self.period = rng.integers(0, 8), rng.integers(4, 14)

    def draw(self, frame: Frame, time: int) -> None:
        if (time + self.phase) // self.period % 2:
            return
        top, left = ((self.start + time * self.speed) % frame.shape[:2]).astype(int)
        frame[top : top + self.extent[0], left : left + self.extent[1]] = self.color
