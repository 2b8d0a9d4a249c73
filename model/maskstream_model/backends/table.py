"""The one table of backends. Names come without torch; a backend is imported when it is used."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

    from maskstream_model.backends.interface import Backend

AUTO: Final = "auto"
"""Stands for the quickest backend of a device, and for the usual precision."""
EAGER: Final = "eager"
"""Torch itself: what every other backend is compared with."""
EXACT: Final = "float32"
PRECISIONS: Final = (AUTO, EXACT, "bfloat16")


def _compile() -> "Backend":
    from maskstream_model.backends import compile

    return compile


def _tensorrt() -> "Backend":
    from maskstream_model.backends import tensorrt

    return tensorrt


def _openvino() -> "Backend":
    from maskstream_model.backends import openvino

    return openvino


BUILDERS: Final[Mapping[str, Callable[[], "Backend"]]] = {
    "compile": _compile,
    "tensorrt": _tensorrt,
    "openvino": _openvino,
}
"""Backends that build engines."""
BACKENDS: Final = (EAGER, *BUILDERS)
CHOICES: Final = (AUTO, *BACKENDS)
"""What users may name."""
BY_DEVICE: Final = {"cuda": ("tensorrt", "compile", EAGER)}
"""What `auto` tries, by the type of the device; elsewhere eager alone."""


def candidates(wanted: str, device: "torch.device") -> Sequence[str]:
    """Return the backends to try, the best first."""
    return BY_DEVICE.get(device.type, (EAGER,)) if wanted == AUTO else (wanted,)
