"""Curves for TensorBoard, where it is installed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from maskstream_train.training.distribution import share

EVENTS = "events"
"""Subfolder of a run's folder with event files; `tensorboard --logdir` reads it."""
Curves = Callable[[int, Mapping[str, float]], None]
"""Adds the numbers of a step, by name."""


@contextmanager
def curves(run: Path, name: str) -> Iterator[Curves]:
    """Yield a writer of event files in `run/events/name`; without TensorBoard it writes nothing.

    Of processes that train together the first one writes.

    Args:
        run: folder of the run.
        name: of the curves. TensorBoard leaves a file of a folder for a newer one, so that curves
            that grow at the same time need different names.
    """
    if find_spec("tensorboard") is None or not share().first:
        yield lambda step, numbers: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run / EVENTS / name)) as writer:

        def add(step: int, numbers: Mapping[str, float]) -> None:
            for each, value in numbers.items():
                writer.add_scalar(each, value, step)
            writer.flush()

        yield add
