"""The memory of one video, and the frames of a clip that is not full yet (docs/model.md 15.4)."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.genvis.config import GenvisConfig, GenvisRules
from maskstream_model.part_values import float_bytes, half_bytes
from maskstream_model.query_slots.slots import QuerySlots, no_slots


@dataclass(frozen=True, eq=False)
class Prototypes:
    """What one clip left in the memory; states share it, and its bytes are made once.

    Attributes:
        values: `(Q, C)`, float16 where the memory has a limit, otherwise float32.
    """

    values: Tensor

    @cached_property
    def blob(self) -> bytes:
        """The values as bytes, little endian, row by row."""
        half = self.values.dtype == torch.float16
        return half_bytes(self.values) if half else float_bytes(self.values)


@dataclass(frozen=True, eq=False)
class WaitingFrame:
    """A frame that was encoded and is not answered.

    Attributes:
        queries: `(F, C)`.
        mask_features: `(C, H, W)` at stride 4.
        size: `(height, width)` of the frame as it was given.
        resized: as the network saw it, without padding.
        max_tracks: limit of tracks alive; None for none.
    """

    queries: Tensor
    mask_features: Tensor
    size: Size
    resized: Size
    max_tracks: int | None

    def copy(self) -> "WaitingFrame":
        """Return the same without the batch that it is a view of."""
        queries, features = self.queries.clone(), self.mask_features.clone()
        return WaitingFrame(queries, features, self.size, self.resized, self.max_tracks)


@dataclass(frozen=True, kw_only=True)
class GenvisState(QuerySlots):
    """Memory of a video so far; immutable. `num_frames` are those that were answered.

    Integers are on the CPU, floats on the model's device.

    Attributes:
        queries: `(Q, C)` float32, input of the next clip.
        best: `(Q, K)` float32, largest probability of each class since the birth of a query's
            track; zeros without one.
        sums: `(Q, 2)` float32, since then: sum of mask probabilities inside of the masks, and the
            number of those pixels.
        prototypes: of the clips so far, the oldest first; the newest `memory_steps` of them.
        num_steps: clips so far.
        waiting: frames of the next clip.
    """

    queries: Tensor
    best: Tensor
    sums: Tensor
    prototypes: tuple[Prototypes, ...] = ()
    num_steps: int = 0
    waiting: tuple[WaitingFrame, ...] = ()

    def remembered(self, values: Tensor, rules: GenvisRules) -> tuple[Prototypes, ...]:
        """Return the prototypes with those of one more clip, `(Q, C)` float32."""
        most = rules.memory_steps
        if most is None:
            return (*self.prototypes, Prototypes(values))
        return (*self.prototypes, Prototypes(values.half()))[-most:]

    def past(self) -> Tensor:
        """Return the prototypes as `(M, Q, C)` float32."""
        values = [each.values for each in self.prototypes]
        return torch.stack(values).float() if values else self.queries[None][:0]


def initial_state(config: GenvisConfig, queries: Tensor) -> GenvisState:
    """Return the memory of a video before its first frame; `queries` are the learned ones."""
    count = config.clips.num_queries
    return GenvisState(
        **no_slots(count),
        queries=queries,
        best=queries.new_zeros(count, config.num_classes),
        sums=queries.new_zeros(count, 2),
    )
