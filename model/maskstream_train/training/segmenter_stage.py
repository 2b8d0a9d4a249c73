"""Stage 1: Mask2Former on single frames, deeply supervised (Mask2Former section 3)."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from maskstream_model.backbones.resnet import freeze_batch_norm, unfreeze_batch_norm
from maskstream_model.checkpoint import below, load_into, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.mask2former.segmenter import Features, Segmenter, SegmenterOutput
from maskstream_model.tasks.preprocess import normalise
from maskstream_train.training.auxiliary import AuxiliaryHeads
from maskstream_train.training.criterion import set_losses
from maskstream_train.training.imagenet import imagenet_backbone
from maskstream_train.training.pilots import pilot_loss
from maskstream_train.training.recipes import Frozen, Precision, Recipe
from maskstream_train.training.stage import Moment
from maskstream_train.training.targets import ClipBatch, FrameTargets
from maskstream_train.training.tracker_start import fresh_tracker


def images_of(frames: Tensor) -> Tensor:
    """Return normalised `(F, 3, h, w)` float32 of uint8 frames `(F, h, w, 3)`."""
    return normalise(frames.permute(0, 3, 1, 2))


@torch.no_grad()
def segmented(segmenter: Segmenter, frames: Tensor, precision: Precision) -> SegmenterOutput:
    """Return the output of a frozen segmenter for uint8 frames `(F, h, w, 3)`, in float32."""
    images = images_of(frames)
    with torch.autocast(images.device.type, torch.bfloat16, precision == "bf16"):
        output: SegmenterOutput = segmenter(images)
    return output.map(Tensor.float)


class SegmenterStage:
    """Trains the segmenter; what it writes has BatchNorm frozen, whether it learned or not.

    Each step sees one frame of every clip of a batch; making a clip costs more than its frames.
    """

    name = "segmenter"
    idle_parameters = True
    """`reid_embed` of the decoder (docs/model.md 2.5), and helper heads where nothing is to be
    seen."""

    def __init__(
        self, config: ModelConfig, recipe: Recipe, device: torch.device, clip_frames: int = 1
    ) -> None:
        self._config, self._recipe, self.views = config, recipe, clip_frames
        self.earlier: Mapping[str, str] = {}
        segmenter = Segmenter(config.segmenter, config.num_classes)
        if recipe.live_norms:
            unfreeze_batch_norm(segmenter)
        self._segmenter = segmenter
        self._auxiliary = AuxiliaryHeads(config.segmenter.hidden_dim, config.num_classes)
        self.module: nn.Module = nn.ModuleDict(
            {"segmenter": segmenter, "auxiliary": self._auxiliary}
        ).to(device)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take over a segmenter's weights, as a file holds them.

        Raises:
            CheckpointError: they are those of another model.
        """
        load_into(self._segmenter, weights)

    def start_backbone(self) -> None:
        """Let the backbone start from ImageNet weights.

        Raises:
            ConfigError: there are none for this backbone.
            TrainingError: the package that holds them is not installed.
        """
        load_into(self._segmenter.backbone, imagenet_backbone(self._config.segmenter))

    def freeze(self, part: Frozen) -> None:
        """Freeze a part of the segmenter: its backbone, or all but its class head."""
        if part == "backbone":
            self._segmenter.backbone.requires_grad_(False)
        elif part == "segmenter":
            self._segmenter.requires_grad_(False)
            self._segmenter.sem_seg_head.predictor.class_embed.requires_grad_(True)

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return class, mask, dice and helper losses of one frame of every clip."""
        number = moment.step % batch.num_frames
        targets = batch.frame(number)
        images = images_of(batch.frames[:, number])
        with torch.autocast(images.device.type, torch.bfloat16, self._recipe.precision == "bf16"):
            features = self._segmenter.features(images)
            output, layers = self._segmenter.all_layers(features)
            pilots = self._pilots(features, targets, moment)
        losses = set_losses(
            torch.stack([layer.logits for layer in layers]),
            torch.stack([layer.mask_logits for layer in layers]),
            targets,
            self._recipe.criterion,
            moment.generator,
        )
        return losses | pilots | self._helper(output, targets)

    def _pilots(
        self, features: Features, targets: FrameTargets, moment: Moment
    ) -> dict[str, Tensor]:
        recipe, decoder = self._recipe, self._segmenter.sem_seg_head.predictor
        if recipe.pilot_weight == 0:
            return {}
        loss = pilot_loss(decoder, features, targets, recipe.criterion, moment.generator)
        return {"pilots": recipe.pilot_weight * loss}

    def _helper(self, output: SegmenterOutput, targets: FrameTargets) -> dict[str, Tensor]:
        weight = self._recipe.auxiliary_weight
        if weight == 0:
            return {}
        return {"auxiliary": weight * self._auxiliary(output.mask_features, targets)}

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights with frozen BatchNorm, and a tracker that starts from them."""
        segmenter = deepcopy(self._segmenter)
        load_into(segmenter, below(tensors, "segmenter."))
        freeze_batch_norm(segmenter)
        tracker = fresh_tracker(self._config, segmenter)
        return state_of({"": segmenter, "tracker.": tracker})
