"""VidEoMT behind the port: frames and queries in, tracks and queries out (docs/model.md 10).

Sessions that step together share the network's batch. The memory of every session has the same
size: nothing is padded, and a batch equals single steps up to rounding.
"""

from collections.abc import Mapping, Sequence

import torch

from maskstream_model.aliases import Frame, Pause
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.graph import CompiledNetwork
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.network_model import NetworkModel
from maskstream_model.port import SessionOptions
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import PreparedFrames, prepare
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.network import VideomtNetwork
from maskstream_model.videomt.state import VideomtState, initial_state
from maskstream_model.videomt.state_parts import state_from_parts, state_to_parts
from maskstream_model.videomt.tracks import follow


class VideomtModel(NetworkModel[VideomtState, PreparedFrames]):
    """One model that serves any number of sessions; implements `port.Model`.

    A session takes one frame a step: each needs the queries of the one before.

    Attributes:
        network: eager or compiled.
    """

    family = "videomt"
    config: VideomtConfig
    network: VideomtNetwork | CompiledNetwork

    def __init__(
        self,
        config: VideomtConfig,
        network: VideomtNetwork,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        super().__init__(config, device, fingerprint)
        self.network = network.to(device).eval()

    def use(self, network: VideomtNetwork | CompiledNetwork, execution: Execution) -> None:
        """See `backends.graph.RunsNetwork`."""
        super().use(network, execution)
        self.network = network

    def first_state(self) -> VideomtState:
        """Return the state of a session before its first frame."""
        return initial_state(self.config, self.network.first_queries())

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

    def prepare(self, frames: Sequence[Frame], pause: Pause | None = None) -> PreparedFrames:
        """Make frames the network's input."""
        return prepare(frames, self.config.online, self.device)

    def advance(
        self,
        prepared: PreparedFrames,
        rows: Sequence[int],
        states: Sequence[VideomtState],
        max_tracks: Sequence[int | None],
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[VideomtState]]:
        """See `NetworkModel.advance`."""
        queries = torch.stack([state.queries for state in states])
        output = self.network(prepared.images[list(rows)], queries, pause)
        pairs = [
            follow(output.frame(place), state, self.config.online, prepared.resized[row], limit)
            for place, (row, state, limit) in enumerate(zip(rows, states, max_tracks, strict=True))
        ]
        return [tracks for tracks, _ in pairs], [state for _, state in pairs]
