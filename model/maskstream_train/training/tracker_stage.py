"""Stage 2: both trackers on clips, over a frozen segmenter.

See docs/model.md 6.1, paper section 3.4.
"""

from collections.abc import Mapping
from itertools import accumulate
from operator import itemgetter

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import load_into, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput
from maskstream_train.training.criterion import (
    ClassedRows,
    classes_of_rows,
    in_layers,
    leave_out_unknown,
)
from maskstream_train.training.distribution import mean_over_processes, take_from_first
from maskstream_train.training.losses import IGNORED, MaskPairs
from maskstream_train.training.matcher import UNMATCHED, objects_of_rows
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.rollout import FrameRows, Rollout
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.segmenter_stage import segmented
from maskstream_train.training.stage import Moment
from maskstream_train.training.targets import ClipBatch, SegmentedBatch
from maskstream_train.training.tracker_start import fresh_tracker, plain_tracker, settle_positions
from maskstream_train.training.views import plain_frames, view_frames

SLOT_PARTS = ("slot_cross_attention_layers", "slot_ffn_layers", "bg_slots")


class TrackerStage:
    """Trains the trackers; the segmenter runs once per batch, without gradients."""

    name = "tracker"

    def __init__(
        self, config: ModelConfig, options: RunOptions, segmenter: Mapping[str, Tensor]
    ) -> None:
        self._recipe, self._tracking = options.recipe, options.tracker
        config = options.tracker.model_of(config)
        self.views = options.tracker.views
        # On a clip's first frame there are neither anchors nor tracker 2.
        self.idle_parameters = options.plan.num_frames < 2
        self.earlier: Mapping[str, str] = {}
        self._segmenter = Segmenter(config.segmenter, config.num_classes)
        load_into(self._segmenter, segmenter)
        self._segmenter.to(options.device).eval().requires_grad_(False)
        start = fresh_tracker if self._tracking.likeness_start else plain_tracker
        self._tracker = start(config, self._segmenter)
        _freeze_unused(self._tracker, options.tracker)
        self.module: nn.Module = self._tracker
        self._settled = not self._tracking.likeness_start
        self._num_classes = config.num_classes
        self._segmented: tuple[ClipBatch, list[SegmenterOutput]] | None = None

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start the tracker from weights of one, as a file holds them below `tracker.`.

        Raises:
            CheckpointError: they are those of another model.
        """
        load_into(self._tracker, weights)
        self._settled = True

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return class, mask and dice losses of tracker 1, and of tracker 2 as `slot_*`."""
        short = self._tracking.is_short(moment.step, moment.progress)
        view = view_frames if self._tracking.varied_order else plain_frames
        order = view(batch.num_frames, short, moment.draw)
        frames = self._frames(batch)
        if moment.step == 0 and not self._settled:
            settle_positions(self._tracker, frames[0])
            take_from_first(self._tracker.parameters())
        clip = batch.select(order)
        roll = Rollout(self._tracker, self._tracking, self._recipe.criterion.cost, short)
        first, second = roll.run(
            [frames[number] for number in order],
            clip,
            self._segmenter.query_features,
            moment.generator,
        )
        features = [frames[number].mask_features for number in order]
        losses = self._terms(first, clip, features, moment.generator)
        if not second:
            return losses
        slots = self._terms(second, clip, features, moment.generator)
        weight = self._tracking.slot_weight
        return losses | {f"slot_{name}": weight * value for name, value in slots.items()}

    def _frames(self, batch: ClipBatch) -> list[SegmenterOutput]:
        """Segment all frames of a batch, once for all views of it, unless that is done."""
        if isinstance(batch, SegmentedBatch):
            return batch.outputs
        if self._segmented is None or self._segmented[0] is not batch:
            frames = batch.frames.flatten(0, 1)  # (B * T, h, w, 3)
            output = segmented(self._segmenter, frames, self._recipe.precision)
            self._segmented = (batch, by_frame(output, batch.num_frames))
        return self._segmented[1]

    def _terms(
        self,
        frames: list[FrameRows],
        clip: ClipBatch,
        features: list[Tensor],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return the weighted losses of one tracker over all frames, summed over its layers.

        Differs from reference: mask losses are divided by the number of masks that they compare;
        there, by the number of rows with an object, whether it is visible or not.
        """
        # of each frame: (L, B, R, K + 1) -> (L, B * R, K + 1)
        logits = [self._tracker.classify(torch.stack(rows.states)).flatten(1, 2) for rows in frames]
        classes = torch.cat(
            [self._classes(rows, clip, features[rows.frame]).flatten() for rows in frames]
        )
        weights = torch.cat([self._no_object(rows).flatten() for rows in frames])
        everything = torch.cat(logits, 1)
        layers, num_rows = everything.shape[:2]
        parts = [self._pairs(rows, clip, features[rows.frame]) for rows in frames]
        masks = torch.cat([picked for picked, _, _ in parts], 1)
        index = torch.cat([number for _, number, _ in parts])
        targets = clip.flat()
        pairs = MaskPairs(
            masks.flatten(0, 1),
            targets.masks.flatten(0, 1),
            index.repeat(layers),
            targets.doubtful,
            None if targets.certainties is None else targets.certainties.flatten(),
        )
        starts = accumulate((rows.objects.numel() for rows in frames[:-1]), initial=0)
        shown = torch.cat([s + places for s, (_, _, places) in zip(starts, parts, strict=True)])
        num_masks = max(1.0, mean_over_processes(index.numel(), index.device))
        classed = ClassedRows(everything, classes.expand(layers, -1), weights)
        rows_shown = in_layers(shown, layers, num_rows)
        return self._recipe.criterion.losses(classed, pairs, rows_shown, num_masks, generator)

    def _no_object(self, rows: FrameRows) -> Tensor:
        """Return the weight `(B, R)` of no object: less for anchors, of which few are ever right.

        Differs from reference: one weight of 0.1 for all. About one of 6 tracks and one of 100
        anchors carries an object here, and with 0.5 for both nothing was ever born.
        """
        weights = torch.full(rows.objects.shape, self._tracking.anchor_no_object)
        weights[:, : rows.num_tracks] = self._recipe.criterion.weights.no_object
        return weights.to(rows.objects.device)

    @torch.no_grad()
    def _classes(self, rows: FrameRows, clip: ClipBatch, features: Tensor) -> Tensor:
        """Return target classes `(B, R)`: no object for what is not visible.

        Padding is ignored, and so are rows of no object whose final mask is in unknown places.
        """
        seen = rows.visible.gather(1, rows.objects.clamp(min=0)) & (rows.objects != UNMATCHED)
        objects = torch.where(seen, rows.objects, UNMATCHED)
        classes = classes_of_rows(objects, clip.labels, self._num_classes)
        targets = clip.frame(rows.frame)
        if targets.ignored is not None:
            masks = self._tracker.segment(rows.states[-1], features)
            classes = leave_out_unknown(classes[None], masks[None], targets, self._num_classes)[0]
        return classes.masked_fill(~rows.valid, IGNORED)

    def _pairs(
        self, rows: FrameRows, clip: ClipBatch, features: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return masks `(L, M, H, W)` of rows with a visible object, and what they belong to.

        That is the numbers of the true masks, and of the rows, both `(M,)` int64. Only these rows
        get masks at all; the reference makes them for every row and layer.
        """
        num_objects = clip.labels.shape[1]
        holder = objects_of_rows(rows.objects, num_objects)
        wanted = (holder != UNMATCHED) & rows.visible
        states = torch.stack(rows.states, 1)
        index = holder.clamp(min=0)[:, None, :, None].expand(
            -1, states.shape[1], -1, states.shape[3]
        )
        # (B, L, O, C) -> (B, L * O, C) -> (B, L * O, H, W) -> (B, L, O, H, W)
        masks = self._tracker.segment(states.gather(2, index).flatten(1, 2), features)
        masks = masks.view(len(masks), -1, num_objects, *masks.shape[2:])
        frame, item = wanted.nonzero(as_tuple=True)
        number = (frame * clip.num_frames + rows.frame) * num_objects + item
        place = frame * rows.objects.shape[1] + holder[frame, item]
        # (M, L, H, W) -> (L, M, H, W)
        return masks[frame, :, item].transpose(0, 1), number, place

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the segmenter as it is, with the (averaged) tracker."""
        return state_of(self._segmenter) | {f"tracker.{k}": v for k, v in tensors.items()}


def _freeze_unused(tracker: QueryTracker, recipe: TrackerRecipe) -> None:
    """Leave what these anchors do not use as it is, so that no weight decays for nothing."""
    unused = [] if recipe.disappearance_anchors else [*SLOT_PARTS]
    unused += ["new_ins_embeds"] if recipe.anchors == "static" else []
    for name in unused:
        tracker.get_submodule(name).requires_grad_(False)


def by_frame(output: SegmenterOutput, num_frames: int) -> list[SegmenterOutput]:
    """Split the output for `B * T` frames, clip by clip, into `T` outputs for `B` clips."""
    clips = output.map(lambda part: part.view(-1, num_frames, *part.shape[1:]))
    return [clips.map(itemgetter((slice(None), number))) for number in range(num_frames)]
