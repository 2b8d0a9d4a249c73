"""The memory of one video: per query, what the next frame needs (docs/model.md 10.3)."""

from dataclasses import dataclass

from torch import Tensor

from maskstream_model.query_slots.slots import QuerySlots, no_slots
from maskstream_model.videomt.config import VideomtConfig


@dataclass(frozen=True, kw_only=True)
class VideomtState(QuerySlots):
    """Memory of a video so far; immutable.

    Its size is always the same. Integers are on the CPU, floats on the model's device.

    Attributes:
        queries: `(Q, C)` float32, the query tokens of the next frame.
        logit_sums: `(Q, K + 1)` float32, sum of class logits since the birth of a query's track;
            zeros without one.
    """

    queries: Tensor
    logit_sums: Tensor


def initial_state(config: VideomtConfig, queries: Tensor) -> VideomtState:
    """Return the memory of a video before its first frame; `queries` are the learned ones."""
    count = config.network.num_queries
    return VideomtState(
        **no_slots(count),
        queries=queries,
        logit_sums=queries.new_zeros(count, config.num_classes + 1),
    )
