"""Mask features of a frame from the encoder's levels (docs/model.md 14.1)."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class SeparableConv(nn.Module):
    """A 5x5 convolution of each channel, a mixture of channels, a norm and a ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 5, padding=2, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.gn = nn.GroupNorm(_groups(outputs), outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, inputs, h, w)` to `(B, outputs, h, w)`, nowhere below 0."""
        return F.relu(self.gn(self.pointwise(self.depthwise(x))))


class MaskHead(nn.Module):
    """From strides 32, 16 and 8 to features of stride 4."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.lay1, self.lay2, self.lay3 = (_conv(width) for _ in range(3))
        self.gn1, self.gn2, self.gn3 = (nn.GroupNorm(8, width) for _ in range(3))
        self.adapter1, self.adapter2 = (nn.Conv2d(width, width, 1) for _ in range(2))
        self.out_lay1 = SeparableConv(width, width)
        self.out_uplay = nn.ConvTranspose2d(
            width, width, 1, stride=2, output_padding=1, groups=width
        )
        self.out_lay2 = SeparableConv(width, outputs)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return `(B, M, H / 4, W / 4)` of levels `(B, C, h, w)` of strides 8, 16 and 32."""
        fine, middle, coarse = levels
        x = F.gelu(self.gn1(self.lay1(coarse)))
        x = F.gelu(self.gn2(self.lay2(_beside(x, self.adapter1(middle)))))
        x = F.gelu(self.gn3(self.lay3(_beside(x, self.adapter2(fine)))))
        features: Tensor = self.out_lay2(self.out_uplay(self.out_lay1(x)))
        return features


def _beside(coarse: Tensor, fine: Tensor) -> Tensor:
    return fine + F.interpolate(coarse, size=fine.shape[-2:], mode="nearest")


def _conv(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1)


def _groups(channels: int) -> int:
    """Return 32 where that divides the channels, else as many as Swin's 24 channels have."""
    return 32 if channels % 32 == 0 else min(channels, 24)
