"""Sessions with a given number of tracks each: every query of a frame is born as a track."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

import numpy as np
import torch

from maskstream_model import load_model
from maskstream_model.aliases import Frame
from maskstream_model.port import Crops, FrameResult, SessionOptions, StepInput

RULES: Final = {
    "first_frame_score_min": 0.0,
    "tracked_score_min": 0.0,
    "emergence_score_min": 0.0,
    "keep_score_min": 0.0,
    "double_iou_max": None,
    "max_missed_frames": 1 << 20,
}
"""By which every score is enough, and no track ever ends."""
MOST_FRAMES: Final = 100
"""After which a crowd has to be complete."""


def load_crowded(name: str, weights: str | None) -> Any:
    """Load a preset of DVIS-DAQ by rules with which tracks become as many as are allowed.

    Raises:
        ConfigError: a preset of another family, which has other rules.
    """
    return load_model(name, weights, "cpu", **RULES)


def all_masks(result: FrameResult) -> Crops:
    """Return the masks of all tracks of a frame, in its size."""
    return result.masks.crops(np.arange(len(result.tracks.track_ids)), result.size)


class Crowd:
    """Sessions that step the frames of one clip, over and over, with so many tracks each.

    Args:
        model: see `load_crowded`.
        frames: of the clip.
        tracks: of each session.
        sessions: their number.
        at_once: most sessions that step together; the others follow in turn.

    Raises:
        ValueError: the model finds too few tracks.
    """

    def __init__(
        self, model: Any, frames: Sequence[Frame], tracks: int, sessions: int = 1, at_once: int = 8
    ) -> None:
        self.model, self.options = model, SessionOptions(max_tracks=tracks)
        self._frames, self._next = cycle(frames), 0
        # A state is a value: all sessions begin with the same one.
        self.states = [self._filled(tracks)] * sessions
        self.at_once = min(at_once, sessions)
        self.results: Sequence[FrameResult] = ()

    def step(self) -> None:
        """Do for a frame of the next sessions all that the engine's thread does."""
        chosen = [(self._next + each) % len(self.states) for each in range(self.at_once)]
        self._next = (chosen[-1] + 1) % len(self.states)
        steps = [StepInput([next(self._frames)], self.states[n], self.options) for n in chosen]
        outputs = self.model.step(steps)
        self.results = [output.results[-1] for output in outputs]
        for number, output, result in zip(chosen, outputs, self.results, strict=True):
            self.states[number] = output.state
            all_masks(result)
            self.model.to_parts(output.state)

    @torch.no_grad()
    def prepared(self) -> Any:
        """Return a frame of each of the next sessions after the network, to track them alone."""
        return self.model.prepare([next(self._frames) for _ in range(self.at_once)])

    @torch.no_grad()
    def track(self, prepared: Any) -> None:
        """Track frames that are through the network already; the sessions stay where they are."""
        limits = [self.options.max_tracks] * self.at_once
        states = self.states[: self.at_once]
        self.model.advance(prepared, range(self.at_once), states, limits)

    def memory_bytes(self) -> int:
        """Return the bytes of one session's memory."""
        return sum(map(len, self.model.to_parts(self.states[0]).values()))

    def _filled(self, tracks: int) -> Any:
        state = self.model.begin(self.options)
        for _ in range(MOST_FRAMES):
            (output,) = self.model.step([StepInput([next(self._frames)], state, self.options)])
            state = output.state
            if len(output.results[-1].tracks.track_ids) >= tracks:
                return state
        raise ValueError(f"The model finds fewer than {tracks} tracks in {MOST_FRAMES} frames.")
