"""Types of frames and callbacks that several packages use; without torch."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
"""One picture: uint8 `(height, width, 3)`, RGB."""
MAX_PIXELS: Final = 2**26
"""Most pixels of a frame, before and after it is resized: 8,192 x 8,192."""
Size = tuple[int, int]
"""`(height, width)` in pixels."""
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]
"""Called with the number of frames done since the last call."""
Pause = Callable[[], None]
"""Called between the parts of a step; the same thread may step other sessions in it."""
