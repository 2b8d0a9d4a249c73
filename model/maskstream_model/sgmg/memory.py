"""Tracks of texts: one for each text that was found, for as long as it is asked for (13.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from maskstream_model.aliases import Frame, Size
from maskstream_model.port import FrameResult, SessionOptions, TrackStatus, TrackTable
from maskstream_model.tasks.results import InstanceMasks


@dataclass(frozen=True)
class Track:
    """The track of a text: its id, the class of the text, the frame on which it was first found."""

    track_id: int
    class_id: int
    birth: int


@dataclass(frozen=True)
class Memory:
    """What is kept of the frames that were answered.

    Attributes:
        num_frames: how many.
        next_track_id: of the next text that is found.
        tracks: of the texts that are asked for and were found.
    """

    num_frames: int = 0
    next_track_id: int = 1
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True)
class Pending:
    """A frame that waits for its chunk: as the network sees it, its own size, its options."""

    picture: Frame
    size: Size
    options: SessionOptions


@dataclass(frozen=True)
class SgmgState:
    """The memory as of the last answer, and the frames that wait for theirs."""

    memory: Memory = Memory()
    pending: tuple[Pending, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a text names on a frame.

    Attributes:
        class_id: of the text.
        score: 0 to 1, of the candidate on its chunk.
        mask_logits: `(height, width)` float32 on the CPU, of the padded frame.
        visible: whether any pixel of the picture is above 0.
    """

    class_id: int
    score: float
    mask_logits: Tensor
    visible: bool


@dataclass(frozen=True)
class Row:
    """A row of a table of tracks; `found` is None where the track ends."""

    track: Track
    status: TrackStatus
    found: Found | None


def follow(
    memory: Memory, found: Sequence[Found], max_tracks: int | None
) -> tuple[list[Row], Memory, int]:
    """Return the tracks of the next frame, the memory after it, and how many new were refused.

    A track begins where its text is first found, is missed where it is not seen, and ends where the
    text is no longer asked for.
    """
    number, next_id, refused = memory.num_frames + 1, memory.next_track_id, 0
    known = {track.class_id: track for track in memory.tracks}
    rows, asked = list[Row](), {each.class_id for each in found}
    ended = [track for track in memory.tracks if track.class_id not in asked]
    alive = len(memory.tracks) - len(ended)
    for each in found:
        track = known.get(each.class_id)
        if track is not None:
            status = TrackStatus.TRACKED if each.visible else TrackStatus.MISSED
            rows.append(Row(track, status, each))
        elif each.visible and max_tracks is not None and alive >= max_tracks:
            refused += 1
        elif each.visible:
            rows.append(Row(Track(next_id, each.class_id, number), TrackStatus.EMERGED, each))
            next_id, alive = next_id + 1, alive + 1
    after = Memory(number, next_id, tuple(row.track for row in rows))
    rows += [Row(track, TrackStatus.DISAPPEARED, None) for track in ended]
    return rows, after, refused


def result(
    index: int, pending: Pending, padded: Size, rows: Sequence[Row], num_refused: int
) -> FrameResult:
    """Return the final result of a frame."""
    empty = torch.zeros(padded)
    logits = [empty if row.found is None else row.found.mask_logits for row in rows]
    masks = torch.stack(logits) if logits else torch.zeros(0, *padded)
    resized = (pending.picture.shape[0], pending.picture.shape[1])
    table = TrackTable(
        track_ids=np.array([row.track.track_id for row in rows], np.int64),
        labels=np.array([row.track.class_id for row in rows], np.int64),
        scores=np.array([row.found.score if row.found else 0 for row in rows], np.float32),
        status=np.array([int(row.status) for row in rows], np.int64),
        ages=np.array([index - row.track.birth + 1 for row in rows], np.int64),
        things=np.ones(len(rows), bool),
        mentionable=np.ones(len(rows), bool),
    )
    frame_masks = InstanceMasks(masks, padded, resized)
    return FrameResult(index, pending.size, table, frame_masks, num_refused=num_refused)


def waiting(state: SgmgState, pending: Pending) -> SgmgState:
    """Return the state with one more frame that waits."""
    return replace(state, pending=(*state.pending, pending))
