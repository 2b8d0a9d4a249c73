"""Residual network whose stages feed the pixel decoder (docs/model.md 2.1)."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.config import ResNetConfig

Module = TypeVar("Module", bound=nn.Module)


class FrozenBatchNorm2d(nn.Module):
    """Batch norm as a fixed scale and shift: `(x - mean) * weight / sqrt(var + eps) + bias`."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Return `(scale, shift)`, each `(channels,)`, of the equal form `x * scale + shift`."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return scale, self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x (B, channels, height, width)`."""
        scale, shift = self.scale_and_shift()
        return x * scale[:, None, None] + shift[:, None, None]  # (C,) -> (C, 1, 1)


class ConvNorm(nn.Conv2d):
    """Convolution without bias, followed by the norm that it owns as `norm`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.norm: nn.Module = FrozenBatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise `x (B, inputs, height, width)`."""
        if isinstance(self.norm, FrozenBatchNorm2d):
            # Scaling the small weight saves two passes over the large output.
            scale, shift = self.norm.scale_and_shift()
            weight = self.weight * scale[:, None, None, None]  # (outputs,) -> (outputs, 1, 1, 1)
            return F.conv2d(x, weight, shift, self.stride, self.padding, groups=self.groups)
        normalised: Tensor = self.norm(super().forward(x))
        return normalised


class BottleneckBlock(nn.Module):
    """1x1, 3x3, 1x1 around a shortcut; the stride sits in the 3x3 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        width = outputs // 4
        self.shortcut = _shortcut(inputs, outputs, stride)
        self.conv1 = ConvNorm(inputs, width, 1)
        self.conv2 = ConvNorm(width, width, 3, stride)
        self.conv3 = ConvNorm(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, inputs, height, width)` to `(B, outputs, height / stride, width / stride)`."""
        y = self.conv3(F.relu_(self.conv2(F.relu_(self.conv1(x)))))
        return F.relu_(y.add_(x if self.shortcut is None else self.shortcut(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, for small networks of our own."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut = _shortcut(inputs, outputs, stride)
        self.conv1 = ConvNorm(inputs, outputs, 3, stride)
        self.conv2 = ConvNorm(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, inputs, height, width)` to `(B, outputs, height / stride, width / stride)`."""
        y = self.conv2(F.relu_(self.conv1(x)))
        return F.relu_(y.add_(x if self.shortcut is None else self.shortcut(x)))


class Stem(nn.Module):
    """7x7 convolution and max pooling, together stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, width, 7, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, 3, height, width)` to `(B, width, height / 4, width / 4)`."""
        return F.max_pool2d(F.relu_(self.conv1(images)), kernel_size=3, stride=2, padding=1)


class ResNet(nn.Module):
    """Stem and four stages; strides 4, 8, 16 and 32."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        block = BottleneckBlock if config.block == "bottleneck" else BasicBlock
        self.stem = Stem(config.stem_width)
        inputs = config.stem_width
        stages: list[nn.Sequential] = []
        for index, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            strides = [1 if index == 0 else 2] + [1] * (depth - 1)
            blocks = [
                block(inputs if i == 0 else width, width, stride)
                for i, stride in enumerate(strides)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = width
        self.res2, self.res3, self.res4, self.res5 = stages

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps res2..res5 `(B, width, height / stride, width / stride)`.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32.
        """
        res2 = self.res2(self.stem(images))
        res3 = self.res3(res2)
        res4 = self.res4(res3)
        return res2, res3, res4, self.res5(res4)


def _shortcut(inputs: int, outputs: int, stride: int) -> ConvNorm | None:
    return None if inputs == outputs and stride == 1 else ConvNorm(inputs, outputs, 1, stride)


def unfreeze_batch_norm(module: Module) -> Module:
    """Replace every frozen norm inside `module` by a trainable one with the same four tensors."""
    for conv in _convs(module):
        if isinstance(conv.norm, FrozenBatchNorm2d):
            norm = nn.BatchNorm2d(conv.out_channels, conv.norm.eps).to(conv.weight.device)
            # The released files have no such counter, and a fixed momentum does not need it.
            norm.register_buffer("num_batches_tracked", None)
            _take_over(conv, norm)
    return module


def freeze_batch_norm(module: Module) -> Module:
    """Replace every trainable norm inside `module` by a frozen one with the same four tensors."""
    for conv in _convs(module):
        if isinstance(conv.norm, nn.BatchNorm2d):
            norm = FrozenBatchNorm2d(conv.out_channels, conv.norm.eps).to(conv.weight.device)
            _take_over(conv, norm)
    return module


def fold_batch_norm(module: Module) -> Module:
    """Move every frozen norm inside `module` into its convolution, for inference only.

    The function computed stays the same up to rounding. The module's `state_dict` does not keep
    the released names: take weights and fingerprint before.
    """
    for conv in _convs(module):
        if isinstance(conv.norm, FrozenBatchNorm2d):
            scale, shift = conv.norm.scale_and_shift()
            # (outputs, inputs, k, k) * (outputs, 1, 1, 1)
            weight = conv.weight.detach() * scale[:, None, None, None]
            conv.weight = nn.Parameter(weight, requires_grad=False)
            conv.bias = nn.Parameter(shift, requires_grad=False)
            conv.norm = nn.Identity()
    return module


def _convs(module: nn.Module) -> list[ConvNorm]:
    return [child for child in module.modules() if isinstance(child, ConvNorm)]


def _take_over(conv: ConvNorm, norm: nn.Module) -> None:
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(conv.norm, name))
    conv.norm = norm.train(conv.training)
