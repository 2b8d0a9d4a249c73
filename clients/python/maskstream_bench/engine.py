"""`maskstream bench engine`: CPU time of a step's parts, beside another checkout or backend."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import numpy as np

from maskstream_bench import step_worker
from maskstream_bench.command import subject, video_argument
from maskstream_bench.pictures import first_frames
from maskstream_bench.report import Measured, Run, ratios, spread
from maskstream_model.backends.table import BACKENDS, EAGER

PACKAGES: Final = ("model", "server", "clients/python")
"""Where a checkout has its packages."""


@subject
@video_argument()
@click.option("--model", default="demo", show_default=True, help="Preset.")
@click.option("--weights", help="File, or `random`; without it, those shipped with the preset.")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Checkout whose parts are measured in turns with ours.",
)
@click.option(
    "--backend",
    type=click.Choice([name for name in BACKENDS if name != EAGER]),
    help="Backend whose parts are measured in turns with eager.",
)
def engine(
    video: Path | None,
    model: str,
    weights: str | None,
    rounds: int,
    against: Path | None,
    backend: str | None,
) -> Measured:
    """Measure the CPU time of the parts of a step on one thread, on the first frames of VIDEO.

    Ratios hold on a busy machine, since the parts take turns, so that load slows all of them alike.
    """
    subjects: dict[str, tuple[Path | None, str]] = {"this": (None, EAGER)}
    if against is not None:
        subjects["other"] = against, EAGER
    if backend is not None:
        subjects[backend] = None, backend
    with TemporaryDirectory() as folder, ExitStack() as stack:
        frames = Path(folder) / "frames.npy"
        np.save(frames, np.stack(first_frames(video)))
        asked = [model, *([] if weights is None else [weights])]
        workers = {
            name: stack.enter_context(_worker(checkout, [str(frames), on, *asked]))
            for name, (checkout, on) in subjects.items()
        }
        took_s = _in_turns(workers, rounds)
    runs = {name: _run(parts) for name, parts in took_s.items()}
    compared = dict[str, Run]()
    pairs = [("this", "other") if name == "other" else (name, "this") for name in list(runs)[1:]]
    for measure in runs["this"]:
        for pair, ratio in ratios(runs, measure, *pairs).items():
            compared.setdefault(pair, {}).update(ratio)
    return Measured(runs, compared)


class Worker:
    """A process that measures parts; see `step_worker`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self.parts = self._out.readline().split()
        if not self.parts:
            raise ValueError(
                "A checkout could not load the model or use the backend; its own error is above."
            )

    def measure(self, part: str) -> float:
        """Return the CPU seconds of a part, which all checkouts have."""
        print(part, file=self._in, flush=True)
        return float(self._out.readline())


@contextmanager
def _worker(checkout: Path | None, asked: list[str]) -> Iterator[Worker]:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    if checkout is not None:
        env["PYTHONPATH"] = os.pathsep.join(str(checkout.absolute() / part) for part in PACKAGES)
    # Without -P the folder of the script would hide modules of the same names.
    command = [sys.executable, "-P", step_worker.__file__, *asked]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as process:
        yield Worker(process)


def _in_turns(workers: Mapping[str, Worker], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure each part with each worker, one right after the other, each first in turn."""
    took_s = {name: {part: list[float]() for part in w.parts} for name, w in workers.items()}
    for turn in range(rounds):
        order = list(workers)[:: 1 if turn % 2 else -1]
        for part in next(iter(workers.values())).parts:
            for name in order:
                took_s[name][part].append(workers[name].measure(part))
    return took_s


def _run(took_s: Mapping[str, list[float]]) -> Run:
    run: Run = {f"{part}_ms": spread(each, 1e3) for part, each in took_s.items()}
    product = np.median(took_s["product"])
    if "segmenter" in took_s:
        run["segmenter_products"] = round(float(np.median(took_s["segmenter"]) / product), 2)
    return run
