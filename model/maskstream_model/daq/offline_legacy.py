"""DVIS-DAQ, offline: the online model over a whole video, then the refiner (SPEC.md section 4).

Differs from reference: a video is refined in overlapping windows, so that memory does not grow with
its length (decisions/0009). A window that holds the whole video gives the reference's numbers.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from maskstream_model.aliases import Frame, Pause, Progress
from maskstream_model.config import ModelConfig
from maskstream_model.daq.clip_memory import ClipMemory
from maskstream_model.daq.clip_rows import TrackedFrame, clip_rows
from maskstream_model.daq.naive_sequences import follow
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refined import RefinedVideo, RefinedWindow, Rle, collect
from maskstream_model.daq.refiner import RefinedRows, TemporalRefiner
from maskstream_model.daq.spans import Span, spans
from maskstream_model.errors import ConfigError, FrameError
from maskstream_model.rle import encode_mask
from maskstream_model.tasks.output import resize_mask_logits

ROWS_AT_ONCE = 16
"""Masks that are resized together: at 1080p they take 130 MB."""


class LegacyOffline:
    """Refines whole videos; implements `interface.OfflineSegmenter`.

    Attributes:
        config: preset, with overrides applied.
        online: segmenter and trackers, with the offline model's thresholds.
        refiner: the temporal refiner.
        fingerprint: hex text of weights and rules.
        rules: how windows are cut, and what is shown of them.
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
        self.rules = online.config.offline

    def run(self, frames: Iterable[Frame], progress: Progress | None = None) -> RefinedVideo:
        """Segment, track and refine a video; see `interface.OfflineSegmenter`."""
        return collect(self.windows(frames, progress), self.rules.max_results)

    @torch.no_grad()
    def windows(
        self, frames: Iterable[Frame], progress: Progress | None = None
    ) -> Iterator[RefinedWindow]:
        """Yield what is final of a video, window by window; see `interface.OfflineSegmenter`."""
        tracked = self.track(frames, progress)
        shown: set[int] = set()
        # `map` lets go of a window before the next one fills up; a loop variable would not.
        cut = spans(tracked, self.rules.window, self.rules.overlap)
        for window in map(partial(self._window, shown), cut):
            shown.update(window.segmentations)
            yield window

    def track(
        self, frames: Iterable[Frame], progress: Progress | None = None
    ) -> Iterator[TrackedFrame]:
        """Run the online model over a video, frame by frame; arguments are those of `run`."""
        memory, size = self.initial_memory(), None
        for number, frame in enumerate(frames):
            ((tracked, memory),) = self.track_clip([frame], memory)
            size = tracked.size if size is None else size
            if tracked.size != size:
                raise FrameError(f"frame {number} is {tracked.size}, those before it are {size}")
            if progress is not None:
                progress(1)
            yield tracked
        if size is None:
            raise FrameError("a video must have at least one frame")

    # The same in steps, for who has other things to do between them and begins anew in the middle.

    def initial_memory(self) -> ClipMemory:
        """Return the memory of a video that nothing has been seen of."""
        return ClipMemory(self.online.initial_state())

    @torch.no_grad()
    def track_clip(
        self,
        frames: Sequence[Frame],
        memory: ClipMemory,
        max_tracks: int | None = None,
        pause: Pause | None = None,
    ) -> list[tuple[TrackedFrame, ClipMemory]]:
        """Run the online model over the next frames; return each with the memory after it.

        The state goes through the whole video once, so that ids hold across windows.

        Args:
            frames: of one size, segmented together.
            memory: left as it was.
            max_tracks: limit of tracks alive, None for none.
            pause: called between the parts of the work.

        Raises:
            FrameError: a frame is not uint8 `(height, width, 3)`.
        """
        steps = []
        together = self.online.segment(frames, pause)
        for row, frame in enumerate(frames):
            segmented, resized = together.select([row]).output, together.resized[row]
            (output,), (state,) = self.online.track(
                segmented, [memory.state], [resized], [max_tracks]
            )
            naive = follow(memory.previous, segmented.embeddings[0])
            memory = ClipMemory(state, segmented.embeddings[0][naive])
            size = (frame.shape[0], frame.shape[1])
            steps.append((TrackedFrame.of(size, segmented, naive, output, state), memory))
            if pause is not None:
                pause()
        return steps

    @torch.no_grad()
    def refining(self, span: Span[TrackedFrame], shown: Set[int]) -> Iterator["RefinedSpan | None"]:
        """Refine a window in steps; the tracks in `shown` were shown before and still are.

        Yields:
            None after each step, and last the window.
        """
        rows = clip_rows(span.items, self.rules.max_kept)
        embeddings = torch.stack([frame.embeddings for frame in span.items])
        state = rows.features
        for index in range(self.refiner.num_layers):
            state = self.refiner.layer(index, state, embeddings)
            yield None
        refined = self.refiner.predict(state)
        probabilities = refined.logits.float().softmax(-1)[:, :-1].cpu()
        chosen = _rows_to_show(rows.row_ids, probabilities, shown, self.rules.max_results)
        yield RefinedSpan(span, rows.row_ids, probabilities, chosen, refined)

    def _window(self, shown: Set[int], span: Span[TrackedFrame]) -> RefinedWindow:
        *_, refined = self.refining(span, shown)
        assert refined is not None
        frames = [refined.masks(time) for time in span.final]
        shown_ids = refined.row_ids[refined.chosen].tolist()
        return RefinedWindow(
            first_frame=span.first + span.final.start,
            num_frames=len(span.final),
            size=span.items[0].size,
            track_ids=refined.row_ids,
            probabilities=refined.probabilities,
            segmentations=dict(zip(shown_ids, zip(*frames, strict=True), strict=True)),
        )


@dataclass(frozen=True)
class RefinedSpan:
    """A window behind the refiner; its masks are made frame by frame, as they are asked for.

    Attributes:
        span: the window.
        row_ids: `(R,)` int64 on the CPU, see `RefinedWindow.track_ids`.
        probabilities: `(R, K)` float32 on the CPU.
        chosen: `(M,)` int64, the rows that are shown.
        rows: what the refiner says.
    """

    span: Span[TrackedFrame]
    row_ids: Tensor
    probabilities: Tensor
    chosen: Tensor
    rows: RefinedRows

    @torch.no_grad()
    def masks(self, time: int, size: tuple[int, int] | None = None) -> list[Rle | None]:
        """Return the masks of the chosen rows on a frame.

        Args:
            time: index into `span.items`.
            size: (height, width) of the masks; None: of the picture.
        """
        frame = self.span.items[time]
        output, masks = frame.output, list[Rle | None]()
        for start in range(0, len(self.chosen), ROWS_AT_ONCE):
            few = self.chosen[start : start + ROWS_AT_ONCE]
            logits = self.rows.segment(time, frame.mask_features, few)
            resized = resize_mask_logits(logits, output.padded, output.resized, size or frame.size)
            masks += [encode_mask(mask) for mask in (resized > 0).cpu().numpy()]
        return masks


def _rows_to_show(
    row_ids: Tensor, probabilities: Tensor, shown: Set[int], max_results: int
) -> Tensor:
    """Return the rows that get masks, `(M,)` int64: the best, and those that were shown before."""
    wanted = torch.isin(row_ids, torch.tensor(sorted(shown), dtype=torch.int64))
    wanted[probabilities.amax(-1).argsort(descending=True)[:max_results]] = True
    return wanted.nonzero()[:, 0]
