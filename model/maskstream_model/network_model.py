"""Base of models that answer each frame at once, and whose sessions share the network's batch.

Frames of several sessions are prepared as one padded batch; then the first frames of all sessions
step together, then the second ones, and so on.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.table import EXACT
from maskstream_model.config import PresetConfig
from maskstream_model.frame_by_frame import AnswersAtOnce, State
from maskstream_model.port import FrameResult, ModelInfo, StepInput, StepOutput
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import padded_size, resized_size
from maskstream_model.tasks.results import frame_result

Prepared = TypeVar("Prepared")


class NetworkModel(AnswersAtOnce[State], Generic[State, Prepared]):
    """Implements `port.Model` except for the network and the memory, which a subclass adds.

    Attributes:
        family: name of the family.
        config: preset, with overrides applied.
        device: where networks and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    family: str

    def __init__(self, config: PresetConfig, device: torch.device, fingerprint: str) -> None:
        self.config = config
        self.device = device
        self.fingerprint = fingerprint
        self.info = model_info(config, self.family, fingerprint, lookahead=0)

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`: the size of such a frame in the network."""
        online = self.config.online
        return padded_size(*resized_size(height, width, online.min_size, online.max_size))

    # no_grad rather than inference_mode: training needs ordinary tensors as results.
    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[State]], pause: Pause | None = None
    ) -> list[StepOutput[State]]:
        """See `port.Model`."""
        frames = [frame for given in batch for frame in given.frames]
        prepared = self.prepare(frames, pause)
        states = [given.state for given in batch]
        results: list[list[FrameResult]] = [[] for _ in batch]
        for sessions, rows in rounds([len(given.frames) for given in batch]):
            limits = [batch[session].options.max_tracks for session in sessions]
            before = [states[session] for session in sessions]
            outputs, after = self.advance(prepared, rows, before, limits, pause)
            for session, row, output, state in zip(sessions, rows, outputs, after, strict=True):
                states[session] = state
                size = (frames[row].shape[0], frames[row].shape[1])
                results[session].append(frame_result(output, state.num_frames, size, self.config))
        return [StepOutput(*pair) for pair in zip(results, states, strict=True)]

    # Not part of the port.

    def use(self, network: Any, execution: Execution) -> None:
        """See `backends.graph.RunsNetwork`; a subclass takes the network."""
        self.info = info_on(self.info, execution)
        self.fingerprint = self.info.fingerprint

    @torch.no_grad()
    def track_frame(
        self, frame: Frame, state: State, max_tracks: int | None = None
    ) -> tuple[FrameOutput, State]:
        """Step one frame; returns its raw tracks and the memory after it."""
        outputs, states = self.advance(self.prepare([frame]), [0], [state], [max_tracks])
        return outputs[0], states[0]

    @abstractmethod
    def prepare(self, frames: Sequence[Frame], pause: Pause | None = None) -> Prepared:
        """Compute what needs no memory, for frames of one padded size together."""

    @abstractmethod
    def advance(
        self,
        prepared: Prepared,
        rows: Sequence[int],
        states: Sequence[State],
        max_tracks: Sequence[int | None],
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Track one frame of each of some sessions.

        Args:
            prepared: frames of all sessions.
            rows: `B` indices of the frames to track.
            states: `B` memories, left as they are.
            max_tracks: limit of tracks alive in each session; None for none.
            pause: called between the parts of the work.
        """


def info_on(info: ModelInfo, execution: Execution) -> ModelInfo:
    """Return what is said of a model that runs on another backend from now on."""
    return replace(
        info,
        fingerprint=execution.fingerprint(info.fingerprint),
        backend=execution.backend,
        precision=execution.precision,
        agreement=execution.agreement,
    )


def model_info(
    config: PresetConfig, family: str, fingerprint: str, lookahead: int | None
) -> ModelInfo:
    """Return the `ModelInfo` of a preset."""
    return ModelInfo(
        name=config.name,
        family=family,
        task=config.task,
        classes=config.classes,
        fingerprint=fingerprint,
        lookahead=lookahead,
        report_score_min=config.online.report_score_min,
        show_score_min=config.online.show_score_min,
        input_rule={"min_size": config.online.min_size},
        backbone=config.backbone,
        precision=EXACT,
    )


def rounds(counts: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return which frames step together: the first of each session, then the second, and so on.

    Args:
        counts: frames of each session, in the order of the rows.

    Returns:
        for each round the sessions, and the rows of their frames.
    """
    starts = [sum(counts[:session]) for session in range(len(counts))]
    return [
        (sessions, [starts[session] + number for session in sessions])
        for number in range(max(counts, default=0))
        for sessions in [[s for s, count in enumerate(counts) if number < count]]
    ]
