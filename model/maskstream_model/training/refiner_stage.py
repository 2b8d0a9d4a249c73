"""Stage 3: the temporal refiner on clips, all else frozen (SPEC.md 6.2, paper appendix .1).

A clip's frames lie one below the other as one tall picture, so that a mask of it is a tube, and
matching and losses are those of single frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import load_into, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.daq.clip_rows import ClipRows, TrackedFrame, clip_rows
from maskstream_model.daq.naive_sequences import follow
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refiner import RefinedRows
from maskstream_model.errors import ConfigError
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.training.criterion import classes_of_rows
from maskstream_model.training.distribution import mean_over_processes
from maskstream_model.training.losses import MaskPairs, class_loss, mask_losses
from maskstream_model.training.matcher import (
    UNMATCHED,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_model.training.options import RunOptions
from maskstream_model.training.segmenter_stage import images_of
from maskstream_model.training.stage import Moment
from maskstream_model.training.targets import ClipBatch, FrameTargets

ONLINE_SHARE = 0.5
"""Share of the run in which what the trackers say is matched, for all layers alike."""
ABSENT_LOGIT = -1e4


@dataclass(frozen=True)
class TrackedClip:
    """What the frozen parts make of one clip.

    Attributes:
        rows: `R` tracks and naive sequences, the refiner's input.
        frames: what is kept of each of `T` frames.
        mask_logits: `(T, Q, H, W)` of the segmenter.
    """

    rows: ClipRows
    frames: list[TrackedFrame]
    mask_logits: Tensor

    @property
    def embeddings(self) -> Tensor:
        """`(T, Q, C)` of the segmenter."""
        return torch.stack([frame.embeddings for frame in self.frames])

    @property
    def mask_features(self) -> Tensor:
        """`(T, C, H, W)` of the segmenter."""
        return torch.stack([frame.mask_features for frame in self.frames])


class RefinerStage:
    """Trains the refiner; segmenter and trackers run as they do in use.

    Differs from reference: there, a track of an OVIS model counts as seen in training by the mean
    of both trackers' logits, in use by each of them; here in both as in use.
    """

    name = "refiner"
    views = 1

    def __init__(
        self, config: ModelConfig, options: RunOptions, online: Mapping[str, Tensor]
    ) -> None:
        """Build all networks and load the online model's weights.

        Raises:
            ConfigError: the preset is an online one.
            CheckpointError: the weights are those of another model.
        """
        if config.offline is None:
            raise ConfigError(f"{config.name} is an online model, without a refiner to train")
        self._rules, self._recipe = config.offline, options.recipe
        self.earlier: Mapping[str, str] = {}
        networks = build_networks(
            config.segmenter, config.tracker, config.num_classes, config.offline.refiner
        )
        assert networks.refiner is not None  # Asked for.
        self._parts = {"": networks.segmenter, "tracker.": networks.tracker}
        load_into(self._parts, online)
        device = torch.device(options.device)
        # Frozen and in eval mode from here on.
        self._online = OnlineDaq(config, networks.segmenter, networks.tracker, device, "")
        for part in self._parts.values():
            part.requires_grad_(False)
        self._refiner = networks.refiner.to(device)
        self.module: nn.Module = self._refiner
        self._num_classes = config.num_classes

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return class, mask and dice losses of all clips, summed over layers."""
        criterion, generator = self._recipe.criterion, moment.generator
        logits, classes, masks, truth = [], [], [], []
        for number, clip in enumerate(self.track(batch)):
            states = self._refiner.decode(clip.rows.features, clip.embeddings)[1:]
            layers = [self._refiner.predict(state) for state in states]
            targets = tube_targets(batch, number)
            rows = self._match(clip, layers, targets, moment)
            objects = objects_of_rows(rows, len(clip.rows.features))
            labels = targets.labels.expand(len(layers), -1)
            logits.append(torch.stack([layer.logits for layer in layers]))
            classes.append(classes_of_rows(objects, labels, self._num_classes))
            found = (rows != UNMATCHED).all(0).nonzero()[:, 0]
            masks.append(self._tubes(layers, rows[:, found], clip.mask_features))
            truth.append(number * targets.labels.shape[1] + found)
        by_class = class_loss(
            torch.cat(logits, 1), torch.cat(classes, 1), criterion.weights.no_object
        )
        index = torch.cat(truth)
        drawn = torch.cat(masks, 1)
        pairs = MaskPairs(
            drawn.flatten(0, 1), tubes_of(batch.masks).flatten(0, 1), index.repeat(len(drawn))
        )
        num_masks = max(1.0, mean_over_processes(len(index), index.device))
        mask, dice = mask_losses(pairs, num_masks, criterion.sampling, generator)
        return criterion.terms(by_class, mask, dice)

    @torch.no_grad()
    def track(self, batch: ClipBatch) -> list[TrackedClip]:
        """Run segmenter and trackers over all clips, frame by frame."""
        count, size = len(batch.frames), (batch.frames.shape[2], batch.frames.shape[3])
        states = [self._online.initial_state()] * count
        naive: list[Tensor | None] = [None] * count
        kept: list[list[TrackedFrame]] = [[] for _ in range(count)]
        shown = []
        for time in range(batch.num_frames):
            frame = self._segment(batch.frames[:, time])
            outputs, states = self._online.track(frame, states, [size] * count)
            for clip in range(count):
                one = frame.frame(clip)
                queries = follow(naive[clip], one.embeddings[0])
                naive[clip] = one.embeddings[0][queries]
                kept[clip].append(TrackedFrame.of(size, one, queries, outputs[clip], states[clip]))
            shown.append(frame.mask_logits)
        mask_logits = torch.stack(shown, 1)
        return [
            TrackedClip(clip_rows(frames, self._rules.max_kept), frames, mask_logits[clip])
            for clip, frames in enumerate(kept)
        ]

    def _segment(self, frames: Tensor) -> SegmenterOutput:
        images = images_of(frames)
        with torch.autocast(images.device.type, torch.bfloat16, self._recipe.precision == "bf16"):
            output = self._online.segmenter(images)
        return SegmenterOutput(*(part.float() for part in vars(output).values()))

    @torch.no_grad()
    def _match(
        self, clip: TrackedClip, layers: list[RefinedRows], targets: FrameTargets, moment: Moment
    ) -> Tensor:
        """Return the row `(L, O)` of each object, after each layer."""
        early = moment.progress < ONLINE_SHARE
        if early:
            said = [(clip.rows.logits, self._tracked_tubes(clip))]
        else:
            every = torch.arange(len(clip.rows.features), device=layers[0].logits.device)
            said = [
                (layer.logits, self._tubes([layer], every[None], clip.mask_features)[0])
                for layer in layers
            ]
        cost, generator = self._recipe.criterion.cost, moment.generator
        rows = [
            assign(
                match_costs(logits[None, None], tubes[None, None], targets, cost, generator),
                targets.present,
            )[0, 0]
            for logits, tubes in said
        ]
        return torch.stack(rows * len(layers) if early else rows)

    def _tracked_tubes(self, clip: TrackedClip) -> Tensor:
        """Return masks `(R, T * H, W)` before refinement; absent where a track did not live."""
        is_track = clip.rows.row_ids >= 0
        sequences = -1 - clip.rows.row_ids[~is_track]
        frames = []
        for time, frame in enumerate(clip.frames):
            states = clip.rows.features[is_track, time]
            masks = self._online.tracker.segment(states[None], frame.mask_features[None])[0]
            gone = clip.rows.padded[is_track, time].to(masks.device)
            masks = masks.masked_fill(gone[:, None, None], ABSENT_LOGIT)
            queries = frame.naive[sequences].to(masks.device)
            frames.append(torch.cat([masks, clip.mask_logits[time, queries]]))
        return torch.cat(frames, 1)

    def _tubes(self, layers: list[RefinedRows], rows: Tensor, mask_features: Tensor) -> Tensor:
        """Return masks `(L, M, T * H, W)` of `rows (L, M)`, features `(T, C, H, W)`."""
        tubes = [
            torch.einsum("mtc,tchw->mthw", layer.mask_embeddings[chosen], mask_features)
            for layer, chosen in zip(layers, rows, strict=True)
        ]
        return torch.stack(tubes).flatten(2, 3)

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the online model as it is, with the refiner."""
        return state_of(self._parts) | {f"refiner.{k}": v for k, v in tensors.items()}


def tubes_of(masks: Tensor) -> Tensor:
    """Return `(B, O, T * h, w)` of masks `(B, T, O, h, w)`."""
    return masks.transpose(1, 2).flatten(2, 3)


def tube_targets(batch: ClipBatch, number: int) -> FrameTargets:
    """Return the objects of one clip as those of one tall frame; `B` is 1."""
    one = slice(number, number + 1)
    return FrameTargets(tubes_of(batch.masks[one]), batch.labels[one], batch.present[one].any(1))
