"""What a replay has found, as sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from maskstream_client.recordings.replay import ReplayReport

_SHOWN: Final = 3
"""How many differences of the first frame that differs are said."""


def sentences(report: ReplayReport) -> Iterator[str]:
    """Say which frame differs first, by what, and what else is not as it was."""
    if not report.different:
        yield f"{report.num_frames} frames: the same bits."
        return
    first, found = next(iter(report.different.items()))
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    yield (
        f"{len(report.different)} of {report.num_frames} frames differ, first frame {first}: "
        f"{'; '.join(found[:_SHOWN])}{more}."
    )
    yield from _of_tracks(report)
    yield from report.reasons
    if not report.reasons:
        yield (
            "Model, options and pictures are the same. CPUs and GPUs round differently, and so do "
            "steps that several sessions share (not with `maskstream serve --deterministic`)."
        )


def changes(report: ReplayReport) -> Iterator[str]:
    """Say what other options have changed."""
    if not report.different:
        yield f"Nothing changes: {report.num_frames} frames, the same bits."
        return
    yield f"{len(report.different)} of {report.num_frames} frames change."
    yield from _of_tracks(report)


def as_json(report: ReplayReport) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "frames": report.num_frames,
        "different": report.different,
        "reasons": report.reasons,
        "tracks": {
            track_id: {
                "recorded_frames": report.recorded.get(track_id, 0),
                "replayed_frames": report.replayed.get(track_id, 0),
            }
            for track_id in _tracks(report)
        },
    }


def _of_tracks(report: ReplayReport) -> Iterator[str]:
    for track_id in _tracks(report):
        before, now = report.recorded.get(track_id, 0), report.replayed.get(track_id, 0)
        if before != now:
            yield f"Track {track_id} is on {now} frames; it was on {before}."


def _tracks(report: ReplayReport) -> list[int]:
    return sorted(report.recorded.keys() | report.replayed.keys())
