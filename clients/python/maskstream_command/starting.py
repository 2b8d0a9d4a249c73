"""What every process of the `maskstream` command sets before anything of weight is imported."""

from collections.abc import MutableMapping
from typing import Final

_DEFAULTS: Final = {
    # Read by OpenMP as torch is imported. By default its threads spin where they wait for one
    # another; where a core has other work, they spin for a thread that cannot run (decision 0030).
    "OMP_WAIT_POLICY": "PASSIVE",
}


def prepare_process(variables: MutableMapping[str, str]) -> None:
    """Set what is not set yet among the variables of this process."""
    for name, value in _DEFAULTS.items():
        if not variables.get(name):
            variables[name] = value
