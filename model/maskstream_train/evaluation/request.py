"""What `maskstream eval` is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from maskstream_model.aliases import Progress, Size
from maskstream_model.backends.table import AUTO, EAGER
from maskstream_model.errors import ConfigError
from maskstream_train.data.readers import PACKED, Format
from maskstream_train.evaluation.referring.folders import ReferringForm
from maskstream_train.evaluation.transience import Objects

SYNTHETIC = "synthetic"
"""The data that is made here, not read."""
Begin = Callable[[int], Progress]
"""Starts a progress bar of so many frames; returns a callback for frames done."""


@dataclass(frozen=True)
class Request:
    """The options of `maskstream eval`; see its help."""

    preset: str = "demo"
    weights: str | None = None
    device: str = "cpu"
    backend: str = EAGER
    precision: str = AUTO
    compile_size: Sequence[Size] = ()
    data: str = SYNTHETIC
    form: Format | ReferringForm | Literal["packed"] | None = None
    objects: Objects = "all"
    beyond: Path | None = None
    names: str = ""
    clips: int = 50
    frames: int = 24
    size: tuple[int, int] = (256, 448)
    seed: int = 0
    cutouts: Path | None = None
    textures: Path | None = None
    tracker: str = "daq"
    truth: Path | None = None
    overrides: Sequence[str] = ()
    sweep: bool = False
    grid: Sequence[str] = ()
    min_score: float = 0.0
    agnostic: bool = False
    out: Path | None = None


STILLS = ("coco", PACKED)
"""Forms of data whose pictures are measured one by one."""
MODEL_AND_DATA = frozenset(
    [
        *("preset", "weights", "device", "backend", "precision", "compile_size"),
        *("data", "form", "overrides"),
    ]
)
VIDEOS_ALONE = frozenset(("objects", "beyond"))
"""Fields of a request that only benchmarks of videos use."""
STILLS_ALONE = frozenset(("names",))
"""Fields of a request that only pictures use."""


def check_options(request: Request) -> None:
    """Check that benchmarks and other runs are asked for what they do.

    Raises:
        ConfigError: one is asked for what the other does.
    """
    defaults = type(request)()
    names = [field.name for field in fields(request)]
    given = {name for name in names if getattr(request, name) != getattr(defaults, name)}
    if request.form is None:
        if given & (VIDEOS_ALONE | STILLS_ALONE):
            option = min(given & (VIDEOS_ALONE | STILLS_ALONE))
            raise ConfigError(f"--{option} belongs to a benchmark: say its --format")
        return
    stills = request.form in STILLS
    taken = MODEL_AND_DATA | (STILLS_ALONE if stills else VIDEOS_ALONE | {"out"})
    if given - taken:
        option = min(given - taken).replace("_", "-")
        what = "single pictures" if stills else "a benchmark"
        raise ConfigError(f"--{option} has no part in {what}; leave out it or --format")
