"""Base of DVIS-DAQ and its baseline: frame by frame models whose memory is a `TrackerState`."""

from collections.abc import Mapping

from maskstream_model.daq.state import TrackerState, initial_state
from maskstream_model.daq.state_parts import state_from_parts, state_to_parts
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.port import SessionOptions
from maskstream_model.query_tracking import QueryTrackingModel


class TrackerModel(QueryTrackingModel[TrackerState]):
    """A model whose memory is a `TrackerState`; a subclass adds `track`."""

    def first_state(self) -> TrackerState:
        """Return the state of a session before its first frame."""
        return initial_state(self.config)

    def to_parts(self, state: TrackerState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return state_to_parts(state, self.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> TrackerState:
        """See `port.Model` and `state_parts`."""
        return state_from_parts(parts, self.config, self.fingerprint, options.max_tracks)
