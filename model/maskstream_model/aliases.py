"""Type aliases that several packages use; importing them does not import torch."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
"""One picture: uint8 `(height, width, 3)`, RGB."""
Size = tuple[int, int]
"""`(height, width)` in pixels."""
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]
"""Called with the number of frames done since the last call."""
Pause = Callable[[], None]
"""Called between the parts of a step; the same thread may step other sessions in it."""
