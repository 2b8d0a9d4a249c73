"""What `maskstream bench overhead` does: a stream to a model that costs nothing."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_protocol.messages import MASK_FORMATS
from maskstream_server.bench.pictures import jpegs
from maskstream_server.bench.report import size_text, tell
from maskstream_server.bench.servers import running_servers
from maskstream_server.bench.stand_in import StandIn
from maskstream_server.bench.turns import Pace, Turns
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.models import Models

PRESET: Final = "demo"
STRIDE: Final = 4
"""Pixels of a frame to one of its mask logits."""


@dataclass(frozen=True)
class Shown:
    """What the made-up model shows: so many objects on frames of `size`."""

    objects: int
    size: Size

    def make(self, settings: Settings) -> Models:
        """Return the model, whatever the settings name."""
        return Models(StandIn(PRESET, self.objects, 0.0, blobs(self.objects, self.size)))


def run_bench(settings: Settings, clip: Path, frames: int, objects: int, out: Path | None) -> None:
    """Measure, print the report as JSON and write it where asked.

    Raises:
        MediaError: the clip cannot be read.
        StartError: the server cannot start.
    """
    pictures = jpegs(settings, clip)
    width, height = Image.open(io.BytesIO(pictures[0])).size
    ours = {"host": "127.0.0.1", "port": 0, "video_jobs": 0, "api_keys": (), "store": "memory"}
    report: dict[str, Any] = {
        "size": size_text(height, width),
        "objects": objects,
        "frames": frames,
    }
    shown = Shown(objects, (height, width))
    with running_servers([settings.model_copy(update=ours)], shown.make) as (server,):
        for form in MASK_FORMATS:
            turns = Turns(server, form)
            turns.warm_up(pictures)
            turns.take(pictures, Pace(1, frames, None))
            turns.client.end()
            report[form] = turns.per_frame()
    tell(report, out)


def blobs(num: int, size: Size) -> Tensor:
    """Return mask logits `(num, height / 4, width / 4)` of wavy ovals that overlap a little."""
    height, width = (-(-side // STRIDE) for side in size)
    down, across = torch.meshgrid(
        torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij"
    )
    places = torch.linspace(0.15, 0.85, num)[:, None, None]
    distance = ((down - places) / 0.22) ** 2 + ((across - places) / 0.14) ** 2
    return 8.0 * (1 - distance) + 2.0 * torch.sin(40 * across + places)
