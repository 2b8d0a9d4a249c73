"""Synthetic clips with what the segmenter makes of them, kept in memory and on disk.

Trackers learn and are measured on segmenter outputs alone, which no arm changes: made once, they
cost a training step neither the segmenter nor the generator.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from maskstream_model.checkpoint import header_of, save_safetensors
from maskstream_model.errors import ConfigError, TrainingError
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.training.run_options import Plan
from maskstream_train.training.segmenter_stage import images_of
from maskstream_train.training.targets import SegmentedBatch, collate

MAX_BYTES = 4 << 30
"""Most that the maps of one set may take, in memory and on disk."""


@dataclass(frozen=True)
class ClipSet:
    """Which clips: `count` of them, from the generator of `config` and `seed`."""

    config: SyntheticConfig
    seed: int
    count: int

    def facts(self, segmenter: str) -> dict[str, str]:
        """Return what distinguishes this set from others, with the segmenter's fingerprint."""
        given = {key: str(value) for key, value in asdict(self.config).items()}
        return {
            "segmenter": segmenter,
            "seed": str(self.seed),
            "count": str(self.count),
            "clips": json.dumps(given, sort_keys=True),
        }


@dataclass(frozen=True)
class SegmentedClips:
    """`N` clips of `T` frames and at most `O` objects.

    Attributes:
        output: of the segmenter, parts `(N, T, ...)`; maps are float16, the rest float32.
        masks: `(N, T, O, h, w)` bool.
        labels: `(N, O)` int64; padding has 0.
        present: `(N, T, O)` bool.
    """

    output: SegmenterOutput
    masks: Tensor
    labels: Tensor
    present: Tensor

    @property
    def num_clips(self) -> int:
        """`N`."""
        return len(self.labels)

    @property
    def num_frames(self) -> int:
        """`T`."""
        return self.masks.shape[1]

    def batch(self, rows: Sequence[int]) -> SegmentedBatch:
        """Return some clips as the tracker stage takes them."""
        index = torch.as_tensor(rows)
        outputs = [self._frame(index, number) for number in range(self.num_frames)]
        frames = torch.zeros(len(index), self.num_frames, 0, 0, 3, dtype=torch.uint8)
        return SegmentedBatch(
            frames, self.masks[index], self.labels[index], self.present[index], outputs
        )

    def _frame(self, clips: Tensor, number: int) -> SegmenterOutput:
        return self.output.map(lambda part: part[clips, number].float())

    def stream(self, plan: Plan, first: int, workers: int) -> Iterator[SegmentedBatch]:
        """Yield batches from number `first` on, drawn by seed and number; see `stream_batches`."""
        size = min(plan.batch_size, self.num_clips)
        for number in count(first):
            draw = np.random.default_rng([plan.seed, number, 2])
            yield self.batch(draw.choice(self.num_clips, size, replace=False).tolist())


def segmented_clips(
    path: Path, segmenter: Segmenter, fingerprint: str, wanted: ClipSet
) -> SegmentedClips:
    """Return segmented clips from a file, which is made first where it is missing.

    Args:
        path: `.safetensors`, written whole.
        segmenter: in evaluation mode.
        fingerprint: changes with the segmenter's weights.
        wanted: the clips.

    Raises:
        ConfigError: more clips than fit into `MAX_BYTES`.
        TrainingError: the file holds something else.
    """
    facts = wanted.facts(fingerprint)
    if not path.exists():
        save_safetensors(path, _tensors(_segment_all(segmenter, wanted)), facts)
    try:
        found, tensors = header_of(path), load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from None
    if found != facts:
        differing = ", ".join(sorted(key for key in facts if found.get(key) != facts[key]))
        raise TrainingError(f"{path} holds other clips (by {differing}); choose another --out")
    truth = {name: tensors.pop(name) for name in ("masks", "labels", "present")}
    return SegmentedClips(SegmenterOutput(**tensors), **truth)


def _tensors(clips: SegmentedClips) -> dict[str, Tensor]:
    truth = {"masks": clips.masks, "labels": clips.labels, "present": clips.present}
    return {**vars(clips.output), **truth}


@torch.no_grad()
def _segment_all(segmenter: Segmenter, wanted: ClipSet) -> SegmentedClips:
    """Make all clips and segment them, one after the other."""
    generator, parts, clips = ClipGenerator(wanted.config, wanted.seed), [], []
    device = segmenter.query_features.device
    for number in range(wanted.count):
        clip = generator.clip(number)
        output: SegmenterOutput = segmenter(images_of(torch.from_numpy(clip.frames).to(device)))
        parts.append(output.map(_stored))
        _check_room(parts[0], wanted.count)
        clips.append(clip)
    truth = collate(clips)
    stacked = SegmenterOutput(
        *(torch.stack([vars(part)[name] for part in parts]) for name in vars(parts[0]))
    )
    return SegmentedClips(stacked, truth.masks, truth.labels, truth.present)


def _stored(part: Tensor) -> Tensor:
    """Return a part on the CPU, maps `(T, ..., H, W)` as float16."""
    return part.cpu().half() if part.ndim == 4 else part.cpu()


def _check_room(clip: SegmenterOutput, num_clips: int) -> None:
    parts: list[Any] = list(vars(clip).values())
    needed = num_clips * sum(part.nbytes for part in parts)
    if needed > MAX_BYTES:
        raise ConfigError(
            f"{num_clips} segmented clips take {needed >> 20} MiB, more than {MAX_BYTES >> 20}; "
            "take fewer, smaller or shorter ones"
        )
