"""What a published `.pth` may hold beside tensors: numbers of numpy, and the logs of a training.

A file is read with `weights_only=True`: whatever it names and is neither on torch's own list nor on
this one is refused before it exists. Nothing here runs code of a file.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


class TrainingLog:
    """Stands in for the numbers that mmengine logs; nobody reads them."""


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
"""As `torch.serialization.safe_globals` takes them: what may be named, some under another name."""
