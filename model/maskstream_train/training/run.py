"""Entry points of training: one stage each, from options to a weight file."""

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from maskstream_model.checkpoint import below, header_of, load_weights
from maskstream_model.errors import TrainingError
from maskstream_train.training.batches import stream_batches
from maskstream_train.training.class_heads import HEAD, fitted
from maskstream_train.training.imagenet import imagenet_backbone
from maskstream_train.training.imagenet_restart import restarted
from maskstream_train.training.loop import train
from maskstream_train.training.presets import StageName
from maskstream_train.training.refiner_stage import RefinerStage
from maskstream_train.training.run_checkpoint import Run
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.segmenter_stage import SegmenterStage, images_of
from maskstream_train.training.tracker_stage import TrackerStage

TRACKER, REFINER = "tracker.", "refiner."
SEGMENTER_HEAD = f"sem_seg_head.predictor.{HEAD}"
RESTART_BATCHES = 8
"""Batches of the plan on which layers are fitted to another backbone."""


def train_segmenter(options: RunOptions) -> Run:
    """Train the segmenter: from the one in `options.init`, from ImageNet weights, or from nothing.

    Raises:
        ConfigError: the recipe asks for ImageNet weights that there are not.
        TrainingError: the run cannot be resumed, or the numbers stopped being finite.
        CheckpointError: `options.init` does not fit the preset.
    """
    torch.manual_seed(options.plan.seed)
    device, clip_frames = torch.device(options.device), options.plan.num_frames
    stage = SegmenterStage(options.config, options.recipe, device, clip_frames)
    if options.init is not None:
        stage.start_from(first_segmenter(options, options.init))
        stage.earlier = _facts_of(options.init, "segmenter_")
    elif options.recipe.imagenet:
        stage.start_backbone()
    if options.recipe.backbone_factor == 0:
        stage.freeze("backbone")
    return train(stage, options)


def first_segmenter(options: RunOptions, init: Path) -> dict[str, Tensor]:
    """Return the weights of a file to start from, on ImageNet's backbone if the recipe says so.

    Raises:
        CheckpointError: the file cannot be read, or is another network's.
        ConfigError: there are no ImageNet weights for the model's backbone.
        TrainingError: the package that holds them is not installed.
        DatasetError: clips of the plan cannot be made.
    """
    weights = segmenter_of(fitted(init, options.config))
    if not options.recipe.restart or options.resume:
        return weights
    backbone = imagenet_backbone(options.config.segmenter)
    batches = islice(stream_batches(options.plan, 0, 0), RESTART_BATCHES)
    images = [images_of(batch.frames.flatten(0, 1)) for batch in batches]
    return restarted(weights, backbone, options.config.segmenter, images)


def train_tracker(options: RunOptions) -> Run:
    """Train the tracker on the frozen segmenter of `options.init`, or of the run's own folder.

    It starts anew, or from the tracker of `options.tracker_init`.

    Raises:
        TrainingError: there is no segmenter to start from; or as `train_segmenter`.
        CheckpointError: a weight file does not fit the preset.
    """
    start = options.init or options.weights_path
    if not start.exists():
        raise TrainingError(f"{start} does not exist: train the segmenter first, or give --init")
    torch.manual_seed(options.plan.seed)
    segmenter = segmenter_of(fitted(start, options.config))
    stage = TrackerStage(options.config, options, segmenter)
    stage.earlier = _facts_of(start, "segmenter_")
    if options.tracker_init is not None:
        stage.start_from(_first_trackers(options.tracker_init, segmenter))
        stage.earlier |= _facts_of(options.tracker_init, "tracker_")
    return train(stage, options)


def _first_trackers(init: Path, segmenter: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trackers of a file; those of other classes get the class head of `segmenter`."""
    trackers = below(load_weights(init), TRACKER)
    head = {f"{HEAD}{name}": value for name, value in below(segmenter, SEGMENTER_HEAD).items()}
    others = [name for name in head if name in trackers]
    if all(trackers[name].shape == head[name].shape for name in others):
        return trackers
    return trackers | head


def train_refiner(options: RunOptions) -> Run:
    """Train the refiner on the frozen online model of `options.init`, or of the run's own folder.

    Raises:
        TrainingError: there is no online model to start from; or as `train_segmenter`.
        ConfigError: the preset has no refiner.
        CheckpointError: the weight file does not fit the preset.
    """
    start = options.init or options.weights_path
    if not start.exists():
        raise TrainingError(f"{start} does not exist: give the online model as --init")
    torch.manual_seed(options.plan.seed)
    stage = RefinerStage(options.config, options, _without(load_weights(start), REFINER))
    stage.earlier = _facts_of(start, "segmenter_", "tracker_")
    return train(stage, options)


STAGES: Mapping[StageName, Callable[[RunOptions], Run]] = {
    "segmenter": train_segmenter,
    "tracker": train_tracker,
    "refiner": train_refiner,
}


def _facts_of(path: Path, *prefixes: str) -> dict[str, str]:
    """Return what a weight file says about its training that begins with one of `prefixes`."""
    return {name: text for name, text in header_of(path).items() if name.startswith(prefixes)}


def segmenter_of(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the part of a model's weights that is the segmenter's."""
    return _without(weights, TRACKER, REFINER)


def _without(weights: dict[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith(prefixes)}
