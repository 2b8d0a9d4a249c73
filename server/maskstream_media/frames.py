"""A video stream as a sequence of pictures that are shown: upright, of one size, in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

from maskstream_media.colours import RgbConverter
from maskstream_media.decoding import Damage, decoded
from maskstream_media.display_matrix import orientation_of
from maskstream_media.file_units import FileUnits
from maskstream_media.fitting import fitted
from maskstream_media.orientation import Orientation
from maskstream_media.timeline import Timeline
from maskstream_media.unit_encoder import Unit

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt
    from av.container import InputContainer
    from av.packet import Packet

DEFAULT_RATE: Final = Fraction(25)
_MAX_RATE: Final = 1000
_MICROSECONDS: Final = 1e6
Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class ShownFrame:
    """One frame.

    Attributes:
        decoded: as it is stored, in the colours of the file.
        orientation: how it is turned to be shown.
        time_s: when it is shown, from the start of the file; grows from frame to frame.
        size: as shown, of every frame.
        unit: its bytes, where they show nothing else than `pixels`; None where none are wanted.
    """

    decoded: av.VideoFrame
    orientation: Orientation
    time_s: float
    size: Size
    colours: RgbConverter
    unit: Unit | None = None

    def stored(self) -> av.VideoFrame:
        """The picture as RGB, of the size that turns into `size`, not turned yet."""
        width, height = self.orientation.size(*self.size)
        return fitted(self.decoded, width, height, self.colours)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """The picture as it is shown: RGB (H, W, 3)."""
        return self.orientation.apply(cast("npt.NDArray[np.uint8]", self.stored().to_ndarray()))


def shown_frames(
    container: InputContainer,
    stream: av.VideoStream,
    damage: Damage,
    size: Size | None,
    stopped: Callable[[], bool] = lambda: False,
    codec: str | None = None,
) -> Iterator[ShownFrame]:
    """Yield every frame that decodes.

    Args:
        container: open.
        stream: of it.
        damage: what is found is noted here.
        size: as shown, of every frame; None: the first one's.
        stopped: asked packet by packet.
        codec: of the units that are wanted.

    Raises:
        MemoryError: the decoder needs more than it may have.
    """
    colours = RgbConverter()
    timeline = Timeline(start_of(container), float(1 / credible_rate(stream)))
    units = None if codec is None else FileUnits(stream, codec)
    unit: Unit | None = None

    def met(packet: Packet[Any], frames: list[Any]) -> None:
        nonlocal unit
        unit = None if units is None else units.of(packet, frames)

    for frame in decoded(container, stream, damage, stopped, met):
        orientation = orientation_of(frame)
        own_size = orientation.size(frame.width, frame.height)
        size = size or own_size
        damage.resized += own_size != size
        as_stored = own_size == size and orientation == Orientation()
        time_s = timeline.place(frame.time)
        yield ShownFrame(frame, orientation, time_s, size, colours, unit if as_stored else None)


def start_of(container: InputContainer) -> float | None:
    """Return the time stamp in seconds at which the file starts; None: it does not say."""
    start = container.start_time
    return None if start is None else start / _MICROSECONDS


def credible_rate(stream: av.VideoStream) -> Fraction:
    """Return frames per second on average; 25 where the file says nothing that can be."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= _MAX_RATE:
            return Fraction(rate)
    return DEFAULT_RATE


def shown_aspect(stream: av.VideoStream, orientation: Orientation) -> Fraction:
    """Return width over height of a shown frame's pixels; 1 where the file says none."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return 1 / aspect if orientation.transposed else aspect


def announced_packets(container: InputContainer, stream: av.VideoStream) -> int | None:
    """Return how many compressed frames a whole file has, where the header is credible.

    To be asked before anything is read. The index of a MOV or an MP4 is whole, and is taken over
    a larger number in the header; that of an AVI where it reaches to the end, since the header
    counts frames that were dropped, too, and an index may name one twice.
    """
    announced, index = stream.frames, stream.index_entries
    if container.format.name.startswith("mov"):
        announced = min(announced, len(index))
    elif container.format.name == "avi" and len(index) and index[-1].timestamp + 1 >= announced:
        announced = len({entry.pos for entry in index})
    return announced if 0 < announced <= container.size else None


def announced_frames(container: InputContainer, stream: av.VideoStream) -> int | None:
    """Return how many frames a whole file shows: without those that an edit list leaves out."""
    announced = announced_packets(container, stream)
    if announced is None:
        return None
    hidden = sum(entry.is_discard for entry in stream.index_entries)
    return max(0, announced - hidden) or None
