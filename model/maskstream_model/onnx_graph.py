"""The segmenter as a graph of ONNX, compared with eager before the file is kept (docs/onnx.md)."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch.export import ExportedProgram

from maskstream_model.aliases import Size
from maskstream_model.atomic_writes import atomic_write
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.gate import BOUNDS, agreement, reference, refusal
from maskstream_model.backends.interface import Engine, Source
from maskstream_model.backends.table import EXACT
from maskstream_model.errors import CompileError, ConfigError
from maskstream_model.mask2former.graph import segmenter_graph
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.port import Model
from maskstream_model.query_tracking import QueryTrackingModel
from maskstream_model.tasks.preprocess import MEAN, STD, resized_size

OPSET: Final = 18
INPUT: Final = "images"
PACKAGES: Final = ("onnx", "onnxscript", "onnxruntime")
EXPORTERS: Final = ("onnxscript", "torch.onnx")
"""Loggers of what exports."""


def write_segmenter(model: Model[Any], frame_size: Size, out: Path, max_batch: int = 1) -> Size:
    """Write the segmenter of a model as an ONNX file, and make sure that it computes the same.

    Args:
        model: of live frames, on the CPU.
        frame_size: (height, width) of the frames that will come.
        out: replaced when it exists.
        max_batch: 1 gives a graph for one picture, more one for 1 to `max_batch`.

    Returns:
        (height, width) of the pictures that the graph takes.

    Raises:
        ConfigError: the model has no segmenter apart from its tracker.
        CompileError: packages are missing, the graph cannot be made, or onnxruntime computes
            something else with it; `out` is as it was.
        OSError: it cannot be written.
    """
    if not isinstance(model, QueryTrackingModel) or not isinstance(model.segmenter, Segmenter):
        raise ConfigError(f"{model.info.name} has no segmenter apart from its tracker to export")
    new_session = _onnxruntime()
    size, graph = model.batch_key(*frame_size), segmenter_graph(model)
    with atomic_write(out) as draft:
        draft.touch()  # before the export, which takes a minute
        expected = reference(graph, frame_size, max_batch)
        source = Source(graph.fixed(size), graph.names, expected.largest, EXACT)
        _write(source.program(), draft, graph.names, _facts(model, frame_size))
        engine = _engine(new_session(draft), graph.names)
        wrong = refusal(agreement(graph, engine, expected, Execution()), BOUNDS[EXACT])
        if wrong is not None:
            raise CompileError(f"the graph differs from the segmenter: {wrong}")
    return size


def _onnxruntime() -> Callable[[Path], Any]:
    """Return what opens a graph, once all that an export needs is seen to be here."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise CompileError(
            f"an export to ONNX needs {' and '.join(missing)}, not installed here: pip install "
            '"maskstream[onnx]"'
        )
    import onnxruntime

    return lambda path: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def _write(
    program: ExportedProgram, path: Path, names: Sequence[str], facts: Mapping[str, str]
) -> None:
    with _quiet():
        graph = torch.onnx.export(
            program, input_names=[INPUT], output_names=names, opset_version=OPSET, verbose=False
        )
    assert graph is not None  # for a program it always is one
    graph.model.metadata_props.update(facts)
    graph.save(path)


def _engine(session: Any, names: Sequence[str]) -> Engine:
    """Return what runs a graph that is open."""
    return lambda images: [
        torch.from_numpy(each) for each in session.run(list(names), {INPUT: images.numpy()})
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports what it does not fold, and torch what it lacks or deprecates itself."""
    logs = [logging.getLogger(name) for name in EXPORTERS]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _facts(model: QueryTrackingModel[Any], frame_size: Size) -> dict[str, str]:
    """Return what the file says of itself: all that its pictures and outputs are read with."""
    online, info = model.config.online, model.info
    resized = resized_size(*frame_size, online.min_size, online.max_size)
    facts = {
        "preset": info.name,
        "fingerprint": info.fingerprint,
        "classes": [each.name for each in info.classes or ()],
        "frame_size": frame_size,
        "resized_size": resized,
        "mean": MEAN,
        "std": STD,
    }
    return {
        name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()
    }
