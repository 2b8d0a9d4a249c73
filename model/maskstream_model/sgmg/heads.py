"""Conditional patch kernels, and the optimiser that refines their masks (docs/model.md 13.5)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.aliases import Size

PATCH = 4
"""Side of the patch of mask logits that a cell of stride 8 has, at stride 2."""
CHANNELS = PATCH**2
STRIDE = 8
NEAR = "bilinear"


def num_kernel_values(width: int) -> int:
    """Return how many numbers the kernels of one query have."""
    return (width + 2) * CHANNELS + CHANNELS**2 + 2 * CHANNELS


def patch_logits(kernels: Tensor, features: Tensor, centres: Tensor, resized: Size) -> Tensor:
    """Return patches of mask logits, `(T, Q, 16, h, w)`.

    Args:
        kernels: `(T, Q, num_kernel_values)`: both weights, then both biases.
        features: `(T, C, h, w)` at stride 8.
        centres: `(T, Q, 2)` x, y of each query as 0 to 1 of the picture.
        resized: `(height, width)` of the picture in the network, without padding.
    """
    width, (height, across) = features.shape[1], features.shape[2:]
    sizes = [(width + 2) * CHANNELS, CHANNELS**2, CHANNELS, CHANNELS]
    first, second, bias1, bias2 = torch.split(kernels, sizes, -1)
    first = first.reshape(*first.shape[:2], CHANNELS, -1)
    hidden = torch.einsum("tqoc,tchw->tqohw", first[..., :width], features)
    places = centres * centres.new_tensor(resized[::-1])
    for axis, count in enumerate((across, height)):
        cells = torch.arange(count, device=centres.device) * STRIDE + STRIDE // 2
        apart = places[:, :, axis, None] - cells  # (T, Q, count)
        apart = apart[:, :, None, :] if axis == 0 else apart[:, :, :, None]
        # (T, Q, 16, 1, 1) * (T, Q, 1, 1, w), or (T, Q, 1, h, 1)
        hidden = hidden + first[..., width + axis, None, None] * apart[:, :, None]
    hidden = F.relu_(hidden + bias1[..., None, None])
    second = second.reshape(*second.shape[:2], CHANNELS, -1)
    patches: Tensor = torch.einsum("tqoc,tqchw->tqohw", second, hidden) + bias2[..., None, None]
    return patches


class MaskRefiner(nn.Module):
    """Adds visual details of strides 8 and 4 to patches of mask logits."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        fine, coarse = widths
        self.conv1_1div8 = nn.Conv2d(CHANNELS + coarse, CHANNELS, 3, padding=1)
        self.conv2_1div8 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.conv1_1div4 = nn.Conv2d(CHANNELS + fine, CHANNELS, 3, padding=1)
        self.conv2_1div4 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, patches: Tensor, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return patches `(T, 16, H / 4, W / 4)`, whose 16 logits are those of single pixels.

        Args:
            patches: `(T, 16, H / 8, W / 8)`.
            fine: `(T, c, H / 4, W / 4)` of the backbone.
            coarse: the same at stride 8.
        """
        patches = patches + self._details(self.conv1_1div8, self.conv2_1div8, patches, coarse)
        patches = F.interpolate(patches, fine.shape[-2:], mode=NEAR, align_corners=False)
        return patches + self._details(self.conv1_1div4, self.conv2_1div4, patches, fine)

    @staticmethod
    def _details(conv1: nn.Conv2d, conv2: nn.Conv2d, patches: Tensor, maps: Tensor) -> Tensor:
        details: Tensor = conv2(F.relu_(conv1(F.relu_(torch.cat([patches, maps], 1)))))
        return details
