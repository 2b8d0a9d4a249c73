"""The display matrix of decoded frames."""

from typing import Any, cast

import av
from av.sidedata.sidedata import SideDataContainer

from maskstream_media.orientation import MATRIX, Orientation


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return how a decoded frame is to be shown."""
    try:
        # Not `frame.side_data`: that and the frame would keep each other until a collection.
        matrix = cast(Any, SideDataContainer)(frame).get("DISPLAYMATRIX")
    except ValueError:
        # PyAV does not know every kind of side data and reads none then, such as beside EXIF.
        return Orientation.from_degrees(frame.rotation)
    if matrix is None or matrix.buffer_size != MATRIX.size:
        return Orientation()
    return Orientation.from_matrix(bytes(matrix))
