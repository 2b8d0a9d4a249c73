"""Lets a model run on a backend: choose it, build or load engines, compare them with eager."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from maskstream_model.aliases import Size
from maskstream_model.backends import table
from maskstream_model.backends.engine_cache import engine, engines_folder
from maskstream_model.backends.execution import Execution, Wish
from maskstream_model.backends.gate import BOUNDS, agreement, reference, refusal, worst
from maskstream_model.backends.graph import CompiledNetwork, Graph
from maskstream_model.backends.interface import Backend, Engine, Precision, Source
from maskstream_model.errors import CompileError, first_line

Report = Callable[[str], None]
"""Called with what is being done, for people: "building engine 2 of 4"."""


def accelerate(
    graph: Graph | None, wish: Wish, report: Report = lambda text: None, folder: Path | None = None
) -> Execution:
    """Let a model run on what is wanted, before its first session; its memory stays the same.

    Args:
        graph: what of it is compiled; None: nothing can be, and only eager will do.
        wish: what is wanted; `auto` ends with eager where nothing else will do.
        report: what is being done.
        folder: of engines; None: `engines_folder()`.

    Raises:
        CompileError: the backend that is named cannot run here, or differs from eager. The model
            then runs eagerly, as before.
    """
    if wish.backend == table.EAGER or (graph is None and wish.backend == table.AUTO):
        return _eager(wish)
    if graph is None:
        raise CompileError(f"{wish.backend}: the model has nothing to compile")
    reasons = list[str]()
    for name in table.candidates(wish.backend, graph.model.device):
        if name == table.EAGER:
            return replace(_eager(wish), reason="; ".join(reasons) or None)
        try:
            network, execution = built(graph, name, wish, report, folder)
        except CompileError as error:
            reasons.append(str(error))
            continue
        execution = replace(execution, reason="; ".join(reasons) or None)
        graph.model.use(network, execution)
        return execution
    raise CompileError("; ".join(reasons))


def _eager(wish: Wish) -> Execution:
    if wish.chosen_precision != table.EXACT:
        raise CompileError(f"eager computes in {table.EXACT}, not in {wish.chosen_precision}")
    return Execution()


def built(
    graph: Graph,
    name: str,
    wish: Wish,
    report: Report = lambda text: None,
    folder: Path | None = None,
) -> tuple[CompiledNetwork, Execution]:
    """Return a network with engines that agree with eager, and what it runs on.

    Raises:
        CompileError: the backend cannot run here, its compiler failed, or it differs from eager.
    """
    backend, precision = _usable(graph, name, wish)
    execution = Execution(name, precision)
    engines: dict[Size, Engine] = {}
    found, notes = list[Mapping[str, float | bool]](), list[str]()
    # Several sizes of frames may be the same in the network.
    sizes = {graph.model.batch_key(*size): size for size in wish.frame_sizes}
    for number, (size, frame_size) in enumerate(sizes.items(), 1):
        report(f"building engine {number} of {len(sizes)}")
        try:
            expected = reference(graph, frame_size, wish.max_batch)
            source = Source(graph.fixed(size), graph.names, expected.largest, precision)
            engines[size], note = engine(
                name, backend, graph.model.fingerprint, source, folder or engines_folder()
            )
            report(f"checking engine {number} of {len(sizes)}")
            found.append(agreement(graph, engines[size], expected, execution))
        except CompileError as error:
            raise CompileError(f"{name} is not used: {error}") from error
        except Exception as error:
            raise CompileError(f"{name} is not used: it failed: {first_line(error)}") from error
        notes += [note] if note else []
        wrong = refusal(found[-1], BOUNDS[precision])
        if wrong is not None:
            height, width = frame_size
            raise CompileError(
                f"{name} is not used: for frames of {width}x{height} in {precision} it differs "
                f"from eager: {wrong}"
            )
    execution = replace(execution, agreement=worst(found), notes=tuple(notes))
    return CompiledNetwork(graph, engines, wish.max_batch), execution


def _usable(graph: Graph, name: str, wish: Wish) -> tuple[Backend, Precision]:
    backend, precision = table.BUILDERS[name](), cast(Precision, wish.chosen_precision)
    if precision not in backend.PRECISIONS:
        known = " or ".join(backend.PRECISIONS)
        raise CompileError(f"{name} computes in {known}, not in {precision}")
    if not wish.frame_sizes:
        raise CompileError(f"{name} needs the sizes of frames that its engines are for")
    obstacle = backend.obstacle(torch.device(graph.model.device))
    if obstacle is not None:
        raise CompileError(f"{name} is not used: {obstacle}")
    return backend, precision
