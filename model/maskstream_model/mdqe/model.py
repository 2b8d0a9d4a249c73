"""MDQE behind the port: a late model, which answers a frame when its clip is full.

A session's state is its memory and the encoded frames that wait for their clip. Frames of sessions
that step together are encoded as one batch, each once; clips are decoded one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.frame_by_frame import NO_OPTIONS, check_prompts
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.instances import instances
from maskstream_model.mdqe.listing import PendingFrame, results
from maskstream_model.mdqe.memory import MdqeMemory, initial_memory
from maskstream_model.mdqe.network import MdqeNetwork, joined
from maskstream_model.mdqe.state_parts import memory_from_parts, memory_to_parts
from maskstream_model.mdqe.tracker import link
from maskstream_model.network_model import model_info, rounds
from maskstream_model.port import FrameResult, SessionOptions, StepInput, StepOutput
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size


@dataclass(frozen=True)
class MdqeState:
    """The memory as of the last final result, and the frames that wait, fewer than a clip has."""

    memory: MdqeMemory
    pending: tuple[PendingFrame, ...] = ()


class MdqeModel:
    """One model that serves any number of sessions; implements `port.Model`.

    Attributes:
        config: preset, with overrides applied.
        network: with its weights.
        device: where network and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    def __init__(
        self, config: MdqeConfig, network: MdqeNetwork, device: torch.device, fingerprint: str
    ) -> None:
        self.config = config
        self.network = network.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint
        self.clip_size = config.online.clip_frames
        self.info = model_info(config, "mdqe", fingerprint, lookahead=self.clip_size - 1)

    def begin(self, options: SessionOptions = NO_OPTIONS) -> MdqeState:
        """See `port.Model`."""
        check_prompts(self.info, options)
        return MdqeState(initial_memory(self.config, self.device))

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`: the size of such a frame in the network."""
        rules = self.config.online
        return padded_size(*resized_size(height, width, rules.min_size, rules.max_size))

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """Return 1: frames are encoded by themselves, and more of them gain nothing."""
        return 1

    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[MdqeState]], pause: Pause | None = None
    ) -> list[StepOutput[MdqeState]]:
        """See `port.Model`."""
        for given in batch:
            check_prompts(self.info, given.options)
        frames = [frame for given in batch for frame in given.frames]
        states = [given.state for given in batch]
        found: list[list[FrameResult]] = [[] for _ in batch]
        for sessions, rows in rounds([len(given.frames) for given in batch]):
            limits = [batch[session].options.max_tracks for session in sessions]
            encoded = self._encoded([frames[row] for row in rows], limits, pause)
            for session, frame in zip(sessions, encoded, strict=True):
                more, states[session] = self._taken(states[session], frame, pause)
                found[session] += more
        return [
            StepOutput(_without_replaced(some), state)
            for some, state in zip(found, states, strict=True)
        ]

    @torch.no_grad()
    def flush(
        self,
        state: MdqeState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[MdqeState]:
        """See `port.Model`: the frames that wait are a short clip."""
        if not state.pending:
            return StepOutput([], state)
        count = len(state.pending)
        found, memory = self._clip(state, count, pause)
        return StepOutput(found, MdqeState(memory))

    def committed(self, state: MdqeState) -> int:
        """See `port.Model`."""
        return state.memory.num_frames

    def to_parts(self, state: MdqeState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return memory_to_parts(state.memory, self.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> MdqeState:
        """See `port.Model` and `state_parts`."""
        limit = options.max_tracks
        return MdqeState(
            memory_from_parts(parts, self.config, self.fingerprint, self.device, limit)
        )

    def _encoded(
        self, frames: Sequence[Frame], limits: Sequence[int | None], pause: Pause | None
    ) -> list[PendingFrame]:
        """Encode frames of one padded size together."""
        prepared = prepare(frames, self.config.online, self.device)
        encoded = self.network.encode(prepared.images, prepared.resized, pause)
        return [
            PendingFrame(encoded[row : row + 1], (frame.shape[0], frame.shape[1]), resized, limit)
            for row, (frame, resized, limit) in enumerate(
                zip(frames, prepared.resized, limits, strict=True)
            )
        ]

    def _taken(
        self, state: MdqeState, frame: PendingFrame, pause: Pause | None
    ) -> tuple[list[FrameResult], MdqeState]:
        """Return results and state after one more frame."""
        before = list[FrameResult]()
        if state.pending and state.pending[0].encoded.padded != frame.encoded.padded:
            # A clip has frames of one size.
            flushed = self.flush(state)
            before, state = [*flushed.results], flushed.state
        state = replace(state, pending=(*state.pending, frame))
        if len(state.pending) < self.clip_size:
            return [*before, *self._early(state, pause)], state
        found, memory = self._clip(state, 1, pause)
        # Of those that are not final the others had their provisional results.
        return [*before, found[0], *found[1:][-1:]], MdqeState(memory, state.pending[1:])

    def _early(self, state: MdqeState, pause: Pause | None) -> list[FrameResult]:
        """Return the provisional result of the newest frame where its first clip is not full.

        It is that of the short clip which a flush would make; the state does not change. None after
        a resume, for frames that have had theirs.
        """
        if len(state.pending) <= state.memory.num_pending:
            return []
        return self._clip(state, 0, pause)[0][-1:]

    def _clip(
        self, state: MdqeState, num_finals: int, pause: Pause | None
    ) -> tuple[list[FrameResult], MdqeMemory]:
        """Take the frames that wait as a clip; return their results and the memory after it."""
        frames = joined([frame.encoded for frame in state.pending])
        if pause is not None:
            pause()
        found = instances(self.network(frames), frames.mask_features, self.config.online)
        limit = state.pending[0].max_tracks
        linked = link(state.memory, found, frames.mask_features, self.config, limit)
        every, memory = results(linked.memory, state.pending, num_finals, self.config)
        every[0] = replace(every[0], num_refused=linked.num_refused)
        return every, memory


def _without_replaced(found: Sequence[FrameResult]) -> list[FrameResult]:
    """Leave out provisional results whose final ones came in the same step."""
    finals = [result for result in found if result.final]
    last = finals[-1].index if finals else 0
    return [*finals, *(each for each in found if not each.final and each.index > last)]
