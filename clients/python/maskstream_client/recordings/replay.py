"""`maskstream replay`: the frames of a recording again, and what comes out differently."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from maskstream_client.errors import SourceError
from maskstream_client.recordings.differences import LineComparer
from maskstream_client.recordings.head import Head, installed_versions
from maskstream_client.recordings.memories import bring_memory
from maskstream_client.recordings.recorder import FrameSender
from maskstream_client.recordings.recording import Line, Recording, SectionStart
from maskstream_client.sources import open_reader
from maskstream_client.stream_options import StreamOptions
from maskstream_client.sync_client import Client
from maskstream_client.video import VideoFrame
from maskstream_protocol.notices import ModelInfo

WHAT_IF: Final = ("min_score", "classes", "prompts")
"""Options that a replay may change."""


@dataclass(frozen=True)
class ReplayJob:
    """What is asked for.

    Attributes:
        video: where the frames are; None: where they were.
        what_if: options of the stream in place of the recorded ones.
    """

    recording: Recording
    url: str
    api_key: str | None = None
    video: str | None = None
    what_if: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class ReplayReport:
    """What a replay has found.

    Attributes:
        num_frames: how many frames were compared.
        different: what differs on each frame that differs, by its index.
        reasons: sentences: what else differs, by which the results may.
        recorded, replayed: on how many frames each track is, by its id.
    """

    num_frames: int = 0
    different: dict[int, list[str]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    recorded: dict[int, int] = field(default_factory=dict)
    replayed: dict[int, int] = field(default_factory=dict)
    _has_other_picture: bool = False

    def note(self, recorded: Line, replayed: Line, found: list[str]) -> None:
        """Take a frame."""
        self.num_frames += 1
        if found:
            self.different[recorded["frame"]] = found
        for line, tracks in ((recorded, self.recorded), (replayed, self.replayed)):
            for item in line.get("objects", ()):
                tracks[item["track_id"]] = tracks.get(item["track_id"], 0) + 1

    def compare_pictures(self, recorded: Line, replayed: Line) -> None:
        """Compare what was sent; the first frame with another picture is a reason."""
        if self._has_other_picture or replayed["sent"] == recorded["sent"]:
            return
        self._has_other_picture = True
        index = recorded["frame"]
        if replayed["pixels"] != recorded["pixels"]:
            self.reasons.append(f"The video has another picture at frame {index}.")
        else:
            self.reasons.append(f"The picture of frame {index} is encoded to other bytes here.")


def replay(job: ReplayJob) -> ReplayReport:
    """Send the frames of a recording again, from the memory before its first one.

    Raises:
        SourceError: there are no frames any more, or fewer than were recorded.
        MaskstreamError, WireError: the server cannot do it.
        ValueError: an option that cannot be changed.
    """
    _check_what_if(job.what_if)
    parts = job.recording.parts()
    first = next(parts)
    assert isinstance(first, SectionStart)
    head = first.head
    token = None if first.state is None else bring_memory(job.url, first.state, job.api_key)
    options = replace(_options(head), resume_token=token, **job.what_if)
    report = ReplayReport(reasons=_other_versions(head))
    with (
        open_reader(_source(job.video or head.source)) as reader,
        Client(job.url, options, api_key=job.api_key) as client,
    ):
        report.reasons[:0] = _other_model(head, client.model)
        frames = islice(iter(reader), head.first_frame, None)
        comparer = LineComparer(brought=token is not None)
        sender, waiting = FrameSender(client, options), deque[Line]()
        for part in parts:
            if isinstance(part, SectionStart):  # late models answer here, as they did
                _take(report, comparer, waiting, sender.finish())
                continue
            waiting.append(part)
            _take(report, comparer, waiting, sender.send(_next(frames, job, part)))
        _take(report, comparer, waiting, sender.finish())
    return report


def _take(
    report: ReplayReport,
    comparer: LineComparer,
    waiting: deque[Line],
    answered: Iterator[tuple[dict[str, Any], object]],
) -> None:
    for replayed, _ in answered:
        recorded = waiting.popleft()
        report.compare_pictures(recorded, replayed)
        report.note(recorded, replayed, comparer.differences(recorded, replayed))


def _next(frames: Iterator[VideoFrame], job: ReplayJob, line: Line) -> VideoFrame:
    frame = next(frames, None)
    if frame is None:
        raise SourceError(
            f"The video ends before frame {line['frame']}, of which {job.recording.path} has a "
            "result: is it another video?"
        )
    return frame


def _options(head: Head) -> StreamOptions:
    return StreamOptions(**head.options)


def _source(name: str) -> str | int:
    return int(name) if name.isdecimal() else name


def _check_what_if(asked: Mapping[str, Any]) -> None:
    for name in asked:
        if name not in WHAT_IF:
            raise ValueError(f"{name} cannot be changed; these can: {', '.join(WHAT_IF)}.")


def _other_model(head: Head, model: ModelInfo) -> list[str]:
    if model.fingerprint == head.fingerprint:
        return []
    there, here = (
        f"{name} ({mark})"
        for name, mark in (
            (head.model, head.fingerprint[:12]),
            (model.name, model.fingerprint[:12]),
        )
    )
    return [f"The model is {here}, and was {there}."]


def _other_versions(head: Head) -> list[str]:
    here = installed_versions()
    return [
        f"{name} is {here[name]} here, and was {known}."
        for name, known in head.versions.items()
        if name in here and here[name] != known
    ]
