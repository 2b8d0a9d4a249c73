"""Options of a whole video, and the state of its submission."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypedDict
from uuid import uuid4

from maskstream_client.stream_options import check_texts
from maskstream_protocol.rules import Rule, check_rules


@dataclass(frozen=True)
class VideoOptions:
    """Options of a whole video; None leaves it to the server.

    Attributes:
        mode: `online` gives what streaming the same frames gives; `offline` refines it.
        model: its name.
        artifacts: names of the files to make, such as `ytvis.json`.
        mask_scale: 1, 0.5 or 0.25 of the upright frame.
        min_score: 0 to 1, from which a track is first mentioned.
        classes: names of the only classes to mention.
        prompts: texts that name objects to segment, for models that take them.
        show_min: 0 to 1, from which a track is drawn, and visible in `ytvis.json`.
        frame_stride: work on every so many-th frame only.
        webhook: address that is called at the end.
        rules: make events of results (docs/events.md).
    """

    mode: Literal["online", "offline"] = "online"
    model: str | None = None
    artifacts: Sequence[str] | None = None
    mask_scale: float | None = None
    min_score: float | None = None
    frame_stride: int | None = None
    webhook: str | None = None
    show_min: float | None = None
    classes: Sequence[str] | None = None
    prompts: Sequence[str] | None = None
    rules: Sequence[Rule] | None = None

    def __post_init__(self) -> None:
        check_texts(self.classes, self.prompts)
        check_rules(self.rules or ())

    def to_json(self) -> dict[str, Any]:
        """The `options` of a request, of what JSON gives back: only what is asked for."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain


class VideoFields(TypedDict, total=False):
    """The fields of `VideoOptions` as keyword arguments."""

    mode: Literal["online", "offline"]
    model: str | None
    artifacts: Sequence[str] | None
    mask_scale: float | None
    min_score: float | None
    frame_stride: int | None
    webhook: str | None
    show_min: float | None
    classes: Sequence[str] | None
    prompts: Sequence[str] | None
    rules: Sequence[Rule] | None


@dataclass(frozen=True)
class Submission:
    """Progress of a submission, from which another process can resume it.

    Attributes:
        key: sent with it, so that a repeated submission makes no second video.
        upload: address of its resumable upload, once there is one.
        video: its id, once it is submitted.
    """

    key: str = field(default_factory=lambda: uuid4().hex)
    upload: str | None = None
    video: str | None = None
