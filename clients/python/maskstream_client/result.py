"""A frame's result for programs: objects with names, masks decoded when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from maskstream_client.errors import MaskstreamError
from maskstream_client.events import IdentitiesReset
from maskstream_client.model_card import ClassInfo
from maskstream_protocol.masks import decode_mask
from maskstream_protocol.records import Box, ObjectRecord, Status
from maskstream_protocol.results import ResultMessage, Timings
from maskstream_protocol.rule_events import RuleEvent

if TYPE_CHECKING:
    import supervision

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TrackedObject:
    """One object on one frame."""

    record: ObjectRecord
    result: Result = field(repr=False)

    @property
    def track_id(self) -> int:
        """Its identity, the same on every frame of an epoch."""
        return self.record.track_id

    @property
    def class_id(self) -> int:
        """Index into the model's class list."""
        return self.record.class_id

    @property
    def label(self) -> str:
        """The name of its class."""
        known = self.result.classes.get(self.class_id)
        return known.name if known else f"class {self.class_id}"

    @property
    def thing(self) -> bool:
        """Whether it is an object that can be counted; else stuff, such as sky or road."""
        return self.record.thing

    @property
    def score(self) -> float:
        """0 to 1."""
        return self.record.score

    @property
    def status(self) -> Status:
        """Emerged, tracked, missed or disappeared."""
        return self.record.status

    @property
    def age(self) -> int:
        """Frames since birth, 1 at birth."""
        return self.record.age

    @property
    def area(self) -> int:
        """Pixels of its mask, counted on the mask grid (`mask_scale`)."""
        return self.record.mask.area

    @property
    def has_mask(self) -> bool:
        """Whether any pixel is its own on this frame."""
        x0, y0, x1, y1 = self.record.mask.box
        return x1 > x0 and y1 > y0

    @property
    def box(self) -> Box:
        """x0, y0, x1, y1 in pixels of the upright frame, half open; all 0 without a mask."""
        x0, y0, x1, y1 = self.record.mask.box
        (height, width), (grid_height, grid_width) = self.result.frame_size, self.result.mask_size
        if (height, width) == (grid_height, grid_width):
            return (x0, y0, x1, y1)
        return (
            x0 * width // grid_width,
            y0 * height // grid_height,
            -(-x1 * width // grid_width),
            -(-y1 * height // grid_height),
        )

    def mask(self) -> Mask:
        """(H, W) of the upright frame; a smaller mask grid is enlarged by nearest pixel."""
        return enlarged(decode_mask(self.result.message, self.record), self.result.frame_size)


@dataclass(frozen=True)
class Result:
    """What was found in one frame.

    Attributes:
        frame_index: of the frame among all that this client sent, from 0.
        message: as it came; an empty one where the frame was dropped.
        frame_size: height and width of the upright frame.
        classes: the model's classes by id.
        latency_s: from sending the frame to the arrival of its result.
        reset: identities started over just before this result.
        drop_reason: why the frame got no result; None: it got one.
    """

    frame_index: int
    message: ResultMessage
    frame_size: tuple[int, int]
    classes: Mapping[int, ClassInfo] = field(default_factory=dict, repr=False)
    latency_s: float = 0.0
    reset: IdentitiesReset | None = None
    drop_reason: str | None = None

    @property
    def sequence(self) -> int:
        """The frame's place in the session, from 1."""
        return self.message.sequence

    @property
    def epoch(self) -> int:
        """The memory that its identities belong to."""
        return self.message.epoch

    @property
    def provisional(self) -> bool:
        """Whether it is a preliminary result, which the final one of the frame follows."""
        return self.message.provisional

    @property
    def pts_s(self) -> float | None:
        """Presentation time of the frame in seconds."""
        return None if self.message.pts_us < 0 else self.message.pts_us / 1e6

    @property
    def mask_size(self) -> tuple[int, int]:
        """Height and width of the mask grid."""
        return self.message.mask_size

    @property
    def timings(self) -> Timings:
        """Microseconds in each part of the server."""
        return self.message.timings

    @property
    def events(self) -> tuple[RuleEvent, ...]:
        """What the stream's rules have found on this frame."""
        return self.message.events

    @cached_property
    def objects(self) -> tuple[TrackedObject, ...]:
        """Every track that is mentioned on this frame, disappeared ones too."""
        return tuple(TrackedObject(record, self) for record in self.message.objects)

    @property
    def visible(self) -> tuple[TrackedObject, ...]:
        """The objects that are seen on this frame (emerged or tracked) and have a mask."""
        seen = (Status.EMERGED, Status.TRACKED)
        return tuple(item for item in self.objects if item.status in seen and item.has_mask)

    def masks(self) -> Mask:
        """(N, H, W): the mask of every object."""
        masks = [item.mask() for item in self.objects]
        return np.array(masks, bool).reshape(len(masks), *self.frame_size)

    def to_coco_rle(self) -> list[dict[str, Any]]:
        """For every object its full-frame run lengths as pycocotools takes them."""
        return [coco_rle(item.mask()) for item in self.objects]

    def to_supervision(self) -> supervision.Detections:
        """The visible objects as `supervision.Detections`; of none, arrays of length 0.

        Raises:
            MaskstreamError: the extra `supervision` is not installed.
        """
        try:
            import supervision
        except ModuleNotFoundError as error:
            needed = "This needs supervision: pip install 'maskstream[supervision]'."
            raise MaskstreamError(needed) from error
        items = self.visible
        masks = np.array([item.mask() for item in items], bool)
        return supervision.Detections(
            xyxy=np.array([item.box for item in items], np.float32).reshape(len(items), 4),
            mask=masks.reshape(len(items), *self.frame_size),
            confidence=np.array([item.score for item in items], np.float32),
            class_id=np.array([item.class_id for item in items], np.int64),
            tracker_id=np.array([item.track_id for item in items], np.int64),
            data={"class_name": np.array([item.label for item in items], str)},
        )


def coco_rle(mask: Mask) -> dict[str, Any]:
    """Run lengths of a (H, W) mask: `size` and `counts` (str, fit for JSON)."""
    runs = coco.encode(np.asfortranarray(mask).view(np.uint8))
    return {"size": list(mask.shape), "counts": runs["counts"].decode("ascii")}


def enlarged(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask on a finer grid, each pixel the nearest of the coarse one."""
    if mask.shape == size:
        return mask
    rows = np.arange(size[0]) * mask.shape[0] // size[0]
    columns = np.arange(size[1]) * mask.shape[1] // size[1]
    fine: Mask = mask[rows[:, None], columns]
    return fine
