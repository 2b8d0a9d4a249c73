"""From a window of tracked frames to the results of those that it decides."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from maskstream_model.aliases import Pause
from maskstream_model.config import OfflineConfig
from maskstream_model.daq.clip_rows import TrackedFrame, clip_rows
from maskstream_model.daq.refined_tracks import RefinedTrack, RefinedTracks
from maskstream_model.daq.refiner import RefinedRows, TemporalRefiner
from maskstream_model.daq.windows import Window
from maskstream_model.port import FrameResult, TrackStatus, TrackTable
from maskstream_model.tasks.results import InstanceMasks


def refine(
    refiner: TemporalRefiner,
    window: Window[TrackedFrame],
    tracks: RefinedTracks,
    rules: OfflineConfig,
    pause: Pause | None = None,
) -> tuple[list[FrameResult], RefinedTracks]:
    """Return the results of the frames that a window decides, and what is known after it.

    Args:
        refiner: the network.
        window: of frames that were tracked.
        tracks: state of the tracks after the windows before it.
        rules: which rows are shown.
        pause: called between layers and frames.
    """
    rows = clip_rows(window.items, rules.max_kept)
    refined = _refined(refiner, rows.features, window.items, pause)
    probabilities = refined.logits.float().softmax(-1)[:, :-1].cpu()
    chosen = rows_to_show(rows.row_ids, probabilities, tracks.shown, rules.max_results)
    ids = rows.row_ids.tolist()
    tracks = tracks.vote(ids, probabilities.numpy(), len(window.decided))
    living = {*ids, *(track for item in window.items for track in item.track_ids.tolist())}
    tracks, gone = tracks.forget(living)
    results = []
    for time in window.decided:
        index, frame = window.first + time + 1, window.items[time]
        logits = refined.segment(time, frame.mask_features, chosen)
        row_ids = rows.row_ids[chosen].tolist()
        result, tracks = _result(frame, index, row_ids, logits, tracks, gone)
        results.append(result)
        gone = []
        if pause is not None:
            pause()
    return results, tracks


def _refined(
    refiner: TemporalRefiner, state: Tensor, frames: Sequence[TrackedFrame], pause: Pause | None
) -> RefinedRows:
    """Run the refiner on rows `(R, T, C)`."""
    embeddings = torch.stack([frame.embeddings for frame in frames])  # (T, Q, C)
    for index in range(refiner.num_layers):
        state = refiner.layer(index, state, embeddings)
        if pause is not None:
            pause()
    return refiner.predict(state)


def rows_to_show(
    row_ids: Tensor, probabilities: Tensor, shown: Collection[int], max_results: int
) -> Tensor:
    """Return the rows that get masks, `(M,)` int64: the best, and those that were shown before."""
    wanted = torch.isin(row_ids, torch.tensor(sorted(shown), dtype=torch.int64))
    wanted[probabilities.amax(-1).argsort(descending=True)[:max_results]] = True
    return wanted.nonzero()[:, 0]


def _result(
    frame: TrackedFrame,
    index: int,
    row_ids: Sequence[int],
    logits: Tensor,
    tracks: RefinedTracks,
    gone: Sequence[RefinedTrack],
) -> tuple[FrameResult, RefinedTracks]:
    """Return the result of a frame, and the tracks after it.

    Args:
        frame: number `index`, from 1.
        index: see there.
        row_ids: rows that may be shown, `M` of them.
        logits: their masks, `(M, H, W)` at stride 4.
        tracks: what is known.
        gone: tracks that are listed for the last time.
    """
    height, width = (-(-side // 4) for side in frame.output.resized)
    there = (logits[:, :height, :width] > 0).flatten(1).any(1).cpu()  # (M, H * W) to (M,)
    tracks = tracks.show(
        [row for row, is_there in zip(row_ids, there, strict=True) if is_there], index
    )
    listed = [row for row, row_id in enumerate(row_ids) if row_id in tracks.shown]
    known = [tracks.rows[row_ids[row]] for row in listed]
    masks = torch.cat([logits[listed], logits.new_zeros(len(gone), *logits.shape[1:])])
    status = [
        *(TrackStatus.EMERGED if track.birth == index else TrackStatus.TRACKED for track in known),
        *(TrackStatus.DISAPPEARED for _ in gone),
    ]
    mentionable = np.append(there[listed].numpy(), np.zeros(len(gone), bool))
    table = _table([*known, *gone], index, status, mentionable)
    grid = InstanceMasks(masks, frame.output.padded, frame.output.resized)
    return FrameResult(index, frame.size, table, grid, num_refused=frame.output.num_refused), tracks


def _table(
    tracks: Sequence[RefinedTrack],
    index: int,
    status: Sequence[TrackStatus],
    mentionable: npt.NDArray[np.bool_],
) -> TrackTable:
    votes = np.array([track.vote.mean for track in tracks], np.float32)
    votes = votes.reshape(len(tracks), -1)
    labels = votes.argmax(1) if len(tracks) else np.zeros(0, np.int64)
    return TrackTable(
        track_ids=np.array([track.track_id for track in tracks], np.int64),
        labels=labels,
        scores=votes.max(1, initial=0.0),
        status=np.array(status, np.int64),
        ages=np.array([index - track.birth + 1 for track in tracks], np.int64),
        things=np.ones(len(tracks), bool),
        mentionable=mentionable,
        class_scores=votes,
    )
