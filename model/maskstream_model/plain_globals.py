"""Globals that a published `.pth` may name: numbers of numpy, and training logs.

Files are read with `weights_only=True`: a name that is neither on torch's list nor on this one is
refused before it is imported. No code of a file is run.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


class TrainingLog:
    """Stands in for the log buffers of mmengine, which are not used."""


_NUMBERS = (np.float64, np.float32, np.int64, np.int32, np.bool_, np.uint8)
PLAIN: Sequence[Any] = (
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in _NUMBERS),
    *(
        (made.__reduce__()[0], f"{module}.multiarray.{name}")
        for made, name in ((np.zeros(1), "_reconstruct"), (np.float64(0), "scalar"))
        for module in ("numpy.core", "numpy._core")
    ),
    (TrainingLog, "mmengine.logging.history_buffer.HistoryBuffer"),
)
"""For `torch.serialization.safe_globals`: allowed globals, some under another name."""
