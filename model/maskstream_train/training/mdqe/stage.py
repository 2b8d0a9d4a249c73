"""MDQE as a stage of training: all of the network, on short clips."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from maskstream_model.backbones.resnet import freeze_batch_norm, unfreeze_batch_norm
from maskstream_model.checkpoint import load_into, state_of
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.network import EncodedFrames, MdqeNetwork
from maskstream_model.mdqe.queries import chosen_points, features_at
from maskstream_train.training.mdqe.assignment import ClipOutput
from maskstream_train.training.mdqe.criterion import clip_losses
from maskstream_train.training.mdqe.first_queries import link_losses, map_loss
from maskstream_train.training.mdqe.truth import ClipTruth, clip_truth
from maskstream_train.training.segmenter_stage import images_of
from maskstream_train.training.stage import Moment
from maskstream_train.training.targets import ClipBatch


class MdqeStage:
    """Trains a network from random weights; frames are multiples of 32 pixels.

    Attributes:
        network: what learns.
        repulsion: whether masks keep off the objects nearby.
    """

    name = "mdqe"
    views = 1
    idle_parameters = True
    """Sizes of the first boxes, on clips without objects."""

    def __init__(self, config: MdqeConfig, device: torch.device, repulsion: bool = True) -> None:
        self.earlier: Mapping[str, str] = {}
        self.repulsion = repulsion
        self.network = MdqeNetwork(config.network, config.num_classes)
        unfreeze_batch_norm(self.network.backbone)
        self.module: nn.Module = self.network.to(device)

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return the mean losses of the clips of a batch."""
        clips, frames = batch.frames.shape[:2]
        encoded = self._encoded(batch)
        every = [
            self._clip(encoded[row * frames : (row + 1) * frames], clip_truth(batch, row))
            for row in range(clips)
        ]
        return {name: torch.stack([terms[name] for terms in every]).mean() for name in every[0]}

    @torch.no_grad()
    def answers(self, batch: ClipBatch) -> ClipOutput:
        """Return what the queries of the one clip of a batch say at last."""
        head, clip = self.network.transformer_dec, self._encoded(batch)
        _, queries, boxes = head.decode(clip, *head.begin(clip))[-1]
        return self._output(clip, queries[0], boxes)

    def _encoded(self, batch: ClipBatch) -> EncodedFrames:
        images = images_of(batch.frames.flatten(0, 1))
        size = (images.shape[-2], images.shape[-1])
        return self.network.encode(images, [size] * len(images))

    def _clip(self, clip: EncodedFrames, truth: ClipTruth) -> dict[str, Tensor]:
        """Return the losses of one clip."""
        head = self.network.transformer_dec
        levels = clip.levels()
        logits = head.rpn_cls_embed(levels[0].movedim(1, -1))  # (T, C, h, w) -> (T, h, w, K)
        points = chosen_points(logits.detach().sigmoid().amax(-1), head.config.grid)
        features = features_at(levels, points)
        linked = link_losses(head.track_embed(features), points, truth)
        outputs = head.decode(clip, *head.aligned(features, points))
        layers = [self._output(clip, queries[0], boxes) for _, queries, boxes in outputs]
        return {
            **clip_losses(layers, truth, self.repulsion),
            "map": map_loss(logits, truth),
            **linked,
        }

    def _output(self, clip: EncodedFrames, queries: Tensor, boxes: Tensor) -> ClipOutput:
        head = self.network.transformer_dec
        normalised = head.decoder_norm(queries)
        coefficients = head.mask_embed(normalised).tanh()
        masks = torch.einsum("qm,tmhw->qthw", coefficients, clip.mask_features)
        return ClipOutput(head.cls_embed(normalised), masks, boxes)

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights with BatchNorm frozen, as the model has it."""
        network = deepcopy(self.network)
        load_into(network, tensors)
        freeze_batch_norm(network.backbone)
        return state_of(network)
