"""EfficientNet-Lite: inverted residual blocks of depthwise convolutions (Tan and Le, ICML 2019).

Not one of the reference's backbones: small, and its ImageNet weights may be passed on. The Lite
variants have ReLU6 and no squeeze-and-excitation. Padding is TensorFlow's, as their weights
expect: where a stride of 2 leaves one side more to pad, it is the right and the lower one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.resnet import ConvNorm
from maskstream_model.config import EfficientNetConfig

STAGES = (
    (3, 1, 1),
    (3, 2, 6),
    (5, 2, 6),
    (3, 2, 6),
    (5, 1, 6),
    (5, 2, 6),
    (3, 1, 6),
)
"""Kernel, stride and expansion of the seven stages; widths and depths are in the configuration."""


class SameConvNorm(ConvNorm):
    """Convolution with TensorFlow's padding, and its norm; sides are multiples of the stride."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups)
        with torch.no_grad():
            # The usual start counts all outputs of a group that has one.
            self.weight.mul_(groups**0.5)
        before, odd = divmod(kernel - stride, 2)
        # A row and a column too many, not kept, cost less than a padded copy of the input.
        self._extra = odd
        self.padding = (before + odd * stride,) * 2

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise `x (B, inputs, height, width)`."""
        y = super().forward(x)
        return y[..., 1:, 1:] if self._extra else y

    def activated(self, x: Tensor) -> Tensor:
        """Convolve, normalise and cut at 0 and 6."""
        # In place, a part of a map would stay scattered in memory, and in exported graphs too.
        return F.relu6(self(x), inplace=not self._extra)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; around a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.widen = SameConvNorm(inputs, width, 1) if expansion > 1 else None
        self.filter = SameConvNorm(width, width, kernel, stride, groups=width)
        self.narrow = SameConvNorm(width, outputs, 1)
        self._shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, inputs, height, width)` to `(B, outputs, height / stride, width / stride)`."""
        y = x if self.widen is None else self.widen.activated(x)
        narrowed: Tensor = self.narrow(self.filter.activated(y))
        return narrowed.add_(x) if self._shortcut else narrowed


class EfficientNet(nn.Module):
    """Stem and seven stages; the maps are those of stages 2, 3, 5 and 7."""

    def __init__(self, config: EfficientNetConfig) -> None:
        super().__init__()
        self.stem = SameConvNorm(3, config.stem_width, 3, 2)
        inputs = config.stem_width
        stages = []
        for shape, width, depth in zip(
            STAGES, config.stage_widths, config.stage_depths, strict=True
        ):
            stages.append(_stage(inputs, width, depth, *shape))
            inputs = width
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps res2..res5 `(B, width, height / stride, width / stride)`.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32.
        """
        if torch.is_autocast_enabled("cpu"):
            # There, depthwise convolutions learn at half the speed in bfloat16.
            with torch.autocast("cpu", enabled=False):
                return self._maps(images)
        return self._maps(images)

    def _maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.stem.activated(images)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        _, res2, res3, _, res4, _, res5 = maps
        return res2, res3, res4, res5


def _stage(
    inputs: int, width: int, depth: int, kernel: int, stride: int, expansion: int
) -> nn.Sequential:
    first = InvertedResidual(inputs, width, kernel, stride, expansion)
    rest = [InvertedResidual(width, width, kernel, 1, expansion) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)
