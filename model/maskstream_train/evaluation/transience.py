"""Which true objects emerge or disappear within their video, to be measured on their own.

The paper reports such numbers (Table A2) without saying how its objects were chosen. Here an object
emerges when the first frame does not show it, and disappears when the last one does not.
"""

from typing import Literal, get_args

from maskstream_model.aliases import Bools

Objects = Literal["all", "emerging", "disappearing", "either"]
"""`either` is what the paper writes as "ed": objects that emerge, disappear, or both."""

OBJECTS: tuple[Objects, ...] = get_args(Objects)

KINDS = {
    "emerging": "objects that emerge",
    "disappearing": "objects that disappear",
    "either": "objects that emerge or disappear",
}
"""For people."""


def title_of(metric: str, objects: Objects) -> str:
    """Return the title of a score over some objects."""
    return metric if objects == "all" else f"{metric}, {KINDS[objects]} only"


def chosen(visible: Bools, objects: Objects) -> Bools:
    """Return which objects `(G,)` are measured.

    Args:
        visible: `(T, G)` frames that show an object; one that is never seen is chosen by "all"
            alone.
        objects: which are meant.
    """
    # The command line asks this module for its choices, and should start without numpy.
    import numpy as np

    if objects == "all":
        return np.ones(visible.shape[1], dtype=bool)
    emerging, disappearing = ~visible[0], ~visible[-1]
    parts = {
        "emerging": emerging,
        "disappearing": disappearing,
        "either": emerging | disappearing,
    }
    return np.asarray(visible.any(axis=0) & parts[objects])
