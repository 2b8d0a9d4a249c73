"""The arms of the comparison: the rows of the paper's Table 3a, as settings of the tracker stage.

"static" is the baseline: learned anchors, nothing simulated, no tracker 2.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from maskstream_model.errors import ConfigError
from maskstream_train.training.recipes import TrackerRecipe

_BARE: Mapping[str, Any] = {
    "anchors": "static",
    "emergence_simulation": False,
    "disappearance_anchors": False,
    "disappearance_simulation": "off",
}
BASE = TrackerRecipe(short_share=0.05, min_tracked=1, drop_share=0.3, views=1)
"""Of all arms: clips hold about two objects, and runs are short."""

_EDAQ, _ES = {"anchors": "dynamic"}, {"emergence_simulation": True}
_DDAQ = {"disappearance_anchors": True}

ARMS: Mapping[str, Mapping[str, Any]] = {
    "static": _BARE,
    "EDAQ": {**_BARE, **_EDAQ},
    "ES": {**_BARE, **_ES},
    "EDAQ+ES": {**_BARE, **_EDAQ, **_ES},
    "EDAQ+ES+DDAQ": {**_BARE, **_EDAQ, **_ES, **_DDAQ},
    "full": {**_BARE, **_EDAQ, **_ES, **_DDAQ, "disappearance_simulation": "random"},
}
DEFAULT_ARMS = ("static", "EDAQ+ES", "full")


def recipe_of(arm: str, base: TrackerRecipe) -> TrackerRecipe:
    """Return `base` with the switches of an arm.

    Raises:
        ConfigError: there is no such arm.
    """
    if arm not in ARMS:
        raise ConfigError(f"there is no arm {arm!r}; known are {', '.join(ARMS)}")
    return replace(base, **ARMS[arm])
