"""The feed-forward network of both transformer backbones."""

from torch import Tensor, nn
from torch.nn import functional as F


class GeluMLP(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map `(..., C)` to `(..., C)`."""
        mixed: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return mixed
