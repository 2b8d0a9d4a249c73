"""The server's record of a whole video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_ENDED: Final = ("done", "failed", "cancelled", "unreadable")


@dataclass(frozen=True)
class Video:
    """One video at one moment.

    Attributes:
        id: names it at the server.
        name: of the file that was handed in.
        state: `queued`, `running`, `done`, `failed` or `cancelled`; in a list also `unreadable`,
            where the server cannot read its record: it can only be deleted.
        reason: one sentence, where it has failed or cannot be read.
        warning: one sentence, where not all of the file could be read.
        percent: 0 to 100; None where the number of frames is not known.
        frames_done: frames whose results can be read.
        frames_total: None where the file does not say.
        frame_rate: of the frames that are looked at, per second; None before it is known.
        width, height: of its upright frames in pixels; None before they are known.
        fps: frames per second of the worker; None before it is known.
        eta_s: estimated seconds left; None where not known.
        attempt: number of workers that have started the job.
        artifacts: names of the files that can be downloaded.
        options: what was asked of it, and what the server chose.
        num_bytes: of the file that was handed in.
        created: when it was handed in (ISO 8601).
        updated: when its record was last written (ISO 8601).
    """

    id: str
    name: str
    state: str
    reason: str | None = None
    warning: str | None = None
    percent: float | None = None
    frames_done: int = 0
    frames_total: int | None = None
    frame_rate: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    eta_s: float | None = None
    attempt: int = 0
    artifacts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    num_bytes: int = 0
    created: str = ""
    updated: str = ""

    @property
    def ended(self) -> bool:
        """Whether it is done, failed, cancelled or unreadable: nothing will be added to it."""
        return self.state in _ENDED


def video_from(answer: Any) -> Video:
    """Read the JSON object of `/v1/videos/{id}`; fields of later versions are left out.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(answer, dict) or not {"id", "name", "state"} <= answer.keys():
        raise ValueError("The server's answer is no video.")
    known = {name: value for name, value in answer.items() if name in Video.__dataclass_fields__}
    return Video(
        **known
        | {"artifacts": tuple(answer.get("artifacts", ())), "num_bytes": answer.get("bytes", 0)}
    )


def page_from(answer: Any) -> tuple[Sequence[Video], str | None]:
    """Read a page of `/v1/videos`: its videos, and before which the next page begins.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("videos"), list):
        raise ValueError("The server's answer is no list of videos.")
    return [video_from(item) for item in answer["videos"]], answer.get("next")


def id_of(video: Video | str) -> str:
    """The id of a video that may be named by it."""
    return video if isinstance(video, str) else video.id
