"""Stage 3: the temporal refiner on clips, all else frozen.

See docs/model.md 6.2, paper appendix .1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import load_into, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refiner import RefinedRows
from maskstream_model.errors import ConfigError
from maskstream_train.training.criterion import ClassedRows, classes_of_rows
from maskstream_train.training.distribution import mean_over_processes
from maskstream_train.training.losses import MaskPairs
from maskstream_train.training.matcher import (
    UNMATCHED,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.segmenter_stage import segmented
from maskstream_train.training.stage import Moment
from maskstream_train.training.targets import ClipBatch, FrameTargets
from maskstream_train.training.tracked_clips import (
    TrackedClip,
    refined_tubes,
    track_clips,
    tracked_tubes,
    true_tubes,
    tube_targets,
)

ONLINE_SHARE = 0.5
"""Share of the run in which what the trackers say is matched, for all layers alike."""


@dataclass(frozen=True)
class ClipTerms:
    """What the losses need of one clip, for `L` layers.

    Attributes:
        logits: `(L, R, K + 1)`.
        classes: `(L, R)` int64 target classes.
        tubes: `(L, M, T * H, W)` masks of the matched rows.
        objects: `(M,)` int64 the object of each.
    """

    logits: Tensor
    classes: Tensor
    tubes: Tensor
    objects: Tensor


class RefinerStage:
    """Trains the refiner; segmenter and trackers run as they do in use."""

    name = "refiner"
    views = 1
    idle_parameters = False

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
        self._recipe, self._max_kept = options.recipe, config.offline.max_kept
        self.earlier: Mapping[str, str] = {}
        networks = build_networks(
            config.segmenter, config.tracker, config.num_classes, config.offline.refiner
        )
        assert networks.refiner is not None  # Asked for.
        self._frozen = {"": networks.segmenter, "tracker.": networks.tracker}
        load_into(self._frozen, online)
        for part in self._frozen.values():
            part.requires_grad_(False)
        device = torch.device(options.device)
        self._segmenter = networks.segmenter.to(device).eval()
        self._online = OnlineDaq(config, self._segmenter, networks.tracker, device, "")
        self._refiner = networks.refiner.to(device)
        self.module: nn.Module = self._refiner
        self._num_classes = config.num_classes

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return class, mask and dice losses of all clips, summed over layers."""
        criterion = self._recipe.criterion
        terms = [
            self._terms(clip, tube_targets(batch, number), moment)
            for number, clip in enumerate(self.track(batch))
        ]
        num_objects = batch.labels.shape[1]
        index = torch.cat([row * num_objects + one.objects for row, one in enumerate(terms)])
        tubes = torch.cat([one.tubes for one in terms], 1)
        # (B, O, T * h, w) -> (B * O, T * h, w); (L, M, T * H, W) -> (L * M, T * H, W)
        truth = true_tubes(batch.masks).flatten(0, 1)
        pairs = MaskPairs(tubes.flatten(0, 1), truth, index.repeat(len(tubes)))
        num_masks = max(1.0, mean_over_processes(len(index), index.device))
        classed = ClassedRows(
            torch.cat([one.logits for one in terms], 1),
            torch.cat([one.classes for one in terms], 1),
            criterion.weights.no_object,
        )
        return criterion.losses(classed, pairs, None, num_masks, moment.generator)

    def track(self, batch: ClipBatch) -> list[TrackedClip]:
        """Run segmenter and trackers over all clips."""
        precision = self._recipe.precision
        frames = [
            segmented(self._segmenter, batch.frames[:, time], precision)
            for time in range(batch.num_frames)
        ]
        return track_clips(self._online, frames, self._max_kept)

    def _terms(self, clip: TrackedClip, targets: FrameTargets, moment: Moment) -> ClipTerms:
        states = self._refiner.decode(clip.rows.features, clip.embeddings)[1:]
        layers = [self._refiner.predict(state) for state in states]
        rows = self.match(clip, layers, targets, moment)
        objects = objects_of_rows(rows, len(clip.rows.features))
        labels = targets.labels.expand(len(layers), -1)
        found = (rows != UNMATCHED).all(0).nonzero()[:, 0]
        features = clip.mask_features
        return ClipTerms(
            torch.stack([layer.logits for layer in layers]),
            classes_of_rows(objects, labels, self._num_classes),
            torch.stack(
                [
                    refined_tubes(layer, chosen[found], features)
                    for layer, chosen in zip(layers, rows, strict=True)
                ]
            ),
            found,
        )

    @torch.no_grad()
    def match(
        self, clip: TrackedClip, layers: list[RefinedRows], targets: FrameTargets, moment: Moment
    ) -> Tensor:
        """Return the row `(L, O)` of each object after each layer, `UNMATCHED` where none."""

        def matched(logits: Tensor, tubes: Tensor) -> Tensor:
            shown = logits[None, None], tubes[None, None]
            costs = match_costs(*shown, targets, self._recipe.criterion.cost, moment.generator)
            return assign(costs, targets.present)[0, 0]

        if moment.progress < ONLINE_SHARE:
            rows = matched(clip.rows.logits, tracked_tubes(clip, self._online.tracker))
            return rows.expand(len(layers), -1)
        every, features = torch.arange(len(clip.rows.features)), clip.mask_features
        return torch.stack(
            [matched(layer.logits, refined_tubes(layer, every, features)) for layer in layers]
        )

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the online model as it is, with the refiner."""
        return state_of(self._frozen) | {f"refiner.{k}": v for k, v in tensors.items()}
