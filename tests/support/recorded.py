"""Tracker states and segmenter outputs as the reference recorded them."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import load_into
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.presets import preset
from maskstream_model.daq.refiner import TemporalRefiner
from maskstream_model.daq.state import TrackerState, initial_state
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput
from support.reference import Reference

MAIN = "r50_ovis_96x160"
WINDOW = 9
Arrays = dict[str, NDArray[np.generic]]


class Recorded:
    """Builds our model and our values from the recordings; networks are built once."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.tracker = cache(self._tracker)

    def model(self, variant: str = "daq_r50_ovis", **online: object) -> OnlineDaq:
        """Our model with the recordings' weights, on frames in their own size."""
        config = preset(variant).override(min_size=None, **online)
        networks = self.reference.segmenter(variant), self.tracker(variant)
        return OnlineDaq(config, *networks, torch.device("cpu"), "recorded")

    def offline_model(self, variant: str, **rules: object) -> OfflineDaq:
        """Our offline model with the recordings' weights, refining whole videos."""
        online = self.model(variant, window=None, **rules)
        config, weights = online.config, self.reference.weights(variant)
        refiner = TemporalRefiner(config.segmenter, config.offline.refiner, config.num_classes)
        load_into(
            {"refiner.": refiner}, {k: v for k, v in weights.items() if k.startswith("refiner.")}
        )
        return OfflineDaq(online, refiner)

    def frame(self, time: int, case: str = MAIN) -> Arrays:
        """What the reference's tracker did on a frame."""
        return self.reference.golden(case, f"trk_f{time:02d}")

    def segmented(self, time: int) -> SegmenterOutput:
        """What the reference's segmenter said of a frame of the main clip."""
        arrays = self.reference.golden(MAIN, f"seg_f{time:02d}")
        names = ("pred_embds", "pred_logits", "pred_masks", "mask_features")
        return SegmenterOutput(*(torch.from_numpy(arrays[name])[None] for name in names))

    def state_after(self, time: int) -> TrackerState:
        """Our memory as the main case's recordings of frames `0..time` make it."""
        model = self.model()
        if time < 0:
            return initial_state(model.config)
        frames = [self.frame(t) for t in range(time + 1)]
        last = frames[-1]
        ids = last["alive_ids"]
        return TrackerState(
            queries=torch.from_numpy(last["track_queries"]),
            positions=torch.from_numpy(last["track_pos"]),
            history=torch.stack([_history(frames, track_id) for track_id in ids]),
            logit_sums=torch.stack([_logit_sum(frames, track_id) for track_id in ids]),
            track_ids=torch.from_numpy(ids) + 1,
            birth_frames=torch.from_numpy(last["start_frame"]),
            missed_frames=torch.from_numpy(last["invalid_frames"]),
            num_appearances=torch.from_numpy(last["n_pos"]),
            num_frames=time + 1,
            next_track_id=2 + max(int(frame["alive_ids"].max(initial=-1)) for frame in frames),
        )

    def _tracker(self, variant: str) -> QueryTracker:
        config = preset(variant)
        tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes).eval()
        weights = self.reference.weights(variant)
        load_into({"tracker.": tracker}, {k: v for k, v in weights.items() if "tracker." in k})
        return tracker


def _rows(frames: list[Arrays], track_id: int, name: str, seen_only: bool) -> list[Tensor]:
    rows = []
    for frame in frames:
        (index,) = np.nonzero(frame["alive_ids"] == track_id)
        if len(index) and (frame["visible"][index[0]] or not seen_only):
            rows.append(torch.from_numpy(frame[name][frame["alive_rows"][index[0]]]))
    return rows


def _history(frames: list[Arrays], track_id: int) -> Tensor:
    """Appearances of frames on which a track was seen, each in its slot of the ring."""
    ring = torch.zeros(WINDOW, frames[0]["cand_pos"].shape[1])
    for count, row in enumerate(_rows(frames, track_id, "cand_pos", seen_only=True)):
        ring[count % WINDOW] = row
    return ring


def _logit_sum(frames: list[Arrays], track_id: int) -> Tensor:
    return torch.stack(_rows(frames, track_id, "cand_logits", seen_only=False)).sum(0)


def assert_events(output: FrameOutput, state: TrackerState, recorded: Arrays) -> None:
    """Ids, births, deaths, visibility and counters must be those of the recording, exactly."""
    status = output.status
    before = status != TrackStatus.EMERGED
    events = {
        "prev_ids": output.track_ids[before].sort().values - 1,
        "n_track_queries": before.sum()[None],
        "alive_ids": state.track_ids - 1,
        "born_ids": output.track_ids[status == 0] - 1,
        "dead_ids": output.track_ids[status == 3] - 1,
        "visible": (status < 2)[status < 3],
        "invalid_frames": state.missed_frames,
        "seq_len": state.ages,
        "n_pos": state.num_appearances,
        "start_frame": state.birth_frames,
    }
    for name, ours in events.items():
        np.testing.assert_array_equal(ours.numpy(), recorded[name], name)
