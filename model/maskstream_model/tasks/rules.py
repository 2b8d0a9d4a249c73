"""What the tasks read of a model's configuration, for any family."""

from typing import Protocol

from maskstream_model.port import ClassInfo, Task


class ResizeRules(Protocol):
    """How frames are resized for the network; see `OnlineConfig` for both."""

    @property
    def min_size(self) -> int | None:
        """Shorter side in pixels; None keeps the frame's own size."""
        ...

    @property
    def max_size(self) -> int:
        """Limit of the longer side in pixels."""
        ...


class PanopticRules(Protocol):
    """Which tracks take part in a panoptic picture; see `OnlineConfig` for both."""

    @property
    def object_score_min(self) -> float:
        """Score, 0 to 1."""
        ...

    @property
    def overlap_min(self) -> float:
        """Share of its own mask, 0 to 1."""
        ...


class TaskConfig(Protocol):
    """A configuration whose masks the tasks can make."""

    @property
    def name(self) -> str:
        """Name of the preset."""
        ...

    @property
    def task(self) -> Task:
        """What masks become."""
        ...

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """Classes in the order of the class logits."""
        ...

    @property
    def num_classes(self) -> int:
        """`K`, without the no-object class."""
        ...

    @property
    def online(self) -> PanopticRules:
        """Rules of a model that answers each frame."""
        ...
