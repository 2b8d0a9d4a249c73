"""What both query trackers say of a frame, all of it, as it was recorded of the reference."""

from dataclasses import dataclass

from torch import Tensor

from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.mask2former.mask_decoder import LayerPrediction
from maskstream_model.mask2former.segmenter import SegmenterOutput


@dataclass(frozen=True)
class TrackerOutput:
    """What the trackers say of one frame.

    Attributes:
        embeddings: `(B, N + Q, C)`, tracks first, then anchors (first frame: `(B, Q, C)`).
        logits: `(B, N + Q, K + 1)` of tracker 1.
        mask_logits: `(B, N + Q, H, W)` of tracker 1.
        keep_logits: `(B, N, K + 1)` of tracker 2; None on a first frame.
        layers: tracker 1 before its first and after every layer, the last one being the output;
            empty unless asked for.
        keep_layers: tracker 2 after every layer, rows `N + S`; empty unless asked for.
    """

    embeddings: Tensor
    logits: Tensor
    mask_logits: Tensor
    keep_logits: Tensor | None = None
    layers: tuple[LayerPrediction, ...] = ()
    keep_layers: tuple[LayerPrediction, ...] = ()


def first_frame(
    tracker: QueryTracker, embeddings: Tensor, mask_features: Tensor, all_layers: bool = False
) -> TrackerOutput:
    """Refine the segment queries of a video's first frame; there are no anchors yet."""
    return _output(tracker, tracker.decode_first(embeddings), mask_features, all_layers)


def later_frame(
    tracker: QueryTracker,
    tracked: TrackedQueries,
    frame: SegmenterOutput,
    query_features: Tensor,
    blocked: Tensor | None = None,
    all_layers: bool = False,
) -> TrackerOutput:
    """Run both trackers on a later frame; see `QueryTracker.decode_slots`."""
    anchors = tracker.pool_appearance(frame.mask_logits, frame.mask_features)
    states = tracker.decode(tracked, frame.embeddings, anchors)
    slots = tracker.decode_slots(tracked, frame.embeddings, query_features, blocked)
    output = _output(tracker, states, frame.mask_features, all_layers)
    return TrackerOutput(
        output.embeddings,
        output.logits,
        output.mask_logits,
        keep_logits=tracker.classify(slots[-1][:, : tracked.features.shape[1]]),
        layers=output.layers,
        keep_layers=_predict(tracker, slots, frame.mask_features) if all_layers else (),
    )


def _predict(
    tracker: QueryTracker, states: list[Tensor], mask_features: Tensor
) -> tuple[LayerPrediction, ...]:
    return tuple(
        LayerPrediction(tracker.classify(state), tracker.segment(state, mask_features))
        for state in states
    )


def _output(
    tracker: QueryTracker, states: list[Tensor], mask_features: Tensor, all_layers: bool
) -> TrackerOutput:
    layers = _predict(tracker, states if all_layers else states[-1:], mask_features)
    last = layers[-1]
    return TrackerOutput(
        states[-1], last.logits, last.mask_logits, layers=layers if all_layers else ()
    )
