"""VidEoMT as the port sees it: frames and queries in, tracks and queries out (docs/model.md 10).

Sessions that step together share the network's batch. What a session remembers has one size, so
that nothing is padded and a batch computes what single steps do, up to rounding.
"""

from collections.abc import Mapping, Sequence

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.frame_by_frame import NO_OPTIONS, check_prompts
from maskstream_model.port import (
    FrameResult,
    ModelInfo,
    SessionOptions,
    StepInput,
    StepOutput,
)
from maskstream_model.query_tracking import rounds
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size
from maskstream_model.tasks.results import frame_result
from maskstream_model.videomt.compiled import AnyNetwork
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.state import VideomtState, initial_state
from maskstream_model.videomt.state_parts import state_from_parts, state_to_parts
from maskstream_model.videomt.tracks import follow

FAMILY = "videomt"


class VideomtModel:
    """One model that serves any number of sessions; implements `port.Model`.

    Attributes:
        config: preset, with overrides applied.
        network: eager or compiled.
        device: where the network and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    def __init__(
        self,
        config: VideomtConfig,
        network: AnyNetwork,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.network = network.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint

    def with_network(self, network: AnyNetwork) -> "VideomtModel":
        """Return this model with another network of the same weights, as a compiled one."""
        return VideomtModel(self.config, network, self.device, self.fingerprint)

    @property
    def info(self) -> ModelInfo:
        """See `port.Model`."""
        online = self.config.online
        return ModelInfo(
            name=self.config.name,
            family=FAMILY,
            task=self.config.task,
            classes=self.config.classes,
            prompts="never",
            lookahead=0,
            report_score_min=online.report_score_min,
            show_score_min=online.show_score_min,
            input_rule={"min_size": online.min_size},
            backbone=self.config.network.kind,
            precision="float32",
            fingerprint=self.fingerprint,
        )

    def begin(self, options: SessionOptions = NO_OPTIONS) -> VideomtState:
        """See `port.Model`."""
        check_prompts(self.info, options)
        return initial_state(self.config, self.network.first_queries())

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`: the size of such a frame in the network."""
        online = self.config.online
        return padded_size(*resized_size(height, width, online.min_size, online.max_size))

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """See `port.Model`: each frame needs the queries of the one before."""
        return 1

    # no_grad rather than inference_mode: results must be ordinary tensors.
    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[VideomtState]], pause: Pause | None = None
    ) -> list[StepOutput[VideomtState]]:
        """See `port.Model`: the first frames of all sessions together, then the second ones."""
        frames = [frame for given in batch for frame in given.frames]
        limits = [given.options.max_tracks for given in batch]
        states = [given.state for given in batch]
        results: list[list[FrameResult]] = [[] for _ in batch]
        prepared = prepare(frames, self.config.online, self.device)
        for sessions, rows in rounds([len(given.frames) for given in batch]):
            queries = torch.stack([states[session].queries for session in sessions])
            output = self.network(prepared.images[rows], queries, pause)
            for place, (session, row) in enumerate(zip(sessions, rows, strict=True)):
                tracks, states[session] = follow(
                    output.frame(place),
                    states[session],
                    self.config.online,
                    prepared.resized[row],
                    limits[session],
                )
                results[session].append(self._result(tracks, states[session], frames[row]))
        return [StepOutput(*pair) for pair in zip(results, states, strict=True)]

    def flush(
        self,
        state: VideomtState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[VideomtState]:
        """See `port.Model`: nothing is pending."""
        return StepOutput([], state)

    def committed(self, state: VideomtState) -> int:
        """See `port.Model`."""
        return state.num_frames

    def to_parts(self, state: VideomtState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return state_to_parts(state, self.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> VideomtState:
        """See `port.Model` and `state_parts`."""
        return state_from_parts(
            parts, self.config, self.fingerprint, self.device, options.max_tracks
        )

    @torch.no_grad()
    def track_frame(
        self, frame: Frame, state: VideomtState, max_tracks: int | None = None
    ) -> tuple[FrameOutput, VideomtState]:
        """Take one frame; returns its tracks before they are results, and the memory after it."""
        prepared = prepare([frame], self.config.online, self.device)
        output = self.network(prepared.images, state.queries[None])
        return follow(output.frame(0), state, self.config.online, prepared.resized[0], max_tracks)

    def _result(self, output: FrameOutput, state: VideomtState, frame: Frame) -> FrameResult:
        size = (frame.shape[0], frame.shape[1])
        return frame_result(output, state.num_frames, size, self.config)
