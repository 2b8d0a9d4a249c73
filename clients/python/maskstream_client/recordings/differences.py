"""What differs between a recorded result and another one of the same frame: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from maskstream_protocol.rle import decode_rle

Line = Mapping[str, Any]
_FIELDS: Final = ("label", "score", "status", "age", "box", "area")
_MENTIONED: Final = ("emerged", "tracked")


class LineComparer:
    """Compares the lines of one recording with those of a replay, frame by frame in order.

    Args:
        brought: whether the replay began with a memory that was brought. A track is then mentioned
            anew, as one that emerges, once it is seen: until then it may be missing.
    """

    def __init__(self, *, brought: bool = False) -> None:
        self._brought = brought
        self._mentioned: set[int] = set()

    def differences(self, recorded: Line, replayed: Line) -> list[str]:
        """What differs on a frame, as parts of a sentence; none where all bits are the same."""
        if "dropped" in recorded or "dropped" in replayed:
            is_same = recorded.get("dropped") == replayed.get("dropped")
            return [] if is_same else [_drops(recorded, replayed)]
        found = [
            f"{name} {replayed[name]} in place of {recorded[name]}"
            for name in ("time_s", "size")
            if replayed[name] != recorded[name]
        ]
        theirs, ours = _by_track(recorded), _by_track(replayed)
        for track_id in sorted(theirs.keys() | ours.keys()):
            found += self._of_track(track_id, theirs.get(track_id), ours.get(track_id))
        self._mentioned |= ours.keys()
        return found

    def _of_track(self, track_id: int, recorded: Line | None, replayed: Line | None) -> list[str]:
        name = f"track {track_id}"
        if replayed is None:
            assert recorded is not None
            is_new = self._brought and track_id not in self._mentioned
            excused = is_new and recorded["status"] not in _MENTIONED
            return [] if excused else [f"{name} ({recorded['label']}) is missing"]
        if recorded is None:
            return [f"{name} ({replayed['label']}) is new"]
        anew = self._brought and track_id not in self._mentioned
        found = [
            f"{field} {replayed[field]} in place of {recorded[field]}"
            for field in _FIELDS
            if replayed[field] != recorded[field]
            and not (anew and field == "status" and replayed[field] == "emerged")
        ]
        if replayed["segmentation"] != recorded["segmentation"]:
            found.append(_masks(recorded, replayed))
        return [f"{name}: {', '.join(found)}"] if found else []


def _drops(recorded: Line, replayed: Line) -> str:
    if "dropped" in replayed:
        return f"it was dropped ({replayed['dropped']})"
    return f"it was not dropped ({recorded['dropped']})"


def _by_track(line: Line) -> dict[int, Line]:
    return {item["track_id"]: item for item in line["objects"]}


def _masks(recorded: Line, replayed: Line) -> str:
    one, other = recorded["segmentation"], replayed["segmentation"]
    if one is None or other is None:
        return "a mask" if one is None else "no mask"
    if one["size"] != other["size"]:
        return "a mask of another size"
    first, second = (decode_rle(each["counts"].encode(), *each["size"]) for each in (one, other))
    num_other, overlap = np.count_nonzero(first ^ second), np.count_nonzero(first & second)
    iou = overlap / np.count_nonzero(first | second)
    return f"{num_other} pixels of its mask (IoU {iou:.3f})"
