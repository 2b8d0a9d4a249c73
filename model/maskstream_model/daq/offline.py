"""DVIS-DAQ, offline: the online model over a whole video, then the refiner (SPEC.md section 4).

Differs from reference: a video is refined in overlapping windows, so that memory does not grow with
its length (decisions/0009). A window that holds the whole video gives the reference's numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Set
from functools import partial

import torch
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.daq.clip_rows import TrackedFrame, clip_rows
from maskstream_model.daq.naive_sequences import follow
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refined import RefinedVideo, RefinedWindow, Rle, collect
from maskstream_model.daq.refiner import RefinedRows, TemporalRefiner
from maskstream_model.daq.spans import Span, spans
from maskstream_model.data.rle import encode_mask
from maskstream_model.errors import ConfigError, FrameError
from maskstream_model.interface import Frame
from maskstream_model.tasks.instances import resize_mask_logits
from maskstream_model.tasks.preprocess import prepare

Progress = Callable[[int], None]
ROWS_AT_ONCE = 16
"""Masks that are resized together: at 1080p they take 130 MB."""


class OfflineDaq:
    """Refines whole videos; implements `interface.OfflineSegmenter`.

    Attributes:
        config: preset, with overrides applied.
        online: segmenter and trackers, with the offline model's thresholds.
        refiner: the temporal refiner.
        fingerprint: hex text of weights and rules.
    """

    def __init__(self, online: OnlineDaq, refiner: TemporalRefiner) -> None:
        """Join the parts.

        Raises:
            ConfigError: the preset has no offline rules.
        """
        if online.config.offline is None:
            raise ConfigError(f"{online.config.name} is an online model, without offline rules")
        self.config: ModelConfig = online.config
        self.online = online
        self.refiner = refiner.to(online.device).eval()
        self.fingerprint = online.fingerprint
        self._rules = online.config.offline

    def run(self, frames: Iterable[Frame], progress: Progress | None = None) -> RefinedVideo:
        """Segment, track and refine a video; see `interface.OfflineSegmenter`."""
        return collect(self.windows(frames, progress), self._rules.max_results)

    @torch.no_grad()
    def windows(
        self, frames: Iterable[Frame], progress: Progress | None = None
    ) -> Iterator[RefinedWindow]:
        """Yield what is final of a video, window by window; see `interface.OfflineSegmenter`."""
        tracked = self.track(frames, progress)
        shown: set[int] = set()
        # `map` lets go of a window before the next one fills up; a loop variable would not.
        cut = spans(tracked, self._rules.window, self._rules.overlap)
        for window in map(partial(self._refine, shown), cut):
            shown.update(window.segmentations)
            yield window

    @torch.no_grad()
    def track(
        self, frames: Iterable[Frame], progress: Progress | None = None
    ) -> Iterator[TrackedFrame]:
        """Run the online model over a video, frame by frame; arguments are those of `run`."""
        state, previous, size = self.online.initial_state(), None, None
        for number, frame in enumerate(frames):
            prepared = prepare([frame], self.config.online, self.online.device)
            size = frame.shape[:2] if size is None else size
            if frame.shape[:2] != size:
                raise FrameError(f"frame {number} is {frame.shape[:2]}, those before it are {size}")
            segmented = self.online.segmenter(prepared.images)
            # The state goes through the whole video once, so that ids hold across windows.
            (output,), (state,) = self.online.track(segmented, [state], prepared.resized)
            naive = follow(previous, segmented.embeddings[0])
            previous = segmented.embeddings[0][naive]
            if progress is not None:
                progress(1)
            yield TrackedFrame.of(size, segmented, naive, output, state)
        if size is None:
            raise FrameError("a video must have at least one frame")

    def _refine(self, shown: Set[int], span: Span[TrackedFrame]) -> RefinedWindow:
        """Refine a window; the tracks in `shown` were shown before and still are."""
        rows = clip_rows(span.items, self._rules.max_kept)
        embeddings = torch.stack([frame.embeddings for frame in span.items])
        refined = self.refiner(rows.features, embeddings)
        probabilities = refined.logits.float().softmax(-1)[:, :-1].cpu()
        chosen = _rows_to_show(rows.row_ids, probabilities, shown, self._rules.max_results)
        frames = [_encoded(span.items[time], refined, time, chosen) for time in span.final]
        shown_ids = rows.row_ids[chosen].tolist()
        return RefinedWindow(
            first_frame=span.first + span.final.start,
            num_frames=len(span.final),
            size=span.items[0].size,
            track_ids=rows.row_ids,
            probabilities=probabilities,
            segmentations=dict(zip(shown_ids, zip(*frames, strict=True), strict=True)),
        )


def _rows_to_show(
    row_ids: Tensor, probabilities: Tensor, shown: Set[int], max_results: int
) -> Tensor:
    """Return the rows that get masks, `(M,)` int64: the best, and those that were shown before."""
    wanted = torch.isin(row_ids, torch.tensor(sorted(shown), dtype=torch.int64))
    wanted[probabilities.amax(-1).argsort(descending=True)[:max_results]] = True
    return wanted.nonzero()[:, 0]


def _encoded(
    frame: TrackedFrame, refined: RefinedRows, time: int, rows: Tensor
) -> list[Rle | None]:
    """Return the masks of some rows on a frame."""
    output = frame.output
    masks: list[Rle | None] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        few = rows[start : start + ROWS_AT_ONCE]
        logits = refined.segment(time, frame.mask_features, few)
        visible = resize_mask_logits(logits, output.padded, output.resized, frame.size) > 0
        masks += [encode_mask(mask) for mask in visible.cpu().numpy()]
    return masks
