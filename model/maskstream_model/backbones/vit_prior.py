"""Convolutions beside a vision transformer, for the detail that its patches lose.

See docs/model.md 2.3, the spatial prior module.
"""

from torch import Tensor, nn


class SpatialPrior(nn.Module):
    """A small convolutional pyramid; strides 4, 8, 16 and 32, all of one width."""

    def __init__(self, prior_width: int, width: int) -> None:
        super().__init__()
        narrow, wide, widest = prior_width, 2 * prior_width, 4 * prior_width
        self.stem = nn.Sequential(
            *_conv_norm_relu(3, narrow, 2),
            *_conv_norm_relu(narrow, narrow, 1),
            *_conv_norm_relu(narrow, narrow, 1),
            nn.MaxPool2d(3, 2, 1),
        )
        self.conv2 = nn.Sequential(*_conv_norm_relu(narrow, wide, 2))
        self.conv3 = nn.Sequential(*_conv_norm_relu(wide, widest, 2))
        self.conv4 = nn.Sequential(*_conv_norm_relu(widest, widest, 2))
        self.fc1 = nn.Conv2d(narrow, width, 1)
        self.fc2 = nn.Conv2d(wide, width, 1)
        self.fc3 = nn.Conv2d(widest, width, 1)
        self.fc4 = nn.Conv2d(widest, width, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return maps `(B, C, height / stride, width / stride)` of `(B, 3, height, width)`."""
        stride4 = self.stem(images)
        stride8 = self.conv2(stride4)
        stride16 = self.conv3(stride8)
        stride32 = self.conv4(stride16)
        return self.fc1(stride4), self.fc2(stride8), self.fc3(stride16), self.fc4(stride32)


def _conv_norm_relu(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
