"""How segment queries are associated: rules that an operator may override."""

from dataclasses import dataclass
from typing import ClassVar

from maskstream_model.config import OnlineConfig


@dataclass(frozen=True)
class AssociationRules(OnlineConfig):
    """Rules of the association (docs/model.md 12); scores, similarities and shares are 0 to 1.

    Of `OnlineConfig`, `keep_score_min` and `appearance_window` play no part; `tracked_score_min` is
    the score from which a query may continue a track, `emergence_score_min` and, on the first
    frame, `first_frame_score_min` that from which it may start one.

    Attributes:
        similarity_min: of appearance and overlap together, from which a query continues a track.
        momentum_min: share of a track's appearance that a frame leaves, at least.
        contained_min: share of a newcomer's mask inside a track of its class that makes it a part
            of that track; None turns this off.
        gallery_frames: missed frames after which a gallery track disappears, in place of
            `max_missed_frames`; None: no gallery.
        gallery_size: most tracks in the gallery; the one missed for longest is removed first.
        confirm_frames: frames on which a track must have been seen to enter the gallery.
        reid_similarity_min: of the appearances, from which a track comes back from the gallery.
        reid_margin_min: by how much it must be more alike than any other pair of either.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = (
        *OnlineConfig.OPTIONAL,
        "contained_min",
        "gallery_frames",
    )

    similarity_min: float = 0.4
    momentum_min: float = 0.7
    contained_min: float | None = 0.8
    gallery_frames: int | None = None
    gallery_size: int = 32
    confirm_frames: int = 3
    reid_similarity_min: float = 0.8
    reid_margin_min: float = 0.15

    def patience(self, num_seen: int) -> int:
        """Return the missed frames at which a track disappears that was seen on so many frames."""
        if self.gallery_frames is None or num_seen < self.confirm_frames:
            return self.max_missed_frames
        return max(self.gallery_frames, self.max_missed_frames)
